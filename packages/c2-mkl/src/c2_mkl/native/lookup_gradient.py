"""Gradients of lookups: rows of a bag's gradient, one per place."""

from __future__ import annotations

from c2.compile.native import NativeKernel, NativeRequest
from c2.registry import TensorSpec
from c2_mkl.bags import is_wide, positions
from c2_mkl.call import Declined, chain_of, mkl_native
from c2_mkl.library import OneDNN
from c2_mkl.reference import raise_as_reference

_PLAIN, _WEIGHTED = "source lengths indices", "weights source lengths"
_LENGTHS, _SPARSE = "LengthsIndicesInGradient", "SparseLengthsIndicesInGradient"
GRADIENTS = {
    f"{_LENGTHS}SumGradient": _PLAIN,
    f"{_LENGTHS}MeanGradient": _PLAIN,
    f"{_SPARSE}SumGradient": _PLAIN,
    f"{_SPARSE}MeanGradient": _PLAIN,
    f"{_SPARSE}WeightedSumGradient": f"{_WEIGHTED} indices",
    f"{_SPARSE}WeightedSumWithMainInputGradient": f"{_WEIGHTED} data indices",
    "LengthsWeightedSumGradient": _WEIGHTED,
}


@mkl_native(*GRADIENTS, any_dtype=True, empty_inputs=True)
def build_gradient(request: NativeRequest, library: OneDNN) -> NativeKernel:
    at = positions(GRADIENTS[request.type])
    numbers = [request.inputs[at[role]] for role in ("source", "weights", "data") if role in at]
    other = next((s.dtype for s in numbers if s.dtype != "float32"), None)
    if other is not None:
        raise Declined(f"float32 only, not {other}")
    values = request.outputs[0]
    assert values.shape is not None
    inputs = len(request.inputs)
    fields = {
        "rows": _rows(request.inputs[at["data"]]) if "data" in at else 0,
        "width": values.size // values.shape[0], "places": values.shape[0],
        "bags": _rows(request.inputs[at["source"]]), "wide": is_wide(request.inputs, at),
        "mean": "Mean" in request.type, "threads": request.threads,
        "values": inputs, "products": inputs + 1 if "data" in at else -1,
        **{role: at.get(role, -1) for role in ("source", "lengths", "weights", "data", "indices")},
    }  # fmt: skip
    chain = chain_of(request, library)
    chain.add("spread", fields, range(inputs + len(request.outputs)))
    return chain.kernel(explain=raise_as_reference(request))


def _rows(spec: TensorSpec) -> int:
    assert spec.shape is not None
    return spec.shape[0]
