"""LearningRate: the learning rate of an iteration by one of eighteen policies."""

import math

import numpy as np

from c2.ops.optimizer.policy import POLICIES, make_schedule
from c2.ops.rules import one_element
from c2.registry import REQUIRED, Arg, Case, OpSchema, Tensor, TensorSpec, cases, kernel
from c2.registry.arguments import ArgFamily
from c2.registry.schema import NoGradient


def _infer(iteration, *, base_lr, policy, **values):
    one_element(input=iteration)
    make_schedule(policy, base_lr, values)
    return TensorSpec((), np.float32)


LEARNING_RATE = OpSchema(
    "LearningRate",
    doc="""lr = base_lr * m(iter), where the multiplier m is, by policy:

    - fixed: 1.
    - step: gamma^floor(iter / stepsize); exp: gamma^iter; inv: (1 + gamma * iter)^-power.
    - poly: (1 - iter / max_iter)^power, NaN past max_iter where there is no real power.
    - alter: 1 for active_period iterations and 0 for inactive_period, in turn.
    - gate: multiplier_1 before num_iter, then multiplier_2.
    - linearWarmup: a line from start_multiplier to 1 at num_iter, then 1; constantWarmup: multiplier, then 1.
    - pieceWarmup: m1 before n1, m2 before n2, then m3.
    - hill: linearWarmup for num_iter, then inv counted from there, at least end_multiplier.
    - slope: multiplier_1 before num_iter_1, a line to multiplier_2 at num_iter_2, never below multiplier_2.
    - cyclical: up and down between 1 and max_lr / base_lr, stepsize iterations each way, peaks shrinking by decay
      (Smith, "Cyclical learning rates for training neural networks", 2017).
    - cosine: half a cosine from max_lr to min_lr per period; periods grow by t_mult, rates shrink by lr_shrink
      (Loshchilov & Hutter, "SGDR: stochastic gradient descent with warm restarts", 2017).
    - constantThenLinearWarmup: start_warmup_multiplier, a line to 1, then 1; compositeCyclical and compositeCosine go
      on with cyclical or cosine, counted from there.
    - composite: policies sub_policy_0_policy, sub_policy_1_policy, ... with arguments of the same prefix, for
      sub_policy_num_iters iterations each, times sub_policy_<k>_lr_scale; all see the iteration of the whole.

    Differs from Caffe2: arguments that make no sense are refused, where a release build of Caffe2 divides by 0; and
    iteration 0 of composite belongs to the first policy, where Caffe2 reads what is not there.
    """,
    inputs=[Tensor("input", "iter, one element", frozenset({"int64"}))],
    outputs=[Tensor("output", "lr, float32 ()")],
    args=[
        Arg("base_lr", float, default=REQUIRED, doc="what is multiplied; negative for operators that add lr * step"),
        Arg("policy", str, default=REQUIRED, choices=tuple(POLICIES), doc="how the rate changes"),
        Arg("power", float, doc="inv, poly, hill: exponent, above 0"),
        Arg("gamma", float, doc="step, exp, inv, hill: above 0"),
        Arg("stepsize", int, doc="step: iterations per step; cyclical: per half cycle"),
        Arg("max_lr", float, doc="cyclical (0.005), cosine (0.5): greatest rate"),
        Arg("min_lr", float, doc="cosine (0.1): least rate"),
        Arg("decay", float, doc="cyclical (1): factor from peak to peak"),
        Arg("period", int, doc="cosine (50): iterations of the first period"),
        Arg("t_mult", float, doc="cosine (1): factor from period to period"),
        Arg("lr_shrink", float, doc="cosine (0.99): factor of the rates from period to period"),
        Arg("active_first", bool, doc="alter (True): begin with 1"),
        Arg("active_period", int, doc="alter: iterations with 1"),
        Arg("inactive_period", int, doc="alter: iterations with 0"),
        Arg("max_iter", int, doc="poly: iteration at which the rate is 0"),
        Arg("num_iter", int, doc="gate, linearWarmup, constantWarmup, hill (0): length of the first part"),
        Arg("num_iter_1", int, doc="slope: end of the constant part"),
        Arg("num_iter_2", int, doc="slope: end of the line"),
        Arg("start_multiplier", float, doc="linearWarmup, hill (0): multiplier of iteration 0"),
        Arg("end_multiplier", float, doc="hill (0): least multiplier of the second part"),
        Arg("multiplier", float, doc="constantWarmup (0.5)"),
        Arg("multiplier_1", float, doc="gate (1), slope (0): first multiplier"),
        Arg("multiplier_2", float, doc="gate (1), slope (0): second multiplier"),
        Arg("m1", float, doc="pieceWarmup (0.5)"),
        Arg("n1", int, doc="pieceWarmup (0)"),
        Arg("m2", float, doc="pieceWarmup (0.5)"),
        Arg("n2", int, doc="pieceWarmup (0)"),
        Arg("m3", float, doc="pieceWarmup (0.5)"),
        Arg("start_warmup_multiplier", float, doc="warmup parts (0.1)"),
        Arg("constant_warmup_num_iter", int, doc="warmup parts (10,000,000)"),
        Arg("linear_warmup_num_iter", int, doc="warmup parts (10,000,000)"),
        Arg("cyclical_max_lr", float, doc="compositeCyclical (0.05)"),
        Arg("cyclical_step_size", int, doc="compositeCyclical (1,000,000)"),
        Arg("cyclical_decay", float, doc="compositeCyclical (1)"),
        Arg("cosine_min_lr", float, doc="compositeCosine (0.1)"),
        Arg("cosine_max_lr", float, doc="compositeCosine (0.5)"),
        Arg("cosine_period", int, doc="compositeCosine (50)"),
        Arg("cosine_t_mult", float, doc="compositeCosine (1)"),
        Arg("cosine_lr_shrink", float, doc="compositeCosine (0.99)"),
        Arg("sub_policy_num_iters", "ints", default=(), doc="composite: iterations of each policy"),
        ArgFamily("sub_policy_", "family", doc="composite: <k>_policy, <k>_lr_scale, and <k>_ with its arguments"),
    ],
    infer=_infer,
    gradient=NoGradient.STOPS,
)  # fmt: skip


@kernel(LEARNING_RATE)
class LearningRate:
    """Makes the schedule once."""

    def __init__(self, xp, iteration, *, base_lr, policy, **values):
        self.xp, self.base_lr = xp, base_lr
        self.schedule = make_schedule(policy, base_lr, values)

    def __call__(self, iteration, out=None):
        if out is None:
            out = self.xp.empty((), np.float32)
        out.fill(self.base_lr * self.schedule(iteration.item()))
        return out


_WARMUP = {
    "start_warmup_multiplier": 0.2,
    "constant_warmup_num_iter": 5,
    "linear_warmup_num_iter": 10,
}

# policy, arguments, {iteration: multiplier found by hand}
_BY_HAND = [
    ("fixed", {}, {0: 1, 1000: 1}),
    ("step", {"stepsize": 10, "gamma": 0.5}, {0: 1, 9: 1, 10: 0.5, 39: 0.125}),
    ("exp", {"gamma": 0.5}, {0: 1, 3: 0.125}),
    ("inv", {"gamma": 1.0, "power": 2.0}, {0: 1, 1: 0.25, 3: 1 / 16}),
    ("poly", {"max_iter": 10, "power": 2.0}, {0: 1, 5: 0.25, 10: 0, 15: 0.25}),
    ("poly", {"max_iter": 10, "power": 0.5}, {0: 1, 10: 0, 11: math.nan}),
    ("alter", {"active_period": 2, "inactive_period": 3}, {0: 1, 1: 1, 2: 0, 4: 0, 5: 1}),
    ("alter", {"active_period": 2, "inactive_period": 3, "active_first": 0}, {0: 0, 2: 0, 3: 1, 4: 1, 5: 0}),
    ("gate", {"num_iter": 4, "multiplier_1": 0.25, "multiplier_2": 3.0}, {3: 0.25, 4: 3}),
    ("gate", {"num_iter": 4, "multiplier_1": 0.25}, {3: 0.25, 4: 1}),
    ("linearWarmup", {"start_multiplier": 0.5, "num_iter": 10}, {0: 0.5, 5: 0.75, 10: 1, 11: 1}),
    ("constantWarmup", {"multiplier": 0.25, "num_iter": 10}, {9: 0.25, 10: 1}),
    ("constantWarmup", {"num_iter": 10}, {9: 0.5, 10: 1}),
    ("pieceWarmup", {"m1": 2.0, "n1": 2, "m2": 3.0, "n2": 4, "m3": 4.0}, {1: 2, 2: 3, 3: 3, 4: 4}),
    ("hill", {"num_iter": 4, "start_multiplier": 0.5, "gamma": 1.0, "power": 1.0, "end_multiplier": 0.3},
     {0: 0.5, 2: 0.75, 4: 1, 5: 0.5, 100: 0.3}),
    ("slope", {"num_iter_1": 2, "multiplier_1": 1.0, "num_iter_2": 6, "multiplier_2": 0.2}, {1: 1, 4: 0.6, 9: 0.2}),
    ("cyclical", {"max_lr": 0.4, "stepsize": 5}, {0: 1, 5: 4, 10: 1, 12: 2.2, 15: 4}),
    ("cyclical", {"max_lr": 0.4, "stepsize": 5, "decay": 0.5}, {5: 4, 15: 2.5, 20: 1}),
    ("cosine", {"min_lr": 0.1, "max_lr": 0.5, "period": 10, "lr_shrink": 0.5}, {0: 0.5, 5: 0.3, 10: 0.25, 15: 0.15}),
    ("cosine", {"min_lr": 0.0, "max_lr": 1.0, "period": 10, "t_mult": 2.0, "lr_shrink": 1.0}, {0: 1, 5: 0.5, 20: 0.5}),
    ("constantThenLinearWarmup", _WARMUP, {0: 0.2, 4: 0.2, 5: 0.2, 10: 0.6, 15: 1, 99: 1}),
    ("compositeCyclical", {**_WARMUP, "cyclical_max_lr": 0.4, "cyclical_step_size": 5}, {10: 0.6, 15: 1, 20: 4}),
    ("compositeCosine", {**_WARMUP, "cosine_max_lr": 1.0, "cosine_min_lr": 0.0, "cosine_period": 10},
     {10: 0.6, 15: 1, 20: 0.5}),
    ("composite", {"sub_policy_num_iters": [5, 10], "sub_policy_0_policy": "constantWarmup",
                   "sub_policy_0_multiplier": 0.25, "sub_policy_0_num_iter": 3, "sub_policy_1_policy": "exp",
                   "sub_policy_1_gamma": 0.5, "sub_policy_1_lr_scale": 8.0},
     {0: 0.25, 2: 0.25, 5: 1, 6: 8 * 0.5**6, 40: 8 * 0.5**40}),
]  # fmt: skip


@cases(LEARNING_RATE)
def learning_rate_cases(rng):
    for number, (policy, args, by_hand) in enumerate(_BY_HAND):
        for iteration, multiplier in by_hand.items():
            expected = np.array(0.1 * multiplier, np.float32)
            inputs = {"input": np.array([iteration])}
            args = {"base_lr": 0.1, "policy": policy, **args}
            yield Case(
                inputs, args, expect={"output": expected}, id=f"{policy}-{number}-at-{iteration}"
            )
