"""SequenceMask: what does not belong to a sequence, or to an attention window, gets a fill value."""

import numpy as np

from c2.ops.results import stored
from c2.ops.rules import canonical_axis
from c2.registry import REQUIRED, Arg, Case, OpSchema, Tensor, cases, gradient, kernel, require
from c2.registry.spec import FLOAT

MODES = ("sequence", "window", "upper", "lower", "upperdiag", "lowerdiag")


def _product(sizes):
    n = 1
    for size in sizes:
        n *= size
    return n


def _view(shape, axis, batch, repeat_from_axis):
    """X seen as (batches, rows, columns, repeats): masks are made of rows and columns."""
    ndim = len(shape)
    axis %= ndim
    first = 0 if batch is None else batch % ndim + 1
    last = ndim if repeat_from_axis is None else repeat_from_axis % ndim
    return (
        _product(shape[:first]), _product(shape[first:axis]), _product(shape[axis:last]), _product(shape[last:]),
    )  # fmt: skip


def _infer(X, lengths=None, *, mode, axis, radius, fill_val, grad, batch, repeat_from_axis):
    axis = canonical_axis("axis", axis, X.ndim)
    if batch is not None:
        before = canonical_axis("batch", batch, X.ndim)
        require(before < axis, "batch must be an axis before `axis`", f"0 to {axis - 1}", before)
    if repeat_from_axis is not None:
        behind = canonical_axis("repeat_from_axis", repeat_from_axis, X.ndim)
        require(mode == "sequence", "repeat_from_axis is for the mode 'sequence'", "sequence", mode)
        require(
            batch is None, "repeat_from_axis and batch exclude each other", "one of them", "both"
        )
        require(
            behind >= axis, "repeat_from_axis must not be before `axis`", f"{axis} or more", behind
        )
    if mode in ("sequence", "window"):
        rows = _view(X.shape, axis, batch, repeat_from_axis)[1]
        require(lengths is not None, f"the mode '{mode}' needs a second input", "2 inputs", 1)
        require(
            lengths.size >= rows,
            "sequence_lengths must have an entry for each row",
            rows,
            lengths.size,
        )
    return X.with_shape(X.shape)


SEQUENCE_MASK = OpSchema(
    "SequenceMask",
    doc="""masked_tensor = input, but fill_val at (row i, column j) where the mode says so.

    sequence: j >= lengths[i]; window: |j - centers[i]| > radius; upper: j > i; lower: j < i; upperdiag: j >= i;
    lowerdiag: j <= i. Axes before `axis` are the rows, the others the columns. With `batch`, axes up to it are
    batches with the same mask; with repeat_from_axis, axes from there on are masked together. Differs from Caffe2:
    float16 and float64 are taken too.
    """,
    inputs=[
        Tensor("input", "any shape", FLOAT),
        Tensor(
            "sequence_lengths",
            "lengths or centers, one per row",
            frozenset({"int32"}),
            optional=True,
        ),
    ],
    outputs=[Tensor("masked_tensor", "shape and dtype of input")],
    args=[
        Arg("mode", str, default=REQUIRED, choices=MODES, doc="what is masked"),
        Arg(
            "axis",
            int,
            default=1,
            doc="the first axis of the columns; negative ones count from the end",
        ),
        Arg(
            "radius",
            int,
            default=10,
            doc="of the window: how far from its centre elements are kept",
        ),
        Arg("fill_val", float, default=-np.inf, doc="what masked elements become"),
        Arg("grad", bool, default=False, doc="this is the gradient: masked elements become 0"),
        Arg(
            "batch",
            int,
            default=None,
            doc="the last axis of the batches; negative ones count from the end",
        ),
        Arg(
            "repeat_from_axis",
            int,
            default=None,
            doc="for sequence: the first axis behind the columns",
        ),
    ],
    infer=_infer,
)


def _masked(xp, rows, columns, lengths, mode, radius):
    i = xp.arange(rows, dtype="int32")[:, None]
    j = xp.arange(columns, dtype="int32")
    if mode == "upper":
        return j > i
    if mode == "lower":
        return j < i
    if mode == "upperdiag":
        return j >= i
    if mode == "lowerdiag":
        return j <= i
    told = lengths.reshape(-1)[:rows, None]
    return j >= told if mode == "sequence" else xp.abs(j - told) > radius


@kernel(SEQUENCE_MASK)
def sequence_mask(
    xp, X, lengths=None, *, mode, axis, radius, fill_val, grad, batch, repeat_from_axis, out=None
):
    view = _view(X.shape, axis, batch, repeat_from_axis)
    mask = _masked(xp, view[1], view[2], lengths, mode, radius)[:, :, None]
    result = stored(xp, X, out)
    xp.copyto(result.reshape(view), X.dtype.type(0 if grad else fill_val), where=mask)
    return result


@gradient(SEQUENCE_MASK)
def sequence_mask_gradient_maker(g):
    lengths = [g.I(1)] if g.n_inputs == 2 else []
    return [g.op("SequenceMask", [g.GO("masked_tensor"), *lengths], [g.GI("input")], grad=1)]


_RULES = {
    "sequence": lambda i, j, told, radius: j >= told[i],
    "window": lambda i, j, told, radius: not told[i] - radius <= j <= told[i] + radius,
    "upper": lambda i, j, told, radius: j > i,
    "lower": lambda i, j, told, radius: j < i,
    "upperdiag": lambda i, j, told, radius: j >= i,
    "lowerdiag": lambda i, j, told, radius: j <= i,
}


def _expected(X, view, told, mode, radius=10, fill=0.0):
    Y = X.reshape(view).copy()
    for b, i, j, r in np.ndindex(*view):
        if _RULES[mode](i, j, told, radius):
            Y[b, i, j, r] = fill
    return Y.reshape(X.shape)


@cases(SEQUENCE_MASK)
def sequence_mask_cases(rng):
    for mode in MODES:
        for shape, args, view in [
            ((3, 4), {}, (1, 3, 4, 1)),
            ((2, 3, 4), {}, (1, 2, 12, 1)),
            ((2, 3, 4), {"axis": -1}, (1, 6, 4, 1)),
            ((2, 3, 4), {"axis": 2, "batch": 0}, (2, 3, 4, 1)),
            ((2, 2, 3, 2), {"axis": 3, "batch": -3}, (4, 3, 2, 1)),
        ]:
            X, told = rng.uniform(-1, 1, shape), rng.integers(0, view[2] + 1, view[1])
            more = {"radius": 1} if mode == "window" else {}
            needed = {"sequence_lengths": told.astype(np.int32)} if mode in MODES[:2] else {}
            expected = _expected(X, view, told, mode, more.get("radius"), 0.5)
            args = {**args, **more, "mode": mode, "fill_val": 0.5}
            yield Case({"input": X, **needed}, args, {"masked_tensor": expected})
    X, told = rng.uniform(-1, 1, (2, 3, 4)), np.array([1, 2], np.int32)
    inputs = {"input": X, "sequence_lengths": told}
    for place in (2, -1):
        expected = _expected(X, (1, 2, 3, 4), told, "sequence")
        args = {"mode": "sequence", "fill_val": 0.0, "repeat_from_axis": place}
        yield Case(inputs, args, {"masked_tensor": expected})
    expected = _expected(X, (1, 2, 12, 1), told, "sequence", fill=-np.inf)
    yield Case(inputs, {"mode": "sequence"}, {"masked_tensor": expected}, grad=(), id="infinity")
    zeros = _expected(X, (1, 2, 12, 1), told, "sequence")
    yield Case(inputs, {"mode": "sequence", "grad": True}, {"masked_tensor": zeros}, id="grad")
    empty = {"input": np.zeros((0, 3)), "sequence_lengths": told[:0]}
    yield Case(empty, {"mode": "sequence"}, {"masked_tensor": np.zeros((0, 3))}, id="empty")
