"""The stand-in for CuPy refuses what CuPy refuses, and computes what NumPy computes."""

import numpy as np
import pytest

pytest.importorskip("cupy", reason="the names and parameters are read from CuPy")

from strict_namespace import Strict, StrictDevice

from c2.errors import DeviceError

DEVICE = StrictDevice()
xp = DEVICE.namespace()
HOST = np.arange(6, dtype=np.float32).reshape(2, 3)
X = DEVICE.from_numpy(HOST)
INDEX = DEVICE.from_numpy(np.array([1, 0]))


REFUSED = {
    "conversion": lambda: np.asarray(X),
    "conversion by a dtype": lambda: np.float32(X),
    "numpy function": lambda: np.sum(X),
    "numpy ufunc": lambda: np.sqrt(X),
    "numpy on the right": lambda: X + HOST,
    "numpy on the left": lambda: HOST + X,
    "numpy as argument": lambda: xp.add(X, HOST),
    "numpy in a list": lambda: xp.concatenate([X, HOST]),
    "numpy as index": lambda: X[np.array([0, 1])],
    "numpy as value": lambda: X.__setitem__(0, HOST[0]),
    "list as value": lambda: X.__setitem__(0, [1, 2, 3]),
    "list as argument": lambda: xp.sum([1, 2]),
    "list of a ufunc": lambda: xp.sqrt([1.0, 4.0]),
    "where of a ufunc": lambda: xp.add(X, X, where=True),
    "initial of a reduction": lambda: xp.max(X, initial=0),
    "initial of a method": lambda: X.max(initial=0),
    "item with a place": lambda: X.item(0),
    "mode of take": lambda: xp.take(X, INDEX, mode="clip"),
    "einsum with out": lambda: xp.einsum("ij->i", X, out=X[:, 0]),
    "strings": lambda: xp.empty(3, object),
    "index of Python": lambda: [1, 2][DEVICE.from_numpy(np.array(1))],
    "membership": lambda: 1 in X,
    "atomic add of int64": lambda: xp.add.at(INDEX, INDEX, INDEX),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name):
    with pytest.raises(TypeError):
        REFUSED[name]()


@pytest.mark.parametrize("call", [lambda: xp.maximum.reduce(X), lambda: xp.multiply.at(X, INDEX)])
def test_functions_without_atomics(call):
    with pytest.raises(NotImplementedError):
        call()


@pytest.mark.parametrize("name", ["insert", "spacing", "nditer", "_core"])
def test_names_that_cupy_lacks(name):
    with pytest.raises(AttributeError, match=f"CuPy has no {name}"):
        getattr(xp, name)


@pytest.mark.parametrize("name", ["resize", "ctypes", "tofile_"])
def test_attributes_that_cupy_lacks(name):
    with pytest.raises(AttributeError, match=f"no attribute '{name}'"):
        getattr(X, name)


def test_strings_stay_on_the_host():
    with pytest.raises(DeviceError, match="strings stay on the CPU"):
        DEVICE.from_numpy(np.array([b"a"], object))


ALLOWED = {
    "reduction": (lambda: X.sum(), HOST.sum()),
    "row": (lambda: X[1], HOST[1]),
    "rows": (lambda: X[INDEX], HOST[[1, 0]]),
    "mask": (lambda: X[X > 2], HOST[HOST > 2]),
    "number on the left": (lambda: 2 - X, 2 - HOST),
    "numpy's number on the left": (lambda: np.float32(2) * X, 2 * HOST),
    "power": (lambda: X**2, HOST**2),
    "host array, said so": (lambda: xp.asarray(HOST) + X, 2 * HOST),
    "views": (lambda: xp.lib.stride_tricks.as_strided(X, (3, 2), (4, 4)), [[0, 1], [1, 2], [2, 3]]),
    "solve": (lambda: xp.linalg.norm(X), np.sqrt(55)),
}


@pytest.mark.parametrize("name", ALLOWED)
def test_computed(name):
    run, expected = ALLOWED[name]
    result = run()
    assert isinstance(result, Strict)
    np.testing.assert_allclose(DEVICE.to_numpy(result), expected, rtol=1e-6)


def test_out_is_returned_itself():
    out = DEVICE.from_numpy(np.zeros((2, 3), np.float32))
    assert xp.add(X, X, out=out) is out
    assert X.sum(axis=0, out=out[0]).shape == (3,)
    np.testing.assert_array_equal(DEVICE.to_numpy(out)[0], HOST.sum(0))


def test_in_place():
    Y = DEVICE.from_numpy(HOST)
    held = Y
    Y += 1
    Y[0] = 5.0
    assert Y is held
    np.testing.assert_array_equal(DEVICE.to_numpy(held), [[5, 5, 5], [4, 5, 6]])
