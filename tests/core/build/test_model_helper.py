"""ModelHelper: names, scopes, parameters, gradients, what is told of them."""

import numpy as np
import pytest

import c2
from c2 import brew
from c2.build.initializers import ExternalInitializer, Initializer
from c2.build.parameter_info import ParameterTag
from c2.errors import GradientError, NetError, SchemaError


def two_layers(**options):
    model = c2.ModelHelper("two", **options)
    hidden = brew.relu(model, brew.fc(model, "data", "fc1", 4, 5), "relu1")
    brew.fc(model, hidden, "fc2", 5, 1)
    model.op("ReduceSum", "fc2", "loss", keepdims=0)
    return model


def test_the_example_of_the_design_page():
    model = c2.ModelHelper("lenet")
    with model.scope("conv1"):
        h = brew.conv(model, "data", "conv1", dim_in=1, dim_out=2, kernel=3)
    model.op("ReduceSum", h, "loss", keepdims=0)
    model.add_gradients("loss")
    c2.optimizer.build_sgd(model, base_learning_rate=1e-3)
    ws = c2.Workspace()
    ws.run(model.param_init_net)
    ws.feed("data", np.ones((1, 1, 5, 5), np.float32))
    before = ws["conv1/conv1_b"]
    ws.run(model.net)
    # d loss / d b = the 3 x 3 outputs of each of the two channels
    np.testing.assert_allclose(ws["conv1/conv1_b"], before - 9e-3, rtol=1e-5)


def test_model_scope_reads_outer_names_and_name_scope_does_not():
    model = c2.ModelHelper("m")
    with model.scope("a"):
        brew.relu(model, "data", "x")
        with model.scope("b"):
            brew.relu(model, "x", "y")
            brew.relu(model, "data", "z")
    with c2.name_scope("c"):
        brew.relu(model, "data", "w")
        with model.scope("d"):
            brew.relu(model, "data", "v")
    assert [(op.input[0], op.output[0]) for op in model.net.ops] == [
        ("data", "a/x"), ("a/x", "a/b/y"), ("data", "a/b/z"), ("c/data", "c/w"), ("c/data", "c/d/v"),
    ]  # fmt: skip


def test_parameters_and_tags():
    model = two_layers()
    brew.spatial_bn(model, "image", "bn", 3)
    assert list(map(str, model.params)) == ["fc1_w", "fc1_b", "fc2_w", "fc2_b", "bn_s", "bn_b"]
    assert list(map(str, model.weights)) == ["fc1_w", "fc2_w", "bn_s"]
    assert list(map(str, model.biases)) == ["fc1_b", "fc2_b", "bn_b"]
    assert list(map(str, model.get_computed_params())) == ["bn_rm", "bn_riv"]
    info = model.param_info("fc1_w")
    assert (info.shape, info.size, info.tags) == ((5, 4), 20, {ParameterTag.WEIGHT})
    with pytest.raises(NetError, match=r"no parameter 'fc1_v'. Did you mean 'fc1_w'"):
        model.param_info("fc1_v")


def test_get_params_of_a_scope():
    model = c2.ModelHelper("m")
    for scope in ("left", "leftmost"):
        with model.scope(scope):
            brew.fc(model, "data", "fc", 2, 2)
    assert list(map(str, model.get_params("left"))) == ["left/fc_w", "left/fc_b"]
    assert len(model.get_params()) == 4


def test_init_params_false_leaves_the_init_net_empty():
    model = two_layers(init_params=False)
    assert len(model.param_init_net) == 0
    assert len(model.params) == 4


def test_param_model_shares_parameters_and_init_net():
    first = two_layers()
    made = len(first.param_init_net)
    second = two_layers(param_model=first)
    assert second.param_init_net is first.param_init_net
    assert len(first.param_init_net) == made
    assert list(second.params) == list(first.params)


def test_a_parameter_of_another_shape_is_refused():
    model = two_layers()
    with pytest.raises(SchemaError, match=r"'fc1_w'.*expected \(5, 4\), got \(5, 6\)"):
        brew.fc(model, "data", "fc1", 6, 5)


def test_add_param_twice_is_refused():
    model = c2.ModelHelper("m")
    model.add_param("w", [2])
    with pytest.raises(NetError, match="has a parameter 'w' already"):
        model.add_param("w", [2])


def test_external_initializer_takes_what_was_fed():
    model = c2.ModelHelper("m")
    brew.fc(model, "data", "fc", 2, 1, weight_init=ExternalInitializer())
    assert [op.output[0] for op in model.param_init_net.ops] == ["fc_b"]
    ws = c2.Workspace()
    ws.feed("fc_w", np.array([[2, 3]], np.float32))
    ws.feed("data", np.array([[1, 10]], np.float32))
    ws.run(model.param_init_net)
    ws.run(model.net)
    assert ws["fc"].item() == 32


def test_bad_initializer_is_named():
    model = c2.ModelHelper("m")
    with pytest.raises(SchemaError, match=r"an initializer must have create_param.*got 3"):
        brew.fc(model, "data", "fc", 2, 1, weight_init=3)


def test_initializers_are_operators():
    model = c2.ModelHelper("m")
    model.create_param("w", [3], Initializer("ConstantFill", value=2.5))
    ws = c2.Workspace()
    ws.run(model.param_init_net)
    np.testing.assert_array_equal(ws["w"], np.full(3, 2.5, np.float32))


def test_gradients_reach_the_parameters():
    model = two_layers()
    with pytest.raises(GradientError, match="call add_gradients"):
        model.get_optimization_param_info()
    model.add_gradients("loss")
    infos = model.get_optimization_param_info()
    assert [str(p.grad) for p in infos] == ["fc1_w_grad", "fc1_b_grad", "fc2_w_grad", "fc2_b_grad"]
    assert [p.name for p in model.get_optimization_param_info(["fc2_b"])] == ["fc2_b"]
    with pytest.raises(GradientError, match="has its gradients already"):
        model.add_gradients("loss")


def test_the_seed_makes_first_values():
    def values(seed):
        model = two_layers()
        model.set_random_seed(seed)
        ws = c2.Workspace()
        ws.run(model.param_init_net)
        return ws["fc1_w"], ws["fc2_w"]

    (a, b), (c, d), (e, _) = values(3), values(3), values(4)
    np.testing.assert_array_equal(a, c)
    np.testing.assert_array_equal(b, d)
    assert np.abs(a - e).max() > 0.01


def test_operators_by_name_and_misspelled_ones():
    model = c2.ModelHelper("m")
    assert str(model.Relu("x", "y")) == "y"
    with pytest.raises(AttributeError, match="Did you mean"):
        model.Rellu("x", "y")
    with pytest.raises(AttributeError, match="no attribute 'rellu'"):
        model.rellu  # noqa: B018


def test_summary_counts_elements():
    summary = two_layers().summary()
    assert (summary.trained, summary.computed) == (20 + 5 + 5 + 1, 0)
    assert "fc1_w      5 x 4        20  WEIGHT" in str(summary)
    assert summary.to_dict()["parameters"][0]["shape"] == (5, 4)
