"""Int8Conv, Int8ConvRelu and Int8FC: exact sums of products of steps, rounded once."""

from typing import Any

import numpy as np

from c2.ops.conv.conv import GROUP
from c2.ops.conv.convolution import Convolution
from c2.ops.conv.direct import direct_conv
from c2.ops.conv.geometry import ORDER, WINDOW_ARGS, Window, resolve_window
from c2.ops.int8 import int8_tensor as q
from c2.ops.linear.flatten import as_matrix
from c2.ops.rules import canonical_axis
from c2.registry import Arg, Case, Operator, OpSchema, Tensor, require
from c2.registry.schema import NoGradient
from c2.serialize.blobs import Int8Tensor

INT32_BIAS = Tensor(
    "bias", "int32 of scale X.scale * filter.scale, one per output channel", optional=True, blob=True,
)  # fmt: skip
CONV_DOC = """Y = sum over the window of X * filter + bias, as Conv{then}, in steps of Y.

X (N, H, W, C) and filter (M, kernel height, kernel width, C / group) are 8-bit tensors with zero points, images in
order NHWC; the sums are exact, and rounded once. A pad stands for 0.

Differs from Caffe2: rounding of the products' sum is that of real numbers, where Caffe2 multiplies by a fixed-point
factor: one step off in rare cases.
"""
FC_DOC = """Y = X W^T + b, with X flattened to rows at `axis` and W (N, K), in steps of Y; rounded once."""


def bias_steps(b: Any, X: Int8Tensor, W: Int8Tensor) -> Any:
    """The bias in steps of the products, int32; None where there is none. Raises Mismatch where it is in others."""
    if b is None:
        return None
    found = q.is_int8("bias", b)
    scale = X.scale * W.scale
    require(
        abs(found.scale - scale) <= 1e-5 * scale and not found.zero_point,
        "bias must be in steps of the products, without a zero point",
        scale,
        (found.scale, found.zero_point),
    )
    return found.data


def _plus_bias(sums, b, X, W):
    steps = bias_steps(b, X, W)
    return sums if steps is None else sums + steps


def conv_window(X: Any, W: Any, order: str, group: int, window: dict[str, Any]) -> Window:
    """The window of a convolution of 8-bit tensors. Raises Mismatch where X and the filters do not fit."""
    require(order.upper() == "NHWC", "order must be NHWC", "NHWC", order)
    x, w = q.is_int8("X", X).data, q.is_int8("filter", W).data
    require(
        x.ndim == w.ndim == 4 and w.shape[3] * group == x.shape[3] and w.shape[0] % group == 0,
        "filter must be (M, kernel height, kernel width, C / group)", f"C = {x.shape[-1]}, group = {group}", w.shape,
    )  # fmt: skip
    found = resolve_window(x.shape[1:3], **window)
    require(
        w.shape[1:3] == tuple(found.kernel), "filter must be of the kernel's size", found.kernel, w.shape
    )  # fmt: skip
    return found


def _conv(xp, X, W, b, order, group, window):
    found = conv_window(X, W, order, group, window)
    x, w = q.steps("X", X), q.steps("filter", W)
    conv = Convolution(np, x.shape, x.dtype, found, w.shape[0], group, "NHWC")
    out = np.empty((x.shape[0], *found.outputs, w.shape[0]))
    conv.forward(x, w, None, out)
    return _plus_bias(out, b, X, W)


def _in_steps(sums, X, W, scale, zero_point, relu=False):
    factor = X.scale * W.scale / scale
    return q.rounded(sums * factor, scale, zero_point, zero_point if relu else 0)


def _conv_operator(type_, relu):
    def int8_conv(xp, X, W, b=None, *, order, group, Y_scale, Y_zero_point, **window):
        sums = _conv(xp, X, W, b, order, group, window)
        return _in_steps(sums, X, W, Y_scale, Y_zero_point, relu)

    def make_cases(rng):
        for shape, args, geometry in [
            ((4, 3, 3, 6), {"kernel": 3, "pad": 1}, {"head": (1, 1), "tail": (1, 1)}),
            ((6, 1, 2, 2), {"kernel_h": 1, "kernel_w": 2, "group": 3}, {"group": 3}),
            ((3, 2, 2, 6), {"kernel": 2, "stride": 2, "dilation": 2}, {"stride": (2, 2), "dilation": (2, 2)}),
        ]:  # fmt: skip
            X, W = q.drawn(rng, 2, 5, 6, 6), q.drawn(rng, *shape, scale=0.04, zero_point=120)
            b = Int8Tensor(rng.integers(-999, 999, shape[0]).astype(np.int32), 0.1 * 0.04, 0)
            none = {
                "stride": (1, 1),
                "dilation": (1, 1),
                "head": (0, 0),
                "tail": (0, 0),
                "group": 1,
            }
            images, filters = (np.moveaxis(q.real(one), 3, 1) for one in (X, W))
            expected = np.moveaxis(
                direct_conv(images, filters, q.real(b), **{**none, **geometry}), 1, 3
            )
            yield Case(
                {"X": X, "filter": W, "bias": b}, {**args, "order": "NHWC", "Y_scale": 3.0, "Y_zero_point": 90},
                check=q.stands_for(expected, 3.0, 90, 0 if relu else None),
            )  # fmt: skip

    inputs = [q.X, Tensor("filter", "8-bit tensor", blob=True), INT32_BIAS]
    schema = OpSchema(
        type_, doc=CONV_DOC.format(then=" and then Relu" if relu else ""), inputs=inputs, outputs=[q.Y],
        args=[*WINDOW_ARGS, GROUP, ORDER, *q.RESULT], infer=q.unknown, gradient=NoGradient.NOT_IMPLEMENTED,
    )  # fmt: skip
    return Operator(schema, int8_conv, cases=make_cases, device="CPU")


def fc_sizes(
    X: Any, W: Any, axis: int, axis_w: int
) -> tuple[tuple[int, int], tuple[int, int], tuple[int, ...]]:
    """The shapes of X and W as matrices, and that of Y. Raises Mismatch where they do not fit."""
    x, w = q.is_int8("X", X).data, q.is_int8("W", W).data
    axis = canonical_axis("axis", axis, x.ndim)
    rows = as_matrix(x.shape, axis)
    columns = as_matrix(w.shape, canonical_axis("axis_w", axis_w, w.ndim))
    require(
        rows[1] == columns[1], "W must have one column per element of a row of X", rows[1], columns[1]
    )  # fmt: skip
    return rows, columns, (*x.shape[:axis], columns[0])


def _int8_fc(xp, X, W, b, *, axis, axis_w, Y_scale, Y_zero_point):
    rows, columns, shape = fc_sizes(X, W, axis, axis_w)
    x, w = q.steps("X", X).reshape(rows), q.steps("W", W).reshape(columns)
    sums = _plus_bias(x @ w.T, b, X, W)
    return _in_steps(sums.reshape(shape), X, W, Y_scale, Y_zero_point)


def _fc_cases(rng):
    for shape, axis in [((3, 8), 1), ((2, 2, 4), 1), ((2, 3, 8), 2)]:
        X, W = q.drawn(rng, *shape), q.drawn(rng, 5, 8, scale=0.04, zero_point=120)
        b = Int8Tensor(rng.integers(-999, 999, 5).astype(np.int32), 0.1 * 0.04, 0)
        flat = q.real(X).reshape(*shape[:axis], 8)
        expected = np.einsum("...k,nk->...n", flat, q.real(W)) + q.real(b)
        args = {"axis": axis, "Y_scale": 3.0, "Y_zero_point": 90}
        yield Case({"X": X, "W": W, "b": b}, args, check=q.stands_for(expected, 3.0, 90))


INT8_CONV = _conv_operator("Int8Conv", relu=False)
INT8_CONV_RELU = _conv_operator("Int8ConvRelu", relu=True)
INT8_FC = Operator(
    OpSchema(
        "Int8FC", doc=FC_DOC,
        inputs=[q.X, Tensor("W", "8-bit tensor", blob=True), Tensor("b", INT32_BIAS.doc, blob=True)], outputs=[q.Y],
        args=[Arg("axis", int, default=1, doc="where a row of X begins"),
              Arg("axis_w", int, default=1, doc="where a row of W begins"), *q.RESULT],
        infer=q.unknown, gradient=NoGradient.NOT_IMPLEMENTED,
    ), _int8_fc, cases=_fc_cases, device="CPU",
)  # fmt: skip
