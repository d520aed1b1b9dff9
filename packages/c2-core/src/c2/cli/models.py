"""What commands accept as a net: a file, a folder of init_net and predict_net, or a model of a plugin by name."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from c2.errors import FormatError, MissingBlob
from c2.execute.workspace import Workspace
from c2.graph.check import CheckedNet
from c2.registry import TensorSpec
from c2.registry.spec import spec_of
from c2.serialize.messages import load_net
from c2.serialize.model_files import load_model

NetArgument = Annotated[
    str, typer.Argument(help="A net (.pb, .pbtxt) or a folder of init_net and predict_net.")
]
InitOption = Annotated[
    str | None, typer.Option(help="The init net, so that shapes of parameters are known.")
]
PrecisionOption = Annotated[
    str | None,
    typer.Option(
        help="What to compute in: fp32, bf16, int8. Else what the net asks for, else fp32."
    ),
]
ShapeOption = Annotated[
    list[str] | None, typer.Option(help="Shape of an input, as in data=1,3,224,224.")
]


def read_net(path: str, init: str | None = None) -> tuple[Any, Any | None]:
    """(net, init net or None) from a file or a model folder.

    Raises:
        FormatError: nothing is there, or it is no net.
    """
    place = Path(path)
    if place.is_dir():
        init_net, net = load_model(place)
        return net, init_net
    if not place.exists():
        raise FormatError(
            f"there is neither a file nor a folder {path}. Models of plugins by name: c2 info"
        )
    return load_net(place), load_net(init) if init else None


def require_inputs(checked: CheckedNet, workspace: Workspace) -> None:
    """Raises MissingBlob, with the options that help, where an input of the net is unknown."""
    missing = [n for n in checked.needs() if not workspace.has(n)]
    if missing:
        raise MissingBlob(
            f"nothing is known of the inputs {missing}: give --init, or --shape for each"
        )


def parameters_of(init_net: Any | None) -> Workspace:
    """A workspace in which the init net was run."""
    workspace = Workspace()
    if init_net is not None:
        workspace.run_once(init_net)
    return workspace


def specs_of(
    workspace: Workspace, shapes: Mapping[str, tuple[int, ...]]
) -> dict[str, TensorSpec | None]:
    """Specs of everything in a workspace, and of named shapes as float32."""
    specs = {name: spec_of(workspace.blob(name).value) for name in workspace.blobs()}
    found: dict[str, TensorSpec | None] = {
        n: TensorSpec(s.shape, s.dtype) for n, s in specs.items() if s is not None
    }
    found.update({n: TensorSpec(s, "float32") for n, s in shapes.items()})  # type: ignore[arg-type]
    return found
