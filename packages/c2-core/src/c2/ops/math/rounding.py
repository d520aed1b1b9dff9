"""Ceil, Floor and Sign: flat functions."""

import numpy as np

from c2.ops.elementwise import target
from c2.ops.elementwise_table import between, unary
from c2.registry import NoGradient
from c2.registry.spec import NUMBER


def sign(xp, X, *, out=None):
    out = xp.greater(X, 0, out=target(xp, X, out))
    return xp.subtract(out, xp.less(X, 0), out=out)


ROUNDING = [
    unary(
        "Ceil", """The smallest integer that is not below X, as a float.

        Its gradient is 0 almost everywhere; as in Caffe2, differentiating it is an error.
        """, "ceil", lambda x: -np.floor(-x), between(-9, 9), inplace=True,
        gradient=NoGradient.NOT_IMPLEMENTED,
    ),
    unary(
        "Floor", """The largest integer that is not above X, as a float.

        Its gradient is 0 almost everywhere; as in Caffe2, differentiating it is an error.
        """, "floor", lambda x: x - np.mod(x, 1), between(-9, 9), inplace=True,
        gradient=NoGradient.NOT_IMPLEMENTED,
    ),
    unary(
        "Sign", "-1, 0 or 1 as X is below, equal to or above 0. NaN gives 0.", sign,
        lambda x: np.select([x > 0, x < 0], [1.0, -1.0], 0.0), between(-2, 2), dtypes=NUMBER,
        gradient=NoGradient.FORBIDDEN,
    ),
]  # fmt: skip
