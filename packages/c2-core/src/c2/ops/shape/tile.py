"""Tile and its gradient: a tensor repeated along one axis."""

import numpy as np

from c2.ops.rules import canonical_axis
from c2.ops.shape.joined_axis import with_size
from c2.registry import Arg, Case, OpSchema, Tensor, TensorSpec, cases, gradient, kernel, require
from c2.registry.schema import NoGradient
from c2.registry.spec import FLOAT, INDEX

ARGS = [
    Arg(
        "tiles",
        int,
        default=None,
        doc="how many times; needed where there is no input tiles",
        minimum=0,
    ),
    Arg(
        "axis", int, default=None, doc="the axis, negative ones count from the end; needed likewise"
    ),
]
_INPUTS = [
    Tensor("tiles", "(1,): how many times, instead of the argument", INDEX, optional=True),
    Tensor("axis", "(1,): the axis, instead of the argument", INDEX, optional=True),
]


def _known(tiles_spec, axis_spec, tiles, axis):
    """(tiles, axis) of inputs or arguments; None where an input's value is not known yet."""
    for name, spec, argument in (("tiles", tiles_spec, tiles), ("axis", axis_spec, axis)):
        if spec is not None:
            require(spec.shape == (1,), f"the input {name} must have one element", (1,), spec.shape)
        else:
            require(
                argument is not None, f"{name} must be given, as argument or input", name, "nothing"
            )
    if any(spec is not None and spec.value is None for spec in (tiles_spec, axis_spec)):
        return None
    tiles = tiles if tiles_spec is None else int(tiles_spec.value[0])
    require(tiles >= 0, "tiles must not be negative", "0 or more", tiles)
    return tiles, axis if axis_spec is None else int(axis_spec.value[0])


def _infer(X, tiles_spec=None, axis_spec=None, *, tiles, axis):
    known = _known(tiles_spec, axis_spec, tiles, axis)
    if known is None:
        return TensorSpec(None, X.dtype)
    tiles, axis = known
    axis = canonical_axis("axis", axis, X.ndim)
    return TensorSpec(with_size(X.shape, axis, tiles * X.shape[axis]), X.dtype)


TILE = OpSchema(
    "Tile",
    doc="Y = `tiles` copies of X, one after the other along `axis`; 0 of them give an empty tensor.",
    inputs=[Tensor("X", "one axis or more, any dtype"), *_INPUTS],
    outputs=[Tensor("Y", "X with that axis `tiles` times as long")],
    args=ARGS,
    infer=_infer,
    values={"tiles", "axis"},
    cost=lambda *specs, **args: 0,
)


def _infer_gradient(dY, tiles_spec=None, axis_spec=None, *, tiles, axis):
    known = _known(tiles_spec, axis_spec, tiles, axis)
    if known is None:
        return TensorSpec(None, dY.dtype)
    tiles, axis = known
    axis = canonical_axis("axis", axis, dY.ndim)
    require(tiles > 0, "tiles must be above 0 to go back", "1 or more", tiles)
    size = dY.shape[axis]
    require(
        size % tiles == 0,
        "the axis of dY must be a multiple of tiles",
        f"a multiple of {tiles}",
        size,
    )
    return TensorSpec(with_size(dY.shape, axis, size // tiles), dY.dtype)


TILE_GRADIENT = OpSchema(
    "TileGradient",
    doc="dX = the sum of the `tiles` parts of dY along `axis`.",
    inputs=[Tensor("dY", "shape of the output of Tile", FLOAT | INDEX), *_INPUTS],
    outputs=[Tensor("dX", "dY with that axis shorter")],
    args=ARGS,
    infer=_infer_gradient,
    values={"tiles", "axis"},
    gradient=NoGradient.NOT_IMPLEMENTED,
)


def _given(inputs, tiles, axis, ndim):
    if len(inputs) > 0:
        tiles = int(inputs[0][0])
    if len(inputs) > 1:
        axis = int(inputs[1][0])
    return tiles, axis % ndim


@kernel(TILE)
def tile(xp, X, *inputs, tiles, axis, out=None):
    tiles, axis = _given(inputs, tiles, axis, X.ndim)
    before, size, after = X.shape[:axis], X.shape[axis], X.shape[axis + 1 :]
    if out is None:
        out = xp.empty((*before, tiles * size, *after), X.dtype)
    out.reshape((*before, tiles, size, *after))[...] = X.reshape((*before, 1, size, *after))
    return out


@kernel(TILE_GRADIENT)
def tile_gradient(xp, dY, *inputs, tiles, axis, out=None):
    tiles, axis = _given(inputs, tiles, axis, dY.ndim)
    size = dY.shape[axis] // tiles
    apart = dY.reshape(*dY.shape[:axis], tiles, size, *dY.shape[axis + 1 :])
    return apart.sum(axis=axis, dtype=dY.dtype, out=out)


@gradient(TILE)
def tile_gradient_maker(g):
    inputs = [g.I(k) for k in range(1, g.n_inputs)]
    return [g.op("TileGradient", [g.GO("Y"), *inputs], [g.GI("X")])]


@cases(TILE)
def tile_cases(rng):
    X = rng.uniform(-1, 1, (2, 3, 4))
    for tiles, axis in [(2, 0), (3, 1), (2, -1), (1, 1), (3, -3)]:
        expected = np.concatenate([X] * tiles, axis)
        yield Case({"X": X}, {"tiles": tiles, "axis": axis}, {"Y": expected})
        count, place = np.array([tiles], np.int32), np.array([axis], np.int64)
        yield Case({"X": X, "tiles": count}, {"axis": axis}, {"Y": expected})
        yield Case({"X": X, "tiles": count, "axis": place}, {}, {"Y": expected})
    yield Case({"X": X}, {"tiles": 0, "axis": 1}, {"Y": X[:, :0]}, grad=(), id="none")
    for dtype in (object, np.int32, np.uint8):
        words = np.array([[1], [2]]).astype(dtype)
        yield Case({"X": words}, {"tiles": 2, "axis": 1}, {"Y": np.hstack([words, words])})


@cases(TILE_GRADIENT)
def tile_gradient_cases(rng):
    dY = rng.uniform(-1, 1, (2, 6, 2))
    for tiles in (1, 2, 3):
        expected = sum(np.split(dY, tiles, 1))
        yield Case({"dY": dY}, {"tiles": tiles, "axis": 1}, {"dX": expected})
        inputs = {"dY": dY, "tiles": np.array([tiles], np.int32), "axis": np.array([-2], np.int32)}
        yield Case(inputs, {}, {"dX": expected})
