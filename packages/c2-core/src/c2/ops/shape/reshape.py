"""Reshape: the same elements in another shape."""

import numpy as np

from c2.ops.results import stored
from c2.registry import Arg, Case, OpSchema, Tensor, TensorSpec, cases, gradient, kernel, require
from c2.registry.spec import INDEX


def resolve_shape(wanted, shape):
    """The shape that `wanted` asks for: 0 copies the size at that place, one -1 stands for what is left."""
    size = _product(shape)
    sizes = list(wanted)
    if size:  # of an empty tensor nothing is copied: 0 means 0
        sizes = [shape[k] if d == 0 and k < len(shape) else d for k, d in enumerate(sizes)]
    given = tuple(wanted)
    require(sizes.count(-1) <= 1, "only one entry of shape may be -1", "at most one -1", given)
    require(
        all(d >= -1 for d in sizes), "entries of shape must be -1, 0 or above", "-1 or more", given
    )
    known = _product(d for d in sizes if d != -1)
    if -1 in sizes:
        left = size // known if known else 0
        sizes[sizes.index(-1)] = left
        known *= left
    require(
        known == size,
        "shape must hold as many elements as data",
        f"{size} of {shape}",
        f"{known} of {given}",
    )
    return tuple(sizes)


def _product(sizes):
    n = 1
    for size in sizes:
        n *= size
    return n


def _infer(data, new_shape=None, *, shape):
    if new_shape is None:
        require(
            shape is not None,
            "the argument shape, or the input new_shape, must be given",
            "one of them",
            "none",
        )
        return TensorSpec(resolve_shape(shape, data.shape), data.dtype), TensorSpec(
            (data.ndim,), "int64"
        )
    require(
        shape is None,
        "the argument shape and the input new_shape exclude each other",
        "one of them",
        "both",
    )
    require(new_shape.ndim == 1, "new_shape must have one axis", "1 axis", new_shape.shape)
    wanted = (
        None if new_shape.value is None else resolve_shape(new_shape.value.tolist(), data.shape)
    )
    return TensorSpec(wanted, data.dtype), TensorSpec((data.ndim,), new_shape.dtype)


RESHAPE = OpSchema(
    "Reshape",
    doc="""reshaped = the elements of data, in row-major order, in a new shape; old_shape = the shape of data.

    An entry 0 copies the size of data at its place, one entry -1 takes what is left. An empty data keeps 0 as 0,
    and -1 becomes 0. old_shape has the dtype of new_shape, and undoes the operator. Differs from Caffe2: an empty
    data cannot be given a shape with elements (there they hold whatever the memory held), and an empty new_shape
    gives a 0-d tensor, so that the gradient of a reshaped 0-d tensor works.
    """,
    inputs=[
        Tensor("data", "any shape and dtype"),
        Tensor("new_shape", "(n,): the shape, instead of the argument", INDEX, optional=True),
    ],
    outputs=[
        Tensor("reshaped", "the new shape; dtype of data"),
        Tensor("old_shape", "(axes of data,): int64, or the dtype of new_shape"),
    ],
    args=[
        Arg(
            "shape",
            "ints",
            default=None,
            doc="the new shape; needed where there is no input new_shape",
        )
    ],
    infer=_infer,
    values={"new_shape"},
    inplace={"data": "reshaped"},
    cost=lambda *specs, **args: 0,
)


@kernel(RESHAPE)
class Reshape:
    def __init__(self, xp, data, new_shape=None, *, shape):
        self.xp = xp
        self.shape = resolve_shape(shape, data.shape) if new_shape is None else None
        self.old = xp.asarray(data.shape, dtype="int64" if new_shape is None else new_shape.dtype)

    def __call__(self, data, new_shape=None, out=None):
        shape = self.shape
        if shape is None:
            shape = resolve_shape(new_shape.tolist(), data.shape)
        reshaped, old = (None, None) if out is None else out
        if reshaped is not data:
            reshaped = stored(self.xp, data.reshape(shape), reshaped)
        return reshaped, stored(self.xp, self.old, old)


@gradient(RESHAPE)
def reshape_gradient_maker(g):
    back = g.GI("data")
    inputs, outputs = [g.GO("reshaped"), g.O("old_shape")], [back, f"_{back}_dims"]
    return [g.op("Reshape", inputs, outputs, copy_args=False)]


@cases(RESHAPE)
def reshape_cases(rng):
    X = rng.uniform(-1, 1, (2, 3, 4))
    for shape, result in [
        ([4, 6], (4, 6)), ([0, -1], (2, 12)), ([-1], (24,)), ([0, 0, 2, 2], (2, 3, 2, 2)), ([-1, 0], (8, 3)),
        ([2, 3, 4], (2, 3, 4)),
    ]:  # fmt: skip
        expected = np.array(X.ravel().tolist()).reshape(result)
        expect = {"reshaped": expected, "old_shape": [2, 3, 4]}
        yield Case({"data": X}, {"shape": shape}, expect)
        for dtype in ("int32", "int64"):
            yield Case({"data": X, "new_shape": np.array(shape, dtype)}, {}, expect)
    yield Case(
        {"data": np.array(3.0)}, {"shape": [1]}, {"reshaped": [3.0], "old_shape": []}, id="0-d"
    )
    yield Case(
        {"data": np.array([3.0])}, {"shape": []}, {"reshaped": 3.0, "old_shape": [1]}, id="to-0-d"
    )
    for shape, result in [([0, 5], (0, 5)), ([-1, 3], (0, 3)), ([3, -1], (3, 0)), ([0], (0,))]:
        empty = {"reshaped": np.zeros(result), "old_shape": [0, 3]}
        yield Case({"data": np.zeros((0, 3))}, {"shape": shape}, empty)
    words = np.array([b"a", b"bc"], object)
    yield Case(
        {"data": words},
        {"shape": [2, 1]},
        {"reshaped": words[:, None], "old_shape": [2]},
        id="strings",
    )
