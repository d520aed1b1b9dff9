"""AveragedLoss: the mean of everything, and its gradient."""

import numpy as np

from c2.ops.rules import one_element, same_dtype
from c2.registry import Case, OpSchema, Tensor, TensorSpec, cases, gradient, kernel
from c2.registry.schema import NoGradient
from c2.registry.spec import FLOAT


def _infer_gradient(X, dY):
    same_dtype(X=X, dY=dY)
    one_element(dY=dY)
    return TensorSpec(X.shape, X.dtype)


AVERAGED_LOSS = OpSchema(
    "AveragedLoss",
    doc="Y = the mean of all elements of X; 0 where X is empty.",
    inputs=[Tensor("input", "X, losses of any shape", FLOAT)],
    outputs=[Tensor("output", "Y, one number, shape (); dtype of X")],
    infer=lambda X: TensorSpec((), X.dtype),
    cost=lambda X: X.size,
)

AVERAGED_LOSS_GRADIENT = OpSchema(
    "AveragedLossGradient",
    doc="dX = dY / n in each of the n elements.",
    inputs=[Tensor("X", "input of AveragedLoss", FLOAT), Tensor("dY", "one number", FLOAT)],
    outputs=[Tensor("dX", "shape and dtype of X")],
    infer=_infer_gradient,
    gradient=NoGradient.FORBIDDEN,
)


@kernel(AVERAGED_LOSS)
def averaged_loss(xp, X, *, out=None):
    if out is None:
        out = xp.empty((), X.dtype)
    if X.size:
        xp.mean(X, out=out)
    else:
        out.fill(0)
    return out


@kernel(AVERAGED_LOSS_GRADIENT)
def averaged_loss_gradient(xp, X, dY, *, out=None):
    if out is None:
        out = xp.empty(X.shape, X.dtype)
    out[...] = dY.reshape(()) / max(X.size, 1)
    return out


@gradient(AVERAGED_LOSS)
def averaged_loss_gradient_maker(g):
    return [g.op("AveragedLossGradient", [g.I("input"), g.GO("output")], [g.GI("input")])]


@cases(AVERAGED_LOSS)
def averaged_loss_cases(rng):
    for shape in [(), (5,), (2, 3, 4)]:
        X = rng.standard_normal(shape)
        yield Case({"input": X}, expect={"output": np.array(sum(X.ravel().tolist()) / X.size)})
    yield Case({"input": np.zeros((0, 3))}, expect={"output": np.array(0.0)}, id="empty")


@cases(AVERAGED_LOSS_GRADIENT)
def averaged_loss_gradient_cases(rng):
    for shape in [(), (0,), (2, 3)]:
        X = rng.standard_normal(shape)
        dX = np.ones(shape) * 1.5 / max(X.size, 1)
        yield Case({"X": X, "dY": np.array(1.5)}, expect={"dX": dX})
        yield Case({"X": X, "dY": np.array([1.5])}, expect={"dX": dX})
