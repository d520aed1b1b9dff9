"""LRN: local response normalization across channels."""

import numpy as np

from c2.ops.conv.geometry import ORDER
from c2.ops.conv.scratch import Scratch
from c2.ops.norm.channels import BLOCK_BYTES, by_channel, channels_of
from c2.registry import (
    REQUIRED,
    Arg,
    Case,
    NoGradient,
    OpSchema,
    Tensor,
    TensorSpec,
    cases,
    gradient,
    kernel,
    require,
)
from c2.registry.spec import FLOAT

ARGS = [
    Arg(
        "size",
        int,
        default=REQUIRED,
        minimum=1,
        doc="channels in the sum, in elements; odd: c stands in the middle",
    ),
    Arg("alpha", float, default=0.0, doc="weight of the mean square, unitless"),
    Arg("beta", float, default=0.0, doc="exponent, unitless"),
    Arg("bias", float, default=1.0, doc="added to the weighted mean square"),
    ORDER,
]


def infer_lrn(X, *, order, **args):
    channels_of(X, order)
    return (TensorSpec(X.shape, X.dtype),) * 2


def infer_lrn_gradient(X, Y, dY, *, order, **args):
    channels_of(X, order)
    for name, spec in (("Y", Y), ("dY", dY)):
        require(spec.shape == X.shape, f"{name} must have the shape of X", X.shape, spec.shape)
        require(spec.dtype == X.dtype, f"{name} and X must have one dtype", X.dtype, spec.dtype)
    return TensorSpec(X.shape, X.dtype)


LRN = OpSchema(
    "LRN",
    doc="""Y = X / Y_scale ^ beta, with Y_scale[c] = bias + alpha / size * sum of X[k] ^ 2 over the channels k around c.

    The sum runs from c - (size - 1) // 2 over `size` channels; channels outside the image count as zero. alpha is
    divided by size, unlike in the paper.

    Source: Krizhevsky, Sutskever & Hinton, "ImageNet classification with deep convolutional neural networks", 2012.

    Differs from Caffe2: any number of spatial axes; float16 and float64 are taken too; `size` must be given.
    """,
    inputs=[Tensor("X", "images (N, C, ...), or (N, ..., C) with order NHWC", FLOAT)],
    outputs=[Tensor("Y", "shape of X"), Tensor("Y_scale", "shape of X", optional=True)],
    args=ARGS,
    infer=infer_lrn,
)

LRN_GRADIENT = OpSchema(
    "LRNGradient",
    doc="""dX = dY / S ^ beta - 2 * alpha * beta / size * X * T, where S is LRN's Y_scale, computed again, and
    T[c] is the sum of dY * Y / S over the channels whose sums hold c.

    Differs from Caffe2 for an even size in NHWC order, where Caffe2 sums over the wrong channels.
    """,
    inputs=[
        Tensor("X", "what was normalized", FLOAT),
        Tensor("Y", "what came out", FLOAT),
        Tensor("dY", "gradient of Y", FLOAT),
    ],
    outputs=[Tensor("dX", "shape of X")],
    args=ARGS,
    infer=infer_lrn_gradient,
    gradient=NoGradient.FORBIDDEN,
)


class _ChannelSums:
    """Sums over neighbouring channels, in blocks of positions."""

    def __init__(self, xp, X, *, size, alpha, beta, bias, order):
        self.xp, self.spec, self.size, self.order = xp, X, size, order
        self.before = (size - 1) // 2
        as_dtype = X.dtype.type
        self.weight, self.bias, self.beta = as_dtype(alpha / size), as_dtype(bias), as_dtype(beta)
        self.back = as_dtype(-2 * alpha * beta / size)
        self.scratch = Scratch(xp, X.dtype)

    def blocks(self, *images):
        """The images as (b, C, P), block by block of positions."""
        views = [by_channel(image, self.order) for image in images]
        b, C, P = views[0].shape
        step = max(1, BLOCK_BYTES // (C * self.spec.dtype.itemsize))
        for n in range(b):
            for p in range(0, P, step):
                yield [view[n, :, p : p + step] for view in views]

    def add_neighbours(self, terms, target, before):
        """Adds to target[c] the terms of `size` channels from c - before on."""
        C = len(terms)
        for shift in range(max(-before, 1 - C), min(self.size - before, C)):
            to = slice(max(0, -shift), min(C, C - shift))
            if to.stop > to.start:
                part = target[to]
                self.xp.add(part, terms[to.start + shift : to.stop + shift], out=part)

    def scale(self, x, target):
        """bias + alpha / size * sum of squares, into `target`."""
        squares = self.scratch("squares", x.shape)
        self.xp.multiply(x, x, out=squares)
        self.xp.multiply(squares, self.weight, out=squares)
        target[...] = self.bias
        self.add_neighbours(squares, target, self.before)
        return target


@kernel(LRN)
class LRNKernel(_ChannelSums):
    def __init__(self, xp, X, *, n_outputs, **args):
        super().__init__(xp, X, **args)
        self.n_outputs = n_outputs

    def __call__(self, X, out=None):
        if out is None:
            out = tuple(self.xp.empty(X.shape, X.dtype) for _ in range(self.n_outputs))
        out = out if isinstance(out, tuple) else (out,)
        for x, y, *scale in self.blocks(X, *out):
            s = self.scale(x, scale[0] if scale else self.scratch("scale", x.shape))
            power = self.xp.power(s, -self.beta, out=self.scratch("power", x.shape))
            self.xp.multiply(x, power, out=y)
        return out


@kernel(LRN_GRADIENT)
class LRNGradient(_ChannelSums):
    def __init__(self, xp, X, Y, dY, **args):
        super().__init__(xp, X, **args)

    def __call__(self, X, Y, dY, out=None):
        xp, dX = self.xp, self.xp.empty(X.shape, X.dtype) if out is None else out
        for x, y, dy, dx in self.blocks(X, Y, dY, dX):
            s = self.scale(x, self.scratch("scale", x.shape))
            terms = xp.multiply(dy, y, out=self.scratch("terms", x.shape))
            xp.divide(terms, s, out=terms)
            sums = self.scratch("sums", x.shape)
            sums[...] = 0
            self.add_neighbours(terms, sums, self.size - 1 - self.before)
            xp.multiply(sums, x, out=sums)
            xp.multiply(sums, self.back, out=sums)
            xp.power(s, -self.beta, out=s)
            xp.multiply(dy, s, out=dx)
            xp.add(dx, sums, out=dx)
        return dX


@gradient(LRN)
def lrn_gradient_maker(g):
    return [g.op("LRNGradient", [g.I("X"), g.O("Y"), g.GO("Y")], [g.GI("X")])]


def _examples(rng):
    for shape in [(2, 6, 3, 2), (1, 3, 4), (2, 5), (2, 4, 2, 1, 2)]:
        for size in (1, 3, 5):
            yield (
                rng.standard_normal(shape),
                {"size": size, "alpha": 0.7, "beta": 0.75, "bias": 1.5},
            )


def _band(C, size):
    """1 where channel k is in the sum of channel c."""
    c, k = np.indices((C, C))
    return (abs(c - k) <= size // 2).astype(float)


def _last(array):
    return np.ascontiguousarray(np.moveaxis(array, 1, -1))


@cases(LRN)
def lrn_cases(rng):
    for X, args in _examples(rng):
        band = _band(X.shape[1], args["size"]) * args["alpha"] / args["size"]
        scale = args["bias"] + np.einsum("ck,nk...->nc...", band, X**2)
        Y = X * scale ** -args["beta"]
        yield Case({"X": X}, args, {"Y": Y}, outputs=1)
        yield Case({"X": X}, args, {"Y": Y, "Y_scale": scale}, grad=())
        yield Case(
            {"X": _last(X)},
            {**args, "order": "NHWC"},
            {"Y": _last(Y), "Y_scale": _last(scale)},
            grad=(),
        )
    yield Case({"X": X[:0]}, args, {"Y": X[:0]}, outputs=1)
    even = {**args, "size": 2}  # c and c + 1
    scale = 1.5 + 0.35 * (X**2 + np.concatenate([X[:, 1:] ** 2, 0 * X[:, :1]], 1))
    yield Case({"X": X}, even, {"Y": X * scale**-0.75}, outputs=1)


@cases(LRN_GRADIENT)
def lrn_gradient_cases(rng):
    for X, args in _examples(rng):
        dY, beta = rng.standard_normal(X.shape), args["beta"]
        band = _band(X.shape[1], args["size"]) * args["alpha"] / args["size"]
        scale = args["bias"] + np.einsum("ck,nk...->nc...", band, X**2)
        inner = dY * X * -beta * scale ** (-beta - 1)
        dX = dY * scale**-beta + 2 * X * np.einsum("ck,nc...->nk...", band, inner)
        inputs = {"X": X, "Y": X * scale**-beta, "dY": dY}
        yield Case(inputs, args, {"dX": dX})
        yield Case(
            {k: _last(v) for k, v in inputs.items()}, {**args, "order": "NHWC"}, {"dX": _last(dX)}
        )
