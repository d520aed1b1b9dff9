"""What the operators on 8-bit tensors share: reading them as numbers, and rounding numbers to them."""

import numpy as np

from c2.registry import Arg, Tensor, require
from c2.serialize.blobs import Int8Tensor

Y_SCALE = Arg("Y_scale", float, default=1.0, doc="of one step of Y, unitless")
Y_ZERO_POINT = Arg("Y_zero_point", int, default=0, doc="what stands for 0 in Y")
RESULT = [Y_SCALE, Y_ZERO_POINT]
MOST = 255
X = Tensor("X", "8-bit tensor", blob=True)
Y = Tensor("Y", "8-bit tensor", blob=True)


def is_int8(name, value):
    """The 8-bit tensor that an input must be."""
    require(
        isinstance(value, Int8Tensor),
        f"{name} must be an 8-bit tensor",
        "Int8Tensor",
        type(value).__name__,
        "Put an Int8Quantize before it, or fill it by Int8GivenTensorFill.",
    )
    return value


def steps(name, value):
    """float64: how many steps each number of an 8-bit tensor is from 0. Sums of products of them are exact."""
    found = is_int8(name, value)
    return found.data.astype(np.float64) - found.zero_point


def rounded(count, scale, zero_point, least=0):
    """The 8-bit tensor nearest to so many steps of a scale: ties go to even data, ends are cut off.

    Args:
        count: numbers over the scale, float64.
        least: the smallest data; the zero point where a Relu follows.
    """
    data = np.rint(count) + zero_point
    return Int8Tensor(np.clip(data, least, MOST).astype(np.uint8), scale, zero_point)


def keeps_steps(q, scale, zero_point):
    """The rule of operators that do not compute: Y has the scale and the zero point of X."""
    same = np.float32(q.scale) == np.float32(scale) and q.zero_point == zero_point
    require(
        same,
        "Y_scale and Y_zero_point must be those of X",
        (q.scale, q.zero_point),
        (scale, zero_point),
    )


def moved(q, data):
    """The same numbers in another place."""
    return Int8Tensor(np.ascontiguousarray(data), q.scale, q.zero_point)


def unknown(*inputs, **args):
    """8-bit tensors have no spec: only a run tells their shape."""


# -- cases


def drawn(rng, *shape, scale=0.1, zero_point=100):
    return Int8Tensor(rng.integers(0, 256, shape).astype(np.uint8), scale, zero_point)


def real(q):
    """The numbers that an 8-bit tensor stands for."""
    return q.scale * (q.data.astype(np.float64) - q.zero_point)


def stands_for(expected, scale, zero_point, low=None):
    """A check: Y stands for these numbers but for half a step, where its 256 steps reach."""

    def check(Y, *others):
        ends = scale * (np.array([0, MOST]) - zero_point)
        within = np.clip(expected, *ends)
        within = within if low is None else np.maximum(within, low)
        assert (Y.data.dtype, Y.scale, Y.zero_point) == (np.uint8, scale, zero_point)
        np.testing.assert_allclose(real(Y), within, atol=0.5001 * scale)

    return check
