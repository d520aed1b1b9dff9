"""How reduced precision keeps blobs: layouts whose numbers are bfloat16, or 8-bit integers times a scale.

Inputs and outputs of a program stay float32. What a kernel here gives is kept in its form until somebody wants float32:
then the compiler puts in a reorder, which this page makes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np

from c2.compile.layout import PLAIN, Layout
from c2.compile.native import NativeKernel, NativeRequest
from c2.registry import TensorSpec
from c2_mkl import onednn_numbers as n
from c2_mkl.call import Chain, Declined
from c2_mkl.image import LAST, LAYOUTS, OWN, image_of, is_image
from c2_mkl.library import OneDNN, onednn
from c2_mkl.primitive import Handle, image_memory, primitive, strided

NAMES = {n.BF16: "bf16", n.U8: "u8", n.S8: "s8"}
ITEMSIZE = {n.BF16: 2, n.U8: 1, n.S8: 1}
LARGEST = {n.U8: 255.0, n.S8: 127.0}
# Operators that round their first input in any case.
ROUNDING = ("FC", "MatMul", "BatchMatMul", "Conv", "Conv1D", "Conv2D", "Conv3D")
FEW_CHANNELS = 4  # what the C part's quantize has room for


@dataclass(frozen=True)
class Kept(Layout):
    """A layout of reduced precision: a number is `scale` times what is stored.

    Attributes:
        dtype: oneDNN's number of what is stored.
        last: channels last; else C order.
    """

    dtype: int = field(default=n.BF16, compare=False)
    scale: float = field(default=1.0, compare=False)
    last: bool = field(default=False, compare=False)

    @property
    def is_integer(self) -> bool:
        return self.dtype != n.BF16


def kept(dtype: int, last: bool, scale: float = 1.0) -> Kept:
    times = f"*{scale!r}" if dtype != n.BF16 else ""
    return Kept(
        f"{OWN}{NAMES[dtype]}{':last' if last else ''}{times}",
        lambda spec: spec.size * ITEMSIZE[dtype],
        _reorder,
        LAST if last else PLAIN,
        dtype,
        scale,
        last,
    )


def kept_for(request: NativeRequest, position: int, last: bool) -> Kept:
    """The layout for a blob of the request: inputs, then outputs. Raises Declined where its range is unknown."""
    if request.precision == "bf16":
        return kept(n.BF16, last)
    found = request.ranges.get(request.names[position])
    if found is None:
        raise Declined(f"the range of '{request.names[position]}' is not known")
    low, high = found
    dtype = n.U8 if low >= 0 else n.S8
    return kept(dtype, last, max(abs(low), abs(high)) / LARGEST[dtype] or 1.0)


def rounded_output(request: NativeRequest) -> Kept | None:
    """The layout for the first output in C order, where all who read it round it; else None, which is float32."""
    if not request.readers or request.layouts is None:
        return None
    if any(position or type_ not in ROUNDING for type_, position in request.readers):
        return None
    position = len(request.inputs)
    if request.precision == "int8" and request.names[position] not in request.ranges:
        return None
    return kept_for(request, position, last=False)


def kept_inputs(request: NativeRequest) -> list[Kept | None]:
    """The layouts of reduced precision that inputs have already."""
    if request.layouts is None:
        raise Declined("its blobs are updated in place, so they stay plain")
    return [one if isinstance(one, Kept) else None for one in request.layouts]


def memory_of(library: OneDNN, spec: TensorSpec, layout: Layout) -> Handle:
    """oneDNN's descriptor of a blob in a layout."""
    assert spec.shape is not None
    dims = list(spec.shape) or [1]
    if not isinstance(layout, Kept):
        plain = layout == PLAIN
        return strided(library, dims) if plain else image_memory(library, image_of(spec, layout))
    strides = strides_of_last(dims) if layout.last else None
    return strided(library, dims, strides, layout.dtype)


def strides_of_last(dims: Sequence[int]) -> list[int]:
    """Strides of (N, C, ...) kept with channels last; oneDNN knows the form by them even where C is 1."""
    strides = [dims[1]]
    for size in reversed(dims[3:]):
        strides.insert(0, strides[0] * size)
    return [prod(dims[1:]), 1, *strides]


def scale_arguments(
    library: OneDNN, ends: Sequence[tuple[int, Layout]]
) -> tuple[dict[int, int], list[tuple[int, Handle, Any]]]:
    """The scales of arguments kept as integers: masks for the attributes, and arguments that hold the factors."""
    masks, arguments = {}, []
    for number, layout in ends:
        if isinstance(layout, Kept) and layout.is_integer:
            masks[number] = 0
            factor = np.array([layout.scale], np.float32)
            arguments.append((n.SCALES | number, strided(library, [1]), factor))
    return masks, arguments


def _reorder(spec: TensorSpec, source: Layout, target: Layout, threads: int) -> NativeKernel | str:
    """The native call from one layout to another, or why there is none."""
    known = all(isinstance(one, Kept) or one in LAYOUTS for one in (source, target))
    last = any(isinstance(one, Kept) and one.last for one in (source, target))
    if (
        spec.dtype != "float32"
        or not known
        or (last and not is_image(spec))
        or prod(spec.shape or ()) == 0
    ):
        return f"no reorder of {spec.dtype} from {source.name} to {target.name}"
    library = onednn()
    chain = Chain(library, 1, 1)
    try:
        add_reorder(chain, spec, source, target, threads)
    except Declined as declined:
        return str(declined)
    return chain.kernel([source], [target])


def add_reorder(
    chain: Chain,
    spec: TensorSpec,
    source: Layout,
    target: Layout,
    threads: int,
) -> None:
    """Appends the reorder of a blob between two layouts."""
    library = chain.library
    if _is_image_of_a_file(spec, source, target):
        _add_quantize(chain, spec, target, threads)
        return
    ends = [memory_of(library, spec, one) for one in (source, target)]
    masks, factors = scale_arguments(library, [(n.SOURCE, source), (n.TARGET, target)])
    one = primitive(
        library,
        "reorder",
        ends[0],
        library.engine,
        ends[1],
        library.engine,
        threads=threads,
        scales=masks,
    )
    one.add_to(
        chain, threads, [(n.SOURCE, ends[0], 0), (n.TARGET, ends[1], chain.output), *factors]
    )


def _is_image_of_a_file(spec: TensorSpec, source: Layout, target: Layout) -> bool:
    """Planes of a few channels to integers: oneDNN takes more than twice as long for them."""
    if source != PLAIN or not isinstance(target, Kept) or spec.shape is None:
        return False
    return target.is_integer and target.last and spec.shape[1] <= FEW_CHANNELS


def _add_quantize(chain: Chain, spec: TensorSpec, target: Layout, threads: int) -> None:
    assert isinstance(target, Kept)
    image = image_of(spec, LAST)
    fields = {
        "images": image.N, "positions": image.positions, "channels": image.C, "is_signed": int(target.dtype == n.S8),
        "factor": 1 / target.scale, "threads": threads,
    }  # fmt: skip
    chain.add("quantize", fields, [0, chain.output])
