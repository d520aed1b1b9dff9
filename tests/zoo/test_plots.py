"""Curves: files that are pictures, and the arithmetic behind them."""

import numpy as np
import pytest

from c2.build.train import History
from c2_zoo.plots import draw_curves, running_mean


@pytest.fixture
def history():
    steps = np.arange(60)
    return History(
        steps={"loss": (2 * np.exp(-steps / 9)).tolist(), "accuracy": (1 - 0.9 * np.exp(-steps / 9)).tolist()},
        epochs=[{"loss": 0.5, "accuracy": 0.8}, {"loss": 0.1, "accuracy": 0.97}, {"loss": 0.05, "accuracy": 1.0}],
    )  # fmt: skip


def test_both_pictures_are_written(history, tmp_path):
    png, svg = draw_curves(history, tmp_path / "made", "a title")
    assert png.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    text = svg.read_text()
    for part in (
        "a title",
        "Loss",
        "Accuracy",
        "training batches",
        "test digits",
        "99 %",
        "epoch",
        "0.050",
    ):
        assert part in text, part


def test_the_same_history_gives_the_same_svg(history, tmp_path):
    first, second = (draw_curves(history, tmp_path / name)[1] for name in "ab")
    assert first.read_bytes() == second.read_bytes()


def test_a_history_without_epochs_is_drawn_too(history, tmp_path):
    history.epochs = []
    draw_curves(history, tmp_path)
    assert "test digits" not in (tmp_path / "curves.svg").read_text()


def test_drawing_needs_no_pyplot(history, tmp_path):
    import sys

    draw_curves(history, tmp_path)
    assert "matplotlib.pyplot" not in sys.modules


def test_running_mean_against_a_loop():
    values = np.random.default_rng(0).random(20)
    expected = [np.mean(values[max(0, k - 4) : k + 1]) for k in range(20)]
    np.testing.assert_allclose(running_mean(values, 5), expected)
