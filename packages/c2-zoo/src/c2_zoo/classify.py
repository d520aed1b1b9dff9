"""Classifies digits with any Caffe2 model of one image input."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np

from c2.build.progress import Progress, Silent
from c2.errors import C2Error
from c2_zoo.models.lenet.model import as_input

BATCH_SIZE = 100

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Classified:
    """How a model did on digits.

    Attributes:
        scores: float (digits, classes), left out of `to_dict`.
        seconds: time in the model, without making its input.
    """

    digits: int
    right: int
    seconds: float
    scores: Array

    @property
    def accuracy(self) -> float:
        return self.right / self.digits

    @property
    def digits_per_second(self) -> float:
        return self.digits / self.seconds

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as JSON takes them."""
        return {
            "digits": self.digits,
            "right": self.right,
            "accuracy": self.accuracy,
            "seconds": self.seconds,
            "digits_per_second": self.digits_per_second,
        }


def classify(
    predict: Any, images: Array, labels: Array, progress: Progress | None = None
) -> Classified:
    """Runs a Predictor over images and counts where its best score is that of the label.

    The model is run once before the clock starts, so that what it does at its first run does not count.

    Args:
        images: uint8 (N, 1, 28, 28).
        labels: (N,).

    Raises:
        C2Error: the model has more than one input or output, or there are no digits.
    """
    if len(predict.inputs) != 1 or len(predict.outputs) != 1:
        raise C2Error(
            "to classify digits a model must have one input and one output; it has the inputs "
            f"{predict.inputs} and the outputs {predict.outputs}"
        )
    if not len(images):
        raise C2Error("there are no digits to classify")
    listener: Progress = Silent() if progress is None else progress
    starts = range(0, len(images), BATCH_SIZE)
    listener.start("classify", len(starts))
    _scores(predict, as_input(images[:BATCH_SIZE]))
    found, seconds, right = [], 0.0, 0
    for done, at in enumerate(starts, 1):
        batch = as_input(images[at : at + BATCH_SIZE])
        start = perf_counter()
        found.append(_scores(predict, batch))
        seconds += perf_counter() - start
        right += int((found[-1].argmax(axis=1) == labels[at : at + BATCH_SIZE]).sum())
        listener.advance(done, {"accuracy": right / min(at + BATCH_SIZE, len(images))})
    result = Classified(len(images), right, seconds, np.concatenate(found))
    listener.finish({"accuracy": result.accuracy, "digits_per_second": result.digits_per_second})
    return result


def _scores(predict: Any, batch: Array) -> Array:
    result: Mapping[str, Array] = predict({predict.inputs[0]: batch})
    return result[predict.outputs[0]]
