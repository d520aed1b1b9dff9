"""The decorators by which a module says what it holds. They only mark; `Registry.add_module` registers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from c2.registry.schema import OpSchema

F = TypeVar("F", bound=Callable[..., Any])
PORTABLE = "*"  # the device of a kernel written against an array namespace
_MARKS = "__c2_marks__"


@dataclass(frozen=True)
class Mark:
    """What a function or class is for: "kernel", "gradient", "cases" or "native", of which operator type.

    A native kernel may be for a reduced `precision`; `usable()` then says why this machine has it not, or None.
    """

    role: str
    type: str
    function: Callable[..., Any]
    device: str = PORTABLE
    engine: str = ""
    supports: Callable[..., str | None] | None = None
    precision: str = "fp32"
    usable: Callable[[], str | None] | None = None


@dataclass
class Case:
    """One test case of an operator: inputs, arguments, and what must come out by another formula.

    Attributes:
        inputs: input name -> array; a list of arrays for a variadic input; any object for a blob. Leave an
            optional input out.
        args: arguments of the operator.
        expect: output name -> array (list for a variadic output). Outputs left out are only run.
        check: for operators of chance: called with the outputs in order, raises AssertionError.
        grad: names of inputs whose gradient is compared with a difference quotient; None: every float input for
            which the maker gives a gradient; (): none (points where the function has a kink).
        outputs: number of outputs to ask for, where not all.
        inplace: may be run in place too (ends of the schema's in-place pairs); False where the case forbids it.
        id: shown in the test's name.
    """

    inputs: Mapping[str, Any]
    args: Mapping[str, Any] = field(default_factory=dict)
    expect: Mapping[str, Any] = field(default_factory=dict)
    check: Callable[..., None] | None = None
    grad: Iterable[str] | None = None
    outputs: int | None = None
    inplace: bool = True
    id: str = ""


@dataclass
class Operator:
    """Schema, kernels, gradient maker and cases in one object, for tables of operators that share a formula."""

    schema: OpSchema
    kernel: Callable[..., Any] | None = None
    gradient: Callable[..., Any] | None = None
    cases: Callable[..., Iterator[Case]] | None = None
    device: str = PORTABLE  # of the kernel


def _type(schema: OpSchema | str) -> str:
    return schema if isinstance(schema, str) else schema.type


def _mark(function: Any, mark: Mark) -> None:
    setattr(function, _MARKS, (*getattr(function, _MARKS, ()), mark))


def marks_of(function: Any) -> tuple[Mark, ...]:
    marks: tuple[Mark, ...] = getattr(function, _MARKS, ())
    return marks


def kernel(
    *schemas: OpSchema | str,
    device: str = PORTABLE,
    engine: str = "",
    supports: Callable[..., str | None] | None = None,
) -> Callable[[F], F]:
    """Marks a function or class as the kernel of operators.

    A function is called `f(xp, *inputs, **args)`; it gets `out` (a buffer, or a tuple of them), `rng`, `n_outputs`
    or `context` where it names them. A class is made once, `K(xp, *input specs, **args)`, and called at every run.

    Args:
        device: the device's name, or "*" for a portable kernel.
        engine: "" for the reference kernel.
        supports: `supports(*input specs, **args)` returns None, or the reason why this kernel declines.
    """

    def decorate(function: F) -> F:
        for schema in schemas:
            _mark(function, Mark("kernel", _type(schema), function, device, engine, supports))
        return function

    return decorate


def gradient(*schemas: OpSchema | str) -> Callable[[F], F]:
    """Marks a gradient maker: `maker(g)` returns the OperatorDefs that compute the inputs' gradients."""
    return _decorator("gradient", schemas)


def cases(*schemas: OpSchema | str) -> Callable[[F], F]:
    """Marks a generator of test cases, `cases(rng)`, exported with the operator for every back end to pass."""
    return _decorator("cases", schemas)


def native(
    *schemas: OpSchema | str,
    device: str = "CPU",
    engine: str,
    supports: Callable[..., str | None] | None = None,
    precision: str = "fp32",
    usable: Callable[[], str | None] | None = None,
) -> Callable[[F], F]:
    """Marks a builder of native kernels (see `c2.compile.native`).

    Args:
        precision: what it computes in; others than "fp32" are for nets that ask for it (see `c2.compile.precision`).
        usable: returns None, or the reason why this machine does not have that precision.
    """

    def decorate(function: F) -> F:
        for schema in schemas:
            mark = Mark(
                "native", _type(schema), function, device, engine, supports, precision, usable
            )
            _mark(function, mark)
        return function

    return decorate


def _decorator(role: str, schemas: tuple[OpSchema | str, ...]) -> Callable[[F], F]:
    def decorate(function: F) -> F:
        for schema in schemas:
            _mark(function, Mark(role, _type(schema), function))
        return function

    return decorate
