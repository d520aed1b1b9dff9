"""LambdaRankNdcg: pairwise logistic loss weighted by what swapping a pair does to the NDCG, and its gradient."""

from itertools import pairwise

import numpy as np

from c2.ops.rules import equal, rank, same_dtype
from c2.registry import Arg, Case, OpSchema, Tensor, TensorSpec, cases, gradient, kernel
from c2.registry.schema import NoGradient
from c2.registry.spec import FLOAT

ARGS = [
    Arg(
        "use_ndcg_as_loss",
        bool,
        default=False,
        doc="give ideal DCG - DCG as loss; the gradient stays",
    ),
    Arg(
        "use_idcg_normalization",
        bool,
        default=True,
        doc="divide loss and gradient by the ideal DCG",
    ),
    Arg(
        "use_exp_gain",
        bool,
        default=True,
        doc="gains 2^r; with use_ndcg_as_loss alone False means gains r",
    ),
]
LENGTHS = Tensor(
    "session_lengths", "examples of each session (S,), together N", frozenset({"int32"})
)
LEAST_IDEAL = 1e-5


def _infer(y, r, lengths, **args):
    rank("y", y, 1)
    rank("session_lengths", lengths, 1)
    same_dtype(y=y, r=r)
    equal("r must have one element per element of y", y.size, r.size)
    return TensorSpec((lengths.size,), y.dtype), TensorSpec(y.shape, y.dtype)


def _infer_gradient(y, lengths, dy, dloss, **args):
    rank("y", y, 1)
    rank("session_lengths", lengths, 1)
    same_dtype(y=y, dy=dy, dloss=dloss)
    equal("dy must have the shape of y", y.shape, dy.shape)
    equal("dloss must have one element per session", lengths.size, dloss.size)
    return TensorSpec(y.shape, y.dtype)


LAMBDA_RANK_NDCG = OpSchema(
    "LambdaRankNdcg",
    doc="""loss[s] = -sum_ij w_ij log sigmoid(s_ij (y_i - y_j)) / ideal DCG over pairs of session s.

    Gains are 2^r, discounts 1 / log2(1 + place) by descending y; w_ij = |gain_i - gain_j| |discount_i - discount_j|,
    s_ij = 1 where r_i > r_j, else -1. dy_i = -sum_j w_ij s_ij sigmoid(-s_ij (y_i - y_j)) / ideal DCG, half the slope of
    loss, as in Caffe2. Sessions without example, or without relevance, have loss and dy 0. Equal y keep their order.
    Source: Wu, Burges, Svore & Gao, "Adapting boosting for information retrieval measures", 2010.
    """,
    inputs=[
        Tensor("y", "scores (N,)", FLOAT),
        Tensor("r", "relevance, size and dtype of y", FLOAT),
        LENGTHS,
    ],
    outputs=[Tensor("loss", "(S,); dtype of y"), Tensor("dy", "shape of y")],
    args=ARGS,
    infer=_infer,
)

LAMBDA_RANK_NDCG_GRADIENT = OpSchema(
    "LambdaRankNdcgGradient",
    doc="dX = dloss[s] * dy for the examples of session s.",
    inputs=[
        Tensor("y", "scores (N,)", FLOAT),
        LENGTHS,
        Tensor("dy", "second output of LambdaRankNdcg", FLOAT),
        Tensor("dloss", "(S,); dtype of y", FLOAT),
    ],
    outputs=[Tensor("dX", "shape of y")],
    args=ARGS,
    infer=_infer_gradient,
    gradient=NoGradient.FORBIDDEN,
)


def _sessions(lengths, size):
    counts = lengths.tolist()
    if sum(counts) != size:
        raise ValueError(f"session_lengths must sum to the {size} examples, got {sum(counts)}")
    ends = np.cumsum([0, *counts]).tolist()
    return [slice(a, b) for a, b in pairwise(ends)]


@kernel(LAMBDA_RANK_NDCG)
def lambda_rank_ndcg(
    xp, y, r, lengths, *, use_ndcg_as_loss, use_idcg_normalization, use_exp_gain, out=None
):
    if out is None:
        out = xp.empty(lengths.shape, y.dtype), xp.empty(y.shape, y.dtype)
    loss, dy = out[0].reshape(-1), out[1]
    r = r.reshape(-1)
    linear = use_ndcg_as_loss and not use_exp_gain
    for k, rows in enumerate(_sessions(lengths, y.size)):
        loss[k], dy[rows] = _session(
            xp, y[rows], r[rows], linear, use_ndcg_as_loss, use_idcg_normalization
        )
    return out


def _session(xp, y, r, linear, as_loss, normalised):
    """Loss and dy of one session."""
    if not y.size or float(abs(r).sum()) < 1e-6:
        return 0, 0
    gains = r if linear else 2**r
    discounts = _discounts(xp, y)
    ideal, dcg = (gains * _discounts(xp, r)).sum(), (gains * discounts).sum()
    weights = abs((gains[:, None] - gains) * (discounts[:, None] - discounts))
    order = xp.where(r[:, None] > r, 1, -1).astype(y.dtype)
    lead = order * (y[:, None] - y)
    miss = xp.logaddexp(0, -lead)  # -log sigmoid(lead)
    dy = -(weights * order * xp.exp(-lead - miss)).sum(axis=1)
    loss = ideal - dcg if as_loss else (weights * miss).sum()
    scale = xp.maximum(ideal, LEAST_IDEAL) if normalised else 1
    return loss / scale, dy / scale


def _discounts(xp, scores):
    """1 / log2(1 + place) of each element when sorted, greatest first."""
    places = xp.empty(scores.size, np.int64)
    places[xp.argsort(-scores, kind="stable")] = xp.arange(2, scores.size + 2)
    return (1 / xp.log2(places)).astype(scores.dtype)


@kernel(LAMBDA_RANK_NDCG_GRADIENT)
def lambda_rank_ndcg_gradient(xp, y, lengths, dy, dloss, *, out=None, **args):
    if out is None:
        out = xp.empty(y.shape, y.dtype)
    dloss = dloss.reshape(-1)
    for k, rows in enumerate(_sessions(lengths, y.size)):
        xp.multiply(dy[rows], dloss[k], out=out[rows])
    return out


@gradient(LAMBDA_RANK_NDCG)
def lambda_rank_ndcg_gradient_maker(g):
    inputs = [g.I("y"), g.I("session_lengths"), g.O("dy"), g.GO("loss")]
    return [g.op("LambdaRankNdcgGradient", inputs, [g.GI("y")])]


def _by_pairs(y, r, as_loss, normalised, exponential):
    """Loss and dy of one session by a loop over pairs, from ranks counted by comparison."""
    n = len(y)
    if not n or not np.any(r):
        return 0.0, np.zeros(n)
    gain = r if as_loss and not exponential else np.exp2(r)
    place, best = (
        [1 + sum(b > a for b in v) + sum(v[:i] == a) for i, a in enumerate(v)] for v in (y, r)
    )
    discount = np.log(2) / np.log1p(place)
    ideal = sum(g * np.log(2) / np.log1p(p) for g, p in zip(gain, best))
    loss, dy = 0.0, np.zeros(n)
    for i in range(n):
        for j in range(n):
            weight = abs((gain[i] - gain[j]) * (discount[i] - discount[j]))
            better, worse = (i, j) if r[i] > r[j] else (j, i)
            odds = np.exp(y[worse] - y[better])
            loss += weight * np.log1p(odds)
            dy[i] += (-1 if i == better else 1) * weight * odds / (1 + odds)
    if as_loss:
        loss = ideal - sum(gain * discount)
    return (loss / ideal, dy / ideal) if normalised else (loss, dy)


def _batches(rng):
    y = rng.standard_normal(9)
    r = np.array([2.0, 0, 1, 1, 3, 0, 0, 0, 1])
    yield y, r, np.array([5, 0, 2, 2], np.int32)
    yield np.round(y), r, np.array([9], np.int32)


@cases(LAMBDA_RANK_NDCG)
def lambda_rank_ndcg_cases(rng):
    for y, r, lengths in _batches(rng):
        for flags in [(0, 1, 1), (1, 1, 1), (1, 0, 0), (0, 0, 1), (0, 1, 0)]:
            parts = np.split(np.arange(9), np.cumsum(lengths)[:-1])
            found = [_by_pairs(y[p], r[p], *flags) for p in parts]
            expect = {
                "loss": np.array([f[0] for f in found]),
                "dy": np.concatenate([f[1] for f in found]),
            }
            args = dict(zip(("use_ndcg_as_loss", "use_idcg_normalization", "use_exp_gain"), flags))
            inputs = {"y": y, "r": r, "session_lengths": lengths}
            yield Case(inputs, args, expect=expect, grad=())  # dy is half the slope


@cases(LAMBDA_RANK_NDCG_GRADIENT)
def lambda_rank_ndcg_gradient_cases(rng):
    y, dy, dloss = rng.standard_normal(5), rng.standard_normal(5), np.array([2.0, 3.0, -1.0])
    inputs = {"y": y, "session_lengths": np.array([2, 0, 3], np.int32), "dy": dy, "dloss": dloss}
    yield Case(inputs, expect={"dX": dy * np.array([2, 2, -1, -1, -1])})
