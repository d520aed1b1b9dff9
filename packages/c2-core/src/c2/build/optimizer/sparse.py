"""Sparse gradients: rows that are named more than once, added up."""

from __future__ import annotations

from c2.autodiff.maker import GradientSlice
from c2.errors import GradientError
from c2.graph.blob_reference import BlobReference
from c2.graph.net import Net

AGGREGATORS = {"sum": "UnsortedSegmentSum", "mean": "UnsortedSegmentMean"}


def deduplicate(net: Net, grad: GradientSlice, aggregator: str = "sum") -> GradientSlice:
    """The gradient with every row once: values of equal indices are added up, or averaged.

    Raises:
        GradientError: the aggregator is neither "sum" nor "mean".
    """
    if aggregator.lower() not in AGGREGATORS:
        raise GradientError(
            f"sparse_dedup_aggregator must be one of {', '.join(AGGREGATORS)}, got {aggregator!r}"
        )
    indices, values = BlobReference(grad.indices, net), BlobReference(grad.values, net)
    unique, remapping = net.op("Unique", indices, 2, engine="SparseHash")  # type: ignore[misc, attr-defined]
    total = net.op(AGGREGATORS[aggregator.lower()], [values, remapping], 1)
    return GradientSlice(str(unique), str(total))
