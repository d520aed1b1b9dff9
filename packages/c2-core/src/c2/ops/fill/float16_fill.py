"""Float16ConstantFill and Float16UniformFill, for nets trained in float16."""

import numpy as np

from c2.ops.fill.shape import inferred_shape
from c2.registry import Arg, Case, OpSchema, Tensor, TensorSpec, cases, kernel, require
from c2.registry.schema import NoGradient

SHAPE = Arg("shape", "ints", default=(), doc="shape to make; () makes one number")


def _infer_uniform(*, shape, min, max):
    require(min < max, "min must be below max", f"more than {min}", max)
    return TensorSpec(inferred_shape(None, shape, (), False), np.float16)


FLOAT16_CONSTANT_FILL = OpSchema(
    "Float16ConstantFill",
    doc="Y = value everywhere, rounded to float16; infinite where beyond 65504.",
    outputs=[Tensor("output", "float16")],
    args=[Arg("value", float, default=0.0, doc="what to fill with"), SHAPE],
    infer=lambda *, value, shape: TensorSpec(inferred_shape(None, shape, (), False), np.float16),
    gradient=NoGradient.STOPS,
)

FLOAT16_UNIFORM_FILL = OpSchema(
    "Float16UniformFill",
    doc="""Numbers spread evenly over [min, max], made in float32 and rounded to float16.

    Differs from Caffe2: the numbers are those of NumPy's generator, so equal seeds give equal tensors in c2, but not
    the tensors of Caffe2.
    """,
    outputs=[Tensor("output", "float16")],
    args=[
        SHAPE,
        Arg("min", float, default=0.0, doc="least number"),
        Arg("max", float, default=1.0, doc="greatest number"),
    ],
    infer=_infer_uniform,
    gradient=NoGradient.STOPS,
)


@kernel(FLOAT16_CONSTANT_FILL)
def float16_constant_fill(xp, *, value, shape, out=None):
    if out is None:
        out = xp.empty(shape, np.float16)
    out.fill(np.copysign(np.inf, value) if abs(value) >= 65520 else value)
    return out


@kernel(FLOAT16_UNIFORM_FILL)
def float16_uniform_fill(xp, *, shape, min, max, rng, out=None):
    if out is None:
        out = xp.empty(shape, np.float16)
    out[...] = rng.random(out.shape, dtype=np.float32) * (max - min) + min
    return out


@cases(FLOAT16_CONSTANT_FILL)
def float16_constant_fill_cases(rng):
    yield Case(
        {},
        {"shape": [2, 2], "value": 1.5},
        expect={"output": np.array([[1.5] * 2] * 2, np.float16)},
    )
    yield Case({}, expect={"output": np.array(0, np.float16)}, id="nothing said")
    yield Case(
        {}, {"shape": [1], "value": -1e6}, expect={"output": np.array([-np.inf], np.float16)}
    )
    yield Case({}, {"shape": [0], "value": 1.0}, expect={"output": np.zeros(0, np.float16)})


@cases(FLOAT16_UNIFORM_FILL)
def float16_uniform_fill_cases(rng):
    def check(Y):
        assert Y.dtype == np.float16
        assert Y.shape == (40, 50)
        assert Y.min() >= 2
        assert Y.max() <= 4
        assert abs(Y.astype(float).mean() - 3) <= 6 * (2 / 12**0.5) / 2000**0.5

    yield Case({}, {"shape": [40, 50], "min": 2.0, "max": 4.0}, check=check)
