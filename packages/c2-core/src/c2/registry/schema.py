"""OpSchema: what an operator takes, gives and promises. It is the operator's documentation too."""

from __future__ import annotations

import enum
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from c2.errors import SchemaError
from c2.registry.arguments import Arg
from c2.registry.parameters import parameter_names
from c2.registry.spec import ANY, TensorSpec

Infer = Callable[..., "TensorSpec | tuple[TensorSpec | None, ...] | None"]


class NoGradient(enum.Enum):
    """The three ways of Caffe2 to have no gradient."""

    STOPS = "stops"  # gradients end here in silence: the operator is flat, or made of integers
    FORBIDDEN = "forbidden"  # reaching it while differentiating is a mistake of the net: raise
    NOT_IMPLEMENTED = "not implemented"  # it has a gradient in mathematics that nobody wrote: raise


@dataclass(frozen=True)
class Tensor:
    """An input or output: its name in the field's letters, documentation and allowed dtypes.

    `optional` ones stand at the end. A `variadic` one is the last and stands for `minimum` or more blobs.
    `blob=True` admits something that is not a tensor (a counter, a queue, a string).
    """

    name: str
    doc: str = ""
    dtypes: frozenset[str] = ANY
    optional: bool = False
    variadic: bool = False
    minimum: int = 1
    blob: bool = False


class Mismatch(Exception):
    """A rule of an operator that does not hold; `infer` raises it, the caller adds which operator and where."""

    def __init__(
        self, rule: str, expected: object = None, actual: object = None, fix: str = ""
    ) -> None:
        super().__init__(rule)
        self.rule, self.expected, self.actual, self.fix = rule, expected, actual, fix

    def __str__(self) -> str:
        text = self.rule
        if self.expected is not None or self.actual is not None:
            text += f"\n  expected {self.expected}, got {self.actual}"
        return text + (f"\n  {self.fix}" if self.fix else "")


def require(
    holds: bool, rule: str, expected: object = None, actual: object = None, fix: str = ""
) -> None:
    """States a rule inside `infer`: raises Mismatch, in the user's names, where it does not hold."""
    if not holds:
        raise Mismatch(rule, expected, actual, fix)


@dataclass(eq=False)
class OpSchema:
    """One operator type of Caffe2 (or of a plugin).

    Attributes:
        type: Caffe2's type name, the operator's identity.
        doc: formula first, then edge values, then the source, then "Differs from Caffe2:" if it does.
        inputs, outputs: in Caffe2's order.
        args: typed, documented arguments; kernels get them as keywords, in this order.
        infer: `infer(*input specs, **args)` gives the spec of each output, as a kernel would give arrays;
            it states the rules between shapes with `require`. It may name `n_outputs` to be told how many
            outputs the operator has. `None` in the result: not a tensor, or nothing is known.
        values: names of inputs whose values, not only shapes, `infer` reads (`spec.value`); where one is not
            known before the run, shapes are found during it.
        inplace: pairs input -> output that may be the same blob; for a variadic name: its first blob.
        inplace_required: pairs that must be the same blob (parameters that an optimizer updates).
        gradient: an answer where there is no gradient maker.
        cost: FLOPs, `cost(*input specs, **args) -> int`; the default is one per element of the first output.
        check: `check(n_inputs, n_outputs, args)` returns what is wrong with the numbers of blobs, or None.
        shares: the first output is the memory of the first input under another name (Alias): what is written to one
            is seen in the other.
        allow: "files", "python" or "network" where the operator touches them: it runs only where allowed.
    """

    type: str
    doc: str = ""
    inputs: Sequence[Tensor] = ()
    outputs: Sequence[Tensor] = ()
    args: Sequence[Arg] = ()
    infer: Infer | None = None
    values: frozenset[str] | Sequence[str] = frozenset()
    inplace: Mapping[str, str] | Sequence[tuple[str, str]] = field(default_factory=dict)
    inplace_required: Mapping[str, str] | Sequence[tuple[str, str]] = field(default_factory=dict)
    gradient: NoGradient | None = None
    cost: Callable[..., int] | None = None
    check: Callable[[int, int, dict[str, Any]], str | None] | None = None
    shares: bool = False
    allow: str | None = None

    def __post_init__(self) -> None:
        self.doc = inspect.cleandoc(self.doc)
        self.inputs, self.outputs, self.args = (
            tuple(self.inputs),
            tuple(self.outputs),
            tuple(self.args),
        )
        self.values = frozenset(self.values)
        self.arg_by_name = {a.name: a for a in self.args}
        self.inplace_pairs = _pairs(self.inplace, self.inputs, self.outputs)
        self.inplace_required_pairs = _pairs(self.inplace_required, self.inputs, self.outputs)
        if isinstance(self.infer, _SameAs):
            self.infer = self.infer.bind(self)
        self._infer_names_n_outputs = self.infer is not None and "n_outputs" in parameter_names(
            self.infer
        )

    @property
    def input_range(self) -> tuple[int, int | None]:
        """Fewest and most inputs; None: no upper bound."""
        return _range(self.inputs)

    @property
    def output_range(self) -> tuple[int, int | None]:
        return _range(self.outputs)

    def input(self, index: int) -> Tensor:
        return self.inputs[min(index, len(self.inputs) - 1)]

    def output(self, index: int) -> Tensor:
        return self.outputs[min(index, len(self.outputs) - 1)]

    def index_of_output(self, name: str) -> int:
        return [o.name for o in self.outputs].index(name)

    def index_of_input(self, name: str) -> int:
        return [i.name for i in self.inputs].index(name)

    def infer_outputs(
        self, specs: Sequence[TensorSpec | None], args: dict[str, Any], n_outputs: int
    ) -> list[TensorSpec | None]:
        """Specs of the first `n_outputs` outputs; all None where a tensor is unknown. Raises Mismatch."""
        tensors = (s for k, s in enumerate(specs) if not self.input(k).blob)
        if self.infer is None or any(map(_is_unknown, tensors)):
            return [None] * n_outputs
        extra = {"n_outputs": n_outputs} if self._infer_names_n_outputs else {}
        result = self.infer(*specs, **args, **extra)
        found = list(result) if isinstance(result, (tuple, list)) else [result]
        return (found + [None] * n_outputs)[:n_outputs]


def _is_unknown(spec: TensorSpec | None) -> bool:
    return spec is None or spec.shape is None


def _range(tensors: Sequence[Tensor]) -> tuple[int, int | None]:
    least = sum(t.minimum if t.variadic else not t.optional for t in tensors)
    return int(least), None if any(t.variadic for t in tensors) else len(tensors)


def _pairs(
    given: Mapping[str, str] | Sequence[tuple[str, str]],
    inputs: Sequence[Tensor],
    outputs: Sequence[Tensor],
) -> frozenset[tuple[int, int]]:
    items = given.items() if isinstance(given, Mapping) else given
    names_in, names_out = [t.name for t in inputs], [t.name for t in outputs]
    return frozenset((names_in.index(i), names_out.index(o)) for i, o in items)


def same_as(name: str, **dtypes: str) -> Infer:
    """Shape inference for outputs that all look like one input: `same_as("X")`, or `same_as("X", dtype="bool")`."""
    return _SameAs(name, dtypes.get("dtype"))


class _SameAs:
    """Finds the named input by position when the schema is bound to it (the first input unless told)."""

    def __init__(self, name: str, dtype: str | None) -> None:
        self.name, self.dtype = name, dtype

    def bind(self, schema: OpSchema) -> Infer:
        index = schema.index_of_input(self.name)
        n = len(schema.outputs)
        dtype = None if self.dtype is None else np.dtype(self.dtype)

        def infer(*specs: TensorSpec, **args: Any) -> tuple[TensorSpec, ...]:
            spec = TensorSpec(specs[index].shape, dtype or specs[index].dtype)
            return (spec,) * n

        return infer

    def __call__(self, *specs: TensorSpec, **args: Any) -> TensorSpec:
        raise AssertionError("same_as is bound by OpSchema")


def schema_error(where: str, mismatch: Mismatch | str, inputs: str = "") -> SchemaError:
    """The error for a broken rule: where first, then the rule, expected and actual, then the inputs."""
    return SchemaError(f"{where}: {mismatch}" + (f"\n  {inputs}" if inputs else ""))
