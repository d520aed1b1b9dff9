"""SpatialBN in test mode, LRN and Softmax."""

from __future__ import annotations

from c2.compile.layout import PLAIN
from c2.compile.native import NativeKernel, NativeRequest
from c2.ops.linear.flatten import as_matrix
from c2_mkl import onednn_numbers as n
from c2_mkl.activation import add_post
from c2_mkl.call import Declined, chain_of, mkl_native
from c2_mkl.image import common_layout, image_of, is_image
from c2_mkl.library import OneDNN
from c2_mkl.primitive import image_memory, primitive


@mkl_native("SpatialBN")
def build_spatial_bn(request: NativeRequest, library: OneDNN) -> NativeKernel:
    if not request.args["is_test"] or len(request.inputs) != 5:
        raise Declined("test mode only")
    X = request.inputs[0]
    layout = common_layout(request.layouts)
    image = image_of(X, layout, request.args["order"])
    if image.size != X.size:
        layout, image = PLAIN, image_of(X, PLAIN, request.args["order"])
    chain = chain_of(request, library)
    chain.reserve(8 * image.C)
    fields = {
        "planes": image.planes, "positions": image.positions, "block": image.block, "channels": image.C,
        "epsilon": request.args["epsilon"], "threads": request.threads,
    }  # fmt: skip
    chain.add("normalize", fields, [0, 1, 2, 3, 4, chain.output, chain.scratch_buffer])
    add_post(chain, request.post, image.size, request.threads)
    return chain.kernel([layout, *[PLAIN] * 4], [layout])


@mkl_native("LRN")
def build_lrn(request: NativeRequest, library: OneDNN) -> NativeKernel:
    args = request.args
    if len(request.outputs) > 1 or args["size"] % 2 == 0 or not is_image(request.inputs[0]):
        raise Declined("images, odd sizes and one output only")
    if args["alpha"] < 0:
        raise Declined("a negative alpha")
    layout = common_layout(request.layouts)
    image = image_of(request.inputs[0], layout, args["order"])
    end = image_memory(library, image)
    one = primitive(
        library, "lrn_forward", library.engine, n.INFERENCE, n.ACROSS_CHANNELS, end, end, args["size"],
        args["alpha"], args["beta"], args["bias"], threads=request.threads,
    )  # fmt: skip
    chain = chain_of(request, library)
    one.add_to(chain, request.threads, [(n.SOURCE, end, 0), (n.TARGET, end, chain.output)])
    add_post(chain, request.post, image.size, request.threads)
    return chain.kernel([layout], [layout])


@mkl_native("Softmax")
def build_softmax(request: NativeRequest, library: OneDNN) -> NativeKernel:
    X = request.inputs[0]
    assert X.shape is not None
    rows, columns = as_matrix(X.shape, request.args["axis"])
    chain = chain_of(request, library)
    chain.add(
        "softmax", {"rows": rows, "columns": columns, "threads": request.threads}, [0, chain.output]
    )
    add_post(chain, request.post, X.size, request.threads)
    return chain.kernel()
