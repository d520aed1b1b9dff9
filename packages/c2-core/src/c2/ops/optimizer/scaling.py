"""Lars, ClipTensorByScaling, WeightScale and LearningRateAdaption: factors of rates, gradients and weights."""

import numpy as np

from c2.ops.optimizer.cases import SHAPES, vectors
from c2.ops.optimizer.dense import ITER, begun
from c2.ops.rules import one_element, same_dtype, same_size
from c2.registry import Arg, Case, OpSchema, Tensor, TensorSpec, cases, kernel, require
from c2.registry.schema import NoGradient
from c2.registry.spec import FLOAT


def _infer_lars(X, dX, wd, trust, lr_max, *, offset, lr_min):
    same_dtype(X=X, dX=dX, wd=wd, trust=trust, lr_max=lr_max)
    same_size(X=X, dX=dX)
    one_element(wd=wd, trust=trust, lr_max=lr_max)
    return TensorSpec((1,), X.dtype)


def _infer_clip(X, val, additional=None, *, threshold):
    require(threshold > 0, "threshold must be above 0", "above 0", threshold)
    require(X.size > 0, "input_tensor must not be empty", "1 element or more", 0)
    same_dtype(input_tensor=X, val=val, additional_threshold=additional)
    one_element(val=val, additional_threshold=additional)
    return TensorSpec(X.shape, X.dtype)


def _infer_scale(w, iteration, *, stepsize, upper_bound_iter, scale):
    require(stepsize > 0, "stepsize must be above 0", "above 0", stepsize)
    one_element(iter=iteration)
    return TensorSpec(w.shape, w.dtype)


def _infer_adaption(lr, grad, effgrad, *, lr_alpha, normalized_lr_adaption):
    same_dtype(lr=lr, grad=grad, effgrad=effgrad)
    same_size(grad=grad, effgrad=effgrad)
    one_element(lr=lr)
    return TensorSpec(lr.shape, lr.dtype)


LARS = OpSchema(
    "Lars",
    doc="""lr_rescaled = trust / (|dX| / |X| + wd + offset), kept between lr_min and lr_max; of lengths |.|.

    Where X is 0 it is 1 before it is kept. lr_min wins over lr_max. Source: You, Gitman & Ginsburg, "Large batch
    training of convolutional networks", 2017.
    """,
    inputs=[
        Tensor("X", "the parameter", FLOAT),
        Tensor("dX", "its gradient, size and dtype of X", FLOAT),
        Tensor("wd", "weight decay, one element", FLOAT),
        Tensor("trust", "share of |X| that a step may have, one element", FLOAT),
        Tensor("lr_max", "greatest result, one element", FLOAT),
    ],
    outputs=[Tensor("lr_rescaled", "(1,); dtype of X")],
    args=[
        Arg("offset", float, default=0.5, minimum=0, doc="added to the divisor"),
        Arg("lr_min", float, default=0.02, minimum=0, doc="least result"),
    ],
    infer=_infer_lars,
    cost=lambda X, *_, **__: 4 * X.size,
    gradient=NoGradient.FORBIDDEN,
)

CLIP_TENSOR_BY_SCALING = OpSchema(
    "ClipTensorByScaling",
    doc="""clipped = input_tensor * min(1, threshold / val); val is a norm found by another operator.

    An additional threshold multiplies the argument. NaN in val clips nothing. Source: Pascanu, Mikolov & Bengio, "On
    the difficulty of training recurrent neural networks", 2013. Differs from Caffe2: the additional threshold counts
    for one run, where Caffe2 multiplies it into the threshold of all later runs.
    """,
    inputs=[
        Tensor("input_tensor", "any shape, not empty", FLOAT),
        Tensor("val", "norm to limit, one element", FLOAT),
        Tensor("additional_threshold", "one element", FLOAT, optional=True),
    ],
    outputs=[Tensor("clipped", "shape and dtype of input_tensor")],
    args=[Arg("threshold", float, default=0.0, doc="greatest norm, above 0")],
    infer=_infer_clip,
    inplace={"input_tensor": "clipped"},
    gradient=NoGradient.FORBIDDEN,
)

_NEVER = 2**63 - 1
WEIGHT_SCALE = OpSchema(
    "WeightScale",
    doc="nw = w * scale where t = iter + 1 is below upper_bound_iter and divisible by stepsize, else w.",
    inputs=[Tensor("w", "any shape", FLOAT), ITER],
    outputs=[Tensor("nw", "shape and dtype of w")],
    args=[
        Arg(
            "stepsize", int, default=_NEVER, doc="iterations from one scaling to the next, above 0"
        ),
        Arg("upper_bound_iter", int, default=_NEVER, doc="no scaling from it on"),
        Arg("scale", float, default=1.0, doc="the factor"),
    ],
    infer=_infer_scale,
    inplace={"w": "nw"},
    gradient=NoGradient.FORBIDDEN,
)

LEARNING_RATE_ADAPTION = OpSchema(
    "LearningRateAdaption",
    doc="""lr' = lr (1 - lr_alpha cos(grad, effgrad)), or without normalisation lr - lr_alpha <grad, effgrad>.

    Lengths below 1e-12 count as 1e-12. Source: Baydin et al., "Online learning rate adaptation with hypergradient
    descent", 2018.
    """,
    inputs=[
        Tensor("lr", "one element", FLOAT),
        Tensor("grad", "gradient of this step", FLOAT),
        Tensor("effgrad", "the step before, size and dtype of grad", FLOAT),
    ],
    outputs=[Tensor("output_lr", "shape of lr")],
    args=[
        Arg("lr_alpha", float, default=0.01, doc="learning rate of the learning rate"),
        Arg("normalized_lr_adaption", bool, default=True, doc="use the cosine, not the product"),
    ],
    infer=_infer_adaption,
    inplace={"lr": "output_lr"},
    cost=lambda lr, grad, *_, **__: 6 * grad.size,
    gradient=NoGradient.STOPS,
)


def _length(xp, X):
    flat = X.reshape(-1)
    return xp.sqrt(flat @ flat)


@kernel(LARS)
def lars(xp, X, dX, wd, trust, lr_max, *, offset, lr_min, out=None):
    if out is None:
        out = xp.empty(1, X.dtype)
    x = _length(xp, X)
    ratio = _length(xp, dX) / xp.where(x > 0, x, 1)
    rate = xp.where(x > 0, trust.reshape(()) / (ratio + wd.reshape(()) + offset), 1)
    out[...] = xp.maximum(xp.minimum(rate, lr_max.reshape(())), lr_min)
    return out


@kernel(CLIP_TENSOR_BY_SCALING)
def clip_tensor_by_scaling(xp, X, val, additional=None, *, threshold, out=None):
    val = val.reshape(())
    limit = threshold if additional is None else threshold * additional.reshape(())
    above = val > limit
    return xp.multiply(
        X, xp.where(above, limit / xp.where(above, val, 1), 1).astype(X.dtype), out=out
    )


@kernel(WEIGHT_SCALE)
def weight_scale(xp, w, iteration, *, stepsize, upper_bound_iter, scale, out=None):
    (out,) = begun(xp, out, 1, w)
    t = iteration.item() + 1
    if t % stepsize == 0 and t < upper_bound_iter:
        xp.multiply(out, scale, out=out)
    return out


@kernel(LEARNING_RATE_ADAPTION)
def learning_rate_adaption(xp, lr, grad, effgrad, *, lr_alpha, normalized_lr_adaption, out=None):
    if out is None:
        out = xp.empty(lr.shape, lr.dtype)
    product = grad.reshape(-1) @ effgrad.reshape(-1)
    if normalized_lr_adaption:
        lengths = [xp.maximum(_length(xp, v), 1e-12) for v in (grad, effgrad)]
        out[...] = lr * (1 - lr_alpha * (product / lengths[0] / lengths[1]))
    else:
        out[...] = lr - lr_alpha * product
    return out


@cases(LARS)
def lars_cases(rng):
    X, dX = rng.standard_normal((2, 3)), rng.standard_normal((2, 3))
    wd, trust = np.array([0.1]), np.array([0.7])
    rate = 0.7 / (np.linalg.norm(dX) / np.linalg.norm(X) + 0.1 + 0.5)
    for lr_max, args, expected in [
        (9.0, {}, rate),
        (1e-3, {"lr_min": 0.0}, 1e-3),
        (1e-3, {}, 0.02),
        (9.0, {"lr_min": 5.0}, 5.0),
        (9.0, {"offset": 0.0}, 1 / (1 / rate - 0.5 / 0.7)),
    ]:
        inputs = {"X": X, "dX": dX, "wd": wd, "trust": trust, "lr_max": np.array([lr_max])}
        yield Case(inputs, args, expect={"lr_rescaled": np.array([expected])})
    inputs = {**inputs, "X": np.zeros((2, 3))}
    yield Case(inputs, expect={"lr_rescaled": np.array([1.0])}, id="zero parameter")


@cases(CLIP_TENSOR_BY_SCALING)
def clip_tensor_by_scaling_cases(rng):
    for shape in [(), (3,), (2, 3)]:
        (X,) = vectors(rng, shape, 1)
        for val, expected in [(4.0, X / 2), (1.0, X.copy()), (2.0, X.copy()), (np.nan, X.copy())]:
            inputs = {"input_tensor": X, "val": np.array([val])}
            yield Case(inputs, {"threshold": 2.0}, expect={"clipped": expected})
        inputs = {"input_tensor": X, "val": np.array(4.0), "additional_threshold": np.array([0.5])}
        yield Case(inputs, {"threshold": 2.0}, expect={"clipped": X * 0.25})


@cases(WEIGHT_SCALE)
def weight_scale_cases(rng):
    for shape in SHAPES:
        (w,) = vectors(rng, shape, 1)
        for iteration, factor in [(0, 1), (2, 0.5), (5, 0.5), (8, 1)]:
            args = {"stepsize": 3, "upper_bound_iter": 9, "scale": 0.5}
            yield Case({"w": w, "iter": np.array([iteration])}, args, expect={"nw": w * factor})
        yield Case(
            {"w": w, "iter": np.array(4)}, expect={"nw": w.copy()}, id=f"defaults-{len(shape)}"
        )


@cases(LEARNING_RATE_ADAPTION)
def learning_rate_adaption_cases(rng):
    grad, effgrad = rng.standard_normal((2, 3)), rng.standard_normal((2, 3))
    product = np.sum(grad * effgrad)
    cosine = product / np.sqrt(np.sum(grad**2) * np.sum(effgrad**2))
    for lr in (np.array(0.5), np.array([0.5])):
        inputs = {"lr": lr, "grad": grad, "effgrad": effgrad}
        yield Case(inputs, expect={"output_lr": lr * (1 - 0.01 * cosine)})
        yield Case(inputs, {"lr_alpha": 0.3}, expect={"output_lr": lr * (1 - 0.3 * cosine)})
        args = {"lr_alpha": 0.3, "normalized_lr_adaption": 0}
        yield Case(inputs, args, expect={"output_lr": lr - 0.3 * product})
    zeros = {**inputs, "effgrad": np.zeros((2, 3))}
    yield Case(zeros, expect={"output_lr": lr.copy()}, id="no step before")
