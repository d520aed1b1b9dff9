"""Slice and its gradient: a part of a tensor along one axis."""

from collections.abc import Sequence

import numpy as np

from c2.ops.results import stored
from c2.ops.rules import equal, rank, same_dtype
from c2.registry import Arg, Case, OpSchema, Tensor, TensorSpec, cases, gradient, kernel, require
from c2.registry.schema import NoGradient
from c2.registry.spec import INDEX

ARGS = [
    Arg(
        "starts",
        "ints",
        default=None,
        doc="first index along each of the first axes; -1 is behind the last",
    ),
    Arg(
        "ends",
        "ints",
        default=None,
        doc="index behind the last along each of the first axes; -1 takes all",
    ),
]


def resolve_slices(
    shape: tuple[int, ...], starts: Sequence[int], ends: Sequence[int]
) -> tuple[slice, ...]:
    """Slices of the first axes. A negative index i means size + i + 1; at most one axis may be cut."""
    equal("starts and ends must have one entry per axis each", len(starts), len(ends))
    require(
        len(starts) <= len(shape),
        "starts must have no more entries than X has axes",
        len(shape),
        len(starts),
    )
    found = []
    for axis, (start, end, size) in enumerate(zip(starts, ends, shape)):
        begin = min(start + size + 1 if start < 0 else start, size)
        stop = min(end + size + 1 if end < 0 else end, size)
        where = f"axis {axis} of size {size}"
        require(begin >= 0, f"starts must be inside of {where}", f"{-size - 1} or more", start)
        require(
            stop >= begin or size == 0,
            f"ends must not be before starts for {where}",
            f"{begin} or more",
            stop,
        )
        found.append(slice(begin, max(stop, begin)))
    cut = [k for k, (s, size) in enumerate(zip(found, shape)) if (s.start, s.stop) != (0, size)]
    require(
        len(cut) <= 1,
        "only one axis may be cut",
        "at most one axis",
        f"axes {cut}",
        "Use one Slice per axis.",
    )
    return tuple(found)


def _require_ends(starts, ends):
    require(starts is not None, "starts must be given, as argument or input", "starts", "nothing")
    require(ends is not None, "ends must be given, as argument or input", "ends", "nothing")


def _infer(X, first=None, second=None, *, starts, ends):
    if first is not None:
        require(
            second is not None, "the inputs starts and ends come together", "both", "starts alone"
        )
        same_dtype(starts=first, ends=second)
        rank("starts", first, 1)
        rank("ends", second, 1)
        if first.value is None or second.value is None:
            return TensorSpec(None, X.dtype)
        starts, ends = first.value.tolist(), second.value.tolist()
    _require_ends(starts, ends)
    return TensorSpec(_sliced_shape(X.shape, resolve_slices(X.shape, starts, ends)), X.dtype)


def _sliced_shape(shape, slices):
    return (*(s.stop - s.start for s in slices), *shape[len(slices) :])


SLICE = OpSchema(
    "Slice",
    doc="""Y = X[starts[0]:ends[0], starts[1]:ends[1], ...], where a negative index i means size + i + 1.

    So an end of -1 takes all that is left. Indices beyond an axis are cut to its size; axes without entries are
    whole. Only one axis may really be cut.
    """,
    inputs=[
        Tensor("X", "any dtype"),
        Tensor("starts", "(n,): instead of the arguments", INDEX, optional=True),
        Tensor("ends", "(n,): dtype of starts", INDEX, optional=True),
    ],
    outputs=[Tensor("Y", "the part; dtype of X")],
    args=ARGS,
    infer=_infer,
    values={"starts", "ends"},
    cost=lambda *specs, **args: 0,
)


def _infer_gradient(X, *rest, starts, ends):
    dY = rest[-1]
    require(
        len(rest) in (1, 3),
        "inputs are X, dY or X, starts, ends, dY",
        "2 or 4 inputs",
        len(rest) + 1,
    )
    same_dtype(X=X, dY=dY)
    for name, spec in zip(("starts", "ends"), rest[:-1]):
        rank(name, spec, 1)
    if len(rest) == 1:
        _require_ends(starts, ends)
        slices = resolve_slices(X.shape, starts, ends)
        equal("dY must have the shape of the part", _sliced_shape(X.shape, slices), dY.shape)
    return TensorSpec(X.shape, X.dtype)


SLICE_GRADIENT = OpSchema(
    "SliceGradient",
    doc="dX = dY at the place that Slice took, and 0 elsewhere.",
    inputs=[
        Tensor("X", "input of Slice"),
        Tensor("dY", "dY, or starts, ends and dY, as Slice had them", variadic=True),
    ],
    outputs=[Tensor("dX", "shape and dtype of X")],
    args=ARGS,
    infer=_infer_gradient,
    check=lambda n_inputs, n_outputs, args: (
        None if n_inputs in (2, 4) else f"takes 2 or 4 inputs, got {n_inputs}"
    ),
    cost=lambda *specs, **args: 0,
    gradient=NoGradient.NOT_IMPLEMENTED,
)


class _Slices:
    """The slices of a Slice, found once where they come from arguments."""

    def __init__(self, xp, X, *inputs, starts, ends):
        self.xp = xp
        self.known = None if len(inputs) > 1 else resolve_slices(X.shape, starts, ends)

    def of(self, X, inputs):
        if self.known is not None:
            return self.known
        return resolve_slices(X.shape, *(i.tolist() for i in inputs))


@kernel(SLICE)
class Slice(_Slices):
    def __call__(self, X, *inputs, out=None):
        return stored(self.xp, X[self.of(X, inputs)], out)


@kernel(SLICE_GRADIENT)
class SliceGradient(_Slices):
    def __call__(self, X, *rest, out=None):
        *inputs, dY = rest
        dX = self.xp.empty(X.shape, X.dtype) if out is None else out
        dX[...] = X.dtype.type(0)
        part = dX[self.of(X, inputs)]
        equal("dY must have the shape of the part", part.shape, dY.shape)
        part[...] = dY
        return dX


@gradient(SLICE)
def slice_gradient_maker(g):
    inputs = [g.I(k) for k in range(g.n_inputs)]
    return [g.op("SliceGradient", [*inputs, g.GO("Y")], [g.GI("X")])]


_PARTS = [  # size, start, end, what Python would write
    (6, 0, -1, slice(None)), (6, 1, 3, slice(1, 3)), (6, 1, -2, slice(1, 5)), (6, -3, -1, slice(4, 6)),
    (6, 2, 2, slice(0, 0)), (6, 0, 100, slice(None)), (6, 7, 8, slice(0, 0)), (6, -7, 3, slice(0, 3)),
    (6, 6, -1, slice(0, 0)),
]  # fmt: skip


@cases(SLICE)
def slice_cases(rng):
    for size, start, end, part in _PARTS:
        X = rng.uniform(-1, 1, (size,))
        yield Case({"X": X}, {"starts": [start], "ends": [end]}, {"Y": X[part]})
    X = rng.uniform(-1, 1, (2, 3, 4))
    for starts, ends, Y in [
        ([0, 1, 0], [-1, 2, -1], X[:, 1:2]), ([0, 0, 1], [-1, -1, 3], X[:, :, 1:3]), ([1], [2], X[1:]),
        ([], [], X),
    ]:  # fmt: skip
        yield Case({"X": X}, {"starts": starts, "ends": ends}, {"Y": Y})
        for dtype in ("int32", "int64"):
            inputs = {"X": X, "starts": np.array(starts, dtype), "ends": np.array(ends, dtype)}
            yield Case(inputs, {}, {"Y": Y})
    empty = {"X": np.zeros((0, 3))}
    yield Case(empty, {"starts": [0, 1], "ends": [-1, -1]}, {"Y": np.zeros((0, 2))}, id="empty")
    words = np.array([b"a", b"b"], object)
    yield Case({"X": words}, {"starts": [1], "ends": [2]}, {"Y": words[1:]}, id="strings")


@cases(SLICE_GRADIENT)
def slice_gradient_cases(rng):
    X, dY = np.zeros((2, 3)), rng.uniform(1, 2, (2, 2))
    expected = np.hstack([np.zeros((2, 1)), dY])
    yield Case({"X": X, "dY": [dY]}, {"starts": [0, 1], "ends": [-1, -1]}, {"dX": expected})
    bounds = np.array([0, 1]), np.array([-1, -1])
    yield Case({"X": X, "dY": [*bounds, dY]}, {}, {"dX": expected})
