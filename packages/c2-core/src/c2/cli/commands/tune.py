"""`c2 tune`: lets the kernels of all engines race on a net's shapes, and keeps what came out in the cache."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
import typer

from c2.cli.models import (
    InitOption,
    PrecisionOption,
    ShapeOption,
    parameters_of,
    read_net,
    require_inputs,
)
from c2.cli.output import Json, console, escape, fail, parse_inputs, parse_shapes, print_json
from c2.cli.progress import Bars
from c2.cli.race import print_choices
from c2.compile.net import CompiledNet
from c2.compile.tuning.cache import clear as clear_cache
from c2.compile.tuning.cache import folder
from c2.compile.tuning.tuner import TASK
from c2.graph.check import check_net


def tune(
    net: Annotated[
        str | None,
        typer.Argument(help="A folder of init_net and predict_net, or a net (.pb, .pbtxt)."),
    ] = None,
    init: InitOption = None,
    shape: ShapeOption = None,
    data: Annotated[
        list[str] | None,
        typer.Option("--data", "-d", help="Inputs by name: data=x.npy, or samples.npz."),
    ] = None,
    threads: Annotated[
        int | None,
        typer.Option(min=1, help="Threads of a kernel; else $C2_NUM_THREADS, or all cores."),
    ] = None,
    precision: PrecisionOption = None,
    clear: Annotated[
        bool,
        typer.Option("--clear", help="Delete the cache first; without NET, do no more than that."),
    ] = False,
    json: Json = False,
) -> None:
    """Times every kernel that engines offer for a net's operators; `tune="cached"` then uses the fastest."""
    if net is None and not clear:
        fail("name a net to tune, or --clear to delete what earlier ones have left")
    deleted = [str(path) for path in clear_cache()] if clear else []
    if net is None:
        print_json({"deleted": deleted}) if json else _tell_deleted(deleted)
        return
    made = _compiled(net, init, _inputs(shape, data), threads, precision)
    with Bars({TASK: "Racing"}) as bars:
        report = made(bars)
    report = {"net": net, "deleted": deleted, "cache": _cache(), **report}
    if json:
        print_json(report)
        return
    print_choices(report)
    console.print(escape(f"cache: {report['cache']}"))


def _inputs(shape: list[str] | None, data: list[str] | None) -> dict[str, Any]:
    """Arrays by name; those of which the shape alone is given are filled at random."""
    rng = np.random.default_rng(0)
    drawn = {n: rng.random(dims, np.float32) for n, dims in parse_shapes(shape or []).items()}
    return {**drawn, **parse_inputs(data or [])}


def _compiled(
    path: str, init: str | None, inputs: dict[str, Any], threads: int | None, precision: str | None
) -> Any:
    """What runs the race, with a listener to its progress, and gives the report."""
    proto, init_net = read_net(path, init)
    workspace = parameters_of(init_net)
    constants = [name for name in workspace.blobs() if name not in inputs]
    for name, value in inputs.items():
        workspace.feed(name, value)
    checked = check_net(proto, workspace.registry)
    require_inputs(checked, workspace)

    def race(progress: Bars) -> dict[str, Any]:
        made = CompiledNet(
            checked, workspace, workspace.registry, constants=constants, threads=threads,
            precision=precision, tune=True, progress=progress,
        )  # fmt: skip
        tuned = made.program().tuned
        assert tuned is not None
        return {"threads": made.threads, "precision": made.precision.name, **tuned.report()}

    return race


def _cache() -> str:
    place = folder()
    return "in memory alone (C2_TUNE_CACHE=0)" if place is None else str(place)


def _tell_deleted(deleted: list[str]) -> None:
    console.print(escape("\n".join(f"deleted {path}" for path in deleted) or "the cache is empty"))
