"""`c2 check`: all problems of a net at once."""

from __future__ import annotations

import typer

from c2.cli.models import InitOption, NetArgument, ShapeOption, parameters_of, read_net, specs_of
from c2.cli.output import Json, console, escape, parse_shapes, print_json
from c2.graph.check import find_problems
from c2.graph.infer import infer_net


def check(
    net: NetArgument,
    init: InitOption = None,
    shape: ShapeOption = None,
    json: Json = False,
) -> None:
    """Checks every operator against its schema, and shapes as far as they are known; exits with 1 on problems."""
    proto, init_net = read_net(net, init)
    checked = find_problems(proto)
    problems = [str(p) for p in checked.problems]
    if init_net is not None or shape:
        specs = specs_of(parameters_of(init_net), parse_shapes(shape or []))
        problems += [str(p) for p in infer_net(checked, specs).problems]
    if json:
        report = {
            "net": proto.name,
            "operators": len(proto.op),
            "problems": problems,
            "warnings": checked.warnings,
        }
        print_json(report)
    else:
        for text in problems:
            console.print(f"[bold red]problem[/] {escape(text)}")
        for text in checked.warnings:
            console.print(f"[yellow]warning[/] {escape(text)}")
        count = f"{len(problems)} problems" if len(problems) != 1 else "1 problem"
        console.print(
            f"net '{escape(proto.name)}': {len(proto.op)} operators, {count}, {len(checked.warnings)} warnings"
        )
    if problems:
        raise typer.Exit(1)
