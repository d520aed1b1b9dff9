"""oneDNN's primitives as calls of a chain: memory descriptors, weights packed once, arguments bound to buffers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np

from c2_mkl import onednn_numbers as n
from c2_mkl.call import CACHE_LINE, Call, Chain, Declined
from c2_mkl.image import Image
from c2_mkl.library import OneDNN

Array = np.ndarray[Any, Any]


class Handle:
    """Something of oneDNN's that is destroyed with the last one who needs it."""

    def __init__(self, library: OneDNN, value: Any, destroy: Any) -> None:
        self.library, self.value, self._destroy = library, value, destroy

    def __del__(self) -> None:
        self._destroy(self.value)


def made(library: OneDNN, create: Callable[..., int], destroy: Any, *args: Any) -> Handle:
    """What a function of oneDNN creates; handles stand for their values. Raises Declined where it does not want to."""
    pointer = library.ffi.new("void **")
    code = create(pointer, *(a.value if isinstance(a, Handle) else a for a in args))
    if code:
        raise Declined(f"oneDNN offers nothing for it (code {code})")
    return Handle(library, pointer[0], destroy)


# -- memory


def strided(
    library: OneDNN,
    dims: Sequence[int],
    strides: Sequence[int] | None = None,
    dtype: int = n.FLOAT,
) -> Handle:
    """Descriptor of a tensor, of float32 unless told; in C order where no strides are given."""
    if strides is None:
        strides = np.cumprod([1, *reversed(dims[1:])]).tolist()[::-1]
    create = library.api.memory_desc_create_with_strides
    return made(
        library,
        create,
        library.api.memory_desc_destroy,
        len(dims),
        list(dims),
        dtype,
        list(strides),
    )


def tagged(library: OneDNN, dims: Sequence[int], tag: int, dtype: int = n.FLOAT) -> Handle:
    create = library.api.memory_desc_create_with_tag
    return made(library, create, library.api.memory_desc_destroy, len(dims), list(dims), dtype, tag)


def any_layout(library: OneDNN, dims: Sequence[int], dtype: int = n.FLOAT) -> Handle:
    """Descriptor that leaves the layout to oneDNN."""
    return tagged(library, dims, n.ANY, dtype)


def image_memory(library: OneDNN, image: Image) -> Handle:
    if image.strides is None:
        return tagged(library, image.dims, image.tag)
    return strided(library, image.dims, image.strides)


def same_layout(library: OneDNN, a: Any, b: Any) -> bool:
    """Whether two memory descriptors (handles, or what a primitive tells) are equal."""
    values = (x.value if isinstance(x, Handle) else x for x in (a, b))
    return bool(library.api.memory_desc_equal(*values))


def memory(library: OneDNN, descriptor: Any, address: Any = None) -> Handle:
    address = library.ffi.NULL if address is None else library.ffi.cast("void *", address)
    return made(
        library,
        library.api.memory_create,
        library.api.memory_destroy,
        descriptor,
        library.engine,
        address,
    )


# -- primitives


class Primitive:
    """A primitive descriptor, and the primitive made of it where it is used."""

    def __init__(self, library: OneDNN, descriptor: Handle) -> None:
        self.library, self.descriptor = library, descriptor

    def layout(self, query: int) -> Any:
        """The memory descriptor it chose for an argument; lives as long as the primitive descriptor."""
        return self.library.api.primitive_desc_query_md(self.descriptor.value, query, 0)

    @property
    def name(self) -> str:
        """What oneDNN calls the implementation."""
        ffi = self.library.ffi
        pointer = ffi.new("char **")
        self.library.api.primitive_desc_query(self.descriptor.value, n.QUERY_NAME, 0, pointer)
        return str(ffi.string(pointer[0]).decode())

    @property
    def is_slow(self) -> bool:
        """Plain loops: nothing that was written for this CPU."""
        return self.name.startswith(("ref", "simple"))

    def add_to(self, chain: Chain, threads: int, arguments: Sequence[tuple[int, Any, Any]]) -> None:
        """Appends it to a chain.

        Args:
            arguments: (oneDNN's number of the argument, its memory descriptor, where it is): a position among the
                chain's buffers, a pair of the scratch buffer's position and an offset, or an array that never moves.
        """
        library = self.library
        nbytes = library.api.memory_desc_get_size(self.layout(n.QUERY_SCRATCHPAD))
        places = list(arguments)
        if nbytes:
            place = (chain.scratch_buffer, chain.reserve(nbytes))
            places.append((n.SCRATCHPAD, self.layout(n.QUERY_SCRATCHPAD), place))
        with team_of(library, threads):
            create, destroy = library.api.primitive_create, library.api.primitive_destroy
            primitive = made(library, create, destroy, self.descriptor.value)
        stream = made(
            library,
            library.api.stream_create,
            library.api.stream_destroy,
            library.engine,
            n.IN_ORDER,
        )
        context = library.ffi.new("c2_primitive *")
        context.primitive, context.stream = primitive.value, stream.value
        context.threads, context.count = threads, len(places)
        keep: list[Any] = [self.descriptor, primitive, stream]
        buffers: list[int] = []
        offsets: list[int] = []
        for slot, (number, descriptor, place) in zip(context.arguments, places):
            fixed = isinstance(place, np.ndarray)
            held = memory(library, descriptor, place.ctypes.data if fixed else None)
            slot.arg, slot.memory, slot.buffer = number, held.value, -1 if fixed else len(buffers)
            keep += [held, place]
            if not fixed:
                buffer, offset = place if isinstance(place, tuple) else (place, 0)
                buffers.append(buffer)
                offsets.append(offset)
        function = library.ffi.addressof(library.shim, "c2_run_primitive")
        chain.calls.append(Call(function, context, tuple(buffers), tuple(offsets), keep))


@contextmanager
def team_of(library: OneDNN, threads: int) -> Any:
    """Primitives made inside are made for so many threads."""
    before = library.shim.c2_set_threads(threads)
    try:
        yield
    finally:
        library.shim.c2_set_threads(before)


@contextmanager
def attributes(
    library: OneDNN,
    append: Callable[[Any], None] | None = None,
    scales: Mapping[int, int] | None = None,
    zero_points: Sequence[int] = (),
) -> Any:
    """Attributes of a primitive: scratch memory from us, post-operations by `append`.

    `scales` are the arguments that come with factors: their number -> mask of the axes along which factors differ.
    `zero_points` are those that come with one number that stands for 0.
    """
    api = library.api
    with ExitStack() as stack:
        own = made(library, api.primitive_attr_create, api.primitive_attr_destroy)
        api.primitive_attr_set_scratchpad_mode(own.value, n.SCRATCHPAD_USER)
        for number, mask in (scales or {}).items():
            api.primitive_attr_set_scales_mask(own.value, number, mask)
        for number in zero_points:
            api.primitive_attr_set_zero_points_mask(own.value, number, 0)
        if append is not None:
            post = made(library, api.post_ops_create, api.post_ops_destroy)
            append(post.value)
            api.primitive_attr_set_post_ops(own.value, post.value)
            stack.callback(lambda: post)
        yield own.value


def primitive(
    library: OneDNN,
    kind: str,
    *args: Any,
    threads: int,
    append: Any = None,
    scales: Mapping[int, int] | None = None,
    zero_points: Sequence[int] = (),
) -> Primitive:
    """The primitive descriptor of a kind. Raises Declined where oneDNN has none."""
    create = getattr(library.api, f"{kind}_primitive_desc_create")
    with attributes(library, append, scales, zero_points) as attribute, team_of(library, threads):
        made_one = made(library, create, library.api.primitive_desc_destroy, *args, attribute)
    return Primitive(library, made_one)


def reorder(chain: Chain, source: Any, target: Any, from_: Any, to: Any, threads: int = 1) -> None:
    """Appends a reorder between two descriptors."""
    library = chain.library
    one = primitive(
        library, "reorder", source, library.engine, target, library.engine, threads=threads
    )
    one.add_to(chain, threads, [(n.SOURCE, source, from_), (n.TARGET, target, to)])


def run(chain: Chain, arrays: Sequence[Array]) -> None:
    """Runs a chain now, on these buffers."""
    ffi = chain.library.ffi
    kernel = chain.kernel()
    held = [*arrays, *([aligned(kernel.scratch)] if kernel.scratch else [])]
    buffers = ffi.new("void *[]", [ffi.cast("void *", a.ctypes.data) for a in held])
    code = ffi.cast("int (*)(void *, void **)", kernel.function)(
        ffi.cast("void *", kernel.context), buffers
    )
    if code:
        raise Declined(f"oneDNN failed to pack the weights (code {code})")


def aligned(nbytes: int) -> Array:
    """Zeroed bytes that start on a cache line."""
    raw = np.zeros(nbytes + CACHE_LINE, np.uint8)
    start = -raw.ctypes.data % CACHE_LINE
    return raw[start : start + nbytes]
