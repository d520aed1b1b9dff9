"""Sliding windows: the arguments that describe them, and sizes and pads resolved for given images.

One module for any number of spatial axes and both orders of axes; convolution, pooling and padding share it.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import Any

from c2.registry import Arg, require

LEGACY_VALID, LEGACY_SAME, LEGACY_CAFFE_POOLING = 1, 2, 3

ORDER = Arg(
    "order", str, default="NCHW", choices=("NCHW", "NHWC", "nchw", "nhwc"),
    doc="order of axes: NCHW has channels on axis 1, NHWC on the last; any number of spatial axes",
)  # fmt: skip
KERNEL_ARGS = (
    Arg("kernel", int, doc="window size of every spatial axis, in elements"),
    Arg("kernel_h", int, doc="window height, in elements; with kernel_w"),
    Arg("kernel_w", int, doc="window width, in elements; with kernel_h"),
    Arg("kernels", "ints", doc="window size per spatial axis, in elements"),
)
STRIDE_ARGS = (
    Arg("stride", int, doc="step of the window along every spatial axis, in elements (default 1)"),
    Arg("stride_h", int, doc="step along the height; with stride_w"),
    Arg("stride_w", int, doc="step along the width; with stride_h"),
    Arg("strides", "ints", doc="step per spatial axis, in elements"),
)
PAD_ARGS = (
    Arg("pad", int, doc="elements added at both ends of every spatial axis (default 0)"),
    Arg(
        "pad_t", int, doc="pad above; read only if all four of pad_t, pad_l, pad_b, pad_r are given"
    ),
    Arg("pad_l", int, doc="pad on the left; with the other three"),
    Arg("pad_b", int, doc="pad below; with the other three"),
    Arg("pad_r", int, doc="pad on the right; with the other three"),
    Arg("pads", "ints", doc="pads of the heads of all spatial axes, then of their tails"),
)
DILATION_ARGS = (
    Arg("dilation", int, doc="distance between taps of the window, in elements (default 1)"),
    Arg("dilation_h", int, doc="distance between taps along the height; with dilation_w"),
    Arg("dilation_w", int, doc="distance between taps along the width; with dilation_h"),
    Arg("dilations", "ints", doc="distance between taps per spatial axis, in elements"),
)
ADJUST_ARGS = (
    Arg(
        "adj", int, doc="elements added at the tail of every spatial axis of the output (default 0)"
    ),
    Arg("adj_h", int, doc="elements added below; with adj_w"),
    Arg("adj_w", int, doc="elements added on the right; with adj_h"),
    Arg("adjs", "ints", doc="elements added at the tail, per spatial axis"),
)
LEGACY_PAD = Arg(
    "legacy_pad", int, default=0, choices=(0, 1, 2, 3),
    doc="0: the pads given; 1: none (VALID); 2: as needed for an output of ceil(size / stride), the odd element "
    "at the tail (SAME); 3: Caffe's pooling, whose output size is rounded up",
)  # fmt: skip
GLOBAL = Arg("global_pooling", int, default=0, doc="1: the window is the whole image")
WINDOW_ARGS = (*KERNEL_ARGS, *STRIDE_ARGS, *PAD_ARGS, *DILATION_ARGS, LEGACY_PAD, GLOBAL)


@dataclass(frozen=True)
class Window:
    """A sliding window resolved for images of one size: one entry per spatial axis, in elements.

    Tap `t` of the window at output position `o` reads input position `o * stride + t * dilation - head`.
    """

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    head: tuple[int, ...]
    tail: tuple[int, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]

    @property
    def extent(self) -> tuple[int, ...]:
        """Elements that all windows together span, pads included."""
        spans = zip(self.kernel, self.stride, self.dilation, self.outputs)
        return tuple((o - 1) * s + (k - 1) * d + 1 for k, s, d, o in spans)

    @property
    def is_pointwise(self) -> bool:
        """One tap that reads every element once, in place: nothing to gather."""
        return set(self.kernel) <= {1} and self.inputs == self.outputs and not any(self.head)

    @property
    def needs_padding(self) -> bool:
        """Some tap reads outside the image (or the image is cropped at its head)."""
        return any(self.head) or any(e > i for e, i in zip(self.extent, self.inputs))

    def with_axis(self, size: int) -> Window:
        """The same window with one more spatial axis at the end, on which it reads single elements."""
        return Window(
            (*self.kernel, 1), (*self.stride, 1), (*self.dilation, 1), (*self.head, 0), (*self.tail, 0),
            (*self.inputs, size), (*self.outputs, size),
        )  # fmt: skip

    def taps(self, axis: int) -> list[tuple[slice, slice]]:
        """Per tap along an axis: the outputs whose tap lies inside the image, and the inputs they read."""
        found = []
        for tap in range(self.kernel[axis]):
            shift = tap * self.dilation[axis] - self.head[axis]
            step = self.stride[axis]
            first = max(0, -(shift // step))
            last = min(self.outputs[axis] - 1, (self.inputs[axis] - 1 - shift) // step)
            count = max(0, last - first + 1)
            start = max(0, first * step + shift)
            stop = start + (count - 1) * step + 1 if count else start
            found.append((slice(first, first + count), slice(start, stop, step)))
        return found


def is_channels_last(order: str) -> bool:
    return order.upper() == "NHWC"


def channel_axis(order: str, ndim: int) -> int:
    return ndim - 1 if is_channels_last(order) else 1


def spatial(shape: tuple[int, ...], order: str) -> tuple[int, ...]:
    """Sizes of the spatial axes of an image batch, (N, C, ...) or (N, ..., C)."""
    return tuple(shape[1:-1] if is_channels_last(order) else shape[2:])


def image_shape(batch: int, channels: int, sizes: tuple[int, ...], order: str) -> tuple[int, ...]:
    return (batch, *sizes, channels) if is_channels_last(order) else (batch, channels, *sizes)


def resolve_window(
    inputs: tuple[int, ...], legacy_pad: int = 0, global_pooling: int = 0, **args: Any
) -> Window:
    """Reads the window's arguments for images with these spatial sizes. Raises Mismatch where they do not fit."""
    n = len(inputs)
    stride = _per_axis(args, "stride", n, 1)
    dilation = _per_axis(args, "dilation", n, 1)
    pads = read_pads(args, n)
    if global_pooling:
        plain = not any(pads) and set(stride) <= {1} and set(dilation) <= {1}
        require(
            plain,
            "global_pooling covers the image: pad, stride and dilation cannot be given with it",
        )
        return Window(inputs, stride, dilation, pads[:n], pads[n:], inputs, (1,) * n)
    kernel = _per_axis(args, "kernel", n, 0)
    require(all(k > 0 for k in kernel), "kernel must be given and positive", "kernel >= 1", kernel)
    require(all(s > 0 for s in stride), "stride must be positive", "stride >= 1", stride)
    require(all(d > 0 for d in dilation), "dilation must be positive", "dilation >= 1", dilation)
    if legacy_pad in (LEGACY_VALID, LEGACY_SAME):
        given = [name for name in ("pad", "pads") if args.get(name) is not None]
        require(
            not given and not any(pads),
            f"legacy_pad={legacy_pad} finds the pads itself",
            "no pads",
            pads,
        )
    axes = [
        _axis(i, k, s, d, pads[a], pads[n + a], legacy_pad)
        for a, (i, k, s, d) in enumerate(zip(inputs, kernel, stride, dilation))
    ]
    head, tail, outputs = (tuple(column) for column in zip(*axes)) if axes else ((), (), ())
    return Window(kernel, stride, dilation, head, tail, inputs, outputs)


def resolve_transposed(inputs: tuple[int, ...], legacy_pad: int = 0, **args: Any) -> Window:
    """The window whose convolution the transposed one turns around: its outputs are `inputs`."""
    n = len(inputs)
    kernel, stride = _per_axis(args, "kernel", n, 0), _per_axis(args, "stride", n, 1)
    adjust, pads = _per_axis(args, "adj", n, 0), read_pads(args, n)
    require(all(k > 0 for k in kernel), "kernel must be given and positive", "kernel >= 1", kernel)
    require(all(s > 0 for s in stride), "stride must be positive", "stride >= 1", stride)
    fits = all(0 <= a <= s for a, s in zip(adjust, stride))
    require(fits, "adj must be between 0 and stride", f"0 .. {stride}", adjust)
    require(
        legacy_pad != LEGACY_CAFFE_POOLING, "legacy_pad=3 is for pooling", "0, 1 or 2", legacy_pad
    )
    if legacy_pad:
        require(not any(pads), f"legacy_pad={legacy_pad} means no pads here", "no pads", pads)
    require(all(p >= 0 for p in pads), "pads must not be negative", "pad >= 0", pads)
    spans = zip(inputs, kernel, stride, adjust, pads[:n], pads[n:])
    images = tuple((i - 1) * s + k + a - h - t for i, k, s, a, h, t in spans)
    require(
        all(size > 0 for size in images),
        "pads must leave something of the output",
        "sizes >= 1",
        images,
    )
    return Window(kernel, stride, (1,) * n, pads[:n], pads[n:], images, inputs)


def _axis(
    size: int, kernel: int, stride: int, dilation: int, head: int, tail: int, legacy: int
) -> tuple:
    """Pads and output size along one axis."""
    span = dilation * (kernel - 1) + 1
    if legacy == LEGACY_CAFFE_POOLING:
        return _caffe_pooling_axis(size, kernel, stride, head)
    if legacy == LEGACY_SAME:
        require(dilation == 1, "legacy_pad=2 (SAME) takes no dilation", "dilation = 1", dilation)
        needed = (-(-size // stride) - 1) * stride + kernel - size
        head = int(
            needed / 2
        )  # toward zero: a stride beyond the kernel needs fewer elements than there are
        tail = needed - head
    padded = size + head + tail
    require(
        padded >= span, "the window must fit into the padded image",
        f"at least {span} elements", f"{size} + pads {head} + {tail} = {padded}",
    )  # fmt: skip
    return head, tail, (padded - span) // stride + 1


def _caffe_pooling_axis(size: int, kernel: int, stride: int, head: int) -> tuple[int, int, int]:
    """Caffe rounds the output size up, then drops a last window that starts in the padding."""
    require(head >= 0, "pads must not be negative with legacy_pad=3", "pad >= 0", head)
    room = size + 2 * head - kernel
    require(
        room >= 0,
        "the window must fit into the padded image",
        f"kernel <= {size + 2 * head}",
        kernel,
    )
    output = ceil(room / stride) + 1
    if head > 0 and (output - 1) * stride >= size + head:
        output -= 1
    return head, head + stride * (output - (room // stride + 1)), output


def _per_axis(args: dict[str, Any], name: str, n: int, default: int) -> tuple[int, ...]:
    """One value per spatial axis, from `names`, `name`, or `name_h` and `name_w`."""
    listed, one = args.get(name + "s"), args.get(name)
    high, wide = args.get(name + "_h"), args.get(name + "_w")
    if listed:
        values = tuple(listed)
    elif one is not None:
        values = (one,) * n
    elif high is not None and wide is not None:
        values = (high, wide)
    else:
        values = (default,) * n
    require(len(values) == n, f"{name}s must have one entry per spatial axis", n, len(values))
    return values


def read_pads(args: dict[str, Any], n: int) -> tuple[int, ...]:
    """Pads of all heads, then of all tails."""
    four = [args.get(f"pad_{side}") for side in "tlbr"]
    if args.get("pads"):
        values = tuple(args["pads"])
    elif args.get("pad") is not None:
        values = (args["pad"],) * (2 * n)
    elif None not in four:
        values = tuple(four)
    else:
        values = (0,) * (2 * n)
    require(
        len(values) == 2 * n,
        "pads must have two entries per spatial axis: heads, then tails",
        2 * n,
        len(values),
    )
    return values
