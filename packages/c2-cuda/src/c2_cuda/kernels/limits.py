"""What NVIDIA's libraries do not take, and why: reasons for `supports=`, so that the portable kernel serves instead."""

from __future__ import annotations

from typing import Any

from c2.errors import PluginError
from c2.ops.conv.geometry import Window
from c2.registry import TensorSpec

DTYPES = ("float16", "float32", "float64")
MOST = 2**31 - 1


def plain(library: Any, *specs: TensorSpec) -> str | None:
    """Floats, something in every tensor, and sizes that an int counts; and the library, given as what loads it."""
    for spec in specs:
        if spec.dtype.name not in DTYPES:
            return f"NVIDIA's kernels are for {', '.join(DTYPES)}, not {spec.dtype}"
        if spec.size == 0:
            return "NVIDIA's kernels take no empty tensors"
        if spec.size > MOST:
            return f"{spec.size} elements are more than an int counts"
    try:
        library()
    except PluginError as error:
        return str(error)
    return None


def image(X: TensorSpec, window: Window) -> str | None:
    """Up to three spatial axes, and pads that cuDNN can say."""
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
    return None
