"""Which optimizer a parameter gets that is created now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType
from typing import TYPE_CHECKING

from c2.build.parameter_info import ParameterTag

if TYPE_CHECKING:
    from c2.build.optimizer.base import Optimizer

_chosen: ContextVar[Mapping[ParameterTag | None, Optimizer]] = ContextVar(
    "c2_optimizer", default=MappingProxyType({})
)


@contextmanager
def use_optimizer(
    default: Optimizer | None = None, *, by_tag: Mapping[ParameterTag, Optimizer] | None = None
) -> Iterator[None]:
    """Parameters created inside the `with` are updated by these, whatever optimizer is built for the model.

    Args:
        default: for parameters whose tags are not named.
        by_tag: for parameters with a tag, for example {ParameterTag.BIAS: ...}.
    """
    new = dict(_chosen.get())
    for tag, optimizer in (by_tag or {}).items():
        new[tag] = optimizer
    if default is not None:
        new[None] = default
    token = _chosen.set(new)
    try:
        yield
    finally:
        _chosen.reset(token)


def chosen_optimizer(tags: frozenset[ParameterTag]) -> Optimizer | None:
    """The optimizer of the innermost `use_optimizer` for these tags."""
    chosen = _chosen.get()
    for tag in sorted(tags, key=lambda t: t.value):
        if tag in chosen:
            return chosen[tag]
    return chosen.get(None)
