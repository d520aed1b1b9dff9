"""Operators: what they are (schema), how they run (kernels), how they differentiate, how they are tested.

`default()` is the registry of c2-core's operators and of the plugins, filled at its first use.
"""

from __future__ import annotations

import threading

from c2.registry.arguments import REQUIRED, Arg
from c2.registry.device import CPUDevice, Device
from c2.registry.marks import Case, Operator, cases, gradient, kernel, native
from c2.registry.registry import Kernel, Registry
from c2.registry.schema import Mismatch, NoGradient, OpSchema, Tensor, require, same_as
from c2.registry.spec import ANY, BOOL, FLOAT, INDEX, INT, NUMBER, STRING, TensorSpec

__all__ = [
    "ANY",
    "BOOL",
    "FLOAT",
    "INDEX",
    "INT",
    "NUMBER",
    "REQUIRED",
    "STRING",
    "Arg",
    "CPUDevice",
    "Case",
    "Device",
    "Kernel",
    "Mismatch",
    "NoGradient",
    "OpSchema",
    "Operator",
    "Registry",
    "Tensor",
    "TensorSpec",
    "cases",
    "core_registry",
    "default",
    "gradient",
    "kernel",
    "native",
    "require",
    "same_as",
]  # fmt: skip

_lock = threading.RLock()
_default: Registry | None = None


def core_registry() -> Registry:
    """A new registry with the operators of c2-core alone."""
    import c2.ops

    registry = Registry()
    registry.add_device(CPUDevice())
    registry.add_package(c2.ops)
    return registry


def default() -> Registry:
    """The registry of this process, made at the first call: c2-core and every plugin that loads."""
    global _default
    with _lock:
        if _default is None:
            from c2.plugins.loader import load_plugins

            registry = core_registry()
            load_plugins(registry)
            _default = registry
    return _default
