"""Layers that put blobs together, and dropout."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from c2.build.brew.registration import register


@register
def concat(model: Any, blobs_in: Sequence[Any], blob_out: Any, **args: Any) -> Any:
    """Blobs side by side along `axis`, or along the channels of `order`; sizes go to `_<out>_concat_dims`."""
    if args.get("axis") is not None:
        args.pop("order", None)
    return model.op("Concat", blobs_in, [blob_out, "_" + blob_out + "_concat_dims"], **args)[0]


@register
def depth_concat(model: Any, blobs_in: Sequence[Any], blob_out: Any, **args: Any) -> Any:
    """`concat` along the channels: the older name."""
    return concat(model, blobs_in, blob_out, **args)


@register
def dropout(model: Any, blob_in: Any, blob_out: Any, *, is_test: bool, **args: Any) -> Any:
    """Zeroes elements with probability `ratio` and scales the others up; `is_test` passes everything.

    The mask goes to `_<out>_mask`.
    """
    outputs = [blob_out, "_" + blob_out + "_mask"]
    return model.op("Dropout", blob_in, outputs, is_test=int(is_test), **args)[0]
