"""Infer: shape and dtype of each blob of a checked net, where its inputs are known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import prod

from c2.errors import C2Error, SchemaError
from c2.graph.check import CheckedNet, CheckedOp
from c2.registry import Mismatch, TensorSpec
from c2.registry.schema import require, schema_error

Specs = dict[str, "TensorSpec | None"]
_ADDRESSES = 2**63


@dataclass
class InferredOp:
    """Specs of one operator's inputs and outputs; None where nothing is known."""

    checked: CheckedOp
    inputs: list[TensorSpec | None]
    outputs: list[TensorSpec | None]

    def flops(self) -> int | None:
        """Arithmetic operations, or None where a shape is unknown. A multiply-add counts as two."""
        known = [s for s in self.inputs if s is not None and s.shape is not None]
        if len(known) < len(self.inputs):
            return None
        if self.checked.schema.cost is not None:
            return int(self.checked.schema.cost(*known, **self.checked.args))
        first = self.outputs[0] if self.outputs else None
        return first.size if first is not None and first.shape is not None else None


@dataclass
class InferredNet:
    """What is known of a net's blobs; `blobs` holds the last version of each."""

    ops: list[InferredOp]
    blobs: Specs
    problems: list[SchemaError] = field(default_factory=list)


def infer_net(net: CheckedNet, known: Mapping[str, TensorSpec | None]) -> InferredNet:
    """Carries specs through a net; what breaks a rule is kept in `.problems` and unknown from there on."""
    blobs: Specs = dict(known)
    result = InferredNet([], blobs)
    for op in net.ops:
        specs = [blobs.get(name) for name in op.inputs]
        try:
            outputs = infer_op(op, specs)
        except SchemaError as error:
            result.problems.append(error)
            outputs = [None] * len(op.outputs)
        result.ops.append(InferredOp(op, specs, outputs))
        blobs.update(zip(op.outputs, outputs))
    return result


def infer_op(op: CheckedOp, specs: Sequence[TensorSpec | None]) -> list[TensorSpec | None]:
    """Specs of one operator's outputs. Raises SchemaError that names the operator and its inputs."""
    for name, spec, tensor in zip(op.inputs, specs, map(op.schema.input, range(len(specs)))):
        if spec is not None and str(spec.dtype) not in tensor.dtypes:
            allowed = ", ".join(sorted(tensor.dtypes))
            raise schema_error(
                op.where,
                Mismatch(f"dtype of input {tensor.name} '{name}'", f"one of {allowed}", spec.dtype,
                         "Feed another dtype, or put a Cast before it."),
                describe(op, specs),
            )  # fmt: skip
    try:
        outputs = op.schema.infer_outputs(specs, op.args, len(op.outputs))
        for k, spec in enumerate(outputs):
            _check_size(op, k, spec)
    except Mismatch as mismatch:
        raise schema_error(op.where, mismatch, describe(op, specs)) from None
    except C2Error:
        raise
    except (
        Exception
    ) as error:  # arithmetic on wild arguments: infinite scales, axes that are not there
        broken = (
            f"no shape follows from these inputs and arguments: {type(error).__name__}: {error}"
        )
        raise schema_error(op.where, broken, describe(op, specs)) from error
    return outputs


def _check_size(op: CheckedOp, k: int, spec: TensorSpec | None) -> None:
    """No array can have a negative dimension, or more bytes than an address can tell."""
    if spec is None or spec.shape is None:
        return
    name = f"output {op.schema.output(k).name}"
    require(
        all(d >= 0 for d in spec.shape),
        f"{name} would have a negative dimension",
        "0 or more",
        spec.shape,
    )
    counted = prod(d for d in spec.shape if d) * spec.dtype.itemsize
    require(
        counted < _ADDRESSES,
        f"{name} would be too large for any machine",
        "less than 2^63 bytes",
        spec.shape,
    )


def describe(op: CheckedOp, specs: Sequence[TensorSpec | None]) -> str:
    """`X 'data' float32 (1, 3, 4, 4)   W 'conv1_w' float32 (8, 3, 5, 5)`."""
    return "   ".join(
        f"{op.schema.input(k).name} '{name}' {'unknown' if spec is None else spec}"
        for k, (name, spec) in enumerate(zip(op.inputs, specs))
    )
