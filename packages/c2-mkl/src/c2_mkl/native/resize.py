"""Images made larger and smaller: ResizeNearest, UpsampleBilinear and PadImage, and their gradients."""

from __future__ import annotations

from typing import Any

import numpy as np

from c2.compile.layout import PLAIN, Layout
from c2.compile.native import NativeKernel, NativeRequest
from c2.ops.conv.geometry import spatial
from c2.ops.spatial.pad_image import heads_and_tails, pad_sources
from c2.ops.spatial.resize import bilinear_entries, nearest_entries
from c2.registry import TensorSpec
from c2_mkl.call import Chain, Declined, chain_of, mkl_native
from c2_mkl.image import Image, common_layout, image_of, settled
from c2_mkl.library import OneDNN

Array = np.ndarray[Any, Any]
SCALES = ("temporal_scale", "height_scale", "width_scale")


@mkl_native("ResizeNearest", "ResizeNearest3D")
def build_resize_nearest(request: NativeRequest, library: OneDNN) -> NativeKernel:
    _check_scales(request, 1)
    X, Y = request.inputs[0], request.outputs[0]
    return _gather(request, library, _nearest(request, X, Y), 0.0)


@mkl_native("ResizeNearestGradient", "ResizeNearest3DGradient")
def build_resize_nearest_gradient(request: NativeRequest, library: OneDNN) -> NativeKernel:
    _check_scales(request, 2)
    dY, X = request.inputs
    return _scatter(request, library, _nearest(request, X, dY))


@mkl_native("PadImage")
def build_pad_image(request: NativeRequest, library: OneDNN) -> NativeKernel:
    sources = _padded(request, request.inputs[0])
    return _gather(request, library, sources, request.args["value"])


@mkl_native("PadImageGradient")
def build_pad_image_gradient(request: NativeRequest, library: OneDNN) -> NativeKernel:
    return _scatter(request, library, _padded(request, request.outputs[0]))


@mkl_native("UpsampleBilinear", "UpsampleBilinearGradient")
def build_upsample_bilinear(request: NativeRequest, library: OneDNN) -> NativeKernel:
    backward = request.type.endswith("Gradient")
    _check_scales(request, 1 + backward)
    small, large = (
        (request.inputs[1], request.inputs[0])
        if backward
        else (request.inputs[0], request.outputs[0])
    )
    layout, chain = common_layout(request.layouts), chain_of(request, library)
    ends = [image_of(spec, layout) for spec in (small, large)]
    firsts, seconds, weights = _bilinear_tables(*ends)
    fields = {
        **_planes(ends[0], request), "inputs": ends[0].sizes, "outputs": ends[1].sizes, "firsts": _at(chain, firsts),
        "seconds": _at(chain, seconds), "weights": _at(chain, weights, "float"),
    }  # fmt: skip
    chain.reserve(4 * request.threads * ends[0].sizes[1] * ends[0].block)
    name = "bilinear_gradient" if backward else "bilinear"
    chain.add(name, fields, [0, chain.output, chain.scratch_buffer], context="bilinear")
    first, last = (settled(layout, spec) for spec in (request.inputs[0], request.outputs[0]))
    return chain.kernel([first, *[PLAIN] * backward], [last])


def _check_scales(request: NativeRequest, inputs: int) -> None:
    if len(request.inputs) > inputs:
        raise Declined("scales from an input")


def _nearest(request: NativeRequest, X: TensorSpec, Y: TensorSpec) -> list[list[int]]:
    order = request.args["order"]
    scales = [request.args[name] for name in SCALES if name in request.args]
    sizes = zip(spatial(X.shape or (), order), spatial(Y.shape or (), order), scales)
    return [[source for _, source, _ in nearest_entries(*one)] for one in sizes]


def _padded(request: NativeRequest, X: TensorSpec) -> list[list[int]]:
    sizes = spatial(X.shape or (), request.args["order"])
    pads = {k: v for k, v in request.args.items() if k not in ("mode", "value", "order")}
    if len(sizes) > 3:
        raise Declined("more than three spatial axes")
    spans = zip(sizes, *heads_and_tails(pads, len(sizes)))
    return [pad_sources(*span, mode=request.args["mode"]) for span in spans]


def _bilinear_tables(X: Image, Y: Image) -> list[Any]:
    """First and second input of each output, and the weight of the second; along height, then width."""
    tables: list[list[float]] = [[], [], []]
    for inputs, outputs in zip(X.sizes, Y.sizes):
        entries = bilinear_entries(inputs, outputs, 1.0)
        for (_, first, _), (_, second, weight) in zip(entries[::2], entries[1::2]):
            for table, value in zip(tables, (first, second, weight)):
                table.append(value)
    return [np.array(t, dtype) for t, dtype in zip(tables, (np.int32, np.int32, np.float32))]


def _gather(
    request: NativeRequest, library: OneDNN, sources: list[list[int]], value: float
) -> NativeKernel:
    X, Y = request.inputs[0], request.outputs[0]
    layout = _layout_for(request, Y, value)
    chain = chain_of(request, library)
    fields = {
        **_fields(chain, request, image_of(X, layout, request.args["order"]), sources),
        "value": value,
    }
    chain.add("gather_image", fields, [0, chain.output], context="resize")
    return chain.kernel([settled(layout, X)], [settled(layout, Y)])


def _layout_for(request: NativeRequest, Y: TensorSpec, value: float) -> Layout:
    """Channels that fill a block stay zero."""
    layout = common_layout(request.layouts)
    padded = image_of(Y, layout, request.args["order"]).size != Y.size
    return PLAIN if padded and value else layout


def _scatter(request: NativeRequest, library: OneDNN, sources: list[list[int]]) -> NativeKernel:
    dX, layout = request.outputs[0], common_layout(request.layouts)
    image, chain = image_of(dX, layout, request.args["order"]), chain_of(request, library)
    chain.reserve(4 * request.threads * len(sources[-1]) * image.block)
    fields = _fields(chain, request, image, sources)
    chain.add("scatter_image", fields, [0, chain.output, chain.scratch_buffer], context="resize")
    rest = [PLAIN] * (len(request.inputs) - 1)  # read for their shape alone
    return chain.kernel([settled(layout, request.inputs[0]), *rest], [settled(layout, dX)])


def _fields(
    chain: Chain, request: NativeRequest, image: Image, sources: list[list[int]]
) -> dict[str, Any]:
    """`sources` are those of each spatial axis; `image` is what they lie in."""
    axes = [[0]] * (3 - len(sources)) + sources
    inside = [k for k, source in enumerate(axes[-1]) if source >= 0]
    if not inside:
        raise Declined("nothing but padding")
    first, last = inside[0], inside[-1] + 1
    shifted = axes[-1][first:last] == list(range(axes[-1][first], axes[-1][first] + last - first))
    return {
        **_planes(image, request), "inputs": [1] * (3 - len(image.sizes)) + list(image.sizes),
        "outputs": [len(axis) for axis in axes], "inside": [first, last], "shifted": int(shifted),
        "sources": _at(chain, np.concatenate(axes).astype(np.int32)),
    }  # fmt: skip


def _planes(image: Image, request: NativeRequest) -> dict[str, int]:
    return {"planes": image.planes, "block": image.block, "threads": request.threads}


def _at(chain: Chain, table: Array, type_: str = "int32_t") -> Any:
    """A pointer to a table, which the chain keeps alive."""
    chain.keep.append(table)
    return chain.library.ffi.from_buffer(f"{type_}[]", table)
