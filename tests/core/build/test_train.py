"""fit and evaluate on a small problem that can be solved."""

import numpy as np
import pytest

import c2
from c2 import brew
from c2.build.evaluate import evaluate
from c2.build.train import fit
from c2.data import batches
from c2.errors import KernelError, NetError, SchemaError


def classifier(**options):
    """Two classes by the sign of a sum, with one hidden layer."""
    model = c2.ModelHelper("classifier", **options)
    h = brew.tanh(model, brew.fc(model, "data", "fc1", 3, 8), "tanh")
    scores = brew.softmax(model, brew.fc(model, h, "fc2", 8, 2), "softmax")
    model.AveragedLoss(model.LabelCrossEntropy([scores, "label"], "xent"), "loss")
    brew.accuracy(model, [scores, "label"], "accuracy")
    return model


def trained_by(rate=0.05):
    model = classifier()
    model.add_gradients("loss")
    c2.optimizer.build_adam(model, rate)
    model.set_random_seed(1)
    return model


@pytest.fixture
def points():
    x = np.random.default_rng(0).standard_normal((203, 3)).astype(np.float32)
    return {"data": x, "label": (x.sum(1) > 0).astype(np.int32)}


class Heard:
    """A Progress that remembers."""

    def __init__(self):
        self.calls = []

    def start(self, task, total):
        self.calls.append((task, total))

    def advance(self, done, values):
        self.calls.append((done, values))

    def finish(self, values):
        self.calls.append(("finish", values))


def test_it_learns_and_tells(points):
    model, test, ws, heard = trained_by(), classifier(init_params=False), c2.Workspace(), Heard()
    feed = batches(points, 20, seed=3)
    history = fit(
        model, ws, feed, 12, after_epoch=lambda: evaluate(test, ws, batches(points, 50)), progress=heard
    )  # fmt: skip
    assert len(history.steps["loss"]) == 12 * 11
    assert len(history.epochs) == 12
    assert history.rows == 12 * 203
    assert history.epochs[-1]["accuracy"] > 0.97
    assert history.epochs[-1]["loss"] < 0.3 * history.epochs[0]["loss"] + 0.1
    assert heard.calls[0] == ("train", 132)
    assert heard.calls[1][0] == 1
    assert heard.calls[1][1]["epoch"] == 1
    assert heard.calls[-1] == ("finish", history.epochs[-1])
    assert history.to_dict()["rows_per_second"] == history.rows / history.seconds


def test_the_same_seed_gives_the_same_weights(points):
    def weights():
        ws = c2.Workspace()
        fit(trained_by(), ws, batches(points, 20, seed=3), 2)
        return ws["fc1_w"]

    np.testing.assert_array_equal(weights(), weights())


def test_a_second_call_goes_on(points):
    together, apart = c2.Workspace(), c2.Workspace()
    feed = batches(points, 20)
    model = trained_by()
    fit(model, together, feed, 2)
    fit(model, apart, feed, 1)
    fit(model, apart, feed, 1)
    np.testing.assert_array_equal(together["fc1_w"], apart["fc1_w"])
    assert together["optimizer_iteration"] == 22


def test_divergence_is_told(points):
    model = c2.ModelHelper("explodes")
    brew.fc(model, "data", "fc", 3, 1)
    model.op("Sqr", "fc", "square")
    model.op("AveragedLoss", "square", "loss")
    model.add_gradients("loss")
    c2.optimizer.build_sgd(model, 1e20)
    with pytest.raises(KernelError, match=r"'loss' is .*: training has diverged"):
        fit(model, c2.Workspace(), batches({"data": points["data"]}, 20), 5, watch=["loss"])


def test_only_single_numbers_can_be_watched(points):
    with pytest.raises(
        SchemaError, match=r"blob 'softmax' .* must hold one number, got shape \(20, 2\)"
    ):
        fit(trained_by(), c2.Workspace(), batches(points, 20), 1, watch=["softmax"])


def test_negative_epochs_are_refused(points):
    with pytest.raises(SchemaError, match="epochs must be 0 or more, got -1"):
        fit(trained_by(), c2.Workspace(), batches(points, 20), -1)


def test_zero_epochs_only_make_the_parameters(points):
    ws = c2.Workspace()
    history = fit(trained_by(), ws, batches(points, 20), 0)
    assert ws["fc1_w"].shape == (8, 3)
    assert history.steps == {"loss": [], "accuracy": []}


def test_evaluate_weighs_batches_by_their_rows(points):
    ws = c2.Workspace()
    model = trained_by()
    fit(model, ws, batches(points, 20, seed=1), 1)
    test = classifier(init_params=False)
    whole = evaluate(test, ws, batches(points, 203))
    parts = evaluate(test, ws, batches(points, 100))  # 100, 100, 3
    assert parts == pytest.approx(whole, rel=1e-5)


def test_evaluate_needs_a_batch():
    with pytest.raises(SchemaError, match="there is no batch to evaluate"):
        evaluate(c2.Net("empty"), c2.Workspace(), [])


def test_a_compiled_net_trains_to_the_same_parameters(points):
    """The last batch is smaller than the others: two programs over the same parameters."""
    weights, histories = [], []
    for net_type in ("simple", "compiled"):
        ws, model = c2.Workspace(), trained_by()
        histories.append(fit(model, ws, batches(points, 30, seed=3), 3, net_type=net_type))
        weights.append([ws[str(p)] for p in model.params])
        assert model.net.proto.type != "compiled", "the model's own net stays as it is"
    for name in ("loss", "accuracy"):
        np.testing.assert_allclose(*(h.steps[name] for h in histories), rtol=1e-3)
    for simple, compiled in zip(*weights):
        np.testing.assert_allclose(compiled, simple, rtol=1e-3, atol=1e-5)


def test_a_net_type_that_is_none_is_refused(points):
    with pytest.raises(NetError, match="type 'quick' is unknown; use 'simple' or 'compiled'"):
        fit(trained_by(), c2.Workspace(), batches(points, 20), 1, net_type="quick")
