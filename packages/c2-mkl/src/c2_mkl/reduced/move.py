"""Operators that only move numbers, on blobs kept in bf16 or in 8 bits: they stay in that form, scale and all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import prod
from typing import Any

import numpy as np

from c2.compile.layout import PLAIN
from c2.compile.native import NativeKernel, NativeRequest
from c2.ops.conv.geometry import channel_axis, is_channels_last
from c2.ops.shape.joined_axis import adds_axis, joined_axis
from c2.ops.spatial.resize import nearest_entries
from c2_mkl import onednn_numbers as n
from c2_mkl.call import Chain, Declined, chain_of, reduced_native
from c2_mkl.image import is_image
from c2_mkl.library import OneDNN
from c2_mkl.primitive import primitive, strided
from c2_mkl.reduced.storage import ITEMSIZE, Kept, kept, kept_inputs, strides_of_last

Sizes = Sequence[int]


@dataclass(frozen=True)
class View:
    """Numbers in memory: sizes and strides of each axis, and where the first one is."""

    dims: Sizes
    strides: Sizes
    start: int = 0


def only_input(request: NativeRequest) -> Kept:
    """The layout of the first input. Raises Declined where it is not reduced."""
    have = kept_inputs(request)[0]
    if have is None:
        raise Declined("its input is float32, and rounding it would gain nothing")
    return have


def plain_of(layout: Kept) -> Kept:
    """The same numbers in C order."""
    return kept(layout.dtype, False, layout.scale)


def strides_of(dims: Sizes, layout: Kept) -> list[int]:
    if layout.last:
        return strides_of_last(dims)
    return list(accumulate(reversed(dims[1:]), lambda a, b: a * b, initial=1))[::-1]


def add_move(
    chain: Chain, source: View, target: Sizes, layout: Kept, to: int, threads: int
) -> None:
    """Appends a copy of a part of the first input to a whole output with strides `target`."""
    library = chain.library
    dims = list(source.dims)
    ends = [strided(library, dims, list(one), layout.dtype) for one in (source.strides, target)]
    one = primitive(
        library, "reorder", ends[0], library.engine, ends[1], library.engine, threads=threads
    )
    if one.is_slow and prod(dims) > 4096:
        raise Declined("oneDNN has only plain loops for it")
    start = (0, source.start * ITEMSIZE[layout.dtype])
    one.add_to(chain, threads, [(n.SOURCE, ends[0], start), (n.TARGET, ends[1], to)])


@reduced_native("Transpose", "NCHW2NHWC", "NHWC2NCHW")
def build_transpose(request: NativeRequest, library: OneDNN) -> NativeKernel:
    X, shape = only_input(request), request.inputs[0].shape or ()
    axes = _axes(request, len(shape))
    last = request.type == "NHWC2NCHW" and is_image(request.outputs[0])
    Y = kept(X.dtype, last, X.scale)
    to = strides_of(request.outputs[0].shape or (), Y)
    target = [to[axes.index(k)] for k in range(len(shape))]
    chain = chain_of(request, library)
    add_move(chain, View(shape, strides_of(shape, X)), target, X, chain.output, request.threads)
    return chain.kernel([X], [Y])


def _axes(request: NativeRequest, rank: int) -> list[int]:
    """Which axis of X each axis of Y is."""
    if request.type == "NCHW2NHWC":
        return [0, *range(2, rank), 1]
    if request.type == "NHWC2NCHW":
        return [0, rank - 1, *range(1, rank - 1)]
    return list(request.args["axes"] or reversed(range(rank)))


@reduced_native("ChannelShuffle")
def build_channel_shuffle(request: NativeRequest, library: OneDNN) -> NativeKernel:
    X, shape, group = only_input(request), request.inputs[0].shape or (), request.args["group"]
    axis = channel_axis(request.args["order"], len(shape))
    strides = strides_of(shape, X)
    dims = [*shape[:axis], group, shape[axis] // group, *shape[axis + 1 :]]
    source, target = (
        [*strides[:axis], *(factor * strides[axis] for factor in pair), *strides[axis + 1 :]]
        for pair in ((shape[axis] // group, 1), (1, group))
    )
    chain = chain_of(request, library)
    add_move(chain, View(dims, source), target, X, chain.output, request.threads)
    return chain.kernel([X], [X])


@reduced_native("Split", "DepthSplit")
def build_split(request: NativeRequest, library: OneDNN) -> NativeKernel:
    X, shape = only_input(request), request.inputs[0].shape or ()
    if len(request.inputs) > 1 or adds_axis(request.args["axis"], request.args["add_axis"]):
        raise Declined("sizes that are an input, and parts without the axis")
    axis = joined_axis(request.args["axis"], request.args["order"], len(shape))
    strides, at = strides_of(shape, X), 0
    chain = chain_of(request, library)
    for k, part in enumerate(request.outputs):
        assert part.shape is not None
        view = View(part.shape, strides, at * strides[axis])
        add_move(chain, view, strides_of(part.shape, X), X, chain.output + k, request.threads)
        at += part.shape[axis]
    return chain.kernel([X], [X] * len(request.outputs))


@reduced_native("Reshape", "Squeeze", "ExpandDims", any_dtype=True)
def build_reshape(request: NativeRequest, library: OneDNN) -> NativeKernel:
    """Numbers in C order; who has them with channels last reorders them first, in their own form."""
    if len(request.inputs) > 1:
        raise Declined("a shape that is an input")
    X, shape = plain_of(only_input(request)), request.inputs[0].shape or ()
    chain = chain_of(request, library)
    chain.add("copy", {"bytes": X.nbytes(request.inputs[0])}, [0, chain.output])
    if len(request.outputs) > 1:  # the old shape
        add_constant(chain, np.array(shape, np.int64), chain.output + 1)
    return chain.kernel([X], [X, PLAIN][: len(request.outputs)])


def add_constant(chain: Chain, array: np.ndarray[Any, Any], to: int) -> None:
    """Appends a copy of an array that never changes."""
    source = chain.library.ffi.cast("void *", array.ctypes.data)
    chain.add("constant", {"bytes": array.nbytes, "source": source}, [to], keep=array)


@reduced_native("ResizeNearest")
def build_resize_nearest(request: NativeRequest, library: OneDNN) -> NativeKernel:
    have, args = only_input(request), request.args
    if len(request.inputs) > 1:
        raise Declined("scales that are an input")
    nhwc = is_channels_last(args["order"])
    X = kept(have.dtype, not nhwc, have.scale)  # pixels lie together
    first = 1 if nhwc else 2
    sizes = [
        (one.shape or ())[first : first + 2] for one in (request.inputs[0], request.outputs[0])
    ]
    scales = (args["height_scale"], args["width_scale"])
    picked = [_picked(size, wanted, scale) for size, wanted, scale in zip(*sizes, scales)]
    shape = request.inputs[0].shape or ()
    rows, columns = (library.ffi.cast("int64_t *", one.ctypes.data) for one in picked)
    fields = {
        "images": shape[0], "rows_in": sizes[0][0], "columns_in": sizes[0][1], "height": sizes[1][0],
        "width": sizes[1][1], "pixel": shape[3 if nhwc else 1] * ITEMSIZE[X.dtype], "rows": rows, "columns": columns,
        "threads": request.threads,
    }  # fmt: skip
    chain = chain_of(request, library)
    chain.add("pick", fields, [0, chain.output], keep=picked)
    return chain.kernel([X], [X])


def _picked(size: int, wanted: int, scale: float) -> np.ndarray[Any, Any]:
    """Which row (or column) of the input each one of the output is."""
    entries: Any = nearest_entries(size, wanted, scale)
    return np.array([source for _, source, _ in entries], np.int64)
