"""The plugin page of c2-zoo: models that work offline, and `c2 demo`."""

from __future__ import annotations

from functools import partial
from typing import Any

from c2.plugins import hookimpl

C2_API_VERSION = 1

STATUS = "works"
DESCRIPTION = "models that work offline, data sets, and the demo: classify, train, plot, export"


@hookimpl
def c2_info() -> dict[str, str]:
    """Name, purpose and state of this plugin, as `c2 plugins` shows them."""
    return {"name": "c2-zoo", "summary": DESCRIPTION, "status": STATUS}


@hookimpl
def c2_models() -> dict[str, Any]:
    """Every folder under `c2_zoo/models` that holds a model."""
    from c2_zoo import models

    return {name: partial(models.load, name) for name in models.names()}


@hookimpl
def c2_commands() -> dict[str, str]:
    """`c2 demo`."""
    return {"demo": "c2_zoo.cli:demo"}
