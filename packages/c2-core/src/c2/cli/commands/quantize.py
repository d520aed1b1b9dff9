"""`c2 quantize`: finds the ranges of a model's blobs on sample inputs, and says what int8 costs in accuracy."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from c2.build.quantize import Comparison, compare
from c2.build.quantize import quantize as quantized
from c2.cli.models import read_net
from c2.cli.output import Json, console, escape, fail, parse_inputs, print_json
from c2.cli.progress import Bars
from c2.data import batches
from c2.errors import PrecisionError
from c2.execute.predictor import Predictor
from c2.proto import NetDef
from c2.serialize.model_files import save_model


def quantize(
    model: Annotated[
        str, typer.Argument(help="A folder of init_net and predict_net, or a predict net.")
    ],
    data: Annotated[
        list[str],
        typer.Option("--data", "-d", help="Sample inputs by name: samples.npz or data=x.npy."),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the int8 model.")],
    init: Annotated[str | None, typer.Option(help="The init net, where MODEL is a file.")] = None,
    labels: Annotated[
        str | None,
        typer.Option(help="The right class of each row: labels.npy, or samples.npz:label."),
    ] = None,
    samples: Annotated[
        int, typer.Option(min=1, help="Rows to find ranges on; accuracy is measured on the others.")
    ] = 256,
    batch_size: Annotated[int, typer.Option(min=1, help="Rows per run.")] = 32,
    calibrate: Annotated[
        str,
        typer.Option(
            help="How ranges are chosen: minmax (nothing cut off), percentile (1e-4 of the numbers cut off), "
            "or mse (the smallest mean square of the errors)."
        ),
    ] = "minmax",
    json: Json = False,
) -> None:
    """Writes a model that computes in int8 (weights stay float32 in the files), and compares it with float32."""
    net, init_net = read_net(model, init)
    init_net = init_net or NetDef(name="empty_init")
    inputs = parse_inputs(data)
    right = parse_inputs([f"labels={labels}"])["labels"] if labels else None
    names = Predictor(init_net, net, precision="fp32").inputs
    arrays = {n: inputs[n] for n in names if n in inputs}
    if missing := [n for n in names if n not in inputs]:
        fail(f"--data: the model's inputs {missing} are not among {sorted(inputs)}")
    first, others = _split(arrays, right, samples)
    with Bars({"calibrate": "Calibrating", "compare": "Comparing"}) as bars:
        made = quantized(
            init_net, net, batches(first, batch_size), calibrate=calibrate, progress=bars
        )
        save_model(output, init_net, made)
        measured, why = _measured(init_net, made, *others, batch_size, bars)
    report = {
        "model": model, "output": str(output), "calibrated_on": len(next(iter(first.values()))), "calibrate": calibrate,
        "compared": asdict(measured) if measured else None, "not_compared": why,
    }  # fmt: skip
    if json:
        print_json(report)
        return
    _tell(report, measured)


def _split(arrays: Any, labels: Any, samples: int) -> tuple[Any, tuple[Any, Any]]:
    """The rows to find ranges on, and those to compare on: the others, or the same where there are no others."""
    first = {n: a[:samples] for n, a in arrays.items()}
    rest = {n: a[samples:] for n, a in arrays.items()}
    if not all(len(a) for a in rest.values()):
        return first, (arrays, labels)
    return first, (rest, None if labels is None else labels[samples:])


def _measured(
    init_net: Any, net: Any, arrays: Any, labels: Any, batch_size: int, bars: Bars
) -> tuple[Comparison | None, str | None]:
    """int8 beside float32, or why this machine cannot tell."""
    try:
        reduced = Predictor(init_net, net)
    except PrecisionError as error:
        return None, str(error)
    pair = [Predictor(init_net, net, precision="fp32"), reduced]
    wanted = None if labels is None else np.asarray(labels).reshape(-1)
    return compare(pair, batches(arrays, batch_size), wanted, progress=bars), None


def _tell(report: dict[str, Any], measured: Comparison | None) -> None:
    console.print(
        f"wrote {escape(report['output'])}: int8, calibrated on {report['calibrated_on']} rows"
    )
    if measured is None:
        console.print(f"not compared with float32: {escape(report['not_compared'])}")
        return
    console.print(
        f"on {measured.rows:,} rows: the same top class as float32 in {measured.agreement:.2%}, "
        f"largest difference {measured.error:.2%} of the largest score"
    )
    if measured.accuracy is not None and measured.full_accuracy is not None:
        drop = 100 * (measured.full_accuracy - measured.accuracy)
        console.print(
            f"accuracy {measured.accuracy:.2%} in int8, {measured.full_accuracy:.2%} in float32: "
            f"a drop of {drop:.2f} percentage points"
        )
