"""YellowFin (Zhang & Mitliagkas, 2017): momentum SGD that tunes itself."""

from __future__ import annotations

from c2.build.model_helper import ModelHelper
from c2.build.optimizer.base import Optimizer, Update
from c2.build.optimizer.build import build
from c2.build.optimizer.learning_rate import add_iteration, constant
from c2.graph.blob_reference import BlobReference

SCALARS = 5  # what the operator remembers besides the averages


class YellowFinOptimizer(Optimizer):
    """Chooses rate and momentum for each parameter from the range of curvatures it has seen.

    Args:
        base_learning_rate: where the averaged rate starts; there is no policy.
        mu: where the averaged momentum starts.
        beta: how much of the averages stays at each step.
        curv_win_width: how many steps the range of curvatures looks back.
        zero_debias: corrects averages for having started at zero.
        epsilon: added where something is divided.
    """

    def __init__(
        self,
        base_learning_rate: float = 0.1,
        *,
        mu: float = 0.0,
        beta: float = 0.999,
        curv_win_width: int = 20,
        zero_debias: bool = True,
        epsilon: float = 1e-6,
    ) -> None:
        super().__init__(base_learning_rate)
        self.mu = float(mu)
        self.curv_win_width = curv_win_width
        self.args = {
            "beta": float(beta),
            "epsilon": float(epsilon),
            "zero_debias": int(zero_debias),
        }

    def update(self, to: Update) -> None:
        self.refuse_sparse(to)
        moment = to.state("_moment")
        window = self._zeros(to, "_curv_win", self.curv_win_width)
        mean, square = to.state("_g_avg"), to.state("_g2_avg")
        rate = constant(to.init_net, f"{to.param}_lr_avg", self.base_learning_rate)
        momentum = constant(to.init_net, f"{to.param}_mu_avg", self.mu)
        memory = self._zeros(to, "_scalars_memory", SCALARS)
        iteration = add_iteration(to.net, to.init_net)
        own = [moment, rate, momentum, window, mean, square, memory]
        self.auxiliary.shared.append(iteration)
        self.auxiliary.local.extend(own)
        to.net.op(
            "YellowFin",
            [to.param, *own, to.grad, iteration],
            [to.param, *own],
            curv_win_width=self.curv_win_width,
            **self.args,
        )

    def _zeros(self, to: Update, suffix: str, size: int) -> BlobReference:
        made = BlobReference(f"{to.param}{suffix}", to.init_net)
        to.init_net.op("ConstantFill", (), made, shape=[size], value=0.0)
        return made


def build_yellowfin(
    model: ModelHelper,
    base_learning_rate: float = 0.1,
    *,
    mu: float = 0.0,
    beta: float = 0.999,
    curv_win_width: int = 20,
    zero_debias: bool = True,
    epsilon: float = 1e-6,
) -> YellowFinOptimizer:
    """Adds YellowFin to a model with gradients; see YellowFinOptimizer."""
    optimizer = YellowFinOptimizer(
        base_learning_rate,
        mu=mu,
        beta=beta,
        curv_win_width=curv_win_width,
        zero_debias=zero_debias,
        epsilon=epsilon,
    )
    return build(model, optimizer)
