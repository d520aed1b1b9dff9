"""SumRelu: a sum that is cut off below zero."""

import numpy as np

from c2.ops.nary.fold import infer_fold
from c2.registry import Case, NoGradient, OpSchema, Tensor, cases, kernel
from c2.registry.spec import NUMBER

SUM_RELU = OpSchema(
    "SumRelu",
    doc="""Y = max(X[0] + X[1] + ..., 0). No broadcasting; NaN becomes 0, unlike in Relu.""",
    inputs=[Tensor("X", "one shape and dtype", NUMBER, variadic=True)],
    outputs=[Tensor("Y", "shape and dtype of the inputs")],
    infer=infer_fold,
    inplace={"X": "Y"},
    gradient=NoGradient.FORBIDDEN,
)


@kernel(SUM_RELU)
def sum_relu(xp, *X, out=None):
    Y = xp.add(X[0], X[1] if len(X) > 1 else X[0].dtype.type(0), out=out)
    for one in X[2:]:
        Y = xp.add(Y, one, out=out)
    return xp.fmax(Y, X[0].dtype.type(0), out=out)


@cases(SUM_RELU)
def sum_relu_cases(rng):
    for shape in ((), (0,), (2, 3), (2, 1, 4)):
        for count in (1, 2, 4):
            X = [np.asarray(rng.uniform(-1, 1, shape)) for _ in range(count)]
            total = np.einsum("k...->...", np.stack(X))
            yield Case({"X": X}, expect={"Y": np.where(total > 0, total, 0)})
    nan = np.array([np.nan, -1.0, 2.0])
    yield Case({"X": [nan, nan]}, expect={"Y": np.array([0.0, 0.0, 4.0])}, grad=())
    whole = np.array([-3, 2], np.int64)
    yield Case({"X": [whole, whole]}, expect={"Y": np.array([0, 4])})
