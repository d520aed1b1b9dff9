"""What cuDNN does not take, and why: reasons for `supports=`, so that the portable kernel serves instead."""

from __future__ import annotations

from c2.errors import PluginError
from c2.ops.conv.geometry import Window
from c2.registry import TensorSpec
from c2_cuda.cudnn.descriptors import DATA_TYPES
from c2_cuda.cudnn.library import library

MOST = 2**31 - 1


def plain(*specs: TensorSpec) -> str | None:
    """Floats, something in every tensor, and sizes that an int counts."""
    for spec in specs:
        if spec.dtype.name not in DATA_TYPES:
            return f"cuDNN kernels are for {', '.join(DATA_TYPES)}, not {spec.dtype}"
        if spec.size == 0:
            return "cuDNN takes no empty tensors"
        if spec.size > MOST:
            return f"{spec.size} elements are more than cuDNN's int counts"
    return absent()


def absent() -> str | None:
    """Why cuDNN cannot be called at all; None: it can."""
    try:
        library()
    except PluginError as error:
        return str(error)
    return None


def image(X: TensorSpec, window: Window) -> str | None:
    """Two or three spatial axes (one is given another of size 1), and pads that cuDNN can say."""
    if len(window.kernel) > 3:
        return f"cuDNN has at most 3 spatial axes, got {len(window.kernel)}"
    if any(p < 0 for p in (*window.head, *window.tail)):
        return "cuDNN cannot crop: a pad is negative"
    sized = zip(window.inputs, window.kernel, window.stride, window.dilation, window.head)
    symmetrical = tuple((i + 2 * h - d * (k - 1) - 1) // s + 1 for i, k, s, d, h in sized)
    if symmetrical != window.outputs:
        return (
            f"cuDNN pads both ends alike: with {window.head} it gives {symmetrical} outputs instead of "
            f"{window.outputs}"
        )
    return plain(X)
