"""Conv, Conv1D, Conv2D and Conv3D: the same operator under four names."""

from functools import partial
from math import prod

from c2.ops.conv.convolution import Convolution
from c2.ops.conv.direct import conv_cases
from c2.ops.conv.geometry import (
    ORDER,
    WINDOW_ARGS,
    channel_axis,
    image_shape,
    resolve_window,
    spatial,
)
from c2.registry import Arg, Operator, OpSchema, Tensor, TensorSpec, require
from c2.registry.spec import FLOAT

GROUP = Arg("group", int, default=1, minimum=1, doc="groups of channels that do not see each other")
NO_INPUT_GRADIENT = Arg(
    "no_gradient_to_input", bool, default=False, doc="leave dX out of the gradient operator"
)
ALGORITHM_ARGS = (
    Arg(
        "algo", str, default="AUTO",
        doc="hint for engine NNPACK: AUTO, WINOGRAD, FT8, FT16, DIRECT or 1x1; an engine without it declines",
    ),
    Arg(
        "convolution_transform_strategy", str, default="COMPUTE",
        doc="hint for engine NNPACK: COMPUTE or PRECOMPUTE; filters that never change are transformed once anyway",
    ),
)  # fmt: skip

SEARCH_ARGS = (
    Arg(
        "exhaustive_search", bool, default=False,
        doc="hint for engine CUDNN: measure its algorithms at the first run instead of taking its estimate",
    ),
    Arg("deterministic", bool, default=False, doc="hint for engine CUDNN: the same bits at every run"),
    Arg(
        "ws_nbytes_limit", int, default=64 << 20, minimum=0,
        doc="hint for engine CUDNN: bytes of workspace that an algorithm may take",
    ),
)  # fmt: skip

DOC = """Y[n, m, o] = b[m] + sum over c, t of W[m, c, t] * X[n, c, o * stride + t * dilation - pad].

c runs over the C / group channels of the group of m, t over the taps of the window; elements outside the image
are zero. `kernel`, `stride`, `dilation` and `pad` stand for all spatial axes; `kernels`, `strides`, `dilations`
and `pads` give them one by one. The output has floor((size + pads - dilation * (kernel - 1) - 1) / stride) + 1
elements per axis. A batch of no images gives no images. Negative pads crop. NaN spreads to every window that
holds it.

Source: LeCun et al., "Gradient-based learning applied to document recognition", 1998; groups: Krizhevsky,
Sutskever & Hinton, 2012; dilation: Yu & Koltun, 2016.

Differs from Caffe2: float16 and float64 are taken too; `kernel`, `stride`, `dilation` and `pad` serve any number
of spatial axes, not two alone.
"""


def infer_conv(X, W, b=None, *, order, group, no_gradient_to_input=False, **window):
    found = check_filter(X, W, order, group, window)
    M = W.shape[0]
    if b is not None:
        require(b.shape == (M,), "bias must have one entry per output channel", (M,), b.shape)
        require(b.dtype == X.dtype, "bias and X must have one dtype", X.dtype, b.dtype)
    return TensorSpec(image_shape(X.shape[0], M, found.outputs, order), X.dtype)


def check_filter(X, W, order, group, window):
    """The rules between images and filters; returns the resolved window."""
    require(
        X.ndim >= 3,
        "X must have axes for the batch, the channels and space",
        "3 axes or more",
        X.ndim,
    )
    require(W.ndim == X.ndim, "filter must have as many axes as X", X.ndim, W.ndim)
    require(W.dtype == X.dtype, "filter and X must have one dtype", X.dtype, W.dtype)
    axis = channel_axis(order, X.ndim)
    C, M, depth = X.shape[axis], W.shape[0], W.shape[axis]
    require(
        prod(X.shape[1:]) > 0,
        "X must have channels and elements in every image",
        "sizes >= 1",
        X.shape[1:],
    )
    rule = f"filter.shape[{axis}] * group must equal X.shape[{axis}]"
    require(depth * group == C, rule, C, f"{depth} * {group} = {depth * group}")
    require(
        M > 0 and M % group == 0, "filter.shape[0] must be a multiple of group", f"k * {group}", M
    )
    found = resolve_window(spatial(X.shape, order), **window)
    sizes = spatial(W.shape, order)
    require(
        sizes == found.kernel,
        "filter's spatial axes must have the sizes of kernel",
        found.kernel,
        sizes,
    )
    return found


def conv_cost(X, W, b=None, **args):
    """Two FLOPs per multiply and add."""
    Y = infer_conv(X, W, b, **args)
    return 2 * Y.size * W.size // W.shape[0]


class Conv:
    """Matrix products of the filters and the columns of windows; see `convolution`."""

    def __init__(self, xp, X, W, b=None, *, order, group, no_gradient_to_input=False, **window):
        self.xp, self.dtype, M = xp, X.dtype, W.shape[0]
        found = resolve_window(spatial(X.shape, order), **window)
        self.shape = image_shape(X.shape[0], M, found.outputs, order)
        self.convolution = Convolution(xp, X.shape, X.dtype, found, M, group, order)

    def __call__(self, X, W, b=None, out=None):
        Y = self.xp.empty(self.shape, self.dtype) if out is None else out
        self.convolution.forward(X, W, b, Y)
        return Y


def conv_gradient_maker(g):
    """Outputs dW, db, dX; without a bias dW, dX; without dX where `no_gradient_to_input` is given."""
    has_bias = g.n_inputs == 3
    wants_input = not g.args["no_gradient_to_input"]
    outputs = [g.GI(1)] + ([g.GI(2)] if has_bias else []) + ([g.GI(0)] if wants_input else [])
    extra = {} if has_bias else {"no_bias": 1}
    return [g.op(f"{g.schema.type}Gradient", [g.I(0), g.I(1), g.GO(0)], outputs, **extra)]


def _schema(type_):
    return OpSchema(
        type_,
        doc=DOC,
        inputs=[
            Tensor("X", "images (N, C, ...), or (N, ..., C) with order NHWC", FLOAT),
            Tensor("filter", "W, (M, C / group, ...kernel), or (M, ...kernel, C / group)", FLOAT),
            Tensor("bias", "b, (M,)", FLOAT, optional=True),
        ],
        outputs=[Tensor("Y", "(N, M, ...), or (N, ..., M)")],
        args=[*WINDOW_ARGS, GROUP, ORDER, NO_INPUT_GRADIENT, *ALGORITHM_ARGS, *SEARCH_ARGS],
        infer=infer_conv,
        cost=conv_cost,
    )


RANKS = {"Conv": (1, 2, 3), "Conv1D": (1,), "Conv2D": (2,), "Conv3D": (3,)}
CONVOLUTIONS = [
    Operator(_schema(type_), Conv, conv_gradient_maker, partial(conv_cases, ranks=ranks))
    for type_, ranks in RANKS.items()
]
