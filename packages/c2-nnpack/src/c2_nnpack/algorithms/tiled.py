"""What the algorithms of transformed tiles share: Winograd's and Fourier's differ in their transforms alone.

Tiles of inputs are transformed, at each of their points multiplied with the transformed filters over all channels, and
transformed back to tiles of outputs.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from c2.compile.layout import PLAIN
from c2.compile.native import NativeKernel, NativeRequest
from c2_nnpack.accuracy import error_on, sample_images
from c2_nnpack.algorithms import Way
from c2_nnpack.algorithms.direct import direct_cycles, reading
from c2_nnpack.convolution import Convolution, Fused, positions_of
from c2_nnpack.kernels import kernels, vector_lanes
from c2_nnpack.layout import C16
from c2_nnpack.weights import in_halves, packed_filters

NEAR = 16 << 20  # bytes of weights that all cores' cache keeps while a layer's tiles pass
FEW = 16  # channels: with fewer, most of a block is padding
GROWTH = (
    8  # times the memory of plain filters that transformed ones may take, unless they are asked for
)
GAIN = 0.85  # of the direct convolution's time: what has to be reached


@dataclass(frozen=True)
class Tiling:
    """A way to cut images into tiles.

    Attributes:
        label: its name for users.
        tile: height and width of a tile of inputs.
        outputs: rows and columns that a tile gives.
        transform: cycles for a point on the way there and back, per 16 channels.
    """

    label: str
    tile: int
    outputs: tuple[int, int]
    transform: float
    fourier: bool = False

    @property
    def points(self) -> int:
        """Real products of a tile: one for a real point, three for a complex one and its conjugate."""
        return self.tile**2 + (self.tile**2 // 2 - 2 if self.fourier else 0)

    def tiles(self, one: Convolution) -> int:
        (height, width), (rows, columns) = one.outputs, self.outputs
        return one.N * -(-height // rows) * -(-width // columns)

    def cycles(self, one: Convolution, weight: int = 4) -> float:
        """Of the products, the transforms, and reading weights (of so many bytes each) that no cache keeps."""
        C, K = one.blocks
        tiles = self.tiles(one)
        products = self.points * 16 * C * K * tiles
        transforms = self.points * (C + K) * tiles * self.transform / 2
        return products + transforms + reading(self.points * C * K, weight)

    def at_a_time(self, one: Convolution) -> int:
        """Tiles that are transformed together: few, so that they stay near; more where weights come from memory.

        Groups of them are of nearly the same size, and as many for each thread.
        """
        C, K = one.blocks
        tiles, most = self.tiles(one), 14 if self.points * C * K * 1024 <= NEAR else 56
        groups = -(-tiles // most)
        if groups > 1:
            groups = -(-groups // one.threads) * one.threads
        return -(-tiles // groups)


def ways_of(
    request: NativeRequest, one: Convolution, tilings: list[Tiling], asked: bool
) -> list[Way] | str:
    """Those of the tilings that gain enough; all of them where they are asked for."""
    weight = _weight(request)
    if not asked:
        if min(one.C, one.K) < FEW:
            return f"fewer than {FEW} channels"
        limit = GAIN * direct_cycles(one)
        most = GROWTH * one.kernel[0] * one.kernel[1]
        tilings = [t for t in tilings if t.points <= most and t.cycles(one, weight) <= limit]
    return [
        Way(
            t.label, t.cycles(one, weight), partial(_kernel, request, one, t), _memory(request, one, t),
            spreads=True, error=partial(_error, request, one, t),
        )
        for t in tilings
    ]  # fmt: skip


def _weight(request: NativeRequest) -> int:
    """Bytes of a weight."""
    return 2 if request.precision == "fp16" else 4


def _memory(request: NativeRequest, one: Convolution, tiling: Tiling) -> int:
    C, K = one.blocks
    scratch = kernels()[1].c2_tiled_scratch(_context(request, one, tiling))
    return int(scratch) + tiling.points * C * K * 256 * _weight(request)


def _error(request: NativeRequest, one: Convolution, tiling: Tiling) -> float:
    """With the filters of the request, on a sample of tiles."""
    images = sample_images(one.C, tiling.tile)
    small = replace(
        one, N=len(images), inputs=(tiling.tile,) * 2, outputs=tiling.outputs, head=(0, 0), threads=1, fused=Fused()
    )  # fmt: skip
    kernel = _kernel(replace(request, inputs=request.inputs[:2]), small, tiling)
    return error_on(images, kernel, request.constants[1])


def _kernel(request: NativeRequest, one: Convolution, tiling: Tiling) -> NativeKernel:
    ffi, lib = kernels()
    context = _context(request, one, tiling)
    C, K = one.blocks
    halves = _weight(request) == 2
    packed = packed_filters(
        request.constants[1], (tiling.label, context.lanes, halves), tiling.points * C * K * 256,
        lambda source, target: lib.c2_pack_tiled(context, source, one.C, target),
        (lambda made: in_halves(made, tiling.points, 16 * K, 2 * context.lanes)) if halves else None,
    )  # fmt: skip
    context.weights = packed.address
    if packed.scales is not None:
        context.scales = ffi.cast("float *", packed.scales.ctypes.data)
    middle = [PLAIN] * (len(request.inputs) - 1)
    if one.fused.adds:
        middle[-1] = C16
    return NativeKernel(
        int(ffi.cast("uintptr_t", ffi.addressof(lib, "c2_run_tiled"))),
        int(ffi.cast("uintptr_t", context)),
        keep=(context, packed), scratch=lib.c2_tiled_scratch(context), packed=(1,),
        input_layouts=(C16, *middle), output_layouts=(C16,),
    )  # fmt: skip


def _context(request: NativeRequest, one: Convolution, tiling: Tiling) -> Any:
    places = positions_of(request, one.fused)
    return kernels()[0].new("c2_tiled *", fields(one, tiling, places))


def fields(one: Convolution, tiling: Tiling, places: dict[str, int]) -> dict[str, Any]:
    """A `c2_tiled` in C; `places` are those of a call's buffers."""
    (H, W), (out_H, out_W), (top, left) = one.inputs, one.outputs, one.head
    C_blocks, K_blocks = one.blocks
    rows, columns = tiling.outputs
    return {
        "N": one.N, "C_blocks": C_blocks, "K_blocks": K_blocks, "K": one.K, "H": H, "W": W,
        "out_H": out_H, "out_W": out_W, "top": top, "left": left,
        "tiles": tiling.at_a_time(one), "tile": tiling.tile, "rows": rows, "columns": columns,
        "fourier": tiling.fourier, "lanes": vector_lanes(), "threads": one.threads,
        "low": one.fused.low, "high": one.fused.high, **places,
    }  # fmt: skip
