"""Conv in all its forms, and ConvTranspose, through oneDNN."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from c2.compile.layout import PLAIN, Layout
from c2.compile.native import NativeKernel, NativeRequest
from c2.ops.conv.geometry import Window
from c2.registry import TensorSpec
from c2_mkl import onednn_numbers as n
from c2_mkl.activation import add_post, keeps_zero
from c2_mkl.call import Chain, Declined, chain_of, mkl_native
from c2_mkl.image import BLOCKS, LAST, Image, settled
from c2_mkl.library import OneDNN
from c2_mkl.native.convolution_geometry import Geometry, convolution_window, geometry_of
from c2_mkl.primitive import (
    Handle,
    Primitive,
    any_layout,
    image_memory,
    primitive,
    same_layout,
    strided,
)
from c2_mkl.weights import place_weights

ZERO = np.zeros(1, np.float32)  # the slope below zero of Relu
INSIDE = ("Relu", "LeakyRelu")  # activations of which oneDNN keeps NaN; its clip does not
LONG_ROW = (
    14  # positions: from here on, the kernels for channels in blocks of 16 beat those for NHWC
)
RANKS = ("", "1D", "2D", "3D")
FEW_CHANNELS = 4  # an image as it comes from a file: kernels exist that read it plain


@mkl_native(*(f"Conv{rank}" for rank in RANKS), "ConvTranspose")
def build_convolution(request: NativeRequest, library: OneDNN) -> NativeKernel:
    window = convolution_window(request)
    fused = fused_of(request.post)
    tried = pairs(request, library, request.outputs[0], window, padding=fused.keeps_padding)
    for source, target in tried:
        geometry = geometry_of(request, request.outputs[0], window, (source, target))
        last = (source, target) == tried[-1]
        try:
            one = _primitive(library, request, geometry, fused)
        except Declined:
            if last:
                raise
            continue
        if last or not one.is_slow:
            break
    return _kernel(library, request, geometry, one, (source, target), fused)


@dataclass(frozen=True)
class Fused:
    """What follows the convolution: done by oneDNN first (a summand, then `inside`), by us afterwards (`rest`)."""

    adds: bool
    inside: tuple[str, dict[str, Any]] | None
    rest: tuple[tuple[str, dict[str, Any]], ...]

    @property
    def is_relu(self) -> bool:
        return self.inside is not None and (
            self.inside[0] == "Relu" or self.inside[1]["alpha"] == 0
        )

    @property
    def keeps_padding(self) -> bool:
        return all(keeps_zero(*one) for one in self.rest)


def fused_of(post: tuple[tuple[str, dict[str, Any]], ...]) -> Fused:
    """oneDNN does the activations that treat NaN as we do."""
    adds = bool(post) and post[0][0] in ("Sum", "Add")
    left = post[adds:]
    inside = left[0] if left and left[0][0] in INSIDE else None
    return Fused(adds, inside, left[inside is not None :])


def pairs(
    request: NativeRequest, library: OneDNN, Y: TensorSpec, window: Window, *, padding: bool = True
) -> list[tuple[Layout, Layout]]:
    """Pairs of layouts of X and Y to try, the best first; `padding` says that zeros may fill blocks of channels."""
    plain = (PLAIN, PLAIN)
    if request.layouts is None or request.args["order"].upper() != "NCHW":
        return [plain]
    best = preferred_layout(library, request.threads)
    if best == LAST and window.outputs[-1] >= LONG_ROW:
        best = BLOCKS[16]
    if best.nbytes(Y) != Y.nbytes and not padding:
        return [plain]
    X = request.inputs[0]
    assert X.shape is not None
    target = settled(best, Y)
    few = request.layouts[0] == PLAIN and X.shape[1] <= FEW_CHANNELS
    direct = [(PLAIN, target)] if few else []
    return [*direct, (settled(best, X), target), plain]


@lru_cache(maxsize=8)
def preferred_layout(library: OneDNN, threads: int) -> Layout:
    """The layout that oneDNN likes best on this CPU, by asking for a usual convolution."""
    image = Image(1, 64, (56, 56), 1)
    geometry = Geometry(
        image, image, Window((3, 3), (1, 1), (1, 1), (1, 1), (1, 1), (56, 56), (56, 56)), 1, "NCHW"
    )
    ends = any_layout(library, image.dims)
    one = create_forward(library, geometry, ends, ends, None, threads, None)
    chosen = one.layout(n.QUERY_TARGET)
    for layout, block in [(LAST, 64), *((one, b) for b, one in BLOCKS.items())]:
        if same_layout(
            library, chosen, image_memory(library, Image(1, 64, (56, 56), block, block != 64))
        ):
            return layout
    return PLAIN


def _primitive(
    library: OneDNN, request: NativeRequest, geometry: Geometry, fused: Fused
) -> Primitive:
    source, target = (image_memory(library, g) for g in (geometry.source, geometry.target))
    bias = strided(library, [geometry.target.C]) if _has_bias(request, fused) else None

    def append(post: Any) -> None:
        if fused.adds:
            library.api.post_ops_append_sum(post, 1.0, 0, n.UNDEFINED)
        if fused.is_relu:
            library.api.post_ops_append_prelu(post, 0)
        elif fused.inside is not None:
            alpha = fused.inside[1]["alpha"]
            library.api.post_ops_append_eltwise(post, n.ELTWISE_RELU, alpha, 0)

    return create_forward(library, geometry, source, target, bias, request.threads, append)


def _has_bias(request: NativeRequest, fused: Fused) -> bool:
    return len(request.inputs) - fused.adds > 2


def create_forward(
    library: OneDNN,
    geometry: Geometry,
    source: Handle,
    target: Handle,
    bias: Handle | None,
    threads: int,
    append: Callable[[Any], None] | None,
    propagation: int = n.INFERENCE,
) -> Primitive:
    """The primitive of a convolution; with TRAINING for propagation, what its gradients are made from."""
    window = geometry.window
    return primitive(
        library, f"{geometry.kind}_forward", library.engine, propagation, geometry.algorithm, source,
        any_layout(library, geometry.weights), bias if bias else library.ffi.NULL, target,
        list(window.stride), [d - 1 for d in window.dilation], list(window.head), list(geometry.tail),
        threads=threads, append=append,
    )  # fmt: skip


def _kernel(
    library: OneDNN,
    request: NativeRequest,
    geometry: Geometry,
    one: Primitive,
    layouts: tuple[Layout, Layout],
    fused: Fused,
) -> NativeKernel:
    chain = chain_of(request, library)
    arguments = [
        (n.SOURCE, one.layout(n.QUERY_SOURCE), 0),
        (n.WEIGHTS, one.layout(n.QUERY_WEIGHTS), _weights(chain, request, geometry, one)),
        (n.TARGET, one.layout(n.QUERY_TARGET), chain.output),
    ]
    if _has_bias(request, fused):
        bias = strided(library, [geometry.target.C])
        arguments.append((n.BIAS, bias, 2))
    if fused.is_relu:
        slope = strided(library, [1] * len(geometry.target.dims))
        arguments.append(((1 + fused.adds) * n.POST_OP | n.WEIGHTS, slope, ZERO))
    middle = [PLAIN] * (len(request.inputs) - 1)
    if fused.adds:  # oneDNN adds to what is there already
        middle[-1] = layouts[1]
        nbytes = 4 * geometry.target.size
        chain.add("copy", {"bytes": nbytes}, [len(request.inputs) - 1, chain.output])
    one.add_to(chain, request.threads, arguments)
    add_post(chain, fused.rest, geometry.target.size, request.threads)
    return chain.kernel([layouts[0], *middle], [layouts[1]])


def _weights(chain: Chain, request: NativeRequest, geometry: Geometry, one: Primitive) -> Any:
    """Where the weights are: packed once, or at every run into scratch memory."""
    return place_weights(
        chain, request, strided(chain.library, geometry.weights, geometry.weight_strides), one, 1
    )
