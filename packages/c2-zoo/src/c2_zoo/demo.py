"""The demo: what c2 is for, on real data, in a minute; each part is a function that can be called alone."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

import c2
from c2.build.export import export_model
from c2.build.progress import Progress
from c2_zoo import models
from c2_zoo.classify import Classified, classify
from c2_zoo.datasets import mnist10k
from c2_zoo.models.lenet import train as lenet
from c2_zoo.models.lenet.model import INPUT, OUTPUT, as_input
from c2_zoo.plots import draw_curves

Digits = tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]


@dataclass(frozen=True)
class Exported:
    """A trained model that was written, read again and compared.

    Attributes:
        files: name -> bytes.
        digits: how many went through both.
        max_difference: largest difference between any two scores; 0.0 where all bits are equal.
    """

    folder: str
    files: dict[str, int]
    digits: int
    max_difference: float
    bitwise_equal: bool


@dataclass(frozen=True)
class DemoReport:
    """Everything the demo did, in numbers.

    Attributes:
        model: folder of the model that classified; `classified` says how well.
        trained: epochs, digits, seconds, and loss and accuracy on the test digits.
        curves: paths of the pictures.
    """

    model: str
    classified: Classified
    trained: dict[str, Any]
    exported: Exported
    curves: list[str]
    machine: dict[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as JSON takes them."""
        return {
            "model": self.model,
            "classified": self.classified.to_dict(),
            "trained": self.trained,
            "exported": vars(self.exported),
            "curves": self.curves,
            "machine": self.machine,
        }


def run_demo(
    folder: str | os.PathLike[str],
    progress: Progress | None = None,
    *,
    data: Digits | None = None,
    model_dir: str | os.PathLike[str] | None = None,
    epochs: int = lenet.EPOCHS,
    seed: int = lenet.SEED,
    threads: int = lenet.THREADS,
) -> DemoReport:
    """Classifies real digits with a Caffe2 model, trains a LeNet from scratch, draws its curves, exports it.

    Args:
        folder: where curves.png, curves.svg and the exported model go; made where it is missing.
        data: images uint8 (N, 1, 28, 28) and labels (N,) in place of the 10,000 digits of this package; every tenth
            row is kept for testing.
        model_dir: folder of the model that classifies; None: the LeNet of this package, which gets the test digits
            alone as it was trained on the others. A model from elsewhere gets all.
        epochs, seed: of the training.
        threads: of NumPy's matrix products; see `c2_zoo.models.lenet.train`.
    """
    images, labels = mnist10k() if data is None else data
    tested = np.arange(len(labels)) % 10 == 9
    test_digits = images[tested], labels[tested]
    source = models.folder("lenet") if model_dir is None else Path(model_dir)
    shown, wanted = test_digits if model_dir is None else (images, labels)
    with threadpool_limits(threads, "blas"):
        classified = classify(c2.Predictor.load(source), shown, wanted, progress)
    trained = lenet.train(
        (images[~tested], labels[~tested]),
        test_digits,
        epochs=epochs,
        seed=seed,
        threads=threads,
        progress=progress,
    )
    target = Path(folder)
    title = f"LeNet, {int((~tested).sum()):,} digits, {trained.seconds:.0f} s: " + (
        f"{100 * trained.test['accuracy']:.1f} % of {int(tested.sum()):,} test digits right"
    )
    curves = draw_curves(trained.history, target, title)
    return DemoReport(
        model=str(source),
        classified=classified,
        trained=_numbers(trained, epochs, seed, int((~tested).sum()), int(tested.sum())),
        exported=export_and_compare(trained, target / "lenet", test_digits[0]),
        curves=[str(path) for path in curves],
        machine=machine(),
    )


def export_and_compare(
    trained: lenet.Trained, folder: Path, images: np.ndarray[Any, Any]
) -> Exported:
    """Writes a model, reads it into a new workspace, and compares the scores of both on the same images.

    The model in training and the one read again run as simple nets, operator by operator.
    """
    model = trained.model
    export_model(model, trained.workspace, folder, OUTPUT, INPUT)
    data = as_input(images)
    before = _scores(model.extract_predictor_net(OUTPUT, INPUT), trained.workspace, data)
    init_net, predict_net = c2.load_model(folder)
    fresh = c2.Workspace()
    fresh.run_once(init_net)
    after = _scores(predict_net, fresh, data)
    return Exported(
        folder=str(folder),
        files={path.name: path.stat().st_size for path in sorted(folder.glob("*.pb"))},
        digits=len(images),
        max_difference=float(np.abs(before - after).max()),
        bitwise_equal=before.tobytes() == after.tobytes(),
    )


def _scores(net: Any, workspace: c2.Workspace, data: np.ndarray[Any, Any]) -> Any:
    workspace.feed(INPUT, data)
    workspace.run_once(net)
    return workspace.fetch(OUTPUT)


def _numbers(
    trained: lenet.Trained, epochs: int, seed: int, digits: int, test_digits: int
) -> dict[str, Any]:
    return {
        "epochs": epochs,
        "batch_size": lenet.BATCH_SIZE,
        "seed": seed,
        "threads": trained.threads,
        "digits": digits,
        "test_digits": test_digits,
        "seconds": trained.seconds,
        "digits_per_second": trained.history.rows_per_second,
        "test_accuracy": trained.test["accuracy"],
        "test_loss": trained.test["loss"],
    }


def machine() -> dict[str, Any]:
    """Where and with what this ran."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "c2": c2.__version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "system": platform.system(),
        "processor": platform.machine(),
        "cores": usable,
    }
