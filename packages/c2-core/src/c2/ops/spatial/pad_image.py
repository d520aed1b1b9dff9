"""PadImage and its gradient."""

from typing import Any

import numpy as np

from c2.ops.conv.geometry import ORDER, PAD_ARGS, is_channels_last, read_pads, spatial
from c2.ops.spatial.axis_map import AxisMap
from c2.registry import (
    Arg,
    Case,
    NoGradient,
    OpSchema,
    Tensor,
    TensorSpec,
    cases,
    gradient,
    kernel,
    require,
)
from c2.registry.spec import FLOAT

MODE = Arg(
    "mode", str, default="constant", choices=("constant", "reflect", "edge"),
    doc="what the padding holds: `value`, the image mirrored at its border element, or the border element",
)  # fmt: skip
VALUE = Arg("value", float, default=0.0, doc="content of the padding in mode constant")


def _require_image(name, spec):
    axes = f"{name} must have axes for the batch, the channels and space"
    require(spec.ndim >= 3, axes, "3 axes or more", spec.ndim)


def infer_pad_image(X, *, mode, value, order, **pads):
    _require_image("X", X)
    sizes = spatial(X.shape, order)
    heads, tails = heads_and_tails(pads, len(sizes))
    return TensorSpec(_shape(X.shape, sizes, heads, tails, mode, order), X.dtype)


def infer_pad_image_gradient(dY, *, mode, value, order, **pads):
    _require_image("dY", dY)
    sizes = spatial(dY.shape, order)
    heads, tails = heads_and_tails(pads, len(sizes))
    inner = tuple(s - h - t for s, h, t in zip(sizes, heads, tails))
    require(all(s > 0 for s in inner), "dY must be larger than its padding", "sizes >= 1", inner)
    _shape(dY.shape, inner, heads, tails, mode, order)
    axis = 1 if is_channels_last(order) else 2
    return TensorSpec((*dY.shape[:axis], *inner, *dY.shape[axis + len(inner) :]), dY.dtype)


def heads_and_tails(pads: dict[str, Any], n: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The pads before and behind each of n spatial axes."""
    found = read_pads(pads, n)
    return found[:n], found[n:]


def _shape(shape, sizes, heads, tails, mode, order):
    """The padded shape; states the rules of the pads."""
    for size, head, tail in zip(sizes, heads, tails):
        require(size > 0, "X must have elements in every image", "sizes >= 1", sizes)
        require(
            size + head + tail > 0,
            "pads must leave something of the image",
            "sizes >= 1",
            size + head + tail,
        )
        if mode == "reflect":
            require(
                max(head, tail) < size,
                "a mirrored pad must be smaller than the image",
                f"pad < {size}",
                (head, tail),
            )
    outer = tuple(s + h + t for s, h, t in zip(sizes, heads, tails))
    axis = 1 if is_channels_last(order) else 2
    return (*shape[:axis], *outer, *shape[axis + len(outer) :])


PAD_IMAGE = OpSchema(
    "PadImage",
    doc="""Y is X with `pad_t` rows above, `pad_b` below, `pad_l` columns on the left and `pad_r` on the right.

    `pad` is for all sides, `pads` lists the heads of all spatial axes, then the tails. A negative pad crops. The
    padding holds `value` (mode constant), the image mirrored at its border element (reflect), or the border element
    (edge). A batch of no images gives no images.

    Differs from Caffe2: any number of spatial axes, not two alone; a mirrored pad as large as the image is refused,
    where Caffe2 reads beyond it; float16 and float64 are taken too.
    """,
    inputs=[Tensor("X", "images (N, C, ...), or (N, ..., C) with order NHWC", FLOAT)],
    outputs=[Tensor("Y", "X with larger spatial axes")],
    args=[*PAD_ARGS, MODE, VALUE, ORDER],
    infer=infer_pad_image,
)

PAD_IMAGE_GRADIENT = OpSchema(
    "PadImageGradient",
    doc="""dX: each element is the sum of dY over the elements that it was copied to. Cropped elements get 0.""",
    inputs=[Tensor("dY", "gradient of PadImage's output", FLOAT)],
    outputs=[Tensor("dX", "shape of PadImage's input")],
    args=[*PAD_ARGS, MODE, VALUE, ORDER],
    infer=infer_pad_image_gradient,
    gradient=NoGradient.FORBIDDEN,
)


def pad_sources(size: int, head: int, tail: int, mode: str) -> list[int]:
    """Per output along an axis, the input that it is copied from; -1 in the padding of mode constant."""
    sources = []
    for output in range(size + head + tail):
        source = output - head
        if mode == "reflect":
            source = size - 1 - abs(size - 1 - abs(source))
        elif mode == "edge":
            source = min(max(source, 0), size - 1)
        sources.append(source if 0 <= source < size else -1)
    return sources


def _axis_maps(xp, sizes, heads, tails, mode):
    """Per spatial axis, which input each output is copied from; the padding of mode constant from none."""
    maps = []
    for size, head, tail in zip(sizes, heads, tails):
        sources = pad_sources(size, head, tail, mode)
        entries = [(output, source, 1) for output, source in enumerate(sources) if source >= 0]
        maps.append(AxisMap(xp, size, size + head + tail, entries))
    return maps


@kernel(PAD_IMAGE)
class PadImage:
    def __init__(self, xp, X, *, mode, value, order, **pads):
        self.xp, self.mode, self.value = xp, mode, value
        self.spec = infer_pad_image(X, mode=mode, value=value, order=order, **pads)
        sizes, self.first = spatial(X.shape, order), 1 if is_channels_last(order) else 2
        heads, tails = heads_and_tails(pads, len(sizes))
        lead = (slice(None),) * self.first
        spans = list(zip(sizes, heads, tails))
        self.outer = (*lead, *(slice(max(0, h), s + h + min(0, t)) for s, h, t in spans))
        self.inner = (*lead, *(slice(max(0, -h), s + min(0, t)) for s, h, t in spans))
        self.maps = [] if mode == "constant" else _axis_maps(xp, sizes, heads, tails, mode)

    def __call__(self, X, out=None):
        Y = self.xp.empty(self.spec.shape, self.spec.dtype) if out is None else out
        if self.mode == "constant":
            Y[...] = self.value
            self.xp.copyto(Y[self.outer], X[self.inner])
            return Y
        for axis, along in enumerate(self.maps, self.first):
            X = along.apply(X, axis, Y if axis == self.first + len(self.maps) - 1 else None)
        return Y


@kernel(PAD_IMAGE_GRADIENT)
class PadImageGradient:
    def __init__(self, xp, dY, *, mode, value, order, **pads):
        self.xp = xp
        self.spec = infer_pad_image_gradient(dY, mode=mode, value=value, order=order, **pads)
        self.first = 1 if is_channels_last(order) else 2
        sizes = spatial(self.spec.shape, order)
        self.maps = _axis_maps(xp, sizes, *heads_and_tails(pads, len(sizes)), mode)

    def __call__(self, dY, out=None):
        dX = self.xp.empty(self.spec.shape, self.spec.dtype) if out is None else out
        for axis, along in enumerate(self.maps, self.first):
            dY = along.adjoint(dY, axis, dX if axis == self.first + len(self.maps) - 1 else None)
        return dX


@gradient(PAD_IMAGE)
def pad_image_gradient_maker(g):
    return [g.op("PadImageGradient", [g.GO("Y")], [g.GI("X")])]


EXAMPLES = [
    ((2, 3, 4), {"pads": [1, 2]}),
    ((2, 2, 3, 4), {"pad": 2}),
    ((2, 2, 3, 4), {"pad_t": 1, "pad_l": 0, "pad_b": 2, "pad_r": 3}),
    ((2, 2, 4, 3), {"pads": [-1, 1, 0, -1]}),
    ((1, 2, 3, 2, 4), {"pads": [1, 0, 2, 0, 1, 1]}),
    ((2, 1, 2, 2), {}),
]
MODES = {"constant": {"constant_values": 0.5}, "reflect": {}, "edge": {}}


def _expected(X, args, mode, more):
    """np.pad of the image, cropped afterwards."""
    n = X.ndim - 2
    pads = (
        args.get("pads")
        or [args[f"pad_{s}"] for s in "tlbr" if f"pad_{s}" in args]
        or [args.get("pad", 0)] * 2 * n
    )
    widths = list(zip(pads[:n], pads[n:]))
    Y = np.pad(X, [(0, 0), (0, 0), *((max(0, a), max(0, b)) for a, b in widths)], mode, **more)
    crop = (slice(max(0, -a), s - max(0, -b)) for (a, b), s in zip(widths, Y.shape[2:]))
    return Y[(slice(None), slice(None), *crop)]


def _last(array):
    return np.ascontiguousarray(np.moveaxis(array, 1, -1))


@cases(PAD_IMAGE)
def pad_image_cases(rng):
    for shape, args in EXAMPLES:
        X = rng.standard_normal(shape)
        for mode, more in MODES.items():
            asked = {**args, "mode": mode, **({"value": 0.5} if more else {})}
            if mode == "reflect" and max(
                args.get("pads", [args.get("pad", 0), args.get("pad_r", 0)])
            ) >= min(shape[2:]):
                continue
            Y = _expected(X, args, mode, more)
            yield Case({"X": X}, asked, {"Y": Y})
            yield Case({"X": _last(X)}, {**asked, "order": "NHWC"}, {"Y": _last(Y)})
    yield Case({"X": X[:0]}, {"pad": 1}, {"Y": np.zeros((0, 1, 4, 4))})


@cases(PAD_IMAGE_GRADIENT)
def pad_image_gradient_cases(rng):
    for shape, args in EXAMPLES:
        for mode in MODES:
            if mode == "reflect" and max(
                args.get("pads", [args.get("pad", 0), args.get("pad_r", 0)])
            ) >= min(shape[2:]):
                continue
            numbers = 1.0 + np.arange(np.prod(shape)).reshape(shape)
            source = _expected(
                numbers, args, mode, {"constant_values": 0} if mode == "constant" else {}
            )
            dY = rng.standard_normal(source.shape)
            dX = np.bincount(source.astype(int).ravel(), dY.ravel(), numbers.size + 1)[1:].reshape(
                shape
            )
            yield Case({"dY": dY}, {**args, "mode": mode}, {"dX": dX})
            yield Case(
                {"dY": _last(dY)}, {**args, "mode": mode, "order": "NHWC"}, {"dX": _last(dX)}
            )
