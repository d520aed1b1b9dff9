"""The plugin page of c2-onnx, which registers nothing yet."""

from __future__ import annotations

from c2.plugins import hookimpl

C2_API_VERSION = 1

STATUS = "registers nothing yet"
DESCRIPTION = (
    f"{STATUS}; will hold ONNX in and out: reading ONNX models as nets, writing nets as ONNX models"
)


@hookimpl
def c2_info() -> dict[str, str]:
    """Name, purpose and state of this plugin, as `c2 plugins` shows them."""
    return {"name": "c2-onnx", "summary": DESCRIPTION, "status": STATUS}
