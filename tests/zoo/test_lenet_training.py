"""Training LeNet: a few steps, as a smoke test; benchmarks/lenet_training.py does the whole."""

import numpy as np
import pytest

from c2_zoo.datasets import mnist10k
from c2_zoo.models.lenet import train as lenet
from c2_zoo.models.lenet.model import build


@pytest.fixture(scope="module")
def few():
    x, y = mnist10k("train")
    return x[::15], y[::15]  # 600


def run(digits, epochs=1, **options):
    images, labels = digits
    return lenet.train(digits, (images[::6], labels[::6]), epochs=epochs, **options)


def test_a_few_steps_learn_something(few):
    trained = run(few, epochs=3)
    assert len(trained.history.steps["loss"]) == 3 * 10
    assert trained.history.steps["loss"][0] > 2
    assert trained.test["accuracy"] > 0.75  # ten digits by chance: 0.1


def test_the_seed_alone_decides(few):
    fewer = few[0][::4], few[1][::4]
    first, second, other = run(fewer), run(fewer), run(fewer, seed=2)
    assert first.history.steps == second.history.steps
    assert first.history.steps != other.history.steps


def test_the_model_has_the_parameters_it_says():
    assert build().summary().trained == 431_080


def test_shifts_move_each_image_by_itself():
    images = np.zeros((200, 1, 7, 7), np.uint8)
    images[:, 0, 3, 3] = 1
    moved = lenet.shifted(images, 2, np.random.default_rng(0))
    assert moved.shape == images.shape
    assert (moved.sum((1, 2, 3)) == 1).all()
    places = {(int(r), int(c)) for _, _, r, c in np.argwhere(moved)}
    assert places == {(r, c) for r in range(1, 6) for c in range(1, 6)}


def test_shifted_pixels_fall_off_the_edge():
    moved = lenet.shifted(np.ones((50, 1, 4, 4), np.uint8), 1, np.random.default_rng(0))
    assert set(moved.sum((1, 2, 3)).tolist()) == {9, 12, 16}


def test_batches_are_what_the_net_takes(few):
    batch = next(iter(lenet.digit_batches(few, 8, seed=1, shift=2)))
    assert (batch["data"].dtype, batch["data"].shape) == (np.float32, (8, 1, 28, 28))
    assert (batch["label"].dtype, batch["data"].max()) == (np.int32, 1.0)
