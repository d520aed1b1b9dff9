"""SpaceToBatch and BatchToSpace, each the gradient of the other."""

import numpy as np

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
    Arg(
        "pad",
        int,
        default=0,
        minimum=0,
        doc="zeros on all four sides of the larger images, in elements",
    ),
    Arg("pad_t", int, minimum=0, doc="zeros above (default: pad)"),
    Arg("block_size", int, default=2, minimum=1, doc="side of the blocks, in elements"),
    Arg("order", str, default="NCHW", choices=("NCHW", "nchw"), doc="order of axes"),
]


def _top(pad, pad_t):
    return pad if pad_t is None else pad_t


def infer_space_to_batch(X, *, pad, pad_t, block_size, order):
    require(X.ndim == 4, "X must have four axes", 4, X.ndim)
    N, C, H, W = X.shape
    H, W = H + pad + _top(pad, pad_t), W + 2 * pad
    fits = H % block_size == 0 and W % block_size == 0
    require(
        fits, "padded height and width must be multiples of block_size", f"k * {block_size}", (H, W)
    )
    return TensorSpec((N * block_size**2, C, H // block_size, W // block_size), X.dtype)


def infer_batch_to_space(X, *, pad, pad_t, block_size, order):
    require(X.ndim == 4, "X must have four axes", 4, X.ndim)
    N, C, H, W = X.shape
    require(
        N % block_size**2 == 0,
        "X.shape[0] must be a multiple of block_size ^ 2",
        f"k * {block_size**2}",
        N,
    )
    H, W = H * block_size - pad - _top(pad, pad_t), W * block_size - 2 * pad
    require(min(H, W) > 0, "pads must leave something of the images", "sizes >= 1", (H, W))
    return TensorSpec((N // block_size**2, C, H, W), X.dtype)


SPACE_TO_BATCH = OpSchema(
    "SpaceToBatch",
    doc="""Y[(a * block_size + b) * N + n, c, y, x] = X[n, c, y * block_size + a - pad_t, x * block_size + b - pad].

    Each position (a, b) inside the blocks of X becomes a batch of images of its own; elements outside X are zero. A
    convolution of these is a dilated convolution of X. No images give none.

    Differs from Caffe2: float16 and float64 are taken too.
    """,
    inputs=[Tensor("X", "(N, C, H, W)", FLOAT)],
    outputs=[Tensor("Y", "(N * block_size ^ 2, C, padded H / block_size, padded W / block_size)")],
    args=ARGS,
    infer=infer_space_to_batch,
)

BATCH_TO_SPACE = OpSchema(
    "BatchToSpace",
    doc="""Y[n, c, y * block_size + a - pad_t, x * block_size + b - pad] = X[(a * block_size + b) * N + n, c, y, x].

    The inverse of SpaceToBatch; elements that fall into the padding are dropped. No images give none.

    Differs from Caffe2: a batch that is no multiple of block_size ^ 2 is refused, where Caffe2 lets images overlap;
    float16 and float64 are taken too.
    """,
    inputs=[Tensor("X", "(N * block_size ^ 2, C, H, W)", FLOAT)],
    outputs=[Tensor("Y", "(N, C, H * block_size - pads, W * block_size - pads)")],
    args=ARGS,
    infer=infer_batch_to_space,
)


def _blocks(batches, images, pad, top, block_size):
    """Per position inside the blocks: its batch, and the same elements in the images, those in the padding cut off."""
    N = len(images)
    for a in range(block_size):
        for b in range(block_size):
            batch = batches[(a * block_size + b) * N :][:N]
            skip_y, skip_x = -((a - top) // block_size), -((b - pad) // block_size)
            skip_y, skip_x = max(0, skip_y), max(0, skip_x)
            y, x = skip_y * block_size + a - top, skip_x * block_size + b - pad
            part = images[:, :, y::block_size, x::block_size]
            yield (
                batch[:, :, skip_y : skip_y + part.shape[2], skip_x : skip_x + part.shape[3]],
                part,
            )


@kernel(SPACE_TO_BATCH)
def space_to_batch(xp, X, *, pad, pad_t, block_size, order, out=None):
    shape = infer_space_to_batch(X, pad=pad, pad_t=pad_t, block_size=block_size, order=order).shape
    Y = xp.empty(shape, X.dtype) if out is None else out
    Y[...] = 0
    for batch, part in _blocks(Y, X, pad, _top(pad, pad_t), block_size):
        xp.copyto(batch, part)
    return Y


@kernel(BATCH_TO_SPACE)
def batch_to_space(xp, X, *, pad, pad_t, block_size, order, out=None):
    shape = infer_batch_to_space(X, pad=pad, pad_t=pad_t, block_size=block_size, order=order).shape
    Y = xp.empty(shape, X.dtype) if out is None else out
    for batch, part in _blocks(X, Y, pad, _top(pad, pad_t), block_size):
        xp.copyto(part, batch)
    return Y


@gradient(SPACE_TO_BATCH)
def space_to_batch_gradient_maker(g):
    return [g.op("BatchToSpace", [g.GO("Y")], [g.GI("X")])]


@gradient(BATCH_TO_SPACE)
def batch_to_space_gradient_maker(g):
    return [g.op("SpaceToBatch", [g.GO("Y")], [g.GI("X")])]


def _examples(rng):
    """Images, arguments, and the batches by padding, splitting into blocks and transposing."""
    for shape, args, top in [
        ((2, 3, 4, 6), {}, 0),
        ((2, 1, 2, 4), {"pad": 1}, 1),
        ((1, 2, 3, 4), {"pad": 1, "pad_t": 2, "block_size": 3}, 2),
        ((2, 2, 2, 3), {"block_size": 1}, 0),
        ((0, 2, 4, 4), {}, 0),
        ((1, 1, 1, 2), {"pad": 3, "pad_t": 4, "block_size": 4}, 4),
    ]:
        X, b, pad = rng.standard_normal(shape), args.get("block_size", 2), args.get("pad", 0)
        padded = np.pad(X, [(0, 0), (0, 0), (top, pad), (pad, pad)])
        N, C, H, W = padded.shape
        split = padded.reshape(N, C, H // b, b, W // b, b).transpose(3, 5, 0, 1, 2, 4)
        yield X, args, split.reshape(b * b * N, C, H // b, W // b)


@cases(SPACE_TO_BATCH)
def space_to_batch_cases(rng):
    for X, args, Y in _examples(rng):
        yield Case({"X": X}, args, {"Y": Y})


@cases(BATCH_TO_SPACE)
def batch_to_space_cases(rng):
    for X, args, Y in _examples(rng):
        yield Case({"X": Y}, args, {"Y": X})
