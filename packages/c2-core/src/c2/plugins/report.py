"""What became of a plugin, and what plugins offer by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from c2.errors import PluginError

LOADED = "loaded"
DECLINED = "declined"  # another API version, or the plugin says itself that it does not want to
FAILED = "failed"
DISABLED = "disabled"  # by C2_DISABLE_PLUGINS
QUARANTINED = "quarantined"  # the last process that loaded it died of it


@dataclass
class PluginReport:
    """One installed plugin.

    Attributes:
        name: of the entry point, by which `C2_DISABLE_PLUGINS` and `c2 plugins --retry` know it.
        distribution, version: the package that brought it.
        status: "loaded", "declined", "failed", "disabled" or "quarantined".
        reason: one line, where it is not loaded.
        traceback: of what it raised, or where it stood when its time was up.
        info: what its `c2_info` returned.
        registered: kind ("devices", "operators", "kernels", ...) -> names.
        notes: what is odd about a plugin that was loaded.
        seconds: that loading took.
        probe: its hook `c2_probe`, or None.
    """

    name: str
    distribution: str
    version: str
    status: str = LOADED
    reason: str = ""
    traceback: str = ""
    info: dict[str, str] = field(default_factory=dict)
    registered: dict[str, list[str]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0
    probe: Callable[[], Mapping[str, str] | None] | None = None

    @property
    def counts(self) -> dict[str, int]:
        return {kind: len(names) for kind, names in self.registered.items()}

    def summary(self) -> str:
        """The plugin in a line, and its notes in a line each."""
        if self.status == LOADED:
            said = ", ".join(
                f"{n} {kind if n != 1 else kind[:-1]}" for kind, n in self.counts.items()
            )
            text = f"{said or 'registers nothing'} ({self.seconds * 1e3:.0f} ms)"
        else:
            text = self.reason
        lines = [f"{self.name} ({self.distribution} {self.version}) {self.status}: {text}"]
        return "\n".join(lines + [f"  note: {n}" for n in self.notes])


@dataclass(frozen=True)
class Provided:
    """Something a plugin offers by name; the code behind it is imported by `load`."""

    kind: str
    name: str
    target: Any
    source: str

    def load(self) -> Any:
        """The object itself.

        Raises:
            PluginError: "module:attribute" leads nowhere.
        """
        if not isinstance(self.target, str):
            return self.target
        module, _, attribute = self.target.partition(":")
        try:
            return getattr(import_module(module), attribute)
        except (ImportError, AttributeError) as error:
            raise PluginError(
                f"'{self.name}' in {self.kind} of {self.source} stands for '{self.target}', which cannot "
                f"be loaded: {error}"
            ) from error
