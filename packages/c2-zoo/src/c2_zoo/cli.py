"""`c2 demo`: the demo with progress bars and a report to read."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from c2.cli.output import Json, console, escape, print_json
from c2.cli.progress import Bars
from c2_zoo.demo import DemoReport, run_demo
from c2_zoo.models.lenet.train import EPOCHS, SEED, THREADS

TASKS = {"classify": "classify real digits", "train": "train a LeNet"}


def demo(
    out: Annotated[Path, typer.Option(help="Folder for the curves and the trained model.")] = Path(
        "c2-demo"
    ),
    model: Annotated[
        Path | None,
        typer.Option(help="Folder of another Caffe2 LeNet (init_net.pb, predict_net.pb)."),
    ] = None,
    epochs: Annotated[
        int, typer.Option(min=1, help="Rounds of training over 9,000 digits.")
    ] = EPOCHS,
    seed: Annotated[int, typer.Option(help="First values and order of the digits.")] = SEED,
    threads: Annotated[
        int, typer.Option(min=1, help="Threads of NumPy's matrix products.")
    ] = THREADS,
    json: Json = False,
) -> None:
    """Classifies real digits with a Caffe2 model, trains a LeNet from scratch, draws its curves, exports it."""
    with Bars(TASKS) as bars:
        report = run_demo(out, bars, model_dir=model, epochs=epochs, seed=seed, threads=threads)
    if json:
        print_json(report.to_dict())
    else:
        _tell(report)


def _tell(report: DemoReport) -> None:
    shown, trained, exported = report.classified, report.trained, report.exported
    equal = "equal in all bits"
    if not exported.bitwise_equal:
        equal = f"differ by {exported.max_difference:.1e} at most"
    files = ", ".join(f"{n} ({b / 1000:,.1f} kB)" for n, b in exported.files.items())
    lines = {
        "classified": f"{shown.right:,} of {shown.digits:,} digits right ({shown.accuracy:.2%}), "
        f"{shown.digits_per_second:,.0f} digits/s, by {report.model}",
        "trained": f"{trained['test_accuracy']:.2%} of {trained['test_digits']:,} test digits right after "
        f"{trained['epochs']} epochs of {trained['digits']:,} digits: {trained['seconds']:.1f} s, "
        f"{trained['digits_per_second']:,.0f} digits/s",
        "exported": f"{exported.folder}: {files}; read again, the scores of {exported.digits:,} digits {equal}",
        "drawn": ", ".join(report.curves),
    }
    for head, text in lines.items():
        console.print(f"[bold]{head:<11}[/]{escape(text)}")
