"""Gradients of all processes made one: operators between those that differentiate and those that update."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

from c2.autodiff.maker import GradientSlice
from c2.build.model_helper import ModelHelper
from c2.build.parameter_info import ParameterInfo
from c2.graph.blob_reference import BlobReference
from c2.graph.net import Net
from c2.graph.op import create_op

WORLD = "common_world"
BUCKET = 1 << 20  # bytes of gradients from which on they are exchanged
TICKET = "gradients_of_all_ticket"


def average_gradients(
    model: ModelHelper, *, bucket_bytes: int = BUCKET, overlap: bool = True
) -> None:
    """Adds to the model's net what makes each gradient the mean over all processes; the optimizer comes after it.

    Sparse gradients become the rows of all processes. The net then reads the blob `common_world`, which `start` makes.

    Args:
        bucket_bytes: gradients are exchanged together, in the order in which they are made, as soon as they are so
            many bytes.
        overlap: the exchange of a bucket begins when its last gradient is there and goes on, on a thread of its own,
            while others are computed. False: all are exchanged at the end, and no thread is needed.

    Raises:
        GradientError: the model has no gradients yet.
    """
    infos = model.get_optimization_param_info()
    dense = [p for p in infos if not isinstance(p.grad, GradientSlice)]
    buckets = list(_buckets(_made_at(model.net, dense), bucket_bytes))
    if WORLD not in model.net:
        model.net.add_external_input(WORLD)
    ops = model.net.ops
    model.net.replace_ops(_overlapped(ops, buckets) if overlap else _at_the_end(ops, buckets))
    for info in infos:
        if isinstance(info.grad, GradientSlice):
            _gather_rows(model, info, info.grad)


@dataclass(frozen=True)
class _Bucket:
    """Gradients that are exchanged together.

    Attributes:
        made_at: position of the operator that makes the last of them.
    """

    names: list[str]
    made_at: int


def _made_at(net: Net, infos: Sequence[ParameterInfo]) -> list[tuple[int, ParameterInfo]]:
    """The parameters by the position of the operator that makes the last form of their gradient."""
    last = {name: k for k, op in enumerate(net.proto.op) for name in op.output}
    return sorted(((last[str(p.grad)], p) for p in infos), key=lambda pair: pair[0])


def _buckets(made: list[tuple[int, ParameterInfo]], least: int) -> Iterator[_Bucket]:
    """Neighbours, together from `least` bytes on, those of one operator always; an unknown size ends a bucket."""
    names: list[str] = []
    held = 0
    for position, (made_at, info) in enumerate(made):
        names.append(str(info.grad))
        held += least if info.shape is None else 4 * prod(info.shape)
        following = made[position + 1][0] if position + 1 < len(made) else None
        if following is None or (held >= least and following != made_at):
            yield _Bucket(names, made_at)
            names, held = [], 0


def _at_the_end(ops: list[Any], buckets: Sequence[_Bucket]) -> list[Any]:
    exchanges = [create_op("AllreduceMean", [WORLD, *b.names], b.names) for b in buckets]
    return [*ops, *exchanges]


def _overlapped(ops: list[Any], buckets: Sequence[_Bucket]) -> Iterator[Any]:
    """Each exchange begins behind what makes its last gradient, and is waited for before anybody touches one."""
    waiting: list[tuple[Any, set[str]]] = []
    for position, op in enumerate(ops):
        touched = {*op.input, *op.output}
        yield from (wait for wait, names in waiting if not names.isdisjoint(touched))
        waiting = [one for one in waiting if one[1].isdisjoint(touched)]
        yield op
        for number, bucket in enumerate(buckets):
            if bucket.made_at == position:
                ticket = f"{TICKET}_{number}"
                yield create_op(
                    "AllreduceMeanStart", [WORLD, *bucket.names], [ticket, *bucket.names]
                )
                wait = create_op("AllreduceMeanWait", [WORLD, ticket, *bucket.names], bucket.names)
                waiting.append((wait, set(bucket.names)))
    yield from (wait for wait, _ in waiting)


def _gather_rows(model: ModelHelper, info: ParameterInfo, slices: GradientSlice) -> None:
    """A sparse gradient becomes the rows of all processes."""
    given = [str(slices.indices), str(slices.values)]
    indices, values = (f"{name}_of_all" for name in given)
    inputs, outputs = [WORLD, *given], [indices, values]
    references = [[BlobReference(n, model.net) for n in names] for names in (inputs, outputs)]
    model.net.op("AllgatherMeanRows", *references)
    info.grad = GradientSlice(indices, values)
    assert model.gradients is not None
    model.gradients[info.name] = info.grad
