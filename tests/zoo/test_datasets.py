"""The data set that is shipped: shapes, split, labels, notice."""

from importlib.resources import files

import numpy as np
import pytest

from c2.errors import C2Error
from c2_zoo.datasets import mnist10k


def test_all_digits():
    x, y = mnist10k()
    assert (x.shape, x.dtype, y.shape, y.dtype) == (
        (10_000, 1, 28, 28),
        np.uint8,
        (10_000,),
        np.uint8,
    )
    assert np.bincount(y).tolist() == [1001, 1127, 991, 1032, 980, 863, 1014, 1070, 944, 978]
    assert (x.min(), x.max()) == (0, 255)


def test_parts_are_disjoint_and_hold_every_digit():
    (x, y), (train_x, train_y), (test_x, test_y) = map(mnist10k, ("all", "train", "test"))
    assert (len(train_y), len(test_y)) == (9000, 1000)
    np.testing.assert_array_equal(test_x, x[9::10])
    np.testing.assert_array_equal(np.sort(np.concatenate([train_y, test_y])), np.sort(y))
    assert len(train_x) == 9000
    assert np.bincount(test_y).min() >= 86


def test_no_image_is_in_both_parts():
    train = {image.tobytes() for image in mnist10k("train")[0]}
    assert not [image for image in mnist10k("test")[0] if image.tobytes() in train]


def test_unknown_part():
    with pytest.raises(C2Error, match="part must be one of all, train, test, got 'valid'"):
        mnist10k("valid")


def test_the_notice_is_shipped():
    notice = files("c2_zoo.datasets").joinpath("mnist10k.NOTICE").read_text()
    assert "The MIT License" in notice
    assert "Juan Cazala" in notice
