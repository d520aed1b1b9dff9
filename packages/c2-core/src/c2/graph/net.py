"""Net: a list of operators with external inputs and outputs, over a NetDef message."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from c2.errors import NetError, UnknownOperator
from c2.graph.blob_reference import BlobReference
from c2.graph.device import as_device_option
from c2.graph.op import create_op
from c2.graph.scope import current_device_scope, current_name_scope
from c2.proto import NetDef
from c2.serialize.arguments import make_argument

_used_names: set[str] = set()
Outputs = BlobReference | tuple[BlobReference, ...] | None


def unique_net_name(base: str) -> str:
    """`base`, or `base_1`, `base_2`, ... where it is taken: net names are unique in a process."""
    for candidate in itertools.chain([base], (f"{base}_{k}" for k in itertools.count(1))):
        if candidate not in _used_names:
            _used_names.add(candidate)
            return candidate
    raise AssertionError("count() is endless")


class Net:
    """A net under construction, or one that was read.

        net = c2.Net("n")
        y = net.Relu("x", "y")                    # or net.op("Relu", "x", "y")
        scores = net.Softmax(net.FC([y, "w", "b"]))

    Names given as strings get the current name scope; inputs that no operator makes become external inputs.

    Attributes:
        proto: the NetDef. Change it through the methods, or call `touch` afterwards.
        version: counts changes, so that a workspace knows when to make its runnable form again.
    """

    def __init__(self, name_or_proto: Any = "net") -> None:
        self.proto = NetDef()
        self.version = 0
        if isinstance(name_or_proto, str):
            self.proto.name = unique_net_name(name_or_proto)
        else:
            self.proto.CopyFrom(getattr(name_or_proto, "proto", name_or_proto))
            self.proto.name = unique_net_name(self.proto.name or "net")
        self._external = set(self.proto.external_input)
        self._made = {name for op in self.proto.op for name in op.output}

    # -- facts

    @property
    def name(self) -> str:
        return str(self.proto.name)

    @property
    def ops(self) -> list[Any]:
        """The OperatorDefs in order."""
        return list(self.proto.op)

    @property
    def external_inputs(self) -> list[BlobReference]:
        return [BlobReference(n, self) for n in self.proto.external_input]

    @property
    def external_outputs(self) -> list[BlobReference]:
        return [BlobReference(n, self) for n in self.proto.external_output]

    def blobs(self) -> list[str]:
        """Names of all blobs, in order of first appearance."""
        names = itertools.chain(
            self.proto.external_input, *([*op.input, *op.output] for op in self.proto.op)
        )
        return list(dict.fromkeys(names))

    def __contains__(self, blob: object) -> bool:
        return str(blob) in self._external or str(blob) in self._made

    def __len__(self) -> int:
        return len(self.proto.op)

    def __repr__(self) -> str:
        return f"<Net '{self.name}': {len(self)} operators>"

    def __str__(self) -> str:
        return str(self.proto)

    # -- building

    def op(self, type_: str, inputs: Any = (), outputs: Any = None, **args: Any) -> Outputs:
        """Adds an operator.

        Args:
            inputs: names or references; one alone needs no list.
            outputs: names or references; a number of outputs to be named here; None: as many as the schema needs.
            args: its arguments, and `name`, `engine`, `device_option`, `control_input`, `random_seed`.

        Returns:
            The output's reference, a tuple of several, or None.
        """
        in_names = [self._scoped(b) for b in _listed(inputs)]
        out_names = self._output_names(type_, outputs)
        option = args.pop("device_option", None) or current_device_scope()
        if option is not None:
            args["device_option"] = as_device_option(option)
        self.append(create_op(type_, in_names, out_names, **args))
        references = tuple(BlobReference(n, self) for n in out_names)
        if len(references) > 1:
            return references
        return references[0] if references else None

    def __getattr__(self, type_: str) -> Callable[..., Any]:
        if not type_[:1].isupper():
            raise AttributeError(f"Net has no attribute '{type_}'")
        from c2 import registry

        try:
            registry.default().schema(type_)
        except UnknownOperator as error:
            raise AttributeError(str(error)) from None

        def add(inputs: Any = (), outputs: Any = None, **args: Any) -> Outputs:
            return self.op(type_, inputs, outputs, **args)

        return add

    def append(self, op: Any) -> None:
        """Adds an OperatorDef as it is; inputs that nothing makes become external inputs."""
        for name in op.input:
            if name not in self:
                self.add_external_input(name)
        self.proto.op.append(op)
        self._made.update(op.output)
        self.touch()

    def extend(self, ops: Iterable[Any]) -> None:
        for op in ops:
            self.append(op)

    def replace_ops(self, ops: Iterable[Any]) -> None:
        """Puts these OperatorDefs in the place of all the net has; its external inputs stay."""
        kept = list(ops)
        del self.proto.op[:]
        self._made = set()
        self.extend(kept)

    def touch(self) -> None:
        """Says that `proto` was changed."""
        self.version += 1

    def add_external_input(self, *names: Any) -> BlobReference | tuple[BlobReference, ...]:
        """Declares blobs that exist before the net runs. A name twice is an error."""
        for name in map(str, names):
            if name in self._external:
                raise NetError(f"net '{self.name}': external input '{name}' is declared already")
            self._external.add(name)
            self.proto.external_input.append(name)
        self.touch()
        references = tuple(BlobReference(str(n), self) for n in names)
        return references[0] if len(references) == 1 else references

    def add_external_output(self, *names: Any) -> None:
        """Declares blobs that are the net's results."""
        for name in map(str, names):
            if name not in self:
                raise NetError(
                    f"net '{self.name}': external output '{name}' is neither an input nor made by an operator"
                )
            if name not in self.proto.external_output:
                self.proto.external_output.append(name)
        self.touch()

    def add_argument(self, name: str, value: Any) -> None:
        """Sets an argument of the net itself."""
        for arg in list(self.proto.arg):
            if arg.name == name:
                self.proto.arg.remove(arg)
        self.proto.arg.append(make_argument(name, value))
        self.touch()

    def next_blob(self, prefix: str) -> BlobReference:
        """A reference to a name that the net does not use yet: `prefix`, `prefix_auto_0`, ..."""
        base = current_name_scope() + prefix
        names = itertools.chain([base], (f"{base}_auto_{k}" for k in itertools.count()))
        return BlobReference(next(n for n in names if n not in self), self)

    def add_gradients(self, ys: Any, skip: int = 0) -> dict[str, Any]:
        """Appends the operators that differentiate `ys` (see `c2.autodiff.backward.backward_pass`).

        Args:
            ys: a blob or list of blobs whose gradient is one, or a mapping from blob to its gradient blob.
            skip: leave the first operators out.

        Returns:
            blob name -> BlobReference of its gradient, or GradientSlice.
        """
        from c2 import registry
        from c2.autodiff.backward import backward_pass

        ops, gradients = backward_pass(self.ops[skip:], ys, registry.default())
        self.extend(ops)
        return {
            n: BlobReference(g, self) if isinstance(g, str) else g for n, g in gradients.items()
        }

    # -- copies

    def clone(
        self,
        name: str | None = None,
        rename: Mapping[str, str] | None = None,
        ops: Iterable[int] | None = None,
    ) -> Net:
        """A copy, under a new name, with blobs renamed.

        Args:
            rename: old blob name -> new; others keep their names.
            ops: positions of the operators to keep, in order; None: all. What they read and do not make becomes
                the copy's external input.
        """
        new_name = {str(k): str(v) for k, v in (rename or {}).items()}
        copy = Net(name or self.name)
        copy.proto.type, copy.proto.num_workers = self.proto.type, self.proto.num_workers
        if self.proto.HasField("device_option"):
            copy.proto.device_option.CopyFrom(self.proto.device_option)
        copy.proto.arg.extend(self.proto.arg)
        if ops is None:
            for blob in self.proto.external_input:
                copy.add_external_input(new_name.get(blob, blob))
        for op in self.ops if ops is None else [self.proto.op[k] for k in ops]:
            copy.append(renamed_op(op, new_name))
        for blob in self.proto.external_output:
            if new_name.get(blob, blob) in copy:
                copy.add_external_output(new_name.get(blob, blob))
        return copy

    # -- looking

    def check(self, registry: Any = None) -> list[str]:
        """Raises CheckError with all problems at once; returns warnings."""
        from c2.graph.check import check_net

        return check_net(self.proto, registry).warnings

    def summary(self, specs: Mapping[str, Any] | None = None) -> Any:
        """Operators with shapes, parameters, FLOPs and memory; prints as a table (see `c2.graph.summary`)."""
        from c2.graph.summary import summarize

        return summarize(self.proto, specs or {})

    def draw(self) -> str:
        """The net as an SVG picture (see `c2.graph.draw`)."""
        from c2.graph.draw import draw_svg

        return draw_svg(self.proto)

    def _repr_svg_(self) -> str:
        return self.draw()

    # -- names

    def _scoped(self, blob: Any) -> str:
        if isinstance(blob, BlobReference):
            return blob.name
        return current_name_scope() + str(blob)

    def _output_names(self, type_: str, outputs: Any) -> list[str]:
        numbered = outputs is not None
        if outputs is None:
            from c2 import registry

            schema = registry.default().schema(type_)
            outputs = schema.output_range[0]
        if not isinstance(outputs, int) or isinstance(outputs, bool):
            return [self._scoped(b) for b in _listed(outputs)]
        base = f"{current_name_scope()}{self.name}/{type_}"
        taken = itertools.chain([base], (f"{base}_{k}" for k in itertools.count(2)))
        base = next(b for b in taken if b not in self and f"{b}:0" not in self)
        if not numbered and outputs == 1:
            return [base]
        return [
            f"{base}:{k}" for k in range(outputs)
        ]  # a number that was given numbers even one, as in Caffe2


def renamed_op(op: Any, new_name: Mapping[str, str]) -> Any:
    """A copy of an OperatorDef with its blobs renamed."""
    copy = type(op)()
    copy.CopyFrom(op)
    for blobs in (copy.input, copy.output, copy.control_input):
        renamed = [new_name.get(b, b) for b in blobs]
        del blobs[:]
        blobs.extend(renamed)
    return copy


def _listed(blobs: Any) -> list[Any]:
    if isinstance(blobs, (str, BlobReference)) or not isinstance(blobs, Iterable):
        return [blobs]
    return list(blobs)
