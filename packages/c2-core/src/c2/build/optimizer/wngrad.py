"""WNGrad (Wu, Ward & Bottou, 2018)."""

from __future__ import annotations

from typing import Any

from c2.build.model_helper import ModelHelper
from c2.build.optimizer.base import Optimizer, Update
from c2.build.optimizer.build import build
from c2.build.optimizer.learning_rate import constant


class WngradOptimizer(Optimizer):
    """Steps of the gradient over one number for each parameter, which grows with the gradients' norm.

    Args:
        epsilon: added to that number.
        moment_init: what it starts as.
    """

    def __init__(
        self,
        base_learning_rate: float = 1.0,
        *,
        epsilon: float = 1e-9,
        moment_init: float = 100.0,
        **options: Any,
    ) -> None:
        super().__init__(base_learning_rate, **options)
        self.epsilon = float(epsilon)
        self.moment_init = float(moment_init)

    def update(self, to: Update) -> None:
        rate, _ = self.learning_rate(to)
        moment = constant(to.init_net, f"{to.param}_moment", self.moment_init)
        self.auxiliary.local.append(moment)
        kept = [to.param, moment]
        if to.sparse:
            inputs = [*kept, *to.slices(), rate]
            to.net.op("SparseWngrad", inputs, kept, epsilon=self.epsilon)
        else:
            to.net.op("Wngrad", [*kept, to.grad, rate], kept, epsilon=self.epsilon)


def build_wngrad(
    model: ModelHelper,
    base_learning_rate: float = 1.0,
    *,
    policy: str = "fixed",
    max_gradient_norm: float | None = None,
    allow_lr_injection: bool = False,
    **options: Any,
) -> WngradOptimizer:
    """Adds WNGrad to a model with gradients; see WngradOptimizer and `build`.

    Args:
        options: epsilon, moment_init, and those of Optimizer.
    """
    return build(
        model,
        WngradOptimizer(base_learning_rate, policy=policy, **options),
        max_gradient_norm=max_gradient_norm,
        allow_lr_injection=allow_lr_injection,
    )
