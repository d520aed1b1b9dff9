"""NCHW2NHWC and NHWC2NCHW: the channel axis moved to the end and back."""

from functools import partial

import numpy as np

from c2.ops.results import stored
from c2.registry import Case, Operator, OpSchema, Tensor, TensorSpec, require


def _order(to_last, ndim):
    return (0, *range(2, ndim), 1) if to_last else (0, ndim - 1, *range(1, ndim - 1))


def _infer(to_last, data):
    require(data.ndim >= 3, "data must have three axes or more", "3 or more axes", data.shape)
    return TensorSpec(tuple(data.shape[k] for k in _order(to_last, data.ndim)), data.dtype)


def _kernel(to_last, xp, data, *, out=None):
    return stored(xp, data.transpose(_order(to_last, data.ndim)), out)


def _gradient_maker(inverse, g):
    return [g.op(inverse, [g.GO("output")], [g.GI("data")])]


def _cases(to_last, rng):
    for shape in [(2, 3, 4), (2, 3, 1, 5), (1, 2, 3, 2, 2), (0, 3, 4, 5)]:
        X = rng.uniform(-1, 1, shape)
        yield Case({"data": X}, {}, {"output": np.moveaxis(X, *((1, -1) if to_last else (-1, 1)))})
    X = rng.integers(0, 255, (1, 2, 3)).astype(np.uint8)
    expected = np.stack([X[0].T])
    yield Case({"data": X}, {}, {"output": expected}, id="uint8")


def _operator(type_, inverse, to_last, what, result):
    schema = OpSchema(
        type_,
        doc=f"output = data with its channel axis moved {what}. Differs from Caffe2: every dtype is taken.",
        inputs=[Tensor("data", "three axes or more, any dtype")],
        outputs=[Tensor("output", result)],
        infer=partial(_infer, to_last),
        cost=lambda data: 0,
    )
    return Operator(
        schema,
        partial(_kernel, to_last),
        partial(_gradient_maker, inverse),
        partial(_cases, to_last),
    )


CHANNEL_ORDERS = [
    _operator("NCHW2NHWC", "NHWC2NCHW", True, "from place 1 to the end", "(N, ..., C)"),
    _operator("NHWC2NCHW", "NCHW2NHWC", False, "from the end to place 1", "(N, C, ...)"),
]
