"""What a measured time holds for: the processor, and the versions and compiled parts of everything that computes."""

from __future__ import annotations

import hashlib
import platform
import sys
from collections.abc import Iterable
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from types import ModuleType

from c2 import __version__
from c2.errors import PluginError
from c2.registry import Registry


def setting_of(registry: Registry) -> dict[str, str]:
    """Facts by name. Plugins are asked by their hook `c2_probe`, which may load their libraries.

    A part that was compiled again under the same version is told by its digest.
    """
    from c2.plugins.loader import loaded_into

    facts = {"c2-core": __version__, **_processor()}
    facts["c2-core: compiled"] = compiled_parts([sys.modules[__name__]])
    for report, contribution in loaded_into(registry).contributions:
        if "kernels" not in report.registered:
            continue
        facts[report.distribution] = report.version
        facts[f"{report.distribution}: compiled"] = compiled_parts(contribution.modules)
        try:
            found = (report.probe() if report.probe else None) or {}
        except PluginError as error:
            found = {"probe": str(error)}
        facts.update({f"{report.distribution}: {k}": str(v) for k, v in found.items()})
    return facts


def compiled_parts(modules: Iterable[ModuleType]) -> str:
    """A digest of the extension modules in the packages that these modules are of; of nothing where there are none."""
    tops = {module.__name__.partition(".")[0] for module in modules}
    folders = {Path(path) for top in tops for path in getattr(sys.modules.get(top), "__path__", ())}
    digest = hashlib.sha256()
    for path in sorted(path for folder in folders for path in folder.rglob("*")):
        if path.name.endswith(tuple(EXTENSION_SUFFIXES)):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _processor() -> dict[str, str]:
    """Model and instructions; where the system does not list these, a digest of what Python knows."""
    told: dict[str, str] = {}
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        lines = []
    for line in lines:
        name, _, value = line.partition(":")
        told.setdefault(name.strip().lower(), value.strip())
    model = told.get("model name") or told.get("cpu part") or platform.processor()
    instructions = told.get("flags") or told.get("features") or platform.machine()
    digest = hashlib.sha256(instructions.encode()).hexdigest()[:16]
    return {"machine": platform.machine(), "processor": model, "instructions": digest}
