"""Learning rate policies: each makes, from its arguments, a function of the iteration that multiplies base_lr."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate
from typing import Any

from c2.errors import did_you_mean
from c2.registry import require

Schedule = Callable[[int], float]


class Given:
    """The arguments of one policy: what was given, or a default."""

    def __init__(self, policy: str, values: Mapping[str, Any]) -> None:
        self.policy, self.values = policy, values

    def __call__(self, name: str, default: Any) -> Any:
        value = self.values.get(name)
        return default if value is None else value

    def positive(self, name: str, default: Any = 0) -> Any:
        """A value that must be above 0."""
        value = self(name, default)
        require(value > 0, f"policy '{self.policy}' needs {name} above 0", "above 0", value)
        return value


def make_schedule(policy: str, base_lr: float, values: Mapping[str, Any]) -> Schedule:
    """The multiplier of base_lr as a function of the iteration. States the rules of the policy's arguments."""
    require(policy in POLICIES, f"no learning rate policy '{policy}'", f"one of {', '.join(POLICIES)}", policy,
            did_you_mean(policy, POLICIES).strip())  # fmt: skip
    return POLICIES[policy](Given(policy, {**values, "base_lr": base_lr}))


def _fixed(given: Given) -> Schedule:
    return lambda iteration: 1.0


def _alter(given: Given) -> Schedule:
    active, inactive = given.positive("active_period"), given.positive("inactive_period")
    first = given("active_first", True)
    until = active if first else inactive
    return lambda iteration: float((iteration % (active + inactive) < until) == bool(first))


def _step(given: Given) -> Schedule:
    stepsize, gamma = given.positive("stepsize"), given.positive("gamma")
    return lambda iteration: _power(gamma, iteration // stepsize)


def _exp(given: Given) -> Schedule:
    gamma = given.positive("gamma")
    return lambda iteration: _power(gamma, iteration)


def _gate(given: Given) -> Schedule:
    first, second = given("multiplier_1", 1.0), given("multiplier_2", 1.0)
    num_iter = given("num_iter", 0)
    return lambda iteration: first if iteration < num_iter else second


def _inv(given: Given) -> Schedule:
    gamma, power = given.positive("gamma"), given.positive("power")
    return lambda iteration: (1 + gamma * iteration) ** -power


def _poly(given: Given) -> Schedule:
    max_iter, power = given.positive("max_iter", -1), given.positive("power")
    return lambda iteration: _power(1 - iteration / max_iter, power)


def _power(base: float, exponent: float) -> float:
    """NaN where there is no real power, infinity where it is too large."""
    try:
        return math.pow(base, exponent)
    except ValueError:
        return math.nan
    except OverflowError:
        return math.inf


def _linear_warmup(given: Given) -> Schedule:
    start, num_iter = given("start_multiplier", 0.0), given("num_iter", 0)
    return lambda iteration: (
        1.0 if iteration >= num_iter else start + (1 - start) * iteration / num_iter
    )


def _constant_warmup(given: Given) -> Schedule:
    multiplier, num_iter = given("multiplier", 0.5), given("num_iter", 0)
    return lambda iteration: 1.0 if iteration >= num_iter else multiplier


def _piece_warmup(given: Given) -> Schedule:
    multipliers = [given(f"m{k}", 0.5) for k in (1, 2, 3)]
    first, second = given("n1", 0), given("n2", 0)
    return lambda iteration: multipliers[0 if iteration < first else 1 if iteration < second else 2]


def _hill(given: Given) -> Schedule:
    warm, fall = _linear_warmup(given), _inv(given)
    num_iter, end = given.positive("num_iter"), given("end_multiplier", 0.0)
    return lambda iteration: (
        warm(iteration) if iteration < num_iter else max(end, fall(iteration - num_iter))
    )


def _slope(given: Given) -> Schedule:
    first, second = given.positive("num_iter_1"), given("num_iter_2", 0)
    require(
        second > first, "policy 'slope' needs num_iter_2 above num_iter_1", f"above {first}", second
    )
    start, end = given("multiplier_1", 0.0), given("multiplier_2", 0.0)

    def schedule(iteration: int) -> float:
        if iteration < first:
            return float(start)
        return max(end, start + (iteration - first) * (end - start) / (second - first))

    return schedule


def _cyclical(given: Given) -> Schedule:
    stepsize, max_lr, decay = (
        given.positive("stepsize"),
        given("max_lr", 0.005),
        given("decay", 1.0),
    )
    return _triangle(given("base_lr", None), max_lr, stepsize, decay)


def _triangle(base_lr: float, max_lr: float, stepsize: int, decay: float) -> Schedule:
    """Up from 1 to max_lr / base_lr and down again, each in `stepsize` iterations; `decay` shrinks every next peak."""
    require(base_lr != 0, "cyclical policies need a base_lr other than 0", "not 0", base_lr)
    rise = abs(max_lr) / abs(base_lr) - 1

    def schedule(iteration: int) -> float:
        cycle = iteration // (2 * stepsize)
        off_peak = abs(iteration / stepsize - 2 * (cycle + 1) + 1)
        return 1 + rise * max(0.0, 1 - off_peak) * decay**cycle

    return schedule


def _cosine(given: Given) -> Schedule:
    return _annealing(given("min_lr", 0.1), given("max_lr", 0.5), given.positive("period", 50),
                      given("t_mult", 1.0), given("lr_shrink", 0.99))  # fmt: skip


def _annealing(low: float, high: float, period: int, t_mult: float, shrink: float) -> Schedule:
    """Half a cosine from `high` to `low` per period; from one to the next it grows by t_mult, and both ends shrink."""

    def schedule(iteration: int) -> float:
        if t_mult == 1:
            k = iteration // period
            length, begin = float(period), k * period
        elif (left := 1 - iteration / period * (1 - t_mult)) <= 0:
            return math.nan  # shrinking periods have come to their end
        else:
            k = math.floor(math.log(left) / math.log(t_mult))
            length, begin = t_mult**k * period, (1 - t_mult**k) / (1 - t_mult) * period
        swing = 0.5 * (high - low) * (1 + math.cos(math.pi * (iteration - begin) / length))
        return float(shrink**k * (low + swing))

    return schedule


def _constant_then_linear_warmup(given: Given) -> Schedule:
    return _after_warmup(given, _fixed(given))


def _composite_cyclical(given: Given) -> Schedule:
    cyclical = _triangle(given("base_lr", None), given("cyclical_max_lr", 0.05),
                         given.positive("cyclical_step_size", 1_000_000), given("cyclical_decay", 1.0))  # fmt: skip
    return _after_warmup(given, cyclical)


def _composite_cosine(given: Given) -> Schedule:
    cosine = _annealing(given("cosine_min_lr", 0.1), given("cosine_max_lr", 0.5),
                        given.positive("cosine_period", 50), given("cosine_t_mult", 1.0),
                        given("cosine_lr_shrink", 0.99))  # fmt: skip
    return _after_warmup(given, cosine)


def _after_warmup(given: Given, then: Schedule) -> Schedule:
    """A constant multiplier, a line up to 1, and then another schedule that starts counting at 0."""
    start = given("start_warmup_multiplier", 0.1)
    constant = given("constant_warmup_num_iter", 10_000_000)
    linear = given("linear_warmup_num_iter", 10_000_000)

    def schedule(iteration: int) -> float:
        if iteration < constant:
            return float(start)
        if iteration < constant + linear:
            return float(start + (1 - start) * (iteration - constant) / linear)
        return then(iteration - constant - linear)

    return schedule


def _composite(given: Given) -> Schedule:
    """The policies of `sub_policy_<k>_...`, one after the other; each sees the iteration of the whole."""
    lengths: Sequence[int] = given("sub_policy_num_iters", ())
    require(
        len(lengths) > 0, "policy 'composite' needs sub_policy_num_iters", "one number or more", ()
    )
    require(
        all(n > 0 for n in lengths),
        "sub_policy_num_iters must be above 0",
        "above 0",
        tuple(lengths),
    )
    ends = [1 + n for n in accumulate(lengths)]  # counting starts at 1, as in Caffe2
    members = [_member(given, k) for k in range(len(lengths))]

    def schedule(iteration: int) -> float:
        scale, member = members[min(bisect_right(ends, iteration), len(members) - 1)]
        return scale * member(iteration)

    return schedule


def _member(given: Given, k: int) -> tuple[float, Schedule]:
    prefix = f"{k}_"
    family = given("sub_policy_", {})
    values = {n[len(prefix) :]: v for n, v in family.items() if n.startswith(prefix)}
    policy = values.pop("policy", b"").decode()
    require(
        policy != "composite",
        "a policy of a composite must not be composite itself",
        "another",
        policy,
    )
    return values.pop("lr_scale", 1.0), make_schedule(policy, given("base_lr", None), values)


POLICIES: dict[str, Callable[[Given], Schedule]] = {
    "fixed": _fixed,
    "alter": _alter,
    "step": _step,
    "exp": _exp,
    "gate": _gate,
    "inv": _inv,
    "poly": _poly,
    "linearWarmup": _linear_warmup,
    "constantWarmup": _constant_warmup,
    "pieceWarmup": _piece_warmup,
    "hill": _hill,
    "slope": _slope,
    "cyclical": _cyclical,
    "cosine": _cosine,
    "constantThenLinearWarmup": _constant_then_linear_warmup,
    "compositeCyclical": _composite_cyclical,
    "compositeCosine": _composite_cosine,
    "composite": _composite,
}
