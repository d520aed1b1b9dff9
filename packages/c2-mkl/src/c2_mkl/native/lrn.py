"""LRN through oneDNN, where that was written for this CPU; else, and for the gradient, by a kernel of ours.

oneDNN's gradient takes plain loops for most sizes and layouts, and 3.2 crashes on a size of 1 with channels last.
"""

from __future__ import annotations

from c2.compile.native import NativeKernel, NativeRequest
from c2_mkl import onednn_numbers as n
from c2_mkl.activation import add_post
from c2_mkl.call import Chain, Declined, chain_of, mkl_native
from c2_mkl.image import Image, common_layout, image_of, is_image
from c2_mkl.library import OneDNN
from c2_mkl.primitive import Primitive, image_memory, primitive

TILE = 2048  # numbers of a tile in the first cache, about


@mkl_native("LRN")
def build_lrn(request: NativeRequest, library: OneDNN) -> NativeKernel:
    layout, chain = common_layout(request.layouts), chain_of(request, library)
    image = image_of(request.inputs[0], layout, request.args["order"])
    one = None if len(request.outputs) > 1 else _primitive(request, library, image)
    if one is None or one.is_slow:
        scale = chain.output + len(request.outputs) - 1
        _add_own(chain, request, image, [0, 0, 0, chain.output, scale])
    else:
        end = image_memory(library, image)
        one.add_to(chain, request.threads, [(n.SOURCE, end, 0), (n.TARGET, end, chain.output)])
    add_post(chain, request.post, image.size, request.threads)
    return chain.kernel([layout], [layout] * len(request.outputs))


@mkl_native("LRNGradient")
def build_lrn_gradient(request: NativeRequest, library: OneDNN) -> NativeKernel:
    layout, chain = common_layout(request.layouts), chain_of(request, library)
    image = image_of(request.inputs[0], layout, request.args["order"])
    _add_own(chain, request, image, [0, 1, 2, chain.output, chain.output])
    return chain.kernel([layout] * 3, [layout])


def _primitive(request: NativeRequest, library: OneDNN, image: Image) -> Primitive | None:
    args = request.args
    if args["size"] % 2 == 0 or args["alpha"] < 0 or not is_image(request.inputs[0]):
        return None
    end = image_memory(library, image)
    try:
        return primitive(
            library, "lrn_forward", library.engine, n.INFERENCE, n.ACROSS_CHANNELS, end, end, args["size"],
            args["alpha"], args["beta"], args["bias"], threads=request.threads,
        )  # fmt: skip
    except Declined:
        return None


def _add_own(chain: Chain, request: NativeRequest, image: Image, buffers: list[int]) -> None:
    args = request.args
    tile = min(max(16, TILE // image.C // 16 * 16), image.positions) if image.block == 1 else 1
    chain.reserve(4 * request.threads * 8 * (image.C + args["size"]) * tile)
    chain.add("lrn", {
        "images": image.N, "channels": image.C, "positions": image.positions, "block": image.block, "tile": tile,
        "weight": args["alpha"] / args["size"], "bias": args["bias"], "beta": args["beta"], "size": args["size"],
        "gradient": int(request.type == "LRNGradient"), "gives_scale": int(len(request.outputs) > 1),
        "threads": request.threads,
    }, [*buffers, chain.scratch_buffer])  # fmt: skip
