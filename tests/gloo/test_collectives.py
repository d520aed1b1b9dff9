"""Collectives over TCP and through shared memory against sums, products and copies made by NumPy."""

import os

import numpy as np
import pytest

from c2.communicate import PrefixStore, connect

DTYPES = ("float32", "float64", "int32", "int64", "uint8", "int8", "float16")
SIZES = (0, 1, 7, 50_000)  # the last one goes round the ring


def drawn(rank, count, dtype="float32"):
    return np.random.default_rng(rank).integers(0, 5, count).astype(dtype)


def all_collectives(rank, size, store, transport):
    os.environ["C2_GLOO_SHARED"] = str(int(transport == "shared memory"))
    found = {}
    joined = connect(rank, size, store, timeout=30)
    assert size == 1 or joined.transport == transport
    for dtype in DTYPES:
        for count in SIZES:
            x = drawn(rank, count, dtype)
            joined.allreduce(x)
            found["allreduce", dtype, count] = x
    for operation in ("product", "min", "max"):
        x = drawn(rank, 100)
        joined.allreduce([x], operation)
        found[operation] = x
    x, gathered = drawn(rank, 6).reshape(2, 3), np.empty((size, 2, 3), np.float32)
    joined.allgather(x, gathered)
    found["allgather"] = gathered
    for root in range(size):
        x, y = drawn(rank, 10), drawn(rank, 10)
        joined.broadcast(x, root)
        joined.reduce(y, root)
        found["broadcast", root], found["reduce", root] = x, y
    counts = list(range(2, 2 + size))
    x, part = drawn(rank, sum(counts)), np.empty(counts[rank], np.float32)
    joined.reduce_scatter(x, counts, part)
    found["reduce_scatter"] = part
    joined.barrier()
    joined.close()
    return found


@pytest.mark.parametrize("transport", ["shared memory", "TCP"])
@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_all(ranks, size, transport):
    results = ranks(all_collectives, size, transport)
    counts = list(range(2, 2 + size))
    for rank, found in enumerate(results):
        assert isinstance(found, dict), found
        for dtype in DTYPES:
            for count in SIZES:
                expected = sum(drawn(r, count, dtype) for r in range(size))
                np.testing.assert_array_equal(found["allreduce", dtype, count], expected)
        every = np.array([drawn(r, 100) for r in range(size)])
        np.testing.assert_array_equal(found["product"], every.prod(0))
        np.testing.assert_array_equal(found["min"], every.min(0))
        np.testing.assert_array_equal(found["max"], every.max(0))
        gathered = [drawn(r, 6).reshape(2, 3) for r in range(size)]
        np.testing.assert_array_equal(found["allgather"], gathered)
        for root in range(size):
            np.testing.assert_array_equal(found["broadcast", root], drawn(root, 10))
            total = sum(drawn(r, 10) for r in range(size)) if rank == root else drawn(rank, 10)
            np.testing.assert_array_equal(found["reduce", root], total)
        whole = sum(drawn(r, sum(counts)) for r in range(size))
        start = sum(counts[:rank])
        np.testing.assert_array_equal(found["reduce_scatter"], whole[start : start + counts[rank]])


def messages(rank, size, store):
    joined = connect(rank, size, store, timeout=30)
    if rank:
        joined.send(np.full(3, rank), 0, tag=rank)
        return None
    found = []
    for tag in reversed(range(1, size)):
        out = np.empty(3, int)
        found.append((joined.receive(out, None if tag % 2 else tag, tag), out.tolist()))
    return found


def test_messages(ranks):
    found = ranks(messages, 4)[0]
    assert found == [(3, [3, 3, 3]), (2, [2, 2, 2]), (1, [1, 1, 1])]


def clones(rank, size, store):
    joined = connect(rank, size, store, timeout=30)
    other = joined.clone().clone()
    x, y = np.ones(4), np.full(4, 2.0)
    first, second = (joined, other) if rank else (other, joined)  # in another order: they are two
    first_x, second_x = (x, y) if rank else (y, x)
    import threading

    beside = threading.Thread(target=first.allreduce, args=(first_x,))
    beside.start()
    second.allreduce(second_x)
    beside.join()
    return x.tolist(), y.tolist()


def test_clones_run_beside_each_other(ranks):
    assert ranks(clones, 2) == [([2.0] * 4, [4.0] * 4)] * 2


def barrier_and_leave(rank, size, store):
    for turn in range(20):
        joined = connect(rank, size, PrefixStore(store, f"turn {turn}"), timeout=30)
        joined.barrier()
        joined.close()


def test_ranks_that_leave_after_the_last_collective_disturb_nobody(ranks, monkeypatch):
    monkeypatch.setenv("C2_GLOO_SHARED", "0")
    assert ranks(barrier_and_leave, 4) == [None] * 4
