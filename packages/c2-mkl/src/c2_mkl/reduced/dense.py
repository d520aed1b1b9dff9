"""FC in bf16 and int8; its results are float32."""

from __future__ import annotations

from math import prod

import numpy as np

from c2.compile.layout import PLAIN
from c2.compile.native import NativeKernel, NativeRequest
from c2.ops.linear.flatten import as_matrix
from c2_mkl import onednn_numbers as n
from c2_mkl.call import Declined, chain_of, reduced_native
from c2_mkl.library import OneDNN
from c2_mkl.primitive import any_layout, primitive, strided
from c2_mkl.reduced.activation import append_activations
from c2_mkl.reduced.arithmetic import Arithmetic
from c2_mkl.reduced.storage import Kept, kept_for, kept_inputs, strides_of_last
from c2_mkl.reduced.weights import place_reduced, stored_as, weight_scales


@reduced_native("FC")
def build_fc(request: NativeRequest, library: OneDNN) -> NativeKernel:
    have = kept_inputs(request)[0]
    if have is not None and _reads(request, have):
        try:
            return _kernel(request, library, have)
        except Declined:
            pass
    return _kernel(request, library, kept_for(request, 0, last=False))


def _reads(request: NativeRequest, X: Kept) -> bool:
    """Whether rows of X can be read as they lie: an image with channels last is one row per image."""
    return not X.last or request.args["axis"] == 1


def _kernel(request: NativeRequest, library: OneDNN, X: Kept) -> NativeKernel:
    spec = request.inputs[0]
    assert spec.shape is not None
    M, K = as_matrix(spec.shape, request.args["axis"])
    N = request.inputs[2].size
    image = X.last and prod(spec.shape[2:]) > 1
    row = tuple(spec.shape[1:]) if image else (K,)
    strides = strides_of_last(spec.shape) if image else None
    scales = weight_scales(request) * np.float32(X.scale) if X.is_integer else None
    masks, factors = Arithmetic(scales, 1.0, 2, ()).arguments(library, 1)
    source = strided(library, (M, *row), strides, X.dtype)
    ends = [source, strided(library, [N]), strided(library, [M, N])]
    one = primitive(
        library, "inner_product_forward", library.engine, n.INFERENCE, source,
        any_layout(library, (N, *row), stored_as(request)), ends[1], ends[2], threads=request.threads, scales=masks,
        append=lambda post: append_activations(library, post, request.post),
    )  # fmt: skip
    if one.is_slow:
        raise Declined(f"oneDNN has only plain loops for it in {request.precision}")
    chain = chain_of(request, library)
    place = place_reduced(chain, request, (N, *row), None, one)
    one.add_to(chain, request.threads, [
        (n.SOURCE, source, 0), (n.WEIGHTS, one.layout(n.QUERY_WEIGHTS), place), (n.BIAS, ends[1], 2),
        (n.TARGET, ends[2], chain.output), *factors,
    ])  # fmt: skip
    chain.keep += ends
    return chain.kernel([X, PLAIN, PLAIN], [PLAIN])
