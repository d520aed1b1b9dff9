"""Gradients of FC, through oneDNN."""

from __future__ import annotations

from c2.compile.native import NativeKernel, NativeRequest
from c2.ops.linear.flatten import as_matrix
from c2_mkl import onednn_numbers as n
from c2_mkl.call import chain_of, mkl_native
from c2_mkl.library import OneDNN
from c2_mkl.primitive import primitive, strided


@mkl_native("FCGradient", "FCTransposedGradient")
def build_fc_gradient(request: NativeRequest, library: OneDNN) -> NativeKernel:
    X, _, dY = request.inputs
    threads, transposed = request.threads, request.type == "FCTransposedGradient"
    assert X.shape is not None
    M, K = as_matrix(X.shape, request.args["axis"])
    N = dY.size // M
    source, bias, target = (strided(library, dims) for dims in ([M, K], [N], [M, N]))
    weights = strided(library, [N, K], [1, N] if transposed else [K, 1])
    hint = primitive(
        library, "inner_product_forward", library.engine, n.TRAINING, source, weights, bias, target, threads=threads,
    )  # fmt: skip
    chain = chain_of(request, library)
    one = primitive(
        library, "inner_product_backward_weights", library.engine, source, weights, bias, target, hint.descriptor,
        threads=threads,
    )  # fmt: skip
    one.add_to(chain, threads, [
        (n.SOURCE, source, 0), (n.D_TARGET, target, 2), (n.D_WEIGHTS, weights, chain.output),
        (n.D_BIAS, bias, chain.output + 1),
    ])  # fmt: skip
    if len(request.outputs) > 2:
        one = primitive(
            library, "inner_product_backward_data", library.engine, source, weights, target, hint.descriptor,
            threads=threads,
        )  # fmt: skip
        one.add_to(chain, threads, [
            (n.D_TARGET, target, 2), (n.WEIGHTS, weights, 1), (n.D_SOURCE, source, chain.output + 2),
        ])  # fmt: skip
    chain.keep += [source, bias, target, weights]
    return chain.kernel()
