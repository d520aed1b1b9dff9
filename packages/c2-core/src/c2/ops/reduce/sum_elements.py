"""SumElements, SumElementsInt and SumSqrElements: one number for a whole tensor."""

import numpy as np

from c2.ops.results import stored
from c2.ops.rules import same_dtype
from c2.registry import Arg, Case, OpSchema, Tensor, TensorSpec, cases, gradient, kernel, require
from c2.registry.schema import NoGradient
from c2.registry.spec import FLOAT

AVERAGE = Arg("average", bool, default=False, doc="divide by the number of elements")
_SCALAR = Tensor("sum", "0-d, dtype of X")


def _infer(X, **args):
    return TensorSpec((), X.dtype)


def _cost(X, **args):
    return X.size


SUM_ELEMENTS = OpSchema(
    "SumElements",
    doc="""sum = sum(X) over all elements, divided by their number where `average`.

    An empty X gives 0. Differs from Caffe2: float16 and float64 are taken too.
    """,
    inputs=[Tensor("X", "any shape", FLOAT)],
    outputs=[_SCALAR],
    args=[AVERAGE],
    infer=_infer,
    cost=_cost,
)

SUM_SQR_ELEMENTS = OpSchema(
    "SumSqrElements",
    doc="""sum = sum(X * X) over all elements, divided by their number where `average`.

    An empty X gives 0. Differs from Caffe2: float16 is taken too.
    """,
    inputs=[Tensor("X", "any shape", FLOAT)],
    outputs=[_SCALAR],
    args=[AVERAGE],
    infer=_infer,
    cost=_cost,
    gradient=NoGradient.FORBIDDEN,
)

SUM_ELEMENTS_INT = OpSchema(
    "SumElementsInt",
    doc="sum = sum(X) over all elements; an empty X gives 0, and the sum wraps around as int32 does.",
    inputs=[Tensor("X", "any shape", frozenset({"int32"}))],
    outputs=[_SCALAR],
    infer=_infer,
    cost=_cost,
    gradient=NoGradient.FORBIDDEN,
)


def _infer_gradient(X, dsum, *, average):
    same_dtype(X=X, dsum=dsum)
    require(dsum.size >= 1, "dsum must have one element", 1, dsum.size)
    return X.with_shape(X.shape)


SUM_ELEMENTS_GRADIENT = OpSchema(
    "SumElementsGradient",
    doc="dX = dsum for every element, divided by their number where `average`. Of dsum the first element counts.",
    inputs=[
        Tensor("X", "input of SumElements", FLOAT),
        Tensor("dsum", "one number, dtype of X", FLOAT),
    ],
    outputs=[Tensor("dX", "shape and dtype of X")],
    args=[AVERAGE],
    infer=_infer_gradient,
    gradient=NoGradient.NOT_IMPLEMENTED,
)


def _divided(xp, total, n, average, out):
    return xp.divide(total, total.dtype.type(max(n, 1)), out=out) if average else total


@kernel(SUM_ELEMENTS)
def sum_elements(xp, X, *, average, out=None):
    total = X.sum(dtype=X.dtype, out=out)
    return _divided(xp, total, X.size, average, out)


@kernel(SUM_SQR_ELEMENTS)
def sum_sqr_elements(xp, X, *, average, out=None):
    flat = X.reshape(-1)
    total = stored(xp, xp.dot(flat, flat), out)
    return _divided(xp, total, X.size, average, out)


@kernel(SUM_ELEMENTS_INT)
def sum_elements_int(xp, X, *, out=None):
    return X.sum(dtype=X.dtype, out=out)


@kernel(SUM_ELEMENTS_GRADIENT)
def sum_elements_gradient(xp, X, dsum, *, average, out=None):
    share = dsum.reshape(-1)[0]
    return stored(xp, _divided(xp, share, X.size, average, None), out, X.shape, X.dtype)


@gradient(SUM_ELEMENTS)
def sum_elements_gradient_maker(g):
    return [g.op("SumElementsGradient", [g.I("X"), g.GO("sum")], [g.GI("X")])]


@cases(SUM_ELEMENTS)
def sum_elements_cases(rng):
    for shape in [(), (1,), (2, 3, 4)]:
        X = rng.uniform(-1, 1, shape)
        yield Case({"X": X}, {}, {"sum": np.vdot(X, np.ones(shape))})
        yield Case({"X": X}, {"average": True}, {"sum": np.mean(X)})
    yield Case({"X": np.zeros((0, 2))}, {"average": True}, {"sum": 0.0}, grad=())


@cases(SUM_SQR_ELEMENTS)
def sum_sqr_elements_cases(rng):
    for shape in [(), (5,), (2, 3, 4)]:
        X = rng.uniform(-1, 1, shape)
        yield Case({"X": X}, {}, {"sum": np.linalg.norm(X) ** 2})
        yield Case({"X": X}, {"average": True}, {"sum": np.mean(X**2)})
    yield Case({"X": np.zeros((0, 2))}, {"average": True}, {"sum": 0.0})


@cases(SUM_ELEMENTS_INT)
def sum_elements_int_cases(rng):
    X = rng.integers(-9, 9, (3, 4)).astype(np.int32)
    yield Case({"X": X}, {}, {"sum": sum(X.ravel().tolist())})
    yield Case({"X": np.array([2**31 - 1, 1], np.int32)}, {}, {"sum": -(2**31)}, id="wraps")
    yield Case({"X": X[:0]}, {}, {"sum": 0}, id="empty")


@cases(SUM_ELEMENTS_GRADIENT)
def sum_elements_gradient_cases(rng):
    X, dsum = rng.uniform(-1, 1, (2, 3)), np.array(1.5)
    yield Case({"X": X, "dsum": dsum}, {}, {"dX": np.full((2, 3), 1.5)})
    yield Case({"X": X, "dsum": dsum.reshape(1)}, {"average": True}, {"dX": np.full((2, 3), 0.25)})
    yield Case({"X": X[:0], "dsum": dsum}, {"average": True}, {"dX": X[:0]}, id="empty")
