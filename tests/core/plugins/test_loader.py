"""The loader: a plugin that is wrong in any way is named, kept out whole, and costs only itself."""

import logging
import sys
import textwrap
import threading
from types import ModuleType

import pytest

from c2 import plugins
from c2.errors import PluginError
from c2.plugins.discover import Settings
from c2.plugins.loader import load_plugins
from c2.registry import Registry

OPERATOR = """
    from c2.registry import OpSchema, Tensor, same_as
    SCHEMA = OpSchema({type!r}, inputs=[Tensor("X")], outputs=[Tensor("Y")], infer=same_as("X"))
"""
GOOD = "@hookimpl\ndef c2_info(): return {'name': 'good', 'summary': 'works'}"
INFO = "@hookimpl\ndef c2_info(): return {}\n"

# What is wrong -> (source of the plugin, part of the reason)
BROKEN = {
    "raises": ("raise ValueError('first line\\nsecond')", "ValueError: first line"),
    "raises what cannot be printed": (
        "class E(Exception):\n    def __str__(self): raise self\nraise E",
        "E: its message cannot be printed",
    ),
    "raises without a word": ("raise ValueError", "ValueError"),
    "exits": ("import sys; sys.exit('bye')", "SystemExit: bye"),
    "never ends itself": ("def f(): f()\nf()", "RecursionError: maximum recursion depth"),
    "does not parse": ("def (", "SyntaxError: "),
    "misses a module": (
        "import c2_no_such_module",
        "ModuleNotFoundError: No module named 'c2_no_such_module'",
    ),
    "misses a native library": (
        "import ctypes; ctypes.CDLL('libc2missing.so.9')",
        "OSError: libc2missing.so.9",
    ),
    "raises in a hook": (
        "@hookimpl\ndef c2_devices(): raise RuntimeError('no')",
        "RuntimeError: no",
    ),
    "misspells a hook": (
        "@hookimpl\ndef c2_devcies(): return []",
        "there is none of that name. Did you mean 'c2_devices'",
    ),
    "asks for an argument": (
        "@hookimpl\ndef c2_devices(registry): return []",
        "hookimpl definition: c2_devices(registry)",
    ),
    "forgets the mark": ("def c2_kernels(): return []", "c2_kernels is not marked"),
    "returns no list": (
        "@hookimpl\ndef c2_kernels(): return 'x.y'",
        "c2_kernels must return a list, got 'x.y'",
    ),
    "returns no device": (
        "@hookimpl\ndef c2_devices(): return [object]",
        "c2_devices must return c2.registry.Device objects with a name",
    ),
    "returns no dictionary": (
        "@hookimpl\ndef c2_models(): return ['lenet']",
        "c2_models must return a dictionary, got ['lenet']",
    ),
    "gives half a target": (
        "@hookimpl\ndef c2_models(): return {'lenet': 'zoo.lenet'}",
        'must return name -> something to call, or "module:attribute"',
    ),
    "names a module that is not there": (
        "@hookimpl\ndef c2_operators(): return ['c2_no_such_module']",
        "ModuleNotFoundError: No module named 'c2_no_such_module'",
    ),
    "names something else": (
        "@hookimpl\ndef c2_operators(): return [7]",
        "expected a module or its dotted name, got 7",
    ),
}


@pytest.mark.parametrize("wrong", BROKEN)
def test_a_broken_plugin_costs_only_itself(wrong, site, registry):
    source, reason = BROKEN[wrong]
    site.install("bad", source)
    site.install("good", GOOD)
    site.install("also", GOOD)
    reports = site.load(registry)
    assert [reports[n].status for n in ("also", "bad", "good")] == ["loaded", "failed", "loaded"]
    assert reason in reports["bad"].reason
    assert "\n" not in reports["bad"].reason
    assert reports["bad"].traceback.startswith("Traceback")
    assert f"bad (test-bad 1.0) failed: {reports['bad'].reason}" == reports["bad"].summary()


def test_control_c_passes(site, registry):
    site.install("a", "raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        site.load(registry)


# -- API version


@pytest.mark.parametrize(
    ("head", "status", "reason"),
    [
        ("", "failed", "C2_API_VERSION is missing: write C2_API_VERSION = 1"),
        ("C2_API_VERSION = 2\n", "declined", "written for plugin API 2, this c2-core has 1: upgrade c2-core"),
        ("C2_API_VERSION = 0\n", "declined", "written for plugin API 0, this c2-core has 1: upgrade the plugin"),
    ],
)  # fmt: skip
def test_api_version_stands_before_every_hook(head, status, reason, site, registry):
    called = "from c2.plugins import hookimpl\n@hookimpl\ndef c2_devices(): raise RuntimeError('called')\n"
    site.install("a", called, head=head)
    report = site.load(registry)["a"]
    assert report.status == status
    assert reason in report.reason


def test_a_plugin_may_decline(site, registry):
    site.install("a", "from c2.errors import PluginError\nraise PluginError('not on this machine')")
    report = site.load(registry)["a"]
    assert (report.status, report.reason) == ("declined", "not on this machine")


def test_hooks_may_return_none(site, registry):
    site.install("a", "@hookimpl\ndef c2_devices(): return None")
    report = site.load(registry)["a"]
    assert report.status == "loaded"
    assert report.summary().startswith("a (test-a 1.0) loaded: registers nothing (")


# -- duplicates, and registrations that fail half way


def test_two_packages_with_one_operator(site, registry):
    site.module("test_one", OPERATOR.format(type="TestTwice"))
    site.module("test_extra", OPERATOR.format(type="TestExtra"))
    site.module("test_two", OPERATOR.format(type="TestTwice"))
    site.install("a", "@hookimpl\ndef c2_operators(): return ['test_one']")
    site.install("b", "@hookimpl\ndef c2_operators(): return ['test_extra', 'test_two']")
    reports = site.load(registry)
    assert reports["a"].status == "loaded"
    assert reports["b"].status == "failed"
    assert "'TestTwice' of test-b is already registered by test-a" in reports["b"].reason
    assert registry.types() == ["TestTwice"], "TestExtra must be taken back"


def test_two_packages_with_one_device(site, registry):
    toy = """
        from c2.registry import CPUDevice
        class Toy(CPUDevice):
            name = "TOY"
        @hookimpl
        def c2_devices(): return [Toy()]
        @hookimpl
        def c2_models(): return {"NAME": Toy}
    """
    site.install("a", toy.replace("NAME", "m"))
    site.install("b", toy.replace("NAME", "n"))
    reports = site.load(registry)
    assert "'TOY' of test-b is already registered by test-a" in reports["b"].reason
    assert list(plugins.provided("models", registry)) == ["m"]


def test_two_packages_with_one_model(site, registry):
    model = "@hookimpl\ndef c2_models(): return {'lenet': 'zoo:lenet'}\n"
    device = """
        from c2.registry import CPUDevice
        class Toy(CPUDevice):
            name = "TOY"
        @hookimpl
        def c2_devices(): return [Toy()]
    """
    site.install("a", model)
    site.install("b", textwrap.dedent(device) + model)
    reports = site.load(registry)
    assert "'lenet' in models of test-b is already registered by test-a" in reports["b"].reason
    assert [d.name for d in registry.devices()] == ["CPU"], "the device must be taken back"


def test_two_packages_with_one_name(site, registry):
    site.install("a", INFO, distribution="test-first")
    site.install("a", INFO, distribution="test-second")
    reports = load_plugins(registry, site.found(), Settings())
    assert [r.status for r in reports] == ["loaded", "failed"]
    assert "two plugins have the name 'a': of test-first and of test-second" in reports[1].reason
    without = Settings(disabled=frozenset({"test-first"}))
    reports = load_plugins(Registry(), site.found(), without)
    assert [r.status for r in reports] == ["disabled", "loaded"]


def test_kernels_that_nothing_can_reach_are_noted(site, registry):
    site.module("test_operators", OPERATOR.format(type="TestDouble"))
    site.module(
        "test_kernels",
        """
        from c2.registry import kernel
        @kernel("TestDuoble", device="CPU")
        def double(xp, X): return X + X
        @kernel("TestDouble", device="CPPU")
        def other(xp, X): return X + X
        """,
    )
    site.install("a", "@hookimpl\ndef c2_kernels(): return ['test_kernels']")
    site.install("b", "@hookimpl\ndef c2_operators(): return ['test_operators']")
    assert site.load(registry)["a"].notes == [
        "'TestDuoble' is no registered operator. Did you mean 'TestDouble'?",
        "'CPPU' is no registered device. Did you mean 'CPU'?",
    ]


# -- time limit


def test_a_plugin_that_hangs_is_left_behind(site, registry, monkeypatch):
    gate = ModuleType("c2_test_gate")
    gate.open, gate.passed = threading.Event(), threading.Event()
    monkeypatch.setitem(sys.modules, "c2_test_gate", gate)
    site.module("test_late", OPERATOR.format(type="TestLate"))
    site.install(
        "a",
        """
        import c2_test_gate
        def stands_here(): c2_test_gate.open.wait(30)
        stands_here()
        @hookimpl
        def c2_operators():
            c2_test_gate.passed.set()
            return ["test_late"]
        """,
    )
    site.install("b", GOOD)
    reports = site.load(registry, seconds=0.2)
    assert reports["a"].status == "failed"
    assert reports["a"].reason.startswith("not finished after 0.2 s; its thread was left behind")
    assert "stands_here" in reports["a"].traceback
    assert reports["b"].status == "loaded"
    thread = next(t for t in threading.enumerate() if t.name == "c2 plugin a")
    gate.open.set()
    thread.join(30)
    assert gate.passed.is_set(), "the thread went on to its end"
    assert registry.types() == [], "and could not register anything"


def test_without_a_limit_there_is_no_thread(site, registry):
    site.install(
        "a",
        "import threading\nassert threading.current_thread() is threading.main_thread()\n" + GOOD,
    )
    assert site.load(registry, seconds=0)["a"].status == "loaded"


# -- what the environment says


@pytest.mark.parametrize("text", ["a", "test-a", "b , a,", "1", "all"])
def test_disabled(text, site, registry, monkeypatch):
    monkeypatch.setenv("C2_DISABLE_PLUGINS", text)
    site.install("a", "raise ValueError('was imported')")
    (report,) = load_plugins(registry, site.found())
    assert (report.status, report.reason) == ("disabled", "C2_DISABLE_PLUGINS names it")


@pytest.mark.parametrize("text", ["", "0"])
def test_not_disabled(text, site, registry, monkeypatch):
    monkeypatch.setenv("C2_DISABLE_PLUGINS", text)
    site.install("a", INFO)
    assert load_plugins(registry, site.found())[0].status == "loaded"


def test_disabling_what_is_not_there_is_said(site, registry, caplog):
    site.install("toy", INFO)
    with caplog.at_level(logging.WARNING, "c2.plugins"):
        site.load(registry, disabled=frozenset({"tyo"}))
    assert (
        "C2_DISABLE_PLUGINS names 'tyo', which is not installed. Did you mean 'toy'?" in caplog.text
    )


def test_strict_mode_tries_all_and_raises(site, registry, monkeypatch):
    monkeypatch.setenv("C2_STRICT_PLUGINS", "1")
    site.install("a", "1 / 0")
    site.install("b", INFO)
    site.install("c", "{}['key']")
    with pytest.raises(PluginError) as caught:
        load_plugins(registry, site.found())
    text = str(caught.value)
    assert "a (test-a 1.0) failed: ZeroDivisionError: division by zero\nTraceback" in text
    assert "c (test-c 1.0) failed: KeyError: 'key'" in text
    assert "(test-b" not in text


def test_strict_mode_lets_disabled_ones_be(site, registry):
    site.install("a", "1 / 0")
    assert site.load(registry, strict=True, disabled=frozenset({"a"}))["a"].status == "disabled"


@pytest.mark.parametrize("text", ["soon", "-1", "nan", "inf"])
def test_a_wrong_time_limit_is_refused(text, monkeypatch):
    monkeypatch.setenv("C2_PLUGIN_TIMEOUT", text)
    with pytest.raises(PluginError, match=f"C2_PLUGIN_TIMEOUT must be seconds .* got '{text}'"):
        Settings.from_environment()


def test_what_failed_is_logged(site, registry, caplog):
    site.install("a", "1 / 0")
    with caplog.at_level(logging.WARNING, "c2.plugins"):
        site.load(registry)
    assert "plugin a (test-a 1.0) failed: ZeroDivisionError: division by zero" in caplog.text


# -- in a process of its own


def test_default_registry_holds_plugins_once_used(site):
    site.module("test_operators", OPERATOR.format(type="TestDouble"))
    site.install("a", "@hookimpl\ndef c2_operators(): return ['test_operators']")
    done = site.run(
        """
        import sys
        import c2, c2.plugins
        assert "pluggy" not in sys.modules and "test_operators" not in sys.modules
        from c2 import registry
        assert "TestDouble" in registry.default()
        print([r.summary() for r in c2.plugins.reports() if r.name == "a"])
        """
    )
    assert done.returncode == 0, done.stderr
    assert "a (test-a 1.0) loaded: 1 operator (" in done.stdout


def test_a_plugin_that_uses_the_default_registry_while_loading_is_named(site):
    """The lock is held by who waits for the plugin; the stack in the report tells its author."""
    site.install("a", "import c2.registry\nc2.registry.default()")
    done = site.run(
        """
        import c2.plugins
        (report,) = [r for r in c2.plugins.reports() if r.name == "a"]
        print(report.status, report.traceback)
        """,
        C2_PLUGIN_TIMEOUT="0.5",
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("failed")
    assert "c2.registry.default()" in done.stdout
