"""Curves of a training run as PNG and SVG."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from c2.build.train import History

TRAIN, TEST = "#3b6fb6", "#d9722e"
LEAST_WRONG = 0.1
"""The smallest share of wrong digits that is drawn, in percent: a logarithmic axis has no zero."""


def draw_curves(
    history: History, folder: str | Path, title: str = "", name: str = "curves"
) -> list[Path]:
    """Writes `curves.png` and `curves.svg`: loss, and accuracy on an axis that is logarithmic in what is wrong.

    Faint dots are single batches, lines their running mean over a quarter of an epoch, points the test digits after
    each epoch.

    Returns:
        The two paths.
    """
    from matplotlib import rc_context  # loaded only where something is drawn
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with rc_context({"svg.hashsalt": "c2", "svg.fonttype": "none", "font.size": 11}):
        figure = Figure(figsize=(10.5, 4.2), dpi=150, layout="constrained")
        FigureCanvasAgg(figure)
        left, right = figure.subplots(1, 2)
        _draw_loss(left, history)
        _draw_accuracy(right, history)
        if title:
            figure.suptitle(title, fontsize=12, fontweight="bold")
        made = [Path(folder) / f"{name}.png", Path(folder) / f"{name}.svg"]
        for path in made:
            path.parent.mkdir(parents=True, exist_ok=True)
            figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else {})
    return made


def running_mean(values: Any, window: int) -> Any:
    """Mean of the last `window` values, of fewer at the start."""
    values = np.asarray(values, float)
    sums = np.cumsum(np.concatenate([[0.0], values]))
    ends = np.arange(1, len(values) + 1)
    starts = np.maximum(ends - window, 0)
    return (sums[ends] - sums[starts]) / (ends - starts)


def _draw_loss(axes: Any, history: History) -> None:
    from matplotlib.ticker import FuncFormatter

    tested = [epoch["loss"] for epoch in history.epochs]
    _draw(axes, history, np.asarray(history.steps["loss"], float), tested)
    _tell_last(axes, tested, [f"{value:.3f}" for value in tested])
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.set_title("Loss", fontsize=11, loc="left")
    axes.legend(frameon=False, loc="upper right")


def _draw_accuracy(axes: Any, history: History) -> None:
    from matplotlib.ticker import FuncFormatter

    tested = [100 * (1 - epoch["accuracy"]) for epoch in history.epochs]
    _draw(axes, history, 100 * (1 - np.asarray(history.steps["accuracy"], float)), tested)
    _tell_last(axes, tested, [f"{100 - value:.1f} %" for value in tested])
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 - value:g} %"))
    axes.set_ylim(100, LEAST_WRONG)
    axes.set_title("Accuracy", fontsize=11, loc="left")
    axes.legend(frameon=False, loc="lower right")


def _draw(axes: Any, history: History, steps: Any, tested: list[float]) -> None:
    """What both curves have: batches, their mean, test digits, axes."""
    from matplotlib.ticker import MaxNLocator

    per_epoch = len(steps) / max(len(history.epochs), 1)
    x = np.arange(1, len(steps) + 1) / per_epoch
    seen = steps > 0
    mean = running_mean(steps, max(int(per_epoch / 4), 1))
    axes.plot(x[seen], steps[seen], ".", color=TRAIN, alpha=0.15, markersize=3, markeredgewidth=0)
    axes.plot(
        x, np.maximum(mean, LEAST_WRONG / 100), color=TRAIN, linewidth=2, label="training batches"
    )
    if tested:
        places = np.arange(1, len(tested) + 1)
        axes.plot(
            places,
            np.maximum(tested, LEAST_WRONG / 100),
            "o-",
            color=TEST,
            linewidth=2,
            label="test digits",
        )
    axes.set_yscale("log")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("epoch")
    axes.set_xlim(0, max(len(history.epochs), 1) * 1.01)
    axes.grid(True, which="major", alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)


def _tell_last(axes: Any, tested: list[float], texts: list[str]) -> None:
    """The last test value in numbers, right of its point."""
    if tested:
        axes.annotate(
            texts[-1],
            (len(tested), max(tested[-1], LEAST_WRONG / 100)),
            xytext=(8, 0),
            textcoords="offset points",
            va="center",
            color=TEST,
            fontweight="bold",
            annotation_clip=False,
        )
