"""Dropout and DropoutGrad."""

import numpy as np

from c2.ops.rules import same_shape
from c2.registry import (
    REQUIRED,
    Arg,
    Case,
    OpSchema,
    Tensor,
    TensorSpec,
    cases,
    gradient,
    kernel,
    require,
)
from c2.registry.schema import NoGradient
from c2.registry.spec import BOOL, FLOAT

RATIO = Arg(
    "ratio", float, default=0.5, minimum=0, doc="probability of dropping an element, in [0, 1)"
)
IS_TEST = "1: pass everything on unchanged; 0: drop and scale"


def _infer(X, *, ratio, is_test):
    require(ratio < 1, "ratio must be below 1", "[0, 1)", ratio)
    return TensorSpec(X.shape, X.dtype), TensorSpec(X.shape, np.bool_)


def _infer_gradient(dY, mask=None, *, ratio, is_test):
    require(ratio < 1, "ratio must be below 1", "[0, 1)", ratio)
    require(is_test or mask is not None, "mask is needed where is_test=0", "2 inputs", 1)
    if mask is not None:
        same_shape(dY=dY, mask=mask)
    return TensorSpec(dY.shape, dY.dtype)


DROPOUT = OpSchema(
    "Dropout",
    doc="""Y = X * mask / (1 - ratio), mask being False with probability ratio, each element by itself; so the mean
    stays. With is_test=1, Y = X.

    A NaN or infinity that is dropped gives NaN. Source: Hinton et al., "Improving neural networks by preventing
    co-adaptation of feature detectors", 2012. Differs from Caffe2: the random numbers are NumPy's, so equal seeds
    give equal masks in c2, but not the masks of Caffe2; and with is_test=1 a second output is all True, where
    Caffe2 leaves it untouched.
    """,
    inputs=[Tensor("X", "any shape", FLOAT)],
    outputs=[
        Tensor("Y", "shape and dtype of X"),
        Tensor("mask", "bool, shape of X: what was kept; needed where is_test=0", optional=True),
    ],
    args=[RATIO, Arg("is_test", bool, default=REQUIRED, doc=IS_TEST)],
    infer=_infer,
    inplace={"X": "Y"},
    check=lambda n_inputs, n_outputs, args: (
        None if args.get("is_test") or n_outputs == 2 else "needs the output mask where is_test=0"
    ),
    cost=lambda X, **_: 2 * X.size,
)

DROPOUT_GRAD = OpSchema(
    "DropoutGrad",
    doc="dX = dY * mask / (1 - ratio), or dY with is_test=1.",
    inputs=[
        Tensor("dY", "gradient of Dropout's Y", FLOAT),
        Tensor("mask", "mask that Dropout gave; not needed with is_test=1", BOOL, optional=True),
    ],
    outputs=[Tensor("dX", "shape and dtype of dY")],
    args=[RATIO, Arg("is_test", bool, default=False, doc=IS_TEST)],
    infer=_infer_gradient,
    inplace={"dY": "dX"},
    gradient=NoGradient.FORBIDDEN,
)


@kernel(DROPOUT)
class Dropout:
    """Keeps the random numbers' memory."""

    def __init__(self, xp, X, *, ratio, is_test, rng, n_outputs):
        self.xp, self.ratio, self.is_test, self.rng, self.n_outputs = (
            xp,
            ratio,
            is_test,
            rng,
            n_outputs,
        )
        self.uniform = None if is_test else xp.empty(X.shape, np.float32)

    def __call__(self, X, out=None):
        xp = self.xp
        if out is None:
            out = tuple(xp.empty(X.shape, dtype) for dtype in (X.dtype, bool)[: self.n_outputs])
        Y, *mask = out if isinstance(out, tuple) else (out,)
        if self.is_test:
            _pass_on(X, Y)
            for m in mask:
                m.fill(True)
            return (Y, *mask)
        self.rng.random(dtype=np.float32, out=self.uniform)
        xp.greater_equal(self.uniform, np.float32(self.ratio), out=mask[0])
        _keep(xp, X, mask[0], self.ratio, Y)
        return Y, mask[0]


@kernel(DROPOUT_GRAD)
def dropout_grad(xp, dY, mask=None, *, ratio, is_test, out=None):
    if out is None:
        out = xp.empty(dY.shape, dY.dtype)
    if is_test:
        return _pass_on(dY, out)
    return _keep(xp, dY, mask, ratio, out)


def _pass_on(X, Y):
    if Y is not X:
        Y[...] = X
    return Y


def _keep(xp, X, mask, ratio, out):
    xp.multiply(X, X.dtype.type(1 / (1 - ratio)), out=out)
    return xp.multiply(out, mask, out=out)


@gradient(DROPOUT)
def dropout_gradient_maker(g):
    mask = [] if g.args["is_test"] else [g.O("mask")]
    return [g.op("DropoutGrad", [g.GO("Y"), *mask], [g.GI("X")])]


def _kept_share(X, ratio):
    """A check that Y is X scaled where mask holds, and that as many are kept as chance says, within 6 sigma."""

    def check(Y, mask):
        assert mask.dtype == np.bool_
        assert mask.shape == X.shape
        np.testing.assert_allclose(Y[mask], (X / (1 - ratio))[mask], 1e-5)
        assert not Y[~mask].any()
        assert abs((~mask).sum() - ratio * X.size) <= 6 * np.sqrt(X.size * ratio * (1 - ratio))

    return check


@cases(DROPOUT)
def dropout_cases(rng):
    for shape in [(), (0,), (2, 3)]:
        X = rng.standard_normal(shape)
        yield Case({"X": X}, {"is_test": 1, "ratio": 0.7}, expect={"Y": X.copy()}, outputs=1)
    yield Case(
        {"X": X}, {"is_test": 1}, expect={"Y": X.copy(), "mask": np.ones((2, 3), bool)}, outputs=2
    )
    X = rng.uniform(1, 2, (40, 50))
    for ratio in (0.0, 0.1, 0.5, 0.9):
        yield Case({"X": X}, {"is_test": 0, "ratio": ratio}, check=_kept_share(X, ratio), outputs=2)


@cases(DROPOUT_GRAD)
def dropout_grad_cases(rng):
    dY = rng.standard_normal((3, 4))
    mask = rng.integers(0, 2, (3, 4)).astype(bool)
    expected = np.where(mask, dY * 4, 0)
    yield Case({"dY": dY, "mask": mask}, {"ratio": 0.75, "is_test": 0}, expect={"dX": expected})
    yield Case({"dY": dY, "mask": mask}, {"ratio": 0.75}, expect={"dX": expected})
    yield Case({"dY": dY}, {"ratio": 0.75, "is_test": 1}, expect={"dX": dY.copy()})
