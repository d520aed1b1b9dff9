"""Every hook: what a plugin that implements it brings, and that it is documented."""

import inspect
import re
from pathlib import Path

import pytest

from c2 import plugins
from c2.errors import PluginError
from c2.plugins import hookspecs

DOCUMENTATION = Path(__file__).resolve().parents[3] / "docs" / "plugins.md"
DOUBLE = """
    from c2.registry import OpSchema, Tensor, kernel, same_as

    DOUBLE = OpSchema({type!r}, inputs=[Tensor("X")], outputs=[Tensor("Y")], infer=same_as("X"))

    @kernel(DOUBLE)
    def double(xp, X):
        return X + X
"""


def test_hook_c2_info(site, registry):
    site.install("a", "@hookimpl\ndef c2_info(): return {'name': 'a', 'summary': 'for the test'}")
    assert site.load(registry)["a"].info == {"name": "a", "summary": "for the test"}


def test_hook_c2_devices(site, registry):
    site.install(
        "a",
        """
        from c2.registry import CPUDevice
        class Toy(CPUDevice):
            name = "TOY"
        @hookimpl
        def c2_devices(): return [Toy()]
        """,
    )
    report = site.load(registry)["a"]
    assert report.registered == {"devices": ["TOY"]}
    assert registry.device("TOY").source == "test-a"


def test_hook_c2_operators(site, registry):
    site.module("test_a_operators", DOUBLE.format(type="TestDouble"))
    site.install("a", "@hookimpl\ndef c2_operators(): return ['test_a_operators']")
    report = site.load(registry)["a"]
    assert report.registered == {
        "operators": ["TestDouble"],
        "kernels": ["TestDouble (any device)"],
    }
    assert registry.source("TestDouble") == "test-a"


def test_a_package_stands_for_all_its_modules(site, registry):
    site.module("test_a_family.__init__", "")
    site.module("test_a_family.one", DOUBLE.format(type="TestOne"))
    site.module("test_a_family.deep.__init__", "")
    site.module("test_a_family.deep.two", DOUBLE.format(type="TestTwo"))
    site.install("a", "@hookimpl\ndef c2_operators(): return ['test_a_family']")
    assert site.load(registry)["a"].registered["operators"] == ["TestOne", "TestTwo"]


def test_hook_c2_kernels(site, registry):
    site.module("test_a_operators", DOUBLE.format(type="TestDouble"))
    site.module(
        "test_a_kernels",
        """
        from c2.registry import kernel, native

        @kernel("TestDouble", device="CPU", engine="TOY")
        def double(xp, X):
            return 2 * X

        @native("TestDouble", engine="TOY")
        def native_double(*specs):
            return None
        """,
    )
    site.install(
        "a",
        """
        import test_a_kernels
        @hookimpl
        def c2_operators(): return ("test_a_operators",)
        @hookimpl
        def c2_kernels(): return [test_a_kernels]
        """,
    )
    assert site.load(registry)["a"].registered["kernels"] == [
        "TestDouble (CPU, TOY)",
        "TestDouble (CPU, TOY) native",
        "TestDouble (any device)",
    ]
    assert [k.source for k in registry.kernels("TestDouble")] == ["test-a", "test-a"]
    assert len(registry.natives("TestDouble")) == 1


def test_hook_c2_engines(site, registry):
    site.install("a", "@hookimpl\ndef c2_engines(): return {'CPU': ['TOY', 'TOYS']}")
    site.install("b", "@hookimpl\ndef c2_engines(): return {'CPU': ('OTHER',)}")
    reports = site.load(registry)
    assert reports["a"].registered == {"engines": ["TOY (CPU)", "TOYS (CPU)"]}
    assert registry.engine_order("Relu", "CPU", "") == ["TOY", "TOYS", "OTHER", ""]
    assert registry.engine_order("Relu", "CPU", "OTHER") == ["OTHER", "TOY", "TOYS", ""]
    registry.prefer_engines([])
    assert registry.engine_order("Relu", "CPU", "") == [""]


@pytest.mark.parametrize("first", ["a", "b"])
def test_engines_stand_before_those_they_name(site, registry, first):
    names = ["a", "b"] if first == "a" else ["b", "a"]
    site.install(names[0], "@hookimpl\ndef c2_engines(): return {'CPU': ['OTHER', 'LAST']}")
    site.install(names[1], "@hookimpl\ndef c2_engines(): return {'CPU': ['TOY', 'TOYS', 'OTHER']}")
    site.load(registry)
    assert registry.engine_order("Relu", "CPU", "") == ["TOY", "TOYS", "OTHER", "LAST", ""]


def test_engines_of_a_plugin_that_fails_are_not_preferred(site, registry):
    site.install("a", "@hookimpl\ndef c2_engines(): return {'CPU': 'TOY'}")
    site.install(
        "b",
        """
        @hookimpl
        def c2_engines(): return {'CPU': ['TOY']}
        @hookimpl
        def c2_databases(): return {'minidb': 'some.where:Else'}
        """,
    )
    reports = site.load(registry)
    assert "device -> list of engines, got 'CPU': 'TOY'" in reports["a"].reason
    assert reports["b"].status == "failed"
    assert registry.engine_order("Relu", "CPU", "") == [""]


def test_hook_c2_probe(site, registry):
    site.install("a", "@hookimpl\ndef c2_probe(): return {'library': '1.2'}")
    site.install(
        "b",
        "from c2.errors import PluginError\n@hookimpl\ndef c2_probe(): raise PluginError('no library')",
    )
    reports = site.load(registry)
    assert reports["a"].status == reports["b"].status == "loaded", "loading calls no probe"
    from c2.cli.commands.doctor import _probe

    assert (_probe(reports["a"]).ok, _probe(reports["a"]).detail) == (True, "library 1.2")
    assert (_probe(reports["b"]).ok, _probe(reports["b"]).detail) == (False, "no library")


def check_named_hook(kind, site, registry):
    """Objects and dotted names both lead to the object; the dotted one is imported when asked for."""
    site.module("test_a_later", "def made(): return 'made later'")
    site.install(
        "a",
        f"""
        def made(): return "made at once"
        @hookimpl
        def c2_{kind}(): return {{"now": made, "later": "test_a_later:made", "lost": "test_a_later:x"}}
        """,
    )
    assert site.load(registry)["a"].registered == {kind: ["now", "later", "lost"]}
    found = plugins.provided(kind, registry)
    assert [n for n, p in found.items() if p.source == "test-a"] == ["now", "later", "lost"]
    assert found["now"].load()() == "made at once"
    assert found["later"].load()() == "made later"
    with pytest.raises(
        PluginError, match=rf"'lost' in {kind} of test-a stands for 'test_a_later:x'"
    ):
        found["lost"].load()


def test_hook_c2_communicators(site, registry):
    check_named_hook("communicators", site, registry)


def test_hook_c2_models(site, registry):
    check_named_hook("models", site, registry)


def test_hook_c2_databases(site, registry):
    check_named_hook("databases", site, registry)


def test_databases_of_c2_core_come_through_the_hook(site, registry):
    site.install("a", "@hookimpl\ndef c2_databases(): return {'minidb': 'some.where:Else'}")
    reason = site.load(registry)["a"].reason
    assert "'minidb' in databases of test-a is already registered by c2-core" in reason
    found = plugins.provided("databases", registry)
    assert {n: p.load().__name__ for n, p in found.items()} == {
        "minidb": "MiniDB",
        "protodb": "ProtoDB",
    }


def test_hook_c2_commands(site, registry):
    check_named_hook("commands", site, registry)


# -- walking over the hooks


def specified():
    return [n for n, f in vars(hookspecs).items() if inspect.isfunction(f) and n.startswith("c2_")]


def test_the_list_of_hooks_is_complete():
    assert set(hookspecs.HOOKS) == set(specified())
    for name in hookspecs.HOOKS:
        assert hasattr(getattr(hookspecs, name), "c2_spec"), f"{name} is not marked @hookspec"


@pytest.mark.parametrize("hook", specified())
def test_every_hook_has_a_test(hook):
    assert callable(globals().get(f"test_hook_{hook}")), f"write test_hook_{hook}"


@pytest.mark.parametrize("hook", specified())
def test_every_hook_is_documented(hook):
    doc = inspect.getdoc(getattr(hookspecs, hook))
    assert re.search(r"Example:\n +return ", doc), f"{hook} has no example"
    assert f"`{hook}" in DOCUMENTATION.read_text(encoding="utf-8"), (
        f"{hook} is not in docs/plugins.md"
    )
