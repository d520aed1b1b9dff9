"""The plugin page of c2-nnpack: the engine NNPACK, convolutions by Winograd's method for compiled nets."""

from __future__ import annotations

from c2.plugins import hookimpl

C2_API_VERSION = 1
SUMMARY = "engine NNPACK: convolutions 3x3 by Winograd's method as native kernels of compiled nets, float32"


@hookimpl
def c2_info() -> dict[str, str]:
    """Name and purpose. Raises PluginError where the C part was not built."""
    from c2_nnpack.kernels import check_built

    check_built()
    return {"name": "c2-nnpack", "summary": SUMMARY}


@hookimpl
def c2_kernels() -> list[str]:
    """Builders of native kernels; they load the C part when the first one is built."""
    return ["c2_nnpack.native", "c2_nnpack.simple"]


@hookimpl
def c2_engines() -> dict[str, list[str]]:
    """Before MKL, should that be installed: NNPACK declines every convolution that it would not make faster."""
    return {"CPU": ["NNPACK", "MKL"]}


@hookimpl
def c2_probe() -> dict[str, str]:
    """Loads the C part and says which vectors and whose threads it computes with."""
    from c2_nnpack.kernels import INSTRUCTIONS, openmp, vector_lanes
    from c2_nnpack.threads import NAME

    found = openmp()
    threads = found.name if found else f"none, one thread: {NAME} was not found"
    return {
        "instructions": INSTRUCTIONS[vector_lanes()],
        "threads by": threads,
        "provider": _provider(),
    }


def _provider() -> str:
    """Who computes convolutions, and whether there is a library that could."""
    from c2.errors import PluginError
    from c2_nnpack.library import PROVIDER, find_library, library, provider

    if provider() == "library":
        return f"NNPACK library {library().path}"
    try:
        return f"own kernels ({PROVIDER}=library would use {find_library()})"
    except PluginError:
        return "own kernels (no NNPACK library was found)"
