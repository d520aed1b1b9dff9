"""Gradients of convolutions 3x3 of stride 1 by Winograd's method (Lavin & Gray, 2016), all in one call.

That of the images is a convolution of dY with filters turned round. That of the filters is Winograd's convolution
transposed: products at the points, summed over all tiles, are transformed once.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

from c2.compile.layout import PLAIN
from c2.compile.native import NativeKernel, NativeRequest
from c2_nnpack.algorithms import Way, tiled, winograd, winograd_changing
from c2_nnpack.algorithms.tiled import Tiling
from c2_nnpack.convolution import Convolution
from c2_nnpack.kernels import kernels
from c2_nnpack.layout import C16

# m of F(m x m, 3 x 3) -> bound of the error of dW that is tested, relative to the largest one.
ERRORS = {2: 3e-6, 4: 3e-5, 6: 6e-5}
SUMS = 12  # cycles for a point of 16 sums over tiles, to transform them and put them in order
AT_A_TIME = 112  # tiles


def ways(request: NativeRequest, one: Convolution) -> list[Way] | str:
    """For each m that is fast enough for the filters, the best for the images."""
    reason = winograd_changing.unfit(one, False)
    if reason:
        return reason
    tilings = winograd.tilings(winograd_changing.KERNEL)
    limit, around, images = winograd_changing.direct_cycles(one), 0.0, None
    if outputs_of(request)["dX"] >= 0:
        dX = images_of(one)
        limit += winograd_changing.direct_cycles(dX)
        around, images = min(
            ((winograd_changing.cycles(dX, t), t) for t in tilings), key=lambda pair: pair[0]
        )
    every = [
        Way(
            _label(t, images), around + filter_cycles(one, t), partial(_kernel, request, one, t, images),
            _memory(request, one, t, images), spreads=True,
        )
        for t in tilings
    ]  # fmt: skip
    gaining = [way for way in every if way.cycles <= limit]
    return gaining or "Winograd would not be faster than direct gradients here"


def _label(filters: Tiling, images: Tiling | None) -> str:
    return f"{filters.label}, dX {images.label}" if images else filters.label


def images_of(one: Convolution) -> Convolution:
    """The convolution of dY, with filters turned round, that gives dX."""
    top, left = one.head
    return replace(
        one, C=one.K, K=one.C, inputs=one.outputs, outputs=one.inputs, head=(2 - top, 2 - left),
        constant=False,
    )  # fmt: skip


def filter_cycles(one: Convolution, tiling: Tiling) -> float:
    """Of the products, the transforms of tiles, and those of the sums."""
    C, K = one.blocks
    tiles, sums = tiling.tiles(one), tiling.points * 16 * C * K
    transforms = tiling.points * (C + K) * tiles * tiling.transform / 2
    times = -(-tiles // AT_A_TIME) - 1  # sums are fetched from memory
    return sums * (tiles + SUMS) + transforms + times * 2 * winograd_changing.from_memory(sums)


def outputs_of(request: NativeRequest) -> dict[str, int]:
    """Where a call's outputs are among its buffers, -1 where one is not wanted."""
    first, wanted = len(request.inputs), len(request.outputs)
    names = ["dW", "dX"] if request.args["no_bias"] else ["dW", "db", "dX"]
    places = {name: first + k for k, name in enumerate(names[:wanted])}
    return {"dW": -1, "db": -1, "dX": -1, **places}


def _context(
    request: NativeRequest, one: Convolution, tiling: Tiling, images: Tiling | None
) -> Any:
    places, scratch = outputs_of(request), len(request.inputs) + len(request.outputs)
    forward = tiled.fields(one, tiling, {})
    forward["tiles"] = min(tiling.tiles(one), AT_A_TIME)
    fields = {"forward": forward, "C": one.C, "X": 0, "W": 1, "dY": 2, **places, "scratch": scratch}
    if images:
        own = {"bias": -1, "summand": -1, "output": 2, "scratch": 3}
        fields["images"] = winograd_changing.fields(images_of(one), images, own, turned=True)
    return kernels()[0].new("c2_winograd_gradient *", fields)


def _memory(request: NativeRequest, one: Convolution, tiling: Tiling, images: Tiling | None) -> int:
    context = _context(request, one, tiling, images)
    return int(kernels()[1].c2_winograd_gradient_scratch(context))


def _kernel(
    request: NativeRequest, one: Convolution, tiling: Tiling, images: Tiling | None
) -> NativeKernel:
    ffi, lib = kernels()
    context = _context(request, one, tiling, images)
    given = [PLAIN] * len(request.outputs)
    if images:
        given[-1] = C16  # dX is the last one
    return NativeKernel(
        int(ffi.cast("uintptr_t", ffi.addressof(lib, "c2_run_winograd_gradient"))),
        int(ffi.cast("uintptr_t", context)),
        keep=context, scratch=lib.c2_winograd_gradient_scratch(context),
        input_layouts=(C16, PLAIN, C16), output_layouts=tuple(given),
    )  # fmt: skip
