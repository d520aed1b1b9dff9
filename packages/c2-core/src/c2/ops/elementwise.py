"""What operators that work element by element share: kernels and shape inference."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from c2.ops.rules import same_dtype, same_shape
from c2.registry import TensorSpec

# -- kernels


def ufunc(name: str) -> type:
    """A kernel that is one function of the array namespace, called with nothing in between.

    On a few numbers a Python function around a NumPy call costs as much as the call. A kernel that is a class is
    made once, and what its `__new__` gives is what runs.
    """

    class Ufunc:
        def __new__(cls, xp: Any, *specs: TensorSpec, **args: Any) -> Any:
            return getattr(xp, name)

        def __call__(self, *arrays: Any, out: Any = None) -> Any:
            raise AssertionError("only its signature is read: __new__ gives the function itself")

    Ufunc.__name__ = Ufunc.__qualname__ = name
    return Ufunc


def target(xp: Any, X: Any, out: Any) -> Any:
    """Where to compute step by step: `out`, or a new array like X (an array also where X has no axes)."""
    return xp.empty_like(X) if out is None else out


def clamp(xp: Any, X: Any, low: float, high: float, out: Any = None) -> Any:
    """X limited to [low, high]; NaN stays NaN. NumPy's clip is vectorised, its maximum with a number is not."""
    number, out = X.dtype.type, target(xp, X, out)
    xp.clip(X, number(low), number(high), out=out)
    return out  # clip gives a number, not an array, where X is one


def room(xp: Any, out: Any, V: Any, dY: Any) -> Any:
    """Where to compute while both inputs are still needed: `out` unless it is one of them, or a new array."""
    return xp.empty_like(V) if out is None or out is V or out is dY else out


def chain(slope: Callable[..., Any], order: str) -> Callable[..., Any]:
    """The kernel of a gradient: dX = slope(V) * dY, where V is what the gradient operator reads.

    `slope(xp, V, out, **args)` gives the derivative, written to `out`; `order` is that of the inputs, "X dY".
    """

    def apply(xp: Any, V: Any, dY: Any, out: Any, args: dict[str, Any]) -> Any:
        work = room(xp, out, V, dY)
        slope(xp, V, work, **args)
        return xp.multiply(work, dY, out=work if out is None else out)

    def value_first(xp: Any, V: Any, dY: Any, *, out: Any = None, **args: Any) -> Any:
        return apply(xp, V, dY, out, args)

    def gradient_first(xp: Any, dY: Any, V: Any, *, out: Any = None, **args: Any) -> Any:
        return apply(xp, V, dY, out, args)

    return gradient_first if order.startswith("dY") else value_first


# -- shape inference


def alike(*names: str, dtype: str | None = None) -> Callable[..., TensorSpec]:
    """Inference for inputs of one shape and dtype; the output is like them, or of another dtype."""

    def infer(*specs: TensorSpec, **args: Any) -> TensorSpec:
        named = dict(zip(numbered(names, len(specs)), specs))
        same_shape(**named)
        same_dtype(**named)
        return specs[0] if dtype is None else TensorSpec(specs[0].shape, np.dtype(dtype))

    return infer


def numbered(names: Sequence[str], count: int) -> list[str]:
    """Names of `count` inputs, the last one standing for all that follow: X[0], X[1], ..."""
    if count == len(names):
        return list(names)
    return [*names[:-1], *(f"{names[-1]}[{k}]" for k in range(count - len(names) + 1))]
