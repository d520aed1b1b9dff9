"""Where a primitive finds its weights, and where it puts their gradient."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from weakref import WeakValueDictionary

import numpy as np

from c2.compile.native import NativeRequest
from c2_mkl import onednn_numbers as n
from c2_mkl.call import Chain
from c2_mkl.library import OneDNN
from c2_mkl.primitive import Handle, Packed, Primitive, aligned, pack, reorder, same_layout


def place_weights(
    chain: Chain, request: NativeRequest, plain: Handle, one: Primitive, position: int
) -> Any:
    """Where a primitive finds its weights: where they are, packed once, or packed at every run into scratch memory."""
    library, wanted = chain.library, one.layout(n.QUERY_WEIGHTS)
    if same_layout(library, plain, wanted):
        return position
    if position in request.constants:
        packed = pack(library, request.constants[position], plain, one, request.threads)
        chain.keep.append(packed)
        chain.packed.append(position)
        return packed.array
    place = (chain.scratch_buffer, chain.reserve(library.api.memory_desc_get_size(wanted)))
    reorder(chain, plain, wanted, position, place, request.threads)
    return place


_few: WeakValueDictionary[tuple[int, ...], Packed] = WeakValueDictionary()
_packing = threading.Lock()


def pack_few_rows(
    library: OneDNN,
    source: np.ndarray[Any, Any],
    K: int,
    N: int,
    strides: tuple[int, int],
    threads: int,
) -> Packed:
    """Constant FC weights as `c2_run_few_rows` wants them; shared by all programs that have the same."""
    key = (id(source), K, N, *strides)
    with _packing:
        known = _few.get(key)
        if known is not None and known.source is source:
            return known
        array = aligned(4 * K * (-(-N // 16) * 16))
        ffi, fields = library.ffi, {"K": K, "N": N, "threads": threads}
        fields["output_stride"], fields["k_stride"] = strides
        plain = np.ascontiguousarray(source)
        ends = [ffi.cast("float *", one.ctypes.data) for one in (plain, array)]
        library.shim.c2_pack_few_rows(ffi.new("c2_few_rows *", fields), *ends)
        packed = _few[key] = Packed(source, array, None, None)
        return packed


@contextmanager
def give_weights(
    chain: Chain, plain: Handle, one: Primitive, position: int, threads: int
) -> Iterator[Any]:
    """Where a primitive, added inside, puts a gradient of weights: where it belongs, or first into scratch memory."""
    library, made = chain.library, one.layout(n.QUERY_D_WEIGHTS)
    if same_layout(library, plain, made):
        chain.keep.append(plain)
        yield position
        return
    place = (chain.scratch_buffer, chain.reserve(library.api.memory_desc_get_size(made)))
    yield place
    reorder(chain, made, plain, place, position, threads)
