"""FTRL-Proximal (McMahan et al., 2013): sparse weights by L1 and L2 regularization."""

from __future__ import annotations

from typing import Any

from c2.build.model_helper import ModelHelper
from c2.build.optimizer.base import Optimizer, Update
from c2.build.optimizer.build import build


class FtrlOptimizer(Optimizer):
    """Follow the regularized leader; it keeps no learning-rate blob, the rate is an argument of its operator.

    Args:
        base_learning_rate: alpha of the paper.
        beta: added to the root of the sum of squares.
        lambda1, lambda2: L1 and L2 regularization.
    """

    def __init__(
        self,
        base_learning_rate: float = 0.01,
        *,
        beta: float = 1e-4,
        lambda1: float = 0.0,
        lambda2: float = 0.0,
        sparse_dedup_aggregator: str | None = None,
    ) -> None:
        super().__init__(base_learning_rate, sparse_dedup_aggregator=sparse_dedup_aggregator)
        self.args = {"beta": float(beta), "lambda1": float(lambda1), "lambda2": float(lambda2)}

    def update(self, to: Update) -> None:
        state = to.state("_ftrl_nz", extra_shape=[2])
        self.auxiliary.local.append(state)
        kept = [to.param, state]
        args: dict[str, Any] = {"alpha": self.base_learning_rate, **self.args}
        if to.sparse:
            to.net.op("SparseFtrl", [*kept, *to.slices()], kept, **args)
        else:
            to.net.op("Ftrl", [*kept, to.grad], kept, **args)


class GFtrlOptimizer(FtrlOptimizer):
    """FTRL with the group lasso (Ni et al., 2019): a whole input of a weight matrix becomes zero, or stays."""

    def update(self, to: Update) -> None:
        self.refuse_sparse(to)
        state = to.state("_gftrl_nz", extra_shape=[2])
        self.auxiliary.local.append(state)
        kept = [to.param, state]
        to.net.op("GFtrl", [*kept, to.grad], kept, alpha=self.base_learning_rate, **self.args)


def build_ftrl(
    model: ModelHelper,
    base_learning_rate: float = 0.01,
    *,
    beta: float = 1e-4,
    lambda1: float = 0.0,
    lambda2: float = 0.0,
    sparse_dedup_aggregator: str | None = None,
) -> FtrlOptimizer:
    """Adds FTRL to a model with gradients; see FtrlOptimizer and `build`."""
    optimizer = FtrlOptimizer(
        base_learning_rate,
        beta=beta,
        lambda1=lambda1,
        lambda2=lambda2,
        sparse_dedup_aggregator=sparse_dedup_aggregator,
    )
    return build(model, optimizer)


def build_gftrl(
    model: ModelHelper,
    base_learning_rate: float = 0.01,
    *,
    beta: float = 1e-4,
    lambda1: float = 0.0,
    lambda2: float = 0.0,
) -> GFtrlOptimizer:
    """Adds FTRL with the group lasso to a model with gradients; see GFtrlOptimizer."""
    optimizer = GFtrlOptimizer(base_learning_rate, beta=beta, lambda1=lambda1, lambda2=lambda2)
    return build(model, optimizer)
