"""Which axes a reduction takes away, and the shapes that follow."""

from collections.abc import Sequence

from c2.ops.rules import canonical_axis
from c2.registry import Arg

AXES = Arg(
    "axes", "ints", default=(),
    doc="axes to reduce, in any order; negative ones count from the end; empty: all",
)  # fmt: skip
KEEPDIMS = Arg("keepdims", bool, default=True, doc="keep reduced axes with size 1")


def reduced_axes(axes: Sequence[int], ndim: int) -> tuple[int, ...]:
    """The axes counted from the front, sorted, each once; all of them where none is named."""
    if not len(axes):
        return tuple(range(ndim))
    return tuple(sorted({canonical_axis("axes", a, ndim) for a in axes}))


def kept_shape(shape, axes):
    """The shape with size 1 in place of the reduced axes."""
    return tuple(1 if k in axes else size for k, size in enumerate(shape))


def reduced_shape(shape, axes, keepdims):
    """The shape of the result of a reduction over canonical axes."""
    if keepdims:
        return kept_shape(shape, axes)
    return tuple(size for k, size in enumerate(shape) if k not in axes)


def count(shape, axes):
    """How many elements each element of the result stands for."""
    n = 1
    for axis in axes:
        n *= shape[axis]
    return n


def rows(X, axes):
    """A copy of X with its reduced axes joined into a last one, for the expected values of cases."""
    kept = [k for k in range(X.ndim) if k not in axes]
    turned = X.transpose(*kept, *axes)
    return turned.reshape(*(X.shape[k] for k in kept), count(X.shape, axes))
