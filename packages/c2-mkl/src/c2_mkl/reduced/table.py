"""Functions of single 8-bit numbers: a table of their 256 values does them all, rounding included."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from c2.compile.native import NativeKernel, NativeRequest
from c2.registry import core_registry
from c2.registry.spec import spec_of
from c2_mkl import onednn_numbers as n
from c2_mkl.call import Chain, Declined, chain_of, reduced_native
from c2_mkl.library import OneDNN
from c2_mkl.primitive import Array
from c2_mkl.reduced.storage import LARGEST, Kept, kept_for, kept_inputs


@reduced_native(
    "Relu", "LeakyRelu", "Clip", "Sigmoid", "Tanh", "Elu", "Swish", "HardSigmoid", "Gelu", "Selu", "Softplus",
    "Softsign", "Mish", "ReluN", "ThresholdedRelu", "Abs", "Negative", "Sqr", "Cube", "Exp",
    precisions=["int8"],
)  # fmt: skip
def build_table(request: NativeRequest, library: OneDNN) -> NativeKernel:
    X = kept_inputs(request)[0]
    if X is None or request.post or len(request.inputs) > 1:
        raise Declined("its input is not kept in 8 bits, or it is not the last of its kind")
    Y = kept_for(request, 1, X.last)
    chain = chain_of(request, library)
    table = table_of(request.type, request.args, X, Y)
    add_table(chain, table, request.inputs[0].size, 0, request.threads)
    return chain.kernel([X], [Y])


def add_table(chain: Chain, table: Array, size: int, source: int, threads: int) -> None:
    """Appends the function of `size` numbers of a buffer, written to the first output."""
    values = chain.library.ffi.cast("uint8_t *", table.ctypes.data)
    fields = {"n": size, "threads": threads, "values": values}
    chain.add("table", fields, [source, chain.output], keep=table)


def table_of(type_: str, args: dict[str, Any], X: Kept, Y: Kept) -> Array:
    """uint8 (256,): what is stored of f(x) for what is stored of x, by the operator's portable kernel."""
    kernel = next(k for k in core_registry().kernels(type_) if not k.engine)
    stored = np.arange(256, dtype=np.uint8)
    numbers = stored.view(np.int8) if X.dtype == n.S8 else stored
    x = numbers * np.float32(X.scale)
    function = (
        kernel.function(np, spec_of(x), **args)
        if kernel.is_class
        else partial(kernel.function, np, **args)
    )
    with np.errstate(all="ignore"):
        found = function(x) / np.float32(Y.scale)
    most = LARGEST[Y.dtype]
    rounded = np.rint(np.nan_to_num(found)).clip(0 if Y.dtype == n.U8 else -most, most)
    table: Array = rounded.astype(np.uint8 if Y.dtype == n.U8 else np.int8).view(np.uint8)
    return table
