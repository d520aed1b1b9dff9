"""DecayAdagrad: Adagrad with a running mean of the gradients, and weight decay beside the step."""

from __future__ import annotations

from typing import Any

from c2.build.model_helper import ModelHelper
from c2.build.optimizer.base import Optimizer, Update
from c2.build.optimizer.build import build


class DecayAdagradOptimizer(Optimizer):
    """Steps of a running mean of gradients over the root of the sum of their squares.

    Sparse gradients get SparseAdagrad, as in Caffe2.

    Args:
        beta1: how much of the mean stays at each step.
        beta2: an argument of the operator that it does not use, as in Caffe2.
        epsilon: added to the root.
        weight_decay: of the parameter, beside the step.
        bias_correction_first: the running mean is corrected for having started at zero.
    """

    def __init__(
        self,
        base_learning_rate: float = 0.01,
        *,
        beta1: float = 0.0,
        beta2: float = 0.999,
        epsilon: float = 0.1,
        weight_decay: float = 0.0,
        bias_correction_first: bool = True,
        **options: Any,
    ) -> None:
        super().__init__(base_learning_rate, **options)
        self.epsilon = float(epsilon)
        self.args = {
            "beta1": float(beta1),
            "beta2": float(beta2),
            "weight_decay": float(weight_decay),
            "bias_correction_first": int(bias_correction_first),
        }

    def update(self, to: Update) -> None:
        rate, iteration = self.learning_rate(to)
        if to.sparse:
            squares = to.state("_squared_sum")
            self.auxiliary.local.append(squares)
            inputs = [to.param, squares, *to.slices(), rate]
            to.net.op("SparseAdagrad", inputs, [to.param, squares], epsilon=self.epsilon)
            return
        mean = to.state("_first_mo1ment")  # so Caffe2 spells it
        square = to.state("_second_moment")
        self.auxiliary.shared.append(iteration)
        self.auxiliary.local.extend([mean, square])
        kept = [to.param, mean, square]
        inputs = [*kept, to.grad, rate, iteration]
        to.net.op("DecayAdagrad", inputs, kept, epsilon=self.epsilon, **self.args)


def build_decay_adagrad(
    model: ModelHelper,
    base_learning_rate: float = 0.01,
    *,
    policy: str = "fixed",
    max_gradient_norm: float | None = None,
    allow_lr_injection: bool = False,
    **options: Any,
) -> DecayAdagradOptimizer:
    """Adds DecayAdagrad to a model with gradients; see DecayAdagradOptimizer and `build`.

    Args:
        options: beta1, beta2, epsilon, weight_decay, bias_correction_first, and those of Optimizer.
    """
    return build(
        model,
        DecayAdagradOptimizer(base_learning_rate, policy=policy, **options),
        max_gradient_norm=max_gradient_norm,
        allow_lr_injection=allow_lr_injection,
    )
