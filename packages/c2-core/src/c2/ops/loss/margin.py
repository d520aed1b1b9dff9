"""MarginRankingCriterion and CosineEmbeddingCriterion, hinge losses with a margin, and their gradients."""

import numpy as np

from c2.ops.rules import same_dtype, same_size
from c2.registry import Arg, Case, OpSchema, Tensor, TensorSpec, cases, gradient, kernel
from c2.registry.schema import NoGradient
from c2.registry.spec import FLOAT, INDEX

SIDE = Tensor("Y", "1 or -1 for each element", INDEX)


def _infer_ranking(X1, X2, Y):
    same_dtype(X1=X1, X2=X2)
    same_size(X1=X1, X2=X2, Y=Y)
    return TensorSpec(X1.shape, X1.dtype)


def _infer_ranking_gradient(X1, X2, Y, dloss):
    same_dtype(X1=X1, X2=X2, dloss=dloss)
    same_size(X1=X1, X2=X2, Y=Y, dloss=dloss)
    return TensorSpec(X1.shape, X1.dtype), TensorSpec(X2.shape, X2.dtype)


def _infer_embedding(S, Y, dloss=None):
    same_dtype(S=S, dloss=dloss)
    same_size(S=S, Y=Y, dloss=dloss)
    return TensorSpec(S.shape, S.dtype)


def _ignoring_margin(infer):
    return lambda *specs, margin: infer(*specs)


RANKING_MARGIN = [Arg("margin", float, default=1.0, doc="how far apart X1 and X2 should be")]
MARGIN_RANKING_CRITERION = OpSchema(
    "MarginRankingCriterion",
    doc="""loss = max(0, margin - Y * (X1 - X2)): Y = 1 asks for X1 to be greater, Y = -1 for X2.

    At the kink, where the loss is just 0, the gradient is that of the slope, as in Caffe2.
    """,
    inputs=[
        Tensor("X1", "any shape", FLOAT),
        Tensor("X2", "size and dtype of X1", FLOAT),
        SIDE,
    ],
    outputs=[Tensor("loss", "shape and dtype of X1")],
    args=RANKING_MARGIN,
    infer=_ignoring_margin(_infer_ranking),
    cost=lambda X1, *_, **__: 4 * X1.size,
)
MARGIN_RANKING_CRITERION_GRADIENT = OpSchema(
    "MarginRankingCriterionGradient",
    doc="dX1 = -Y * dloss and dX2 = Y * dloss where margin - Y * (X1 - X2) >= 0, else 0.",
    inputs=[
        Tensor("X1", "input of MarginRankingCriterion", FLOAT),
        Tensor("X2", "size and dtype of X1", FLOAT),
        SIDE,
        Tensor("dloss", "size and dtype of X1", FLOAT),
    ],
    outputs=[Tensor("dX1", "shape of X1"), Tensor("dX2", "shape of X2")],
    args=RANKING_MARGIN,
    infer=_ignoring_margin(_infer_ranking_gradient),
    gradient=NoGradient.FORBIDDEN,
)

EMBEDDING_MARGIN = [
    Arg("margin", float, default=0.0, doc="similarity up to which unlike pairs cost nothing")
]
COSINE_EMBEDDING_CRITERION = OpSchema(
    "CosineEmbeddingCriterion",
    doc="""loss = 1 - S where Y = 1, else max(0, S - margin).

    At S = margin the gradient is that of the slope, as in Caffe2.
    """,
    inputs=[Tensor("S", "cosine similarities, any shape", FLOAT), SIDE],
    outputs=[Tensor("loss", "shape and dtype of S")],
    args=EMBEDDING_MARGIN,
    infer=_ignoring_margin(_infer_embedding),
    cost=lambda S, *_, **__: 2 * S.size,
)
COSINE_EMBEDDING_CRITERION_GRADIENT = OpSchema(
    "CosineEmbeddingCriterionGradient",
    doc="dS = -dloss where Y = 1, else dloss where S >= margin, else 0.",
    inputs=[
        Tensor("S", "input of CosineEmbeddingCriterion", FLOAT),
        SIDE,
        Tensor("dloss", "size and dtype of S", FLOAT),
    ],
    outputs=[Tensor("dS", "shape and dtype of S")],
    args=EMBEDDING_MARGIN,
    infer=_ignoring_margin(_infer_embedding),
    gradient=NoGradient.FORBIDDEN,
)


def _miss(xp, X1, X2, Y, margin, out):
    """margin - Y * (X1 - X2)."""
    xp.subtract(X2.reshape(X1.shape), X1, out=out)
    xp.multiply(out, Y.reshape(X1.shape).astype(X1.dtype), out=out)
    return xp.add(out, margin, out=out)


@kernel(MARGIN_RANKING_CRITERION)
def margin_ranking_criterion(xp, X1, X2, Y, *, margin, out=None):
    if out is None:
        out = xp.empty(X1.shape, X1.dtype)
    return xp.maximum(_miss(xp, X1, X2, Y, margin, out), 0, out=out)


@kernel(MARGIN_RANKING_CRITERION_GRADIENT)
def margin_ranking_criterion_gradient(xp, X1, X2, Y, dloss, *, margin, out=None):
    if out is None:
        out = xp.empty(X1.shape, X1.dtype), xp.empty(X2.shape, X2.dtype)
    dX1, dX2 = out
    slope = dX2.reshape(X1.shape)
    active = _miss(xp, X1, X2, Y, margin, slope) >= 0
    xp.multiply(dloss.reshape(X1.shape), active, out=slope)
    xp.multiply(slope, Y.reshape(X1.shape).astype(X1.dtype), out=slope)
    xp.negative(slope, out=dX1)
    return dX1, dX2


@kernel(COSINE_EMBEDDING_CRITERION)
def cosine_embedding_criterion(xp, S, Y, *, margin, out=None):
    if out is None:
        out = xp.empty(S.shape, S.dtype)
    xp.maximum(xp.subtract(S, margin, out=out), 0, out=out)
    out[...] = xp.where(Y.reshape(S.shape) == 1, 1 - S, out)
    return out


@kernel(COSINE_EMBEDDING_CRITERION_GRADIENT)
def cosine_embedding_criterion_gradient(xp, S, Y, dloss, *, margin, out=None):
    sign = xp.where(Y.reshape(S.shape) == 1, -1, margin <= S).astype(S.dtype)
    return xp.multiply(dloss.reshape(S.shape), sign, out=out)


@gradient(MARGIN_RANKING_CRITERION)
def margin_ranking_criterion_gradient_maker(g):
    inputs = [g.I("X1"), g.I("X2"), g.I("Y"), g.GO("loss")]
    return [g.op("MarginRankingCriterionGradient", inputs, [g.GI("X1"), g.GI("X2")])]


@gradient(COSINE_EMBEDDING_CRITERION)
def cosine_embedding_criterion_gradient_maker(g):
    return [
        g.op("CosineEmbeddingCriterionGradient", [g.I("S"), g.I("Y"), g.GO("loss")], [g.GI("S")])
    ]


_SHAPES = [(), (4,), (0,), (3, 2)]


def _ranked(rng):
    """(X1, X2, Y, margin), away from the kink."""
    for shape in _SHAPES:
        for margin in (1.0, 0.25):
            X2 = np.asarray(rng.standard_normal(shape))
            Y = np.asarray(rng.choice([-1, 1], shape)).astype(np.int32)
            off = rng.uniform(0.1, 1, shape) * rng.choice([-1, 1], shape)
            yield np.asarray(X2 + Y * (margin + off)), X2, Y, margin


@cases(MARGIN_RANKING_CRITERION)
def margin_ranking_criterion_cases(rng):
    for X1, X2, Y, margin in _ranked(rng):
        lead = np.where(Y == 1, X1 - X2, X2 - X1)
        expected = np.where(lead < margin, margin - lead, 0)
        yield Case({"X1": X1, "X2": X2, "Y": Y}, {"margin": margin}, expect={"loss": expected})
    inputs = {"X1": np.array([1.0]), "X2": np.array([[2.0]]), "Y": np.array([1])}
    yield Case(inputs, expect={"loss": np.array([2.0])}, id="default margin")


@cases(MARGIN_RANKING_CRITERION_GRADIENT)
def margin_ranking_criterion_gradient_cases(rng):
    for X1, X2, Y, margin in _ranked(rng):
        dloss = np.asarray(rng.standard_normal(X1.shape))
        lead = np.where(Y == 1, X1 - X2, X2 - X1)
        dX1 = np.where(lead > margin, 0, np.where(Y == 1, -dloss, dloss))
        inputs = {"X1": X1, "X2": X2, "Y": Y, "dloss": dloss}
        yield Case(inputs, {"margin": margin}, expect={"dX1": dX1, "dX2": -dX1})
    kink = {
        "X1": np.array([3.0]),
        "X2": np.array([2.0]),
        "Y": np.array([1]),
        "dloss": np.array([5.0]),
    }
    yield Case(kink, expect={"dX1": np.array([-5.0]), "dX2": np.array([5.0])}, id="kink")


def _similar(rng):
    """(S, Y, margin), away from the kink."""
    for shape in _SHAPES:
        for margin in (0.0, 0.5):
            S = margin + rng.uniform(0.1, 0.5, shape) * rng.choice([-1, 1], shape)
            yield np.asarray(S), np.asarray(rng.choice([-1, 1], shape)), margin


@cases(COSINE_EMBEDDING_CRITERION)
def cosine_embedding_criterion_cases(rng):
    for S, Y, margin in _similar(rng):
        expected = np.select([Y == 1, margin < S], [1 - S, S - margin], 0.0)
        yield Case({"S": S, "Y": Y}, {"margin": margin}, expect={"loss": expected})


@cases(COSINE_EMBEDDING_CRITERION_GRADIENT)
def cosine_embedding_criterion_gradient_cases(rng):
    for S, Y, margin in _similar(rng):
        dloss = np.asarray(rng.standard_normal(S.shape))
        expected = np.select([Y == 1, margin < S], [-dloss, dloss], 0.0)
        yield Case({"S": S, "Y": Y, "dloss": dloss}, {"margin": margin}, expect={"dS": expected})
    kink = {"S": np.array([0.5]), "Y": np.array([-1]), "dloss": np.array([2.0])}
    yield Case(kink, {"margin": 0.5}, expect={"dS": np.array([2.0])}, id="kink")
