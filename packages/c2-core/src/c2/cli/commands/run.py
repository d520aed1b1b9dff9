"""`c2 run`: a model on arrays from files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from time import perf_counter
from typing import Annotated, Any
from zipfile import ZipFile

import numpy as np
import typer

from c2.cli.models import PrecisionOption, read_net
from c2.cli.output import Json, console, escape, fail, parse_inputs, print_json
from c2.execute.predictor import Predictor
from c2.proto import NetDef


def run(
    model: Annotated[
        str, typer.Argument(help="A folder of init_net and predict_net, or a predict net.")
    ],
    inputs: Annotated[
        list[str],
        typer.Option("--input", "-i", help="An array, as in data=image.npy or batch.npz."),
    ],
    init: Annotated[str | None, typer.Option(help="The init net, where MODEL is a file.")] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write the outputs to this .npz.")
    ] = None,
    keep: Annotated[list[str] | None, typer.Option(help="Give this blob back too.")] = None,
    precision: PrecisionOption = None,
    json: Json = False,
) -> None:
    """Runs a model once and shows, or writes, what comes out."""
    if output is not None and output.suffix != ".npz":
        fail(f"--output {output}: outputs are written as .npz")
    net, init_net = read_net(model, init)
    predict = Predictor(
        init_net or NetDef(name="empty_init"), net, keep=keep or (), precision=precision
    )
    arrays = parse_inputs(inputs)
    start = perf_counter()
    results = predict(arrays)
    seconds = perf_counter() - start
    if output is not None:
        _write(output, results)
    if json:
        print_json({
            "seconds": seconds,
            "outputs": {n: {"shape": v.shape, "dtype": str(v.dtype), "values": v.tolist()} for n, v in results.items()}
            if output is None
            else {n: {"shape": v.shape, "dtype": str(v.dtype)} for n, v in results.items()},
        })  # fmt: skip
        return
    for name, value in results.items():
        console.print(f"[bold]{escape(name)}[/]  {value.dtype} {value.shape}")
        console.print(escape(np.array2string(value, threshold=20, precision=5)))
    console.print(
        f"{seconds * 1e3:.1f} ms, compilation included"
        + (f"; written to {output}" if output else "")
    )


def _write(path: Path, results: Mapping[str, np.ndarray[Any, Any]]) -> None:
    """The arrays as `np.savez` writes them, which cannot take a blob named `file` or `allow_pickle`."""
    from c2.serialize.atomic import atomic_write

    with atomic_write(path) as file, ZipFile(file, "w") as archive:
        for name, value in results.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as entry:
                np.lib.format.write_array(entry, value)
