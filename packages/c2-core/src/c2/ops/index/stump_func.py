"""StumpFunc: a step from one value to another."""

import numpy as np

from c2.registry import Arg, Case, OpSchema, Tensor, cases, kernel, same_as
from c2.registry.schema import NoGradient
from c2.registry.spec import FLOAT

STUMP_FUNC = OpSchema(
    "StumpFunc",
    doc="""Y = low_value where X <= threshold, else high_value; NaN gives high_value.

    Differs from Caffe2: float16 and float64 are taken too.
    """,
    inputs=[Tensor("X", "any shape", FLOAT)],
    outputs=[Tensor("Y", "shape and dtype of X")],
    args=[
        Arg("threshold", float, default=0.0, doc="where the step is"),
        Arg("low_value", float, default=0.0, doc="up to the threshold"),
        Arg("high_value", float, default=0.0, doc="above the threshold"),
    ],
    infer=same_as("X"),
    gradient=NoGradient.STOPS,
)


@kernel(STUMP_FUNC)
def stump_func(xp, X, *, threshold, low_value, high_value, out=None):
    Y = xp.empty(X.shape, X.dtype) if out is None else out
    low = xp.less_equal(X, X.dtype.type(threshold))
    Y[...] = X.dtype.type(high_value)
    xp.copyto(Y, X.dtype.type(low_value), where=low)
    return Y


@cases(STUMP_FUNC)
def stump_func_cases(rng):
    args = {"threshold": 2.0, "low_value": -1.0, "high_value": 4.0}
    for values in ([1.0, 2.0, 3.0], [[-np.inf, np.nan], [np.inf, 0.0]], 5.0):
        X = np.array(values)
        yield Case(
            {"X": X}, args, {"Y": np.reshape([-1 if x <= 2 else 4 for x in X.ravel()], X.shape)}
        )
    yield Case({"X": np.zeros((0, 2))}, {}, {"Y": np.zeros((0, 2))}, id="empty")
