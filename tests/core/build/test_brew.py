"""brew: defaults from scopes, registration, and that each layer runs."""

import numpy as np
import pytest

import c2
from c2 import brew
from c2.build.brew import registration
from c2.errors import DuplicateRegistration, SchemaError


def args_of(model, index=-1):
    return {a.name: a for a in model.net.ops[index].arg}


def test_arg_scope_nests_and_the_call_wins():
    model = c2.ModelHelper("m")
    with brew.arg_scope([brew.conv, "max_pool"], stride=2):
        brew.conv(model, "data", "a", 1, 1, 3)
        with brew.arg_scope(brew.conv, stride=3, pad=1):
            brew.conv(model, "data", "b", 1, 1, 3)
            brew.conv(model, "data", "c", 1, 1, 3, stride=1)
        brew.max_pool(model, "data", "d", kernel=2)
    brew.conv(model, "data", "e", 1, 1, 3)
    found = [
        {k: args_of(model, i)[k].i for k in ("stride", "pad") if k in args_of(model, i)}
        for i in range(5)
    ]
    assert found == [
        {"stride": 2},
        {"stride": 3, "pad": 1},
        {"stride": 1, "pad": 1},
        {"stride": 2},
        {},
    ]


def test_arg_scope_refuses_what_is_no_brew_function():
    near = r"'max_pol' is no brew function. Did you mean 'max_pool'"
    with pytest.raises(SchemaError, match=near), brew.arg_scope("max_pol", kernel=2):
        pass
    with pytest.raises(SchemaError, match="is no brew function"), brew.arg_scope(len, kernel=2):
        pass


def test_model_arg_scope_reaches_every_layer():
    model = c2.ModelHelper("m", arg_scope={"order": "NHWC"})
    brew.conv(model, "data", "a", 3, 8, 5)
    brew.layer_norm(model, "a", "b", 4)  # takes no order: it gets none
    assert args_of(model, 0)["order"].s == b"NHWC"
    assert "order" not in args_of(model, 1)
    assert model.param_info("a_w").shape == (8, 5, 5, 3)


def test_model_arg_scope_gives_way_to_positional_arguments():
    model = c2.ModelHelper("m", arg_scope={"order": "NHWC"})
    brew.max_pool(model, "data", "a", "NCHW", kernel=2)
    assert args_of(model)["order"].s == b"NCHW"


def test_register_adds_a_layer(monkeypatch):
    monkeypatch.setattr(registration, "_helpers", dict(registration._helpers))

    @brew.register
    def twice(model, blob_in, blob_out, scale=2.0):
        return model.op("Scale", blob_in, blob_out, scale=scale)

    model = c2.ModelHelper("m")
    with brew.arg_scope(twice, scale=3.0):
        brew.twice(model, "x", "y")
    assert args_of(model)["scale"].f == 3.0
    assert "twice" in brew.names()
    with pytest.raises(DuplicateRegistration, match=r"'twice'.*registered already by"):
        brew.register(twice)


def test_unknown_layers_are_named():
    with pytest.raises(AttributeError, match=r"no brew function 'covn'. Did you mean 'conv'"):
        brew.covn  # noqa: B018


def test_bad_groups_and_windows():
    model = c2.ModelHelper("m")
    with pytest.raises(
        SchemaError, match=r"must be divisible by group; got dim_in 3, dim_out 4, group 2"
    ):
        brew.conv(model, "data", "a", 3, 4, 3, group=2)
    with pytest.raises(SchemaError, match=r"kernel must have 2 sizes, got \[3, 3, 3\]"):
        brew.conv(model, "data", "a", 3, 4, [3, 3, 3])
    with pytest.raises(SchemaError, match="order must be NCHW"):
        brew.conv_nd(model, "data", "a", 3, 4, [3, 3], order="NHWC")


def image(*shape):
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


RUNS = {
    "conv": (lambda m: brew.conv(m, "x", "y", 3, 4, 3, pad=1), (2, 3, 6, 6), (2, 4, 6, 6)),
    "conv_nhwc": (lambda m: brew.conv(m, "x", "y", 3, 4, 3, order="NHWC"), (2, 6, 6, 3), (2, 4, 4, 4)),
    "group_conv": (lambda m: brew.group_conv(m, "x", "y", 4, 4, 3, group=2), (2, 4, 6, 6), (2, 4, 4, 4)),
    "conv_transpose": (lambda m: brew.conv_transpose(m, "x", "y", 3, 4, 2, stride=2), (2, 3, 3, 3), (2, 4, 6, 6)),
    "conv_nd": (lambda m: brew.conv_nd(m, "x", "y", 2, 3, [2, 2, 2]), (1, 2, 3, 3, 3), (1, 3, 2, 2, 2)),
    "max_pool": (lambda m: brew.max_pool(m, "x", "y", kernel=2, stride=2), (2, 3, 6, 6), (2, 3, 3, 3)),
    "average_pool": (lambda m: brew.average_pool(m, "x", "y", global_pooling=True), (2, 3, 6, 6), (2, 3, 1, 1)),
    "fc": (lambda m: brew.fc(m, "x", "y", 12, 5), (2, 3, 2, 2), (2, 5)),
    "elementwise_linear": (lambda m: brew.elementwise_linear(m, "x", "y", 4), (2, 4), (2, 4)),
    "prelu": (lambda m: brew.prelu(m, "x", "y", num_channels=3), (2, 3, 2, 2), (2, 3, 2, 2)),
    "spatial_bn": (lambda m: brew.spatial_bn(m, "x", "y", 3), (2, 3, 4, 4), (2, 3, 4, 4)),
    "spatial_bn_test": (lambda m: brew.spatial_bn(m, "x", "y", 3, is_test=True), (2, 3, 4, 4), (2, 3, 4, 4)),
    "spatial_gn": (lambda m: brew.spatial_gn(m, "x", "y", 4, group=2), (2, 4, 3, 3), (2, 4, 3, 3)),
    "instance_norm": (lambda m: brew.instance_norm(m, "x", "y", 3), (2, 3, 4, 4), (2, 3, 4, 4)),
    "layer_norm": (lambda m: brew.layer_norm(m, "x", "y", 4), (2, 4), (2, 4)),
    "lrn": (lambda m: brew.lrn(m, "x", "y", size=3, alpha=1e-4, beta=0.75), (2, 5, 3, 3), (2, 5, 3, 3)),
    "dropout": (lambda m: brew.dropout(m, "x", "y", is_test=False, ratio=0.3), (4, 5), (4, 5)),
    "concat": (lambda m: brew.concat(m, ["x", "x"], "y", axis=1), (2, 3), (2, 6)),
    "depth_concat": (lambda m: brew.depth_concat(m, ["x", "x"], "y"), (2, 3, 2, 2), (2, 6, 2, 2)),
    "transpose": (lambda m: brew.transpose(m, "x", "y", axes=[1, 0]), (2, 3), (3, 2)),
    "sum": (lambda m: brew.sum(m, ["x", "x"], "y"), (2, 3), (2, 3)),
    "sub": (lambda m: brew.sub(m, ["x", "x"], "y"), (2, 3), (2, 3)),
    "mat_mul": (lambda m: brew.mat_mul(m, ["x", "x"], "y", trans_b=1), (2, 3), (2, 2)),
    "batch_mat_mul": (lambda m: brew.batch_mat_mul(m, ["x", "x"], "y", trans_b=1), (4, 2, 3), (4, 2, 2)),
    "reduce_sum": (lambda m: brew.reduce_sum(m, "x", "y", axes=[1]), (2, 3), (2, 1)),
    "arg_min": (lambda m: brew.arg_min(m, "x", "y"), (2, 3), (2, 1)),
    **{
        name: (lambda m, name=name: getattr(brew, name)(m, "x", "y"), (3, 4), (3, 4))
        for name in (
            "relu", "leaky_relu", "elu", "selu", "gelu", "swish", "sigmoid", "tanh", "softplus", "softsign", "softmax",
        )
    },
}  # fmt: skip
MULTIPLE = {"moments_with_running_stats", "iter", "accuracy", "add_weight_decay"}


@pytest.mark.parametrize("name", RUNS)
def test_layers_run(name):
    build, shape, expected = RUNS[name]
    model = c2.ModelHelper("m")
    build(model)
    ws = c2.Workspace()
    ws.run(model.param_init_net)
    ws.feed("x", image(*shape))
    ws.run(model.net)
    assert ws["y"].shape == expected
    assert np.isfinite(ws["y"]).all()


def test_every_layer_is_run_or_tested_by_itself():
    missing = set(brew.names()) - set(RUNS) - MULTIPLE
    assert not missing


def test_moments_iter_and_accuracy_run():
    model = c2.ModelHelper("m")
    brew.moments_with_running_stats(model, "x", "m", 3)
    brew.iter(model, "iteration")
    brew.accuracy(model, ["scores", "label"], "accuracy", top_k=2)
    ws = c2.Workspace()
    ws.run(model.param_init_net)
    x = image(2, 3, 4, 4)
    ws.feed("x", x)
    ws.feed("scores", np.array([[3, 2, 1], [3, 2, 1]], np.float32))
    ws.feed("label", np.array([1, 2], np.int32))
    ws.run(model.net, times=2)
    np.testing.assert_allclose(ws["m_sm"], x.mean((0, 2, 3)), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(ws["m_sv"], x.var((0, 2, 3)), rtol=1e-4)
    assert ws["iteration"].tolist() == [2]
    assert ws["accuracy"] == 0.5


def test_brew_weight_decay_adds_to_gradients():
    model = c2.ModelHelper("m")
    brew.fc(model, "x", "fc", 2, 1)
    model.op("ReduceSum", "fc", "loss", keepdims=0)
    with pytest.raises(c2.GradientError, match="call add_gradients"):
        brew.add_weight_decay(model, 0.5)
    model.add_gradients("loss")
    brew.add_weight_decay(model, 0.5)
    ws = c2.Workspace()
    ws.run(model.param_init_net)
    ws.feed("x", np.array([[3, 4]], np.float32))
    ws.run(model.net)
    np.testing.assert_allclose(ws["fc_w_grad"], [[3, 4]] + 0.5 * ws["fc_w"], rtol=1e-6)
    np.testing.assert_allclose(ws["fc_b_grad"], [1])
