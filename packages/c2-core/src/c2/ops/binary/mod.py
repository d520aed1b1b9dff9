"""Mod: the remainder of integers."""

import numpy as np

from c2.ops.elementwise import target
from c2.registry import REQUIRED, Arg, Case, NoGradient, OpSchema, Tensor, cases, kernel, require
from c2.registry.spec import INT


def infer(X, *, divisor, sign_follow_divisor):
    require(divisor != 0, "divisor must not be 0", "any other integer", divisor)
    most = np.iinfo(X.dtype).max
    require(
        abs(divisor) <= most,
        "divisor must be a number of the dtype of X",
        f"{-most} to {most}",
        divisor,
    )
    return X


MOD = OpSchema(
    "Mod",
    doc="""Y = the remainder of X / divisor, with the sign of X as in C, or with that of the divisor.

    -7 mod 3 is -1, or 2 where the sign follows the divisor.
    """,
    inputs=[Tensor("X", "any shape", INT)],
    outputs=[Tensor("Y", "shape and dtype of X")],
    args=[
        Arg("divisor", int, default=REQUIRED, doc="what to divide by, not 0"),
        Arg(
            "sign_follow_divisor",
            bool,
            default=False,
            doc="give Y the divisor's sign, not that of X",
        ),
    ],
    infer=infer,
    inplace={"X": "Y"},
    gradient=NoGradient.FORBIDDEN,
)


@kernel(MOD)
def mod(xp, X, *, divisor, sign_follow_divisor, out=None):
    """The remainder of the floor; for C's, less the divisor where X is negative. (CuPy's fmod goes through double.)"""
    if sign_follow_divisor:
        return xp.remainder(X, divisor, out=out)
    negative = xp.less(X, 0)
    out = xp.remainder(X, abs(divisor), out=target(xp, X, out))
    negative = xp.logical_and(negative, xp.not_equal(out, 0))
    return xp.subtract(out, xp.multiply(negative, abs(divisor), dtype=out.dtype), out=out)


@cases(MOD)
def mod_cases(rng):
    for dtype in (np.int32, np.int64):
        X = np.array([[7, -7, 6, 0], [-1, 100, -100, 3]], dtype)
        for divisor in (3, -3, 1, 7):
            whole = (X / divisor).astype(dtype)
            yield Case({"X": X}, {"divisor": divisor}, expect={"Y": X - divisor * whole})
            whole = np.floor(X / divisor).astype(dtype)
            args = {"divisor": divisor, "sign_follow_divisor": 1}
            yield Case({"X": X}, args, expect={"Y": X - divisor * whole})
    yield Case({"X": np.zeros((0, 2), int)}, {"divisor": 2}, expect={"Y": np.zeros((0, 2), int)})
    yield Case({"X": np.array(-5)}, {"divisor": 3}, expect={"Y": np.array(-2)})
