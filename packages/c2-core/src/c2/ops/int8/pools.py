"""Int8MaxPool and Int8AveragePool, alone and with a Relu; images are (N, H, W, C)."""

import numpy as np

from c2.ops.conv.geometry import ORDER, WINDOW_ARGS
from c2.ops.int8 import int8_tensor as q
from c2.ops.pool.average_pool import AveragePool
from c2.ops.pool.max_pool import MaxPool
from c2.registry import Case, Operator, OpSchema, require
from c2.registry.schema import NoGradient
from c2.registry.spec import spec_of

MAX_DOC = "Y = the largest X of each window{then}. Y_scale and Y_zero_point must be those of X."
AVERAGE_DOC = """Y = the mean of X over each window{then}, in steps of Y; a pad counts as a 0 of the window.

Differs from Caffe2: rounded as real numbers are, one step off in rare cases.
"""


def _images(X, order):
    require(order.upper() == "NHWC", "order must be NHWC", "NHWC", order)
    x = q.steps("X", X)
    require(x.ndim == 4, "X must have the axes N, H, W, C", 4, x.ndim)
    return x


def _max_pool(relu):
    def int8_max_pool(xp, X, *, order, Y_scale, Y_zero_point, **window):
        x = _images(X, order)
        q.keeps_steps(X, Y_scale, Y_zero_point)
        found = MaxPool(np, spec_of(x), order=order, **window)(x)
        return q.rounded(found, X.scale, X.zero_point, X.zero_point if relu else 0)

    return int8_max_pool


def _average_pool(relu):
    def int8_average_pool(xp, X, *, order, Y_scale, Y_zero_point, **window):
        x = _images(X, order)
        pool = AveragePool(np, spec_of(x), order=order, count_include_pad=INCLUDED, **window)
        count = pool(x) * (X.scale / Y_scale)
        return q.rounded(count, Y_scale, Y_zero_point, Y_zero_point if relu else 0)

    return int8_average_pool


INCLUDED = 1


def _cases(reduce, args, low):
    def make_cases(rng):
        X = q.drawn(rng, 2, 4, 6, 3)
        blocks = q.real(X).reshape(2, 2, 2, 3, 2, 3)  # windows of 2 x 2 that do not overlap
        for window, expected in [
            ({"kernel": 2, "stride": 2}, reduce(blocks, axis=(2, 4))),
            ({"global_pooling": 1}, reduce(q.real(X), axis=(1, 2), keepdims=True)),
        ]:
            check = q.stands_for(expected, args["Y_scale"], args["Y_zero_point"], low)
            yield Case({"X": X}, {**window, "order": "NHWC", **args}, check=check)

    return make_cases


def _operator(name, doc, make, reduce, args, relu):
    schema = OpSchema(
        f"Int8{name}{'Relu' if relu else ''}", doc=doc.format(then=", or 0 where that is below" if relu else ""),
        inputs=[q.X], outputs=[q.Y], args=[*WINDOW_ARGS, ORDER, *q.RESULT], infer=q.unknown,
        gradient=NoGradient.NOT_IMPLEMENTED,
    )  # fmt: skip
    return Operator(
        schema, make(relu), cases=_cases(reduce, args, 0 if relu else None), device="CPU"
    )


_MAX = ("MaxPool", MAX_DOC, _max_pool, np.max, {"Y_scale": 0.1, "Y_zero_point": 100})
_AVERAGE = (
    "AveragePool",
    AVERAGE_DOC,
    _average_pool,
    np.mean,
    {"Y_scale": 0.2, "Y_zero_point": 60},
)
INT8_MAX_POOL, INT8_MAX_POOL_RELU = (_operator(*_MAX, relu) for relu in (False, True))
INT8_AVERAGE_POOL, INT8_AVERAGE_POOL_RELU = (_operator(*_AVERAGE, relu) for relu in (False, True))
