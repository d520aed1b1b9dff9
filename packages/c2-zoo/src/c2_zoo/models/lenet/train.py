"""Trains LeNet on 9,000 digits; as a program it writes the files that are beside it.

python -m c2_zoo.models.lenet.train FOLDER
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

import c2
from c2.build.evaluate import evaluate
from c2.build.export import export_model
from c2.build.progress import Progress
from c2.build.train import History, fit
from c2.data import Batches, batches
from c2_zoo.datasets import mnist10k
from c2_zoo.models.lenet.model import INPUT, LABEL, OUTPUT, as_input, build

BATCH_SIZE = 64
EPOCHS = 5
SEED = 1
LEARNING_RATE = 3e-3
THREADS = 1
"""Of NumPy's matrix products. LeNet's are too small to gain from more, and lose much on a machine that has other work;
with one the numbers are the same whatever the number of cores."""
SHIFT = 2
"""Training digits are moved by up to so many pixels, each at every epoch by other ones."""

Array = np.ndarray[Any, Any]
Digits = tuple[Array, Array]


@dataclass
class Trained:
    """A trained model in its workspace, and how it went; `history.epochs` holds what was measured on test digits."""

    model: c2.ModelHelper
    workspace: c2.Workspace
    history: History
    seconds: float
    threads: int

    @property
    def test(self) -> dict[str, float]:
        """Loss and accuracy on the test digits after the last epoch."""
        return self.history.epochs[-1]


def train(
    digits: Digits,
    test_digits: Digits,
    *,
    epochs: int = EPOCHS,
    seed: int = SEED,
    threads: int = THREADS,
    progress: Progress | None = None,
    net_type: str = "",
) -> Trained:
    """LeNet, trained from scratch with Adam at a rate that falls to zero, and tested after every epoch.

    Args:
        digits, test_digits: images uint8 (N, 1, 28, 28) and labels (N,).
        seed: first values, order and shifts of the digits follow from it alone.
        threads: of NumPy's matrix products.
        net_type: of the training net, see `c2.build.train.fit`.
    """
    start = perf_counter()
    feed = digit_batches(digits, BATCH_SIZE, seed, SHIFT)
    model = training_model(epochs * len(feed))
    model.set_random_seed(seed)
    test_net = build("lenet_test", init_params=False).net
    workspace = c2.Workspace()
    test_feed = digit_batches(test_digits, 100)
    with threadpool_limits(threads, "blas"):
        history = fit(
            model,
            workspace,
            feed,
            epochs,
            after_epoch=lambda: evaluate(test_net, workspace, test_feed),
            progress=progress,
            net_type=net_type,
        )
    return Trained(model, workspace, history, perf_counter() - start, threads)


def training_model(steps: int) -> c2.ModelHelper:
    """LeNet with gradients and updates for that many steps."""
    model = build()
    model.add_gradients("loss")
    c2.optimizer.build_adam(
        model, base_learning_rate=LEARNING_RATE, policy="poly", power=1.0, max_iter=steps
    )
    return model


def digit_batches(
    digits: Digits, batch_size: int, seed: int | None = None, shift: int = 0
) -> Batches:
    """Digits as batches of blobs for LeNet, in another order at every epoch where there is a seed."""
    images, labels = digits
    rng = np.random.default_rng(seed)

    def prepare(batch: Mapping[str, Array]) -> Mapping[str, Array]:
        moved = shifted(batch[INPUT], shift, rng) if shift else batch[INPUT]
        return {INPUT: as_input(moved), LABEL: batch[LABEL].astype(np.int32)}

    return batches({INPUT: images, LABEL: labels}, batch_size, seed=seed, prepare=prepare)


def shifted(images: Array, most: int, rng: np.random.Generator) -> Array:
    """Each image (N, C, H, W) moved by -most..most pixels in both directions, zeros coming in."""
    height, width = images.shape[2:]
    padded = np.pad(images, ((0, 0), (0, 0), (most, most), (most, most)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (height, width), axis=(2, 3))
    down, right = rng.integers(0, 2 * most + 1, (2, len(images)))
    return windows[np.arange(len(images)), :, down, right]


def main(folder: str) -> None:
    """Trains and writes init_net.pb, predict_net.pb and trained.json."""
    trained = train(mnist10k("train"), mnist10k("test"))
    export_model(trained.model, trained.workspace, folder, OUTPUT, INPUT)
    facts = {
        "command": "python -m c2_zoo.models.lenet.train FOLDER",
        "c2": c2.__version__,
        "numpy": np.__version__,
        "train_digits": 9000,
        "test_digits": 1000,
        "epochs": EPOCHS,
        "batch_size": BATCH_SIZE,
        "seed": SEED,
        "threads": THREADS,
        "base_learning_rate": LEARNING_RATE,
        "shift": SHIFT,
        "test_accuracy": round(trained.test["accuracy"], 4),
        "test_loss": round(trained.test["loss"], 5),
    }
    (Path(folder) / "trained.json").write_text(json.dumps(facts, indent=2) + "\n")
    print(json.dumps({**facts, "seconds": round(trained.seconds, 1)}, indent=2))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
