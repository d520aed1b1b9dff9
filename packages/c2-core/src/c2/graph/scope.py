"""Name scopes and device scopes, local to the context (thread or task) that opened them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

SEPARATOR = "/"
_names: ContextVar[str] = ContextVar("c2_name_scope", default="")
_devices: ContextVar[Any] = ContextVar("c2_device_scope", default=None)


def current_name_scope() -> str:
    """The prefix that string names get now: empty, or ending in a slash."""
    return _names.get()


def current_device_scope() -> Any:
    """The DeviceOption of the innermost device scope, or None."""
    return _devices.get()


@contextmanager
def name_scope(prefix: str, *, reset: bool = False) -> Iterator[str]:
    """Puts `prefix/` before the names of blobs given as strings; BlobReferences are taken as they are.

    Args:
        reset: forget the outer scopes.
    """
    outer = "" if reset else _names.get()
    token = _names.set(outer + prefix + SEPARATOR if prefix else outer)
    try:
        yield _names.get()
    finally:
        _names.reset(token)


@contextmanager
def device_scope(option: Any) -> Iterator[Any]:
    """Operators created inside run on this device. A nested scope inherits node_name and adds extra_info.

    Args:
        option: a DeviceOption, or a device name such as "CPU" or "CUDA:1".
    """
    from c2.graph.device import as_device_option

    new, outer = as_device_option(option), _devices.get()
    if outer is not None:
        if not new.node_name and outer.node_name:
            new.node_name = outer.node_name
        new.extra_info.extend(i for i in outer.extra_info if i not in new.extra_info)
    token = _devices.set(new)
    try:
        yield new
    finally:
        _devices.reset(token)
