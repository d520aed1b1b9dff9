"""Plugins: packages that bring devices, operators, kernels and more, found by entry-point group `c2`.

A plugin is one module with an API version and marked functions; `c2.plugins.hookspecs` says what
each may return.

    from c2.plugins import hookimpl

    C2_API_VERSION = 1

    @hookimpl
    def c2_kernels():
        return ["my_package.kernels"]
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pluggy

    from c2.plugins.report import PluginReport, Provided
    from c2.registry import Registry

    hookimpl = pluggy.HookimplMarker("c2")

__all__ = ["API_VERSION", "hookimpl", "provided", "reports", "retry"]

API_VERSION = 1  # raised when plugins written before would break


def reports(registry: Registry | None = None) -> list[PluginReport]:
    """What became of each installed plugin; loads them where that has not happened yet.

    Args:
        registry: the one that plugins were loaded into; the default registry unless told.
    """
    from c2.plugins.loader import loaded_into

    return list(loaded_into(registry).reports)


def provided(kind: str, registry: Registry | None = None) -> dict[str, Provided]:
    """What plugins offer by name; kinds: "communicators", "models", "databases", "commands"."""
    from c2.plugins.loader import loaded_into

    return dict(loaded_into(registry).provided[kind])


def retry(name: str) -> int:
    """Lifts the quarantine of a plugin or of a distribution; returns how many entries it lifted."""
    from c2.plugins.quarantine import lift

    return lift(name)


def __getattr__(name: str) -> Any:
    """`hookimpl` is made when a plugin asks for it, so that c2 alone does not import pluggy."""
    if name != "hookimpl":
        raise AttributeError(f"module 'c2.plugins' has no attribute '{name}'")
    import pluggy

    globals()["hookimpl"] = pluggy.HookimplMarker("c2")
    return globals()["hookimpl"]
