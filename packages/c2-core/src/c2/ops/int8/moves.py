"""8-bit operators that only move numbers: Y has the scale and the zero point of X."""

import numpy as np

from c2.ops.conv.geometry import ORDER
from c2.ops.int8 import int8_tensor as q
from c2.ops.linear.flatten import as_matrix
from c2.ops.rules import canonical_axis
from c2.ops.shape.reshape import resolve_shape
from c2.ops.shape.slice import resolve_slices
from c2.ops.spatial.channel_shuffle import GROUP
from c2.ops.spatial.resize import HEIGHT, WIDTH, nearest_entries
from c2.registry import Arg, Case, Operator, OpSchema, Tensor, TensorSpec, require
from c2.registry.schema import NoGradient
from c2.registry.spec import INDEX


def _operator(type_, doc, move, args, expected, shape, given, names=("X", "Y"), more=()):
    """An operator whose data is `move(data, *more inputs, **args)`; its case holds that against `expected`."""

    def kernel(xp, X, *inputs, Y_scale, Y_zero_point, **others):
        return q.moved(q.is_int8(names[0], X), move(X.data, *inputs, **others))

    def make_cases(rng):
        X = q.drawn(rng, *shape)
        steps = {"Y_scale": X.scale, "Y_zero_point": X.zero_point}

        def check(Y):
            assert (Y.scale, Y.zero_point) == (X.scale, X.zero_point)
            np.testing.assert_array_equal(Y.data, expected(X.data))

        yield Case({names[0]: X}, {**given, **steps}, check=check)

    ends = [Tensor(name, "8-bit tensor", blob=True) for name in names]
    doc = f"{doc}\n\nY_scale and Y_zero_point are not read: {names[1]} has those of {names[0]}."
    schema = OpSchema(
        type_, doc=doc, inputs=[ends[0], *more], outputs=[ends[1]],
        args=[*args, *q.RESULT], infer=q.unknown, gradient=NoGradient.NOT_IMPLEMENTED,
    )  # fmt: skip
    return Operator(schema, kernel, cases=make_cases, device="CPU")


def _flatten(data, axis):
    return data.reshape(as_matrix(data.shape, canonical_axis("axis", axis, data.ndim + 1)))


def _transpose(data, axes):
    require(
        axes is None or sorted(axes) == list(range(data.ndim)), "axes must be those of X, in any order",
        list(range(data.ndim)), axes,
    )  # fmt: skip
    return data.transpose(axes or None)


def _slice(data, first=None, last=None, *, starts, ends):
    if first is not None:
        require(
            last is not None, "the inputs starts and ends come together", "both", "starts alone"
        )
        starts, ends = np.asarray(first).tolist(), np.asarray(last).tolist()
    return data[resolve_slices(data.shape, starts, ends)]


def _channel_shuffle(data, group, kernel, order):
    require(order.upper() == "NHWC", "order must be NHWC", "NHWC", order)
    C = data.shape[-1]
    require(C % group == 0, "channels must be a multiple of group", f"k * {group}", C)
    return data.reshape(*data.shape[:-1], group, C // group).swapaxes(-1, -2).reshape(data.shape)


def _resize_nearest(data, height_scale, width_scale):
    require(data.ndim == 4, "X must have the axes N, H, W, C", 4, data.ndim)
    for axis, scale in ((1, height_scale), (2, width_scale)):
        size = data.shape[axis]
        wanted = int(np.float32(size) * np.float32(scale))
        data = data.take([i for _, i, _ in nearest_entries(size, wanted, scale)], axis)
    return data


def _ints(name, doc):
    return Arg(name, "ints", default=None, doc=doc)


INT8_FLATTEN = _operator(
    "Int8Flatten", "output = input as a matrix: the axes before `axis` become rows, the others columns.", _flatten,
    [Arg("axis", int, default=1, doc="the first axis of a row")], lambda d: np.concatenate(d).ravel().reshape(6, 4),
    (2, 3, 4), {"axis": 2}, ("input", "output"),
)  # fmt: skip
INT8_TRANSPOSE = _operator(
    "Int8Transpose", "Y has the axes of X in the order told; reversed where none is.", _transpose,
    [_ints("axes", "axis k of Y is axis axes[k] of X")], lambda d: np.moveaxis(d, 2, 0), (2, 3, 4), {"axes": [2, 0, 1]},
)  # fmt: skip
INT8_SLICE = _operator(
    "Int8Slice", "output = data[starts[0]:ends[0], ...]; an end of -1 takes all. One axis may be cut.", _slice,
    [Arg("starts", "ints", default=(), doc="first index of each axis"),
     Arg("ends", "ints", default=(), doc="index behind the last of each axis")],
    lambda d: np.delete(d, [0, 3], axis=1), (2, 4, 3), {"starts": [0, 1, 0], "ends": [-1, 3, -1]},
    ("data", "output"), [Tensor("starts", "1-D, instead of the argument", INDEX, optional=True),
                         Tensor("ends", "1-D, instead of the argument", INDEX, optional=True)],
)  # fmt: skip
INT8_CHANNEL_SHUFFLE = _operator(
    "Int8ChannelShuffle", "Y[..., k * group + g] = X[..., g * C / group + k]: channels of the groups take turns.",
    _channel_shuffle, [GROUP, Arg("kernel", int, doc="is not read, as in Caffe2"), ORDER],
    lambda d: d[..., [0, 3, 1, 4, 2, 5]], (2, 2, 2, 6), {"group": 2, "order": "NHWC"},
)  # fmt: skip
INT8_RESIZE_NEAREST = _operator(
    "Int8ResizeNearest", "Y[n, h, w] = X[n, floor(h / height_scale), floor(w / width_scale)], images (N, H, W, C).",
    _resize_nearest, [HEIGHT, WIDTH], lambda d: np.repeat(np.repeat(d, 2, axis=1), 3, axis=2), (2, 3, 2, 4),
    {"height_scale": 2.0, "width_scale": 3.0},
)  # fmt: skip


def _int8_reshape(xp, X, new_shape=None, *, shape, Y_scale, Y_zero_point):
    old = q.is_int8("data", X).data.shape
    require(
        (new_shape is None) != (shape is None),
        "one of new_shape and shape must be given",
        "one of them",
    )
    wanted = shape if new_shape is None else np.asarray(new_shape).tolist()
    return q.moved(X, X.data.reshape(resolve_shape(wanted, old))), np.array(old, np.int64)


def _reshape_cases(rng):
    data = q.drawn(rng, 2, 3, 4)

    def check(Y, old):
        np.testing.assert_array_equal(Y.data.ravel(), data.data.ravel())
        assert (Y.data.shape, Y.scale, Y.zero_point, old.tolist()) == ((2, 12), 0.1, 100, [2, 3, 4])

    yield Case({"data": data}, {"shape": [0, -1]}, check=check)
    yield Case({"data": data, "new_shape": np.array([2, 12])}, check=check)


INT8_RESHAPE = Operator(
    OpSchema(
        "Int8Reshape", doc="""reshaped = the elements of data, in row-major order, in a new shape; see Reshape.""",
        inputs=[Tensor("data", "8-bit tensor", blob=True),
                Tensor("new_shape", "1-D, instead of the argument", INDEX, optional=True)],
        outputs=[Tensor("reshaped", "8-bit tensor", blob=True), Tensor("old_shape", "int64, the shape of data")],
        args=[_ints("shape", "0 copies the size at its place, one -1 takes what is left"), *q.RESULT],
        infer=lambda *inputs, **args: (None, TensorSpec(None, "int64")), inplace={"data": "reshaped"},
        gradient=NoGradient.NOT_IMPLEMENTED,
    ), _int8_reshape, cases=_reshape_cases, device="CPU",
)  # fmt: skip


def _int8_concat(xp, *inputs, axis, order, add_axis, Y_scale, Y_zero_point):
    for one in inputs:
        q.keeps_steps(q.is_int8("inputs", one), inputs[0].scale, inputs[0].zero_point)
    ndim = inputs[0].data.ndim
    place = canonical_axis("axis", 3 if axis is None and order else axis or 0, ndim)
    shapes = [one.data.shape[:place] + one.data.shape[place + 1 :] for one in inputs]
    require(
        len(set(shapes)) == 1, "inputs must agree in all axes but the joined one", shapes[0], shapes
    )
    sizes = np.array([one.data.shape[place] for one in inputs], np.int32)
    return q.moved(inputs[0], np.concatenate([one.data for one in inputs], place)), sizes


def _concat_cases(rng):
    A, B = q.drawn(rng, 2, 3, 1, 4), q.drawn(rng, 2, 3, 1, 2)
    joined = np.dstack([A.data.reshape(2, 3, 4), B.data.reshape(2, 3, 2)]).reshape(2, 3, 1, 6)

    def check(Y, sizes):
        np.testing.assert_array_equal(Y.data, joined)
        assert (Y.scale, Y.zero_point, sizes.tolist()) == (0.1, 100, [4, 2])

    for args in ({"axis": 3}, {"axis": -1}, {"order": "NHWC"}):
        yield Case({"inputs": [A, B]}, args, check=check)


INT8_CONCAT = Operator(
    OpSchema(
        "Int8Concat", doc="""concat_result = 8-bit tensors of one scale and zero point, joined along an axis.

        The axis is 0 where neither axis nor order is given. Differs from Caffe2: split_info is written.
        """,
        inputs=[Tensor("inputs", "8-bit tensors", variadic=True, blob=True)],
        outputs=[Tensor("concat_result", "8-bit tensor", blob=True),
                 Tensor("split_info", "int32, sizes along the axis", optional=True)],
        args=[Arg("axis", int, default=None, doc="the axis; negative ones count from the end"),
              Arg("order", str, default=None, choices=("NHWC",), doc="instead of axis: 3"),
              Arg("add_axis", bool, default=False, doc="is not read, as in Caffe2"), *q.RESULT],
        infer=lambda *inputs, **args: (None, TensorSpec(None, "int32")), gradient=NoGradient.NOT_IMPLEMENTED,
    ), _int8_concat, cases=_concat_cases, device="CPU",
)  # fmt: skip
