"""A plugin that takes the process down is left out at the next start, and can be let in again."""

import os
import stat
import sys

import pytest

from c2 import plugins
from c2.plugins import quarantine

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="needs file locks that end with their process (fcntl)"
)

LOAD = """
    from c2.plugins.loader import load_plugins
    from c2.registry import Registry
    for report in load_plugins(Registry()):
        if report.distribution.startswith("test-"):
            print(report.summary())
"""
CRASHES = {
    "segmentation fault": "import ctypes; ctypes.string_at(0)",
    "os._exit": "import os; os._exit(3)",
    "abort": "import os; os.abort()",
    "kill": "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
}


@pytest.mark.parametrize("how", CRASHES)
def test_a_crash_is_remembered(how, site):
    site.install("a", CRASHES[how])
    site.install("b", "")
    assert site.run(LOAD).returncode != 0
    done = site.run(LOAD)
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.splitlines()
    assert first.startswith("a (test-a 1.0) quarantined: the process that loaded it last (process ")
    assert first.endswith("or until: c2 plugins --retry a")
    assert second.startswith("b (test-b 1.0) loaded")
    assert first in done.stderr, "it is logged, too"
    assert site.run(LOAD).stdout.startswith("a (test-a 1.0) quarantined"), "it stays so"


@pytest.mark.parametrize("name", ["a", "test-a"])
def test_retry_lifts_it(name, site):
    module = site.install("a", CRASHES["os._exit"])
    assert site.run(LOAD).returncode == 3
    site.module(module, "C2_API_VERSION = 1")
    assert plugins.retry("another") == 0
    assert "quarantined" in site.run(LOAD).stdout
    assert plugins.retry(name) == 1
    assert site.run(LOAD).stdout.startswith("a (test-a 1.0) loaded")
    assert plugins.retry(name) == 0


def test_another_version_starts_afresh(site):
    site.install("a", CRASHES["os._exit"])
    assert site.run(LOAD).returncode == 3
    (site.folder / "test_a-1.0.dist-info" / "METADATA").write_text("Name: test-a\nVersion: 1.1\n")
    assert site.run(LOAD).returncode == 3


def test_strict_mode_raises(site):
    site.install("a", CRASHES["os._exit"])
    assert site.run(LOAD).returncode == 3
    done = site.run(LOAD, C2_STRICT_PLUGINS="1")
    assert "PluginError: C2_STRICT_PLUGINS is set" in done.stderr
    assert "a (test-a 1.0) quarantined" in done.stderr


def test_a_disabled_plugin_keeps_its_entry(site):
    site.install("a", CRASHES["os._exit"])
    assert site.run(LOAD).returncode == 3
    assert "disabled" in site.run(LOAD, C2_DISABLE_PLUGINS="a").stdout
    assert "quarantined" in site.run(LOAD).stdout


@pytest.mark.parametrize("ends", [None, ValueError, SystemExit, KeyboardInterrupt])
def test_what_the_process_survives_leaves_nothing(ends, cache):
    def load():
        with quarantine.loading("a", "test-a", "1.0"):
            if ends is not None:
                raise ends

    if ends is None:
        load()
    else:
        with pytest.raises(ends):
            load()
    assert [p.stat().st_size for p in (cache / "plugins").iterdir()] == [0]
    load_again = quarantine.loading("a", "test-a", "1.0")
    with load_again:
        pass


def test_two_processes_at_a_time_are_no_crash(site):
    """Workers of one job start together: the second finds the entry of the first, which is alive."""
    with quarantine.loading("a", "test-a", "1.0"):
        site.install("a", "")
        assert site.run(LOAD).stdout.startswith("a (test-a 1.0) loaded")


@pytest.mark.parametrize("name", ["../../a b", "a@b", "ä/n"])
def test_names_cannot_lead_out_of_the_folder(name, cache):
    with quarantine.loading(name, name, "1.0"):
        assert len(list((cache / "plugins").iterdir())) == 1


@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written(cache):
    cache.mkdir()
    cache.chmod(stat.S_IRUSR | stat.S_IXUSR)
    with quarantine.loading("a", "test-a", "1.0"):
        pass


def test_a_folder_that_cannot_be_made(cache):
    cache.write_text("a file stands in its place")
    with quarantine.loading("a", "test-a", "1.0"):
        pass
    assert quarantine.lift("a") == 0


def test_the_folder_follows_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("C2_CACHE", str(tmp_path))
    assert quarantine.folder() == tmp_path / "plugins"
    monkeypatch.delenv("C2_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    assert quarantine.folder() == tmp_path / "caches" / "c2" / "plugins"
