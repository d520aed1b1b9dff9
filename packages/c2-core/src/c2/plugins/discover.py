"""Which plugins are installed, and what the environment says about them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import metadata
from typing import Any

from c2.errors import PluginError, did_you_mean

GROUP = "c2"
DEFAULT_SECONDS = 10.0


@dataclass(frozen=True)
class Found:
    """An installed plugin, not imported yet. `load` imports it."""

    name: str
    distribution: str
    version: str
    load: Callable[[], Any]


def find_plugins() -> list[Found]:
    """The entry points of group `c2`, by name and distribution."""
    found = []
    for entry_point in metadata.entry_points(group=GROUP):
        distribution, version = _name_and_version(entry_point.dist)
        found.append(Found(entry_point.name, distribution, version, entry_point.load))
    return sorted(found, key=lambda f: (f.name, f.distribution))


def _name_and_version(distribution: metadata.Distribution | None) -> tuple[str, str]:
    """From the first lines of the metadata: the library would parse all of it, README included."""
    text = (
        distribution and (distribution.read_text("METADATA") or distribution.read_text("PKG-INFO"))
    ) or ""
    fields = dict(
        line.split(": ", 1) for line in text.partition("\n\n")[0].splitlines() if ": " in line
    )
    return fields.get("Name", "unknown"), fields.get("Version", "unknown")


@dataclass(frozen=True)
class Settings:
    """What the environment says.

    Attributes:
        disabled: names of plugins or distributions in `C2_DISABLE_PLUGINS`; "1" or "all" for all.
        strict: `C2_STRICT_PLUGINS=1`: a plugin that cannot be loaded is an error.
        seconds: `C2_PLUGIN_TIMEOUT`: what loading one plugin may take; 0 for no limit.
    """

    disabled: frozenset[str] = frozenset()
    strict: bool = False
    seconds: float = DEFAULT_SECONDS

    @classmethod
    def from_environment(cls) -> Settings:
        names = (n.strip() for n in os.environ.get("C2_DISABLE_PLUGINS", "").split(","))
        strict = os.environ.get("C2_STRICT_PLUGINS", "") not in ("", "0")
        return cls(frozenset(n for n in names if n not in ("", "0")), strict, _seconds())

    def disables(self, plugin: Found) -> bool:
        return bool(self.disabled & {"1", "all", plugin.name, plugin.distribution})

    def unknown(self, plugins: Iterable[Found]) -> list[str]:
        """What is wrong with `disabled`: names that no installed plugin has."""
        known = {n for p in plugins for n in (p.name, p.distribution)}
        return [
            f"C2_DISABLE_PLUGINS names '{name}', which is not installed.{did_you_mean(name, known)}"
            for name in sorted(self.disabled - known - {"1", "all"})
        ]


def _seconds() -> float:
    text = os.environ.get("C2_PLUGIN_TIMEOUT", "")
    try:
        seconds = float(text) if text else DEFAULT_SECONDS
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < 1e6:
        raise PluginError(f"C2_PLUGIN_TIMEOUT must be seconds (0 for no limit), got {text!r}")
    return seconds
