"""Operators of order NHWC, served by the builders of order NCHW.

In blocks of 16 channels both orders are the same memory. So a builder is asked as if the order were NCHW, and what it
answers is told again in layouts of blobs whose channels are the last axis; where it wants a plain blob of order NCHW,
that is a layout too. Reorders then stand at the ends of a net, as they do for order NCHW.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import wraps

import numpy as np

from c2.compile.layout import PLAIN, Layout
from c2.compile.native import NativeKernel, NativeRequest
from c2.registry import TensorSpec
from c2_nnpack.layout import C16, C16_LAST, FIRST, IMAGES_ONLY

Answer = NativeKernel | list[NativeKernel] | str
TOLD = {C16: C16_LAST, PLAIN: FIRST}
ASKED = {layout: told for told, layout in TOLD.items()}


def either_order(build: Callable[[NativeRequest], Answer]) -> Callable[[NativeRequest], Answer]:
    """The builder for both orders, from one for NCHW. Images and filters are the blobs with 4 axes."""

    @wraps(build)
    def built(request: NativeRequest) -> Answer:
        if not is_nhwc(request):
            return build(request)
        if request.layouts is None:
            return "plain layouts only are asked for"
        if request.inputs[0].ndim != 4:
            return IMAGES_ONLY
        made = build(as_nchw(request))
        if isinstance(made, list):
            return [_told(kernel, request) for kernel in made]
        return made if isinstance(made, str) else _told(made, request)

    return built


def is_nhwc(request: NativeRequest) -> bool:
    return (request.args.get("order") or "NCHW").upper() == "NHWC"


def as_nchw(request: NativeRequest) -> NativeRequest:
    """The request, were its order NCHW."""
    layouts = request.layouts
    return replace(
        request, args={**request.args, "order": "NCHW"},
        inputs=tuple(map(_moved, request.inputs)), outputs=tuple(map(_moved, request.outputs)),
        constants={
            k: np.moveaxis(v, -1, 1) if v.ndim == 4 else v for k, v in request.constants.items()
        },
        layouts=None if layouts is None else tuple(ASKED.get(one, PLAIN) for one in layouts),
    )  # fmt: skip


def _moved(spec: TensorSpec) -> TensorSpec:
    if spec.ndim != 4:
        return spec
    N, H, W, C = spec.shape or ()
    return spec.with_shape((N, C, H, W))


def _told(kernel: NativeKernel, request: NativeRequest) -> NativeKernel:
    """The kernel as it is for order NHWC. Constants that it does not read may be as they are."""
    inputs = kernel.input_layouts or (PLAIN,) * len(request.inputs)
    outputs = kernel.output_layouts or (PLAIN,) * len(request.outputs)
    return replace(
        kernel,
        input_layouts=tuple(
            one if k in kernel.packed else _layout(one, spec)
            for k, (one, spec) in enumerate(zip(inputs, request.inputs))
        ),
        output_layouts=tuple(map(_layout, outputs, request.outputs)),
    )


def _layout(one: Layout, spec: TensorSpec) -> Layout:
    """The layout of a blob of order NHWC that is the same memory as that of its twin of order NCHW."""
    _, *sizes = spec.shape or ()
    if len(sizes) != 3 or (one == PLAIN and 1 in (sizes[0] * sizes[1], sizes[2])):
        return one
    return TOLD[one]
