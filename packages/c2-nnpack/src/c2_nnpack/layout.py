"""Channels in blocks of 16, the layout of all kernels here, and the reorders between it and the plain one."""

from __future__ import annotations

from functools import partial
from math import prod

from c2.compile.layout import PLAIN, Layout
from c2.compile.native import NativeKernel, NativeRequest
from c2.registry import TensorSpec
from c2_nnpack.kernels import native_call

BLOCK = 16
IMAGES_ONLY = "images (N, C, H, W) only"


def blocks_of(channels: int) -> int:
    return -(-channels // BLOCK)


def _nbytes(spec: TensorSpec, channels: int) -> int:
    """Of blocks, where the channels are that axis of the blob."""
    shape = list(spec.shape or ())
    C = shape.pop(channels)
    return blocks_of(C) * BLOCK * prod(shape) * spec.dtype.itemsize


def _reorder(spec: TensorSpec, source: Layout, target: Layout, threads: int) -> NativeKernel | str:
    forms = next((f for f in FORMS if {source, target} <= f.keys()), None)
    if spec.dtype != "float32" or spec.size == 0 or source == target or forms is None:
        return f"no reorder of {spec.dtype} from {source.name} to {target.name}"
    N, *sizes = spec.shape or ()
    C = sizes.pop(0 if C16 in forms else -1)
    fields = {
        "N": N, "C": C, "positions": prod(sizes), "source": forms[source], "target": forms[target],
        "threads": threads,
    }  # fmt: skip
    return native_call("reorder", fields, input_layouts=(source,), output_layouts=(target,))


# (N, C / 16, ..., 16), the last block filled up with zeros; other back ends that know this name keep blobs alike.
C16 = Layout("c16", partial(_nbytes, channels=1), _reorder)
# Of blobs whose last axis are the channels (order NHWC): the same blocks, and the plain form of order NCHW.
C16_LAST = Layout("c16-last", partial(_nbytes, channels=-1), _reorder)
FIRST = Layout("nchw", PLAIN.nbytes, _reorder)
# Forms as `c2_reorder` knows them, of blobs of either order.
_BLOCKS, _FIRST, _LAST = range(3)
FORMS = ({PLAIN: _FIRST, C16: _BLOCKS}, {PLAIN: _LAST, FIRST: _FIRST, C16_LAST: _BLOCKS})


def why_no_blocks(request: NativeRequest, count: int = 1) -> str | None:
    """Why the first `count` inputs and the first output cannot be images in blocks of 16 channels, order NCHW."""
    if (request.args.get("order") or "NCHW").upper() != "NCHW":
        return IMAGES_ONLY
    return why_no_images(request, count)


def why_no_images(request: NativeRequest, count: int = 1) -> str | None:
    """Why the first `count` inputs and the first output cannot be in blocks of 16 channels, in either order."""
    ends = (*request.inputs[:count], request.outputs[0])
    if any(s.dtype != "float32" for s in ends):
        return "float32 only"
    if request.layouts is None:
        return "plain layouts only are asked for"
    if any(len(s.shape or ()) != 4 or s.size == 0 for s in ends):
        return IMAGES_ONLY
    return None


def kept_layout(request: NativeRequest, count: int = 1) -> Layout:
    """The one that all of the first `count` inputs come in, blocks or else the plain one."""
    layouts = set((request.layouts or ())[:count])
    blocks = layouts in ({C16}, {C16_LAST}) and why_no_images(request, count) is None
    return layouts.pop() if blocks else PLAIN
