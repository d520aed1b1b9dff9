"""Native kernels: an operator, or a fused one, as a C function and a context.

A back end marks a builder:

    @native("Conv", engine="MKL", supports=why_not)
    def build_conv(request):
        ...
        return NativeKernel(function=address, context=address, keep=(owner, ...))

The function is `int run(void *context, void *const *buffers)`: buffers are the inputs, then the outputs, then the
scratch memory where `scratch` asks for some. It returns 0, or a code of the back end that says what failed. It calls
nothing of Python, and two programs may run it at the same time if their contexts differ.

A device that records calls (`Device.record`) has no use for addresses: its kernel is a Python call on arrays, `launch`,
made within the device's scope while the device records, and not at every run.

Where only values tell that inputs are wrong (an index that is no row's), the function returns a code, and `explain`
raises the typed error that it stands for. Where an input has another number of rows at every run and the shapes of
outputs do not follow it (the indices of a lookup), the kernel names its position in `any_rows` and gives `resize`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from c2.compile.graph import Node
from c2.compile.layout import Layout
from c2.compile.precision import FULL, IN_FULL, Precision, Range
from c2.errors import KernelError
from c2.registry import Registry, TensorSpec
from c2.registry.device import device_kind
from c2.registry.marks import Mark


@dataclass(frozen=True)
class NativeRequest:
    """What is to be built: an operator with attributes and specs, activations to apply, and a thread count.

    Attributes:
        post: (type, args) of what to do to the first output, in order: activations, or first of all a Sum (or Add) with
            the last of `inputs`, which is then no input of the operator itself.
        constants: position of an input -> its array, where the content never changes (weights to pack once).
        layouts: of each input, as it comes, another back end's perhaps; the kernel may ask for others and give others.
            None: plain ones only.
        precision: what to compute in; the builder is marked for it.
        ranges: blob -> smallest and largest number on sample inputs, where the net was calibrated.
        names: of the inputs, then of the outputs, as `ranges` knows them.
        rng: the operator's own generator of random numbers, to draw a first state from.
        readers: who reads the first output, as (operator type, position among its inputs); none where it is kept for
            others too.
        every: for a race, the builder may return a list of kernels: all its ways to do it, the likely fastest first.
        way: with `every`, the label of the one kernel that is wanted; the builder need not build the others.
    """

    type: str
    args: dict[str, Any]
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    post: tuple[tuple[str, dict[str, Any]], ...]
    constants: dict[int, Any]
    threads: int
    layouts: tuple[Layout, ...] | None = None
    precision: str = FULL
    ranges: Mapping[str, Range] = field(default_factory=dict)
    names: tuple[str, ...] = ()
    rng: Any = None
    readers: tuple[tuple[str, int], ...] = ()
    every: bool = False
    way: str | None = None


@dataclass(frozen=True)
class NativeKernel:
    """A built native call.

    Attributes:
        function, context: addresses; the context may be 0. Both 0 where there is `launch`.
        keep: whatever must live as long as the call (owners of memory, loaded libraries).
        scratch: bytes of scratch memory it wants as its last buffer, shared with the other calls of the program.
        input_layouts, output_layouts: what it takes and gives; empty: plain (C order) throughout. Others only where
            the request had layouts.
        slices: where in the first output (in bytes) each input may lie already; the call then moves nothing.
        output_slices: where in the first input (in bytes) each output may lie; the call then moves nothing either.
        packed: positions of constant inputs that it has taken a copy of and does not read; they may be freed.
        label: which of the engine's ways this is ("WINOGRAD F(4x4, 3x3)"); empty where it has but one.
        yields: whether another engine's kernel goes before it, were its engine asked first even.
        explain: called with the code of a failure and the arrays of inputs; raises the error that it stands for.
        any_rows: positions of inputs whose first axis may have any size.
        launch: called with the arrays of inputs, then of outputs, instead of the function; all layouts are plain then.
        resize: called with the specs of inputs before the first run with other sizes; they keep the schema's rules.
    """

    function: int = 0
    context: int = 0
    keep: Any = None
    scratch: int = 0
    input_layouts: tuple[Layout, ...] = ()
    output_layouts: tuple[Layout, ...] = ()
    slices: tuple[int, ...] = ()
    output_slices: tuple[int, ...] = ()
    packed: tuple[int, ...] = ()
    label: str = ""
    yields: bool = False
    explain: Callable[[int, Sequence[Any]], None] | None = None
    any_rows: frozenset[int] = frozenset()
    resize: Callable[[Sequence[TensorSpec]], None] | None = None
    launch: Callable[[Sequence[Any]], None] | None = None


@dataclass(frozen=True)
class Offer:
    """A native kernel for a node, the engine that offers it (with its precision, where reduced), and whether first."""

    kernel: NativeKernel
    engine: str
    precision: str = FULL
    first: bool = True


@dataclass(frozen=True)
class Asked:
    """What engines are asked for: a native kernel for this node, on this device, for these layouts of its inputs.

    For `rng` and `readers` see NativeRequest.
    """

    registry: Registry
    node: Node
    constants: Mapping[str, Any]
    device: str
    threads: int
    layouts: tuple[Layout, ...] | None = None
    precision: Precision = IN_FULL
    rng: Any = None
    readers: tuple[tuple[str, int], ...] = ()

    def request(self, every: bool = False, way: str | None = None) -> NativeRequest:
        node = self.node
        return NativeRequest(
            node.type, node.op.args,
            tuple(s for s in node.input_specs if s), tuple(s for s in node.output_specs if s),
            tuple((p.type, p.args) for p in node.post),
            {k: self.constants[n] for k, n in enumerate(node.inputs) if n in self.constants},
            self.threads, self.layouts, self.precision.name, self.precision.ranges,
            (*node.inputs, *node.outputs), self.rng, self.readers, every, way,
        )  # fmt: skip


def build_native(asked: Asked) -> tuple[Offer | None, list[tuple[str, str]]]:
    """The native kernel of a node (None: there is none), and why candidates before it declined.

    Kernels of the precision asked for come first, then those of full precision, by order of engines each.
    """
    declined: list[tuple[str, str]] = []
    yielding: Offer | None = None
    for made in _offered(asked, asked.request()):
        if not isinstance(made, Offer):
            declined.append(made)
        elif not made.kernel.yields:
            return made, declined
        elif yielding is None:
            yielding = made
    return yielding, declined


def build_every(asked: Asked) -> tuple[list[Offer], list[tuple[str, str]]]:
    """Every way of every engine, and who declined: what `build_native` takes comes first, others in its precision."""
    made = list(_offered(asked, asked.request(every=True)))
    offers = [one for one in made if isinstance(one, Offer)]
    declined = [one for one in made if not isinstance(one, Offer)]
    offers.sort(key=lambda one: (one.kernel.yields, not one.first))  # keeps the order of engines
    return [one for one in offers if one.precision == offers[0].precision], declined


def build_way(asked: Asked, engine: str, way: str) -> Offer | None:
    """One way of one engine, as `build_every` has shown it; None where it is not offered any more."""
    for one in _offered(asked, asked.request(every=True, way=way), engine):
        if isinstance(one, Offer) and one.kernel.label == way:
            return one
    return None


def _offered(
    asked: Asked, request: NativeRequest, engine: str | None = None
) -> Iterator[Offer | tuple[str, str]]:
    """What engines (or one of them) answer, each when it is its turn: an offer, or its name and why it declines."""
    node = asked.node
    if any(s is None or s.shape is None for s in (*node.input_specs, *node.output_specs)):
        yield "native", "shapes are not known before the run"
        return
    for mark in _candidates(asked.registry, node, asked.device, request.precision):
        label = mark.engine if mark.precision == FULL else f"{mark.engine} {mark.precision}"
        if engine is not None and label != engine:
            continue
        with node.home.device.scope():
            made = _build(mark, _in_full(request) if mark.precision == FULL else request, node)
        for k, kernel in enumerate(made if isinstance(made, list) else [made]):
            if isinstance(kernel, NativeKernel):
                yield Offer(kernel, label, mark.precision, k == 0)
            else:
                yield label, str(kernel)


def _candidates(registry: Registry, node: Node, device: str, precision: str) -> list[Mark]:
    marks = [m for m in registry.natives(node.type) if m.device == device_kind(device)]
    engines = registry.engine_order(node.type, device, node.op.op.engine)
    return [
        mark
        for wanted in dict.fromkeys((precision, FULL))
        for engine in engines
        for mark in marks
        if mark.engine == engine and mark.precision == wanted
    ]


def _in_full(request: NativeRequest) -> NativeRequest:
    """The request for a kernel of full precision."""
    layouts = request.layouts and tuple(one.full or one for one in request.layouts)
    return replace(request, layouts=layouts, precision=FULL)


def _build(mark: Mark, request: NativeRequest, node: Node) -> Any:
    """What the back end's builder gives: a native kernel (a list of them for a race), or the reason why not."""
    try:
        own = request.inputs[: len(node.op.inputs)]
        reason = mark.supports(*own, **request.args) if mark.supports else None
        return mark.function(request) if reason is None else reason
    except Exception as error:
        raise KernelError(
            f"{node.op.where}: engine {mark.engine} failed to build its native kernel: {type(error).__name__}: {error}"
        ) from error
