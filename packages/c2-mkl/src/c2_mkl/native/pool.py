"""MaxPool and AveragePool."""

from __future__ import annotations

from typing import Any

from c2.compile.layout import PLAIN, Layout
from c2.compile.native import NativeKernel, NativeRequest
from c2.ops.pool.pool import pool_window
from c2_mkl.activation import add_post, keeps_zero
from c2_mkl.call import Declined, chain_of, mkl_native
from c2_mkl.image import common_layout, image_of, settled
from c2_mkl.library import OneDNN

RANKS = ("", "1D", "2D", "3D")


@mkl_native(*(f"{kind}Pool{rank}" for kind in ("Max", "Average") for rank in RANKS))
def build_pool(request: NativeRequest, library: OneDNN) -> NativeKernel:
    order, output = request.args["order"], request.outputs[0]
    layout = common_layout(request.layouts)
    padded = image_of(output, layout, order).size != output.size
    if padded and not all(keeps_zero(*one) for one in request.post):
        layout = PLAIN
    fields = pool_fields(request, layout)
    chain = chain_of(request, library)
    chain.reserve(4 * request.threads * fields["inputs"][2] * fields["block"])
    chain.add("pool", fields, [0, chain.output, chain.scratch_buffer])
    add_post(chain, request.post, image_of(output, layout, order).size, request.threads)
    return chain.kernel([layout], [settled(layout, output)])


def pool_fields(request: NativeRequest, layout: Layout) -> dict[str, Any]:
    """The C part's description of a pool, or of its gradient, whose first input has that layout."""
    names = ("order", "count_include_pad")
    arguments = {k: v for k, v in request.args.items() if k not in names}
    window = pool_window(request.inputs[0], request.args["order"], arguments)
    if len(window.kernel) > 3:
        raise Declined("more than three spatial axes")
    X = image_of(request.inputs[0], layout, request.args["order"])
    return {
        "planes": X.planes, "block": X.block, "inputs": _three(window.inputs, 1), "outputs": _three(window.outputs, 1),
        "kernel": _three(window.kernel, 1), "stride": _three(window.stride, 1), "head": _three(window.head, 0),
        "average": int(request.type.startswith("Average")),
        "include_pad": int(request.args.get("count_include_pad", 0)), "threads": request.threads,
    }  # fmt: skip


def _three(values: tuple[int, ...], fill: int) -> list[Any]:
    return [fill] * (3 - len(values)) + list(values)
