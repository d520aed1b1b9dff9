"""Kernels of binary functions: one function of the array namespace, with B put on the right axes of A."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from c2.ops.binary.broadcast import operand_shape
from c2.registry import TensorSpec


def truncated_quotient(xp: Any) -> Callable[..., Any]:
    """Integer division towards zero, which NumPy does not have: the floor, plus 1 where it is negative and inexact."""

    def divide(A: Any, B: Any, out: Any = None) -> Any:
        floor = xp.floor_divide(A, B)
        inexact = xp.not_equal(xp.multiply(floor, B), A)
        return xp.add(floor, xp.logical_and(inexact, xp.less(floor, 0)), out=out)

    return divide


def quotient(xp: Any, dtype: Any) -> Callable[..., Any]:
    """The division of Div: exact for floats, towards zero for integers."""
    function: Callable[..., Any] = xp.divide if dtype.kind == "f" else truncated_quotient(xp)
    return function


def named(name: str) -> Callable[[Any, Any], Callable[..., Any]]:
    """The function of that name, whatever the dtype."""
    return lambda xp, dtype: getattr(xp, name)


def binary_kernel(choose: Callable[[Any, Any], Callable[..., Any]]) -> type:
    """The kernel of `choose(xp, dtype)(A, B, out=out)`; where B needs no reshaping, that function itself."""

    class Binary:
        def __new__(cls, xp: Any, A: TensorSpec, B: TensorSpec, **args: Any) -> Any:
            function = choose(xp, A.dtype)
            shape = operand_shape(A, B, **args)
            if shape == B.shape:
                return function
            return lambda A, B, out=None: function(A, B.reshape(shape), out=out)

        def __call__(self, A: Any, B: Any, out: Any = None) -> Any:
            raise AssertionError("only its signature is read: __new__ gives the function itself")

    return Binary
