"""Plugins made on the spot: a module and its metadata in a folder of their own on the path."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import pytest

from c2.plugins.discover import Settings, find_plugins
from c2.plugins.loader import load_plugins
from c2.registry import CPUDevice, Registry

HEAD = "from c2.plugins import hookimpl\nC2_API_VERSION = 1\n"
ENVIRONMENT = ("C2_DISABLE_PLUGINS", "C2_STRICT_PLUGINS", "C2_PLUGIN_TIMEOUT")


class Site:
    """A folder of installed plugins."""

    def __init__(self, folder):
        self.folder = folder
        self.distributions = set()

    def module(self, name, source):
        path = self.folder / (name.replace(".", os.sep) + ".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(source))

    def install(self, name, source, *, head=HEAD, distribution=None, version="1.0"):
        """Installs a plugin whose module is `head` and `source`; returns the module's name."""
        distribution = distribution or f"test-{name}"
        module = f"{distribution.replace('-', '_')}_{name}_plugin"
        self.module(module, head + textwrap.dedent(source))
        info = self.folder / f"{distribution.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n\nName: not a field\n"
        )
        (info / "entry_points.txt").write_text(f"[c2]\n{name} = {module}\n")
        self.distributions.add(distribution)
        return module

    def found(self):
        """The plugins of this folder, whatever else is installed."""
        return [p for p in find_plugins() if p.distribution in self.distributions]

    def load(self, registry, **settings):
        """Reports by plugin name."""
        return {r.name: r for r in load_plugins(registry, self.found(), Settings(**settings))}

    def run(self, program, **environment):
        """Runs a program in a fresh interpreter that sees these plugins."""
        clean = {k: v for k, v in os.environ.items() if k not in ENVIRONMENT}
        return subprocess.run(
            [sys.executable, "-c", textwrap.dedent(program)],
            env={**clean, "PYTHONPATH": str(self.folder), **environment},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """The folder of quarantine entries."""
    monkeypatch.setenv("C2_CACHE", str(tmp_path / "cache"))
    for name in ENVIRONMENT:
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "cache"


@pytest.fixture
def site(tmp_path, monkeypatch):
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    before = set(sys.modules)
    yield Site(folder)
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(folder)):
            del sys.modules[name]


@pytest.fixture
def registry():
    made = Registry()
    made.add_device(CPUDevice())
    return made
