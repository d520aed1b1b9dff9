"""FC, MatMul and BatchMatMul in bf16 and int8; their results are float32 unless all who read them round them."""

from __future__ import annotations

from math import prod
from typing import Any

from c2.compile.layout import PLAIN
from c2.compile.native import NativeKernel, NativeRequest
from c2.ops.linear.flatten import as_matrix
from c2_mkl import onednn_numbers as n
from c2_mkl.call import Declined, chain_of, reduced_native
from c2_mkl.library import OneDNN
from c2_mkl.native.dense import few_rows, product_sides
from c2_mkl.primitive import any_layout, primitive, strided
from c2_mkl.reduced.arithmetic import arithmetic_of
from c2_mkl.reduced.few_rows import few_rows_of_bytes
from c2_mkl.reduced.storage import Kept, kept_for, kept_inputs, rounded_output, strides_of_last
from c2_mkl.reduced.weights import place_reduced, stored_as


@reduced_native("FC")
def build_fc(request: NativeRequest, library: OneDNN) -> NativeKernel:
    few = few_rows(request, library, halves=True) if request.precision == "bf16" else None
    if few is not None:
        return few
    have = kept_inputs(request)[0]
    if have is not None and _reads(request, have):
        try:
            return _fc(request, library, have)
        except Declined:
            pass
    return _fc(request, library, kept_for(request, 0, last=False))


def _reads(request: NativeRequest, X: Kept) -> bool:
    """Whether rows of X can be read as they lie: an image with channels last is one row per image."""
    return not X.last or request.args["axis"] == 1


def _fc(request: NativeRequest, library: OneDNN, X: Kept) -> NativeKernel:
    few = few_rows_of_bytes(request, library, X) if request.precision == "int8" else None
    if few is not None:
        return few
    spec, Y = request.inputs[0], rounded_output(request)
    assert spec.shape is not None
    M, K = as_matrix(spec.shape, request.args["axis"])
    N = request.inputs[2].size
    image = X.last and prod(spec.shape[2:]) > 1
    row = tuple(spec.shape[1:]) if image else (K,)
    strides = strides_of_last(spec.shape) if image else None
    arithmetic = arithmetic_of(request, library, X, Y)
    masks, factors = arithmetic.arguments(library, 1)
    source = strided(library, (M, *row), strides, X.dtype)
    ends = [source, strided(library, [N]), strided(library, [M, N], dtype=_dtype(Y))]
    one = primitive(
        library, "inner_product_forward", library.engine, n.INFERENCE, source,
        any_layout(library, (N, *row), stored_as(request)), ends[1], ends[2], threads=request.threads, scales=masks,
        append=arithmetic.append_to(library),
    )  # fmt: skip
    if one.is_slow:
        raise Declined(f"oneDNN has only plain loops for it in {request.precision}")
    chain = chain_of(request, library)
    place = place_reduced(chain, request, (N, *row), None, one, arithmetic.weight_steps)
    one.add_to(chain, request.threads, [
        (n.SOURCE, source, 0), (n.WEIGHTS, one.layout(n.QUERY_WEIGHTS), place), (n.BIAS, ends[1], arithmetic.bias),
        (n.TARGET, ends[2], chain.output), *factors,
    ])  # fmt: skip
    chain.keep += ends
    return chain.kernel([X, PLAIN, PLAIN], [Y or PLAIN])


def _dtype(Y: Kept | None) -> int:
    return n.FLOAT if Y is None else Y.dtype


@reduced_native("MatMul", "BatchMatMul")
def build_matmul(request: NativeRequest, library: OneDNN) -> NativeKernel:
    """In int8 where the second matrix is one that never changes, with a scale per column."""
    sides, dims = product_sides(request)
    if request.precision == "int8" and len(dims) > 2:
        raise Declined("stacks of matrices")
    have = kept_inputs(request)[0]
    X = have if have is not None and not have.last else kept_for(request, 0, last=False)
    Y, axis = rounded_output(request), 0 if request.args["trans_b"] else len(dims) - 1
    arithmetic = arithmetic_of(request, library, X, Y, axis=axis)
    masks, factors = arithmetic.arguments(library, 1 << (len(dims) - 1))
    left, result = (
        strided(library, *sides[0], dtype=X.dtype),
        strided(library, dims, dtype=_dtype(Y)),
    )
    constant = 1 in request.constants
    B = None if constant else kept_for(request, 1, last=False)
    right = any_layout(library, sides[1][0], stored_as(request))
    if B is not None:
        right = strided(library, *sides[1], dtype=B.dtype)
    one = primitive(
        library, "matmul", library.engine, left, right, library.ffi.NULL, result, threads=request.threads,
        scales=masks, append=arithmetic.append_to(library),
    )  # fmt: skip
    if one.is_slow:
        raise Declined(f"oneDNN has only plain loops for it in {request.precision}")
    chain = chain_of(request, library)
    place: Any = 1
    if B is None:
        steps = arithmetic.weight_steps
        place = place_reduced(chain, request, *sides[1], one, steps, axis)
    one.add_to(chain, request.threads, [
        (n.SOURCE, left, 0), (n.WEIGHTS, one.layout(n.QUERY_WEIGHTS), place), (n.TARGET, result, chain.output),
        *factors,
    ])  # fmt: skip
    chain.keep += [left, right, result]
    return chain.kernel([X, B or PLAIN], [Y or PLAIN])
