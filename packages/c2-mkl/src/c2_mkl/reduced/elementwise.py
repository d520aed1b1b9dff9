"""Activations and sums of blobs that are kept in bf16. Rounding blobs of float32 would gain nothing."""

from __future__ import annotations

from typing import Any

from c2.compile.native import NativeKernel, NativeRequest
from c2_mkl import onednn_numbers as n
from c2_mkl.call import Declined, chain_of, reduced_native
from c2_mkl.library import OneDNN
from c2_mkl.primitive import primitive
from c2_mkl.reduced.activation import add_eltwise, algorithm, append_activations
from c2_mkl.reduced.storage import Kept, kept_inputs, memory_of


@reduced_native(
    "Relu", "LeakyRelu", "Clip", "Sigmoid", "Tanh", "Elu", "Swish", "HardSigmoid",
    precisions=["bf16"],
)  # fmt: skip
def build_activation(request: NativeRequest, library: OneDNN) -> NativeKernel:
    layout = _common(request)
    end = memory_of(library, request.inputs[0], layout)
    chain = chain_of(request, library)
    add_eltwise(chain, end, *algorithm(request.type, request.args), 0, request.threads)
    return chain.kernel([layout], [layout])


@reduced_native("Sum", "Add", precisions=["bf16"])
def build_sum(request: NativeRequest, library: OneDNN) -> NativeKernel:
    if len(request.inputs) != 2 or request.inputs[0] != request.inputs[1]:
        raise Declined("two summands of one shape only")
    layout = _common(request)
    end = memory_of(library, request.inputs[0], layout)

    def append(post: Any) -> None:
        append_activations(library, post, request.post)

    one = primitive(
        library,
        "binary",
        library.engine,
        n.ADD,
        end,
        end,
        end,
        threads=request.threads,
        append=append,
    )
    chain = chain_of(request, library)
    places = [(n.SOURCE, end, 0), (n.SECOND_SOURCE, end, 1), (n.TARGET, end, chain.output)]
    one.add_to(chain, request.threads, places)
    return chain.kernel([layout, layout], [layout])


def _common(request: NativeRequest) -> Kept:
    """The layout of the first input that is kept in reduced precision."""
    found = next((one for one in kept_inputs(request) if one is not None), None)
    if found is None:
        raise Declined("its inputs are float32, and rounding them would gain nothing")
    return found
