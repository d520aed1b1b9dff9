"""Check: every operator of a net against its schema, all problems at once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from c2.errors import C2Error, CheckError, NetError, SchemaError, did_you_mean
from c2.registry import OpSchema, Registry
from c2.registry.arguments import read_arguments

# Caffe2's net types. All run in order here; the ones that only differ in scheduling are accepted.
NET_TYPES = {
    "": "simple", "simple": "simple", "compiled": "compiled", "simple_refcount": "simple", "dag": "simple",
    "prof_dag": "simple", "async_dag": "simple", "async_scheduling": "simple", "async_polling": "simple",
    "async_simple": "simple", "rnn": "simple", "parallel": "simple",
}  # fmt: skip

# Hints for other engines that public models carry in their arguments; no operator reads them.
ENGINE_HINTS = frozenset(
    {"use_cudnn", "cudnn_exhaustive_search", "exhaustive_search", "ws_nbytes_limit", "shared_buffer",
     "init_params", "is_gradient_op", "enable_tensor_core", "convolution_algo", "float16_compute",
     "algo", "convolution_transform_strategy"}
)  # fmt: skip


@dataclass(frozen=True)
class CheckedOp:
    """An operator that satisfies its schema, with its arguments read."""

    net: str
    index: int
    op: Any
    schema: OpSchema
    args: dict[str, Any]

    @property
    def type(self) -> str:
        return self.schema.type

    @property
    def inputs(self) -> list[str]:
        return list(self.op.input)

    @property
    def outputs(self) -> list[str]:
        return list(self.op.output)

    @property
    def where(self) -> str:
        """`Conv 'conv1' (net 'resnet50', op 12)`."""
        return where(self.op, self.net, self.index)


@dataclass
class CheckedNet:
    """A net whose operators are all known and well formed."""

    proto: Any
    ops: list[CheckedOp]
    problems: list[C2Error] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        return str(self.proto.name)

    @property
    def type(self) -> str:
        return NET_TYPES[self.proto.type]

    def needs(self) -> list[str]:
        """Blobs that must exist before the net runs: read before anything writes them."""
        made: set[str] = set()
        needed: dict[str, None] = {}
        for op in self.ops:
            needed.update((name, None) for name in op.inputs if name not in made)
            made.update(op.outputs)
        return list(needed)


def where(op: Any, net: str, index: int) -> str:
    name = f" '{op.name or (op.output[0] if op.output else '')}'" if op.name or op.output else ""
    return f"{op.type}{name} (net '{net}', op {index})"


def check_net(proto: Any, registry: Registry | None = None) -> CheckedNet:
    """The checked form of a NetDef. Raises CheckError with every problem of the net."""
    checked = find_problems(proto, registry)
    if checked.problems:
        raise CheckError(str(proto.name), checked.problems)
    return checked


def find_problems(proto: Any, registry: Registry | None = None) -> CheckedNet:
    """Like `check_net`, but gives problems back in `.problems`; `.ops` holds the operators without any."""
    registry = registry or _default_registry()
    checked = CheckedNet(proto, [])
    if proto.type not in NET_TYPES:
        near = did_you_mean(proto.type, NET_TYPES)
        checked.problems.append(
            NetError(
                f"net '{proto.name}': type '{proto.type}' is unknown; use 'simple' or 'compiled'.{near}"
            )
        )
    for index, op in enumerate(proto.op):
        _check_op(op, index, registry, checked)
    checked.problems.extend(_check_flow(proto))
    return checked


def check_op(op: Any, registry: Registry, net: str = "", index: int = 0) -> CheckedOp:
    """One OperatorDef against its schema. Raises the first problem, or CheckError of several."""
    from c2.proto import NetDef

    checked = CheckedNet(NetDef(name=net), [])
    _check_op(op, index, registry, checked)
    if len(checked.problems) == 1:
        raise checked.problems[0]
    if checked.problems:
        raise CheckError(net, checked.problems)
    return checked.ops[0]


def _check_op(op: Any, index: int, registry: Registry, checked: CheckedNet) -> None:
    at = where(op, checked.name, index)
    try:
        schema = registry.schema(op.type)
    except C2Error as error:
        checked.problems.append(type(error)(f"{at}: {error}"))
        return
    args, unread, problems = read_arguments(schema.arg_by_name, op.arg)
    found: list[C2Error] = [SchemaError(f"{at}: {p}") for p in problems]
    found.extend(
        SchemaError(f"{at}: {text}")
        for text in _blob_problems(op, schema, args if not problems else None)
    )
    checked.problems.extend(found)
    for name in unread:
        hint = (
            " (a hint for another engine)"
            if name in ENGINE_HINTS
            else did_you_mean(name, schema.arg_by_name)
        )
        checked.warnings.append(
            f"{at}: no operator reads argument '{name}'; Caffe2 ignores it too.{hint}"
        )
    if not found:
        checked.ops.append(CheckedOp(checked.name, index, op, schema, args))


def _blob_problems(op: Any, schema: OpSchema, args: dict[str, Any] | None) -> Iterable[str]:
    for kind, blobs, allowed, tensors in (
        ("input", op.input, schema.input_range, schema.inputs),
        ("output", op.output, schema.output_range, schema.outputs),
    ):
        least, most = allowed
        if len(blobs) < least or (most is not None and len(blobs) > most):
            names = ", ".join(
                t.name + ("..." if t.variadic else "?" if t.optional else "") for t in tensors
            )
            expected = (
                f"{least}"
                if most == least
                else f"{least} to {most}"
                if most is not None
                else f"{least} or more"
            )
            yield f"wrong number of {kind}s\n  expected {expected} ({names}), got {len(blobs)}: {list(blobs)}"
            return
    for i, o in sorted(schema.inplace_required_pairs):
        if i < len(op.input) and o < len(op.output) and op.input[i] != op.output[o]:
            yield (
                f"output {schema.output(o).name} must be the blob of input {schema.input(i).name}: the operator "
                f"updates it in place\n  expected '{op.input[i]}', got '{op.output[o]}'"
            )
    allowed_pairs = schema.inplace_pairs | schema.inplace_required_pairs
    for o, out in enumerate(op.output):
        positions = [i for i, name in enumerate(op.input) if name == out]
        if positions and not any((i, o) in allowed_pairs for i in positions):
            yield (
                f"output '{out}' is also input {schema.input(positions[0]).name}, and {schema.type} cannot write "
                "there in place; give the output a name of its own"
            )
    if schema.check is not None and args is not None:
        wrong = schema.check(len(op.input), len(op.output), args)
        if wrong:
            yield wrong


def _check_flow(proto: Any) -> list[C2Error]:
    """Who makes what before whom. As in Caffe2, inputs are checked only where external_input says anything."""
    problems: list[C2Error] = []
    maker = {name: index for index, op in reversed(list(enumerate(proto.op))) for name in op.output}
    known = set(proto.external_input)
    for index, op in enumerate(proto.op):
        for name in op.input:
            if name in known or not proto.external_input:
                continue
            text = f"{where(op, proto.name, index)}: input '{name}' "
            if name in maker and maker[name] > index:
                other = where(proto.op[maker[name]], proto.name, maker[name])
                chain = (
                    " The two need each other: a cycle."
                    if _feeds(proto, index, maker[name])
                    else ""
                )
                text += (
                    f"is made only later, by {other}.{chain} Operators run in the order of the net"
                )
            elif name in maker:
                text += "is made by this very operator"
            else:
                near = did_you_mean(name, known)
                text += f"is neither an external input nor the output of an earlier operator.{near}"
            problems.append(NetError(text))
        known.update(op.output)
    problems.extend(
        NetError(
            f"net '{proto.name}': external output '{name}' is made by no operator and is no external input"
        )
        for name in proto.external_output
        if name not in known and (proto.external_input or proto.op)
    )
    return problems


def _feeds(proto: Any, start: int, goal: int) -> bool:
    """Whether what operator `start` makes reaches operator `goal`, in any order of the list."""
    reached, frontier = set(proto.op[start].output), True
    while frontier:
        frontier = False
        for index, op in enumerate(proto.op):
            if reached.intersection(op.input) and not reached.issuperset(op.output):
                reached.update(op.output)
                frontier = True
            if index == goal and reached.intersection(op.input):
                return True
    return False


def _default_registry() -> Registry:
    from c2 import registry

    return registry.default()
