"""Activations, sums and products of blobs that are kept in reduced precision; 8-bit activations are in `table`.

Rounding blobs of float32 would gain nothing.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from c2.compile.native import NativeKernel, NativeRequest
from c2_mkl import onednn_numbers as n
from c2_mkl.activation import LARGEST as LARGEST_FLOAT
from c2_mkl.activation import parameters
from c2_mkl.call import Declined, chain_of, reduced_native
from c2_mkl.library import OneDNN
from c2_mkl.native.shape import MOST
from c2_mkl.primitive import primitive
from c2_mkl.reduced.activation import add_eltwise, algorithm, append_activations
from c2_mkl.reduced.storage import LARGEST, Kept, kept_for, kept_inputs, memory_of


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


@reduced_native("Sum", "Add", "Mul", precisions=["bf16"])
def build_binary(request: NativeRequest, library: OneDNN) -> NativeKernel:
    """B may have axes of size 1 that stretch along those of A."""
    if len(request.inputs) != 2 or not _stretches(*(one.shape or () for one in request.inputs)):
        raise Declined("two blobs of one shape, or a second one with axes of size 1")
    layout = _common(request)
    ends = [memory_of(library, one, layout) for one in (*request.inputs, request.outputs[0])]

    def append(post: Any) -> None:
        append_activations(library, post, request.post)

    kind = n.MULTIPLY if request.type == "Mul" else n.ADD
    one = primitive(
        library, "binary", library.engine, kind, *ends, threads=request.threads, append=append
    )
    if one.is_slow:
        raise Declined(f"oneDNN has only plain loops for it in {request.precision}")
    chain = chain_of(request, library)
    numbers = zip((n.SOURCE, n.SECOND_SOURCE, n.TARGET), ends, (0, 1, chain.output))
    one.add_to(chain, request.threads, list(numbers))
    return chain.kernel([layout, layout], [layout])


def _stretches(A: tuple[int, ...], B: tuple[int, ...]) -> bool:
    return len(A) == len(B) and all(b in (1, a) for a, b in zip(A, B))


@reduced_native("Sum", "Add", "Mul", precisions=["int8"])
def build_sum_of_bytes(request: NativeRequest, library: OneDNN) -> NativeKernel:
    """Sums and products of blobs of one shape, each in its own steps; a Relu or Clip is where they are cut off."""
    count = len(request.inputs)
    if not 2 <= count <= MOST or len(set(request.inputs)) > 1:
        raise Declined(f"2 to {MOST} blobs of one shape")
    have, last = kept_inputs(request), _common(request).last
    inputs = [
        one if one is not None and one.last == last else kept_for(request, k, last)
        for k, one in enumerate(have)
    ]
    Y = kept_for(request, count, last)
    low, high = _ends(request, Y)
    product, step = request.type == "Mul", np.float32(1 / Y.scale)
    factors = [X.scale * (1 if product and k else step) for k, X in enumerate(inputs)]
    fields = {
        "n": request.inputs[0].size, "count": count, "is_product": product, "threads": request.threads, "low": low,
        "high": high, "factors": factors, "is_signed": [one.dtype == n.S8 for one in (*inputs, Y)],
    }  # fmt: skip
    chain = chain_of(request, library)
    chain.add("sum_bytes", fields, range(count + 1))
    return chain.kernel(inputs, [Y])


def _ends(request: NativeRequest, Y: Kept) -> tuple[float, float]:
    """The smallest and largest number to store, with activations that do nothing but cut off."""
    low, high = 0.0 if Y.dtype == n.U8 else -LARGEST[Y.dtype], LARGEST[Y.dtype]
    for type_, args in request.post:
        if type_ not in ("Relu", "Clip"):
            raise Declined(f"{type_} after a sum of 8-bit numbers")
        _, bottom, top = parameters(type_, args)
        top = top if type_ == "Clip" else LARGEST_FLOAT
        low, high = (min(max(end, bottom / Y.scale), top / Y.scale) for end in (low, high))
    return low, high


def _common(request: NativeRequest) -> Kept:
    """The layout of the first input that is kept in reduced precision."""
    found = next((one for one in kept_inputs(request) if one is not None), None)
    if found is None:
        raise Declined("its inputs are float32, and rounding them would gain nothing")
    return found
