"""Adam (Kingma & Ba, 2015)."""

from __future__ import annotations

from typing import Any

from c2.build.model_helper import ModelHelper
from c2.build.optimizer.base import Optimizer, Update
from c2.build.optimizer.build import build
from c2.build.optimizer.rows import state_per_row
from c2.errors import GradientError


class AdamOptimizer(Optimizer):
    """Steps of running mean over root of running mean square of the gradients.

    Args:
        beta1, beta2: how much of the means of gradients and of their squares stays at each step.
        epsilon: added to the root.
        row_wise: one mean square for each row of a sparse parameter.
        rectified: RAdam (Liu et al., 2020), which only sparse gradients that are not row_wise have.
    """

    def __init__(
        self,
        base_learning_rate: float = 0.001,
        *,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
        row_wise: bool = False,
        rectified: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(base_learning_rate, **options)
        self.args = {"beta1": float(beta1), "beta2": float(beta2), "epsilon": float(epsilon)}
        self.row_wise = row_wise
        self.rectified = rectified

    def update(self, to: Update) -> None:
        self._check(to)
        rate, iteration = self.learning_rate(to)
        mean = to.state("_first_moment")
        if self.row_wise:
            square = state_per_row(to, "_avg_second_moment")
        else:
            square = to.state("_second_moment")
        self.auxiliary.shared.append(iteration)
        self.auxiliary.local.extend([mean, square])
        kept = [to.param, mean, square]
        if not to.sparse:
            to.net.op("Adam", [*kept, to.grad, rate, iteration], kept, **self.args)
            return
        inputs = [*kept, *to.slices(), rate, iteration]
        if self.row_wise:
            to.net.op("RowWiseSparseAdam", inputs, kept, **self.args)
        else:
            to.net.op("SparseAdam", inputs, kept, **self.args, enableRAdam=int(self.rectified))

    def _check(self, to: Update) -> None:
        if self.row_wise and not to.sparse:
            raise GradientError(
                f"parameter '{to.param}': row_wise Adam needs a sparse gradient, and this one is dense"
            )
        if self.rectified and (self.row_wise or not to.sparse):
            raise GradientError(
                f"parameter '{to.param}': rectified Adam needs a sparse gradient and row_wise=False; no other "
                "operator has it"
            )


def build_adam(
    model: ModelHelper,
    base_learning_rate: float = 0.001,
    *,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
    policy: str = "fixed",
    max_gradient_norm: float | None = None,
    allow_lr_injection: bool = False,
    **options: Any,
) -> AdamOptimizer:
    """Adds Adam to a model with gradients; see AdamOptimizer and `build`.

    Args:
        options: row_wise, rectified, and those of Optimizer: sparse_dedup_aggregator, lars, the policy's arguments.
    """
    optimizer = AdamOptimizer(
        base_learning_rate, beta1=beta1, beta2=beta2, epsilon=epsilon, policy=policy, **options
    )
    return build(
        model,
        optimizer,
        max_gradient_norm=max_gradient_norm,
        allow_lr_injection=allow_lr_injection,
    )
