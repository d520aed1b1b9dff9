"""The plugin page of c2-zoo, which registers nothing yet."""

from __future__ import annotations

from c2.plugins import hookimpl

C2_API_VERSION = 1

STATUS = "registers nothing yet"
DESCRIPTION = (
    f"{STATUS}; will hold "
    "models that work offline, a registry of downloadable ones, data sets, pre- and "
    "post-processing"
)


@hookimpl
def c2_info() -> dict[str, str]:
    """Name, purpose and state of this plugin, as `c2 plugins` shows them."""
    return {"name": "c2-zoo", "summary": DESCRIPTION, "status": STATUS}
