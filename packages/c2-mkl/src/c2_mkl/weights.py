"""Where a primitive finds its weights, and where it puts their gradient."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from c2.compile.native import NativeRequest
from c2_mkl import onednn_numbers as n
from c2_mkl.call import Chain
from c2_mkl.packing import pack
from c2_mkl.primitive import Handle, Primitive, reorder, same_layout


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
