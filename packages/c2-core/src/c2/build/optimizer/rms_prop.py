"""RmsProp (Hinton, 2012)."""

from __future__ import annotations

from typing import Any

from c2.build.model_helper import ModelHelper
from c2.build.optimizer.base import Optimizer, Update
from c2.build.optimizer.build import build


class RmsPropOptimizer(Optimizer):
    """Steps of the gradient over the root of its running mean square.

    As in Caffe2 two operators share the blob of the momentum, RmsProp and then MomentumSGDUpdate, which leaves
    lr * step there: what the next step's momentum multiplies has the learning rate in it.

    Args:
        decay: how much of the mean square stays at each step.
        momentum: how much of the step before is added.
        epsilon: added under the root.
    """

    adds = False

    def __init__(
        self,
        base_learning_rate: float = 0.01,
        *,
        decay: float = 0.9,
        momentum: float = 0.0,
        epsilon: float = 1e-5,
        **options: Any,
    ) -> None:
        super().__init__(base_learning_rate, **options)
        self.args = {"decay": float(decay), "momentum": float(momentum), "epsilon": float(epsilon)}

    def update(self, to: Update) -> None:
        self.refuse_sparse(to)
        one = self.one(to)
        rate, _ = self.learning_rate(to)
        step = to.state("_grad_o")
        square = to.state("_mean_squares")
        momentum = to.state("_momentum")
        self.auxiliary.local.extend([square, momentum])
        to.net.op(
            "RmsProp", [to.grad, square, momentum, one], [step, square, momentum], **self.args
        )
        to.net.op("MomentumSGDUpdate", [step, momentum, rate, to.param], [step, momentum, to.param])


def build_rms_prop(
    model: ModelHelper,
    base_learning_rate: float = 0.01,
    *,
    decay: float = 0.9,
    momentum: float = 0.0,
    epsilon: float = 1e-5,
    policy: str = "fixed",
    max_gradient_norm: float | None = None,
    allow_lr_injection: bool = False,
    **options: Any,
) -> RmsPropOptimizer:
    """Adds RmsProp to a model with gradients; see RmsPropOptimizer and `build`."""
    optimizer = RmsPropOptimizer(
        base_learning_rate,
        decay=decay,
        momentum=momentum,
        epsilon=epsilon,
        policy=policy,
        **options,
    )
    return build(
        model,
        optimizer,
        max_gradient_norm=max_gradient_norm,
        allow_lr_injection=allow_lr_injection,
    )
