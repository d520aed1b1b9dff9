"""What a plugin may bring. Each hook is called once, without arguments, when plugins are loaded.

A plugin implements the hooks it needs, and none of them may open a driver or a native library: they
return names and light objects, and the native part is loaded at first use. A hook may return None:
nothing on this machine.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import ModuleType
from typing import Any

import pluggy

from c2.registry.device import Device

hookspec = pluggy.HookspecMarker("c2")

# Hooks that return name -> object; what they give is found by `c2.plugins.provided(kind)`.
NAMED = ("communicators", "models", "databases", "commands")
HOOKS = (
    "c2_info", "c2_devices", "c2_operators", "c2_kernels", "c2_engines", "c2_probe",
    *(f"c2_{kind}" for kind in NAMED),
)  # fmt: skip


@hookspec
def c2_info() -> Mapping[str, str] | None:
    """Facts about the plugin for `c2 plugins`: at least "name" and "summary".

    Example:
        return {"name": "c2-fpga", "summary": "the FPGA device"}
    """
    return None


@hookspec
def c2_devices() -> Iterable[Device] | None:
    """Devices: objects of subclasses of `c2.registry.Device`. Making one must not touch its driver.

    Example:
        return [FpgaDevice()]
    """
    return None


@hookspec
def c2_operators() -> Iterable[ModuleType | str] | None:
    """Modules (or dotted names) that define new operators: schemas, kernels, gradients, cases.

    A package stands for all modules under it.

    Example:
        return ["c2_fpga.operators"]
    """
    return None


@hookspec
def c2_kernels() -> Iterable[ModuleType | str] | None:
    """Modules (or dotted names) with kernels and native kernels for operators of others.

    A package stands for all modules under it. Registered after `c2_operators`.

    Example:
        return ["c2_fpga.kernels"]
    """
    return None


@hookspec
def c2_engines() -> Mapping[str, Iterable[str]] | None:
    """Engines to prefer from now on where an operator names none: device -> engines, best first.

    They stand behind what earlier plugins (by name) prefer, and before the reference kernels; users change the order
    with `registry.prefer_engines`. An engine of another plugin may be named to stand before it, should it be there:
    ["NNPACK", "MKL"] puts NNPACK before MKL whichever plugin is loaded first, and asks for neither.

    Example:
        return {"CPU": ["MKL"]}
    """
    return None


@hookspec
def c2_probe() -> Mapping[str, str] | None:
    """Really tries what the plugin rests on, for `c2 doctor`, which alone calls it: here a library may be loaded.

    Returns facts to show (versions, what the machine offers); raises PluginError with the reason where it fails.

    Example:
        return {"oneDNN": "3.2.0", "instructions": "AVX-512"}
    """
    return None


@hookspec
def c2_communicators() -> Mapping[str, Any] | None:
    """Communicators by name: a class that connects the processes of a job, or "module:attribute".

    Example:
        return {"mpi": "c2_mpi.communicator:MPICommunicator"}
    """
    return None


@hookspec
def c2_models() -> Mapping[str, Any] | None:
    """Models by name: a function without required arguments that returns one, or "module:attribute".

    Example:
        return {"lenet": "my_zoo.lenet:load"}
    """
    return None


@hookspec
def c2_databases() -> Mapping[str, Any] | None:
    """Databases by the name that `db_type` gives: the class that opens one, or "module:attribute".

    Example:
        return {"lmdb": "my_lmdb.database:LMDB"}
    """
    return None


@hookspec
def c2_commands() -> Mapping[str, Any] | None:
    """Subcommands of `c2` by name: a function or a typer application, or "module:attribute".

    Example:
        return {"fpga": "c2_fpga.cli:app"}
    """
    return None
