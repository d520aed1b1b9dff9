"""Rows of numbers to rows of codes with scale and bias, and back."""

from __future__ import annotations

from c2.compile.native import NativeKernel, NativeRequest
from c2.ops.quantized_embedding.conversion import DEQUANTIZERS, QUANTIZERS
from c2_mkl.call import chain_of, mkl_native
from c2_mkl.library import OneDNN

ENCODERS = tuple(operator.schema.type for operator in QUANTIZERS)
DECODERS = tuple(operator.schema.type for operator in DEQUANTIZERS)


@mkl_native(*ENCODERS, *DECODERS, any_dtype=True)
def build_row_codes(request: NativeRequest, library: OneDNN) -> NativeKernel:
    encodes = request.type in ENCODERS
    numbers = (request.inputs if encodes else request.outputs)[0]
    assert numbers.shape is not None
    bits = next(b for b in (8, 4, 2) if f"{b}Bit" in request.type)
    width = numbers.shape[-1]
    fields = {
        "rows": numbers.size // width, "width": width, "bits": bits,
        "half_numbers": numbers.dtype == "float16",
        "half_scale": bits < 8 or "HalfScaleBias" in request.type, "threads": request.threads,
    }  # fmt: skip
    chain = chain_of(request, library)
    chain.add("encode" if encodes else "decode", fields, [0, 1], context="codes")
    return chain.kernel()
