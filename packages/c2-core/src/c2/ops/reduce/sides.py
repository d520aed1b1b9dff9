"""The leading or trailing axes that ReduceFront* and ReduceBack* take away, and their optional lengths."""

from c2.ops.rules import equal
from c2.registry import Arg, Tensor, require

NUM_REDUCE_DIM = Arg(
    "num_reduce_dim", int, default=1,
    doc="how many axes to reduce, 0 to all; Caffe2's documentation calls it num_reduce_dims, its code does not",
)  # fmt: skip
LENGTHS = Tensor(
    "lengths", "int32, one per element of Y: how many of the elements before it count; for num_reduce_dim=1",
    frozenset({"int32"}), optional=True,
)  # fmt: skip


def side_axes(front, n, ndim):
    """The first or last n axes."""
    return tuple(range(n)) if front else tuple(range(ndim - n, ndim))


def side_shape(front, n, shape):
    """What is left of the shape."""
    return tuple(shape[n:] if front else shape[: len(shape) - n])


def require_side(front, n, X, lengths):
    """The rules that all operators of the family share."""
    require(
        0 <= n <= X.ndim, "num_reduce_dim must be in [0, number of axes of X]", f"0 to {X.ndim}", n
    )
    if lengths is not None:
        require(n == 1, "with lengths num_reduce_dim must be 1", 1, n)
        size = X.with_shape(side_shape(front, n, X.shape)).size
        equal("lengths must have one element per element of Y", size, lengths.size)


def counted(xp, front, X, lengths):
    """Which elements of X the lengths let through, as a mask that broadcasts to X."""
    steps = xp.arange(X.shape[0 if front else -1], dtype=lengths.dtype)
    if front:
        steps = steps.reshape(-1, *(1,) * (X.ndim - 1))
        return steps < lengths.reshape(X.shape[1:])
    return steps < lengths.reshape(*X.shape[:-1], 1)


def spread(front, X, reduced):
    """An array of the shape of Y with axes of size 1 where X has reduced ones."""
    missing = (1,) * (X.ndim - reduced.ndim)
    return reduced.reshape((*missing, *reduced.shape) if front else (*reduced.shape, *missing))
