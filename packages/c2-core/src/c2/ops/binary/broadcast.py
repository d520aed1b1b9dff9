"""The two ways in which Caffe2 broadcasts, and the sums that undo them.

By default shapes are matched from the back, both ways, as NumPy does. With `broadcast=1`, the older way, B alone is
stretched: its axes match consecutive axes of A that start at `axis` (or at the letter `axis_str` of `order`), by
default the last ones. Axes of length 1 at either end of B match anything.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

from c2.registry import Arg, TensorSpec, require
from c2.registry.schema import Mismatch

Shape = tuple[int, ...]

AXIS = Arg("axis", int, default=-1, doc="axis of A at which B begins; -1: B matches the last axes")
AXIS_STR = Arg("axis_str", str, default="", doc="that axis as a letter of order, instead of axis")
ORDER = Arg("order", str, default="NCHW", doc="what axis_str is looked up in")
BROADCAST = Arg(
    "broadcast", bool, default=False,
    doc="stretch B alone over A, its axes beginning at axis; without it axis is not read",
)  # fmt: skip
BROADCAST_ARGS = (BROADCAST, AXIS, AXIS_STR, ORDER)


def broadcast_shape(A: Shape, B: Shape) -> Shape:
    """The shape of A op B by NumPy's rule."""
    longer, shorter = (A, B) if len(A) >= len(B) else (B, A)
    padded = (1,) * (len(longer) - len(shorter)) + shorter
    shape = []
    for a, b in zip(longer, padded):
        require(
            a == b or 1 in (a, b), "A and B must have equal sizes on each axis from the back, or 1",
            A, B, "The older rule, B stretched from an axis of A on, needs broadcast=1.",
        )  # fmt: skip
        shape.append(b if a == 1 else a)
    return tuple(shape)


def aligned_shape(A: Shape, B: Shape, axis: int, axis_str: str, order: str) -> Shape:
    """The shape to give B so that NumPy's rule does what `broadcast=1` says. Raises Mismatch where it cannot."""
    if prod(B) == 1:
        return ()
    require(len(A) >= len(B), "with broadcast=1 B must not have more axes than A", len(A), len(B))
    start = first_axis(len(A), len(B), axis, axis_str, order)
    aligned = B + (1,) * (len(A) - start - len(B))
    sizes = [(A[start + k], b) for k, b in enumerate(B)]
    while sizes and sizes[0][1] == 1:
        sizes.pop(0)
    while sizes and sizes[-1][1] == 1:
        sizes.pop()
    require(
        all(a == b for a, b in sizes), f"with broadcast=1 B must have the sizes of A from axis {start} on",
        A[start : start + len(B)], B, "Choose another axis, or leave broadcast out for NumPy's rule.",
    )  # fmt: skip
    return aligned


def first_axis(a_ndim: int, b_ndim: int, axis: int, axis_str: str, order: str) -> int:
    """The axis of A that B's first axis stands on."""
    if axis_str:
        require(axis == -1, "axis and axis_str must not be given together", "one of them", "both")
        require(
            len(axis_str) == 1 and axis_str in order,
            "axis_str must be one letter of order",
            order,
            axis_str,
        )
        axis = order.index(axis_str)
    if axis == -1:
        return a_ndim - b_ndim
    require(
        0 <= axis <= a_ndim - b_ndim, "axis must leave room for the axes of B in A, or be -1",
        f"0 <= axis <= {a_ndim - b_ndim}", axis,
    )  # fmt: skip
    return axis


def operand_shape(A: TensorSpec, B: TensorSpec, broadcast: bool, **where: Any) -> Shape:
    """The shape in which B enters: its own, or the one that puts it on the right axes of A."""
    assert A.shape is not None  # infer is called with known shapes
    assert B.shape is not None
    return aligned_shape(A.shape, B.shape, **where) if broadcast else B.shape


def result_shape(A: TensorSpec, B: TensorSpec, broadcast: bool, **where: Any) -> Shape:
    """The shape of A op B; states the rules."""
    assert A.shape is not None
    assert B.shape is not None
    if not broadcast:
        return broadcast_shape(A.shape, B.shape)
    aligned_shape(A.shape, B.shape, **where)
    return A.shape


def fits_result(C: TensorSpec, A: TensorSpec, B: TensorSpec, **args: Any) -> None:
    """States that a gradient has the shape of A op B."""
    shape = result_shape(A, B, **args)
    if C.shape != shape:
        raise Mismatch("the gradient must have the shape of the result of A and B", shape, C.shape)


def sum_to(xp: Any, source: Shape, entered: Shape, final: Shape) -> Callable[[Any, Any], Any]:
    """The function `(value, out)` that sums a gradient of shape `source` over the axes that were stretched.

    Args:
        entered: the shape in which the operand took part.
        final: the shape it has in truth; it differs from `entered` in axes of length 1 alone.
    """
    padded = (1,) * (len(source) - len(entered)) + entered
    axes = tuple(k for k, (s, p) in enumerate(zip(source, padded)) if p == 1 and s != 1)
    kept = tuple(s for k, s in enumerate(source) if k not in axes)

    def reduce(value: Any, out: Any) -> Any:
        if out is None:
            out = xp.empty(final, value.dtype)
        if axes:
            xp.sum(
                value, axis=axes, out=out.reshape(kept)
            )  # adds or drops axes of length 1: a view
        elif value is not out:
            xp.copyto(out, value.reshape(final))
        return out

    return reduce
