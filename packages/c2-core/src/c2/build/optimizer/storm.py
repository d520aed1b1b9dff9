"""STORM (Cutkosky & Orabona, 2019)."""

from __future__ import annotations

from typing import Any

from c2.build.model_helper import ModelHelper
from c2.build.optimizer.base import Optimizer, Update
from c2.build.optimizer.build import build
from c2.build.optimizer.learning_rate import constant


class StormOptimizer(Optimizer):
    """Momentum that corrects itself, with a rate that falls with the sum of squared gradients.

    Args:
        base_learning_rate: k of the paper.
        momentum: c of the paper.
        beta: where the rate's denominator starts.
        grad_sq_init: where the sum of squares starts.
    """

    def __init__(
        self,
        base_learning_rate: float = 0.1,
        *,
        momentum: float = 10.0,
        beta: float = 0.1,
        grad_sq_init: float = 0.01,
        **options: Any,
    ) -> None:
        super().__init__(base_learning_rate, **options)
        self.args = {"momentum": float(momentum), "beta": float(beta)}
        self.grad_sq_init = float(grad_sq_init)

    def update(self, to: Update) -> None:
        rate, _ = self.learning_rate(to)
        moment = to.state("_moment")
        squares = constant(to.init_net, f"{to.param}_grad_sq_sum", self.grad_sq_init)
        self.auxiliary.local.extend([moment, squares])
        kept = [to.param, moment, squares]
        if to.sparse:
            indices, values = to.slices()
            to.net.op("SparseStorm", [*kept, values, indices, rate], kept, **self.args)
        else:
            to.net.op("Storm", [*kept, to.grad, rate], kept, **self.args)


def build_storm(
    model: ModelHelper,
    base_learning_rate: float = 0.1,
    *,
    policy: str = "fixed",
    max_gradient_norm: float | None = None,
    allow_lr_injection: bool = False,
    **options: Any,
) -> StormOptimizer:
    """Adds STORM to a model with gradients; see StormOptimizer and `build`.

    Args:
        options: momentum, beta, grad_sq_init, and those of Optimizer.
    """
    return build(
        model,
        StormOptimizer(base_learning_rate, policy=policy, **options),
        max_gradient_norm=max_gradient_norm,
        allow_lr_injection=allow_lr_injection,
    )
