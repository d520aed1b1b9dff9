"""Which algorithm cuDNN computes a convolution with: by its own estimate, or by measuring all of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from c2_cuda.cudnn.handle import Handle
from c2_cuda.cudnn.numbers import Determinism, FilterGradient, Forward, InputGradient, Math, Status
from c2_cuda.nvidia import address
from c2_cuda.workspace import workspace

WORKSPACE = 64 << 20
"""Bytes of workspace that an algorithm may take where the operator does not say (`ws_nbytes_limit`), as in Caffe2."""


@dataclass(frozen=True)
class Direction:
    """One of the three computations of a convolution, by the names of cuDNN's functions."""

    name: str
    estimate: str
    search: str
    results: str
    count: int


FORWARD = Direction(
    "Conv", "GetConvolutionForwardAlgorithm_v7", "FindConvolutionForwardAlgorithmEx",
    "cudnnConvolutionFwdAlgoPerf_t", Forward.CONVOLUTION_FWD_ALGO_COUNT,
)  # fmt: skip
INPUT_GRADIENT = Direction(
    "gradient of Conv's input", "GetConvolutionBackwardDataAlgorithm_v7",
    "FindConvolutionBackwardDataAlgorithmEx", "cudnnConvolutionBwdDataAlgoPerf_t",
    InputGradient.CONVOLUTION_BWD_DATA_ALGO_COUNT,
)  # fmt: skip
FILTER_GRADIENT = Direction(
    "gradient of Conv's filter", "GetConvolutionBackwardFilterAlgorithm_v7",
    "FindConvolutionBackwardFilterAlgorithmEx", "cudnnConvolutionBwdFilterAlgoPerf_t",
    FilterGradient.CONVOLUTION_BWD_FILTER_ALGO_COUNT,
)  # fmt: skip


@dataclass(frozen=True)
class Wish:
    """What an algorithm must keep to.

    Attributes:
        math: FMA_MATH for float32 that is not to be rounded to TF32.
        workspace: bytes it may take.
        deterministic: whether it must give the same bits at every run.
        search: measure all algorithms instead of taking cuDNN's estimate.
    """

    math: Math = Math.FMA_MATH
    workspace: int = WORKSPACE
    deterministic: bool = False
    search: bool = False


@dataclass(frozen=True)
class Algorithm:
    """An algorithm that cuDNN has, with the workspace it takes in bytes and its time in ms (estimated or measured)."""

    number: int
    workspace: int
    time: float


_known: dict[Any, Algorithm | str] = {}


def choose(
    handle: Handle,
    direction: Direction,
    key: Any,
    descriptors: Sequence[Any],
    arrays: Callable[[], Sequence[Any]],
    wish: Wish,
) -> Algorithm | str:
    """The fastest algorithm for a convolution, or why there is none. Remembered for the process.

    Args:
        key: what stands for the convolution: shapes, dtype, order, window, groups.
        descriptors: (x, w, convolution, y), in the order of cuDNN's function of this direction.
        arrays: the three arrays behind x, w, y in that order, to measure with; the last one is overwritten.
    """
    known = (handle.xp.cuda.device.get_device_id(), direction.name, key, wish)
    if known not in _known:
        _known[known] = _choose(handle, direction, descriptors, arrays, wish)
    return _known[known]


def forget() -> None:
    """Forgets every choice."""
    _known.clear()


def _choose(
    handle: Handle, direction: Direction, descriptors: Sequence[Any], arrays: Any, wish: Wish
) -> Algorithm | str:
    ffi = handle.library.ffi
    results = ffi.new(f"{direction.results}[]", direction.count)
    found = ffi.new("int *")
    asked = (direction.count, found, results)
    if wish.search:
        x, w, y = arrays()
        xd, wd, convolution, yd = descriptors
        memory = workspace(handle.xp, wish.workspace)
        why = handle.library.status(
            direction.search, handle.on_current_stream(), xd, address(x), wd, address(w), convolution, yd, address(y),
            *asked, address(memory), wish.workspace,
        )  # fmt: skip
    else:
        why = handle.library.status(
            direction.estimate, handle.on_current_stream(), *descriptors, *asked
        )
    if why is not None:
        return f"cuDNN has no algorithm for the {direction.name}: {why}"
    fitting = [one for one in results[0 : found[0]] if _fits(one, wish)]
    if not fitting:
        return (
            f"none of cuDNN's algorithms for the {direction.name} keeps to {wish.workspace} bytes of workspace, "
            f"{wish.math.name}{' and determinism' if wish.deterministic else ''}"
        )
    return Algorithm(fitting[0].algo, fitting[0].memory, fitting[0].time)


def _fits(result: Any, wish: Wish) -> bool:
    # Results come fastest first. FMA_MATH is wished for by those who want no TF32; the others take anything.
    exact = wish.math != Math.FMA_MATH or result.mathType in (Math.FMA_MATH, Math.DEFAULT_MATH)
    return (
        result.status == Status.STATUS_SUCCESS
        and result.memory <= wish.workspace
        and exact
        and (not wish.deterministic or result.determinism == Determinism.DETERMINISTIC)
    )
