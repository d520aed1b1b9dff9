"""MaxPool and AveragePool."""

from __future__ import annotations

from typing import Any

from c2.compile.layout import PLAIN
from c2.compile.native import NativeKernel, NativeRequest
from c2.ops.pool.pool import pool_window
from c2_mkl.activation import add_post, keeps_zero
from c2_mkl.call import Declined, chain_of, mkl_native
from c2_mkl.image import common_layout, image_of, settled
from c2_mkl.library import OneDNN

RANKS = ("", "1D", "2D", "3D")


@mkl_native(*(f"{kind}Pool{rank}" for kind in ("Max", "Average") for rank in RANKS))
def build_pool(request: NativeRequest, library: OneDNN) -> NativeKernel:
    names = ("order", "count_include_pad")
    order = request.args["order"]
    arguments = {k: v for k, v in request.args.items() if k not in names}
    window = pool_window(request.inputs[0], order, arguments)
    if len(window.kernel) > 3:
        raise Declined("more than three spatial axes")
    layout = common_layout(request.layouts)
    padded = any(image_of(s, layout, order).size != s.size for s in request.outputs)
    if padded and not all(keeps_zero(*one) for one in request.post):
        layout = PLAIN
    X, Y = image_of(request.inputs[0], layout, order), image_of(request.outputs[0], layout, order)
    chain = chain_of(request, library)
    inputs = _three(window.inputs, 1)
    chain.reserve(4 * request.threads * inputs[2] * X.block)
    fields = {
        "planes": X.planes, "block": X.block, "inputs": inputs, "outputs": _three(window.outputs, 1),
        "kernel": _three(window.kernel, 1), "stride": _three(window.stride, 1), "head": _three(window.head, 0),
        "average": int(request.type.startswith("Average")),
        "include_pad": int(request.args.get("count_include_pad", 0)), "threads": request.threads,
    }  # fmt: skip
    chain.add("pool", fields, [0, chain.output, chain.scratch_buffer])
    add_post(chain, request.post, Y.size, request.threads)
    return chain.kernel([layout], [settled(layout, request.outputs[0])])


def _three(values: tuple[int, ...], fill: int) -> list[Any]:
    return [fill] * (3 - len(values)) + list(values)
