"""Parameters of one name scope used in another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType

from c2.errors import NetError
from c2.graph.scope import SEPARATOR, current_name_scope

_shared: ContextVar[Mapping[str, str]] = ContextVar(
    "c2_parameter_sharing", default=MappingProxyType({})
)


@contextmanager
def parameter_sharing(scopes: Mapping[str, str]) -> Iterator[None]:
    """Parameters created under a scope that is named here are those of the other scope.

        with parameter_sharing({"right": "left"}):
            with c2.name_scope("left"):
                a = brew.fc(model, x, "fc", 4, 2)       # makes left/fc_w
            with c2.name_scope("right"):
                b = brew.fc(model, y, "fc", 4, 2)       # reads left/fc_w

    Scopes are relative to the current one; the longest match wins, and results are looked up again. Blobs that are
    no parameters keep their own scope.

    Raises:
        NetError: a scope is to be shared with one inside itself.
    """
    here = current_name_scope()
    new = {here + _closed(k): here + _closed(v) for k, v in scopes.items()}
    for scope, target in new.items():
        if target.startswith(scope):
            raise NetError(
                f"cannot share the parameters of scope '{target}' with '{scope}', which holds it: the search for "
                "a name would never end. Share them with a scope outside"
            )
    token = _shared.set({**_shared.get(), **new})
    try:
        yield
    finally:
        _shared.reset(token)


def parameter_name(name: str) -> str:
    """The full name of a parameter that is created in the current scope under the current sharing."""
    return _resolved(current_name_scope(), _shared.get()) + name


def _resolved(scope: str, shared: Mapping[str, str], seen: tuple[str, ...] = ()) -> str:
    matches = [s for s in shared if scope.startswith(s)]
    if not matches:
        return scope
    longest = max(matches, key=len)
    if longest in seen:
        raise NetError(f"scopes share parameters in a circle: {' -> '.join([*seen, longest])}")
    return _resolved(shared[longest], shared, (*seen, longest)) + scope[len(longest) :]


def _closed(scope: str) -> str:
    return scope if not scope or scope.endswith(SEPARATOR) else scope + SEPARATOR
