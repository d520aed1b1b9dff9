"""What all pooling operators share: names, arguments, shape inference, gradient maker and test cases."""

from itertools import product
from math import prod
from typing import Any

import numpy as np

from c2.ops.conv.geometry import (
    ORDER,
    WINDOW_ARGS,
    Window,
    channel_axis,
    image_shape,
    resolve_window,
    spatial,
)
from c2.registry import OpSchema, Tensor, TensorSpec, require
from c2.registry.schema import NoGradient
from c2.registry.spec import FLOAT

NAMES = ("", "1D", "2D", "3D")


def pool_window(X: TensorSpec, order: str, window: dict[str, Any]) -> Window:
    """The window resolved for X, by the rules of pooling."""
    require(
        X.ndim >= 3,
        "X must have axes for the batch, the channels and space",
        "3 axes or more",
        X.ndim,
    )
    require(
        prod(X.shape[1:]) > 0,
        "X must have channels and elements in every image",
        "sizes >= 1",
        X.shape[1:],
    )
    found = resolve_window(spatial(X.shape, order), **window)
    require(set(found.dilation) <= {1}, "pooling takes no dilation", "dilation = 1", found.dilation)
    for head, tail, kernel in zip(found.head, found.tail, found.kernel):
        checked = (
            head if window.get("legacy_pad") else max(head, tail)
        )  # else the tail is not the user's
        require(
            checked < kernel, "pads must be smaller than the kernel", f"pad < {kernel}", checked
        )
    return found


def infer_pool(X, *, order, window):
    found = pool_window(X, order, window)
    channels = X.shape[channel_axis(order, X.ndim)]
    return TensorSpec(image_shape(X.shape[0], channels, found.outputs, order), X.dtype)


def infer_pool_gradient(X, Y, dY, *, order, window):
    expected = infer_pool(X, order=order, window=window).shape
    require(Y.shape == expected, "Y must have the shape of the pool's output", expected, Y.shape)
    require(dY.shape == expected, "dY must have the shape of Y", expected, dY.shape)
    require(
        X.dtype == Y.dtype == dY.dtype,
        "X, Y and dY must have one dtype",
        X.dtype,
        (Y.dtype, dY.dtype),
    )
    return TensorSpec(X.shape, X.dtype)


def pool_gradient_maker(g):
    return [g.op(f"{g.schema.type}Gradient", [g.I(0), g.O(0), g.GO(0)], [g.GI(0)])]


def pool_schema(type_, doc, extra=()):
    names = [a.name for a in extra]

    def infer(X, *, order, **window):
        return infer_pool(
            X, order=order, window={k: v for k, v in window.items() if k not in names}
        )

    return OpSchema(
        type_,
        doc=doc,
        inputs=[Tensor("X", "images (N, C, ...), or (N, ..., C) with order NHWC", FLOAT)],
        outputs=[Tensor("Y", "(N, C, ...outputs), or (N, ...outputs, C)")],
        args=[*WINDOW_ARGS, *extra, ORDER],
        infer=infer,
    )


def pool_gradient_schema(type_, doc, extra=()):
    names = [a.name for a in extra]

    def infer(X, Y, dY, *, order, **window):
        kept = {k: v for k, v in window.items() if k not in names}
        return infer_pool_gradient(X, Y, dY, order=order, window=kept)

    return OpSchema(
        f"{type_}Gradient",
        doc=doc,
        inputs=[
            Tensor("X", "what was pooled", FLOAT),
            Tensor("Y", "what came out", FLOAT),
            Tensor("dY", "gradient of Y", FLOAT),
        ],
        outputs=[Tensor("dX", "shape of X")],
        args=[*WINDOW_ARGS, *extra, ORDER],
        infer=infer,
        gradient=NoGradient.FORBIDDEN,
    )


def ranks_of(name):
    """Numbers of spatial axes to test a name with."""
    return (int(name[0]),) if name else (1, 2, 3)


def direct_windows(X, kernel, stride, head, outputs):
    """Per output position of X (N, C, ...): the index of its window, cut at the border."""
    for at in product(*map(range, outputs)):
        starts = [o * s - h for o, s, h in zip(at, stride, head)]
        spans = [slice(max(0, a), min(n, a + k)) for a, k, n in zip(starts, kernel, X.shape[2:])]
        yield (slice(None), slice(None), *at), (slice(None), slice(None), *spans)


# Arguments per case with (kernel, stride, head, tail) of every axis, for images of SIZE along every axis.
SIZE = 6
WINDOWS = [
    ({"kernel": 2, "stride": 2}, (2, 2, 0, 0)),
    ({"kernel": 3, "stride": 2, "pad": 1}, (3, 2, 1, 1)),
    ({"kernel": 3, "pad": 1}, (3, 1, 1, 1)),
    ({"kernel": 3, "pad": 2}, (3, 1, 2, 2)),
    ({"kernel": 3, "stride": 2, "legacy_pad": 3}, (3, 2, 0, 2)),
    ({"kernel": 3, "stride": 2, "legacy_pad": 2}, (3, 2, 0, 1)),
    ({"kernel": 2, "stride": 3}, (2, 3, 0, 0)),
    ({"kernel": 1}, (1, 1, 0, 0)),
    ({"global_pooling": 1}, (SIZE, 1, 0, 0)),
]


def examples(rng, ranks):
    """Images with distinct elements, arguments, and the windows they stand for."""
    for rank in ranks:
        for args, (kernel, stride, head, tail) in WINDOWS if rank < 3 else WINDOWS[:3]:
            shape = (2, 3, *(SIZE,) * rank)
            X = rng.permutation(prod(shape)).reshape(shape) / 8.0 - 3.0
            outputs = ((SIZE + head + tail - kernel) // stride + 1,) * rank
            windows = list(
                direct_windows(X, (kernel,) * rank, (stride,) * rank, (head,) * rank, outputs)
            )
            yield X, args, windows, np.zeros((2, 3, *outputs)), kernel**rank


def last(array):
    return np.ascontiguousarray(np.moveaxis(array, 1, -1))
