"""What a parameter starts as: an operator of the init net, or a value that somebody else brings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from c2.errors import SchemaError
from c2.graph.blob_reference import BlobReference
from c2.graph.net import Net


class ParameterInitializer(Protocol):
    """Anything that puts a parameter's first value into the init net."""

    def create_param(self, name: str, init_net: Net, shape: Sequence[int]) -> None:
        """Adds operators that make blob `name` of that shape."""


class Initializer:
    """An operator without inputs that makes the parameter.

        Initializer("GaussianFill", std=0.01)

    Args:
        operator: the operator's type: XavierFill, MSRAFill, ConstantFill, GaussianFill, ...
        args: its arguments but for `shape`.
    """

    def __init__(self, operator: str, **args: Any) -> None:
        self.operator = operator
        self.args = args

    def create_param(self, name: str, init_net: Net, shape: Sequence[int]) -> None:
        init_net.op(self.operator, (), BlobReference(name), shape=list(shape), **self.args)

    def __repr__(self) -> str:
        return f"Initializer({self.operator!r}, {self.args})"


class ExternalInitializer:
    """The parameter's value is fed or loaded by the caller: nothing is added to the init net."""

    def create_param(self, name: str, init_net: Net, shape: Sequence[int]) -> None:
        return None


Given = ParameterInitializer | str | tuple[str, dict[str, Any]] | None


def as_initializer(given: Given, operator: str, **args: Any) -> ParameterInitializer:
    """What was given as an initializer; `operator` with `args` where nothing was.

    Args:
        given: an initializer, the type of an operator, or Caffe2's pair (type, arguments).
    """
    if given is None:
        return Initializer(operator, **args)
    if isinstance(given, str):
        return Initializer(given)
    if isinstance(given, tuple):
        return Initializer(given[0], **given[1])
    if not hasattr(given, "create_param"):
        raise SchemaError(
            "an initializer must have create_param(name, init_net, shape), be an operator's type or a pair "
            f"(type, arguments), for example ('GaussianFill', {{'std': 0.01}}); got {given!r}"
        )
    return given
