"""Which parameters a function names: how kernels and shape inference ask for more than arrays and arguments."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from types import FunctionType
from typing import Any


def parameter_names(function: Callable[..., Any]) -> frozenset[str]:
    """Names of the parameters; of a class, those of making it.

    Plain functions are read off their code: `inspect.signature` takes 50 us, and a registry asks a thousand times.
    """
    if inspect.isclass(function):
        made = (
            function.__init__ if isinstance(function.__init__, FunctionType) else function.__new__
        )
        return parameter_names(made)
    if isinstance(function, FunctionType) and not hasattr(function, "__wrapped__"):
        code = function.__code__
        return frozenset(code.co_varnames[: code.co_argcount + code.co_kwonlyargcount])
    return frozenset(inspect.signature(function).parameters)
