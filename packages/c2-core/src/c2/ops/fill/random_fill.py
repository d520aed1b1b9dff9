"""Random fillers of float32: UniformFill, GaussianFill, XavierFill and MSRAFill, and UniformIntFill of int32."""

import numpy as np

from c2.ops.fill.shape import (
    SHAPE_ARGS,
    SHAPE_DOC,
    inferred_shape,
    made_shape,
    shape_input,
)
from c2.ops.rules import one_element
from c2.registry import Arg, Case, OpSchema, Tensor, TensorSpec, cases, kernel, require
from c2.registry.schema import NoGradient

DIFFERS = """Differs from Caffe2: the numbers are those of NumPy's generator, so equal seeds give equal tensors in c2,
    but not the tensors of Caffe2."""


def _schema(type_, doc, infer, args=(), inputs=None, output="float32", **more):
    return OpSchema(
        type_,
        doc=f"{doc}\n\n    {SHAPE_DOC} Empty shapes are filled with nothing. {DIFFERS}\n",
        inputs=inputs or [shape_input()],
        outputs=[Tensor("output", output)],
        args=[*args, *SHAPE_ARGS],
        infer=infer,
        inplace=[((inputs or [shape_input()])[0].name, "output")],
        gradient=NoGradient.STOPS,
        **more,
    )


def _infer_gaussian(input=None, *, mean, std, **shape_args):
    return TensorSpec(inferred_shape(input, **shape_args), np.float32)


def _infer_fan(axis):
    def infer(input=None, **shape_args):
        made = inferred_shape(input, **shape_args)
        if made is not None:
            require(
                len(made) > axis, f"the shape must have {axis + 1} axes or more", axis + 1, made
            )
        return TensorSpec(made, np.float32)

    return infer


def _infer_uniform(dtype):
    def infer(input=None, low=None, high=None, *, min, max, **shape_args):
        made = inferred_shape(input, **shape_args)
        if low is None:
            require(min < max, "min must be below max", f"more than {min}", max)
            return TensorSpec(made, dtype)
        one_element(min=low, max=high)
        if low.value is None or high.value is None or made is None:
            return TensorSpec(None, dtype)
        return TensorSpec(_shape_between(made, low.value, high.value), dtype)

    return infer


def _shape_between(made, low, high):
    """The shape, emptied where there is no number between the bounds."""
    return made if low.item() <= high.item() else (0, *made[1:])


def _bounds(dtype, kind, ends):
    """Inputs and arguments of a uniform filler, and the rule for the number of inputs."""
    return {
        "inputs": [
            shape_input("shape"),
            Tensor("min", f"one {kind}, least number", frozenset({dtype}), optional=True),
            Tensor("max", f"one {kind}, greatest number; the output is empty where it is below min",
                   frozenset({dtype}), optional=True),
        ],
        "args": [
            Arg("min", {"float32": float, "int32": int}[dtype], default=0, doc="least number"),
            Arg("max", {"float32": float, "int32": int}[dtype], default=1, doc=f"greatest number, {ends}"),
        ],
        "check": lambda n_inputs, n_outputs, args: "takes 0, 1 or 3 inputs" if n_inputs == 2 else None,
        "values": ["shape", "min", "max"],
    }  # fmt: skip


UNIFORM_FILL = _schema(
    "UniformFill",
    "Numbers spread evenly over [min, max). With three inputs the bounds come from the last two.",
    _infer_uniform(np.float32),
    **_bounds("float32", "float32", "excluded"),
)
UNIFORM_INT_FILL = _schema(
    "UniformIntFill",
    "Whole numbers, each of [min, max] as likely. With three inputs the bounds come from the last two.",
    _infer_uniform(np.int32),
    output="int32",
    **_bounds("int32", "int32", "included"),
)
GAUSSIAN_FILL = _schema(
    "GaussianFill",
    "Numbers of the normal distribution.",
    _infer_gaussian,
    args=[
        Arg("mean", float, default=0.0, doc="mean of the distribution"),
        Arg("std", float, default=1.0, minimum=0, doc="its standard deviation"),
    ],
    values=["input"],
)
XAVIER_FILL = _schema(
    "XavierFill",
    """Numbers spread evenly over [-s, s), s = sqrt(3 / fan_in), fan_in = elements per index of the first axis.

    Keeps the variance of a layer's outputs that of its inputs. Source: Glorot & Bengio, "Understanding the difficulty
    of training deep feedforward neural networks", 2010.""",
    _infer_fan(0),
    values=["input"],
)
MSRA_FILL = _schema(
    "MSRAFill",
    """Numbers of the normal distribution of mean 0 and variance 2 / fan_out, fan_out = elements per index of axis 1.

    Keeps the variance of gradients through ReLU layers. Source: He et al., "Delving deep into rectifiers", 2015,
    equation 14.""",
    _infer_fan(1),
    values=["input"],
)


class _RandomFill:
    """Finds the shape, then lets `fill` write into the output."""

    dtype = np.float32

    def __init__(self, xp, *specs, rng, shape, extra_shape, input_as_shape, **args):
        self.xp, self.rng, self.args = xp, rng, args
        self.shape = shape, extra_shape, input_as_shape

    def __call__(self, input=None, *bounds, out=None):
        if out is None:
            made = made_shape(input, *self.shape)
            out = self.xp.empty(_shape_between(made, *bounds) if bounds else made, self.dtype)
        if out.size:
            self.fill(out, *bounds, **self.args)
        return out

    def uniform(self, out, low, high):
        self.rng.random(dtype=np.float32, out=out)
        self.xp.multiply(out, high - low, out=out)
        self.xp.add(out, low, out=out)

    def normal(self, out, mean, std):
        self.rng.standard_normal(dtype=np.float32, out=out)
        self.xp.multiply(out, std, out=out)
        self.xp.add(out, mean, out=out)


@kernel(UNIFORM_FILL)
class UniformFill(_RandomFill):
    def fill(self, out, *bounds, min, max):
        low, high = (b.item() for b in bounds) if bounds else (min, max)
        self.uniform(out, low, high)


@kernel(UNIFORM_INT_FILL)
class UniformIntFill(_RandomFill):
    dtype = np.int32

    def fill(self, out, *bounds, min, max):
        low, high = (b.item() for b in bounds) if bounds else (min, max)
        out[...] = self.rng.integers(low, high, out.shape, np.int32, endpoint=True)


@kernel(GAUSSIAN_FILL)
class GaussianFill(_RandomFill):
    def fill(self, out, *, mean, std):
        self.normal(out, mean, std)


@kernel(XAVIER_FILL)
class XavierFill(_RandomFill):
    def fill(self, out):
        s = (3 * out.shape[0] / out.size) ** 0.5
        self.uniform(out, -s, s)


@kernel(MSRA_FILL)
class MSRAFill(_RandomFill):
    def fill(self, out):
        self.normal(out, 0, (2 * out.shape[1] / out.size) ** 0.5)


_SHAPES = [
    ({}, {"shape": [40, 50]}, (40, 50)),
    ({"input": np.zeros((40, 5))}, {"extra_shape": [10]}, (40, 5, 10)),
    ({"input": np.array([40, 50])}, {"input_as_shape": 1}, (40, 50)),
    ({}, {"shape": [0, 3]}, (0, 3)),
]


def _distribution(shape, mean, std, low=-np.inf, high=np.inf, dtype=np.float32):
    """A check of shape, dtype, bounds, and of mean and deviation within 6 standard errors."""

    def check(Y):
        assert Y.shape == shape
        assert Y.dtype == dtype
        if Y.size:
            assert Y.min() >= low
            assert Y.max() <= high
        if Y.size > 100:
            assert abs(Y.mean() - mean) <= 6 * std / Y.size**0.5
            assert abs(Y.std() - std) <= 6 * std / Y.size**0.5
            assert len(np.unique(Y)) > 1

    return check


def _named(inputs, name):
    return {name: inputs["input"]} if inputs else {}


@cases(UNIFORM_FILL)
def uniform_fill_cases(rng):
    for inputs, args, shape in _SHAPES:
        check = _distribution(shape, 3.0, 2 / 12**0.5, 2, 4)
        yield Case(_named(inputs, "shape"), {"min": 2.0, "max": 4.0, **args}, check=check)
    yield Case({}, {"shape": [2000]}, check=_distribution((2000,), 0.5, 1 / 12**0.5, 0, 1))
    yield Case({}, check=_distribution((), 0, 0, 0, 1), id="one number")
    for low, high, shape in [(2, 4, (40, 50)), (4, 2, (0, 50))]:
        bounds = {"min": np.array(low, np.float32), "max": np.array([high], np.float32)}
        check = _distribution(shape, 3.0, 2 / 12**0.5, 2, 4)
        yield Case({"shape": np.array([40, 50]), **bounds}, {"input_as_shape": 1}, check=check)


@cases(UNIFORM_INT_FILL)
def uniform_int_fill_cases(rng):
    for inputs, args, shape in _SHAPES:
        check = _distribution(shape, 1.0, 2**0.5, -1, 3, np.int32)
        yield Case(_named(inputs, "shape"), {"min": -1, "max": 3, **args}, check=check)
    yield Case({}, {"shape": [2000]}, check=_distribution((2000,), 0.5, 0.5, 0, 1, np.int32))
    bounds = {"min": np.array(-1, np.int32), "max": np.array(3, np.int32)}
    check = _distribution((40, 50), 1.0, 2**0.5, -1, 3, np.int32)
    yield Case({"shape": np.zeros((40, 50)), **bounds}, check=check)


@cases(GAUSSIAN_FILL)
def gaussian_fill_cases(rng):
    for inputs, args, shape in _SHAPES:
        yield Case(inputs, {"mean": 5.0, "std": 0.5, **args}, check=_distribution(shape, 5.0, 0.5))
    yield Case({}, {"shape": [2000]}, check=_distribution((2000,), 0.0, 1.0))


@cases(XAVIER_FILL)
def xavier_fill_cases(rng):
    for inputs, args, shape in _SHAPES:
        s = (3 / 50) ** 0.5
        yield Case(inputs, args, check=_distribution(shape, 0.0, s / 3**0.5, -s, s))
    yield Case({}, {"shape": [3]}, check=_distribution((3,), 0, 0, -(3**0.5), 3**0.5), id="vector")


@cases(MSRA_FILL)
def msra_fill_cases(rng):
    for inputs, args, shape in _SHAPES:
        fan_out = 400 if len(shape) == 3 else 40
        yield Case(inputs, args, check=_distribution(shape, 0.0, (2 / fan_out) ** 0.5))
