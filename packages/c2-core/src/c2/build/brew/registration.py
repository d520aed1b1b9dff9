"""brew functions: how their arguments get defaults from a model and from `arg_scope`, and how others add theirs."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any, TypeVar

from c2.errors import DuplicateRegistration, SchemaError

Helper = TypeVar("Helper", bound=Callable[..., Any])

_helpers: dict[str, Callable[..., Any]] = {}
_scopes: ContextVar[Mapping[str, Mapping[str, Any]]] = ContextVar(
    "c2_arg_scope", default=MappingProxyType({})
)


def register(function: Helper) -> Helper:
    """Makes `function(model, ...)` a brew function: `c2.brew.<its name>`, with arguments from `arg_scope`.

        @c2.brew.register
        def conv_relu(model, blob_in, blob_out, dim_in, dim_out, kernel, **args): ...

    Raises:
        DuplicateRegistration: there is one of that name.
    """
    name = function.__name__
    if name in _helpers:
        other = f"{_helpers[name].__module__}.{name}"
        raise DuplicateRegistration(
            f"brew function '{name}' of {function.__module__} is registered already by {other}; give it another name"
        )
    signature = inspect.signature(function)
    kinds = [p.kind for p in signature.parameters.values()]

    @functools.wraps(function)
    def call(model: Any, *args: Any, **given: Any) -> Any:
        defaults = {**model.arg_scope, **_scopes.get().get(name, {})}
        if inspect.Parameter.VAR_KEYWORD not in kinds:
            defaults = {k: v for k, v in defaults.items() if k in signature.parameters}
        positional = signature.bind_partial(model, *args).arguments
        defaults = {k: v for k, v in defaults.items() if k not in positional}
        return function(model, *args, **{**defaults, **given})

    _helpers[name] = call
    return call  # type: ignore[return-value]


def registered(name: str) -> Callable[..., Any] | None:
    """The brew function of that name."""
    return _helpers.get(name)


def names() -> list[str]:
    """Names of all brew functions."""
    return sorted(_helpers)


@contextmanager
def arg_scope(
    functions: Callable[..., Any] | str | Iterable[Callable[..., Any] | str], **args: Any
) -> Iterator[None]:
    """Default arguments for some brew functions inside the `with`.

        with c2.brew.arg_scope([c2.brew.conv, c2.brew.fc], weight_init=("GaussianFill", {"std": 0.01})):
            ...

    Inner scopes add to outer ones and win; what is written in a call wins over both.

    Raises:
        SchemaError: something is no brew function.
    """
    several = isinstance(functions, Iterable) and not isinstance(functions, str)
    chosen = [_name_of(f) for f in (functions if several else [functions])]  # type: ignore[union-attr]
    scopes = dict(_scopes.get())
    for name in chosen:
        scopes[name] = {**scopes.get(name, {}), **args}
    token = _scopes.set(scopes)
    try:
        yield
    finally:
        _scopes.reset(token)


def _name_of(function: Any) -> str:
    name = function if isinstance(function, str) else getattr(function, "__name__", repr(function))
    if name not in _helpers:
        from c2.errors import did_you_mean

        raise SchemaError(
            f"arg_scope: '{name}' is no brew function.{did_you_mean(name, _helpers)} Register it first: brew.register"
        )
    return str(name)
