"""FC of few rows in int8, by an own kernel that reads its weights once; its result is float32."""

from __future__ import annotations

from math import prod

import numpy as np

from c2.compile.layout import PLAIN
from c2.compile.native import NativeKernel, NativeRequest
from c2_mkl import onednn_numbers as n
from c2_mkl.activation import add_post
from c2_mkl.call import chain_of
from c2_mkl.library import OneDNN
from c2_mkl.native.dense import FEW, sizes_of
from c2_mkl.packing import packed_once
from c2_mkl.primitive import Array, aligned
from c2_mkl.reduced.storage import Kept, rounded_output
from c2_mkl.reduced.weights import rounded, weight_scales

BLOCK = 64  # outputs


def few_rows_of_bytes(request: NativeRequest, library: OneDNN, X: Kept) -> NativeKernel | None:
    """None where the rows are many or not in order, the result is rounded, or the CPU is another."""
    M, K, N = sizes_of(request)
    scattered = X.last and prod((request.inputs[0].shape or ())[2:]) > 1
    if M > FEW or scattered or rounded_output(request) is not None or not library.has_own_vnni:
        return None
    scales = _filled(weight_scales(request, 127) * np.float32(X.scale))
    W, signed, cast = request.constants[1], X.dtype == n.S8, library.ffi.cast
    packed = packed_once(W, "few rows of bytes", lambda: _packed(rounded(W).reshape(N, K)))
    start = np.zeros(len(scales), np.int32)
    if signed:
        start[:N] = -128 * rounded(W).reshape(N, K).sum(1, dtype=np.int32)
    fields = {
        "M": M, "K": K, "N": N, "weights": cast("void *", packed.array.ctypes.data),
        "scales": cast("float *", scales.ctypes.data), "start": cast("int32_t *", start.ctypes.data),
        "is_signed": signed, "threads": request.threads,
    }  # fmt: skip
    chain = chain_of(request, library)
    keep = (packed, scales, start)
    chain.add("few_rows_bytes", fields, [0, 2, chain.output], keep=keep)
    chain.packed.append(1)
    add_post(chain, request.post, M * N, request.threads)
    return chain.kernel([X, PLAIN, PLAIN], [PLAIN])


def _filled(numbers: Array) -> Array:
    """With zeros behind, to whole blocks."""
    return np.pad(numbers, (0, -len(numbers) % BLOCK))


def _packed(W: Array) -> Array:
    """int8 (blocks, K / 4, outputs of a block, 4), filled up with zeros, from (N, K)."""
    N, K = W.shape
    filled = np.pad(W, ((0, -N % BLOCK), (0, -K % 4)))
    blocks = filled.reshape(-1, BLOCK, filled.shape[1] // 4, 4).swapaxes(1, 2)
    packed = aligned(blocks.size)
    packed[:] = blocks.ravel().view(np.uint8)
    return packed
