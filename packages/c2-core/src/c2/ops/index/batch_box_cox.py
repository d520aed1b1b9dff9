"""BatchBoxCox: the Box-Cox transform of each column, with two parameters."""

import numpy as np

from c2.ops.rules import equal, same_dtype
from c2.registry import Arg, Case, OpSchema, Tensor, cases, kernel, require
from c2.registry.schema import NoGradient
from c2.registry.spec import FLOAT

SMALLEST = 1e-6  # of data + lambda2


def _infer(data, lambda1, lambda2, *, naive, min_block_size):
    same_dtype(data=data, lambda1=lambda1, lambda2=lambda2)
    require(data.ndim >= 1, "data must have one axis or more", "1 or more axes", data.shape)
    D = data.with_shape(data.shape[1:]).size
    equal("lambda1 must have one element per column of data", D, lambda1.size)
    equal("lambda2 must have one element per column of data", D, lambda2.size)
    return data.with_shape(data.shape)


BATCH_BOX_COX = OpSchema(
    "BatchBoxCox",
    doc="""output = ln(x) where lambda1 = 0, else (x^lambda1 - 1) / lambda1, with x = max(data + lambda2, 1e-6).

    Each column has its own lambda1 and lambda2. Source: Box & Cox, "An analysis of transformations", 1964. Differs
    from Caffe2: float16 is taken too.
    """,
    inputs=[
        Tensor("data", "(N, D), or more axes that count as D", FLOAT),
        Tensor("lambda1", "(D,), dtype of data", FLOAT),
        Tensor("lambda2", "(D,), dtype of data", FLOAT),
    ],
    outputs=[Tensor("output", "shape and dtype of data")],
    args=[
        Arg("naive", bool, default=False, doc="Caffe2 computes without MKL; no effect here"),
        Arg("min_block_size", int, default=256, doc="Caffe2's block size with MKL; no effect here"),
    ],
    infer=_infer,
    inplace={"data": "output"},
    cost=lambda data, *specs, **args: 20 * data.size,
    gradient=NoGradient.NOT_IMPLEMENTED,
)


@kernel(BATCH_BOX_COX)
def batch_box_cox(xp, data, lambda1, lambda2, *, naive, min_block_size, out=None):
    lambda1, lambda2 = (a.reshape(data.shape[1:]) for a in (lambda1, lambda2))
    zero, one = data.dtype.type(0), data.dtype.type(1)
    x = xp.maximum(data + lambda2, data.dtype.type(SMALLEST))
    power = xp.where(lambda1 == zero, one, lambda1)
    raised = (x**power - one) / power
    output = xp.where(lambda1 == zero, xp.log(x), raised)
    return xp.multiply(output, one, out=out)


@cases(BATCH_BOX_COX)
def batch_box_cox_cases(rng):
    X = np.array([[1.0, 2.0, 3.0, 4.0], [0.5, 0.1, -1.0, 2.0], [0.0, 5.0, 0.25, 9.0]])
    l1, l2 = np.array([0.0, 0.5, -1.0, 2.0]), np.array([0.0, 1.0, 2.0, -1.0])
    x = np.maximum(X + l2, 1e-6)
    expected = np.array(
        [
            [np.log(v) if a == 0 else np.expm1(a * np.log(v)) / a for v, a in zip(line, l1)]
            for line in x
        ]
    )
    inputs = {"data": X, "lambda1": l1, "lambda2": l2}
    yield Case(inputs, {}, {"output": expected})
    yield Case(inputs, {"naive": True, "min_block_size": 0}, {"output": expected})
    cube = {**inputs, "data": X.reshape(3, 2, 2)}
    yield Case(cube, {}, {"output": expected.reshape(3, 2, 2)}, id="axes")
    yield Case({**inputs, "data": X[:0]}, {}, {"output": X[:0]}, id="empty")
