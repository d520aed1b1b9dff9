"""Folding many tensors into one, element by element: f(f(X[0], X[1]), X[2]) ..."""

from __future__ import annotations

from typing import Any

from c2.ops.elementwise import numbered
from c2.ops.results import stored
from c2.ops.rules import same_dtype, same_shape
from c2.registry import TensorSpec


def infer_fold(*specs: TensorSpec, **args: Any) -> TensorSpec:
    """All inputs have one shape and dtype; Caffe2 does not broadcast here."""
    named = dict(zip(numbered(["X"], len(specs)), specs))
    same_shape(**named)
    same_dtype(**named)
    return specs[0]


def fold(xp: Any, function: Any, arrays: Any, out: Any) -> Any:
    """`function` folded over the arrays. `out` may be the first; where it is a later one too, that is kept first."""
    if len(arrays) == 1:
        return stored(xp, arrays[0], out)
    first, second, *rest = arrays
    rest = [xp.array(X) if X is out else X for X in rest]
    out = function(first, second, out=out if out is not None else xp.empty_like(first))
    for X in rest:
        function(out, X, out=out)
    return out


def fold_kernel(name: str) -> type:
    """The kernel of a fold; of two tensors it is the function itself."""

    class Fold:
        def __new__(cls, xp: Any, *specs: TensorSpec, **args: Any) -> Any:
            function = getattr(xp, name)
            if len(specs) == 2:
                return function
            return lambda *arrays, out=None: fold(xp, function, arrays, out)

        def __call__(self, *arrays: Any, out: Any = None) -> Any:
            raise AssertionError("only its signature is read: __new__ gives the function itself")

    return Fold
