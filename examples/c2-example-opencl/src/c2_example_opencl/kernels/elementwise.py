"""Operators of one element at a time: an expression of OpenCL C each, no broadcasting."""

from __future__ import annotations

from c2.registry import kernel
from c2_example_opencl.limits import floats

SOURCE = """
kernel void apply(global REAL *out, {parameters})
{{
    const size_t i = get_global_id(0);
    {loads}
    out[i] = {expression};
}}
"""


def elementwise(type_, expression, inputs=("X",), args=()):
    """A kernel that computes `expression` of its inputs and arguments, which it names."""
    parameters = [f"global const REAL *{n}_" for n in inputs] + [f"const REAL {a}" for a in args]
    loads = " ".join(f"const REAL {n} = {n}_[i];" for n in inputs)
    text = SOURCE.format(parameters=", ".join(parameters), loads=loads, expression=expression)

    @kernel(type_, device="OPENCL", supports=floats)
    class Elementwise:
        def __init__(self, xp, *specs, **given):
            self.xp, self.spec = xp, specs[0]
            self.scalars = [self.spec.dtype.type(given[name]) for name in args]
            self.run = xp.kernel(text, "apply", self.spec.dtype)

        def __call__(self, *arrays, out=None):
            if out is None:
                out = self.xp.empty(self.spec.shape, self.spec.dtype)
            self.run(self.spec.size, out, *arrays, *self.scalars)
            return out

    return Elementwise


relu = elementwise("Relu", "X > 0 ? X : 0")
leaky_relu = elementwise("LeakyRelu", "X >= 0 ? X : alpha * X", args=["alpha"])
sigmoid = elementwise("Sigmoid", "1 / (1 + exp(-X))")
tanh = elementwise("Tanh", "tanh(X)")
exp = elementwise("Exp", "exp(X)")
log = elementwise("Log", "log(X)")
sqrt = elementwise("Sqrt", "sqrt(X)")
sqr = elementwise("Sqr", "X * X")
absolute = elementwise("Abs", "fabs(X)")
negative = elementwise("Negative", "-X")

BACK = ("Y", "dY")
relu_gradient = elementwise("ReluGradient", "Y > 0 ? dY : 0", BACK)
leaky_relu_gradient = elementwise(
    "LeakyReluGradient", "Y >= 0 ? dY : alpha * dY", BACK, args=["alpha"]
)
sigmoid_gradient = elementwise("SigmoidGradient", "dY * Y * (1 - Y)", BACK)
tanh_gradient = elementwise("TanhGradient", "dY * (1 - Y * Y)", BACK)
