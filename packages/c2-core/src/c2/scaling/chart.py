"""Efficiency over ranks as a picture: predicted lines, measured points, where it bends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from c2.errors import PluginError
from c2.scaling.ring import GOOD, Prediction

AFTER, BESIDE = "#3b6fb6", "#d9722e"


def draw(
    predictions: Sequence[Prediction],
    measured: Mapping[str, float],
    ranks: int,
    path: Path,
    title: str,
) -> None:
    """Writes a .png or .svg.

    Args:
        measured: efficiency of the ways `after` and `overlapped` with `ranks` ranks.

    Raises:
        PluginError: matplotlib is not installed.
    """
    try:
        from matplotlib import rc_context  # type: ignore[import-not-found, unused-ignore]
        from matplotlib.backends.backend_agg import (  # type: ignore[import-not-found, unused-ignore]
            FigureCanvasAgg,
        )
        from matplotlib.figure import Figure  # type: ignore[import-not-found, unused-ignore]
    except ImportError:
        raise PluginError(
            "matplotlib is not installed, which draws. Run: pip install c2-core[plot]"
        ) from None
    with rc_context({"svg.hashsalt": "c2", "svg.fonttype": "none", "font.size": 11}):
        figure = Figure(figsize=(7, 4.2), dpi=150, layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots()
        counts = [one.ranks for one in predictions]
        for way, colour, label, values in (
            ("after", AFTER, "exchange after the backward pass", [p.efficiency for p in predictions]),
            ("overlapped", BESIDE, "exchange beside it", [p.overlapped_efficiency for p in predictions]),
        ):  # fmt: skip
            axes.plot(counts, values, color=colour, label=f"{label}, predicted")
            if way in measured:
                axes.plot([ranks], [measured[way]], "o", color=colour, label=f"{label}, measured")
        axes.axhline(GOOD, color="#999999", linewidth=0.8, linestyle=":")
        _set_axes(axes, counts)
        axes.set_title(title, fontsize=11, loc="left")
        axes.legend(frameon=False)
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else {})


def _set_axes(axes: Any, counts: Sequence[int]) -> None:
    axes.set_xscale("log", base=2)
    axes.set_xticks(counts, [str(count) for count in counts])
    axes.minorticks_off()
    axes.set_xlabel("ranks")
    axes.set_ylabel("efficiency")
    axes.set_ylim(0, 1.05)
    axes.spines[["top", "right"]].set_visible(False)
