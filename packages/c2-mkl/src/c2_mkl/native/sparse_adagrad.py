"""SparseAdagrad and RowWiseSparseAdagrad, in place on the rows that indices name."""

from __future__ import annotations

from collections.abc import Sequence

from c2.compile.native import NativeKernel, NativeRequest
from c2.registry import TensorSpec
from c2_mkl.bags import is_wide, positions
from c2_mkl.call import Declined, chain_of, mkl_native
from c2_mkl.library import OneDNN
from c2_mkl.reference import raise_as_reference

UPDATES = ("SparseAdagrad", "RowWiseSparseAdagrad")
AT = positions("param moment indices grad rate")


@mkl_native(*UPDATES, any_dtype=True, empty_inputs=True)
def build_adagrad(request: NativeRequest, library: OneDNN) -> NativeKernel:
    param = request.inputs[AT["param"]]
    assert param.shape is not None
    if param.dtype != "float32":
        raise Declined(f"float32 only, not {param.dtype}")
    if request.args.get("counter_halflife", -1) > 0:
        raise Declined("no counter_halflife")
    fields = {
        "rows": param.shape[0], "width": param.size // param.shape[0],
        "wide": is_wide(request.inputs, AT), "row_wise": request.type == "RowWiseSparseAdagrad",
        "threads": request.threads, "epsilon": request.args["epsilon"],
        "weight_decay": request.args["weight_decay"], "outputs": len(request.inputs), **AT,
    }  # fmt: skip
    chain = chain_of(request, library)
    chain.add("adagrad", fields, range(len(request.inputs) + 2))
    context = chain.calls[0].context

    def resize(specs: Sequence[TensorSpec]) -> None:
        context.places = specs[AT["indices"]].size

    resize(request.inputs)
    return chain.kernel(
        explain=raise_as_reference(request),
        resize=resize,
        any_rows=frozenset({AT["indices"], AT["grad"]}),
    )
