"""The plugin page of c2-caffe2, which registers nothing yet."""

from __future__ import annotations

from c2.plugins import hookimpl

C2_API_VERSION = 1

STATUS = "registers nothing yet"
DESCRIPTION = (
    f"{STATUS}; will hold "
    "caffe2.python.* and caffe2.proto.* over c2, so that existing scripts run unchanged"
)


@hookimpl
def c2_info() -> dict[str, str]:
    """Name, purpose and state of this plugin, as `c2 plugins` shows them."""
    return {"name": "c2-caffe2", "summary": DESCRIPTION, "status": STATUS}
