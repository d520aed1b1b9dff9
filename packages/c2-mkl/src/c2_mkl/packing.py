"""Constant weights packed as a kernel wants them: once, for all programs that want the same."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from typing import Any
from weakref import WeakValueDictionary, ref

import numpy as np

from c2_mkl import onednn_numbers as n
from c2_mkl.call import Chain
from c2_mkl.library import OneDNN
from c2_mkl.primitive import Array, Handle, Primitive, aligned, reorder, run, same_layout


class Packed:
    """Packed weights; whoever has them may free what they were made from."""

    def __init__(self, source: Array, array: Array) -> None:
        self._source, self.array = ref(source), array

    @property
    def source(self) -> Array | None:
        return self._source()


class LayoutKey:
    """A layout of oneDNN's as a key: equal where oneDNN says that the layouts are. `owner` keeps it alive."""

    def __init__(self, library: OneDNN, layout: Any, owner: Any) -> None:
        self.library, self.layout, self.owner = library, layout, owner
        self.nbytes = library.api.memory_desc_get_size(layout)

    def __hash__(self) -> int:
        return hash(self.nbytes)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, LayoutKey) and same_layout(self.library, self.layout, other.layout)


_known: WeakValueDictionary[tuple[Hashable, ...], Packed] = WeakValueDictionary()
_lock = threading.Lock()


def packed_once(source: Array, form: Hashable, make: Callable[[], Array]) -> Packed:
    """What `make` gives for the constant `source`, or gave before: `form` tells its way to pack from all others."""
    key = (id(source), form)
    with _lock:
        known = _known.get(key)
        if known is None or known.source is not source:
            known = _known[key] = Packed(source, make())
        return known


def packings_of(source: Array) -> list[Packed]:
    """All that is kept of one array."""
    with _lock:
        return [one for one in _known.values() if one.source is source]


def pack(
    library: OneDNN,
    source: Array,
    plain: Handle,
    one: Primitive,
    threads: int = 1,
    prepare: Callable[[Array], Array] = np.ascontiguousarray,
    prepared: Hashable = None,
) -> Packed:
    """The constant `source`, of layout `plain` once prepared, as the primitive wants its weights.

    Args:
        prepared: tells what `prepare` does from what it does for others with the same layouts.
    """
    wanted = LayoutKey(library, one.layout(n.QUERY_WEIGHTS), one)
    form = (LayoutKey(library, plain.value, plain), wanted, prepared)

    def make() -> Array:
        array = aligned(wanted.nbytes)
        chain = Chain(library, 1, 1)
        reorder(chain, plain, wanted.layout, 0, 1, threads)
        run(chain, [prepare(source), array])
        return array

    return packed_once(source, form, make)


def pack_few_rows(
    library: OneDNN, source: Array, fields: dict[str, int], strides: tuple[int, int]
) -> Packed:
    """Constant FC weights as a `c2_few_rows` with these fields wants them."""
    K, N, halves = (fields[name] for name in ("K", "N", "halves"))

    def make() -> Array:
        nbytes = (2 if halves else 4) * K * (-(-N // 16) * 16)
        array, plain = aligned(nbytes), np.ascontiguousarray(source)
        ffi, (output_stride, k_stride) = library.ffi, strides
        more = {"output_stride": output_stride, "k_stride": k_stride}
        ends: list[Any] = [ffi.cast("void *", one.ctypes.data) for one in (plain, array)]
        library.shim.c2_pack_few_rows(ffi.new("c2_few_rows *", {**fields, **more}), *ends)
        return array

    return packed_once(source, ("few rows", K, N, strides, halves), make)
