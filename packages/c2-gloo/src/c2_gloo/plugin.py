"""The plugin page of c2-gloo, which registers nothing yet."""

from __future__ import annotations

from c2.plugins import hookimpl

C2_API_VERSION = 1

STATUS = "registers nothing yet"
DESCRIPTION = (
    f"{STATUS}; will hold "
    "the communicator for CPUs: Gloo through cffi, and Caffe2's distributed operators"
)


@hookimpl
def c2_info() -> dict[str, str]:
    """Name, purpose and state of this plugin, as `c2 plugins` shows them."""
    return {"name": "c2-gloo", "summary": DESCRIPTION, "status": STATUS}
