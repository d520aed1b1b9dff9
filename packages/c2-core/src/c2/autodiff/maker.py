"""What a gradient maker is given: names of blobs and of their gradients, and a way to write operators.

@gradient(LEAKY_RELU)
def leaky_relu_gradient_maker(g):
    return [g.op("LeakyReluGradient", [g.O("Y"), g.GO("Y")], [g.GI("X")])]
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from c2.errors import GradientError
from c2.graph.op import create_op
from c2.registry.arguments import read_arguments
from c2.registry.schema import OpSchema


@dataclass(frozen=True)
class GradientSlice:
    """A sparse gradient: row `indices[i]` of the blob has the gradient `values[i]`; rows may repeat."""

    indices: str
    values: str


Gradient = str | GradientSlice | None


class GradientContext:
    """The forward operator and the gradients of its outputs, seen from its gradient maker.

    Blobs are named as in the schema, or by position where the schema's input is variadic.
    """

    def __init__(self, op: Any, schema: OpSchema, g_output: Sequence[Gradient]) -> None:
        self.op_def = op
        self.schema = schema
        self.g_output = list(g_output)
        self.g_input: list[Gradient] = [None] * len(op.input)
        self._args: dict[str, Any] | None = None

    @property
    def n_inputs(self) -> int:
        return len(self.op_def.input)

    @property
    def n_outputs(self) -> int:
        return len(self.op_def.output)

    @property
    def args(self) -> dict[str, Any]:
        """The arguments of the forward operator, defaults filled in."""
        if self._args is None:
            self._args, _, problems = read_arguments(self.schema.arg_by_name, self.op_def.arg)
            if problems:
                raise problems[0]
        return self._args

    def I(self, which: str | int) -> str:
        """The name of an input whose content the gradient reads; raises where the operator overwrote it in place."""
        if self.in_place(which):
            name = self.op_def.name or (self.op_def.output[0] if self.op_def.output else "")
            raise GradientError(
                f"{self.op_def.type} '{name}': its gradient reads input {self._called(which)} "
                f"'{self.shape_of(which)}', and the operator overwrote it in place. Give the output a name of its own"
            )
        return self.shape_of(which)

    def shape_of(self, which: str | int) -> str:
        """The name of an input of which the gradient reads the shape alone: it may be overwritten in place."""
        return str(self.op_def.input[self._input(which)])

    def in_place(self, which: str | int) -> bool:
        """Whether an output of the operator overwrites this input."""
        return self.op_def.input[self._input(which)] in self.op_def.output

    def O(self, which: str | int) -> str:
        """The name of an output."""
        return str(self.op_def.output[self._output(which)])

    def has_GO(self, which: str | int) -> bool:
        """Whether anything flows back into this output."""
        return self.g_output[self._output(which)] is not None

    def GO(self, which: str | int) -> str:
        """The name of an output's dense gradient; raises where there is none or it is sparse."""
        index = self._output(which)
        found = self.g_output[index]
        if not isinstance(found, str):
            kind = "sparse" if isinstance(found, GradientSlice) else "missing"
            raise GradientError(
                f"{self.op_def.type} {self.op_def.name!r}: the gradient of output '{self.op_def.output[index]}' "
                f"is {kind}, and {self.op_def.type} needs a dense one to differentiate"
            )
        return found

    def GI(self, which: str | int) -> str:
        """Promises a dense gradient of an input and returns the name that it must get, `<input>_grad`."""
        index = self._input(which)
        name = f"{self.op_def.input[index]}_grad"
        self.g_input[index] = name
        return name

    def GI_slice(self, which: str | int) -> GradientSlice:
        """Promises a sparse gradient of an input, `<input>_grad_indices` and `<input>_grad_values`."""
        base = f"{self.op_def.input[self._input(which)]}_grad"
        found = GradientSlice(f"{base}_indices", f"{base}_values")
        self.g_input[self._input(which)] = found
        return found

    def set_dense(self, which: str | int, blob: str) -> None:
        """The gradient of an input is an existing blob: nothing to compute."""
        self.g_input[self._input(which)] = blob

    def set_sparse(self, which: str | int, indices: str, values: str) -> None:
        """The gradient of an input is sparse, made of existing (or promised) blobs."""
        self.g_input[self._input(which)] = GradientSlice(indices, values)

    def op(
        self,
        type_: str,
        inputs: Sequence[str],
        outputs: Sequence[str],
        *,
        copy_args: bool = True,
        **args: Any,
    ) -> Any:
        """An OperatorDef on the forward operator's device and engine, with its arguments unless told otherwise."""
        made = create_op(type_, inputs, outputs, **args)
        if self.op_def.HasField("device_option"):
            made.device_option.CopyFrom(self.op_def.device_option)
        made.name = ""  # set though empty, as Caffe2 does
        if self.op_def.HasField("engine"):
            made.engine = self.op_def.engine
        if copy_args:
            made.arg.extend(self.op_def.arg)
        made.is_gradient_op = True
        return made

    def _called(self, which: str | int) -> str:
        return self.schema.input(self._input(which)).name

    def _input(self, which: str | int) -> int:
        return which if isinstance(which, int) else self.schema.index_of_input(which)

    def _output(self, which: str | int) -> int:
        return which if isinstance(which, int) else self.schema.index_of_output(which)
