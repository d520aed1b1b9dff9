"""SigmoidCrossEntropyWithLogits, plain and weighted, and their gradients."""

import numpy as np

from c2.ops.linear.flatten import as_matrix
from c2.ops.rules import equal, same_dtype, same_shape
from c2.registry import Arg, Case, OpSchema, Tensor, TensorSpec, cases, gradient, kernel, require
from c2.registry.schema import NoGradient
from c2.registry.spec import FLOAT

ARGS = [
    Arg(
        "log_D_trick",
        bool,
        default=False,
        doc="L = (2 t - 1) log(1 + exp(-x)), for generators of GANs",
    ),
    Arg(
        "unjoined_lr_loss",
        bool,
        default=False,
        doc="L = (1 - t) log(1 + exp(x)) - t x, for unjoined examples",
    ),
]
LOGITS = Tensor("logits", "x, (..., D) or one number", FLOAT)
TARGETS = Tensor("targets", "t, shape and dtype of logits", FLOAT)
WEIGHTS = Tensor("weights", "w, shape and dtype of logits", FLOAT)
XENTROPY = Tensor("xentropy", "shape of logits without its last axis; dtype of logits")
DLOSS = Tensor("dL", "gradient of xentropy", FLOAT)
DX = Tensor("dX", "shape and dtype of logits")


def _check(logits, targets, weights=None, *, log_D_trick=False, unjoined_lr_loss=False):
    same_dtype(logits=logits, targets=targets, weights=weights)
    same_shape(logits=logits, targets=targets, weights=weights)
    require(
        not (log_D_trick and unjoined_lr_loss),
        "log_D_trick and unjoined_lr_loss exclude each other",
    )
    require(logits.shape[-1:] != (0,), "the last axis of logits must not be empty", "1 or more", 0)


def _infer(logits, *others, **args):
    _check(logits, *others, **args)
    return TensorSpec(logits.shape[:-1], logits.dtype)


def _infer_gradient(dL, logits, *others, **args):
    _check(logits, *others, **args)
    same_dtype(logits=logits, dL=dL)
    equal("dL must have one element per row of logits", _rows(logits.shape)[0], dL.size)
    return TensorSpec(logits.shape, logits.dtype)


def _rows(shape):
    return as_matrix(shape, -1) if shape else (1, 1)


def _cost(*specs, **_):
    return 6 * specs[-1].size


SIGMOID_CROSS_ENTROPY_WITH_LOGITS = OpSchema(
    "SigmoidCrossEntropyWithLogits",
    doc="""The mean over the last axis of L = log(1 + exp(x)) - t x = -t log s - (1 - t) log(1 - s), s = sigmoid(x).

    Nothing overflows, however large x is. One number has one loss, shape (). Source of log_D_trick: Goodfellow et
    al., "Generative adversarial nets", 2014.
    """,
    inputs=[LOGITS, TARGETS],
    outputs=[XENTROPY],
    args=ARGS,
    infer=_infer,
    cost=_cost,
)
SIGMOID_CROSS_ENTROPY_WITH_LOGITS_GRADIENT = OpSchema(
    "SigmoidCrossEntropyWithLogitsGradient",
    doc="dX = dL / D * dL/dx: sigmoid(x) - t; (1 - 2 t) sigmoid(-x) by log_D_trick; (1 - t) sigmoid(x) - t unjoined.",
    inputs=[DLOSS, LOGITS, TARGETS],
    outputs=[DX],
    args=ARGS,
    infer=_infer_gradient,
    cost=_cost,
    gradient=NoGradient.FORBIDDEN,
)
WEIGHTED_SIGMOID_CROSS_ENTROPY_WITH_LOGITS = OpSchema(
    "WeightedSigmoidCrossEntropyWithLogits",
    doc="The mean over the last axis, divided by D whatever the weights are, of w * (log(1 + exp(x)) - t x).",
    inputs=[LOGITS, TARGETS, WEIGHTS],
    outputs=[XENTROPY],
    infer=_infer,
    cost=_cost,
)
WEIGHTED_SIGMOID_CROSS_ENTROPY_WITH_LOGITS_GRADIENT = OpSchema(
    "WeightedSigmoidCrossEntropyWithLogitsGradient",
    doc="dX = dL / D * w * (sigmoid(x) - t).",
    inputs=[DLOSS, LOGITS, TARGETS, WEIGHTS],
    outputs=[DX],
    infer=_infer_gradient,
    cost=_cost,
    gradient=NoGradient.FORBIDDEN,
)


@kernel(SIGMOID_CROSS_ENTROPY_WITH_LOGITS, WEIGHTED_SIGMOID_CROSS_ENTROPY_WITH_LOGITS)
class SigmoidCrossEntropy:
    """Keeps the memory of the losses of single elements."""

    def __init__(self, xp, logits, *others, log_D_trick=False, unjoined_lr_loss=False):
        self.xp = xp
        self.find = _log_d if log_D_trick else _unjoined if unjoined_lr_loss else _plain
        self.losses, self.other = (xp.empty(logits.shape, logits.dtype) for _ in range(2))

    def __call__(self, logits, targets, weights=None, out=None):
        xp, losses = self.xp, self.losses
        if out is None:
            out = xp.empty(logits.shape[:-1], logits.dtype)
        self.find(xp, logits, targets, losses, self.other)
        if weights is not None:
            xp.multiply(losses, weights, out=losses)
        N, D = _rows(logits.shape)
        means = out.reshape(N)
        xp.sum(losses.reshape(N, D), axis=1, out=means)
        xp.divide(means, D, out=means)
        return out


def _plain(xp, x, t, losses, other):
    xp.logaddexp(0, x, out=losses)
    xp.subtract(losses, xp.multiply(x, t, out=other), out=losses)


def _log_d(xp, x, t, losses, other):
    xp.logaddexp(0, xp.negative(x, out=losses), out=losses)
    xp.multiply(t, 2, out=other)
    xp.multiply(losses, xp.subtract(other, 1, out=other), out=losses)


def _unjoined(xp, x, t, losses, other):
    xp.logaddexp(0, x, out=losses)
    xp.multiply(losses, xp.subtract(1, t, out=other), out=losses)
    xp.subtract(losses, xp.multiply(x, t, out=other), out=losses)


@kernel(
    SIGMOID_CROSS_ENTROPY_WITH_LOGITS_GRADIENT, WEIGHTED_SIGMOID_CROSS_ENTROPY_WITH_LOGITS_GRADIENT
)
def sigmoid_cross_entropy_gradient(
    xp, dL, logits, targets, weights=None, *, log_D_trick=False, unjoined_lr_loss=False, out=None
):
    if out is None:
        out = xp.empty(logits.shape, logits.dtype)
    if log_D_trick:
        _sigmoid(xp, logits, -1, out)
        xp.multiply(out, 1 - 2 * targets, out=out)
    else:
        _sigmoid(xp, logits, 1, out)
        if unjoined_lr_loss:
            xp.multiply(out, 1 - targets, out=out)
        xp.subtract(out, targets, out=out)
    if weights is not None:
        xp.multiply(out, weights, out=out)
    N, D = _rows(logits.shape)
    rows = out.reshape(N, D)
    xp.multiply(rows, dL.reshape(N, 1) / D, out=rows)
    return out


def _sigmoid(xp, x, sign, out):
    """sigmoid(sign * x) = exp(-log(1 + exp(-sign * x))), right to the last digits on both sides."""
    xp.logaddexp(0, xp.multiply(x, -sign, out=out), out=out)
    xp.exp(xp.negative(out, out=out), out=out)


@gradient(SIGMOID_CROSS_ENTROPY_WITH_LOGITS)
def sigmoid_cross_entropy_gradient_maker(g):
    inputs = [g.GO("xentropy"), g.I("logits"), g.I("targets")]
    return [g.op(f"{g.op_def.type}Gradient", inputs, [g.GI("logits")])]


@gradient(WEIGHTED_SIGMOID_CROSS_ENTROPY_WITH_LOGITS)
def weighted_sigmoid_cross_entropy_gradient_maker(g):
    inputs = [g.GO("xentropy"), g.I("logits"), g.I("targets"), g.I("weights")]
    return [g.op(f"{g.op_def.type}Gradient", inputs, [g.GI("logits")])]


_SHAPES = [(), (3,), (2, 3), (2, 1, 4), (0, 2)]
_MODES = [{}, {"log_D_trick": 1}, {"unjoined_lr_loss": 1}]


def _loss(x, t, log_D_trick=0, unjoined_lr_loss=0):
    """By the logarithm of the sigmoid, in float64 and for moderate x."""
    s = 1 / (1 + np.exp(-x))
    if log_D_trick:
        return (1 - 2 * t) * np.log(s)
    return (
        -t * x - (1 - t) * np.log(1 - s)
        if unjoined_lr_loss
        else -t * np.log(s) - (1 - t) * np.log(1 - s)
    )


def _slope(x, t, log_D_trick=0, unjoined_lr_loss=0):
    s = np.exp(x) / (1 + np.exp(x))
    if log_D_trick:
        return (2 * t - 1) * (s - 1)
    return s - t - (t * s if unjoined_lr_loss else 0)


@cases(SIGMOID_CROSS_ENTROPY_WITH_LOGITS)
def sigmoid_cross_entropy_cases(rng):
    for args in _MODES:
        for shape in _SHAPES:
            x, t = rng.standard_normal(shape) * 3, np.asarray(rng.uniform(0, 1, shape))
            losses = _loss(x, t, **args)
            expected = np.array(losses.mean(-1) if shape else losses)
            yield Case(
                {"logits": x, "targets": t}, args, expect={"xentropy": expected}, grad=["logits"]
            )
    far = {"logits": np.array([[1e4], [-1e4]]), "targets": np.array([[0.0], [0.5]])}
    yield Case(far, expect={"xentropy": np.array([1e4, 5e3])}, grad=(), id="far from 0")


@cases(SIGMOID_CROSS_ENTROPY_WITH_LOGITS_GRADIENT)
def sigmoid_cross_entropy_gradient_cases(rng):
    for args in _MODES:
        for shape in _SHAPES:
            x, t = rng.standard_normal(shape) * 3, np.asarray(rng.uniform(0, 1, shape))
            dL = np.asarray(rng.standard_normal(shape[:-1]))
            dX = (
                dL[..., None] * _slope(x, t, **args) / shape[-1]
                if shape
                else dL * _slope(x, t, **args)
            )
            yield Case({"dL": dL, "logits": x, "targets": t}, args, expect={"dX": dX})
    far = {
        "dL": np.ones(2),
        "logits": np.array([[1e4], [-1e4]]),
        "targets": np.array([[0.0], [0.5]]),
    }
    yield Case(far, expect={"dX": np.array([[1.0], [-0.5]])}, id="far from 0")


@cases(WEIGHTED_SIGMOID_CROSS_ENTROPY_WITH_LOGITS)
def weighted_sigmoid_cross_entropy_cases(rng):
    for shape in _SHAPES:
        x, t, w = rng.standard_normal(shape) * 3, rng.uniform(0, 1, shape), rng.uniform(0, 2, shape)
        inputs = {"logits": x, "targets": np.asarray(t), "weights": np.asarray(w)}
        losses = w * _loss(x, t)
        expected = np.array(losses.mean(-1) if shape else losses)
        yield Case(inputs, expect={"xentropy": expected}, grad=["logits"])


@cases(WEIGHTED_SIGMOID_CROSS_ENTROPY_WITH_LOGITS_GRADIENT)
def weighted_sigmoid_cross_entropy_gradient_cases(rng):
    for shape in _SHAPES[1:]:
        x, t, w = rng.standard_normal(shape) * 3, rng.uniform(0, 1, shape), rng.uniform(0, 2, shape)
        dL = np.asarray(rng.standard_normal(shape[:-1]))
        dX = dL[..., None] * w * _slope(x, t) / shape[-1]
        yield Case({"dL": dL, "logits": x, "targets": t, "weights": w}, expect={"dX": dX})
