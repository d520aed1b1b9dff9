"""Im2Col and Col2Im: the windows of images as channels, and back."""

from itertools import product

import numpy as np

from c2.ops.conv.columns import Columns
from c2.ops.conv.geometry import ORDER, channel_axis, is_channels_last, resolve_window, spatial
from c2.registry import (
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
from c2.registry.spec import FLOAT

ARGS = [
    Arg("kernel", int, default=0, minimum=0, doc="window size of both axes, in elements"),
    Arg("kernel_h", int, minimum=1, doc="window height, in elements (default: kernel)"),
    Arg("kernel_w", int, minimum=1, doc="window width, in elements (default: kernel)"),
    Arg("stride", int, default=1, minimum=1, doc="step of the window along both axes, in elements"),
    Arg("stride_h", int, minimum=1, doc="step along the height (default: stride)"),
    Arg("stride_w", int, minimum=1, doc="step along the width (default: stride)"),
    Arg("dilation", int, default=1, minimum=1, doc="distance between taps, in elements"),
    Arg(
        "dilation_h",
        int,
        minimum=1,
        doc="distance between taps along the height (default: dilation)",
    ),
    Arg(
        "dilation_w",
        int,
        minimum=1,
        doc="distance between taps along the width (default: dilation)",
    ),
    Arg("pad", int, default=0, minimum=0, doc="zeros added on all four sides, in elements"),
    ORDER,
]


def _window(X, order, args):
    """The window resolved for images X (N, C, H, W) or (N, H, W, C)."""
    require(X.ndim == 4, "the images must have four axes", 4, X.ndim)
    found = {"pad": args["pad"]}
    for name in ("kernel", "stride", "dilation"):
        sides = [args[f"{name}_{side}"] for side in "hw"]
        found[name + "s"] = tuple(args[name] if side is None else side for side in sides)
    require(min(found["kernels"]) > 0, "kernel must be given", "kernel >= 1", found["kernels"])
    sizes = spatial(X.shape, order)
    spans = tuple(d * (k - 1) + 1 for k, d in zip(found["kernels"], found["dilations"]))
    require(
        all(s >= e for s, e in zip(sizes, spans)),
        "the window must fit into the image",
        f"at least {spans}",
        sizes,
    )
    return resolve_window(sizes, **found)


def _columns_shape(X, order, window):
    C = X.shape[channel_axis(order, 4)] * window.kernel[0] * window.kernel[1]
    sizes = window.outputs
    return (X.shape[0], *sizes, C) if is_channels_last(order) else (X.shape[0], C, *sizes)


def infer_im2col(X, *, order, **args):
    return TensorSpec(_columns_shape(X, order, _window(X, order, args)), X.dtype)


def infer_col2im(X, Z, *, order, **args):
    expected = _columns_shape(Z, order, _window(Z, order, args))
    require(X.shape == expected, "X must have the shape of Im2Col(Z)", expected, X.shape)
    require(X.dtype == Z.dtype, "X and Z must have one dtype", Z.dtype, X.dtype)
    return TensorSpec(Z.shape, X.dtype)


IM2COL = OpSchema(
    "Im2Col",
    doc="""Y[n, (c, t), o] = X[n, c, o * stride + t * dilation - pad]: every tap t of the window as a channel.

    NCHW gives (N, C * kernel_h * kernel_w, outputs), NHWC (N, outputs, kernel_h * kernel_w * C). Elements outside
    the image are zero; the window must fit into the image without its padding.

    Differs from Caffe2: a batch of no images gives none, where Caffe2 divides by zero; float16 and float64 too.
    """,
    inputs=[Tensor("X", "(N, C, H, W), or (N, H, W, C) with order NHWC", FLOAT)],
    outputs=[Tensor("Y", "the windows")],
    args=ARGS,
    infer=infer_im2col,
)

COL2IM = OpSchema(
    "Col2Im",
    doc="""Y[n, c, i] = sum of X[n, (c, t), o] over the windows o and taps t that read i: the adjoint of Im2Col.

    Z gives the shape of the images; its content is not read.

    Differs from Caffe2: float16 and float64 are taken too.
    """,
    inputs=[
        Tensor("X", "windows, as Im2Col gives them", FLOAT),
        Tensor("Z", "images of the shape wanted", FLOAT),
    ],
    outputs=[Tensor("Y", "shape of Z")],
    args=ARGS,
    infer=infer_col2im,
)


class _Windows:
    def __init__(self, xp, images, order, args):
        window = _window(images, order, args)
        self.xp, self.shape = xp, _columns_shape(images, order, window)
        last = is_channels_last(order)
        self.columns = Columns(xp, images.shape, images.dtype, window, 1, last, limit=1 << 62)
        sizes, channels = (images.shape[0], *window.outputs), images.shape[channel_axis(order, 4)]
        lead = (*sizes, 1) if last else (images.shape[0], channels)
        tail = (channels,) if last else window.outputs
        self.split = (*lead, *window.kernel, *tail)
        self.rows = slice(0, window.outputs[0])


@kernel(IM2COL)
class Im2Col(_Windows):
    def __init__(self, xp, X, *, order, **args):
        super().__init__(xp, X, order, args)

    def __call__(self, X, out=None):
        Y = self.xp.empty(self.shape, X.dtype) if out is None else out
        if len(X):
            windows = self.columns.windows(self.columns.stage(X), self.rows)
            self.xp.copyto(Y.reshape(self.split), windows)
        return Y


@kernel(COL2IM)
class Col2Im(_Windows):
    def __init__(self, xp, X, Z, *, order, **args):
        super().__init__(xp, Z, order, args)

    def __call__(self, X, Z, out=None):
        Y = self.xp.empty(Z.shape, Z.dtype) if out is None else out
        if len(X):
            target = self.columns.blank(Y)
            self.columns.add_windows(X.reshape(self.split), target, self.rows)
            self.columns.unstage(target, Y)
        return Y


@gradient(IM2COL)
def im2col_gradient_maker(g):
    return [g.op("Col2Im", [g.GO("Y"), g.I("X")], [g.GI("X")])]


@gradient(COL2IM)
def col2im_gradient_maker(g):
    return [g.op("Im2Col", [g.GO("Y")], [g.GI("X")])]


def _examples(rng):
    """Images, arguments, and the windows as (N, C, taps, outputs), with the index of the element each was read from."""
    for args, kernel_, stride, dilation, pad in [
        ({"kernel": 2}, (2, 2), (1, 1), (1, 1), 0),
        ({"kernel_h": 3, "kernel": 1, "stride_w": 2, "pad": 1}, (3, 1), (1, 2), (1, 1), 1),
        ({"kernel": 2, "dilation": 2, "stride": 2}, (2, 2), (2, 2), (2, 2), 0),
        ({"kernel": 1}, (1, 1), (1, 1), (1, 1), 0),
    ]:
        X = rng.standard_normal((2, 3, 5, 4))
        index = np.pad(1 + np.arange(20).reshape(5, 4), pad)  # 0: outside
        spans = [d * (k - 1) + 1 for k, d in zip(kernel_, dilation)]
        sizes = [(s - e) // t + 1 for s, e, t in zip(index.shape, spans, stride)]
        read = np.zeros((*kernel_, *sizes), int)
        for a, b, y, x in product(*map(range, read.shape)):
            read[a, b, y, x] = index[
                y * stride[0] + a * dilation[0], x * stride[1] + b * dilation[1]
            ]
        flat = np.concatenate([np.zeros((2, 3, 1)), X.reshape(2, 3, 20)], -1)
        yield X, args, flat[:, :, read], read


def _channels(windows):
    """(N, C, kernel, outputs) as Im2Col writes it in both orders."""
    N, C, kh, kw, oh, ow = windows.shape
    return windows.reshape(N, C * kh * kw, oh, ow), windows.transpose(0, 4, 5, 2, 3, 1).reshape(
        N, oh, ow, -1
    )


def _last(array):
    return np.ascontiguousarray(np.moveaxis(array, 1, -1))


@cases(IM2COL)
def im2col_cases(rng):
    for X, args, windows, _ in _examples(rng):
        first, last = _channels(windows)
        yield Case({"X": X}, args, {"Y": first})
        yield Case({"X": _last(X)}, {**args, "order": "NHWC"}, {"Y": last})
    yield Case({"X": X[:0]}, args, {"Y": first[:0]})


@cases(COL2IM)
def col2im_cases(rng):
    for X, args, windows, read in _examples(rng):
        dY = rng.standard_normal(windows.shape)
        sums = [np.bincount(read.ravel(), d.ravel(), 21)[1:] for d in dY.reshape(6, -1)]
        images, (first, last) = np.reshape(sums, X.shape), _channels(dY)
        yield Case({"X": first, "Z": X}, args, {"Y": images}, grad=["X"])
        yield Case(
            {"X": last, "Z": _last(X)}, {**args, "order": "NHWC"}, {"Y": _last(images)}, grad=["X"]
        )
