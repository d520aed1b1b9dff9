"""Conv with kernel 3x3, stride 1 and constant filters, by Winograd's method (Lavin & Gray, 2016)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from c2.compile.layout import PLAIN
from c2.compile.native import NativeKernel, NativeRequest
from c2.ops.conv.geometry import Window, resolve_window, spatial
from c2.registry import native
from c2_nnpack.choose import Convolution, choose_tile, tiles_at_a_time
from c2_nnpack.kernels import kernels, vector_lanes
from c2_nnpack.layout import BLOCK, C16, blocks_of
from c2_nnpack.weights import packed_filters

WINDOW = ("kernel", "stride", "dilation", "pad", "legacy_pad", "global_pooling")


@native("Conv", "Conv2D", engine="NNPACK")
def build_convolution(request: NativeRequest) -> NativeKernel | str:
    """The native kernel, or why the convolution is none for Winograd's method, or not a faster one with it."""
    fused = fused_of(request)
    reason = fused if isinstance(fused, str) else why_not(request)
    if reason is not None:
        return reason
    assert isinstance(fused, Fused)
    one = convolution_of(request)
    m = choose_tile(one, any_gain=request.args["algo"] == "WINOGRAD")
    return m if isinstance(m, str) else _kernel(request, fused, one, m)


@dataclass(frozen=True)
class Fused:
    """What is done to an output: a summand is added, and it is held between two numbers."""

    adds: bool = False
    low: float = -math.inf
    high: float = math.inf


def fused_of(request: NativeRequest) -> Fused | str:
    """What follows the convolution, or why it cannot be done along."""
    adds = bool(request.post) and request.post[0][0] in ("Sum", "Add")
    left = request.post[adds:]
    if not left:
        return Fused(adds)
    (type_, args), *more = left
    if more or type_ not in ("Relu", "Clip"):
        return f"{(more[0][0] if more else type_)} is not fused, only one Relu or Clip is"
    if type_ == "Relu":
        return Fused(adds, 0.0)
    low, high = args["min"], args["max"]
    fused = Fused(adds, -math.inf if low is None else low, math.inf if high is None else high)
    if fused.low <= 0 <= fused.high or _outputs(request) % BLOCK == 0:
        return fused
    return "Clip would change the zeros that fill the last block of channels"


def why_not(request: NativeRequest) -> str | None:
    """Why it is none for Winograd's method; None where it is."""
    args, specs = request.args, [*request.inputs, *request.outputs]
    if any(s.size == 0 for s in specs):
        return "empty tensors"
    other = next((s.dtype for s in specs if s.dtype != "float32"), None)
    if other is not None:
        return f"float32 only, not {other}"
    if request.layouts is None:
        return "plain layouts only are asked for"
    if args["algo"] not in ("AUTO", "WINOGRAD"):
        return f"algo {args['algo']} is asked for"
    if args["order"].upper() != "NCHW" or len(request.inputs[0].shape or ()) != 4:
        return "images (N, C, H, W) only"
    if args["group"] != 1:
        return "one group only"
    window = window_of(request)
    if window.kernel != (3, 3) or set(window.stride + window.dilation) != {1}:
        return "kernel 3x3, stride 1 and dilation 1 only"
    if min(window.head) < 0:
        return "pads that crop"
    if 1 not in request.constants:
        return "filters that may change"
    return None


def window_of(request: NativeRequest) -> Window:
    sizes = spatial(request.inputs[0].shape or (), request.args["order"])
    names = [n for n in request.args if n.startswith(WINDOW)]
    return resolve_window(sizes, **{n: request.args[n] for n in names})


def convolution_of(request: NativeRequest) -> Convolution:
    X, Y = (s.shape or () for s in (request.inputs[0], request.outputs[0]))
    return Convolution(X[0], X[1], Y[1], Y[2], Y[3], request.threads)


def _outputs(request: NativeRequest) -> int:
    return (request.outputs[0].shape or ())[1]


def _kernel(request: NativeRequest, fused: Fused, one: Convolution, m: int) -> NativeKernel:
    ffi, lib = kernels()
    context = _context(request, fused, one, m)
    packed = packed_filters(request.constants[1], context)
    context.weights = ffi.cast("float *", packed.array.ctypes.data)
    middle = [PLAIN] * (len(request.inputs) - 1)
    if fused.adds:
        middle[-1] = C16
    return NativeKernel(
        int(ffi.cast("uintptr_t", ffi.addressof(lib, "c2_run_winograd"))),
        int(ffi.cast("uintptr_t", context)),
        keep=(context, packed), scratch=lib.c2_winograd_scratch(context), packed=(1,),
        input_layouts=(C16, *middle), output_layouts=(C16,),
    )  # fmt: skip


def _context(request: NativeRequest, fused: Fused, one: Convolution, m: int) -> Any:
    window, inputs = window_of(request), len(request.inputs)
    fields = {
        "N": one.N, "C_blocks": blocks_of(one.C), "K_blocks": blocks_of(one.K), "K": one.K,
        "H": window.inputs[0], "W": window.inputs[1], "out_H": one.height, "out_W": one.width,
        "top": window.head[0], "left": window.head[1], "tiles": tiles_at_a_time(one, m),
        "m": m, "lanes": vector_lanes(), "threads": one.threads, "low": fused.low, "high": fused.high,
        "bias": 2 if inputs - fused.adds > 2 else -1, "summand": inputs - 1 if fused.adds else -1,
        "output": inputs, "scratch": inputs + 1,
    }  # fmt: skip
    return kernels()[0].new("c2_winograd *", fields)
