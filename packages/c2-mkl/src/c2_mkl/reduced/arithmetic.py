"""What Conv and FC do to their sums of products, in the steps of what they write: fewer operations per number.

With integers, Y / y = f(x w sum + b + s S) / y, where x, w, y and s are the scales of X, W, Y and of a summand S. Where
f lets factors through, 1 / y goes into the constants: f((x w / y) sum + b / y + (s / y) S), and nothing is left to be
done at the end but rounding. Rounding to integers without a sign is a Relu itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from c2.compile.native import NativeRequest
from c2_mkl import onednn_numbers as n
from c2_mkl.library import OneDNN
from c2_mkl.primitive import Array, Handle, strided
from c2_mkl.reduced.activation import algorithm
from c2_mkl.reduced.storage import LARGEST, Kept, scale_arguments
from c2_mkl.reduced.weights import weight_scales, weight_steps

Activation = tuple[int, float, float]


@dataclass(frozen=True)
class Arithmetic:
    """Factors and summands of a convolution or a product of matrices.

    Attributes:
        scales: of the sums of products, one per output channel; None: 1, as in bf16.
        summand: factor of the summand.
        bias: its numbers, or the position of the input that has them; None where there is none.
        after: activations, as oneDNN's number and two parameters.
        step: what oneDNN divides by at the end: a layout with the scale, or None.
        weight_steps: what the largest weight becomes, in int8.
    """

    scales: Array | None
    summand: float
    bias: Array | int | None
    after: tuple[Activation, ...]
    step: Kept | None = None
    weight_steps: int = 0

    def ends(self, Y: Kept) -> tuple[float, float] | None:
        """The smallest and largest number to store; None where more is left to be done than to cut off and round."""
        if self.scales is None or self.step is not None or isinstance(self.bias, int):
            return None
        low, high = 0.0 if Y.dtype == n.U8 else -LARGEST[Y.dtype], LARGEST[Y.dtype]
        for kind, alpha, beta in self.after:
            if kind == n.ELTWISE_RELU and alpha == 0:
                alpha, beta = 0.0, LARGEST[Y.dtype]
            elif kind != n.CLIP:
                return None
            low, high = (min(max(end, alpha), beta) for end in (low, high))
        return float(np.rint(low)), float(np.rint(high))

    def append_to(self, library: OneDNN) -> Callable[[Any], None]:
        """Appends the activations to post-operations."""

        def append(post: Any) -> None:
            for activation in self.after:
                library.api.post_ops_append_eltwise(post, *activation)

        return append

    def arguments(
        self, library: OneDNN, mask: int
    ) -> tuple[dict[int, int], list[tuple[int, Handle, Any]]]:
        """Masks of scales for the attributes, and the arguments that hold the numbers."""
        ends = [(n.TARGET, self.step)] if self.step is not None else []
        masks, found = scale_arguments(library, ends)
        if self.scales is not None:
            masks[n.WEIGHTS] = mask
            found.append((n.SCALES | n.WEIGHTS, strided(library, [len(self.scales)]), self.scales))
        return masks, found


def arithmetic_of(
    request: NativeRequest,
    library: OneDNN,
    X: Kept,
    Y: Kept | None,
    S: Kept | None = None,
    axis: int = 0,
) -> Arithmetic:
    """Of an operator that reads X, adds S where there is one, and writes Y (None: float32).

    Args:
        axis: of the weights, along which output channels lie.
    """
    after = tuple(algorithm(*one) for one in request.post[S is not None :])
    bias = 2 if len(request.inputs) - (S is not None) > 2 else None
    if request.precision == "bf16":
        return Arithmetic(None, 1.0, bias, after)
    steps = weight_steps(request, library, X)
    scales = weight_scales(request, steps, axis) * np.float32(X.scale)
    summand = S.scale if S is not None else 1.0
    if Y is None:
        return Arithmetic(scales, summand, bias, after, None, steps)
    linear = all(kind in (n.ELTWISE_RELU, n.CLIP) for kind, _, _ in after)
    if not linear or (bias is not None and bias not in request.constants):
        return Arithmetic(scales, summand, bias, after, Y, steps)
    step = Y.scale
    after = tuple(_in_steps(one, step) for one in after)
    if after and _is_rounding(after[-1], Y):
        after = after[:-1]
    b = None if bias is None else np.float32(1 / step) * request.constants[bias]
    return Arithmetic(scales * np.float32(1 / step), summand / step, b, after, None, steps)


def _in_steps(activation: Activation, step: float) -> Activation:
    kind, alpha, beta = activation
    return (kind, alpha / step, beta / step) if kind == n.CLIP else activation


def _is_rounding(activation: Activation, Y: Kept) -> bool:
    """Whether rounding to 0..255 does the same."""
    kind, alpha, beta = activation
    return Y.dtype == n.U8 and alpha == 0 and (kind == n.ELTWISE_RELU or beta >= 254.5)
