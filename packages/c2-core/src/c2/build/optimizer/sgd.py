"""Stochastic gradient descent, with momentum where asked for."""

from __future__ import annotations

from typing import Any

from c2.build.model_helper import ModelHelper
from c2.build.optimizer.base import Optimizer, Update
from c2.build.optimizer.build import build
from c2.build.optimizer.weight_decay import add_weight_decay


class SgdOptimizer(Optimizer):
    """param -= lr * grad; with momentum, param -= v where v = momentum * v + lr * grad.

    Args:
        momentum: 0 for none.
        nesterov: momentum looks ahead (Nesterov, 1983).
    """

    adds = False

    def __init__(
        self,
        base_learning_rate: float = 0.01,
        *,
        momentum: float = 0.0,
        nesterov: bool = True,
        **options: Any,
    ) -> None:
        super().__init__(base_learning_rate, **options)
        self.momentum = float(momentum)
        self.nesterov = nesterov

    def update(self, to: Update) -> None:
        rate, _ = self.learning_rate(to, adds=not self.momentum)
        one = self.one(to)
        self.auxiliary.shared.append(one)
        if self.momentum:
            self._update_with_momentum(to, rate)
        elif to.sparse:
            to.net.op("ScatterWeightedSum", [to.param, one, *to.slices(), rate], to.param)
        else:
            to.net.op("WeightedSum", [to.param, one, to.grad, rate], to.param)

    def _update_with_momentum(self, to: Update, rate: Any) -> None:
        velocity = to.state("_momentum")
        self.auxiliary.local.append(velocity)
        args = {"momentum": self.momentum, "nesterov": int(self.nesterov)}
        if to.sparse:
            indices, values = to.slices()
            to.net.op(
                "SparseMomentumSGDUpdate",
                [values, velocity, rate, to.param, indices],
                [values, velocity, to.param],
                **args,
            )
        else:
            to.net.op(
                "MomentumSGDUpdate",
                [to.grad, velocity, rate, to.param],
                [to.grad, velocity, to.param],
                **args,
            )


def build_sgd(
    model: ModelHelper,
    base_learning_rate: float,
    *,
    momentum: float = 0.0,
    nesterov: bool = True,
    policy: str = "fixed",
    weight_decay: float = 0.0,
    max_gradient_norm: float | None = None,
    allow_lr_injection: bool = False,
    **options: Any,
) -> SgdOptimizer:
    """Adds gradient descent to a model with gradients; see SgdOptimizer and `build`.

    Args:
        weight_decay: added to the gradients of weights as `weight_decay * W`.
        options: of Optimizer: sparse_dedup_aggregator, lars, and the arguments of the policy.
    """
    if weight_decay:
        add_weight_decay(model, weight_decay)
    optimizer = SgdOptimizer(
        base_learning_rate, momentum=momentum, nesterov=nesterov, policy=policy, **options
    )
    return build(
        model,
        optimizer,
        max_gradient_norm=max_gradient_norm,
        allow_lr_injection=allow_lr_injection,
    )
