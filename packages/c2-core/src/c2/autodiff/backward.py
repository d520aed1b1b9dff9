"""The backward pass: from operators and the blobs to differentiate to gradient operators.

Every write makes a new version of a blob. Operators are visited in reverse; each one that something flows back into
asks its gradient maker. A version with several readers gets its gradient from all of them: the pieces are kept under
names of their own (`_x_grad_autosplit_0`) and summed into `x_grad` once the first reader has been visited.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from c2.autodiff.maker import Gradient, GradientContext, GradientSlice
from c2.errors import GradientError, did_you_mean
from c2.graph.op import create_op
from c2.graph.scope import current_device_scope
from c2.registry import NoGradient, Registry

SUM_TAG = (
    "is_auto_gen_sum_ops:1"  # in extra_info of the Sums that the pass adds, as Caffe2 marks them
)


@dataclass
class Slot:
    """Where one reader's gradient operators name a gradient blob, so that it can be given a name of its own.

    An operator may write it and later ones work on it in place: all of them are renamed together.
    """

    name: str
    maker: Any
    uses: list[tuple[Any, int]]  # (list of names of an operator, position)

    def rename(self, name: str) -> None:
        self.name = name
        for names, position in self.uses:
            names[position] = name


@dataclass
class Piece:
    """One reader's share of a blob's gradient.

    `slots`: one of a dense gradient, indices and values of a sparse one; None where a blob is passed through.
    """

    gradient: str | GradientSlice
    slots: list[Slot | None]
    device_option: Any


@dataclass
class Versions:
    """Which version of each blob an operator reads and writes."""

    op: Any
    reads: dict[str, int]
    writes: dict[str, int]


def backward_pass(
    ops: Sequence[Any], ys: Any, registry: Registry
) -> tuple[list[Any], dict[str, str | GradientSlice]]:
    """Operators that compute the gradients of `ys` with respect to everything they depend on.

    Args:
        ops: the forward operators, in order.
        ys: a blob or several, whose own gradient is then one; or a mapping from blob to the blob (or GradientSlice)
            that holds its gradient, None for one.

    Returns:
        The gradient operators in order, and blob -> gradient for every blob that got one.

    Raises:
        GradientError: a y that nobody makes, an operator without gradient, a blob that was overwritten before its
            gradient needs it, gradients on several devices, sparse and dense gradients of one blob.
    """
    return _Pass(ops, registry).run(_as_mapping(ys))


def gradients_of(
    op: Any, g_output: Sequence[Gradient], registry: Registry
) -> tuple[list[Any], list[Gradient]]:
    """What an operator's gradient maker gives: its operators and the gradient of each input."""
    schema = registry.schema(op.type)
    maker = registry.gradient_maker(op.type)
    if maker is None:
        if schema.gradient is NoGradient.STOPS:
            return [], [None] * len(op.input)
        raise GradientError(_no_gradient(op, schema.gradient))
    context = GradientContext(op, schema, g_output)
    made = maker(context)
    made_ops = [] if made is None else list(made) if isinstance(made, (list, tuple)) else [made]
    return made_ops, context.g_input


class _Pass:
    def __init__(self, ops: Sequence[Any], registry: Registry) -> None:
        self.registry = registry
        self.version: dict[str, int] = defaultdict(int)
        self.readers: dict[tuple[str, int], list[int]] = defaultdict(list)
        self.steps = [self._step(index, op) for index, op in enumerate(ops)]
        self.pieces: dict[tuple[str, int], list[Piece]] = defaultdict(list)
        self.gradient_version: dict[str, int] = {}
        self.gradients: dict[str, Gradient] = {}
        _refuse_orphans(ops)

    def _step(self, index: int, op: Any) -> Versions:
        for name in op.input:
            self.readers[name, self.version[name]].append(index)
        reads = {name: self.version[name] for name in op.input}
        for name in op.output:
            self.version[name] += 1
        return Versions(op, reads, {name: self.version[name] for name in op.output})

    def run(self, ys: Mapping[str, Gradient]) -> tuple[list[Any], dict[str, str | GradientSlice]]:
        made = [op for y, given in ys.items() for op in self._start(y, given)]
        for index in reversed(range(len(self.steps))):
            made.extend(self._visit(index))
            made.extend(self._accumulate(index))
        return made, {n: g for n, g in self.gradients.items() if g is not None}

    def _start(self, y: str, given: Gradient) -> list[Any]:
        if y not in self.version:
            raise GradientError(
                f"cannot differentiate '{y}': no operator makes or reads it.{did_you_mean(y, self.version)}"
            )
        key = (y, self.version[y])
        self.gradient_version[y] = self.version[y]
        self.readers[key].append(len(self.steps))
        if given is not None:
            self.gradients[y] = given
            return []
        ones = create_op("ConstantFill", y, f"{y}_autogen_grad", value=1.0)
        maker = next((s.op for s in reversed(self.steps) if y in s.writes), None)
        if current_device_scope() is not None:
            ones.device_option.CopyFrom(current_device_scope())
        elif maker is not None and maker.HasField("device_option"):
            ones.device_option.CopyFrom(maker.device_option)
        self.gradients[y] = str(ones.output[0])
        slot = Slot(str(ones.output[0]), ones, [(ones.output, 0)])
        self.pieces[key].append(Piece(slot.name, [slot], ones.device_option))
        return [ones]

    def _visit(self, index: int) -> list[Any]:
        """The gradient operators of one forward operator."""
        step = self.steps[index]
        g_output = [self.gradients.get(name) for name in step.op.output]
        if all(g is None for g in g_output) and step.op.type != "ZeroGradient":
            return []
        made, g_input = gradients_of(step.op, g_output, self.registry)
        self._record_pieces(step, made, g_output, g_input)
        outputs = set(step.op.output)
        for name, gradient in zip(step.op.input, g_input):
            # None does not replace a gradient from another reader, unless this operator overwrote the blob.
            if gradient is not None or name not in self.gradients or name in outputs:
                self.gradients[name] = gradient
        return made

    def _record_pieces(
        self,
        step: Versions,
        made: list[Any],
        g_output: Sequence[Gradient],
        g_input: Sequence[Gradient],
    ) -> None:
        local: dict[str, list[Slot]] = defaultdict(list)
        for op in made:
            for name in op.input:
                self._check_readable(name, step, g_output, local)
            _note_uses(op, local)
        for name, gradient in zip(step.op.input, g_input):
            if gradient is None:
                continue
            # A blob that is read twice by one operator gets two outputs of the same name: a piece each.
            slots = [local[n].pop(0) if local.get(n) else None for n in _blobs_of(gradient)]
            makers = [slot.maker for slot in slots if slot is not None]
            device = (makers[0] if makers else step.op).device_option
            self.pieces[name, step.reads[name]].append(Piece(gradient, slots, device))
            self.gradient_version[name] = step.reads[name]

    def _check_readable(
        self, name: str, step: Versions, g_output: Sequence[Gradient], local: Mapping[str, Any]
    ) -> None:
        """A gradient operator may read a forward blob only in the version that the forward operator saw."""
        flowing = {blob: out for g, out in zip(g_output, step.op.output) for blob in _blobs_of(g)}
        if name in flowing:
            out = flowing[name]
            seen, now = step.writes[out], self.gradient_version.get(out)
            what = f"the gradient '{name}' belongs to version {now} of '{out}', and version {seen} was made here"
        elif name in step.writes:
            seen, now = step.writes[name], self.version[name]
            what = f"it needs its output '{name}', which a later operator overwrites"
        elif name in step.reads:
            seen, now = step.reads[name], self.version[name]
            what = f"it needs its input '{name}', which it or a later operator overwrites"
        elif name in local:
            return
        else:
            raise GradientError(
                f"the gradient of {_called(step.op)} reads '{name}', which is none of its blobs and is made by no "
                "gradient operator before it: a mistake of the gradient maker"
            )
        if seen != now:
            raise GradientError(
                f"cannot differentiate {_called(step.op)}: {what}. Give the later operator an output of its own name"
            )

    def _accumulate(self, index: int) -> list[Any]:
        """Sums the pieces of every blob version whose first reader this operator is."""
        step = self.steps[index]
        made: list[Any] = []
        for name in dict.fromkeys(step.op.input):
            key = (name, step.reads[name])
            readers, pieces = self.readers[key], self.pieces[key]
            if len(readers) > 1 and readers[0] == index and len(pieces) > 1:
                sums, self.gradients[name] = _sum(name, pieces)
                made.extend(sums)
        return made


def _note_uses(op: Any, local: dict[str, list[Slot]]) -> None:
    """Adds what a gradient operator reads and writes to the slots of its forward operator."""
    worked_on = {name: local[name][-1] for name in op.input if local[name]}
    for position, name in enumerate(op.input):
        if name in worked_on:
            worked_on[name].uses.append((op.input, position))
    for position, name in enumerate(op.output):
        if name in worked_on:
            worked_on.pop(name).uses.append((op.output, position))
        else:
            local[name].append(Slot(name, op, [(op.output, position)]))


def _sum(name: str, pieces: list[Piece]) -> tuple[list[Any], str | GradientSlice]:
    kinds = {type(p.gradient) for p in pieces}
    if len(kinds) > 1:
        raise GradientError(
            f"blob '{name}' gets both sparse and dense gradients, which cannot be added up. Read it by operators of "
            "one kind, or put EnsureDense between"
        )
    devices = [p.device_option for p in pieces if p.device_option.ByteSize()]
    if any(d != devices[0] for d in devices[1:]):
        raise GradientError(
            f"the gradients of '{name}' are made on different devices: "
            + "; ".join(str(d).strip().replace("\n", " ") for d in devices)
        )
    base = _base_name(name, pieces)
    result: str | GradientSlice = base
    if kinds == {GradientSlice}:
        ops, result = _sum_sparse(base, pieces)
    else:
        ops = [create_op("Sum", _separate(pieces, base, 0, keep_first=True), base)]
    for op in ops:
        op.device_option.CopyFrom(pieces[0].device_option)
        op.device_option.extra_info.append(SUM_TAG)
    return ops, result


def _sum_sparse(base: str, pieces: list[Piece]) -> tuple[list[Any], GradientSlice]:
    """Sparse gradients are added by concatenation; rows that repeat stay so until an optimizer adds them up."""
    ops = []
    for part, position in (("indices", 0), ("values", 1)):
        inputs = _separate(pieces, f"{base}_{part}", position, keep_first=False)
        outputs = [f"{base}_{part}_concat", f"{base}_{part}_concat_split"]
        ops.append(create_op("Concat", inputs, outputs, axis=0))
    return ops, GradientSlice(f"{base}_indices_concat", f"{base}_values_concat")


def _separate(pieces: list[Piece], base: str, position: int, *, keep_first: bool) -> list[str]:
    """Gives each piece a blob of its own and returns their names, `base` first so that Sum may work in place."""
    names: list[str] = []
    count = 0
    for piece in pieces:
        slot = piece.slots[position]
        if slot is None:
            names.append(_blobs_of(piece.gradient)[position])
        elif keep_first:
            keep_first = False
            names.append(slot.name)
        else:
            slot.rename(f"_{slot.name}_autosplit_{count}")
            count += 1
            names.append(slot.name)
    if base in names:
        first = names.index(base)
        names[0], names[first] = names[first], names[0]
    return names


def _base_name(name: str, pieces: list[Piece]) -> str:
    """The name of the summed gradient: that of the first piece an operator makes."""
    for piece in pieces:
        for slot, suffix in zip(piece.slots, ("_indices", "_values")):
            if slot is not None:
                return slot.name.removesuffix(suffix) if len(piece.slots) > 1 else slot.name
    return f"{name}_grad"


def _blobs_of(gradient: Gradient) -> list[str]:
    if gradient is None:
        return []
    return (
        [gradient.indices, gradient.values] if isinstance(gradient, GradientSlice) else [gradient]
    )


def _refuse_orphans(ops: Iterable[Any]) -> None:
    read = {name for op in ops for name in op.input}
    for op in ops:
        if op.type == "StopGradient" and op.output[0] not in read:
            raise GradientError(
                f"nobody reads '{op.output[0]}', the output of {_called(op)}: it stops nothing. "
                "Write it in place, StopGradient(x, x), or read its output"
            )


def _as_mapping(ys: Any) -> dict[str, Gradient]:
    if isinstance(ys, Mapping):
        return {
            str(y): g if g is None or isinstance(g, GradientSlice) else str(g)
            for y, g in ys.items()
        }
    several = ys if isinstance(ys, (list, tuple, set)) else [ys]
    return {str(y): None for y in several}


def _no_gradient(op: Any, kind: NoGradient | None) -> str:
    if kind is NoGradient.NOT_IMPLEMENTED:
        why = "its gradient is not implemented"
    else:
        why = "it must not be reached by a gradient: nothing can flow back through it"
    return f"cannot differentiate {_called(op)}: {why}. Put a StopGradient after it, or leave it out of the loss"


def _called(op: Any) -> str:
    return f"{op.type} '{op.name or (op.output[0] if op.output else '')}'"
