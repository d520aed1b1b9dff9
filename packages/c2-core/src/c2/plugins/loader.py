"""Loads the installed plugins into a registry: each by itself, so that a broken one stays alone.

`c2.registry.default()` calls `load_plugins`; `c2.plugins.reports()` and `c2 plugins` tell what came of it.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

from c2.errors import DuplicateRegistration, PluginError, did_you_mean
from c2.plugins import core
from c2.plugins.collect import BadPlugin, Contribution, collect
from c2.plugins.discover import Found, Settings, find_plugins
from c2.plugins.hookspecs import NAMED
from c2.plugins.quarantine import Quarantined, loading
from c2.plugins.report import (
    DECLINED,
    DISABLED,
    FAILED,
    QUARANTINED,
    PluginReport,
    Provided,
)
from c2.plugins.time_limit import TimeIsUp, run_within
from c2.registry import Registry, default
from c2.registry.marks import PORTABLE


@dataclass
class Loaded:
    """The plugins of one registry: their reports, and what is offered by kind and name."""

    reports: list[PluginReport] = field(default_factory=list)
    provided: dict[str, dict[str, Provided]] = field(
        default_factory=lambda: {kind: {} for kind in NAMED}
    )
    contributions: list[tuple[PluginReport, Contribution]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.offer(self.named(collect(core), core.SOURCE))

    def named(self, contribution: Contribution, source: str) -> list[Provided]:
        """What a contribution offers by name. Raises DuplicateRegistration where a name is taken."""
        found = [
            Provided(kind, name, target, source)
            for kind, targets in contribution.named.items()
            for name, target in targets.items()
        ]
        for one in found:
            other = self.provided[one.kind].get(one.name)
            if other is not None:
                raise DuplicateRegistration(
                    f"'{one.name}' in {one.kind} of {source} is already registered by "
                    f"{other.source}. Uninstall one of them, or disable one with C2_DISABLE_PLUGINS"
                )
        return found

    def offer(self, found: list[Provided]) -> None:
        for one in found:
            self.provided[one.kind][one.name] = one


_loaded: WeakKeyDictionary[Registry, Loaded] = WeakKeyDictionary()


def loaded_into(registry: Registry | None = None) -> Loaded:
    """What was loaded into a registry; the default registry unless told."""
    registry = registry if registry is not None else default()
    if registry not in _loaded:
        _loaded[registry] = Loaded()
    return _loaded[registry]


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
    _note_orphans(registry, loaded)
    bad = [r for r in loaded.reports if r.status in (DECLINED, FAILED, QUARANTINED)]
    if bad and settings.strict:
        texts = [f"{r.summary()}\n{r.traceback}".rstrip() for r in bad]
        raise PluginError(
            "C2_STRICT_PLUGINS is set and not all plugins could be loaded:\n" + "\n".join(texts)
        )
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
    except BaseException as error:  # SystemExit too: one plugin must not end the others
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
            f"{error}; its thread was left behind, and importing it elsewhere in this process may wait "
            "too. Give it more time with C2_PLUGIN_TIMEOUT (seconds), or name it in C2_DISABLE_PLUGINS"
        )
        return FAILED, reason, error.stack
    lines = "".join(traceback.format_exception(error))
    if isinstance(error, PluginError):
        return DECLINED, str(error), lines
    if isinstance(error, BadPlugin):
        return FAILED, str(error), lines
    return FAILED, f"{type(error).__name__}: {_first_line(error)}".removesuffix(": "), lines


def _first_line(error: BaseException) -> str:
    try:
        return str(error).strip().partition("\n")[0]
    except Exception:  # whatever a plugin raises may be broken too
        return "its message cannot be printed"


def _register(
    registry: Registry,
    loaded: Loaded,
    plugin: Found,
    contribution: Contribution,
    report: PluginReport,
) -> None:
    """All of the contribution, or nothing of it."""
    source = plugin.distribution
    known = set(registry.types())
    with registry.transaction():
        for device in contribution.devices:
            registry.add_device(device, source)
        for module in contribution.modules:
            registry.add_module(module, source)
        for device_name, engines in contribution.engines.items():
            known_engines = registry.device_engines.get(device_name, [])
            registry.prefer_engines(merged_order(known_engines, engines), device_name)
        named = loaded.named(contribution, source)
    loaded.offer(named)
    operators = set(registry.types()) - known
    kernels = _kernels(registry, contribution, operators, source)
    loaded.contributions.append((report, contribution))
    report.info, report.probe = contribution.info, contribution.probe
    report.registered = {
        "devices": [d.name for d in contribution.devices],
        "operators": sorted(operators),
        "kernels": sorted(kernels),
        "engines": [f"{e} ({d})" for d, engines in contribution.engines.items() for e in engines],
        **{kind: [one.name for one in named if one.kind == kind] for kind in NAMED},
    }
    report.registered = {kind: names for kind, names in report.registered.items() if names}


def merged_order(known: Sequence[str], more: Sequence[str]) -> list[str]:
    """Engines of both, `known` in its order: each further one before the next of its own list that is known.

    Example:
        >>> merged_order(["MKL"], ["NNPACK", "MKL", "TOY"])
        ['NNPACK', 'MKL', 'TOY']
    """
    merged = list(known)
    for position, engine in enumerate(more):
        if engine not in merged:
            later = (merged.index(e) for e in more[position + 1 :] if e in known)
            merged.insert(next(later, len(merged)), engine)
    return merged


def _kernels(
    registry: Registry, contribution: Contribution, operators: set[str], source: str
) -> Iterator[str]:
    """Kernels and native kernels from one distribution, as "type (device, engine)"."""
    marks = list(contribution.marks())
    for type_ in operators | {m.type for m in marks}:
        for kernel in registry.kernels(type_):
            if kernel.source == source:
                yield _label(type_, kernel.device, kernel.engine)
    for mark in marks:
        if mark.role == "native":
            yield f"{_label(mark.type, mark.device, mark.engine)} native"


def _label(type_: str, device: str, engine: str) -> str:
    where = "any device" if device == PORTABLE else device
    return f"{type_} ({where}, {engine})" if engine else f"{type_} ({where})"


def _refuse_taken_name(plugin: Found, reports: list[PluginReport]) -> None:
    for other in reports:
        if other.name == plugin.name and other.status != DISABLED:
            raise DuplicateRegistration(
                f"two plugins have the name '{plugin.name}': of {other.distribution} and of "
                f"{plugin.distribution}. Uninstall one of them, or disable one by its distribution's "
                "name with C2_DISABLE_PLUGINS"
            )


def _note_orphans(registry: Registry, loaded: Loaded) -> None:
    """Tells of kernels that nothing can reach, once every plugin had its turn: misspelled names."""
    devices = [d.name for d in registry.devices()]
    for report, contribution in loaded.contributions:
        marks = list(contribution.marks())
        for type_ in sorted({m.type for m in marks if m.type not in registry}):
            near = did_you_mean(type_, registry.types())
            report.notes.append(f"'{type_}' is no registered operator.{near}")
        for name in sorted({m.device for m in marks if m.device not in (PORTABLE, *devices)}):
            report.notes.append(f"'{name}' is no registered device.{did_you_mean(name, devices)}")


def _warn(messages: list[str]) -> None:
    """Logs what is missing: shown on stderr, unless the program set up logging otherwise."""
    if messages:
        import logging

        for message in messages:
            logging.getLogger("c2.plugins").warning("%s", message)
