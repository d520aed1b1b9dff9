"""Gradients of activations."""

from __future__ import annotations

from c2.compile.native import NativeKernel, NativeRequest
from c2_mkl.activation import add_unary, parameters
from c2_mkl.call import chain_of, mkl_native
from c2_mkl.image import elementwise_layout
from c2_mkl.library import OneDNN

FROM_OUTPUT = ("Relu", "LeakyRelu", "Clip", "Sigmoid", "Tanh", "Elu", "HardSigmoid", "Softplus")


@mkl_native(*(f"{type_}Gradient" for type_ in (*FROM_OUTPUT, "Gelu", "Swish")))
def build_slope(request: NativeRequest, library: OneDNN) -> NativeKernel:
    """dY times something finite: zeros that fill a block stay zeros."""
    kind, alpha, beta = parameters(request.type.removesuffix("Gradient"), request.args)
    layout, size = elementwise_layout(request, keeps_padding=True)
    chain = chain_of(request, library)
    count = len(request.inputs)
    given = [1, 0, chain.output] if "GELU" in kind else range(count + 1)  # it reads dY first
    name = "swish_gradient" if kind == "SWISH" else "slope"
    add_unary(chain, kind, alpha, beta, size, given, request.threads, name)
    return chain.kernel([layout] * count, [layout])
