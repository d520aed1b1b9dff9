"""Summary: a net's operators with shapes, parameters, arithmetic and memory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from html import escape
from math import prod
from typing import Any

import numpy as np

from c2.graph.check import find_problems
from c2.graph.infer import infer_net
from c2.registry import TensorSpec
from c2.registry.spec import spec_of


@dataclass
class Row:
    """One operator. Sizes are None where a shape is not known."""

    index: int
    type: str
    name: str
    inputs: list[str]
    outputs: list[str]
    shape: tuple[int, ...] | None
    dtype: str
    parameters: int
    flops: int | None
    output_bytes: int | None


@dataclass
class NetSummary:
    """A table of a net. Prints as text, shows as HTML in notebooks, `as_dict()` for machines.

    Attributes:
        parameters: number of parameter elements, each counted once.
        flops: sum over operators of known cost; a multiply-add counts as two.
        activation_bytes: all outputs together, as the simple net keeps them.
        unknown: operators without known output shape.
        placement: what running it will do beyond what the net says: copies between devices, operators that fall back.
    """

    name: str
    rows: list[Row]
    parameters: int
    parameter_bytes: int
    flops: int
    activation_bytes: int
    unknown: int
    problems: list[str] = field(default_factory=list)
    placement: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    def __str__(self) -> str:
        head = ("#", "operator", "output", "shape", "parameters", "MFLOP", "kB")
        table = [head, *(self._cells(r) for r in self.rows)]
        widths = [max(len(row[k]) for row in table) for k in range(len(head))]
        lines = [
            "  ".join(
                c.ljust(w) if k in (1, 2, 3) else c.rjust(w)
                for k, (c, w) in enumerate(zip(row, widths))
            )
            for row in table
        ]
        lines.insert(1, "-" * len(lines[0]))
        return "\n".join(
            [*(line.rstrip() for line in lines), self.totals(), *self.placement, *self.problems]
        )

    def totals(self) -> str:
        text = (
            f"{self.name}: {len(self.rows)} operators, {self.parameters:,} parameters "
            f"({self.parameter_bytes / 1e6:.1f} MB), {self.flops / 1e9:.3f} GFLOP, "
            f"{self.activation_bytes / 1e6:.1f} MB of outputs"
        )
        return text + (f"; {self.unknown} operators of unknown shape" if self.unknown else "")

    def _repr_html_(self) -> str:
        head = "".join(
            f"<th>{h}</th>"
            for h in ("#", "operator", "output", "shape", "parameters", "MFLOP", "kB")
        )
        body = "".join(
            "<tr>" + "".join(f"<td>{escape(c)}</td>" for c in self._cells(r)) + "</tr>"
            for r in self.rows
        )
        return f"<table><tr>{head}</tr>{body}</table><p>{escape(self.totals())}</p>"

    @staticmethod
    def _cells(row: Row) -> tuple[str, ...]:
        return (
            str(row.index),
            row.type,
            ", ".join(row.outputs),
            "?" if row.shape is None else " x ".join(map(str, row.shape)) or "scalar",
            f"{row.parameters:,}" if row.parameters else "",
            "?" if row.flops is None else f"{row.flops / 1e6:.3f}",
            "?" if row.output_bytes is None else f"{row.output_bytes / 1e3:.1f}",
        )


def summarize(
    proto: Any,
    specs: Mapping[str, Any],
    parameters: Iterable[str] | None = None,
    registry: Any = None,
) -> NetSummary:
    """The summary of a NetDef.

    Args:
        specs: of the external inputs: TensorSpec, array, or a shape (float32 then).
        parameters: external inputs that are parameters; None: those that are never the first input of an operator.
    """
    checked = find_problems(proto, registry)
    known = {str(n): as_spec(v) for n, v in specs.items()}
    inferred = infer_net(checked, known)
    if parameters is None:
        first = {op.inputs[0] for op in checked.ops if op.inputs}
        parameters = [n for n in checked.needs() if n not in first]
    unseen = {n: known[n] for n in parameters if known.get(n) is not None}
    total = {n: s.size for n, s in unseen.items() if s is not None and s.shape is not None}
    bytes_ = sum(s.nbytes for s in unseen.values() if s is not None and s.shape is not None)
    rows = []
    counted: set[str] = set()
    for op in inferred.ops:
        outputs = [s for s in op.outputs if s is not None and s.shape is not None]
        own = [n for n in dict.fromkeys(op.checked.inputs) if n in total and n not in counted]
        counted.update(own)
        first_spec = op.outputs[0] if op.outputs else None
        rows.append(
            Row(
                op.checked.index, op.checked.type, op.checked.op.name, op.checked.inputs, op.checked.outputs,
                first_spec.shape if first_spec is not None else None,
                str(first_spec.dtype) if first_spec is not None else "",
                sum(total[n] for n in own), op.flops(),
                sum(s.nbytes for s in outputs) if len(outputs) == len(op.outputs) else None,
            )
        )  # fmt: skip
    problems = [str(p) for p in (*checked.problems, *inferred.problems)]
    placement = _placement(checked, registry)
    return NetSummary(
        str(proto.name), rows, sum(total.values()), bytes_,
        sum(r.flops or 0 for r in rows), sum(r.output_bytes or 0 for r in rows),
        sum(r.shape is None for r in rows), problems, placement,
    )  # fmt: skip


def _placement(checked: Any, registry: Any) -> list[str]:
    """What placement would add, for a net that names a device; the devices need not work here."""
    ops = [op.op for op in checked.ops]
    if not any(one.HasField("device_option") for one in (checked.proto, *ops)):
        return []
    from c2.errors import DeviceError
    from c2.place.place import place_net
    from c2.registry import default

    try:
        return place_net(checked, registry or default(), planned=True).report()
    except DeviceError as error:
        return [str(error)]


def as_spec(value: Any) -> TensorSpec | None:
    """A TensorSpec from one, from an array, or from a shape of float32."""
    if value is None or isinstance(value, TensorSpec):
        return value
    if hasattr(value, "dtype"):
        spec = spec_of(value)
        assert spec is not None
        return TensorSpec(spec.shape, spec.dtype)
    shape = tuple(int(d) for d in value)
    assert prod(shape) >= 0
    return TensorSpec(shape, np.dtype(np.float32))
