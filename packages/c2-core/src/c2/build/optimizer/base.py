"""Optimizer: adds to a net the operators that update one parameter from its gradient."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from c2.autodiff.maker import GradientSlice
from c2.build.optimizer.learning_rate import (
    add_iteration,
    add_learning_rate,
    constant,
    device_suffix,
    one,
)
from c2.build.optimizer.sparse import deduplicate
from c2.build.parameter_info import ParameterInfo
from c2.errors import GradientError, SchemaError
from c2.graph.blob_reference import BlobReference
from c2.graph.net import Net

_counts: WeakKeyDictionary[Net, Counter[str]] = WeakKeyDictionary()


@dataclass(frozen=True)
class AuxiliaryParameters:
    """Blobs that an optimizer keeps, to be saved with the model: `local` of one parameter, `shared` by all."""

    local: list[BlobReference] = field(default_factory=list)
    shared: list[BlobReference] = field(default_factory=list)


@dataclass(frozen=True)
class Update:
    """One parameter to update: the nets to add to, and the parameter with its gradient.

    `aggregator` adds up equal rows of a sparse gradient, None leaves them.
    """

    net: Net
    init_net: Net
    info: ParameterInfo
    aggregator: str | None = None

    @property
    def grad(self) -> Any:
        return self.info.grad

    @property
    def param(self) -> BlobReference:
        return BlobReference(self.info.name, self.net)

    @property
    def sparse(self) -> bool:
        return isinstance(self.grad, GradientSlice)

    def slices(self) -> tuple[BlobReference, BlobReference]:
        """Indices and values of a sparse gradient; call it once, as it may add operators."""
        grad = self.grad
        if self.aggregator:
            grad = deduplicate(self.net, grad, self.aggregator)
        return BlobReference(grad.indices, self.net), BlobReference(grad.values, self.net)

    def state(self, suffix: str, value: float = 0.0, **args: Any) -> BlobReference:
        """A blob `<param><suffix>` of the parameter's shape, which the init net fills with `value`."""
        made = BlobReference(self.info.name + suffix)
        return self.init_net.op("ConstantFill", self.param, made, value=value, **args)  # type: ignore[return-value]


class Optimizer(ABC):
    """What updates parameters. Subclasses say how in `update`.

    Args:
        base_learning_rate: the step before the policy; 0 adds nothing.
        policy: how the learning rate changes over runs, as the operator LearningRate has it: "fixed", "step", "exp",
            "inv", "poly", "linearWarmup", "cosine", ...
        policy_args: the policy's arguments: `stepsize`, `gamma`, `power`, `max_iter`, ...
        sparse_dedup_aggregator: "sum" or "mean" adds up rows that a sparse gradient names more than once.
        lars: offset of layer-wise rates (You, Gitman & Ginsburg, 2017), None for none.
    """

    adds = True
    """Whether the update operator adds lr * step, so that descending takes a negative rate, as Adam's; MomentumSGD
    subtracts."""

    def __init__(
        self,
        base_learning_rate: float,
        *,
        policy: str = "fixed",
        sparse_dedup_aggregator: str | None = None,
        lars: float | None = None,
        **policy_args: Any,
    ) -> None:
        if not base_learning_rate >= 0:
            raise SchemaError(
                f"{type(self).__name__}: base_learning_rate must be 0 or more, got {base_learning_rate}; "
                "it is the length of a step down"
            )
        self.base_learning_rate = float(base_learning_rate)
        self.policy = policy
        self.policy_args = policy_args
        self.sparse_dedup_aggregator = sparse_dedup_aggregator
        self.lars = lars
        self.multiplier: BlobReference | None = None
        self.auxiliary = AuxiliaryParameters()
        self._numbers: WeakKeyDictionary[Net, int] = WeakKeyDictionary()

    def __call__(self, net: Net, init_net: Net, info: ParameterInfo) -> None:
        """Adds the update of one parameter.

        Raises:
            GradientError: the parameter has no gradient, or a sparse one that this optimizer has no operator for.
        """
        if info.grad is None:
            raise GradientError(
                f"parameter '{info.name}' has no gradient: the loss does not depend on it"
            )
        if self.base_learning_rate == 0:
            return
        self.update(Update(net, init_net, info, self.sparse_dedup_aggregator))

    @abstractmethod
    def update(self, to: Update) -> None:
        """Adds the operators that update `to.param` from `to.grad`."""

    def scale_learning_rate(self, scale: float) -> None:
        """Multiplies the base learning rate of updates that are added from now on."""
        self.base_learning_rate *= scale

    # -- for subclasses

    def name(self, net: Net, base: str) -> BlobReference:
        """A blob of this optimizer on the current device: `<Class>_<n>_<base>_cpu`, n-th of its class in the net."""
        if net not in self._numbers:
            counts = _counts.setdefault(net, Counter())
            self._numbers[net] = counts[type(self).__name__]
            counts[type(self).__name__] += 1
        number = self._numbers[net]
        return BlobReference(f"{type(self).__name__}_{number}_{base}{device_suffix()}", net)

    def learning_rate(
        self, to: Update, adds: bool | None = None
    ) -> tuple[BlobReference, BlobReference]:
        """The blobs of the learning rate, with its sign and multipliers, and of the iteration counter."""
        net = to.net
        local = self._lars(to)
        iteration = add_iteration(net, to.init_net)
        sign = -1.0 if (self.adds if adds is None else adds) else 1.0
        rate = add_learning_rate(
            net,
            iteration,
            self.name(net, "lr"),
            base_lr=sign * self.base_learning_rate,
            policy=self.policy,
            **self.policy_args,
        )
        if self.multiplier is not None:
            rate = self._scaled(net, rate, self.multiplier)
        if local is not None:
            product = self.name(net, "local_scaled_lr")
            net.op("Mul", [rate, local], product, broadcast=1)
            rate = product
        return rate, iteration

    def _scaled(self, net: Net, rate: BlobReference, multiplier: BlobReference) -> BlobReference:
        scaled = self.name(net, "scaled_lr")
        if scaled not in net:
            here = self.name(net, "lr_multiplier")
            net.op("CopyFromCPUInput", multiplier, here)
            net.op("Mul", [rate, here], scaled, broadcast=1)
        return scaled

    def _lars(self, to: Update) -> BlobReference | None:
        if self.lars is None or to.sparse:
            return None
        limits = [
            constant(to.init_net, name, value)
            for name, value in (
                ("weight_decay", 0.0),
                ("trust", 1.0),
                ("lr_max", float(np.finfo(np.float32).max)),
            )
        ]
        multiplier = self.name(to.net, f"{to.param}_lars")
        to.net.op(
            "Lars", [to.param, to.grad, *limits], multiplier, offset=float(self.lars), lr_min=0.0
        )
        return multiplier

    def one(self, to: Update) -> BlobReference:
        """The blob ONE_<device type>_<device id>, which holds 1."""
        return one(to.init_net)

    def refuse_sparse(self, to: Update) -> None:
        if to.sparse:
            raise GradientError(
                f"parameter '{to.param}': {type(self).__name__} has no update for a sparse gradient. Give it an "
                "optimizer that has (Sgd, Adagrad, Adam), or make the gradient dense with EnsureDense"
            )
