"""Memory of blobs: where it begins, and whose it is."""

import numpy as np
import pytest

import c2
from c2.registry.memory import LINE, SMALL, copied_array, empty_array, has_own_memory


def starts_on_a_line(array):
    return array.ctypes.data % LINE == 0


@pytest.mark.parametrize("dtype", [np.float32, np.float16, np.uint8, np.int64, bool])
def test_large_arrays_begin_on_a_cache_line(dtype):
    for n in range(SMALL, SMALL + 9):
        array = empty_array((n, 3), dtype)
        assert starts_on_a_line(array)
        assert (array.shape, array.dtype, array.flags.c_contiguous) == ((n, 3), dtype, True)
        array[...] = 1
        assert array.sum() == 3 * n


def test_small_arrays_and_strings_are_plain():
    assert empty_array((3,), np.float32).base is None
    assert empty_array((), np.float32).shape == ()
    assert empty_array((SMALL,), object).base is None
    assert empty_array((0, SMALL), np.float32).size == 0


def test_a_copy_is_equal_and_in_c_order():
    X = np.asfortranarray(np.arange(6000.0).reshape(60, 100))
    copy = copied_array(X)
    np.testing.assert_array_equal(copy, X)
    assert copy.flags.c_contiguous
    assert starts_on_a_line(copy)


def test_views_do_not_own_memory():
    array = empty_array((SMALL,), np.float32)
    assert has_own_memory(array)
    assert has_own_memory(np.empty(3))
    for view in (array[1:], array.reshape(2, -1), array.view(np.int32), np.empty(3)[:]):
        assert not has_own_memory(view)


def test_blobs_begin_on_a_cache_line():
    workspace = c2.Workspace()
    workspace.feed("X", np.ones((100, 100), np.float32)[1:])
    assert starts_on_a_line(workspace.blob("X").value)
    net = c2.Net("one")
    net.Relu(["X"], ["Y"])
    workspace.run_once(net.proto)
    assert starts_on_a_line(workspace.blob("Y").value)
