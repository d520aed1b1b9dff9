"""`c2 doctor`: tries everything once and says what does not work, and why."""

from __future__ import annotations

import os
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np
import typer

import c2
from c2.cli.output import Json, console, escape, print_json
from c2.compile.net import usable_cores
from c2.errors import PluginError
from c2.place.place import probe
from c2.plugins.report import LOADED
from c2.registry import Registry


@dataclass
class Finding:
    """One thing that was tried."""

    what: str
    ok: bool
    detail: str
    fix: str = ""


def doctor(json: Json = False) -> None:
    """Runs something on every device, looks at every plugin, and says what to do about what is wrong."""
    registry = c2.registry.default()
    findings = [*_plugins(), *_devices(registry), _small_net(registry), _runner(), _threads()]
    if json:
        print_json({"ok": all(f.ok for f in findings), "findings": findings})
    else:
        for f in findings:
            mark = "[green]ok [/]" if f.ok else "[bold red]bad[/]"
            console.print(f"{mark} [bold]{escape(f.what)}[/]: {escape(f.detail)}")
            if f.fix:
                console.print(f"      {escape(f.fix)}")
    if not all(f.ok for f in findings):
        raise typer.Exit(1)


def _plugins() -> list[Finding]:
    from c2 import plugins

    return [
        Finding(
            f"plugin {r.name}", r.status in (LOADED, "disabled"), r.summary(),
            "" if r.status == LOADED else f"More: c2 plugins --verbose; without it: C2_DISABLE_PLUGINS={r.name}",
        )
        for r in plugins.reports()
    ] + [_probe(r) for r in plugins.reports() if r.status == LOADED and r.probe is not None]  # fmt: skip


def _probe(report: Any) -> Finding:
    """What a plugin found out when it tried its library."""
    try:
        facts = report.probe() or {}
    except PluginError as error:
        fix = (
            f"Until it is mended, other kernels serve; without it: C2_DISABLE_PLUGINS={report.name}"
        )
        return Finding(f"library of {report.name}", False, str(error), fix)
    return Finding(
        f"library of {report.name}", True, ", ".join(f"{k} {v}" for k, v in facts.items())
    )


def _devices(registry: Registry) -> list[Finding]:
    found = []
    for device in registry.devices():
        reason = probe(device)
        facts = (
            ", ".join(f"{k} {v}" for k, v in device.describe().items())
            if reason is None
            else reason
        )
        found.append(Finding(f"device {device.name} ({device.source})", reason is None, facts))
    return found


def _small_net(registry: Registry) -> Finding:
    net = c2.Net("doctor")
    net.op("FC", ["x", "w", "b"], "y")
    net.add_external_output("y")
    workspace = c2.Workspace(registry=registry)
    workspace.feed("x", np.ones((1, 3), np.float32))
    workspace.feed("w", np.eye(3, dtype=np.float32))
    workspace.feed("b", np.zeros(3, np.float32))
    workspace.run(net)
    right = bool((workspace["y"] == 1).all())
    return Finding(
        "a small net", right, "FC gives the right numbers" if right else f"got {workspace['y']}"
    )


def _runner() -> Finding:
    there = find_spec("c2.compile._runner") is not None
    detail = (
        "compiled C loop"
        if there
        else "Python loop; compiled nets with native kernels start slower calls"
    )
    fix = (
        ""
        if there
        else "Install c2-core from a wheel of your platform, or with a C compiler present"
    )
    return Finding("runner of compiled nets", True, detail, fix)


def _threads() -> Finding:
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "C2_NUM_THREADS")
    said = ", ".join(f"{n}={os.environ[n]}" for n in names if n in os.environ) or "no variable set"
    return Finding("threads", True, f"{usable_cores()} cores usable; {said}")
