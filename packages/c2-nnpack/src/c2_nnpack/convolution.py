"""A convolution that is asked for: its sizes, its window and what follows it, as all algorithms here read them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from c2.compile.native import NativeRequest
from c2.ops.conv.geometry import resolve_window, spatial
from c2.registry import TensorSpec
from c2_nnpack.layout import BLOCK, blocks_of

WINDOW = ("kernel", "stride", "dilation", "pad", "legacy_pad", "global_pooling")


@dataclass(frozen=True)
class Fused:
    """What is done to an output: a summand is added, and it is held between two numbers."""

    adds: bool = False
    low: float = -math.inf
    high: float = math.inf


@dataclass(frozen=True)
class Convolution:
    """Of images (N, C, height, width), float32, with filters (K, C / group, kernel).

    Pairs are (along the height, along the width); `head` are the pads above and to the left.
    """

    N: int
    C: int
    K: int
    inputs: tuple[int, int]
    outputs: tuple[int, int]
    kernel: tuple[int, int] = (3, 3)
    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    head: tuple[int, int] = (1, 1)
    group: int = 1
    threads: int = 1
    fused: Fused = Fused()
    constant: bool = True  # whether its filters never change

    @property
    def blocks(self) -> tuple[int, int]:
        """Blocks of 16 channels, in and out."""
        return blocks_of(self.C), blocks_of(self.K)


def convolution_of(request: NativeRequest) -> Convolution | str:
    """What is asked for, or why no algorithm here can give it."""
    fused = fused_of(request)
    if isinstance(fused, str):
        return fused
    return _between(request, request.outputs[0], fused)


def forward_of(request: NativeRequest) -> Convolution | str:
    """The convolution whose gradient is asked for (inputs X, W, dY), or why no algorithm here can give it."""
    return _between(request, request.inputs[2], Fused())


def _between(request: NativeRequest, result: TensorSpec, fused: Fused) -> Convolution | str:
    """The convolution from the first input to what `result` is like."""
    args, specs = request.args, [*request.inputs, *request.outputs]
    if any(s.size == 0 for s in specs):
        return "empty tensors"
    other = next((s.dtype for s in specs if s.dtype != "float32"), None)
    if other is not None:
        return f"float32 only, not {other}"
    if request.layouts is None:
        return "plain layouts only are asked for"
    X, Y = (s.shape or () for s in (request.inputs[0], result))
    if args["order"].upper() != "NCHW" or len(X) != 4:
        return "images (N, C, H, W) only"
    window = resolve_window(
        spatial(X, args["order"]), **{n: args[n] for n in args if n.startswith(WINDOW)}
    )
    if min(window.head) < 0:
        return "pads that crop"
    pairs = (window.inputs, Y[2:], window.kernel, window.stride, window.dilation, window.head)
    inputs, outputs, kernel, stride, dilation, head = ((a, b) for a, b in pairs)
    return Convolution(
        X[0], X[1], Y[1], inputs, outputs, kernel, stride, dilation, head,
        args["group"], request.threads, fused, 1 in request.constants,
    )  # fmt: skip


def fused_of(request: NativeRequest, padded: bool = True) -> Fused | str:
    """What follows the operator, or why it cannot be done along; `padded`: zeros may fill the last block of Y."""
    adds = bool(request.post) and request.post[0][0] in ("Sum", "Add")
    left = request.post[adds:]
    if not left:
        return Fused(adds)
    (type_, args), *more = left
    if more or type_ not in ("Relu", "Clip"):
        return f"{(more[0][0] if more else type_)} is not fused, only one Relu or Clip is"
    if type_ == "Relu":
        return Fused(adds, 0.0)
    fused = Fused(adds, *limits(args))
    if (
        not padded
        or fused.low <= 0 <= fused.high
        or (request.outputs[0].shape or ())[1] % BLOCK == 0
    ):
        return fused
    return "Clip would change the zeros that fill the last block of channels"


def limits(clip: Mapping[str, Any]) -> tuple[float, float]:
    """What Clip holds numbers between, by its arguments."""
    low, high = clip["min"], clip["max"]
    return -math.inf if low is None else low, math.inf if high is None else high


def positions_of(request: NativeRequest, fused: Fused) -> dict[str, int]:
    """Where a call's buffers are: the fields of a context that say so, -1 where there is none."""
    inputs = len(request.inputs)
    return {
        "bias": 2 if inputs - fused.adds > 2 else -1, "summand": inputs - 1 if fused.adds else -1,
        "output": inputs, "scratch": inputs + 1,
    }  # fmt: skip
