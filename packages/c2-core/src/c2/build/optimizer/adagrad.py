"""Adagrad (Duchi, Hazan & Singer, 2011)."""

from __future__ import annotations

from typing import Any

from c2.build.model_helper import ModelHelper
from c2.build.optimizer.base import Optimizer, Update
from c2.build.optimizer.build import build
from c2.build.optimizer.rows import state_per_row
from c2.errors import GradientError


class AdagradOptimizer(Optimizer):
    """Steps of the gradient over the root of the sum of its squares so far.

    Args:
        epsilon: added to the root.
        decay: how much of the sum stays at each step; sparse gradients take 1 alone.
        weight_decay: added to the gradient as `weight_decay * W` by the operator; not for parameters of one axis.
        row_wise: one sum, of the mean square, for each row of a sparse parameter.
    """

    def __init__(
        self,
        base_learning_rate: float = 0.01,
        *,
        epsilon: float = 1e-4,
        decay: float = 1.0,
        weight_decay: float = 0.0,
        row_wise: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(base_learning_rate, **options)
        self.epsilon = float(epsilon)
        self.decay = float(decay)
        self.weight_decay = float(weight_decay)
        self.row_wise = row_wise

    def update(self, to: Update) -> None:
        self._check(to)
        rate, _ = self.learning_rate(to)
        if self.row_wise:
            squares = state_per_row(to, "_avg_squared_sum")
        else:
            squares = to.state("_squared_sum")
        self.auxiliary.local.append(squares)
        args = {"epsilon": self.epsilon}
        if self.weight_decay and (to.info.shape is None or len(to.info.shape) > 1):
            args["weight_decay"] = self.weight_decay
        kept = [to.param, squares]
        if to.sparse:
            type_ = "RowWiseSparseAdagrad" if self.row_wise else "SparseAdagrad"
            to.net.op(type_, [*kept, *to.slices(), rate], kept, **args)
        else:
            to.net.op("Adagrad", [*kept, to.grad, rate], kept, decay=self.decay, **args)

    def _check(self, to: Update) -> None:
        if self.row_wise and not to.sparse:
            raise GradientError(
                f"parameter '{to.param}': row_wise Adagrad needs a sparse gradient, and this one is dense"
            )
        if to.sparse and self.decay != 1.0:
            raise GradientError(
                f"parameter '{to.param}' has a sparse gradient: Adagrad's decay must be 1, got {self.decay}"
            )


def build_adagrad(
    model: ModelHelper,
    base_learning_rate: float = 0.01,
    *,
    epsilon: float = 1e-4,
    policy: str = "fixed",
    max_gradient_norm: float | None = None,
    allow_lr_injection: bool = False,
    **options: Any,
) -> AdagradOptimizer:
    """Adds Adagrad to a model with gradients; see AdagradOptimizer and `build`.

    Args:
        options: decay, weight_decay, row_wise, and those of Optimizer.
    """
    optimizer = AdagradOptimizer(base_learning_rate, epsilon=epsilon, policy=policy, **options)
    return build(
        model,
        optimizer,
        max_gradient_norm=max_gradient_norm,
        allow_lr_injection=allow_lr_injection,
    )
