"""Test cases that all binary operators share: shapes under both rules of broadcasting."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from c2.registry import Case

# Shapes of A and B, arguments, and the shape that lets NumPy stretch B as the arguments say.
LAYOUTS: tuple[tuple[Any, Any, dict[str, Any], Any], ...] = (
    ((), (), {}, ()),
    ((0,), (0,), {}, (0,)),
    ((0, 3), (3,), {}, (3,)),
    ((2, 3), (2, 3), {}, (2, 3)),
    ((2, 3, 4), (3, 1), {}, (3, 1)),
    ((3,), (2, 1), {}, (2, 1)),
    ((2, 3), (2, 3), {"axis": 0}, (2, 3)),
    ((2, 3, 4), (4,), {"broadcast": 1}, (4,)),
    ((2, 3, 4), (3,), {"broadcast": 1, "axis": 1}, (3, 1)),
    ((2, 3, 4), (2, 3), {"broadcast": 1, "axis": 0}, (2, 3, 1)),
    ((2, 3, 4), (1, 3, 1), {"broadcast": 1}, (1, 3, 1)),
    ((2, 3), (1, 1, 1), {"broadcast": 1}, ()),
    ((2, 3, 1, 2), (3,), {"broadcast": 1, "axis_str": "C"}, (3, 1, 1)),
    ((2, 1, 2, 3), (3,), {"broadcast": 1, "axis_str": "C", "order": "NHWC"}, (3,)),
)

Draw = Callable[[np.random.Generator, tuple[int, ...]], Any]


def binary_cases(expect: Callable[[Any, Any], Any], draw: Draw, *more: Draw) -> Any:
    """Every layout with the first sampler, and equal shapes with the others."""

    def cases(rng: np.random.Generator) -> Iterator[Case]:
        for a, b, args, stretched in LAYOUTS:
            A, B = draw(rng, a), draw(rng, b)
            yield Case({"A": A, "B": B}, args, expect={"C": expect(A, B.reshape(stretched))})
        for sampler in more:
            A, B = sampler(rng, (4, 5)), sampler(rng, (5,))
            yield Case({"A": A, "B": B}, expect={"C": expect(A, B)})

    return cases


def gradient_cases(
    function: Callable[[Any, Any], Any],
    slopes: Callable[[Any, Any], tuple[Any, Any]],
    draw: Draw,
    reads: str,
) -> Any:
    """Gradients over every layout: the slope at each element of C, summed over what was stretched, one by one.

    Args:
        slopes: dC/dA and dC/dB for arrays of C's shape.
        reads: names of the inputs.
    """

    def cases(rng: np.random.Generator) -> Iterator[Case]:
        for a, b, args, stretched in LAYOUTS:
            A, B = draw(rng, a), draw(rng, b)
            seen = B.reshape(stretched)
            C = np.asarray(function(A, seen))
            dC = np.asarray(rng.uniform(-1, 1, C.shape))
            to_A, to_B = slopes(*np.broadcast_arrays(A, seen))
            inputs = {
                n: v for n, v in {"dC": dC, "A": A, "B": B, "C": C}.items() if n in reads.split()
            }
            expected = {"dA": gathered(dC * to_A, A), "dB": gathered(dC * to_B, seen).reshape(b)}
            yield Case(inputs, args, expect=expected, inplace=a == b)

    return cases


def gathered(value: Any, operand: Any) -> Any:
    """The sum of `value` at the elements that one element of the operand was stretched to."""
    owner = np.arange(operand.size).reshape(operand.shape)
    total = np.zeros(operand.size)
    np.add.at(total, np.broadcast_to(owner, value.shape).ravel(), value.ravel())
    return total.reshape(operand.shape)


def floats(low: float, high: float) -> Draw:
    """Numbers of both signs, from `low` to `high` away from 0."""
    return lambda rng, shape: np.asarray(rng.uniform(low, high, shape) * rng.choice([-1, 1], shape))


def integers(dtype: Any = np.int32) -> Draw:
    """Small integers of both signs without 0."""
    return lambda rng, shape: np.asarray(
        rng.integers(1, 9, shape) * rng.choice([-1, 1], shape), dtype
    )


def few(*values: Any, dtype: Any) -> Draw:
    """One of a few values: equal pairs come up."""
    return lambda rng, shape: np.asarray(rng.choice(values, shape), dtype)
