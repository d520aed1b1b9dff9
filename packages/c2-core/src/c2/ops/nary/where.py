"""Where and Conditional: a choice between two tensors."""

import numpy as np

from c2.ops.rules import equal, same_dtype, same_shape
from c2.registry import Arg, Case, NoGradient, OpSchema, Tensor, cases, kernel, require
from c2.registry.spec import ANY, BOOL


def state_rows(name, condition, rows_of, data):
    """The condition has one bool per row."""
    require(condition.ndim == 1, f"{name} must have 1 axis", 1, condition.ndim)
    require(data.ndim >= 1, f"{rows_of} must have at least 1 axis", ">= 1", data.ndim)
    equal(f"{name} must have one bool per row of {rows_of}", data.shape[0], condition.shape[0])


def infer_where(C, X, Y, *, broadcast_on_rows):
    same_dtype(X=X, Y=Y)
    same_shape(X=X, Y=Y)
    if broadcast_on_rows:
        state_rows("C", C, "X", X)
    else:
        same_shape(X=X, C=C)
    return X


def infer_conditional(Condition, DataT, DataF):
    same_dtype(DataT=DataT, DataF=DataF)
    same_shape(DataT=DataT, DataF=DataF)
    state_rows("Condition", Condition, "DataT", DataT)
    return DataT


WHERE = OpSchema(
    "Where",
    doc="Z = X where C is true, else Y. Shapes are equal, but see `broadcast_on_rows`.",
    inputs=[
        Tensor("C", "shape of X, or one bool per row", BOOL),
        Tensor("X", "any shape", ANY),
        Tensor("Y", "shape and dtype of X", ANY),
    ],
    outputs=[Tensor("Z", "shape and dtype of X")],
    args=[Arg("broadcast_on_rows", bool, default=False, doc="C has 1 axis and chooses whole rows")],
    infer=infer_where,
    gradient=NoGradient.FORBIDDEN,
)
CONDITIONAL = OpSchema(
    "Conditional",
    doc="Row i of DataO is that of DataT where Condition[i] is true, else that of DataF.",
    inputs=[
        Tensor("Condition", "(N,)", BOOL),
        Tensor("DataT", "(N, ...)", ANY),
        Tensor("DataF", "shape and dtype of DataT", ANY),
    ],
    outputs=[Tensor("DataO", "shape and dtype of DataT")],
    infer=infer_conditional,
    gradient=NoGradient.STOPS,
)


@kernel(WHERE)
def where(xp, C, X, Y, *, broadcast_on_rows, out=None):
    return choose(xp, rows(C, X.ndim) if broadcast_on_rows else C, X, Y, out)


@kernel(CONDITIONAL)
def conditional(xp, Condition, DataT, DataF, *, out=None):
    return choose(xp, rows(Condition, DataT.ndim), DataT, DataF, out)


def rows(condition, ndim):
    return condition.reshape((-1,) + (1,) * (ndim - 1))


def choose(xp, condition, X, Y, out):
    if out is None:
        return xp.where(condition, X, Y)
    xp.copyto(out, Y)
    xp.copyto(out, X, where=condition)
    return out


def samples(rng):
    """Pairs of tensors of every kind with two rows or none."""
    yield rng.uniform(-1, 1, (2, 3, 2)), rng.uniform(-1, 1, (2, 3, 2))
    yield np.zeros((0, 3)), np.zeros((0, 3))
    for dtype in (np.int32, np.int64, np.uint8, bool):
        yield np.array([1, 0], dtype), np.array([0, 1], dtype)
    yield np.array([b"a", b"bc"], object), np.array([b"d", b""], object)


@cases(WHERE)
def where_cases(rng):
    yield Case(
        {"C": np.array(True), "X": np.array(1.0), "Y": np.array(2.0)}, expect={"Z": np.array(1.0)}
    )
    for X, Y in samples(rng):
        C = np.asarray(rng.integers(0, 2, X.shape), bool)
        expected = np.array([x if c else y for c, x, y in zip(C.flat, X.flat, Y.flat)], X.dtype)
        yield Case({"C": C, "X": X, "Y": Y}, expect={"Z": expected.reshape(X.shape)})
        C = np.array([False, True])[: X.shape[0]]
        inputs = {"C": C, "X": X, "Y": Y}
        yield Case(inputs, {"broadcast_on_rows": 1}, expect={"Z": np.concatenate([Y[:1], X[1:]])})


@cases(CONDITIONAL)
def conditional_cases(rng):
    for X, Y in samples(rng):
        C = np.array([False, True])[: X.shape[0]]
        inputs = {"Condition": C, "DataT": X, "DataF": Y}
        yield Case(inputs, expect={"DataO": np.concatenate([Y[:1], X[1:]])})
