"""Optimizers: some steps against the formula of each paper (or Caffe2's form of it), and that they get somewhere."""

import numpy as np
import pytest

import c2
from c2 import brew, optimizer
from c2.build.initializers import Initializer
from c2.build.parameter_info import ParameterTag
from c2.errors import GradientError, SchemaError

START = np.array([[1.0, -2.0, 0.5]])
TARGET = np.array([[0.2, 0.3, -0.1]])


def quadratic():
    """loss = |w - target|^2 / 2, whose gradient is w - target."""
    model = c2.ModelHelper("quadratic")
    model.create_param(
        "w",
        START.shape,
        Initializer("GivenTensorFill", values=START.ravel().tolist()),
        ParameterTag.WEIGHT,
    )
    model.op("SquaredL2Distance", ["w", "target"], "distance")
    model.op("AveragedLoss", "distance", "loss")
    model.add_gradients("loss")
    return model


def run(model, steps, feeds=None):
    """The values of w before each step and after the last."""
    ws = c2.Workspace()
    ws.run(model.param_init_net)
    for name, value in (feeds or {"target": TARGET.astype(np.float32)}).items():
        ws.feed(name, value)
    found = [ws["w"]]
    for _ in range(steps):
        ws.run(model.net)
        found.append(ws["w"])
    return ws, np.array(found, float)


def descend(step, steps):
    """What `step(w, g, t, state)` makes of w in float64, with t counted from 1."""
    w, found, state = START.copy(), [START.copy()], {}
    for t in range(1, steps + 1):
        w = step(w, w - TARGET, t, state)
        found.append(w.copy())
    return np.array(found)


def sgd(lr):
    return lambda w, g, t, s: w - lr * g


def momentum(lr, mu, nesterov):
    def step(w, g, t, s):
        old = s.get("v", 0.0)
        s["v"] = mu * old + lr * g
        return w - ((1 + mu) * s["v"] - mu * old if nesterov else s["v"])

    return step


def adam(lr, b1, b2, eps):
    def step(w, g, t, s):
        gradients = s.setdefault("g", [])
        gradients.append(g)
        powers = np.arange(len(gradients))[::-1, None, None]
        m = ((1 - b1) * b1**powers * gradients).sum(0)
        v = ((1 - b2) * b2**powers * np.square(gradients)).sum(0)
        # Caffe2's counter is one ahead: it stands at t when step t begins, and the operator adds one.
        correction = np.sqrt(1 - b2 ** (t + 1)) / (1 - b1 ** (t + 1))
        return w - lr * correction * m / (np.sqrt(v) + eps)

    return step


def adagrad(lr, eps, decay=1.0):
    def step(w, g, t, s):
        s["h"] = decay * s.get("h", 0.0) + g**2
        return w - lr * g / (np.sqrt(s["h"]) + eps)

    return step


def rms_prop(lr, decay, mu, eps):
    def step(w, g, t, s):
        old = s.get("ms", 0.0)
        s["ms"] = old + (1 - decay) * (g**2 - old)
        s["moved"] = lr * (mu * s.get("moved", 0.0) + g / np.sqrt(eps + s["ms"]))
        return w - s["moved"]

    return step


def adadelta(lr, decay, eps):
    def step(w, g, t, s):
        s["v"] = decay * s.get("v", 0.0) + (1 - decay) * g**2
        move = g * np.sqrt((s.get("u", 0.0) + eps) / (s["v"] + eps))
        s["u"] = decay * s.get("u", 0.0) + (1 - decay) * move**2
        return w - lr * move

    return step


def ftrl(alpha, beta, l1, l2):
    def step(w, g, t, s):
        n = s.get("n", np.zeros_like(w))
        s["n"] = n + g**2
        s["z"] = s.get("z", 0.0) + g - (np.sqrt(s["n"]) - np.sqrt(n)) / alpha * w
        z = s["z"]
        divisor = (beta + np.sqrt(s["n"])) / alpha + l2
        return np.where(np.abs(z) > l1, (np.sign(z) * l1 - z) / divisor, 0.0)

    return step


def wngrad(lr, start, eps):
    def step(w, g, t, s):
        h = s.get("h", start)
        s["h"] = h + (g**2).sum() / (h + eps)
        return w - lr * g / (h + eps)

    return step


def storm(lr, c, beta, start):
    def step(w, g, t, s):
        s["sum"] = s.get("sum", start) + (g**2).sum()
        rate = lr / np.cbrt(beta + s["sum"])
        keep = 1 - c * rate**2
        s["m"] = keep * s.get("m", 0.0) + (1 - keep) * g
        return w - rate * s["m"]

    return step


def decay_adagrad(lr, b1, eps, decay):
    def step(w, g, t, s):
        gradients = s.setdefault("g", [])
        gradients.append(g)
        powers = np.arange(len(gradients))[::-1, None, None]
        m = ((1 - b1) * b1**powers * gradients).sum(0) / (1 - b1 ** (t + 1))
        return w - lr * (m / (np.sqrt(np.square(gradients).sum(0)) + eps) + decay * w)

    return step


def lars(lr, offset):
    def step(w, g, t, s):
        return w - lr / (np.linalg.norm(g) / np.linalg.norm(w) + offset) * g

    return step


# name -> (build function, learning rate, further arguments, formula)
CASES = {
    "sgd": ("sgd", 0.1, {}, sgd(0.1)),
    "momentum": ("sgd", 0.1, {"momentum": 0.9, "nesterov": False}, momentum(0.1, 0.9, False)),
    "nesterov": ("sgd", 0.1, {"momentum": 0.9}, momentum(0.1, 0.9, True)),
    "adam": ("adam", 0.1, {"beta1": 0.8, "beta2": 0.9, "epsilon": 1e-6}, adam(0.1, 0.8, 0.9, 1e-6)),
    "adagrad": ("adagrad", 0.5, {}, adagrad(0.5, 1e-4)),
    "adagrad_decay": ("adagrad", 0.5, {"decay": 0.9}, adagrad(0.5, 1e-4, 0.9)),
    "rms_prop": ("rms_prop", 0.1, {"decay": 0.8}, rms_prop(0.1, 0.8, 0.0, 1e-5)),
    "rms_prop_momentum": ("rms_prop", 0.1, {"momentum": 0.5}, rms_prop(0.1, 0.9, 0.5, 1e-5)),
    "adadelta": ("adadelta", 1.0, {"decay": 0.9}, adadelta(1.0, 0.9, 1e-4)),
    "wngrad": ("wngrad", 1.0, {"moment_init": 2.0}, wngrad(1.0, 2.0, 1e-9)),
    "storm": ("storm", 0.1, {}, storm(0.1, 10.0, 0.1, 0.01)),
    "decay_adagrad": ("decay_adagrad", 0.1, {"beta1": 0.5, "weight_decay": 0.1}, decay_adagrad(0.1, 0.5, 0.1, 0.1)),
    "lars": ("sgd", 0.1, {"lars": 0.5}, lars(0.1, 0.5)),
    "ftrl": ("ftrl", 0.5, {"beta": 0.1, "lambda1": 0.05, "lambda2": 0.01}, ftrl(0.5, 0.1, 0.05, 0.01)),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_steps_follow_the_formula(name):
    function, rate, args, formula = CASES[name]
    model = quadratic()
    getattr(optimizer, f"build_{function}")(model, rate, **args)
    _, found = run(model, 5)
    np.testing.assert_allclose(found, descend(formula, 5), rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize(
    ("function", "args"),
    [
        ("build_sgd", {"base_learning_rate": 0.3}),
        ("build_sgd", {"base_learning_rate": 0.05, "momentum": 0.8}),
        ("build_adam", {"base_learning_rate": 0.1}),
        ("build_adagrad", {"base_learning_rate": 0.5}),
        ("build_rms_prop", {"base_learning_rate": 0.02}),
        ("build_adadelta", {"base_learning_rate": 5.0}),
        ("build_ftrl", {"base_learning_rate": 1.0}),
        ("build_gftrl", {"base_learning_rate": 1.0}),
        ("build_wngrad", {"base_learning_rate": 1.0, "moment_init": 5.0}),
        ("build_storm", {"base_learning_rate": 0.3}),
        ("build_yellowfin", {"base_learning_rate": 0.1}),
        ("build_decay_adagrad", {"base_learning_rate": 0.3}),
    ],
)
def test_they_reach_the_minimum(function, args):
    model = quadratic()
    getattr(optimizer, function)(model, **args)
    _, found = run(model, 200)
    np.testing.assert_allclose(found[-1], TARGET, atol=0.03)


def test_policies_scale_the_step():
    model = quadratic()
    optimizer.build_sgd(model, 0.1, policy="step", stepsize=2, gamma=0.5)
    _, found = run(model, 4)
    # The counter is raised before the rate is read: 1, 2, 3, 4, and floor(iter / 2) = 0, 1, 1, 2.
    rates = 0.1 * 0.5 ** np.array([0, 1, 1, 2])
    expected = descend(lambda w, g, t, s: w - rates[t - 1] * g, 4)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_clipping_by_the_norm_of_all_gradients():
    model = quadratic()
    optimizer.build_sgd(model, 0.1, max_gradient_norm=0.5)
    _, found = run(model, 3)

    def step(w, g, t, s):
        return w - 0.1 * g * min(1.0, 0.5 / np.linalg.norm(g))

    np.testing.assert_allclose(found, descend(step, 3), rtol=1e-5)


def test_clipping_leaves_small_gradients():
    model = quadratic()
    optimizer.build_sgd(model, 0.1, max_gradient_norm=100.0)
    _, found = run(model, 2)
    np.testing.assert_allclose(found, descend(sgd(0.1), 2), rtol=1e-5)


def test_learning_rates_can_be_scaled_from_outside():
    model = quadratic()
    optimizer.build_adam(model, 0.1, allow_lr_injection=True)
    ws, found = run(model, 1)
    ws.feed("lr_injection", np.zeros(1, np.float32))
    ws.run(model.net)
    np.testing.assert_array_equal(ws["w"], found[-1].astype(np.float32))


def test_weight_decay_pulls_weights_to_zero():
    model = quadratic()
    optimizer.build_sgd(model, 0.1, weight_decay=0.5)
    _, found = run(model, 3)
    np.testing.assert_allclose(
        found, descend(lambda w, g, t, s: w - 0.1 * (g + 0.5 * w), 3), rtol=1e-5
    )


def test_adagrad_decays_by_its_operator():
    model = quadratic()
    optimizer.build_adagrad(model, 0.1, weight_decay=0.5)
    _, found = run(model, 1)
    g = START - TARGET + 0.5 * START
    np.testing.assert_allclose(found[1], START - 0.1 * g / (np.abs(g) + 1e-4), rtol=1e-5)


def test_a_rate_of_zero_adds_nothing():
    model = quadratic()
    before = len(model.net)
    optimizer.build_sgd(model, 0.0)
    assert len(model.net) == before


@pytest.mark.parametrize("rate", [-0.1, float("nan")])
def test_bad_rates_are_refused(rate):
    with pytest.raises(SchemaError, match="base_learning_rate must be 0 or more"):
        optimizer.build_adam(quadratic(), rate)


def test_bad_weight_decay_is_refused():
    with pytest.raises(SchemaError, match="weight_decay must be 0 or more, got -1"):
        optimizer.add_weight_decay(quadratic(), -1)


def test_gradients_come_first():
    model = c2.ModelHelper("m")
    with pytest.raises(GradientError, match="call add_gradients"):
        optimizer.build_sgd(model, 0.1)


def test_numbers_count_optimizers_of_a_net():
    model = quadratic()
    optimizer.build_sgd(model, 0.1)
    optimizer.build_sgd(model, 0.1)
    rates = [op.output[0] for op in model.net.ops if op.type == "LearningRate"]
    assert rates == ["SgdOptimizer_0_lr_cpu", "SgdOptimizer_1_lr_cpu"]
    assert [op.type for op in model.net.ops].count("AtomicIter") == 1


def test_auxiliary_parameters_are_told():
    model = quadratic()
    made = optimizer.build_adam(model, 0.1)
    assert list(map(str, made.auxiliary.local)) == ["w_first_moment", "w_second_moment"]
    assert list(map(str, made.auxiliary.shared)) == ["optimizer_iteration"]


def test_a_parameter_may_have_its_own_optimizer():
    model = c2.ModelHelper("m")
    biases = {ParameterTag.BIAS: optimizer.SgdOptimizer(0.0)}
    with optimizer.use_optimizer(by_tag=biases):
        brew.fc(model, "x", "fc", 2, 1)
    model.op("ReduceSum", "fc", "loss", keepdims=0)
    model.add_gradients("loss")
    optimizer.build_sgd(model, 0.1)
    assert [list(op.output) for op in model.net.ops if op.type == "WeightedSum"] == [["fc_w"]]


# -- sparse gradients

ROWS = np.arange(12, dtype=float).reshape(4, 3) / 10
IDS = np.array([2, 0, 2], np.int32)
GOALS = np.array([[1, 1, 1], [0, 0, 0], [2, 2, 2]], np.float32)


def embedding():
    """Rows 2, 0 and 2 of w are pulled to GOALS: the gradient names row 2 twice."""
    model = c2.ModelHelper("embedding")
    fill = Initializer("GivenTensorFill", values=ROWS.ravel().tolist())
    model.create_param("w", ROWS.shape, fill)
    model.op("Gather", ["w", "ids"], "rows")
    model.op("SquaredL2Distance", ["rows", "goals"], "distance")
    model.op("SumElements", "distance", "loss")
    model.add_gradients("loss")
    return model


def gradient(w, aggregate=np.add):
    g = np.zeros_like(w)
    np.add.at(g, IDS, w[IDS] - GOALS)
    if aggregate is np.mean:
        g[2] /= 2
    return g


def sparse_run(function, args, steps=3):
    model = embedding()
    getattr(optimizer, function)(model, **args)
    return run(model, steps, {"ids": IDS, "goals": GOALS})[1]


def test_sparse_sgd():
    found = sparse_run("build_sgd", {"base_learning_rate": 0.1})
    expected = [ROWS]
    for _ in range(3):
        expected.append(expected[-1] - 0.1 * gradient(expected[-1]))
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(("aggregator", "aggregate"), [("sum", np.add), ("mean", np.mean)])
def test_sparse_adagrad_adds_up_equal_rows(aggregator, aggregate):
    args = {"base_learning_rate": 0.1, "sparse_dedup_aggregator": aggregator}
    found = sparse_run("build_adagrad", args)
    w, h, expected = ROWS.copy(), np.zeros_like(ROWS), [ROWS]
    for _ in range(3):
        g = gradient(w, aggregate)
        h += g**2
        w = w - 0.1 * g / (np.sqrt(h) + 1e-4)
        expected.append(w)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


def test_row_wise_adagrad_keeps_one_number_a_row():
    args = {"base_learning_rate": 0.1, "row_wise": True, "sparse_dedup_aggregator": "sum"}
    found = sparse_run("build_adagrad", args)
    w, h, expected = ROWS.copy(), np.zeros(4), [ROWS]
    for _ in range(3):
        g = gradient(w)
        h += (g**2).mean(1)
        w = w - 0.1 * g / (np.sqrt(h) + 1e-4)[:, None]
        expected.append(w)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    "name", ["nesterov", "momentum", "adam", "adagrad", "adadelta", "wngrad", "storm", "ftrl"]
)
def test_sparse_optimizers_move_the_named_rows_as_dense_ones_would(name):
    function, rate, args, formula = CASES[name]
    args = {**args, "base_learning_rate": rate, "sparse_dedup_aggregator": "sum"}
    found = sparse_run(f"build_{function}", args, steps=4)
    w, expected, state = ROWS.copy(), [ROWS], {}
    for t in range(1, 5):
        w = formula(w, gradient(w), t, state)
        expected.append(w)
    np.testing.assert_allclose(
        found[:, [0, 2]], np.array(expected)[:, [0, 2]], rtol=1e-4, atol=1e-5
    )
    np.testing.assert_array_equal(found[-1][[1, 3]], ROWS[[1, 3]].astype(np.float32))


def test_row_wise_adam_reaches_the_minimum():
    args = {"base_learning_rate": 0.1, "row_wise": True, "sparse_dedup_aggregator": "sum"}
    found = sparse_run("build_adam", args, steps=150)
    np.testing.assert_allclose(found[-1][0], GOALS[1], atol=0.1)
    np.testing.assert_allclose(found[-1][2], (GOALS[0] + GOALS[2]) / 2, atol=0.1)


def test_rectified_adam_differs_and_is_for_sparse_gradients():
    args = {"base_learning_rate": 0.1, "sparse_dedup_aggregator": "sum"}
    plain = sparse_run("build_adam", args)
    rectified = sparse_run("build_adam", {**args, "rectified": True})
    assert np.abs(plain - rectified)[-1].max() > 1e-3
    with pytest.raises(GradientError, match="rectified Adam needs a sparse gradient"):
        optimizer.build_adam(quadratic(), 0.1, rectified=True)


def test_what_sparse_gradients_cannot_have():
    with pytest.raises(GradientError, match="RmsPropOptimizer has no update for a sparse gradient"):
        optimizer.build_rms_prop(embedding(), 0.1)
    for function in (optimizer.build_yellowfin, optimizer.build_gftrl):
        with pytest.raises(GradientError, match="has no update for a sparse gradient"):
            function(embedding(), 0.1)
    with pytest.raises(GradientError, match=r"decay must be 1, got 0.9"):
        optimizer.build_adagrad(embedding(), 0.1, decay=0.9)
    with pytest.raises(GradientError, match="must be one of sum, mean, got 'max'"):
        optimizer.build_sgd(embedding(), 0.1, sparse_dedup_aggregator="max")


def test_row_wise_needs_a_sparse_gradient():
    for function in (optimizer.build_adam, optimizer.build_adagrad):
        with pytest.raises(GradientError, match="needs a sparse gradient, and this one is dense"):
            function(quadratic(), 0.1, row_wise=True)


def test_row_wise_state_without_a_known_shape():
    model = embedding()
    model.parameters["w"].shape = None
    optimizer.build_adagrad(model, 0.1, row_wise=True)
    ws, _ = run(model, 1, {"ids": IDS, "goals": GOALS})
    assert ws["w_avg_squared_sum"].shape == (4,)


def test_sparse_weights_do_not_decay():
    model = embedding()
    info = model.param_info("w")
    info.tags = frozenset({ParameterTag.WEIGHT})
    with pytest.raises(GradientError, match="which weight decay would make dense"):
        optimizer.add_weight_decay(model, 0.1)
