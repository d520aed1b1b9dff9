"""FC with Relu as one call of cuBLASLt."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from c2.compile.native import NativeKernel, NativeRequest
from c2.ops.linear.flatten import as_matrix
from c2.registry import native
from c2_cuda.cublas.product import Matrix, Product
from c2_cuda.kernels.fc import takes
from c2_cuda.library import cupy
from c2_cuda.native.post import what_follows


@native("FC", "FCTransposed", device="CUDA", engine="", supports=takes)
def build_fc(request: NativeRequest) -> NativeKernel | str:
    follows = what_follows(request)
    if isinstance(follows, str):
        return follows
    if follows.sum or request.inputs[0].dtype.name == "float64":
        return "cuBLASLt fuses a bias and Relu alone, in float32 and float16"
    X, W, _ = request.inputs
    assert X.shape is not None
    assert W.shape is not None
    x = Matrix(*as_matrix(X.shape, request.args["axis"]))
    w = Matrix(*as_matrix(W.shape, request.args["axis_w"]), transposed=request.type == "FC")
    product = Product(cupy(), x, w, X.dtype, bias=True, relu=True)

    def launch(arrays: Sequence[Any]) -> None:
        data, weights, bias, result = arrays
        product(data, weights, result, bias)

    return NativeKernel(launch=launch)
