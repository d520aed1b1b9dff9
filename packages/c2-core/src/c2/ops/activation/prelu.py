"""PRelu, a LeakyRelu that learns its slope, and its gradient."""

import numpy as np

from c2.ops.binary.broadcast import sum_to
from c2.ops.elementwise import clamp
from c2.ops.rules import equal, same_dtype, same_shape
from c2.registry import Arg, Case, NoGradient, OpSchema, Tensor, cases, gradient, kernel, require
from c2.registry.spec import FLOAT

ORDER = Arg("order", str, default="NCHW", doc="NCHW: the channel is axis 1; NHWC: the last axis",
            choices=("NCHW", "NHWC"))  # fmt: skip


def infer(X, Slope, *, order):
    same_dtype(X=X, Slope=Slope)
    if Slope.size != 1:
        least = 2 if order == "NCHW" else 1
        require(
            X.ndim >= least,
            f"X must have at least {least} axes for a slope per channel",
            least,
            X.ndim,
        )
        equal(
            "Slope must have 1 element or one per channel of X", X.shape[channel(order)], Slope.size
        )
    return X


def infer_gradient(Y, dY, X, Slope, *, order):
    infer(X, Slope, order=order)
    same_shape(X=X, Y=Y, dY=dY)
    same_dtype(X=X, Y=Y, dY=dY)
    return X, Slope


def channel(order):
    return 1 if order == "NCHW" else -1


def seen(X, Slope, order):
    """The shape in which Slope stretches over X."""
    if Slope.size == 1:
        return ()
    return (Slope.size,) + (1,) * (X.ndim - 2 if order == "NCHW" else 0)


PRELU = OpSchema(
    "PRelu",
    doc="""Y = X where X > 0, else Slope * X. Slope is one number, or one per channel.

    NaN stays NaN.

    Source: He, Zhang, Ren & Sun, "Delving deep into rectifiers", 2015.

    Differs from Caffe2: with one slope X may have fewer than 2 axes.
    """,
    inputs=[
        Tensor("X", "NCHW, NHWC or any shape", FLOAT),
        Tensor("Slope", "1 or C numbers, of any shape", FLOAT),
    ],
    outputs=[Tensor("Y", "shape and dtype of X")],
    args=[ORDER],
    infer=infer,
    inplace={"X": "Y"},
)
PRELU_GRADIENT = OpSchema(
    "PReluGradient",
    doc="dX = dY where X > 0, else Slope * dY; dSlope = sum of X * dY where X <= 0, per channel. Y is not read.",
    inputs=[
        Tensor("Y", "output of PRelu", FLOAT),
        Tensor("dY", "gradient of Y", FLOAT),
        Tensor("X", "input of PRelu", FLOAT),
        Tensor("Slope", "input of PRelu", FLOAT),
    ],
    outputs=[Tensor("dX", "gradient of X"), Tensor("dSlope", "gradient of Slope")],
    args=[ORDER],
    infer=infer_gradient,
    gradient=NoGradient.FORBIDDEN,
)


@kernel(PRELU)
class PRelu:
    """max(X, 0) + Slope * min(X, 0)"""

    def __init__(self, xp, X, Slope, *, order):
        self.xp = xp
        self.shape = seen(X, Slope, order)

    def __call__(self, X, Slope, out=None):
        xp = self.xp
        above = clamp(xp, X, 0, np.inf)
        out = clamp(xp, X, -np.inf, 0, out)
        xp.multiply(out, Slope.reshape(self.shape), out=out)
        return xp.add(out, above, out=out)


@kernel(PRELU_GRADIENT)
class PReluGradient:
    def __init__(self, xp, Y, dY, X, Slope, *, order):
        self.xp = xp
        self.shape = seen(X, Slope, order)
        self.reduce = sum_to(xp, X.shape, self.shape, Slope.shape)

    def __call__(self, Y, dY, X, Slope, out=None):
        xp = self.xp
        out_X, out_slope = out or (None, None)
        slope = Slope.reshape(self.shape)
        dX = clamp(xp, X, -np.inf, 0, out_X)
        xp.multiply(dX, dY, out=dX)
        dSlope = self.reduce(dX, out_slope)
        xp.greater(X, 0, out=dX)
        xp.multiply(dX, 1 - slope, out=dX)
        xp.add(dX, slope, out=dX)
        return xp.multiply(dX, dY, out=dX), dSlope


@gradient(PRELU)
def prelu_gradient_maker(g):
    inputs = [g.O("Y"), g.GO("Y"), g.I("X"), g.I("Slope")]
    return [g.op("PReluGradient", inputs, [g.GI("X"), g.GI("Slope")])]


def samples(rng):
    """X off the kink, Slope, arguments, and the shape that stretches Slope over X."""
    for shape, size, args, stretched in (
        ((2, 3, 2, 2), (3,), {}, (3, 1, 1)),
        ((2, 3, 2, 2), (1, 3), {}, (3, 1, 1)),
        ((2, 2, 2, 3), (3,), {"order": "NHWC"}, (3,)),
        ((2, 3), (3,), {}, (3,)),
        ((2, 3, 2), (1,), {}, (1,)),
        ((0, 3), (3,), {}, (3,)),
        ((), (1,), {}, ()),
        ((4,), (4,), {"order": "NHWC"}, (4,)),
    ):
        X = np.asarray(rng.uniform(0.1, 2, shape) * rng.choice([-1, 1], shape))
        yield X, rng.uniform(-1, 2, size), args, stretched


@cases(PRELU)
def prelu_cases(rng):
    for X, Slope, args, stretched in samples(rng):
        slope = Slope.reshape(stretched)
        expected = (X * (1 + slope) + np.abs(X) * (1 - slope)) / 2
        yield Case({"X": X, "Slope": Slope}, args, expect={"Y": expected})


@cases(PRELU_GRADIENT)
def prelu_gradient_cases(rng):
    for X, Slope, args, stretched in samples(rng):
        slope = Slope.reshape(stretched)
        dY = np.asarray(rng.uniform(-1, 1, X.shape))
        below = X < 0
        each = np.where(below, X * dY, 0)
        axes = tuple(k for k in range(-X.ndim, 0) if -k > len(stretched) or stretched[k] == 1)
        inputs = {"Y": np.where(below, slope * X, X), "dY": dY, "X": X, "Slope": Slope}
        expected = {
            "dX": dY * np.where(below, slope, 1),
            "dSlope": each.sum(axis=axes).reshape(Slope.shape),
        }
        yield Case(inputs, args, expect=expected)
