"""Constant weights in reduced precision: rounded to bfloat16, or to 8 bits with a scale per output channel."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from c2.compile.native import NativeRequest
from c2_mkl import onednn_numbers as n
from c2_mkl.call import Chain, Declined
from c2_mkl.packing import pack
from c2_mkl.primitive import Array, Primitive, reorder, strided


def stored_as(request: NativeRequest) -> int:
    """oneDNN's number of what weights are kept in."""
    return n.BF16 if request.precision == "bf16" else n.S8


def weight_scales(request: NativeRequest, axis: int = 0) -> Array:
    """One factor per output channel, which lie along an axis of W: the largest weight becomes 127."""
    W = request.constants.get(1)
    if W is None:
        raise Declined("weights that may change")
    largest = _largest(W, axis).ravel()
    return np.where(largest > 0, largest / 127, 1).astype(np.float32)


def place_reduced(
    chain: Chain,
    request: NativeRequest,
    dims: Sequence[int],
    strides: Sequence[int] | None,
    one: Primitive,
    axis: int = 0,
) -> Any:
    """Where a primitive finds W in its precision: packed once, or (bf16 only) at every run into scratch memory."""
    library, wanted = chain.library, one.layout(n.QUERY_WEIGHTS)
    if request.precision == "int8":
        plain = strided(library, dims, strides, n.S8)
        packed = pack(
            library, request.constants[1], plain, one, request.threads, partial(rounded, axis=axis)
        )
    elif 1 in request.constants:
        packed = pack(
            library, request.constants[1], strided(library, dims, strides), one, request.threads
        )
    else:
        place = (chain.scratch_buffer, chain.reserve(library.api.memory_desc_get_size(wanted)))
        reorder(chain, strided(library, dims, strides), wanted, 1, place, request.threads)
        return place
    chain.keep.append(packed)
    chain.packed.append(1)
    return packed.array


def rounded(W: Array, axis: int = 0) -> Array:
    """int8, of the shape of W: each output channel in steps of a 127th of its largest weight."""
    largest = _largest(W, axis)
    factors = 127 / np.where(largest > 0, largest, 127)
    return np.ascontiguousarray(np.rint(W * factors).clip(-127, 127).astype(np.int8))


def _largest(W: Array, axis: int) -> Array:
    """The largest absolute weight of each output channel, with all axes of W."""
    others = tuple(k for k in range(W.ndim) if k != axis % W.ndim)
    found: Array = np.abs(W).max(axis=others, keepdims=True)
    return found
