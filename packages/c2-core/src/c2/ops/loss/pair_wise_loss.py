"""PairWiseLoss: the logistic loss of every wrongly ordered pair in a session, and its gradient."""

import numpy as np

from c2.ops.rules import equal, rank, same_dtype
from c2.registry import Case, OpSchema, Tensor, TensorSpec, cases, gradient, kernel, require
from c2.registry.schema import NoGradient
from c2.registry.spec import FLOAT

LENGTHS = Tensor(
    "lengths", "examples of each session (S,), together N", frozenset({"int32"}), optional=True
)


def _check(X, label, lengths):
    require(X.ndim > 0, "X must have one axis or more", "1 or more", 0)
    same_dtype(X=X, label=label)
    N = X.shape[0]
    equal("X must be one score per example", N, X.size)
    equal("label must be (N,) or (N, 1)", (N,) if label.ndim != 2 else (N, 1), label.shape)
    if lengths is not None:
        rank("lengths", lengths, 1)


def _sessions(X, lengths):
    return 0 if not X.size else 1 if lengths is None else lengths.size


def _infer(X, label, lengths=None):
    _check(X, label, lengths)
    return TensorSpec((_sessions(X, lengths),), X.dtype)


def _infer_gradient(X, label, dY, lengths=None):
    _check(X, label, lengths)
    same_dtype(X=X, dY=dY)
    if X.size:
        equal("dY must have one element per session", (_sessions(X, lengths),), dY.shape)
    return TensorSpec(X.shape, X.dtype)


PAIR_WISE_LOSS = OpSchema(
    "PairWiseLoss",
    doc="""Y[s] = the mean of log(1 + exp(X[j] - X[i])) over pairs of session s with label[i] > label[j].

    Labels closer than the dtype's epsilon are ties and no pair. A session without pairs has loss 0; without lengths
    all examples are one session; no example at all gives an empty Y. Source: Sculley, "Large scale learning to
    rank", 2009.
    """,
    inputs=[
        Tensor("X", "scores (N,) or (N, 1)", FLOAT),
        Tensor("label", "relevance (N,) or (N, 1); dtype of X", FLOAT),
        LENGTHS,
    ],
    outputs=[Tensor("Y", "(S,), or (1,) without lengths; dtype of X")],
    infer=_infer,
)

PAIR_WISE_LOSS_GRADIENT = OpSchema(
    "PairWiseLossGradient",
    doc="dX[i] -= p and dX[j] += p for each pair, where p = dY[s] * sigmoid(X[j] - X[i]) / pairs of the session.",
    inputs=[
        Tensor("X", "scores", FLOAT),
        Tensor("label", "relevance", FLOAT),
        Tensor("dY", "one element per session", FLOAT),
        LENGTHS,
    ],
    outputs=[Tensor("dX", "shape and dtype of X")],
    infer=_infer_gradient,
    gradient=NoGradient.FORBIDDEN,
)


def _pairs(xp, X, label, lengths):
    """Per session: its range, whether i is better than j, and X[j] - X[i]; both (n, n)."""
    X, label = X.reshape(-1), label.reshape(-1)
    counts = [X.size] if lengths is None else lengths.tolist()
    if sum(counts) != X.size:
        raise ValueError(f"lengths must sum to the {X.size} examples, got {sum(counts)}")
    start = 0
    for count in counts:
        rows = slice(start, start + count)
        better = label[rows, None] - label[None, rows] >= np.finfo(label.dtype).eps
        yield rows, better, X[None, rows] - X[rows, None]
        start += count


@kernel(PAIR_WISE_LOSS)
def pair_wise_loss(xp, X, label, lengths=None, *, out=None):
    if out is None:
        out = xp.empty(_sessions(X, lengths), X.dtype)
    if X.size:
        for s, (_, better, behind) in enumerate(_pairs(xp, X, label, lengths)):
            losses = xp.logaddexp(0, behind) * better
            out[s] = losses.sum() / xp.maximum(better.sum(), 1).astype(X.dtype)
    return out


@kernel(PAIR_WISE_LOSS_GRADIENT)
def pair_wise_loss_gradient(xp, X, label, dY, lengths=None, *, out=None):
    if out is None:
        out = xp.empty(X.shape, X.dtype)
    if X.size:
        dX = out.reshape(-1)
        for s, (rows, better, behind) in enumerate(_pairs(xp, X, label, lengths)):
            share = xp.exp(-xp.logaddexp(0, -behind)) * better
            scale = dY[s] / xp.maximum(better.sum(), 1).astype(X.dtype)
            dX[rows] = (share.sum(axis=0) - share.sum(axis=1)) * scale
    return out


@gradient(PAIR_WISE_LOSS)
def pair_wise_loss_gradient_maker(g):
    lengths = [g.I("lengths")] if g.n_inputs == 3 else []
    return [
        g.op("PairWiseLossGradient", [g.I("X"), g.I("label"), g.GO("Y"), *lengths], [g.GI("X")])
    ]


def _sessions_of(rng):
    """(X, label, lengths or None)."""
    X, label = rng.standard_normal(6), np.array([2.0, 0, 1, 1, 0, 3])
    yield X, label, None
    yield X[:, None], label, None
    yield X, label[:, None], np.array([3, 0, 2, 1], np.int32)
    yield X, np.ones(6), np.array([6], np.int32)
    yield np.zeros((0, 1)), np.zeros(0), None


def _inputs(X, label, lengths):
    return {"X": X, "label": label, **({} if lengths is None else {"lengths": lengths})}


def _pair_by_pair(X, label, lengths):
    """Losses, and their derivatives (sessions, N), by loops over pairs."""
    X, label = X.ravel(), label.ravel()
    lengths = ([X.size] if X.size else []) if lengths is None else lengths.tolist()
    losses, slopes, start = np.zeros(len(lengths)), np.zeros((len(lengths), X.size)), 0
    for s, count in enumerate(lengths):
        session = range(start, start + count)
        pairs = [(i, j) for i in session for j in session if label[i] > label[j]]
        for i, j in pairs:
            odds = np.exp(X[j] - X[i])
            losses[s] += np.log1p(odds) / len(pairs)
            slopes[s, j] += odds / (1 + odds) / len(pairs)
            slopes[s, i] -= odds / (1 + odds) / len(pairs)
        start += count
    return losses, slopes


@cases(PAIR_WISE_LOSS)
def pair_wise_loss_cases(rng):
    for X, label, lengths in _sessions_of(rng):
        expected = _pair_by_pair(X, label, lengths)[0]
        yield Case(_inputs(X, label, lengths), expect={"Y": expected}, grad=["X"])


@cases(PAIR_WISE_LOSS_GRADIENT)
def pair_wise_loss_gradient_cases(rng):
    for X, label, lengths in _sessions_of(rng):
        losses, slopes = _pair_by_pair(X, label, lengths)
        dY = rng.standard_normal(len(losses))
        inputs = {**_inputs(X, label, lengths), "dY": dY}
        yield Case(inputs, expect={"dX": (dY @ slopes).reshape(X.shape)})
