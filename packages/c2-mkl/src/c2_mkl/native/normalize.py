"""SpatialBN and Softmax, and their gradients."""

from __future__ import annotations

from typing import Any

from c2.compile.layout import PLAIN, Layout
from c2.compile.native import NativeKernel, NativeRequest
from c2.ops.linear.flatten import as_matrix
from c2_mkl.activation import add_post
from c2_mkl.call import Declined, chain_of, mkl_native
from c2_mkl.image import Image, common_layout, image_of
from c2_mkl.library import OneDNN


@mkl_native("SpatialBN")
def build_spatial_bn(request: NativeRequest, library: OneDNN) -> NativeKernel:
    layout, image, fields = _channels(request)
    chain = chain_of(request, library)
    post = request.post
    if request.args["is_test"]:
        chain.reserve(8 * image.C)
        chain.add("normalize", fields, [0, 1, 2, 3, 4, chain.output, chain.scratch_buffer])
    else:
        relu = bool(post) and post[0][0] == "Relu"
        more = {"momentum": request.args["momentum"], "relu": int(relu)}
        chain.add("batch_norm", {**fields, **more}, range(10))
        post = post[relu:]
    add_post(chain, post, image.size, request.threads)
    return chain.kernel([layout, *[PLAIN] * 4], [layout, *[PLAIN] * (len(request.outputs) - 1)])


@mkl_native("SpatialBNGradient")
def build_spatial_bn_gradient(request: NativeRequest, library: OneDNN) -> NativeKernel:
    layout, _, fields = _channels(request)
    chain = chain_of(request, library)
    more = {"is_test": int(request.args["is_test"])}
    chain.add("batch_norm_gradient", {**fields, **more}, range(8), context="batch_norm")
    return chain.kernel([layout, PLAIN, layout, PLAIN, PLAIN], [layout, PLAIN, PLAIN])


def _channels(request: NativeRequest) -> tuple[Layout, Image, dict[str, Any]]:
    """A layout in which no channel fills a block, the image in it, and the C part's description of that."""
    if len(request.inputs) != 5:
        raise Declined("moments of several batches")
    X, order = request.inputs[0], request.args["order"]
    layout = common_layout(request.layouts)
    image = image_of(X, layout, order)
    if image.size != X.size:
        layout, image = PLAIN, image_of(X, PLAIN, order)
    return layout, image, {
        "planes": image.planes, "positions": image.positions, "block": image.block, "channels": image.C,
        "epsilon": request.args["epsilon"], "threads": request.threads,
    }  # fmt: skip


@mkl_native("Softmax", "SoftmaxGradient")
def build_softmax(request: NativeRequest, library: OneDNN) -> NativeKernel:
    """Of X, or of Y and dY."""
    shape = request.inputs[0].shape or ()
    rows, columns = as_matrix(shape, request.args["axis"])
    chain = chain_of(request, library)
    fields = {"rows": rows, "columns": columns, "threads": request.threads}
    name = "softmax_gradient" if request.type.endswith("Gradient") else "softmax"
    chain.add(name, fields, range(chain.output + 1), context="softmax")
    add_post(chain, request.post, rows * columns, request.threads)
    return chain.kernel()
