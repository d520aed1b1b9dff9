"""Calibrate: the range of each blob of a net that 8 bits are to cover, found on sample inputs.

========== ==========================================================================================
minmax     the smallest and the largest number: nothing is cut off
percentile a share of 1e-4 of the numbers, those farthest from zero, is cut off
mse        what makes the mean square of the errors smallest, of rounding inside and of cutting off
========== ==========================================================================================

The last two read the samples twice: for the ends, then for a histogram between them. Both cut symmetrically about
zero, as 8-bit forms without a zero point do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from c2.build.progress import Progress, Silent
from c2.compile.graph import build_graph
from c2.compile.net import CompiledNet
from c2.compile.precision import FULL, Range
from c2.data.batches import Batches
from c2.errors import SchemaError, did_you_mean
from c2.execute.workspace import Workspace
from c2.graph.check import check_net
from c2.graph.infer import infer_net
from c2.place.place import place_net
from c2.proto import NetDef
from c2.registry import Registry

BINS = 4096  # of a histogram of distances from zero
CUT_OFF = 1e-4  # share of numbers, by "percentile"
LIMITS = np.geomspace(0.05, 1, 128)  # tried by "mse", as shares of the largest distance
Array = np.ndarray[Any, Any]
Blobs = Mapping[str, Array]


def blob_ranges(
    init_net: Any,
    net: NetDef,
    samples: Batches,
    *,
    calibrate: str = "minmax",
    registry: Registry | None = None,
    progress: Progress | None = None,
) -> dict[str, Range]:
    """The range of each float blob on samples, by the names that the compiler gives its versions.

    Args:
        samples: held in memory a batch at a time, where its arrays are memory maps.
        calibrate: "minmax", "percentile" or "mse".

    Raises:
        SchemaError: there is no such way, or a blob is not finite on a sample.
    """
    if calibrate not in CALIBRATIONS:
        near = did_you_mean(calibrate, CALIBRATIONS)
        raise SchemaError(
            f"calibrate must be one of {', '.join(CALIBRATIONS)}, got '{calibrate}'.{near}"
        )
    told: Progress = progress if progress is not None else Silent()
    limit = CALIBRATIONS[calibrate]
    runs = _Runs(init_net, net, samples, registry)
    total = len(samples) * (1 if limit is None else 2)
    told.start("calibrate", total)
    ranges: dict[str, Range] = {}
    for done, blobs in enumerate(runs, 1):
        _widen(ranges, blobs)
        told.advance(done, {"blobs": len(ranges)})
    if limit is not None:
        counts = {name: np.zeros(BINS, np.int64) for name in ranges}
        for done, blobs in enumerate(runs, len(samples) + 1):
            _count(counts, ranges, blobs)
            told.advance(done, {"blobs": len(ranges)})
        ranges = {n: _cut(found, limit(counts[n], _levels(found))) for n, found in ranges.items()}
    told.finish({"blobs": len(ranges)})
    return ranges


class _Runs:
    """The float blobs of a net on one batch after the other, every time it is iterated."""

    def __init__(
        self, init_net: Any, net: NetDef, samples: Batches, registry: Registry | None
    ) -> None:
        self._samples, self._workspace = samples, Workspace(registry=registry)
        self._workspace.run_once(getattr(init_net, "proto", init_net))
        self._constants = self._workspace.blobs()
        self._net = _written_once(net, self._workspace.registry)
        written = [name for op in self._net.op for name in op.output]
        self._watched = list(dict.fromkeys([*samples.arrays, *written]))
        self._compiled: CompiledNet | None = None

    def __iter__(self) -> Iterator[Blobs]:
        workspace = self._workspace
        for batch in self._samples.epoch(0):
            for name, array in batch.items():
                workspace.feed(name, array)
            self._run()
            values = {name: workspace.blob(name).value for name in self._watched}
            yield {
                n: v
                for n, v in values.items()
                if getattr(v, "dtype", None) == np.float32 and v.size
            }

    def _run(self) -> None:
        if self._compiled is None:  # inputs have shapes only now
            registry = self._workspace.registry
            checked = check_net(self._net, registry)
            self._compiled = CompiledNet(
                checked, self._workspace, registry, constants=self._constants, keep=self._watched, precision=FULL,
            )  # fmt: skip
        self._compiled.run()


def _written_once(net: NetDef, registry: Registry) -> NetDef:
    """The net in the compiler's form, where versions of a blob have names of their own and can all be kept."""
    placed = place_net(check_net(net, registry), registry)
    checked = type(placed.checked)(net, [op.checked for op in placed.ops])
    graph = build_graph(infer_net(checked, {}).ops, placed.ops, {}, net.external_output)
    copy = NetDef()
    copy.CopyFrom(net)
    del copy.op[:]
    copy.op.extend(node.op.op for node in graph.nodes)
    return copy


def _widen(ranges: dict[str, Range], blobs: Blobs) -> None:
    for name, value in blobs.items():
        low, high = float(value.min()), float(value.max())
        if not np.isfinite([low, high]).all():
            raise SchemaError(
                f"blob '{name}' goes from {low} to {high} on the samples: int8 needs finite numbers"
            )
        known = ranges.get(name, (low, high))
        ranges[name] = min(low, known[0]), max(high, known[1])


def _count(counts: Mapping[str, Array], ranges: Mapping[str, Range], blobs: Blobs) -> None:
    """Adds the distances from zero to the histograms."""
    for name, value in blobs.items():
        steps = np.abs(value.ravel())
        steps *= np.float32(BINS / (_largest(ranges[name]) or 1.0))
        bins = np.minimum(steps, np.float32(BINS - 1)).astype(np.intp)
        counts[name][...] += np.bincount(bins, minlength=BINS)


def _largest(found: Range) -> float:
    return max(abs(found[0]), abs(found[1]))


def _levels(found: Range) -> int:
    """Steps from zero to the end of a range: integers without a sign where nothing is below zero."""
    return 255 if found[0] >= 0 else 127


def _cut(found: Range, share: float) -> Range:
    end = share * _largest(found)
    return max(found[0], -end), min(found[1], end)


def _percentile(counts: Array, levels: int) -> float:
    inside = np.searchsorted(counts.cumsum(), (1 - CUT_OFF) * counts.sum())
    return float(inside + 1) / BINS


def _mean_square(counts: Array, levels: int) -> float:
    """Of `LIMITS`, the one with the smallest error, in shares of the largest distance; ties go to the widest."""
    middles = (np.arange(BINS) + 0.5) / BINS
    errors = [_error(middles, counts, limit / levels, levels) for limit in LIMITS[::-1]]
    return float(LIMITS[::-1][int(np.argmin(errors))])


def _error(middles: Array, counts: Array, step: float, levels: int) -> float:
    rounded = np.minimum(np.rint(middles / step), levels) * step
    return float(counts @ (middles - rounded) ** 2)


# Way -> which share of the largest distance from zero to keep, by the histogram; None: all of it, without one.
CALIBRATIONS: dict[str, Callable[[Array, int], float] | None] = {
    "minmax": None, "percentile": _percentile, "mse": _mean_square,
}  # fmt: skip
