"""Convolutions and transposed ones in oneDNN's terms: windows, pads, filters."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import ClassVar

from c2.compile.layout import Layout
from c2.compile.native import NativeRequest
from c2.ops.conv.geometry import Window, resolve_transposed, resolve_window, spatial
from c2.registry import TensorSpec
from c2_mkl import onednn_numbers as n
from c2_mkl.call import Declined
from c2_mkl.image import Image, image_of


@dataclass(frozen=True)
class Geometry:
    """A convolution in oneDNN's terms."""

    kind: ClassVar[str] = "convolution"
    algorithm: ClassVar[int] = n.DIRECT

    source: Image
    target: Image
    window: Window
    group: int
    order: str

    @property
    def weights(self) -> tuple[int, ...]:
        """(M, C / group, ...), with an axis for the groups in front where there are some."""
        per_group = (self.target.C // self.group, self.source.C // self.group, *self.window.kernel)
        return per_group if self.group == 1 else (self.group, *per_group)

    @property
    def weight_strides(self) -> tuple[int, ...] | None:
        """Of the filters as the operator has them; None: C order."""
        if self.order.upper() != "NHWC":
            return None
        depth, taps = self.source.C // self.group, self.window.kernel
        strides = [depth]
        for size in reversed(taps[1:]):
            strides.insert(0, strides[0] * size)
        filter_ = strides[0] * taps[0]
        per_group = (filter_, 1, *strides)
        return (
            per_group if self.group == 1 else (filter_ * (self.target.C // self.group), *per_group)
        )

    @property
    def tail(self) -> tuple[int, ...]:
        """Pads that the last window reads."""
        found = self.window
        spans = zip(found.extent, found.inputs, found.head)
        return tuple(max(0, extent - size - head) for extent, size, head in spans)


@dataclass(frozen=True)
class Transposed(Geometry):
    """A transposed convolution: `window` is that of the convolution from the target to the source."""

    kind: ClassVar[str] = "deconvolution"
    algorithm: ClassVar[int] = n.DECONVOLUTION

    @property
    def weight_strides(self) -> tuple[int, ...]:
        """The operator's filters are (M, C / group, ...) or (M, ..., C / group), M the channels of the source."""
        depth, taps = self.target.C // self.group, self.window.kernel
        last = self.order.upper() == "NHWC"
        strides = [depth if last else 1]
        for size in reversed(taps[1:]):
            strides.insert(0, strides[0] * size)
        filter_ = depth * prod(taps)
        per_group = (1 if last else prod(taps), filter_, *strides)
        return (
            per_group if self.group == 1 else (filter_ * (self.source.C // self.group), *per_group)
        )


def geometry_of(
    request: NativeRequest, Y: TensorSpec, window: Window, layouts: tuple[Layout, Layout]
) -> Geometry:
    """The geometry of an operator, or of the one that it is the gradient of, for layouts of X and Y."""
    order, group = request.args["order"], request.args["group"]
    made = Transposed if _is_transposed(request) else Geometry
    source, target = (
        image_of(spec, layout, order) for spec, layout in zip((request.inputs[0], Y), layouts)
    )
    return made(source, target, window, group, order)


def _is_transposed(request: NativeRequest) -> bool:
    return request.type.startswith("ConvTranspose")


def convolution_window(request: NativeRequest) -> Window:
    """The window of a convolution, or of its gradient."""
    names = ("order", "group", "no_gradient_to_input", "no_bias")
    arguments = {k: v for k, v in request.args.items() if k not in names}
    X = request.inputs[0].shape or ()
    resolve = resolve_transposed if _is_transposed(request) else resolve_window
    window = resolve(spatial(X, request.args["order"]), **arguments)
    if len(window.kernel) > 3:
        raise Declined("more than three spatial axes")
    if min(window.head) < 0:
        raise Declined("pads that crop")
    return window
