"""Layers that are one operator without parameters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from c2.build.brew.registration import register


def _plain(name: str, type_: str, doc: str) -> Callable[..., Any]:
    """The brew function `name(model, blob_in, blob_out=None, **args)` for an operator."""

    def function(model: Any, blob_in: Any, blob_out: Any = None, **args: Any) -> Any:
        return model.op(type_, blob_in, blob_out, **args)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"{doc} See operator {type_} for `args`."
    return register(function)


relu = _plain("relu", "Relu", "max(X, 0).")
leaky_relu = _plain("leaky_relu", "LeakyRelu", "X where X >= 0, else alpha * X.")
elu = _plain("elu", "Elu", "X where X >= 0, else alpha * (exp(X) - 1).")
selu = _plain("selu", "Selu", "Elu scaled so that it normalizes itself.")
gelu = _plain("gelu", "Gelu", "X times the normal distribution function of X.")
swish = _plain("swish", "Swish", "X * sigmoid(X).")
sigmoid = _plain("sigmoid", "Sigmoid", "1 / (1 + exp(-X)).")
tanh = _plain("tanh", "Tanh", "Hyperbolic tangent.")
softplus = _plain("softplus", "Softplus", "log(1 + exp(X)).")
softsign = _plain("softsign", "Softsign", "X / (1 + |X|).")
softmax = _plain("softmax", "Softmax", "Rows that are positive and add up to one.")

sum = _plain("sum", "Sum", "The sum of several blobs of one shape.")
sub = _plain("sub", "Sub", "A - B.")
mat_mul = _plain("mat_mul", "MatMul", "The product of two matrices.")
batch_mat_mul = _plain("batch_mat_mul", "BatchMatMul", "Products of matrices, batch by batch.")
transpose = _plain("transpose", "Transpose", "Axes in another order.")
reduce_sum = _plain("reduce_sum", "ReduceSum", "The sum over axes.")
arg_min = _plain("arg_min", "ArgMin", "Where the smallest element is.")
