"""The plugin page of c2-mkl, which registers nothing yet."""

from __future__ import annotations

from c2.plugins import hookimpl

C2_API_VERSION = 1

STATUS = "registers nothing yet"
DESCRIPTION = (
    f"{STATUS}; will hold "
    "oneDNN and MKL, called through cffi: kernels and native kernels for x86 CPUs, in "
    "blocked layouts and fp32, bf16 and int8"
)


@hookimpl
def c2_info() -> dict[str, str]:
    """Name, purpose and state of this plugin, as `c2 plugins` shows them."""
    return {"name": "c2-mkl", "summary": DESCRIPTION, "status": STATUS}
