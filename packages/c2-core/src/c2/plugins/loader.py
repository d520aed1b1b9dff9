"""Loads the installed plugins into a registry: each by itself, so that a broken one costs only itself.

`c2.registry.default()` calls `load_plugins`. What became of each plugin: `c2.plugins.reports()`, `c2 plugins`.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from weakref import WeakKeyDictionary

from c2.errors import DuplicateRegistration, PluginError, did_you_mean
from c2.plugins.collect import Contribution, collect
from c2.plugins.discover import Found, Settings, find_plugins
from c2.plugins.hookspecs import NAMED
from c2.plugins.quarantine import Quarantined, loading
from c2.plugins.report import DECLINED, DISABLED, FAILED, LOADED, QUARANTINED, PluginReport, Provided
from c2.plugins.time_limit import TimeIsUp, run_within
from c2.registry import Registry, default
from c2.registry.marks import PORTABLE


@dataclass
class Loaded:
    """The plugins of one registry: their reports, and what they offer by kind and name."""

    reports: list[PluginReport] = field(default_factory=list)
    provided: dict[str, dict[str, Provided]] = field(default_factory=lambda: {kind: {} for kind in NAMED})


_loaded: WeakKeyDictionary[Registry, Loaded] = WeakKeyDictionary()


def loaded_into(registry: Registry | None = None) -> Loaded:
    """What was loaded into a registry; the default registry unless told."""
    return _loaded.setdefault(registry if registry is not None else default(), Loaded())


def load_plugins(
    registry: Registry, plugins: Sequence[Found] | None = None, settings: Settings | None = None
) -> list[PluginReport]:
    """Loads every installed plugin (or `plugins`) into the registry.

    Raises:
        PluginError: in strict mode, after all were tried, where one could not be loaded.
        KeyboardInterrupt: passes through.
    """
    plugins = find_plugins() if plugins is None else plugins
    settings = settings or Settings.from_environment()
    loaded = loaded_into(registry)
    for plugin in plugins:
        loaded.reports.append(_load(registry, loaded, plugin, settings))
    _note_orphans(registry, loaded.reports)
    bad = [r for r in loaded.reports if r.status in (DECLINED, FAILED, QUARANTINED)]
    if bad and settings.strict:
        texts = [f"{r.summary()}\n{r.traceback}".rstrip() for r in bad]
        raise PluginError("C2_STRICT_PLUGINS is set, and not every plugin could be loaded:\n" + "\n".join(texts))
    _warn([f"plugin {r.summary()}" for r in bad] + settings.unknown(plugins))
    return list(loaded.reports)


def _load(registry: Registry, loaded: Loaded, plugin: Found, settings: Settings) -> PluginReport:
    report = PluginReport(plugin.name, plugin.distribution, plugin.version)
    if settings.disables(plugin):
        report.status, report.reason = DISABLED, "C2_DISABLE_PLUGINS names it"
        return report
    start = time.perf_counter()
    try:
        _refuse_taken_name(plugin, loaded.reports)
        contribution = _ask(plugin, settings.seconds)
        _register(registry, loaded, plugin, contribution, report)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # SystemExit, RecursionError, ...: one plugin must not end the others
        report.status, report.reason, report.traceback = _explain(error)
    report.seconds = time.perf_counter() - start
    return report


def _ask(plugin: Found, seconds: float) -> Contribution:
    """Runs the plugin's own code. Only what it returns in time can be registered."""
    with loading(plugin.name, plugin.distribution, plugin.version):
        return run_within(seconds, lambda: collect(plugin.load()), f"c2 plugin {plugin.name}")


def _explain(error: BaseException) -> tuple[str, str, str]:
    """Status, reason and traceback for what stopped a plugin."""
    if isinstance(error, Quarantined):
        return QUARANTINED, str(error), ""
    if isinstance(error, TimeIsUp):
        reason = (
            f"{error}; its thread was left behind, and importing it elsewhere in this process may wait too. "
            "Give it more time with C2_PLUGIN_TIMEOUT (seconds), or leave it out with C2_DISABLE_PLUGINS"
        )
        return FAILED, reason, error.stack
    lines = "".join(traceback.format_exception(error))
    if isinstance(error, PluginError):
        return DECLINED, str(error), lines
    said = str(error).strip().partition("\n")[0]
    return FAILED, f"{type(error).__name__}: {said}" if said else type(error).__name__, lines


def _register(
    registry: Registry, loaded: Loaded, plugin: Found, contribution: Contribution, report: PluginReport
) -> None:
    """All of the contribution, or nothing of it."""
    source = plugin.distribution
    before = _contents(registry)
    with registry.transaction():
        for device in contribution.devices:
            registry.add_device(device, source)
        for module in contribution.modules:
            registry.add_module(module, source)
        named = _named(loaded, contribution, source)
    for provided in named:
        loaded.provided[provided.kind][provided.name] = provided
    report.info = contribution.info
    after = _contents(registry)
    found = {kind: sorted(after[kind] - before[kind]) for kind in after}
    found.update({kind: [p.name for p in named if p.kind == kind] for kind in NAMED})
    report.registered = {kind: names for kind, names in found.items() if names}


def _named(loaded: Loaded, contribution: Contribution, source: str) -> list[Provided]:
    named = [Provided(k, n, t, source) for k, targets in contribution.named.items() for n, t in targets.items()]
    for one in named:
        other = loaded.provided[one.kind].get(one.name)
        if other is not None:
            raise DuplicateRegistration(
                f"'{one.name}' in {one.kind} of {source} is already registered by {other.source}. "
                "Uninstall one of them, or disable one with C2_DISABLE_PLUGINS"
            )
    return named


def _refuse_taken_name(plugin: Found, reports: list[PluginReport]) -> None:
    for other in reports:
        if other.name == plugin.name:
            raise DuplicateRegistration(
                f"two plugins have the name '{plugin.name}': of {other.distribution} and of {plugin.distribution}. "
                "Uninstall one of them, or disable one by its distribution's name with C2_DISABLE_PLUGINS"
            )


def _contents(registry: Registry) -> dict[str, set[str]]:
    """What a registry holds, as names for people."""
    types = registry.kernel_types()
    kernels = [k for t in types for k in registry.kernels(t)]
    natives = [m for t in types for m in registry.natives(t)]
    return {
        "devices": {d.name for d in registry.devices()},
        "operators": set(registry.types()),
        "kernels": {_label(k.type, k.device, k.engine) for k in kernels},
        "native kernels": {_label(m.type, m.device, m.engine) for m in natives},
    }
