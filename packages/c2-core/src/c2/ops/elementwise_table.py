"""Builders of operators of one input from table rows.

A row says what differs: the function, its derivative, and both once more in another form to test against.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from c2.ops.elementwise import alike, chain, ufunc
from c2.registry import Arg, Case, NoGradient, Operator, OpSchema, Tensor, same_as
from c2.registry.spec import FLOAT

Sampler = Callable[[np.random.Generator, tuple[int, ...]], Any]
Reference = Callable[..., Any]
SHAPES: tuple[tuple[int, ...], ...] = ((), (0,), (3,), (2, 3, 4))


# -- samples to test at


def between(low: float, high: float) -> Sampler:
    """Draws from an interval on which the function is smooth."""
    return lambda rng, shape: np.asarray(rng.uniform(low, high, shape))


def around(kink: float, low: float, high: float) -> Sampler:
    """Draws from both sides of a kink, at a distance from `low` to `high`."""

    def draw(rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
        return np.asarray(kink + rng.uniform(low, high, shape) * rng.choice([-1.0, 1.0], shape))

    return draw


def forward_cases(name: str, expect: Reference, draw: Sampler, output: str, samples: Any) -> Any:
    """Cases of Y = f(X) over all shapes and samples of the arguments."""

    def cases(rng: np.random.Generator) -> Iterator[Case]:
        for args in samples:
            for shape in SHAPES:
                X = draw(rng, shape)
                yield Case({name: X}, args, expect={output: expect(X, **args)})

    return cases


def gradient_cases(order: str, expect: Reference, draw: Sampler, samples: Any) -> Any:
    """Cases of dX = f'(V) * dY."""
    reads = order.replace("dY", "").strip()

    def cases(rng: np.random.Generator) -> Iterator[Case]:
        for args in samples:
            for shape in SHAPES:
                V, dY = draw(rng, shape), np.asarray(rng.uniform(-1, 1, shape))
                yield Case({reads: V, "dY": dY}, args, expect={"dX": expect(V, **args) * dY})

    return cases


# -- builders


def unary(
    type_: str,
    doc: str,
    kernel: Any,
    expect: Reference,
    draw: Sampler,
    *,
    names: tuple[str, str] = ("X", "Y"),
    dtypes: frozenset[str] = FLOAT,
    inplace: bool = False,
    args: Sequence[Arg] = (),
    samples: Sequence[Mapping[str, Any]] = ({},),
    gradient: NoGradient | Callable[..., Any],
    infer: Any = None,
) -> Operator:
    """An operator Y = f(X). `kernel` may be the name of a function that every array namespace has.

    Args:
        expect: f in another form, on NumPy arrays in float64.
        draw: where to test it.
        samples: arguments to test it with.
        gradient: the gradient maker, or why there is none.
    """
    x, y = names
    schema = OpSchema(
        type_,
        doc=doc,
        inputs=[Tensor(x, "any shape", dtypes)],
        outputs=[Tensor(y, f"shape and dtype of {x}")],
        args=args,
        infer=infer or same_as(x),
        inplace={x: y} if inplace else {},
        gradient=gradient if isinstance(gradient, NoGradient) else None,
    )
    return Operator(
        schema,
        ufunc(kernel) if isinstance(kernel, str) else kernel,
        None if isinstance(gradient, NoGradient) else gradient,
        forward_cases(x, expect, draw, y, samples),
    )


def unary_gradient(
    type_: str,
    doc: str,
    order: str,
    slope: Callable[..., Any],
    expect: Reference,
    draw: Sampler,
    *,
    dtypes: frozenset[str] = FLOAT,
    inplace: bool = True,
    args: Sequence[Arg] = (),
    samples: Sequence[Mapping[str, Any]] = ({},),
) -> Operator:
    """The operator dX = slope * dY. `order` names its inputs: X or Y of the forward operator, and dY."""
    names = order.split()
    what = {"X": "input", "Y": "output", "dY": "gradient of the output"}
    forward = type_.removesuffix("Gradient")
    schema = OpSchema(
        type_,
        doc=doc,
        inputs=[Tensor(n, f"{what[n]} of {forward}", dtypes) for n in names],
        outputs=[Tensor("dX", "gradient of the input")],
        args=args,
        infer=alike(*names),
        inplace={"dY": "dX"} if inplace else {},
        gradient=NoGradient.FORBIDDEN,
    )
    return Operator(schema, chain(slope, order), None, gradient_cases(order, expect, draw, samples))


def gradient_maker(type_: str, order: str) -> Callable[..., Any]:
    """A maker of one operator that reads X or Y and dY in that order."""

    def maker(g: Any) -> list[Any]:
        blobs = {"X": lambda: g.I(0), "Y": lambda: g.O(0), "dY": lambda: g.GO(0)}
        return [g.op(type_, [blobs[n]() for n in order.split()], [g.GI(0)])]

    return maker


def differentiable(
    type_: str,
    doc: str,
    kernel: Any,
    expect: Reference,
    draw: Sampler,
    *,
    order: str,
    slope: Callable[..., Any],
    slope_doc: str,
    expect_slope: Reference,
    draw_slope: Sampler | None = None,
    names: tuple[str, str] = ("X", "Y"),
    dtypes: frozenset[str] = FLOAT,
    inplace: bool = False,
    inplace_gradient: bool = False,
    args: Sequence[Arg] = (),
    samples: Sequence[Mapping[str, Any]] = ({},),
    infer: Any = None,
) -> list[Operator]:
    """An operator and its gradient operator.

    Args:
        order: inputs of the gradient operator, "Y dY".
        slope: the derivative from X or Y, `slope(xp, V, out, **args)`.
        expect_slope: the derivative in another form.
        draw_slope: where to test it; by default where the function is tested.
    """
    maker = gradient_maker(f"{type_}Gradient", order)
    return [
        unary(
            type_, doc, kernel, expect, draw, names=names, dtypes=dtypes, inplace=inplace, args=args,
            samples=samples, gradient=maker, infer=infer,
        ),
        unary_gradient(
            f"{type_}Gradient", slope_doc, order, slope, expect_slope, draw_slope or draw, dtypes=dtypes,
            inplace=inplace_gradient, args=args, samples=samples,
        ),
    ]  # fmt: skip
