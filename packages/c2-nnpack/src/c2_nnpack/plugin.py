"""The plugin page of c2-nnpack, which registers nothing yet."""

from __future__ import annotations

from c2.plugins import hookimpl

C2_API_VERSION = 1

STATUS = "registers nothing yet"
DESCRIPTION = (
    f"{STATUS}; will hold Winograd and FFT convolutions in C for any CPU, as Caffe2's engine NNPACK"
)


@hookimpl
def c2_info() -> dict[str, str]:
    """Name, purpose and state of this plugin, as `c2 plugins` shows them."""
    return {"name": "c2-nnpack", "summary": DESCRIPTION, "status": STATUS}
