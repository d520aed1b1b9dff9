"""Constant weights in reduced precision: rounded to bfloat16, or to 8 bits with a scale per output channel.

Without VNNI a CPU adds the products of two pairs of 8 bits in 16 bits, cut off beyond them (vpmaddubsw, which oneDNN
uses), so weights then go to 63: 2 * 255 * 63 < 2^15. Convolutions of signed images are left out: for them oneDNN
halves the weights itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from c2.compile.native import NativeRequest
from c2_mkl import onednn_numbers as n
from c2_mkl.call import Chain, Declined
from c2_mkl.library import OneDNN
from c2_mkl.packing import pack
from c2_mkl.primitive import Array, Primitive, reorder, strided
from c2_mkl.reduced.storage import Kept


def stored_as(request: NativeRequest) -> int:
    """oneDNN's number of what weights are kept in."""
    return n.BF16 if request.precision == "bf16" else n.S8


def weight_steps(request: NativeRequest, library: OneDNN, X: Kept) -> int:
    """What the largest weight of an output channel becomes in 8 bits."""
    halved_by_onednn = X.dtype == n.S8 and request.type.startswith("Conv")
    return 127 if library.adds_products_in_32_bits or halved_by_onednn else 63


def weight_scales(request: NativeRequest, steps: int, axis: int = 0) -> Array:
    """One factor per output channel, which lie along an axis of W: the largest weight becomes `steps`."""
    W = request.constants.get(1)
    if W is None:
        raise Declined("weights that may change")
    largest = _largest(W, axis).ravel()
    return np.where(largest > 0, largest / steps, 1).astype(np.float32)


def place_reduced(
    chain: Chain,
    request: NativeRequest,
    dims: Sequence[int],
    strides: Sequence[int] | None,
    one: Primitive,
    steps: int,
    axis: int = 0,
) -> Any:
    """Where a primitive finds W in its precision: packed once, or (bf16 only) at every run into scratch memory."""
    library, wanted = chain.library, one.layout(n.QUERY_WEIGHTS)
    if request.precision == "int8":
        plain = strided(library, dims, strides, n.S8)
        packed = pack(
            library, request.constants[1], plain, one, request.threads,
            partial(rounded, steps=steps, axis=axis), (steps, axis),
        )  # fmt: skip
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


def rounded(W: Array, axis: int = 0, steps: int = 127) -> Array:
    """int8, of the shape of W: the largest weight of each output channel becomes `steps`."""
    largest = _largest(W, axis)
    factors = steps / np.where(largest > 0, largest, steps)
    return np.ascontiguousarray(np.rint(W * factors).clip(-steps, steps).astype(np.int8))


def _largest(W: Array, axis: int) -> Array:
    """The largest absolute weight of each output channel, with all axes of W."""
    others = tuple(k for k in range(W.ndim) if k != axis % W.ndim)
    found: Array = np.abs(W).max(axis=others, keepdims=True)
    return found
