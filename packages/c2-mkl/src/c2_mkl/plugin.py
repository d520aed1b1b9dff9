"""The plugin page of c2-mkl: the engine MKL, native kernels of oneDNN for float32 nets on x86 CPUs."""

from __future__ import annotations

from c2.plugins import hookimpl

C2_API_VERSION = 1
SUMMARY = (
    "engine MKL: oneDNN and vectorised C as native kernels of compiled nets, float32 on x86 CPUs"
)


@hookimpl
def c2_info() -> dict[str, str]:
    """Name, purpose and the library that was found. Raises PluginError where this is no machine for it."""
    from c2_mkl.instructions import cpu_title
    from c2_mkl.library import check_machine, find_library

    check_machine()
    path = find_library()
    return {
        "name": "c2-mkl",
        "summary": SUMMARY,
        "oneDNN": path,
        "instructions": cpu_title(),
    }


@hookimpl
def c2_kernels() -> list[str]:
    """Builders of native kernels; they load oneDNN when the first one is built."""
    return ["c2_mkl.native", "c2_mkl.reduced", "c2_mkl.int8"]


@hookimpl
def c2_engines() -> dict[str, list[str]]:
    """Whoever installs c2-mkl wants it used."""
    return {"CPU": ["MKL"]}


@hookimpl
def c2_probe() -> dict[str, str]:
    """Loads oneDNN and says what it is."""
    from c2_mkl.library import onednn

    return onednn().describe()
