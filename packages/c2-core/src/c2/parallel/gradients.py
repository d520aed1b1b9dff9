"""Gradients of all processes made one: operators between those that differentiate and those that update."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import Any

from c2.autodiff.maker import GradientSlice
from c2.build.model_helper import ModelHelper
from c2.build.parameter_info import ParameterInfo
from c2.graph.blob_reference import BlobReference

WORLD = "common_world"
BUCKET = 4 << 20  # bytes of gradients that one operator exchanges


def average_gradients(model: ModelHelper, *, bucket_bytes: int = BUCKET) -> None:
    """Adds to the model's net what makes each gradient the mean over all processes; the optimizer comes after it.

    Sparse gradients become the rows of all processes. The net then reads the blob `common_world`, which `start` makes.

    Args:
        bucket_bytes: gradients are exchanged together up to so many bytes, the last layers' first.

    Raises:
        GradientError: the model has no gradients yet.
    """
    infos = model.get_optimization_param_info()
    dense = [p for p in infos if not isinstance(p.grad, GradientSlice)]
    for bucket in _buckets(list(reversed(dense)), bucket_bytes):
        names = [str(p.grad) for p in bucket]
        _add(model, "AllreduceMean", names, names)
    for info in infos:
        if isinstance(info.grad, GradientSlice):
            given = [str(info.grad.indices), str(info.grad.values)]
            indices, values = (f"{name}_of_all" for name in given)
            _add(model, "AllgatherMeanRows", given, [indices, values])
            info.grad = GradientSlice(indices, values)
            assert model.gradients is not None
            model.gradients[str(info.blob)] = info.grad


def _add(model: ModelHelper, type_: str, inputs: list[str], outputs: list[str]) -> None:
    references: list[Any] = [BlobReference(name, model.net) for name in (WORLD, *inputs)]
    model.net.op(type_, references, [BlobReference(name, model.net) for name in outputs])


def _buckets(infos: list[ParameterInfo], most: int) -> Iterator[list[ParameterInfo]]:
    """Neighbours, together up to `most` bytes; one whose size is not known stands alone."""
    bucket: list[ParameterInfo] = []
    held = 0
    for info in infos:
        nbytes = most if info.shape is None else 4 * prod(info.shape)
        if bucket and held + nbytes > most:
            yield bucket
            bucket, held = [], 0
        bucket.append(info)
        held += nbytes
    if bucket:
        yield bucket
