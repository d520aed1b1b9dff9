"""`c2 draw`: a net as an SVG picture."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from c2.cli.models import InitOption, NetArgument, ShapeOption, parameters_of, read_net, specs_of
from c2.cli.output import Json, console, parse_shapes, print_json
from c2.graph.check import find_problems
from c2.graph.draw import draw_svg
from c2.graph.infer import infer_net
from c2.serialize.atomic import atomic_write


def draw(
    net: NetArgument,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Where to; NET.svg unless told.")
    ] = None,
    init: InitOption = None,
    shape: ShapeOption = None,
    parameters: Annotated[bool, typer.Option("--parameters", help="Draw weights too.")] = False,
    json: Json = False,
) -> None:
    """Draws operators as boxes and data flowing down, as an SVG that any browser shows."""
    proto, init_net = read_net(net, init)
    shapes = {}
    if init_net is not None or shape:
        specs = specs_of(parameters_of(init_net), parse_shapes(shape or []))
        blobs = infer_net(find_problems(proto), specs).blobs
        shapes = {n: s.shape for n, s in blobs.items() if s is not None and s.shape is not None}
    target = output or Path(f"{Path(net).name.split('.')[0]}.svg")
    svg = draw_svg(proto, shapes, parameters=parameters)
    with atomic_write(target) as file:
        file.write(svg.encode())
    print_json({"file": str(target), "bytes": len(svg)}) if json else console.print(
        f"wrote {target}"
    )
