"""The plugin page of c2-gloo: the communicator GLOO, for CPUs."""

from __future__ import annotations

from c2.plugins import hookimpl

C2_API_VERSION = 1
SUMMARY = "communicator GLOO: collectives of processes and machines over TCP, with deadlines"


@hookimpl
def c2_info() -> dict[str, str]:
    """Name and purpose. Raises PluginError where the C++ part was not built."""
    from c2_gloo.library import check_built

    check_built()
    return {"name": "c2-gloo", "summary": SUMMARY}


@hookimpl
def c2_communicators() -> dict[str, str]:
    """Gloo's, under the engine name that Caffe2's operators carry."""
    return {"GLOO": "c2_gloo.communicator:GlooCommunicator"}


@hookimpl
def c2_probe() -> dict[str, str]:
    """Loads Gloo and joins a job of one rank."""
    from c2.communicate.store import MemoryStore
    from c2_gloo.address import outward_address
    from c2_gloo.communicator import GlooCommunicator

    GlooCommunicator.open(0, 1, MemoryStore()).close()
    return {"transport": "TCP", "address to other machines": outward_address()}
