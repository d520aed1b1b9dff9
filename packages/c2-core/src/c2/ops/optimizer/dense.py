"""What dense optimizers share: rules of their inputs, and outputs that begin as the inputs."""

from __future__ import annotations

from typing import Any

from c2.ops.results import stored
from c2.ops.rules import one_element, same_dtype, same_size
from c2.registry import Tensor, TensorSpec
from c2.registry.spec import FLOAT

PARAM = Tensor("param", "any shape", FLOAT)
GRAD = Tensor("grad", "gradient, size and dtype of param", FLOAT)
LR = Tensor("lr", "learning rate, one element; dtype of param", FLOAT)
ITER = Tensor("iter", "iteration, one element", frozenset({"int64"}))


def moment(name: str, doc: str) -> Tensor:
    """A state of the optimizer, as large as the parameter."""
    return Tensor(name, f"{doc}; size and dtype of param", FLOAT)


def output(name: str, doc: str, optional: bool = False) -> Tensor:
    return Tensor(f"output_{name}", doc, FLOAT, optional=optional)


def check_update(lr: TensorSpec | None, **arrays: TensorSpec) -> None:
    """Rules of an update: sizes and dtypes are equal, the learning rate is one number."""
    same_dtype(**arrays, lr=lr)
    same_size(**arrays)
    one_element(lr=lr)


def like(*specs: TensorSpec) -> tuple[TensorSpec, ...]:
    """Outputs that look like inputs."""
    return tuple(TensorSpec(s.shape, s.dtype) for s in specs)


def begun(xp: Any, out: Any, n_outputs: int, *inputs: Any) -> tuple[Any, ...]:
    """The outputs, shaped like inputs and holding their values, to be changed in place; those not asked for are None.

    In place an output is the input itself, and nothing is copied.
    """
    given = (None,) * n_outputs if out is None else out if isinstance(out, tuple) else (out,)
    kept = [stored(xp, X, target) for X, target in zip(inputs, given)]
    return (*kept, *(None,) * (len(inputs) - len(kept)))
