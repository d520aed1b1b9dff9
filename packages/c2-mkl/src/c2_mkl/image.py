"""Images in memory: which layouts there are, and what an operator needs to know to walk over one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from c2.compile.layout import PLAIN, Layout
from c2.compile.native import NativeRequest
from c2.registry import TensorSpec
from c2_mkl.onednn_numbers import BLOCKED


@dataclass(frozen=True)
class Image:
    """A batch of images as N * C / block planes, each of `positions` times `block` channels.

    block 1 is NCHW, block C is NHWC, anything else has channels in blocks, the last one padded. oneDNN tells one whole
    block from NHWC, though they are the same memory: `blocked` says which of the two it is for.
    """

    N: int
    C: int
    sizes: tuple[int, ...]
    block: int
    blocked: bool = False

    @property
    def positions(self) -> int:
        return prod(self.sizes)

    @property
    def padded(self) -> int:
        """Channels, with those that fill the last block."""
        return -(-self.C // self.block) * self.block

    @property
    def planes(self) -> int:
        return self.N * (self.padded // self.block)

    @property
    def size(self) -> int:
        """Elements, padding included."""
        return self.planes * self.positions * self.block

    @property
    def dims(self) -> tuple[int, ...]:
        """The logical shape, channels on axis 1."""
        return (self.N, self.C, *self.sizes)

    @property
    def strides(self) -> tuple[int, ...] | None:
        """Of `dims`; None where channels are in blocks."""
        if self.blocked:
            return None
        inner = [self.block]
        for size in reversed(self.sizes[1:]):
            inner.insert(0, inner[0] * size)
        channel = 1 if self.block == self.C and self.block > 1 else self.positions
        if self.C == 1:
            channel = self.positions
        return (self.C * self.positions, channel, *inner)

    @property
    def tag(self) -> int:
        """oneDNN's name for channels in blocks."""
        return BLOCKED[self.block][len(self.sizes) - 1]


def _nbytes(block: int | None) -> object:
    def nbytes(spec: TensorSpec) -> int:
        assert spec.shape is not None
        channels = spec.shape[1]
        padded = -(-channels // block) * block if block else channels
        return spec.nbytes // max(channels, 1) * padded

    return nbytes


def _reorder(spec: TensorSpec, source: Layout, target: Layout, threads: int) -> object:
    from c2_mkl.reorder import build_reorder

    return build_reorder(spec, source, target, threads)


OWN = "mkl:"  # what the names of layouts begin with that no other back end has
LAST = Layout(f"{OWN}last", _nbytes(None), _reorder)  # type: ignore[arg-type]
# Names without it, as other back ends keep blobs alike: two layouts of one name are the same.
BLOCKS = {b: Layout(f"c{b}", _nbytes(b), _reorder) for b in BLOCKED}  # type: ignore[arg-type]
LAYOUTS = (PLAIN, LAST, *BLOCKS.values())


def is_known(layout: Layout) -> bool:
    """Whether it is a layout of this back end, those of reduced precision included; blobs may come in others' too."""
    return layout in LAYOUTS or layout.name.startswith(OWN)


def image_of(spec: TensorSpec, layout: Layout = PLAIN, order: str = "NCHW") -> Image:
    """A blob seen as images. With order NHWC the blob is plain and its last axis are the channels."""
    assert spec.shape is not None
    N, *rest = spec.shape
    if order.upper() == "NHWC":
        return Image(N, rest[-1], tuple(rest[:-1]), max(rest[-1], 1))
    C, *sizes = rest
    return Image(N, C, tuple(sizes), block_of(layout, C), layout in BLOCKS.values())


def block_of(layout: Layout, C: int) -> int:
    if layout == PLAIN:
        return 1
    return max(C, 1) if layout == LAST else next(b for b, one in BLOCKS.items() if one == layout)


def is_image(spec: TensorSpec) -> bool:
    """Whether other layouts than the plain one make sense: one to three spatial axes."""
    return spec.shape is not None and 3 <= len(spec.shape) <= 5


def settled(layout: Layout, spec: TensorSpec) -> Layout:
    """PLAIN where the layout is the plain one byte for byte: one position per image, and no padding."""
    if layout == PLAIN or spec.shape is None or prod(spec.shape[2:]) != 1:
        return layout
    return PLAIN if layout.nbytes(spec) == spec.nbytes else layout


def common_layout(layouts: Sequence[Layout] | None) -> Layout:
    """The first layout that is not plain, else the plain one."""
    return next((one for one in layouts or () if one != PLAIN), PLAIN)


def elementwise_layout(request: NativeRequest, keeps_padding: bool) -> tuple[Layout, int]:
    """The layout for all inputs and outputs, and the elements it has. Padding must stay zero."""
    layout, spec = common_layout(request.layouts), request.inputs[0]
    if layout == PLAIN or (not keeps_padding and image_of(spec, layout).size != spec.size):
        return PLAIN, spec.size
    return layout, image_of(spec, layout).size
