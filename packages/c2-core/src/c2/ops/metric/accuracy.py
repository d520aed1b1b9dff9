"""Accuracy, the share of right predictions, and MultiClassAccuracy, that share for each class."""

import numpy as np

from c2.ops.loss.labels import check_labels
from c2.ops.rules import equal, rank
from c2.registry import Arg, Case, OpSchema, Tensor, TensorSpec, cases, kernel, require
from c2.registry.schema import NoGradient
from c2.registry.spec import FLOAT, INDEX

LABELS = Tensor("labels", "class numbers (N,)", INDEX)


def _check(predictions, labels):
    rank("predictions", predictions, 2)
    equal("labels must be (N,) of predictions (N, D)", predictions.shape[:1], labels.shape)


def _infer(predictions, labels, *, top_k):
    _check(predictions, labels)
    return TensorSpec((), predictions.dtype)


def _infer_by_class(prediction, labels):
    _check(prediction, labels)
    D = prediction.shape[1]
    require(D > 0 or labels.size == 0, "prediction must have a class", "1 or more columns", 0)
    return TensorSpec((D,), prediction.dtype), TensorSpec((D,), np.int32)


ACCURACY = OpSchema(
    "Accuracy",
    doc="""The share of examples whose label is among the top_k greatest predictions of their row.

    Of equal predictions the one of the lower class number counts as greater. NaN compares as not greater, so a NaN at
    the label is right. No example gives NaN. A label outside [0, D) is an error. Differs from Caffe2: labels may be
    int64 too, and labels outside are refused, where Caffe2 reads past the row.
    """,
    inputs=[Tensor("predictions", "scores (N, D)", FLOAT), LABELS],
    outputs=[Tensor("accuracy", "one number in [0, 1], shape (); dtype of predictions")],
    args=[Arg("top_k", int, default=1, doc="how many guesses each example has")],
    infer=_infer,
    cost=lambda predictions, labels, **_: 3 * predictions.size,
    gradient=NoGradient.FORBIDDEN,
)

MULTI_CLASS_ACCURACY = OpSchema(
    "MultiClassAccuracy",
    doc="""accuracies[c] = the share of examples with label c whose greatest prediction is c; amounts[c] = how many.

    A class without examples has accuracy 0. The first of equal predictions wins; NaN never does, and where no number
    is above the least finite one, class 0 wins. A label outside [0, D) is an error.
    """,
    inputs=[Tensor("prediction", "scores (N, D)", FLOAT), LABELS],
    outputs=[
        Tensor("accuracies", "(D,); dtype of prediction"),
        Tensor("amounts", "int32 (D,)"),
    ],
    infer=_infer_by_class,
    gradient=NoGradient.FORBIDDEN,
)


@kernel(ACCURACY)
class Accuracy:
    def __init__(self, xp, predictions, labels, *, top_k):
        self.xp, self.top_k = xp, top_k
        self.rows = xp.arange(predictions.shape[0])
        self.classes = xp.arange(predictions.shape[1])

    def __call__(self, predictions, labels, out=None):
        xp = self.xp
        if out is None:
            out = xp.empty((), predictions.dtype)
        check_labels(labels, len(self.classes))
        at_label = predictions[self.rows, labels][:, None]
        ahead = predictions > at_label
        ahead |= (predictions == at_label) & (self.classes < labels[:, None])
        right = (ahead.sum(axis=1) < self.top_k).sum()
        out[...] = right / len(labels) if len(labels) else np.nan
        return out


@kernel(MULTI_CLASS_ACCURACY)
def multi_class_accuracy(xp, prediction, labels, *, out=None):
    D = prediction.shape[1]
    if out is None:
        out = xp.empty(D, prediction.dtype), xp.empty(D, np.int32)
    accuracies, amounts = out
    check_labels(labels, D)
    finite = xp.where(prediction > np.finfo(prediction.dtype).min, prediction, -np.inf)
    guesses = finite.argmax(axis=1) if finite.size else labels
    amounts[...] = xp.bincount(labels, minlength=D)[:D]
    right = xp.bincount(labels[guesses == labels], minlength=D)[:D]
    accuracies[...] = right / xp.maximum(amounts, 1)
    return out


@cases(ACCURACY)
def accuracy_cases(rng):
    scores = rng.standard_normal((20, 5))
    labels = rng.integers(0, 5, 20)
    order = np.argsort(-scores, axis=1)
    for top_k in (1, 2, 5):
        share = np.mean([label in row[:top_k] for label, row in zip(labels, order)])
        inputs = {"predictions": scores, "labels": labels.astype(np.int32)}
        yield Case(inputs, {"top_k": top_k}, expect={"accuracy": np.array(share)})
    ties = {"predictions": np.ones((3, 2)), "labels": np.array([0, 1, 0])}
    yield Case(ties, expect={"accuracy": np.array(2 / 3)}, id="ties")
    none = {"predictions": np.ones((0, 2)), "labels": np.zeros(0, np.int32)}
    yield Case(none, expect={"accuracy": np.array(np.nan)}, id="empty")
    nan = {"predictions": np.array([[np.nan, 1.0], [np.nan, 1.0]]), "labels": np.array([0, 1])}
    yield Case(nan, expect={"accuracy": np.array(1.0)}, id="NaN")


@cases(MULTI_CLASS_ACCURACY)
def multi_class_accuracy_cases(rng):
    scores, labels = rng.standard_normal((20, 4)), rng.integers(0, 3, 20).astype(np.int32)
    chosen = [
        [int(max(range(4), key=row.__getitem__)) for row in scores[labels == c]] for c in range(4)
    ]
    accuracies = [row.count(c) / len(row) if row else 0.0 for c, row in enumerate(chosen)]
    amounts = np.array([len(row) for row in chosen], np.int32)
    expect = {"accuracies": np.array(accuracies), "amounts": amounts}
    yield Case({"prediction": scores, "labels": labels}, expect=expect)
    expect = {"accuracies": np.array([1.0, 0.0]), "amounts": np.array([1, 1], np.int32)}
    yield Case(
        {"prediction": np.ones((2, 2)), "labels": np.array([1, 0])}, expect=expect, id="ties"
    )
    expect = {"accuracies": np.zeros(2), "amounts": np.zeros(2, np.int32)}
    yield Case(
        {"prediction": np.ones((0, 2)), "labels": np.zeros(0, np.int32)}, expect=expect, id="empty"
    )
