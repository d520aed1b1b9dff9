"""Asks a plugin what it brings: imports it, checks it, calls its hooks. Registers nothing.

All foreign code runs in here, so that the loader can put a limit and a mark around it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pkgutil import walk_packages
from types import ModuleType
from typing import Any

import pluggy

from c2.errors import PluginError, did_you_mean
from c2.plugins import API_VERSION, hookspecs
from c2.registry.device import Device
from c2.registry.marks import Mark, marks_of


class BadPlugin(Exception):
    """A plugin is not written as the contract says; its author has to mend it."""


@dataclass(frozen=True)
class Contribution:
    """What a plugin brings, imported and checked."""

    info: dict[str, str] = field(default_factory=dict)
    devices: list[Device] = field(default_factory=list)
    modules: list[ModuleType] = field(default_factory=list)
    named: dict[str, dict[str, Any]] = field(default_factory=dict)
    engines: dict[str, list[str]] = field(default_factory=dict)
    probe: Callable[[], Mapping[str, str] | None] | None = None

    def marks(self) -> Iterator[Mark]:
        """What the decorators marked in the modules."""
        for module in self.modules:
            for value in vars(module).values():
                if callable(value):
                    for mark in marks_of(value):
                        if mark.function.__module__ == module.__name__:
                            yield mark


def collect(plugin: Any) -> Contribution:
    """Calls every hook of a plugin, after its API version was found right.

    Raises:
        PluginError: written for another API version; also what plugins raise themselves to decline.
        BadPlugin: not written as the contract says.
    """
    check_version(plugin)
    caller = _hook_caller(plugin)

    def call(hook: str) -> Any:
        results = getattr(caller, hook)()
        return results[0] if results else None

    named_modules = [*_items("c2_operators", call), *_items("c2_kernels", call)]
    return Contribution(
        info={str(k): str(v) for k, v in _mapping("c2_info", call).items()},
        devices=[_device(d) for d in _items("c2_devices", call)],
        modules=[m for named in named_modules for m in _modules(named)],
        named={kind: _targets(f"c2_{kind}", call) for kind in hookspecs.NAMED},
        engines=_engines(call),
        probe=getattr(plugin, "c2_probe", None),
    )


def check_version(plugin: Any) -> None:
    """Stands before everything else: the hooks of another version may mean other things."""
    version = getattr(plugin, "C2_API_VERSION", None)
    if version is None:
        raise BadPlugin(
            f"C2_API_VERSION is missing: write C2_API_VERSION = {API_VERSION} into the plugin"
        )
    if version != API_VERSION:
        older = isinstance(version, int) and version < API_VERSION
        raise PluginError(
            f"written for plugin API {version!r}, this c2-core has {API_VERSION}: upgrade "
            + ("the plugin" if older else "c2-core")
        )


def _hook_caller(plugin: Any) -> Any:
    """pluggy's caller of this plugin's hooks alone, so that no plugin can spoil another's."""
    manager = pluggy.PluginManager("c2")
    manager.add_hookspecs(hookspecs)
    try:
        manager.register(plugin)
    except pluggy.PluginValidationError as error:
        raise BadPlugin(" ".join(str(error).split())) from None
    for caller in manager.get_hookcallers(plugin) or ():
        if not caller.has_spec():
            near = did_you_mean(caller.name, hookspecs.HOOKS)
            raise BadPlugin(
                f"{caller.name} is marked as a hook, but there is none of that name.{near}"
            )
    for hook in hookspecs.HOOKS:
        if (
            callable(getattr(plugin, hook, None))
            and manager.parse_hookimpl_opts(plugin, hook) is None
        ):
            raise BadPlugin(
                f"{hook} is not marked, it would not be called: write @hookimpl above it"
            )
    return manager.hook


def _items(hook: str, call: Any) -> list[Any]:
    value = call(hook)
    if value is None:
        return []
    if isinstance(value, (str, bytes, Mapping)) or not isinstance(value, Iterable):
        raise BadPlugin(f"{hook} must return a list, got {value!r}")
    return list(value)


def _mapping(hook: str, call: Any) -> Mapping[Any, Any]:
    value = call(hook)
    if value is not None and not isinstance(value, Mapping):
        raise BadPlugin(f"{hook} must return a dictionary, got {value!r}")
    return value or {}


def _engines(call: Any) -> dict[str, list[str]]:
    found = _mapping("c2_engines", call)
    for device, engines in found.items():
        listed = isinstance(engines, (list, tuple)) and all(isinstance(e, str) for e in engines)
        if not isinstance(device, str) or not listed:
            raise BadPlugin(
                f"c2_engines must return device -> list of engines, got {device!r}: {engines!r}"
            )
    return {device: list(engines) for device, engines in found.items()}


def _device(value: Any) -> Device:
    if not isinstance(value, Device) or not value.name:
        raise BadPlugin(
            f"c2_devices must return c2.registry.Device objects with a name, got {value!r}"
        )
    return value


def _targets(hook: str, call: Any) -> dict[str, Any]:
    found = {}
    for name, target in _mapping(hook, call).items():
        dotted = isinstance(target, str) and not all(target.partition(":"))
        if not isinstance(name, str) or dotted or not (isinstance(target, str) or callable(target)):
            raise BadPlugin(
                f'{hook} must return name -> something to call, or "module:attribute", '
                f"got {name!r}: {target!r}"
            )
        found[name] = target
    return found


def _modules(named: ModuleType | str) -> Iterator[ModuleType]:
    """A module, and those under it where it is a package."""
    if not isinstance(named, (str, ModuleType)):
        raise BadPlugin(f"expected a module or its dotted name, got {named!r}")
    module = import_module(named) if isinstance(named, str) else named
    yield module
    for info in walk_packages(getattr(module, "__path__", ()), module.__name__ + "."):
        yield import_module(info.name)
