"""Constant weights in reduced precision: rounded to bfloat16, or to 8 bits with a scale per output channel."""

from __future__ import annotations

from typing import Any

import numpy as np

from c2.compile.native import NativeRequest
from c2_mkl import onednn_numbers as n
from c2_mkl.call import Chain, Declined
from c2_mkl.primitive import Array, Primitive, pack, reorder, strided


def stored_as(request: NativeRequest) -> int:
    """oneDNN's number of what weights are kept in."""
    return n.BF16 if request.precision == "bf16" else n.S8


def weight_scales(request: NativeRequest) -> Array:
    """One factor per output channel, which is the first axis of W: the largest weight becomes 127."""
    W = request.constants.get(1)
    if W is None:
        raise Declined("weights that may change")
    largest = np.abs(W).reshape(len(W), -1).max(axis=1)
    return np.where(largest > 0, largest / 127, 1).astype(np.float32)


def place_reduced(
    chain: Chain,
    request: NativeRequest,
    dims: tuple[int, ...],
    strides: tuple[int, ...] | None,
    one: Primitive,
) -> Any:
    """Where a primitive finds W in its precision: packed once, or (bf16 only) at every run into scratch memory."""
    library, wanted = chain.library, one.layout(n.QUERY_WEIGHTS)
    if request.precision == "int8":
        plain = strided(library, dims, strides, n.S8)
        packed = pack(library, request.constants[1], plain, one, request.threads, _rounded)
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


def _rounded(W: Array) -> Array:
    largest = np.abs(W).reshape(len(W), -1).max(axis=1)
    factors = np.where(largest > 0, 127 / largest, 1).reshape(-1, *(1,) * (W.ndim - 1))
    return np.ascontiguousarray(np.rint(W * factors).clip(-127, 127).astype(np.int8))
