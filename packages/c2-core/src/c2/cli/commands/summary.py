"""`c2 summary`: a net as a table of shapes, parameters, arithmetic and memory."""

from __future__ import annotations

from c2.cli.models import InitOption, NetArgument, ShapeOption, parameters_of, read_net, specs_of
from c2.cli.output import Json, console, escape, parse_shapes, print_json
from c2.graph.summary import summarize


def summary(
    net: NetArgument,
    init: InitOption = None,
    shape: ShapeOption = None,
    json: Json = False,
) -> None:
    """Operators with output shapes, parameters, FLOPs and memory."""
    proto, init_net = read_net(net, init)
    workspace = parameters_of(init_net)
    made = workspace.blobs()
    result = summarize(
        proto,
        specs_of(workspace, parse_shapes(shape or [])),
        made if init_net is not None else None,
    )
    print_json(result.as_dict()) if json else console.print(escape(str(result)))
