"""Gradients of activations."""

from __future__ import annotations

from c2.compile.native import NativeKernel, NativeRequest
from c2_mkl.activation import parameters
from c2_mkl.call import chain_of, mkl_native
from c2_mkl.image import elementwise_layout
from c2_mkl.library import OneDNN

ACTIVATIONS = ("Relu", "LeakyRelu", "Clip", "Sigmoid", "Tanh", "Elu")


@mkl_native(*(f"{type_}Gradient" for type_ in ACTIVATIONS))
def build_slope(request: NativeRequest, library: OneDNN) -> NativeKernel:
    """dY times something finite: zeros that fill a block stay zeros."""
    kind, alpha, beta = parameters(request.type.removesuffix("Gradient"), request.args)
    layout, size = elementwise_layout(request, keeps_padding=True)
    number = getattr(library.shim, f"C2_{kind}")
    chain = chain_of(request, library)
    fields = {
        "n": size, "kind": number, "threads": request.threads, "alpha": alpha, "beta": beta,
    }  # fmt: skip
    chain.add("slope", fields, [0, 1, chain.output], context="unary")
    return chain.kernel([layout, layout], [layout])
