"""The chart of inference.py's results: how much longer each family of peers takes than c2."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from inference_report import OURS, best_peer

FAMILIES = {  # prefix of the runtimes -> (label, colour); the fastest of a family is drawn
    "onnxruntime": ("onnxruntime", "#3b6fb6"),
    "openvino": ("OpenVINO", "#7a5ea8"),
    "torch": ("PyTorch, best form", "#d9722e"),
    "caffe2": ("Caffe2, best engine", "#8a8a8a"),
}
MEASURES = {"ms": "Time", "cpu_ms": "Processor time"}
WIDTH = 0.8  # of a group of bars
TICKS = (0.5, 0.7, 1, 1.5, 2, 3, 5, 10, 20, 50)


def draw_chart(results: dict[str, Any], folder: Path, by: str = "ms") -> list[Path]:
    """Writes inference.png and inference.svg: a panel for each batch and number of threads, a group for each net."""
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows = [row for row in results["rows"] if best_peer(row, by)]
    batches, threads = (sorted({row[key] for row in rows}) for key in ("batch", "threads"))
    size = (1.5 + 5 * len(threads), 1 + 2.9 * len(batches))
    with rc_context({"svg.hashsalt": "c2", "svg.fonttype": "none", "font.size": 10}):
        figure = Figure(figsize=size, dpi=150, layout="constrained")
        FigureCanvasAgg(figure)
        panels = figure.subplots(len(batches), len(threads), squeeze=False, sharey=True)
        for line, batch in zip(panels, batches):
            for axes, count in zip(line, threads):
                chosen = [r for r in rows if (r["batch"], r["threads"]) == (batch, count)]
                _draw_panel(axes, chosen, f"batch {batch}, {count} thread{'s' * (count > 1)}", by)
        bars, labels = panels[0][0].get_legend_handles_labels()
        figure.legend(
            bars, labels, loc="outside lower center", ncols=2 * len(threads), frameon=False
        )
        machine = results["machine"]
        figure.suptitle(
            f"{MEASURES[by]} of inference over that of {OURS}: above 1, c2 is faster\n"
            f"{machine['cpu']}, {machine['cores']} cores, commit {machine['commit']}", fontsize=11,
        )  # fmt: skip
        made = [folder / f"inference.{kind}" for kind in ("png", "svg")]
        folder.mkdir(parents=True, exist_ok=True)
        for path in made:
            figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else {})
    return made


def _draw_panel(axes: Any, rows: list[dict[str, Any]], name: str, by: str) -> None:
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    width = WIDTH / len(FAMILIES)
    for k, (prefix, (label, colour)) in enumerate(FAMILIES.items()):
        drawn = [(i, _ratio(row, prefix, by)) for i, row in enumerate(rows)]
        drawn = [(i, ratio) for i, ratio in drawn if ratio is not None]
        places = [i - WIDTH / 2 + width * (k + 0.5) for i, _ in drawn]
        heights = [ratio - 1 for _, ratio in drawn]
        axes.bar(places, heights, width, bottom=1, color=colour, label=label)
    for i, row in enumerate(rows):
        found = best_peer(row, by)
        assert found
        top = max(r for r in (1, *(_ratio(row, p, by) or 1 for p in FAMILIES)))
        axes.annotate(f"{found[1]:.2f}", (i, top), (0, 2), textcoords="offset points", ha="center")
    axes.axhline(1, color="black", linewidth=0.8)
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_major_locator(FixedLocator(TICKS))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.set_xticks(range(len(rows)), [row["net"] for row in rows], fontsize=8)
    axes.margins(y=0.12)
    axes.set_title(f"{name} (number: the best peer)", fontsize=10)
    axes.spines[["top", "right"]].set_visible(False)


def _ratio(row: dict[str, Any], prefix: str, by: str) -> float | None:
    """The time of the fastest runtime of a family over that of c2."""
    times = [r[by] for n, r in row["runtimes"].items() if n.startswith(prefix)]
    return min(times) / row["runtimes"][OURS][by] if times else None
