"""Adadelta (Zeiler, 2012)."""

from __future__ import annotations

from typing import Any

from c2.build.model_helper import ModelHelper
from c2.build.optimizer.base import Optimizer, Update
from c2.build.optimizer.build import build


class AdadeltaOptimizer(Optimizer):
    """Steps of the gradient, scaled by running mean squares of earlier steps over those of gradients.

    Args:
        epsilon: added under both roots.
        decay: how much of the mean squares stays at each step.
    """

    def __init__(
        self,
        base_learning_rate: float = 0.01,
        *,
        epsilon: float = 1e-4,
        decay: float = 0.95,
        **options: Any,
    ) -> None:
        super().__init__(base_learning_rate, **options)
        self.args = {"epsilon": float(epsilon), "decay": float(decay)}

    def update(self, to: Update) -> None:
        rate, _ = self.learning_rate(to)
        square = to.state("_squared_moment")
        steps = to.state("_squared_moment_update")
        self.auxiliary.local.extend([square, steps])
        kept = [to.param, square, steps]
        if to.sparse:
            to.net.op("SparseAdadelta", [*kept, *to.slices(), rate], kept, **self.args)
        else:
            to.net.op("Adadelta", [*kept, to.grad, rate], kept, **self.args)


def build_adadelta(
    model: ModelHelper,
    base_learning_rate: float = 0.01,
    *,
    epsilon: float = 1e-4,
    decay: float = 0.95,
    policy: str = "fixed",
    max_gradient_norm: float | None = None,
    allow_lr_injection: bool = False,
    **options: Any,
) -> AdadeltaOptimizer:
    """Adds Adadelta to a model with gradients; see AdadeltaOptimizer and `build`."""
    optimizer = AdadeltaOptimizer(
        base_learning_rate, epsilon=epsilon, decay=decay, policy=policy, **options
    )
    return build(
        model,
        optimizer,
        max_gradient_norm=max_gradient_norm,
        allow_lr_injection=allow_lr_injection,
    )
