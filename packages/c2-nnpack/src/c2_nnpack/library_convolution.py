"""Convolutions by the NNPACK library, with the algorithms and limits that Caffe2's engine NNPACK had."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from c2.compile.native import NativeKernel, NativeRequest
from c2.errors import KernelError
from c2.ops.conv.geometry import Window, resolve_window, spatial
from c2_nnpack.convolution import WINDOW
from c2_nnpack.kernels import ALIGNMENT, aligned_floats, kernels
from c2_nnpack.library import Library, library, reason

COMPUTE, PRECOMPUTE, REUSE = 1, 2, 3
IDENTITY, RELU = 0, 1
AUTO, WINOGRAD, DIRECT = 0, 3, 4
# Caffe2's argument `algo` -> NNPACK's algorithm; DIRECT multiplies matrices of patches, 1x1 of positions.
ALGOS = {"AUTO": AUTO, "FT8": 1, "FT16": 2, "WINOGRAD": WINOGRAD, "DIRECT": DIRECT, "1x1": 5}
ALONE = (
    (3, 3),
    (1, 1),
    (1, 1),
)  # kernel, stride and dilation that AUTO takes WINOGRAD for, as in Caffe2


@dataclass(frozen=True)
class Planned:
    """A convolution that the library takes: what is asked for, by which algorithm, and its workspace in bytes."""

    request: NativeRequest
    window: Window
    algorithm: int
    activation: int
    workspace: int
    transformed: (
        int  # bytes of a group's transformed filters; 0: they are transformed at every call
    )


def build(request: NativeRequest) -> NativeKernel | str:
    """The native kernel, or why the library does not take the convolution.

    Raises:
        PluginError: the library is not there, or does not work here.
    """
    planned = plan(request)
    return planned if isinstance(planned, str) else _kernel(planned)


def plan(request: NativeRequest) -> Planned | str:
    """What the library is to be called with, or why it does not take the convolution."""
    args, specs = request.args, [*request.inputs, *request.outputs]
    if any(s.size == 0 for s in specs):
        return "empty tensors"
    other = next((s.dtype for s in specs if s.dtype != "float32"), None)
    if other is not None:
        return f"float32 only, not {other}"
    X = request.inputs[0].shape or ()
    if args["order"].upper() != "NCHW" or len(X) != 4:
        return "images (N, C, H, W) only"
    window = resolve_window(
        spatial(X, args["order"]), **{n: args[n] for n in args if n.startswith(WINDOW)}
    )
    if set(window.dilation) != {1}:
        return "dilation 1 only"
    if min(*window.head, *window.tail) < 0:
        return "pads that crop"
    if args["algo"] not in ALGOS:
        return f"algo {args['algo']} is asked for"
    if request.post and [type_ for type_, _ in request.post] != ["Relu"]:
        return f"{request.post[0][0]} is not fused, only one Relu is"
    return _ask(request, window)


def _ask(request: NativeRequest, window: Window) -> Planned | str:
    """Asks the library what it needs; it checks all sizes before it computes."""
    algorithm = ALGOS[request.args["algo"]]
    if algorithm == AUTO and (window.kernel, window.stride, window.dilation) == ALONE:
        algorithm = WINOGRAD
    activation = RELU if request.post else IDENTITY
    planned = Planned(request, window, algorithm, activation, 0, 0)
    early = (
        request.args["convolution_transform_strategy"] == "PRECOMPUTE" and 1 in request.constants
    )
    status, transformed = _call(planned, PRECOMPUTE) if early else (0, 0)
    if status:
        transformed = 0
    status, workspace = _call(planned, REUSE if transformed else COMPUTE)
    if status:
        return f"NNPACK library: {reason(status)}"
    return Planned(request, window, algorithm, activation, workspace, transformed)


def _sizes(planned: Planned) -> tuple[Any, ...]:
    """Channels, images, pads, kernel and stride as the library takes them: widths first."""
    request, window, group = planned.request, planned.window, planned.request.args["group"]
    X, W = (s.shape or () for s in request.inputs[:2])
    (top, left), (bottom, right) = window.head, window.tail
    size, kernel, stride = (pair[::-1] for pair in (window.inputs, window.kernel, window.stride))
    return X[1] // group, W[0] // group, size, (top, right, bottom, left), kernel, stride


def _call(
    planned: Planned, strategy: int, filters: Any = None, target: Any = None
) -> tuple[int, int]:
    """Status and bytes; without arrays, the library says how many it needs."""
    found = library()
    ffi, size = found.ffi, found.ffi.new("size_t *", 0 if target is None else target.nbytes)
    null = ffi.NULL
    W, into = (null if a is None else ffi.cast("float *", a.ctypes.data) for a in (filters, target))
    status = found.lib.nnp_convolution_inference(
        planned.algorithm, strategy, *_sizes(planned), null, W, null, null, into, size, planned.activation,
        null, null, null,
    )  # fmt: skip
    return status, size[0]


def _kernel(planned: Planned) -> NativeKernel:
    found, request = library(), planned.request
    ffi, lib = kernels()
    transformed = _transformed(planned) if planned.transformed else None
    N, K, *_ = request.outputs[0].shape or ()
    zeros, pool = aligned_floats(K), found.pool(request.threads)
    zeros[:] = 0
    C, K, size, pads, kernel, stride = _sizes(planned)
    inputs = len(request.inputs)
    context = ffi.new("c2_library *", {
        "function": _address(found, ffi), "pool": ffi.cast("void *", int(found.ffi.cast("uintptr_t", pool))),
        "algorithm": planned.algorithm, "strategy": COMPUTE if transformed is None else REUSE,
        "activation": planned.activation, "bias": 2 if inputs > 2 else -1, "output": inputs, "scratch": inputs + 1,
        "process": os.getpid(),
        "N": N, "group": request.args["group"], "C": C, "K": K,
        "workspace": max(planned.workspace, ALIGNMENT),
        "transformed_bytes": 0 if transformed is None else transformed[0].nbytes,
        "input": size, "result": planned.window.outputs[::-1], "kernel": kernel, "stride": stride, "pads": pads,
        "zeros": ffi.cast("float *", zeros.ctypes.data),
        "transformed": ffi.NULL if transformed is None else ffi.cast("char *", transformed.ctypes.data),
    })  # fmt: skip
    return NativeKernel(
        int(ffi.cast("uintptr_t", ffi.addressof(lib, "c2_run_library"))),
        int(ffi.cast("uintptr_t", context)),
        keep=(context, zeros, transformed, pool, found), scratch=max(planned.workspace, ALIGNMENT),
        packed=() if transformed is None else (1,), label="NNPACK library", explain=_explain,
    )  # fmt: skip


def _address(found: Library, ffi: Any) -> Any:
    function = found.lib.nnp_convolution_inference
    return ffi.cast("void *", int(found.ffi.cast("uintptr_t", function)))


def _transformed(planned: Planned) -> np.ndarray[Any, Any]:
    """The filters of each group as the library transforms them, in rows that begin with a cache line."""
    group = planned.request.args["group"]
    row = -(-planned.transformed // ALIGNMENT) * ALIGNMENT // 4
    made = aligned_floats(group * row).reshape(group, row)
    plain = np.ascontiguousarray(planned.request.constants[1])
    for filters, target in zip(np.split(plain, group), made):
        status, _ = _call(planned, PRECOMPUTE, np.ascontiguousarray(filters), target)
        if status:
            raise KernelError(f"NNPACK library: filters cannot be transformed: {reason(status)}")
    return made


def _explain(code: int, arrays: Sequence[Any]) -> None:
    shapes = ", ".join(str(a.shape) for a in arrays)
    raise KernelError(f"NNPACK library: {reason(code)}; arrays of shapes {shapes}")
