"""Quantize: a float net with the ranges of its blobs on sample inputs, so that it can compute in int8.

The weights stay float32 in the files, and each back end rounds them when it packs them. So one model runs in int8 where
the machine has it and in float32 everywhere; the files get no smaller. Caffe2's own int8 operators (Int8Conv, ...) are
another form, which this does not write.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from c2.build.calibrate import blob_ranges
from c2.build.progress import Progress, Silent
from c2.compile.precision import Precision, set_precision
from c2.data.batches import Batches
from c2.errors import SchemaError
from c2.execute.predictor import Predictor
from c2.proto import NetDef
from c2.registry import Registry


def quantize(
    init_net: Any,
    predict_net: Any,
    samples: Batches,
    *,
    calibrate: str = "minmax",
    registry: Registry | None = None,
    progress: Progress | None = None,
) -> NetDef:
    """The predict net with the argument `precision` "int8" and the ranges of its blobs on samples.

        int8 = quantize(init_net, predict_net, batches({"data": images}, 32))
        predict = c2.Predictor(init_net, int8)                        # in int8
        predict = c2.Predictor(init_net, int8, precision="fp32")      # as before

    Args:
        samples: inputs as the net will get them, some hundred rows; what lies beyond their ranges will be cut off.
        calibrate: how ranges are chosen, see `c2.build.calibrate`.
    """
    net = NetDef()
    net.CopyFrom(getattr(predict_net, "proto", predict_net))
    ranges = blob_ranges(
        init_net, net, samples, calibrate=calibrate, registry=registry, progress=progress
    )
    set_precision(net, Precision("int8", ranges))
    return net


@dataclass(frozen=True)
class Comparison:
    """How a net in a reduced precision differs from itself in float32.

    Attributes:
        rows: how many it was measured on.
        agreement: share of rows with the same largest score.
        error: largest difference, as a share of the largest score.
        accuracy, full_accuracy: share of rows whose largest score is the label's, reduced and in float32; None
            without labels.
    """

    rows: int
    agreement: float
    error: float
    accuracy: float | None = None
    full_accuracy: float | None = None


def compare(
    predictors: Sequence[Predictor],
    samples: Batches,
    labels: np.ndarray[Any, Any] | None = None,
    *,
    output: str | None = None,
    progress: Progress | None = None,
) -> Comparison:
    """What two predictors of one model, in float32 and reduced, say to the same rows.

    Args:
        labels: (rows,) integers, the right class of each row of the samples.
        output: the blob of scores (rows, classes); None: the first output.

    Raises:
        SchemaError: the labels are not one per row.
    """
    if labels is not None and np.shape(labels) != (samples.size,):
        raise SchemaError(f"labels must be ({samples.size},), one per row; got {np.shape(labels)}")
    told = progress if progress is not None else Silent()
    name = output or predictors[0].outputs[0]
    told.start("compare", len(samples))
    found: list[list[Any]] = [[], []]
    error = scale = 0.0
    for done, batch in enumerate(samples.epoch(0), 1):
        full, reduced = (p(batch)[name].reshape(len(next(iter(batch.values()))), -1) for p in predictors)
        error, scale = max(error, float(abs(full - reduced).max())), max(scale, float(abs(full).max()))
        for known, scores in zip(found, (full, reduced)):
            known.append(scores.argmax(1))
        told.advance(done, {})
    chosen = [np.concatenate(known) for known in found]
    right = [float((c == labels).mean()) for c in chosen] if labels is not None else [None, None]
    agreement = float((chosen[0] == chosen[1]).mean())
    told.finish({"agreement": agreement})
    return Comparison(samples.size, agreement, error / (scale or 1.0), right[1], right[0])
