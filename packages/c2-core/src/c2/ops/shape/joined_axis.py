"""The axis along which Concat and Split work, told by `axis` or by `order`."""

from c2.ops.rules import canonical_axis
from c2.registry import Arg, require

ARGS = [
    Arg("axis", int, default=None, doc="the axis; negative ones count from the end; 1 where neither is given"),
    Arg("order", str, default=None, choices=("NCHW", "NHWC"), doc="instead of axis: NCHW means 1, NHWC means 3"),
    Arg("add_axis", bool, default=False, doc="`axis`, which must be given, is there in the joined tensor alone"),
]  # fmt: skip


def joined_axis(axis: int | None, order: str | None, ndim: int) -> int:
    """The axis counted from the front, in a joined tensor of ndim axes."""
    require(
        axis is None or order is None,
        "axis and order exclude each other",
        "one of them",
        (axis, order),
    )
    if axis is None:
        axis = 3 if order == "NHWC" else 1
    return canonical_axis("axis", axis, ndim)


def adds_axis(axis: int | None, add_axis: bool) -> bool:
    """Whether the axis is there in the joined tensor alone: as in Caffe2, only where `axis` says which."""
    return add_axis and axis is not None


def without(shape, axis):
    """The shape without one axis."""
    return (*shape[:axis], *shape[axis + 1 :])


def with_size(shape, axis, size):
    """The shape with another size along one axis."""
    return (*shape[:axis], size, *shape[axis + 1 :])
