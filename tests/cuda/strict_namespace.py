"""A stand-in for CuPy where there is no GPU: NumPy computes, and only what CuPy offers can be asked for.

Names, parameters and array methods are read from the CuPy that is installed. What CuPy does differently by design is
here too: reductions give arrays, never numbers; no array turns into NumPy's by itself; NumPy's arrays are refused
wherever CuPy would refuse them or copy them over at every call; functions of functions (`reduce`, `at`) exist for
the few that have atomics. What it cannot show: speed, rounding, and that indices out of range wrap around.
"""

from __future__ import annotations

import inspect
import re
from types import ModuleType
from typing import Any

import numpy as np

from c2.errors import DeviceError
from c2.registry import Device

ATTRIBUTES = ("T", "dtype", "flags", "itemsize", "nbytes", "ndim", "shape", "size", "strides")
_OPERATORS = (
    "add sub mul truediv floordiv mod divmod pow and or xor lshift rshift matmul lt le eq ne gt ge"
)
OPERATORS = _OPERATORS.split()
# Scatters by atomics: function -> dtypes that have them.
_ATOMIC = {"int32", "uint32", "uint64", "float32", "float64"}
ATOMICS = {"add": _ATOMIC | {"float16"}, "maximum": _ATOMIC, "minimum": _ATOMIC}
REDUCES, REDUCES_AT = ("add", "multiply"), ("add",)
TAKE_HOST = ("asarray", "array")  # functions that copy NumPy's arrays and lists of numbers over
HOST = "NumPy's array is on the host: copy it over once with xp.asarray"


class Strict:
    """An array of the stand-in. `StrictDevice` makes it and takes it apart; kernels see what CuPy's arrays have."""

    __array_ufunc__ = None  # NumPy's functions refuse it, and its arrays leave operators to it
    __hash__ = None  # type: ignore[assignment]
    __slots__ = ("_held",)

    def __init__(self, held: np.ndarray[Any, Any]) -> None:
        self._held = held

    def __array__(self, *args: Any, **keywords: Any) -> Any:
        raise TypeError("implicit conversion to a NumPy array is not allowed")

    def __array_function__(self, function: Any, *rest: Any) -> Any:
        raise TypeError(f"np.{function.__name__} of a device's array: write xp.{function.__name__}")

    def __getattr__(self, name: str) -> Any:
        if name not in METHODS:
            raise AttributeError(f"CuPy's arrays have no attribute '{name}'")
        return lambda *args, **keywords: _called(
            METHODS[name], getattr(np.ndarray, name), (self, *args), keywords, name
        )

    def __getitem__(self, key: Any) -> Any:
        return _wrapped(self._held[_index(key)], {})

    def __setitem__(self, key: Any, value: Any) -> None:
        if isinstance(value, (list, tuple)):
            raise TypeError("a list cannot be assigned to a device's array")
        self._held[_index(key)] = _bare(value)

    def __iter__(self) -> Any:
        return (_wrapped(x, {}) for x in self._held)

    def __len__(self) -> int:
        return len(self._held)

    def __bool__(self) -> bool:
        return bool(self._held)

    def __int__(self) -> int:
        return int(self._held)

    def __float__(self) -> float:
        return float(self._held)

    def __neg__(self) -> Any:
        return _wrapped(-self._held, {})

    def __abs__(self) -> Any:
        return _wrapped(abs(self._held), {})

    def __invert__(self) -> Any:
        return _wrapped(~self._held, {})

    def __contains__(self, value: Any) -> bool:
        raise TypeError("`in` would look at the elements one by one, with a copy for each")

    def __repr__(self) -> str:
        return f"Strict({self._held!r})"


def _attribute(name: str) -> property:
    return property(lambda self: _wrapped(getattr(self._held, name), {}))


def _operator(name: str) -> Any:
    def apply(self: Strict, other: Any) -> Any:
        result = getattr(self._held, name)(_bare(other))
        return result if result is NotImplemented else _wrapped(result, {})

    return apply


def _in_place(name: str) -> Any:
    def apply(self: Strict, other: Any) -> Any:
        getattr(self._held, name)(_bare(other))
        return self

    return apply


for _name in ATTRIBUTES:
    setattr(Strict, _name, _attribute(_name))
for _name in OPERATORS:
    setattr(Strict, f"__{_name}__", _operator(f"__{_name}__"))
    if hasattr(np.ndarray, f"__r{_name}__"):
        setattr(Strict, f"__r{_name}__", _operator(f"__r{_name}__"))
    if hasattr(np.ndarray, f"__i{_name}__") and _name != "matmul":
        setattr(Strict, f"__i{_name}__", _in_place(f"__i{_name}__"))


# -- between the two kinds of arrays


def _bare(value: Any, host: bool = False) -> Any:
    """NumPy's form of an argument; `host` where arrays of NumPy are taken too."""
    if isinstance(value, Strict):
        return value._held
    if isinstance(value, np.ndarray) and not host:
        raise TypeError(HOST)
    if isinstance(value, (list, tuple)):
        return type(value)(_bare(v, host) for v in value)
    if isinstance(value, np.ndarray):
        _check_dtype(value.dtype)
    return value


def _wrapped(result: Any, given: dict[int, Strict]) -> Any:
    """CuPy's form of a result; `given` has arrays of the call by the identity of what they hold."""
    if isinstance(result, (np.ndarray, np.generic)):
        if id(result) in given:
            return given[id(result)]
        _check_dtype(result.dtype)
        return Strict(np.asarray(result))
    if isinstance(result, (list, tuple)) and not hasattr(result, "_fields"):
        return type(result)(_wrapped(r, given) for r in result)
    if hasattr(result, "_fields"):
        return type(result)(*(_wrapped(r, given) for r in result))
    return result


def _check_dtype(dtype: Any) -> None:
    if dtype.kind not in "biuf":
        raise TypeError(f"CuPy has no arrays of dtype {dtype}")


def _index(key: Any) -> Any:
    if isinstance(key, tuple):
        return tuple(_index(k) for k in key)
    return key if isinstance(key, list) else _bare(key)


def _called(
    signature: inspect.Signature, function: Any, args: Any, keywords: Any, name: str
) -> Any:
    """The call, where CuPy's parameters admit it."""
    signature.bind(*args, **keywords)
    flat = [*args, *keywords.values()]
    for value in list(flat):
        flat.extend(value if isinstance(value, (list, tuple)) else ())
    given = {id(v._held): v for v in flat if isinstance(v, Strict)}
    host = name in TAKE_HOST
    bare = [_bare(a, host) for a in args]
    named = {k: _bare(v, host) for k, v in keywords.items()}
    if name in ARRAY_FIRST and not isinstance(args[0], Strict):
        raise TypeError(f"cupy.{name} takes an array, got {type(args[0]).__name__}")
    return _wrapped(function(*bare, **named), given)


# -- the namespace


def _cupy() -> ModuleType:
    import cupy

    return cupy


def _written(method: Any) -> inspect.Signature:
    """The parameters of a compiled method, from the first line of its documentation."""
    text = re.match(r"[\w.]*\((.*)\)", method.__doc__.partition("\n")[0]).group(1)
    text = re.sub(r"\b(_ndarray_base|Py_ssize_t|int) (?=\w)", "", text)
    scope: dict[str, Any] = {}
    exec(f"def f({text}): pass", scope)
    return inspect.signature(scope["f"])


def _methods() -> dict[str, inspect.Signature]:
    array = _cupy().ndarray
    shared = set(dir(array)) & set(dir(np.ndarray))
    found = {}
    for name in sorted(n for n in shared if not n.startswith("_")):
        if inspect.isroutine(getattr(array, name)) and name not in ("data", "tobytes", "dump"):
            found[name] = _written(getattr(array, name))
    return found


class _Ufunc:
    """A function of elements: `out`, `dtype` and `casting`, no `where`; scatters where there are atomics."""

    def __init__(self, name: str, outputs: int) -> None:
        self.name = name
        self._function = getattr(np, name)
        self.nin, self.nout = self._function.nin, outputs

    def __call__(self, *args: Any, out: Any = None, dtype: Any = None, casting: Any = "same_kind"):
        positional = args[self.nin :]
        given = [*args, *(out if isinstance(out, tuple) else (out,))]
        held = {id(v._held): v for v in given if isinstance(v, Strict)}
        keywords = {} if dtype is None else {"dtype": dtype}
        if out is not None:
            keywords["out"] = _bare(out)
        if any(isinstance(a, (list, tuple)) for a in args):
            raise TypeError(f"cupy.{self.name} takes arrays and numbers, not lists")
        if positional and not isinstance(positional[0], Strict):
            raise TypeError("outputs must be arrays")
        return _wrapped(self._function(*map(_bare, args), casting=casting, **keywords), held)

    def at(self, a: Any, indices: Any, b: Any = None) -> None:
        if self.name not in ATOMICS:
            raise NotImplementedError(f"`{self.name}.at` is not supported")
        if a.dtype.name not in ATOMICS[self.name]:
            raise TypeError(f"no atomic {self.name} of {a.dtype}")
        self._function.at(_bare(a), _index(indices), _bare(b))

    def reduce(self, array: Any, axis: Any = 0, dtype: Any = None, out: Any = None, keepdims=False):
        return self._method("reduce", REDUCES, array, axis, dtype, out, keepdims)

    def accumulate(self, array: Any, axis: Any = 0, dtype: Any = None, out: Any = None):
        return self._method("accumulate", REDUCES, array, axis, dtype, out)

    def reduceat(self, array: Any, indices: Any, axis: Any = 0, dtype: Any = None, out: Any = None):
        return self._method("reduceat", REDUCES_AT, array, indices, axis, dtype, out)

    def _method(self, method: str, have: tuple[str, ...], *args: Any) -> Any:
        if self.name not in have:
            raise NotImplementedError(f"`{self.name}.{method}` is not supported")
        given = {id(v._held): v for v in args if isinstance(v, Strict)}
        return _wrapped(getattr(self._function, method)(*map(_bare, args)), given)


class _Module:
    """A module of CuPy, with NumPy's functions under it."""

    def __init__(self, theirs: Any, ours: Any, prefix: str = "") -> None:
        self._theirs, self._ours, self._prefix = theirs, ours, prefix
        self._made: dict[str, Any] = {}

    def __getattr__(self, name: str) -> Any:
        if name not in self._made:
            self._made[name] = self._make(name)
        return self._made[name]

    def _make(self, name: str) -> Any:
        if name.startswith("_") or not hasattr(self._theirs, name):
            raise AttributeError(f"CuPy has no {self._prefix}{name}")
        theirs, ours = getattr(self._theirs, name), getattr(self._ours, name)
        if isinstance(ours, ModuleType):
            return _Module(theirs, ours, f"{self._prefix}{name}.")
        if isinstance(theirs, _cupy().ufunc):
            return _Ufunc(name, ours.nout)
        if isinstance(theirs, type) or not callable(theirs):
            return Strict if name == "ndarray" else theirs
        signature = inspect.signature(theirs)
        if name == "einsum":  # the keywords that its body takes
            signature = inspect.signature(lambda *operands, dtype=None, optimize=False: None)
        return lambda *args, **keywords: _called(signature, ours, args, keywords, name)


# Functions whose first argument must be an array of the device.
_ARRAY_FIRST = (
    "argmax argmin argsort bincount broadcast_to clip cumprod cumsum diff expand_dims "
    "flatnonzero max mean min moveaxis nonzero partition prod ravel repeat reshape searchsorted "
    "sort split squeeze std sum swapaxes take take_along_axis transpose unique var where "
    "zeros_like empty_like ones_like full_like lexsort isin"
)
ARRAY_FIRST = frozenset(_ARRAY_FIRST.split())


class StrictDevice(Device):
    """Computes with the stand-in. Registered as HIP, a kind of DeviceOption that no package brings."""

    name = "HIP"

    def __init__(self) -> None:
        self._namespace = _Module(_cupy(), np)

    def probe(self) -> str | None:
        return None

    def namespace(self) -> Any:
        return self._namespace

    def empty(self, shape: tuple[int, ...], dtype: Any) -> Any:
        return self.from_numpy(np.empty(shape, dtype))

    def owns(self, value: Any) -> bool:
        return isinstance(value, Strict)

    def from_numpy(self, array: np.ndarray[Any, Any]) -> Any:
        if np.asarray(array).dtype == object:
            raise DeviceError("strings stay on the CPU: HIP has tensors of numbers and bools only")
        return Strict(np.array(array, order="C"))

    def to_numpy(self, value: Any) -> np.ndarray[Any, Any]:
        return np.array(value._held, order="C")

    def copy_into(self, target: Any, value: Any) -> None:
        np.copyto(target._held, value._held if self.owns(value) else value)

    def random(self, seed: int | None) -> Any:
        return _Random(np.random.default_rng(seed))


class _Random:
    """NumPy's generator with the methods of CuPy's."""

    def __init__(self, generator: np.random.Generator) -> None:
        self._generator = generator

    def __getattr__(self, name: str) -> Any:
        theirs = getattr(_cupy().random.Generator, name)
        function, signature = getattr(self._generator, name), inspect.signature(theirs)

        def call(*args: Any, **keywords: Any) -> Any:
            signature.bind(None, *args, **keywords)
            given = {id(v._held): v for v in keywords.values() if isinstance(v, Strict)}
            bare = {k: _bare(v) for k, v in keywords.items() if v is not None}
            return _wrapped(function(*map(_bare, args), **bare), given)

        return call


METHODS = _methods()
