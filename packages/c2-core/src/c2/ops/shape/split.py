"""Split and DepthSplit: a tensor cut into parts along an axis."""

import numpy as np

from c2.ops.results import stored
from c2.ops.rules import equal
from c2.ops.shape.joined_axis import ARGS, adds_axis, joined_axis, with_size, without
from c2.registry import Arg, Case, Operator, OpSchema, Tensor, TensorSpec, require


def part_sizes(size, n, sizes):
    """The sizes of n parts: those given, or equal ones."""
    if sizes is None:
        require(
            size % n == 0,
            "an axis split without `split` must divide by the number of outputs",
            f"a multiple of {n}",
            size,
        )
        return [size // n] * n
    equal("split must have one size per output", n, len(sizes))
    require(
        all(s >= 0 for s in sizes), "sizes in split must not be negative", "0 or more", tuple(sizes)
    )
    equal("split must add up to the size of the axis", size, sum(sizes))
    return list(sizes)


def part_specs(X, axis, sizes, add_axis):
    """The specs of parts of known sizes."""
    if add_axis:
        require(
            all(s == 1 for s in sizes), "with add_axis every part must have size 1", 1, tuple(sizes)
        )
        return tuple(TensorSpec(without(X.shape, axis), X.dtype) for _ in sizes)
    return tuple(TensorSpec(with_size(X.shape, axis, size), X.dtype) for size in sizes)


def part_places(axis, sizes, add_axis):
    """What to index a tensor with to get each part."""
    places, at = [], 0
    for size in sizes:
        places.append((slice(None),) * axis + (at if add_axis else slice(at, at + size),))
        at += size
    return places


def parts(xp, X, places, out):
    """The parts themselves, written to `out` (a buffer, or a tuple of them) where given."""
    outs = out if isinstance(out, tuple) else (out,) * len(places)
    return tuple(stored(xp, X[place], buffer) for place, buffer in zip(places, outs))


def _infer(X, sizes=None, *, axis, order, add_axis, split, n_outputs):
    place = joined_axis(axis, order, X.ndim)
    if sizes is None:
        sizes = split if len(split) else None
    else:
        require(
            not len(split),
            "the argument split and the input split exclude each other",
            "one of them",
            "both",
        )
        equal("split must have one size per output", n_outputs, sizes.size)
        if sizes.value is None:
            return (TensorSpec(None, X.dtype),) * n_outputs
        sizes = sizes.value.reshape(-1).tolist()
    sizes = part_sizes(X.shape[place], n_outputs, sizes)
    return part_specs(X, place, sizes, adds_axis(axis, add_axis))


class Split:
    def __init__(self, xp, X, sizes=None, *, axis, order, add_axis, split, n_outputs):
        self.xp, self.add_axis, self.n_outputs = xp, adds_axis(axis, add_axis), n_outputs
        self.axis = joined_axis(axis, order, X.ndim)
        self.places = None
        if sizes is None:
            self.places = self._places(X, split if len(split) else None)

    def _places(self, X, sizes):
        sizes = part_sizes(X.shape[self.axis], self.n_outputs, sizes)
        return part_places(self.axis, sizes, self.add_axis)

    def __call__(self, X, sizes=None, out=None):
        places = self.places
        if places is None:
            places = self._places(X, sizes.reshape(-1).tolist())
        return parts(self.xp, X, places, out)


def joining_maker(g):
    """Concat of the outputs' gradients; a part that nothing flows back into has zeros."""
    wanted = [g.has_GO(k) for k in range(g.n_outputs)]
    if not any(wanted):
        return []
    grads = [g.GO(k) if has else f"{g.O(k)}_zero_grad" for k, has in enumerate(wanted)]
    zeros = [
        g.op("ConstantFill", [g.O(k)], [grads[k]], copy_args=False, value=0.0)
        for k, has in enumerate(wanted)
        if not has
    ]
    back = g.GI(0)
    return [*zeros, g.op("Concat", grads, [back, f"_{back}_dims"])]


def _cases(rng):
    X = rng.uniform(-1, 1, (2, 6, 2, 4))
    for axis, order, n in [
        (None, None, 3),
        (1, None, 6),
        (0, None, 1),
        (-1, None, 2),
        (None, "NHWC", 4),
        (None, "NCHW", 2),
    ]:
        place = 3 if order == "NHWC" else 1 if axis is None else axis
        expect = {"output": np.split(X, n, place)}
        yield Case({"input": X}, {"axis": axis, "order": order}, expect)
    for sizes in ([1, 5], [6], [2, 0, 4]):
        expect = {"output": np.split(X, np.cumsum(sizes)[:-1], 1)}
        yield Case({"input": X}, {"split": sizes}, expect)
        yield Case({"input": X, "split": np.array(sizes, np.int32)}, {}, expect)
    for axis in (0, 1, -1):
        expect = {"output": [X.take(k, axis) for k in range(X.shape[axis])]}
        yield Case({"input": X}, {"axis": axis, "add_axis": True}, expect)
    words = np.array([b"a", b"b", b"c"], object)
    yield Case(
        {"input": words},
        {"axis": 0, "split": [1, 2]},
        {"output": [words[:1], words[1:]]},
        id="strings",
    )
    yield Case({"input": np.zeros((2, 0))}, {}, {"output": [np.zeros((2, 0))] * 2}, id="empty")


def _operator(type_):
    schema = OpSchema(
        type_,
        doc="""output[k] = the k-th part of input along `axis`: parts of the sizes in `split`, or equal ones.

        With add_axis every part has size 1 and loses the axis. Differs from Caffe2: where only some outputs have
        a gradient, the others count as zeros (there the gradient gets the wrong shape).
        """,
        inputs=[
            Tensor("input", "any dtype"),
            Tensor(
                "split",
                "sizes of the parts, instead of the argument",
                frozenset({"int32"}),
                optional=True,
            ),
        ],
        outputs=[Tensor("output", "the parts, one or more", variadic=True)],
        args=[
            *ARGS,
            Arg(
                "split",
                "ints",
                default=(),
                doc="sizes of the parts along the axis; empty: equal ones",
            ),
        ],
        infer=_infer,
        values={"split"},
        cost=lambda *specs, **args: 0,
    )
    return Operator(schema, Split, joining_maker, _cases)


SPLITS = [_operator("Split"), _operator("DepthSplit")]
