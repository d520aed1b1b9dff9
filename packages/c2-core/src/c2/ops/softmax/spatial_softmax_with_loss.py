"""SpatialSoftmaxWithLoss, softmax over channels and mean cross entropy of pixels, and its gradient."""

import numpy as np

from c2.ops.loss.labels import check_labels, least_probability
from c2.ops.rules import equal, rank, same_dtype
from c2.ops.softmax.softmax import normalise
from c2.registry import Arg, Case, OpSchema, Tensor, TensorSpec, cases, gradient, kernel
from c2.registry.schema import NoGradient
from c2.registry.spec import FLOAT, INDEX

ARGS = [
    Arg(
        "scale",
        float,
        default=1.0,
        minimum=0,
        doc="factor of the gradient; the loss ignores it, as in Caffe2",
    ),
    Arg("order", str, default="NCHW", choices=("NCHW",), doc="Caffe2 has no other order here"),
    Arg(
        "only_loss",
        bool,
        default=False,
        doc="permits CUDA kernels of Caffe2 to reuse memory; no effect here",
    ),
]
LABELS = Tensor("labels", "class number of each pixel (N, H, W); -1: do not care", INDEX)
IGNORED = -1


def _check(logits, labels, weight_tensor):
    rank("logits", logits, 4)
    N, _, H, W = logits.shape
    equal("labels must be (N, H, W) of logits (N, D, H, W)", (N, H, W), labels.shape)
    if weight_tensor is not None:
        same_dtype(logits=logits, weight_tensor=weight_tensor)
        equal("weight_tensor must have one element per pixel", N * H * W, weight_tensor.size)


def _infer(logits, labels, weight_tensor=None, *, scale, order, only_loss):
    _check(logits, labels, weight_tensor)
    return TensorSpec(logits.shape, logits.dtype), TensorSpec((), logits.dtype)


def _infer_gradient(logits, labels, *rest, scale, order, only_loss):
    *weight_tensor, softmax, dloss = rest
    _check(logits, labels, weight_tensor[0] if weight_tensor else None)
    same_dtype(logits=logits, softmax=softmax, dloss=dloss)
    equal("softmax must have the shape of logits", logits.shape, softmax.shape)
    equal("dloss must have one element", 1, dloss.size)
    return TensorSpec(logits.shape, logits.dtype)


SPATIAL_SOFTMAX_WITH_LOSS = OpSchema(
    "SpatialSoftmaxWithLoss",
    doc="""softmax over channels; loss = sum_p w[p] * -log max(softmax[label p], 1e-20) / sum_p w[p] over pixels p.

    Pixels with label -1 are left out of both sums; w = 1 where not given. Where no weight is left the loss is 0.
    Any other label outside [0, D) is an error. Gradients flow from loss alone.
    """,
    inputs=[
        Tensor("logits", "(N, D, H, W)", FLOAT),
        LABELS,
        Tensor(
            "weight_tensor",
            "weights of the pixels (N, H, W); dtype of logits",
            FLOAT,
            optional=True,
        ),
    ],
    outputs=[
        Tensor("softmax", "shape and dtype of logits"),
        Tensor("loss", "one number, shape ()"),
    ],
    args=ARGS,
    infer=_infer,
    cost=lambda logits, *_, **__: 6 * logits.size,
)

SPATIAL_SOFTMAX_WITH_LOSS_GRADIENT = OpSchema(
    "SpatialSoftmaxWithLossGradient",
    doc="""dX = dloss * scale * w * (softmax - target) / sum w at each pixel, 0 where its label is -1.

    Where the weights sum to 0 or less, scale and the sum are left out, as in Caffe2.
    """,
    inputs=[
        Tensor("logits", "input of SpatialSoftmaxWithLoss", FLOAT),
        LABELS,
        Tensor(
            "rest",
            "weight_tensor if there is one, then softmax and dloss",
            FLOAT,
            variadic=True,
            minimum=2,
        ),
    ],
    outputs=[Tensor("dX", "shape and dtype of logits")],
    args=ARGS,
    infer=_infer_gradient,
    check=lambda n_inputs, n_outputs, args: None if n_inputs in (4, 5) else "takes 4 or 5 inputs",
    cost=lambda logits, *_, **__: 3 * logits.size,
    gradient=NoGradient.FORBIDDEN,
)


class _Pixels:
    """Indices of the pixels, and their weights with those of ignored ones 0."""

    def __init__(self, xp, logits, *specs, scale, order, only_loss):
        self.xp, self.scale = xp, scale
        self.classes = logits.shape[1]
        N, _, H, W = logits.shape
        self.n, self.h, self.w = xp.arange(N)[:, None, None], xp.arange(H)[:, None], xp.arange(W)

    def at(self, labels):
        """Where the label's channel of each pixel is in logits; the first channel for ignored ones."""
        check_labels(labels, self.classes, least=IGNORED)
        return self.n, self.xp.maximum(labels, 0), self.h, self.w

    def weights(self, labels, weight_tensor, dtype):
        counted = (labels != IGNORED).astype(dtype)
        return counted if weight_tensor is None else counted * weight_tensor.reshape(labels.shape)


@kernel(SPATIAL_SOFTMAX_WITH_LOSS)
class SpatialSoftmaxWithLoss(_Pixels):
    def __call__(self, logits, labels, weight_tensor=None, out=None):
        xp = self.xp
        if out is None:
            out = xp.empty(logits.shape, logits.dtype), xp.empty((), logits.dtype)
        P, loss = out
        normalise(xp, logits, P)
        weights = self.weights(labels, weight_tensor, P.dtype)
        chosen = xp.maximum(P[self.at(labels)], least_probability(P.dtype)) if P.size else weights
        total = weights.sum()
        summed = -(xp.log(chosen) * weights).sum()
        loss[...] = xp.where(total == 0, 0, summed / xp.where(total == 0, 1, total))
        return out


@kernel(SPATIAL_SOFTMAX_WITH_LOSS_GRADIENT)
class SpatialSoftmaxWithLossGradient(_Pixels):
    def __call__(self, logits, labels, *rest, out=None):
        *weight_tensor, P, dloss = rest
        xp = self.xp
        if out is None:
            out = xp.empty(logits.shape, logits.dtype)
        out[...] = P
        if not out.size:
            return out
        out[self.at(labels)] -= 1
        weights = self.weights(labels, weight_tensor[0] if weight_tensor else None, out.dtype)
        total = weights.sum()
        share = xp.where(total > 0, self.scale / xp.where(total > 0, total, 1), 1)
        return xp.multiply(out, (weights * (share * dloss.reshape(())))[:, None], out=out)


@gradient(SPATIAL_SOFTMAX_WITH_LOSS)
def spatial_softmax_with_loss_gradient_maker(g):
    weights = [g.I("weight_tensor")] if g.n_inputs == 3 else []
    inputs = [g.I("logits"), g.I("labels"), *weights, g.O("softmax"), g.GO("loss")]
    return [g.op("SpatialSoftmaxWithLossGradient", inputs, [g.GI("logits")])]


def _images(rng):
    """(logits, labels, weights or None)."""
    X = rng.standard_normal((2, 3, 2, 4)) * 2
    labels = rng.integers(-1, 3, (2, 2, 4)).astype(np.int32)
    yield X, labels, None
    yield X, labels, rng.uniform(0.5, 2, labels.shape)
    yield X, np.full_like(labels, -1), None
    yield X[:, :1], np.minimum(labels, 0).astype(np.int64), None
    yield X[:0], labels[:0], None


def _pixel_by_pixel(X, labels, weights):
    """softmax, loss, and the loss's gradient, by plain loops."""
    P, dX, loss, total = np.zeros(X.shape), np.zeros(X.shape), 0.0, 0.0
    for n, h, w in np.ndindex(labels.shape):
        logs = X[n, :, h, w] - np.logaddexp.reduce(X[n, :, h, w])
        P[n, :, h, w] = np.exp(logs)
        label = labels[n, h, w]
        if label >= 0:
            weight = 1.0 if weights is None else weights[n, h, w]
            dX[n, :, h, w] = weight * (np.exp(logs) - np.eye(len(logs))[label])
            loss, total = loss - weight * logs[label], total + weight
    return P, loss / (total or 1), dX / (total or 1)


def _inputs(X, labels, weights):
    return {
        "logits": X,
        "labels": labels,
        **({} if weights is None else {"weight_tensor": weights}),
    }


@cases(SPATIAL_SOFTMAX_WITH_LOSS)
def spatial_softmax_with_loss_cases(rng):
    for X, labels, weights in _images(rng):
        P, loss, _ = _pixel_by_pixel(X, labels, weights)
        expect = {"softmax": P, "loss": np.array(loss)}
        inputs = _inputs(X, labels, weights)
        yield Case(
            inputs, {"scale": 2.0}, expect=expect, grad=()
        )  # nothing flows from softmax, so no quotient


@cases(SPATIAL_SOFTMAX_WITH_LOSS_GRADIENT)
def spatial_softmax_with_loss_gradient_cases(rng):
    for X, labels, weights in _images(rng):
        P, _, dX = _pixel_by_pixel(X, labels, weights)
        rest = [*([] if weights is None else [weights]), P, np.array(1.5)]
        yield Case(
            {"logits": X, "labels": labels, "rest": rest}, {"scale": 2.0}, expect={"dX": 3 * dX}
        )
