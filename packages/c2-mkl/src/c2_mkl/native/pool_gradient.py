"""Gradients of MaxPool and AveragePool."""

from __future__ import annotations

from c2.compile.layout import PLAIN
from c2.compile.native import NativeKernel, NativeRequest
from c2_mkl.call import chain_of, mkl_native
from c2_mkl.image import common_layout, settled
from c2_mkl.library import OneDNN
from c2_mkl.native.pool import RANKS, pool_fields


@mkl_native(*(f"{kind}Pool{rank}Gradient" for kind in ("Max", "Average") for rank in RANKS))
def build_pool_gradient(request: NativeRequest, library: OneDNN) -> NativeKernel:
    layout = common_layout(request.layouts)
    inputs = [settled(layout, s) for s in request.inputs]
    if PLAIN in inputs and inputs[0] == PLAIN:
        layout = PLAIN
    chain = chain_of(request, library)
    fields = pool_fields(request, layout)
    chain.add("pool_gradient", fields, [0, 1, 2, chain.output], context="pool")
    return chain.kernel(inputs, [inputs[0]])
