"""`c2 explain`: which kernel serves each operator, and why not another; what the passes did."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
import typer

import c2
from c2.cli.models import (
    InitOption,
    NetArgument,
    PrecisionOption,
    ShapeOption,
    parameters_of,
    read_net,
    require_inputs,
    specs_of,
)
from c2.cli.output import Json, console, escape, fail, parse_shapes, print_json, print_table
from c2.cli.race import print_races
from c2.compile.net import CompiledNet, explained_passes
from c2.errors import MissingKernel
from c2.graph.check import check_net
from c2.graph.infer import infer_net
from c2.place.choose import choose_kernel
from c2.place.fallback import FELL_BACK
from c2.place.place import place_net, probe


def explain(
    net: NetArgument,
    init: InitOption = None,
    shape: ShapeOption = None,
    passes: Annotated[
        bool, typer.Option("--passes", help="Compile it, and show what each pass did.")
    ] = False,
    tune: Annotated[
        bool,
        typer.Option("--tune", help="With --passes: let engines race, and show every time."),
    ] = False,
    precision: PrecisionOption = None,
    json: Json = False,
) -> None:
    """Says for each operator: device, kernel, why, and why every other candidate was passed over."""
    proto, init_net = read_net(net, init)
    workspace = parameters_of(init_net)
    shapes = parse_shapes(shape or [])
    rows = explain_placement(proto, specs_of(workspace, shapes))
    if tune and not passes:
        fail("--tune needs --passes: kernels race in compiled nets")
    compiled = _explain_passes(proto, workspace, shapes, precision, tune) if passes else None
    unusable = _unusable({r["device"] for r in rows})
    if json:
        extra = {"passes": compiled} if compiled else {}
        print_json({"operators": rows, "unusable_devices": unusable, **extra})
        return
    print_table(
        ["#", "operator", "output", "device", "kernel", "why", "passed over"],
        [
            (
                r["index"], r["type"], r["output"], r["device"], r["kernel"], r["why"],
                "; ".join(f"{k}: {why}" for k, why in r["passed_over"]),
            )
            for r in rows
        ],
    )  # fmt: skip
    for name, reason in unusable.items():
        console.print(f"[bold red]device {escape(name)} cannot be used here:[/] {escape(reason)}")
    if compiled:
        if compiled["tuning"]:
            print_races(compiled["tuning"])
        for line in compiled["log"]:
            console.print(escape(line))
        saved = 1 - compiled["arena_bytes"] / max(compiled["unshared_bytes"], 1)
        runner = compiled["runner"]
        native = "no native calls" if runner == "none" else f"native calls by the {runner} runner"
        console.print(
            f"{compiled['precision']}; {len(compiled['stages'])} stages; arena "
            f"{compiled['arena_bytes'] / 1e6:.2f} MB, {saved:.0%} less than without reuse; {native}"
        )


def _unusable(names: set[str]) -> dict[str, str]:
    """The devices of these names that do not work here, with the reasons."""
    registry = c2.registry.default()
    reasons = {name: probe(registry.device(name)) for name in sorted(names)}
    return {name: reason for name, reason in reasons.items() if reason is not None}


def explain_placement(proto: Any, specs: Any) -> list[dict[str, Any]]:
    """A row per operator, the copies that placement adds included."""
    registry = c2.registry.default()
    placed = place_net(check_net(proto, registry), registry, planned=True)
    inferred = infer_net(type(placed.checked)(proto, [op.checked for op in placed.ops]), specs)
    rows = []
    for one, known in zip(placed.ops, inferred.ops):
        row = {
            "index": one.checked.index, "type": one.checked.type,
            "output": ", ".join(one.checked.outputs), "device": one.device.name, "device_why": one.why,
        }  # fmt: skip
        if one.crosses is not None:
            row.update(kernel="copy", why=one.why, passed_over=[])
        else:
            row.update(_choice(registry, one, known))
        if one.why.startswith(FELL_BACK):
            row["why"] = f"{one.why}; {row['why']}"
        rows.append(row)
    return rows


def _choice(registry: Any, one: Any, known: Any) -> dict[str, Any]:
    op = one.checked
    try:
        choice = choose_kernel(
            registry, op.type, one.device.name, op.op.engine, known.inputs, op.args
        )
    except MissingKernel as error:
        return {"kernel": "none", "why": str(error), "passed_over": []}
    return {"kernel": choice.kernel.label, "why": choice.reason, "passed_over": choice.passed_over}


def _explain_passes(
    proto: Any,
    workspace: Any,
    shapes: dict[str, tuple[int, ...]],
    precision: str | None,
    tune: bool,
) -> dict[str, Any]:
    constants = workspace.blobs()
    for name, dims in shapes.items():
        workspace.feed(name, np.zeros(dims, np.float32))
    checked = check_net(proto)
    require_inputs(checked, workspace)
    how: dict[str, Any] = {"constants": constants, "precision": precision, "tune": tune or None}
    net = CompiledNet(checked, workspace, workspace.registry, **how)
    return dict(explained_passes(net.program()))
