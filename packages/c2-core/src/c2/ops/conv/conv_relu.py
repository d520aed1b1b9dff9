"""ConvRelu: a convolution whose output is cut off below zero."""

import numpy as np

from c2.ops.conv.conv import GROUP, Conv, conv_cost, infer_conv
from c2.ops.conv.direct import direct_conv, examples
from c2.ops.conv.geometry import ORDER, WINDOW_ARGS
from c2.ops.elementwise import clamp
from c2.registry import Case, NoGradient, OpSchema, Tensor, cases, kernel
from c2.registry.spec import FLOAT

CONV_RELU = OpSchema(
    "ConvRelu",
    doc="Y = max(Conv(X, filter, bias), 0). See Conv for the arguments.",
    inputs=[
        Tensor("X", "images (N, C, ...), or (N, ..., C) with order NHWC", FLOAT),
        Tensor("filter", "W, (M, C / group, ...kernel), or (M, ...kernel, C / group)", FLOAT),
        Tensor("bias", "b, (M,)", FLOAT, optional=True),
    ],
    outputs=[Tensor("Y", "(N, M, ...), or (N, ..., M)")],
    args=[*WINDOW_ARGS, GROUP, ORDER],
    infer=infer_conv,
    cost=conv_cost,
    gradient=NoGradient.FORBIDDEN,
)


@kernel(CONV_RELU)
class ConvRelu(Conv):
    def __call__(self, X, W, b=None, out=None):
        Y = super().__call__(X, W, b, out)
        return clamp(self.xp, Y, 0, np.inf, out=Y)


@cases(CONV_RELU)
def conv_relu_cases(rng):
    for X, W, b, geometry, args in examples(rng, (1, 2)):
        Y = direct_conv(X, W, b, **geometry)
        yield Case({"X": X, "filter": W, "bias": b}, args, {"Y": np.where(Y > 0, Y, 0)})
