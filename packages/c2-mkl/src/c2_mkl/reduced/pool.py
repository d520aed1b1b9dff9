"""MaxPool and AveragePool of blobs that are kept in bf16 or in 8 bits."""

from __future__ import annotations

from c2.compile.layout import PLAIN
from c2.compile.native import NativeKernel, NativeRequest
from c2.ops.pool.pool import pool_window
from c2_mkl import onednn_numbers as n
from c2_mkl.call import Chain, Declined, chain_of, reduced_native
from c2_mkl.image import LAST, image_of
from c2_mkl.library import OneDNN
from c2_mkl.native.pool import RANKS
from c2_mkl.primitive import Handle, primitive
from c2_mkl.reduced.activation import add_eltwise, algorithm
from c2_mkl.reduced.storage import Kept, kept_for, kept_inputs, memory_of, rounded_output
from c2_mkl.reduced.table import add_table, table_of


@reduced_native(*(f"{kind}Pool{rank}" for kind in ("Max", "Average") for rank in RANKS))
def build_pool(request: NativeRequest, library: OneDNN) -> NativeKernel:
    layout, order = kept_inputs(request)[0], request.args["order"]
    if layout is None or not layout.last or order.upper() != "NCHW":
        raise Declined("its input is not kept with channels last in reduced precision")
    names = ("order", "count_include_pad")
    window = pool_window(
        request.inputs[0], order, {k: v for k, v in request.args.items() if k not in names}
    )
    spans = zip(window.extent, window.inputs, window.head)
    tail = [max(0, extent - size - head) for extent, size, head in spans]
    average = request.type.startswith("Average")
    if average and layout.is_integer and window.kernel == window.inputs and not any(window.head):
        if request.post:
            raise Declined("an activation after the average of an image")
        return _mean(request, library, layout)
    ends = [memory_of(library, spec, layout) for spec in (request.inputs[0], request.outputs[0])]
    included = request.args.get("count_include_pad", 0)
    algorithm = (n.AVERAGE if included else n.AVERAGE_INSIDE) if average else n.MAXIMUM
    one = primitive(
        library, "pooling_forward", library.engine, n.INFERENCE, algorithm, *ends, list(window.stride),
        list(window.kernel), [0] * len(window.kernel), list(window.head), tail, threads=request.threads,
    )  # fmt: skip
    if one.is_slow:
        raise Declined(f"oneDNN has only plain loops for it in {request.precision}")
    chain = chain_of(request, library)
    one.add_to(chain, request.threads, [(n.SOURCE, ends[0], 0), (n.TARGET, ends[1], chain.output)])
    return chain.kernel([layout], [_add_after(chain, request, layout, ends[1])])


def _add_after(chain: Chain, request: NativeRequest, layout: Kept, target: Handle) -> Kept:
    """Appends the activations on what the pool wrote; returns the layout of the result."""
    threads = request.threads
    if not layout.is_integer:
        for one in request.post:
            add_eltwise(chain, target, *algorithm(*one), chain.output, threads)
        return layout
    if all(type_ == "Relu" for type_, _ in request.post) and layout.dtype == n.U8:
        return layout  # nothing is below zero
    if len(request.post) > 1:
        raise Declined("several activations after a pool of integers")
    Y = layout
    for type_, args in request.post:
        Y = layout if type_ == "Relu" else kept_for(request, 1, layout.last)
        add_table(
            chain, table_of(type_, args, layout, Y), request.outputs[0].size, chain.output, threads
        )
    return Y


def _mean(request: NativeRequest, library: OneDNN, layout: Kept) -> NativeKernel:
    """The average of whole images, as float32 unless who reads it rounds it.

    In 8 bits of the scale of single elements little would be left.
    """
    image, Y = image_of(request.inputs[0], LAST), rounded_output(request)
    form = {None: "FLOAT", n.U8: "U8", n.S8: "S8"}[Y.dtype if Y else None]
    fields = {
        "images": image.N, "positions": image.positions, "channels": image.C, "is_signed": int(layout.dtype == n.S8),
        "form": getattr(library.shim, f"C2_AS_{form}"), "threads": request.threads,
        "factor": layout.scale / image.positions / (Y.scale if Y else 1.0),
    }  # fmt: skip
    chain = chain_of(request, library)
    chain.add("mean", fields, [0, chain.output])
    return chain.kernel([layout], [Y or PLAIN])
