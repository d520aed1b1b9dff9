"""SoftmaxWithLoss, softmax and mean cross entropy in one step, and its gradient."""

import numpy as np

from c2.ops.linear.flatten import as_matrix
from c2.ops.loss.labels import check_distributions, check_labels, least_probability
from c2.ops.rules import canonical_axis, equal, same_dtype
from c2.ops.softmax.softmax import normalise
from c2.registry import Arg, Case, OpSchema, Tensor, TensorSpec, cases, gradient, kernel, require
from c2.registry.schema import NoGradient
from c2.registry.spec import FLOAT, INDEX

ARGS = [
    Arg(
        "label_prob",
        bool,
        default=False,
        doc="labels are probabilities of every class, not class numbers",
    ),
    Arg("scale", float, default=1.0, minimum=0, doc="factor of the loss, unitless"),
    Arg(
        "average_by_batch_size",
        bool,
        default=False,
        doc="divide by N, not by the sum of the weights",
    ),
    Arg(
        "axis",
        int,
        default=1,
        doc="logits are a matrix: axes before it are examples (N), the others classes (D)",
    ),
    Arg("order", str, default="NCHW", choices=("NCHW",), doc="Caffe2 has no other order here"),
    Arg(
        "only_loss",
        bool,
        default=False,
        doc="permits CUDA kernels of Caffe2 to reuse memory; no effect here",
    ),
]
LABELS = Tensor(
    "labels",
    "class numbers (N,) or (N, 1), or with label_prob shape and dtype of logits",
    FLOAT | INDEX,
)
WEIGHTS = Tensor(
    "weight_tensor", "weights of the examples, N elements; dtype of logits", FLOAT, optional=True
)


def _check(logits, labels, weight_tensor, label_prob, axis):
    canonical_axis("axis", axis, logits.ndim)
    N, D = as_matrix(logits.shape, axis)
    if label_prob:
        same_dtype(logits=logits, labels=labels, weight_tensor=weight_tensor)
        equal("with label_prob, labels must have one element per logit", N * D, labels.size)
    else:
        require(str(labels.dtype) in INDEX, "labels must be class numbers", "int32 or int64", labels.dtype,
                "Say label_prob=1 for probabilities.")  # fmt: skip
        equal("labels must have one element per row of logits", N, labels.size)
        same_dtype(logits=logits, weight_tensor=weight_tensor)
    require(weight_tensor is None or weight_tensor.size == N, "weight_tensor must have one element per row of logits",
            N, weight_tensor and weight_tensor.size)  # fmt: skip


def _infer(
    logits,
    labels,
    weight_tensor=None,
    *,
    label_prob,
    scale,
    average_by_batch_size,
    axis,
    order,
    only_loss,
):
    _check(logits, labels, weight_tensor, label_prob, axis)
    return TensorSpec(logits.shape, logits.dtype), TensorSpec((), logits.dtype)


def _infer_gradient(
    logits, labels, *rest, label_prob, scale, average_by_batch_size, axis, order, only_loss
):
    *weight_tensor, softmax, dloss = rest
    _check(logits, labels, weight_tensor[0] if weight_tensor else None, label_prob, axis)
    same_dtype(logits=logits, softmax=softmax, dloss=dloss)
    equal("softmax must have the shape of logits", logits.shape, softmax.shape)
    equal("dloss must have one element", 1, dloss.size)
    return TensorSpec(logits.shape, logits.dtype)


SOFTMAX_WITH_LOSS = OpSchema(
    "SoftmaxWithLoss",
    doc="""softmax = Softmax(logits); loss = scale * sum_n w[n] * L[n] / sum_n w[n] with w = 1 where not given.

    L[n] = -log softmax[n, labels[n]], found without taking the logarithm of a rounded number; with label_prob
    L[n] = -sum_d labels[n, d] * log max(softmax[n, d], 1e-20), and each row of labels must be a probability
    distribution. Where the weights sum to 0, or there is no example, the loss is 0. A label outside [0, D) is an
    error. Gradients flow from loss alone.
    """,
    inputs=[Tensor("logits", "flattened to (N, D)", FLOAT), LABELS, WEIGHTS],
    outputs=[
        Tensor("softmax", "shape and dtype of logits"),
        Tensor("loss", "one number, shape ()"),
    ],
    args=ARGS,
    infer=_infer,
    cost=lambda logits, *_, **__: 6 * logits.size,
)

SOFTMAX_WITH_LOSS_GRADIENT = OpSchema(
    "SoftmaxWithLossGradient",
    doc="""dX[n] = dloss * scale * w[n] * (softmax[n] - target[n]) / sum w, target being the label as probabilities.

    Where the weights sum to 0 or less, it is w[n] * (softmax[n] - target[n]) alone, as in Caffe2.
    """,
    inputs=[
        Tensor("logits", "input of SoftmaxWithLoss", FLOAT),
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


class _Labelled:
    """The rows of a batch and the share of each in the loss."""

    def __init__(self, xp, logits, label_prob, scale, average_by_batch_size, axis):
        self.xp, self.label_prob, self.scale = xp, label_prob, scale
        self.average_by_batch_size = average_by_batch_size
        self.shape = as_matrix(logits.shape, axis)
        self.rows = xp.arange(self.shape[0])


@kernel(SOFTMAX_WITH_LOSS)
class SoftmaxWithLoss(_Labelled):
    def __init__(self, xp, logits, labels, weight_tensor=None, *, label_prob, scale, average_by_batch_size,
                 axis, order, only_loss):  # fmt: skip
        super().__init__(xp, logits, label_prob, scale, average_by_batch_size, axis)

    def __call__(self, logits, labels, weight_tensor=None, out=None):
        xp = self.xp
        if out is None:
            out = xp.empty(logits.shape, logits.dtype), xp.empty((), logits.dtype)
        P, X = out[0].reshape(self.shape), logits.reshape(self.shape)
        losses = (self._soft if self.label_prob else self._hard)(X, labels, P)
        weights = None if weight_tensor is None else weight_tensor.reshape(-1)
        out[1][...] = self._average(losses if weights is None else losses * weights, weights)
        return out

    def _hard(self, X, labels, P):
        xp, labels = self.xp, labels.reshape(-1)
        check_labels(labels, self.shape[1])
        if not X.size:
            return X.sum(axis=1)
        xp.subtract(X, X.max(axis=1, keepdims=True), out=P)
        chosen = P[self.rows, labels]
        xp.exp(P, out=P)
        sums = P.sum(axis=1)
        xp.divide(P, sums[:, None], out=P)
        return xp.log(sums) - chosen

    def _soft(self, X, labels, P):
        xp, labels = self.xp, labels.reshape(self.shape)
        check_distributions(xp, labels)
        normalise(xp, X, P)
        logs = xp.maximum(P, least_probability(P.dtype))
        xp.log(logs, out=logs)
        xp.multiply(logs, labels, out=logs)
        return -logs.sum(axis=1)

    def _average(self, losses, weights):
        if weights is None or self.average_by_batch_size:
            return losses.sum() * (self.scale / max(self.shape[0], 1))
        xp, total = self.xp, weights.sum()
        return xp.where(total == 0, 0, losses.sum() * self.scale / xp.where(total == 0, 1, total))


@kernel(SOFTMAX_WITH_LOSS_GRADIENT)
class SoftmaxWithLossGradient(_Labelled):
    def __init__(
        self, xp, logits, *specs, label_prob, scale, average_by_batch_size, axis, order, only_loss
    ):
        super().__init__(xp, logits, label_prob, scale, average_by_batch_size, axis)

    def __call__(self, logits, labels, *rest, out=None):
        *weights, P, dloss = rest
        weights = weights[0].reshape(-1) if weights else None
        xp = self.xp
        if out is None:
            out = xp.empty(logits.shape, logits.dtype)
        dX = out.reshape(self.shape)
        if self.label_prob:
            xp.subtract(P.reshape(self.shape), labels.reshape(self.shape), out=dX)
        else:
            check_labels(labels, self.shape[1])
            dX[...] = P.reshape(self.shape)
            dX[self.rows, labels.reshape(-1)] -= 1
        xp.multiply(dX, self._factors(weights, dloss.reshape(())), out=dX)
        return out

    def _factors(self, weights, dloss):
        """dloss * scale * w[n] / total, (N, 1) or a number."""
        if weights is None:
            return dloss * (self.scale / max(self.shape[0], 1))
        summed = weights.sum()
        positive = summed > 0
        total = self.shape[0] if self.average_by_batch_size else self.xp.where(positive, summed, 1)
        factor = self.xp.where(positive, dloss * self.scale / total, 1)
        return (weights * factor)[:, None]


@gradient(SOFTMAX_WITH_LOSS)
def softmax_with_loss_gradient_maker(g):
    weights = [g.I("weight_tensor")] if g.n_inputs == 3 else []
    inputs = [g.I("logits"), g.I("labels"), *weights, g.O("softmax"), g.GO("loss")]
    return [g.op("SoftmaxWithLossGradient", inputs, [g.GI("logits")])]


def _log_softmax(X, shape):
    X = X.reshape(shape)
    return X - np.logaddexp.reduce(X, axis=1)[:, None]


def _targets(labels, shape):
    targets = np.zeros(shape)
    for n, label in enumerate(labels.ravel()):
        targets[n, label] = 1
    return targets


def _batches(rng):
    """(logits, labels, targets, weights or None, args, what to divide by)."""
    plain = rng.standard_normal((4, 3)) * 3
    labels = np.array([0, 2, 1, 2], np.int32)
    targets, w = _targets(labels, (4, 3)), rng.uniform(0.5, 2, 4)
    yield plain, labels, targets, None, {}, 4
    yield plain, labels[:, None], targets, None, {"scale": 2.5}, 4
    yield plain, labels.astype(np.int64), targets, w, {"only_loss": 1}, w.sum()
    yield plain, labels, targets, w, {"scale": 0.5, "average_by_batch_size": 1}, 4
    yield plain, labels, targets, None, {"average_by_batch_size": 1}, 4
    yield plain.reshape(4, 1, 3), labels, targets, None, {"axis": 2, "order": "NCHW"}, 4
    yield plain.reshape(2, 2, 3), labels.reshape(2, 2), targets, w, {"axis": -1}, w.sum()
    soft = rng.dirichlet(np.ones(3), 4)
    yield plain, soft, soft, None, {"label_prob": 1}, 4
    yield plain, soft, soft, w, {"label_prob": 1, "scale": 3.0}, w.sum()
    yield np.zeros((0, 3)), np.zeros(0, np.int32), np.zeros((0, 3)), None, {}, 1


@cases(SOFTMAX_WITH_LOSS)
def softmax_with_loss_cases(rng):
    for X, labels, targets, w, args, total in _batches(rng):
        logs = _log_softmax(X, targets.shape)
        weighted = targets * logs * (1 if w is None else w[:, None])
        expect = {
            "softmax": np.exp(logs).reshape(X.shape),
            "loss": np.array(-args.get("scale", 1.0) * weighted.sum() / total),
        }
        inputs = {"logits": X, "labels": labels, **({} if w is None else {"weight_tensor": w})}
        yield Case(
            inputs, args, expect=expect, grad=()
        )  # nothing flows from softmax, so no quotient
    inputs = {"logits": X, "labels": labels, "weight_tensor": np.zeros(0)}
    yield Case(inputs, expect={"loss": np.array(0.0)}, outputs=2, grad=(), id="no weight")


@cases(SOFTMAX_WITH_LOSS_GRADIENT)
def softmax_with_loss_gradient_cases(rng):
    for X, labels, targets, w, args, total in _batches(rng):
        P = np.exp(_log_softmax(X, targets.shape))
        factor = 1.5 * args.get("scale", 1.0) / total
        dX = factor * (P - targets) if w is None else np.einsum("n,nd->nd", w * factor, P - targets)
        rest = [*([] if w is None else [w]), P.reshape(X.shape), np.array(1.5)]
        yield Case(
            {"logits": X, "labels": labels, "rest": rest}, args, expect={"dX": dX.reshape(X.shape)}
        )
    X, P = np.zeros((2, 2)), np.full((2, 2), 0.5)
    rest = [np.array([1.0, -1.0]), P, np.array(3.0)]
    dX = np.array([[-0.5, 0.5], [-0.5, 0.5]])
    yield Case(
        {"logits": X, "labels": np.array([0, 1]), "rest": rest}, expect={"dX": dX}, id="no weight"
    )
