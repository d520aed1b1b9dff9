"""What a measured time holds for: the processor, and the versions of everything that computes."""

from __future__ import annotations

import hashlib
import platform
from pathlib import Path

from c2 import __version__
from c2.errors import PluginError
from c2.registry import Registry


def setting_of(registry: Registry) -> dict[str, str]:
    """Facts by name. Plugins are asked by their hook `c2_probe`, which may load their libraries."""
    from c2 import plugins

    facts = {"c2-core": __version__, **_processor()}
    for report in plugins.reports(registry):
        if "kernels" not in report.registered:
            continue
        facts[report.distribution] = report.version
        try:
            found = (report.probe() if report.probe else None) or {}
        except PluginError as error:
            found = {"probe": str(error)}
        facts.update({f"{report.distribution}: {k}": str(v) for k, v in found.items()})
    return facts


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
