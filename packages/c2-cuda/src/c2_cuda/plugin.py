"""The plugin page of c2-cuda, which registers nothing yet."""

from __future__ import annotations

from c2.plugins import hookimpl

C2_API_VERSION = 1

STATUS = "registers nothing yet"
DESCRIPTION = (
    f"{STATUS}; will hold "
    "the CUDA device: CuPy arrays, cuDNN and cuBLASLt through cffi, NCCL, CUDA graphs"
)


@hookimpl
def c2_info() -> dict[str, str]:
    """Name, purpose and state of this plugin, as `c2 plugins` shows them."""
    return {"name": "c2-cuda", "summary": DESCRIPTION, "status": STATUS}
