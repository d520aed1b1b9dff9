"""A LeNet that somebody trained with Caffe2 gives the scores it gives there, on real digits."""

import os
from pathlib import Path

import numpy as np
import pytest

import c2
from c2.registry import core_registry

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("C2_SHARED", ROOT.parent / "shared")) / "data"


@pytest.fixture(scope="module")
def digits():
    for path in (DATA / "lenet_mnist", DATA / "mnist10k.npz"):
        if not path.exists():
            pytest.skip(f"{path.name} is not in the shared data folder (C2_SHARED)")
    with np.load(DATA / "mnist10k.npz") as data:
        return data["x"].astype(np.float32) / np.float32(255), data["y"]


@pytest.fixture(scope="module")
def recorded():
    with np.load(ROOT / "tests" / "golden" / "data" / "lenet_mnist.npz") as data:
        return data["scores"]


def test_predictor_gives_the_recorded_scores(digits, recorded):
    predict = c2.Predictor.load(DATA / "lenet_mnist", registry=core_registry())
    scores = predict({"1": digits[0][::50]})["26"]
    np.testing.assert_allclose(scores, recorded, rtol=0, atol=1e-5)


def test_simple_net_gives_the_recorded_scores(digits, recorded):
    init_net, predict_net = c2.load_model(DATA / "lenet_mnist")
    ws = c2.Workspace()
    ws.run_once(init_net)
    ws.feed("1", digits[0][::50])
    ws.run_once(predict_net)
    np.testing.assert_allclose(ws["26"], recorded, rtol=0, atol=1e-5)


def test_accuracy_on_all_digits(digits):
    images, labels = digits
    predict = c2.Predictor.load(DATA / "lenet_mnist")
    best = [predict({"1": images[k : k + 500]})["26"].argmax(1) for k in range(0, 10_000, 500)]
    assert (np.concatenate(best) == labels).mean() == 0.9926
