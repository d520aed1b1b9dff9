"""Axes in another order, through oneDNN's reorders: transposed, channels moved to the end and back, or shuffled."""

from __future__ import annotations

from collections.abc import Sequence

from c2.compile.native import NativeKernel, NativeRequest
from c2.ops.conv.geometry import channel_axis
from c2_mkl.call import Declined, chain_of, mkl_native
from c2_mkl.library import OneDNN
from c2_mkl.primitive import reorder, strided


@mkl_native("Transpose", "NCHW2NHWC", "NHWC2NCHW")
def build_transpose(request: NativeRequest, library: OneDNN) -> NativeKernel:
    shape = request.inputs[0].shape or ()
    ndim = len(shape)
    if request.type == "Transpose":
        order = tuple(request.args["axes"]) or tuple(range(ndim))[::-1]
    else:
        order = (
            (0, *range(2, ndim), 1)
            if request.type == "NCHW2NHWC"
            else (0, ndim - 1, *range(1, ndim - 1))
        )
    return _turned(request, library, shape, order)


@mkl_native("ChannelShuffle", "ChannelShuffleGradient")
def build_channel_shuffle(request: NativeRequest, library: OneDNN) -> NativeKernel:
    """The channels as a matrix of `group` rows, transposed; its gradient turns it back."""
    shape, group = request.inputs[0].shape or (), request.args["group"]
    axis = channel_axis(request.args["order"], len(shape))
    rows = group if request.type == "ChannelShuffle" else shape[axis] // group
    seen = (*shape[:axis], rows, shape[axis] // rows, *shape[axis + 1 :])
    order = [*range(axis), axis + 1, axis, *range(axis + 2, len(seen))]
    return _turned(request, library, seen, order)


def _turned(
    request: NativeRequest, library: OneDNN, shape: Sequence[int], order: Sequence[int]
) -> NativeKernel:
    """Y has axis order[k] of X, seen in that shape, as its axis k."""
    groups = _runs(shape, order)
    if len(groups) > 6:
        raise Declined("more than six axes")
    chain = chain_of(request, library)
    if len(groups) < 2:
        chain.add("copy", {"bytes": request.inputs[0].nbytes}, [0, chain.output])
        return chain.kernel()
    sizes = [size for _, size in groups]
    place = sorted(range(len(groups)), key=lambda k: groups[k][0])  # in the order of X
    strides, step = [0] * len(groups), 1
    for k in reversed(place):
        strides[k], step = step, step * sizes[k]
    source, target = strided(library, sizes, strides), strided(library, sizes)
    reorder(chain, source, target, 0, chain.output, request.threads)
    chain.keep += [source, target]
    return chain.kernel()


def _runs(shape: Sequence[int], order: Sequence[int]) -> list[tuple[int, int]]:
    """(last axis of X, size) for each axis of Y, axes that stay neighbours joined, and those of size 1 left out."""
    wide = [k for k in range(len(shape)) if shape[k] != 1]
    before = dict(zip(wide[1:], wide))
    runs: list[tuple[int, int]] = []
    for axis in order:
        if shape[axis] == 1:
            continue
        if runs and before.get(axis) == runs[-1][0]:
            runs[-1] = axis, runs[-1][1] * shape[axis]
        else:
            runs.append((axis, shape[axis]))
    return runs
