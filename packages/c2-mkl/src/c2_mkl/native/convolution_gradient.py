"""The gradients of Conv in all its forms and of ConvTranspose, through oneDNN: filters, bias and images."""

from __future__ import annotations

from typing import Any

from c2.compile.layout import PLAIN, Layout
from c2.compile.native import NativeKernel, NativeRequest
from c2_mkl import onednn_numbers as n
from c2_mkl.call import Chain, Declined, chain_of, mkl_native
from c2_mkl.library import OneDNN
from c2_mkl.native.convolution import RANKS, create_forward, pairs
from c2_mkl.native.convolution_geometry import Geometry, convolution_window, geometry_of
from c2_mkl.primitive import (
    Primitive,
    any_layout,
    image_memory,
    primitive,
    strided,
)
from c2_mkl.weights import give_weights, place_weights


@mkl_native(*(f"Conv{rank}Gradient" for rank in RANKS), "ConvTransposeGradient")
def build_convolution_gradient(request: NativeRequest, library: OneDNN) -> NativeKernel:
    dY = request.inputs[2]
    window = convolution_window(request)
    tried = pairs(request, library, dY, window)
    for layouts in tried:
        geometry = geometry_of(request, dY, window, layouts)
        last = layouts == tried[-1]
        try:
            both = _Backward(library, request, geometry)
        except Declined:
            if last:
                raise
            continue
        if last or not both.is_slow:
            break
    return both.kernel(layouts)


class _Backward:
    """The primitive for filters and bias and, where it is asked for, the one for the images."""

    def __init__(self, library: OneDNN, request: NativeRequest, geometry: Geometry) -> None:
        self.library, self.request, self.geometry = library, request, geometry
        has_bias = not request.args["no_bias"]
        self.bias = 1 if has_bias and len(request.outputs) > 1 else None
        self.image = 1 + has_bias if len(request.outputs) > 1 + has_bias else None
        source, target = (image_memory(library, g) for g in (geometry.source, geometry.target))
        self.ends = source, target
        self.db = strided(library, [geometry.target.C]) if self.bias else None
        hint = create_forward(
            library, geometry, source, target, None, request.threads, None, n.TRAINING
        )
        self.filters = self._create("weights", hint)
        self.images = self._create("data", hint) if self.image else None

    def _create(self, kind: str, hint: Primitive) -> Primitive:
        library, geometry = self.library, self.geometry
        source, target = self.ends
        weights, window = any_layout(library, geometry.weights), geometry.window
        given: list[Any] = [source, weights, target]
        if kind == "weights":
            given.insert(2, self.db or library.ffi.NULL)
        return primitive(
            library, f"{geometry.kind}_backward_{kind}", library.engine, geometry.algorithm, *given,
            list(window.stride), [d - 1 for d in window.dilation], list(window.head), list(geometry.tail),
            hint.descriptor, threads=self.request.threads,
        )  # fmt: skip

    @property
    def is_slow(self) -> bool:
        return any(one.is_slow for one in (self.filters, self.images) if one)

    def kernel(self, layouts: tuple[Layout, Layout]) -> NativeKernel:
        chain, request = chain_of(self.request, self.library), self.request
        self._add_filters(chain)
        given = [PLAIN] * len(request.outputs)
        if self.images is not None:
            assert self.image is not None
            self._add_images(chain, self.images, chain.output + self.image)
            given[self.image] = layouts[0]
        return chain.kernel([layouts[0], PLAIN, layouts[1]], given)

    def _plain_weights(self) -> Any:
        return strided(self.library, self.geometry.weights, self.geometry.weight_strides)

    def _add_filters(self, chain: Chain) -> None:
        one = self.filters
        with give_weights(
            chain, self._plain_weights(), one, chain.output, self.request.threads
        ) as place:
            arguments = [
                (n.SOURCE, self.ends[0], 0), (n.D_TARGET, self.ends[1], 2),
                (n.D_WEIGHTS, one.layout(n.QUERY_D_WEIGHTS), place),
            ]  # fmt: skip
            if self.bias:
                arguments.append((n.D_BIAS, self.db, chain.output + self.bias))
            one.add_to(chain, self.request.threads, arguments)
        chain.keep += [self.ends, self.db]

    def _add_images(self, chain: Chain, one: Primitive, output: int) -> None:
        place = place_weights(chain, self.request, self._plain_weights(), one, 1)
        one.add_to(chain, self.request.threads, [
            (n.D_TARGET, self.ends[1], 2), (n.WEIGHTS, one.layout(n.QUERY_WEIGHTS), place),
            (n.D_SOURCE, self.ends[0], output),
        ])  # fmt: skip
