"""Pooling layers."""

from __future__ import annotations

from typing import Any

from c2.build.brew.registration import register


@register
def max_pool(model: Any, blob_in: Any, blob_out: Any, order: str = "NCHW", **args: Any) -> Any:
    """The largest element of each window: `kernel`, `stride`, `pad`, `global_pooling`. See operator MaxPool."""
    return model.op("MaxPool", blob_in, blob_out, order=order, **args)


@register
def average_pool(model: Any, blob_in: Any, blob_out: Any, order: str = "NCHW", **args: Any) -> Any:
    """The mean of each window: `kernel`, `stride`, `pad`, `global_pooling`. See operator AveragePool."""
    return model.op("AveragePool", blob_in, blob_out, order=order, **args)
