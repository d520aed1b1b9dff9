"""FC, MatMul and BatchMatMul, through oneDNN."""

from __future__ import annotations

from c2.compile.native import NativeKernel, NativeRequest
from c2.ops.linear.flatten import as_matrix
from c2_mkl import onednn_numbers as n
from c2_mkl.activation import add_post
from c2_mkl.call import Declined, chain_of, mkl_native
from c2_mkl.library import OneDNN
from c2_mkl.packing import pack_few_rows
from c2_mkl.primitive import any_layout, primitive, strided
from c2_mkl.weights import place_weights

FEW = 4  # rows for which the weights' way through memory is what takes the time


@mkl_native("FC", "FCTransposed")
def build_fc(request: NativeRequest, library: OneDNN) -> NativeKernel:
    few = few_rows(request, library)
    if few is not None:
        return few
    M, K, N = sizes_of(request)
    weights = strided(library, [N, K], [K, 1] if request.type == "FC" else [1, N])
    ends = [strided(library, dims) for dims in ([M, K], [N], [M, N])]
    wanted = any_layout(library, [N, K]) if 1 in request.constants else weights
    one = primitive(
        library, "inner_product_forward", library.engine, n.INFERENCE, ends[0], wanted, ends[1],
        ends[2], threads=request.threads,
    )  # fmt: skip
    chain = chain_of(request, library)
    place = place_weights(chain, request, weights, one, 1)
    one.add_to(chain, request.threads, [
        (n.SOURCE, ends[0], 0), (n.WEIGHTS, one.layout(n.QUERY_WEIGHTS), place),
        (n.BIAS, ends[1], 2), (n.TARGET, ends[2], chain.output),
    ])  # fmt: skip
    chain.keep += ends
    add_post(chain, request.post, M * N, request.threads)
    return chain.kernel()


def sizes_of(request: NativeRequest) -> tuple[int, int, int]:
    """M, K and N of an FC."""
    X, _, b = request.inputs
    assert X.shape is not None
    M, K = as_matrix(X.shape, request.args["axis"])
    return M, K, b.size


def few_rows(request: NativeRequest, library: OneDNN, halves: bool = False) -> NativeKernel | None:
    """An own kernel where the weights are read once and the time is theirs: 97 GB/s from L3, oneDNN 71.

    None where the rows are many or the weights may change. With `halves` the weights are kept in bfloat16.
    """
    M, K, N = sizes_of(request)
    if M > FEW or 1 not in request.constants or not library.shim.c2_has_few_rows():
        return None
    strides = (K, 1) if request.type == "FC" else (1, N)
    fields = {"M": M, "K": K, "N": N, "halves": int(halves), "threads": request.threads}
    packed = pack_few_rows(library, request.constants[1], fields, strides)
    weights = library.ffi.cast("void *", packed.array.ctypes.data)
    chain = chain_of(request, library)
    chain.add("few_rows", {**fields, "weights": weights}, [0, 2, chain.output], keep=packed)
    chain.packed.append(1)
    add_post(chain, request.post, M * N, request.threads)
    return chain.kernel()


@mkl_native("MatMul", "BatchMatMul")
def build_matmul(request: NativeRequest, library: OneDNN) -> NativeKernel:
    sides, dims = product_sides(request)
    left, right = (strided(library, *side) for side in sides)
    result = strided(library, dims)
    wanted = any_layout(library, sides[1][0]) if 1 in request.constants else right
    one = primitive(
        library,
        "matmul",
        library.engine,
        left,
        wanted,
        library.ffi.NULL,
        result,
        threads=request.threads,
    )
    chain = chain_of(request, library)
    place = place_weights(chain, request, right, one, 1)
    one.add_to(chain, request.threads, [
        (n.SOURCE, left, 0), (n.WEIGHTS, one.layout(n.QUERY_WEIGHTS), place), (n.TARGET, result, chain.output),
    ])  # fmt: skip
    chain.keep += [left, right, result]
    add_post(chain, request.post, request.outputs[0].size, request.threads)
    return chain.kernel()


Matrices = tuple[list[int], list[int]]  # sizes and strides


def product_sides(request: NativeRequest) -> tuple[tuple[Matrices, Matrices], list[int]]:
    """Both sides of a MatMul or BatchMatMul as stacks of matrices, and the sizes of the product."""
    if len(request.inputs) > 2:
        raise Declined("the shape of a third input")
    a, b = (one.shape for one in request.inputs)
    assert a is not None
    assert b is not None
    if request.type == "MatMul":
        a, b = as_matrix(a, request.args["axis_a"]), as_matrix(b, request.args["axis_b"])
    elif len(a) < 2 or len(a) != len(b) or a[:-2] != b[:-2]:
        raise Declined("vectors, or batch axes that differ")
    sides = (_matrix(a, request.args["trans_a"]), _matrix(b, request.args["trans_b"]))
    dims = [*a[:-2], sides[0][0][-2], sides[1][0][-1]]
    if len(dims) > 6:
        raise Declined("more than six axes")
    return sides, dims


def _matrix(shape: tuple[int, ...], transposed: bool) -> Matrices:
    """Sizes and strides of a stack of matrices, transposed where asked."""
    strides = [1]
    for size in reversed(shape[1:]):
        strides.insert(0, strides[0] * size)
    dims = list(shape)
    if transposed:
        dims[-2:], strides[-2:] = dims[:-3:-1], strides[:-3:-1]
    return dims, strides
