"""BernoulliJSD: the Jensen-Shannon divergence of two coins, and its gradient."""

import numpy as np

from c2.ops.loss.labels import least_probability
from c2.ops.rules import same_dtype, same_size
from c2.registry import Case, OpSchema, Tensor, TensorSpec, cases, gradient, kernel
from c2.registry.schema import NoGradient
from c2.registry.spec import FLOAT


def _infer(X, T):
    same_dtype(X=X, T=T)
    same_size(X=X, T=T)
    return TensorSpec(X.shape, X.dtype)


def _infer_gradient(dL, X, T):
    same_dtype(X=X, T=T, dL=dL)
    same_size(X=X, T=T, dL=dL)
    return TensorSpec(X.shape, X.dtype)


BERNOULLI_JSD = OpSchema(
    "BernoulliJSD",
    doc="""L = H((X + T) / 2) - (H(X) + H(T)) / 2, where H(p) = -p log p - (1 - p) log(1 - p) and 0 log 0 = 0.

    Symmetric, 0 where X = T, log 2 at most. No gradient for T. Source: Lin, "Divergence measures based on the Shannon
    entropy", 1991. Differs from Caffe2: at X = 1 the gradient is large but finite, found at the number next to 1,
    where Caffe2 gives an infinity or NaN.
    """,
    inputs=[
        Tensor("X", "predicted probabilities, any shape", FLOAT),
        Tensor("T", "target probabilities, size and dtype of X", FLOAT),
    ],
    outputs=[Tensor("L", "shape and dtype of X")],
    infer=_infer,
    cost=lambda X, T: 15 * X.size,
)

BERNOULLI_JSD_GRADIENT = OpSchema(
    "BernoulliJSDGradient",
    doc="dX = dL * (logit(X) - logit((X + T) / 2)) / 2 with logit(p) = log(p / (1 - p)), p being kept from 0 and 1.",
    inputs=[
        Tensor("dL", "size and dtype of X", FLOAT),
        Tensor("X", "input of BernoulliJSD", FLOAT),
        Tensor("T", "input of BernoulliJSD", FLOAT),
    ],
    outputs=[Tensor("dX", "shape and dtype of X")],
    infer=_infer_gradient,
    gradient=NoGradient.FORBIDDEN,
)


@kernel(BERNOULLI_JSD)
def bernoulli_jsd(xp, X, T, *, out=None):
    T, half = T.reshape(X.shape), X.dtype.type(0.5)
    middle = _entropy(xp, (X + T) * half)
    return xp.subtract(middle, (_entropy(xp, X) + _entropy(xp, T)) * half, out=out)


def _entropy(xp, p):
    least = least_probability(p.dtype)
    q = p.dtype.type(1) - p
    return -p * xp.log(xp.maximum(p, least)) - q * xp.log(xp.maximum(q, least))


@kernel(BERNOULLI_JSD_GRADIENT)
def bernoulli_jsd_gradient(xp, dL, X, T, *, out=None):
    half = X.dtype.type(0.5)
    slope = (_logit(xp, X) - _logit(xp, (X + T.reshape(X.shape)) * half)) * half
    return xp.multiply(slope, dL.reshape(X.shape), out=out)


def _logit(xp, p):
    below_one = p.dtype.type(1) - np.finfo(p.dtype).epsneg
    p = xp.clip(p, least_probability(p.dtype), below_one)
    return xp.log(p) - xp.log1p(-p)


@gradient(BERNOULLI_JSD)
def bernoulli_jsd_gradient_maker(g):
    return [g.op("BernoulliJSDGradient", [g.GO("L"), g.I("X"), g.I("T")], [g.GI("X")])]


_SHAPES = [(), (5,), (0,), (2, 3)]


def _divergence(p, q):
    """Half the sum of the relative entropies to the middle."""
    middle = (p + q) / 2
    return sum(
        (a * np.log(a / middle) + (1 - a) * np.log((1 - a) / (1 - middle))) / 2 for a in (p, q)
    )


@cases(BERNOULLI_JSD)
def bernoulli_jsd_cases(rng):
    for shape in _SHAPES:
        X, T = np.asarray(rng.uniform(0.1, 0.9, shape)), np.asarray(rng.uniform(0.1, 0.9, shape))
        yield Case({"X": X, "T": T}, expect={"L": np.asarray(_divergence(X, T))}, grad=["X"])
    X, T = np.array([0.0, 1.0, 0.0, 1.0, 0.3]), np.array([0.0, 1.0, 1.0, 0.0, 0.3])
    expected = np.array([0, 0, np.log(2), np.log(2), 0])
    yield Case({"X": X, "T": T}, expect={"L": expected}, grad=(), id="certain")


@cases(BERNOULLI_JSD_GRADIENT)
def bernoulli_jsd_gradient_cases(rng):
    for shape in _SHAPES:
        X, T = np.asarray(rng.uniform(0.1, 0.9, shape)), np.asarray(rng.uniform(0.1, 0.9, shape))
        dL = np.asarray(rng.standard_normal(shape))
        odds = X / (1 - X) * (2 - X - T) / (X + T)
        yield Case({"dL": dL, "X": X, "T": T}, expect={"dX": dL * np.log(odds) / 2})
    never = {"dL": np.array([1.0]), "X": np.array([0.0]), "T": np.array([1.0])}
    yield Case(never, expect={"dX": np.array([-10 * np.log(10)])}, id="certain")
