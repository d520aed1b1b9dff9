"""Batches: order, sizes, determinism."""

import numpy as np
import pytest

from c2.data import batches
from c2.errors import SchemaError

ARRAYS = {"x": np.arange(20).reshape(10, 2), "y": np.arange(10)}


def rows(epoch):
    return np.concatenate([b["y"] for b in epoch])


def test_in_order_without_a_seed():
    feed = batches(ARRAYS, 4)
    found = list(feed)
    assert [b["y"].tolist() for b in found] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert found[2]["x"].tolist() == [[16, 17], [18, 19]]
    assert len(feed) == 3


def test_drop_last():
    feed = batches(ARRAYS, 4, drop_last=True)
    assert len(feed) == len(list(feed)) == 2
    assert len(batches(ARRAYS, 5, drop_last=True)) == 2
    assert len(batches(ARRAYS, 11, drop_last=True)) == 0


def test_every_epoch_is_another_permutation_and_every_run_the_same():
    feed, again = batches(ARRAYS, 3, seed=7), batches(ARRAYS, 3, seed=7)
    first, second = rows(feed), rows(feed)
    assert sorted(first) == sorted(second) == list(range(10))
    assert first.tolist() != second.tolist() != list(range(10))
    assert rows(again).tolist() == first.tolist()
    assert rows(again.epoch(0)).tolist() == first.tolist()  # asked for out of turn
    assert rows(batches(ARRAYS, 3, seed=8)).tolist() != first.tolist()


def test_rows_of_the_arrays_stay_together():
    for batch in batches(ARRAYS, 3, seed=1):
        np.testing.assert_array_equal(batch["x"][:, 0], 2 * batch["y"])


def test_prepare_sees_each_batch():
    feed = batches(ARRAYS, 5, prepare=lambda b: {"half": b["y"] / 2})
    assert [list(b) for b in feed] == [["half"], ["half"]]


@pytest.mark.parametrize(
    ("arrays", "size", "message"),
    [
        ({}, 2, "at least one array; got none"),
        ({"x": np.zeros(3), "y": np.zeros((2, 1))}, 2, r"got 'x' \(3,\), 'y' \(2, 1\)"),
        ({"x": np.zeros(())}, 2, r"got 'x' \(\)"),
        ({"x": np.zeros(3)}, 0, "batch_size must be 1 or more, got 0"),
    ],
)
def test_what_cannot_be_batched(arrays, size, message):
    with pytest.raises(SchemaError, match=message):
        batches(arrays, size)


def test_going_on_where_it_was():
    feed, again = batches(ARRAYS, 4, seed=7), batches(ARRAYS, 4, seed=7)
    first, second = rows(feed).tolist(), []
    assert feed.position == {"epoch": 1, "batch": 0}
    for batch in feed:
        second.extend(batch["y"].tolist())
        if len(second) == 4:
            break
    assert feed.position == {"epoch": 1, "batch": 1}
    again.seek(feed.position)
    assert again.position == feed.position
    whole = rows(batches(ARRAYS, 4, seed=7).epoch(1)).tolist()
    assert second + rows(again).tolist() == whole != first
    assert rows(again).tolist() == rows(feed.epoch(2)).tolist()


@pytest.mark.parametrize("position", [{}, {"epoch": 0, "batch": 3}, {"epoch": -1, "batch": 0}])
def test_no_such_position(position):
    with pytest.raises(SchemaError, match="an epoch has batches 0 to 2. Was it of other data"):
        batches(ARRAYS, 4).seek(position)
