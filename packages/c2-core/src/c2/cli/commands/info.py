"""`c2 info`: versions, devices, operators, models."""

from __future__ import annotations

import platform
from importlib.metadata import version
from importlib.util import find_spec

import c2
from c2.cli.output import Json, console, escape, print_json
from c2.compile.net import default_threads
from c2.serialize.budget import memory_budget


def info(json: Json = False) -> None:
    """What is installed: versions, devices, number of operators, models of plugins, settings."""
    from c2 import plugins

    registry = c2.registry.default()
    facts = {
        "c2-core": c2.__version__,
        "python": platform.python_version(),
        "numpy": version("numpy"),
        "protobuf": version("protobuf"),
        "platform": f"{platform.system()} {platform.machine()}",
        "operators": len(registry.types()),
        "devices": [d.name for d in registry.devices()],
        "plugins": [f"{r.name} {r.version} ({r.status})" for r in plugins.reports()],
        "models": sorted(plugins.provided("models")),
        "runner": "c" if find_spec("c2.compile._runner") else "python",
        "threads": default_threads(),
        "memory_budget_bytes": memory_budget(),
    }
    if json:
        print_json(facts)
        return
    for name, value in facts.items():
        text = ", ".join(map(str, value)) or "none" if isinstance(value, list) else value
        console.print(f"[bold]{name:20}[/] {escape(str(text))}")
