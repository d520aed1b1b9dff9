"""From a training net to init_net.pb and predict_net.pb, and back."""

import numpy as np
import pytest

import c2
from c2 import brew
from c2.build.export import export_model
from c2.errors import MissingBlob, NetError


def network(train=True):
    """Convolution, batch norm, dropout: what works otherwise in training than in use."""
    model = c2.ModelHelper("network")
    h = brew.conv(model, "data", "conv", 1, 4, 3)
    h = brew.spatial_bn(model, h, "bn", 4, is_test=not train)
    h = brew.relu(model, h, h)
    h = brew.dropout(model, h, "drop", is_test=not train, ratio=0.5)
    scores = brew.softmax(model, brew.fc(model, h, "fc", 4 * 4 * 4, 3), "softmax")
    model.AveragedLoss(model.LabelCrossEntropy([scores, "label"], "xent"), "loss")
    if train:
        model.add_gradients("loss")
        c2.optimizer.build_sgd(model, 0.1, momentum=0.9)
        model.set_random_seed(5)
    return model


@pytest.fixture
def images():
    return np.random.default_rng(0).standard_normal((8, 1, 6, 6)).astype(np.float32)


def trained(images, steps=3):
    model, ws = network(), c2.Workspace()
    ws.run(model.param_init_net)
    ws.feed("data", images)
    ws.feed("label", np.arange(8, dtype=np.int32) % 3)
    ws.run(model.net, times=steps)
    return model, ws


def test_only_what_the_output_needs_is_kept():
    net = network().extract_predictor_net("softmax")
    assert [op.type for op in net.ops] == ["Conv", "SpatialBN", "Relu", "Dropout", "FC", "Softmax"]
    names = [str(b) for b in net.external_inputs]
    assert names[0] == "data"
    assert set(names[1:]) == {"conv_w", "conv_b", "bn_s", "bn_b", "bn_rm", "bn_riv", "fc_w", "fc_b"}
    assert [str(b) for b in net.external_outputs] == ["softmax"]


def test_operators_are_put_into_test_mode():
    net = network().extract_predictor_net("softmax")
    expected = network(train=False).extract_predictor_net("softmax")
    bn, drop = net.ops[1], net.ops[3]
    assert list(bn.output) == ["bn"]
    assert list(drop.output) == ["drop"]
    assert {a.name: a.i for a in bn.arg}["is_test"] == 1
    assert {a.name: a.i for a in drop.arg}["is_test"] == 1
    assert [list(op.input) for op in net.ops] == [list(op.input) for op in expected.ops]


def test_a_batch_norm_that_leaves_is_test_out_trains():
    net = c2.Net("n")
    params = ["x", "s", "b", "rm", "riv"]
    net.op("SpatialBN", params, ["y", "rm", "riv", "sm", "siv"])
    from c2.build.extract import extract_predictor_net

    op = extract_predictor_net(net, "y", "x", params=params[1:]).ops[0]
    assert (list(op.output), op.arg[-1].name, op.arg[-1].i) == (["y"], "is_test", 1)


def test_inputs_may_stand_in_the_middle():
    model = network()
    net = model.extract_predictor_net("softmax", "drop")
    assert [op.type for op in net.ops] == ["FC", "Softmax"]
    assert [str(b) for b in net.external_inputs] == ["drop", "fc_w", "fc_b"]


def test_names_can_be_changed():
    net = network().extract_predictor_net("softmax", rename={"data": "image", "softmax": "prob"})
    assert (str(net.external_inputs[0]), str(net.external_outputs[0])) == ("image", "prob")
    assert net.ops[0].input[0] == "image"


def test_what_cannot_be_extracted():
    model = network()
    with pytest.raises(NetError, match=r"no operator makes 'sofmax'. Did you mean 'softmax'"):
        model.extract_predictor_net("sofmax")
    with pytest.raises(NetError, match=r"'xent' needs 'label', which is no parameter"):
        model.extract_predictor_net("xent", inputs=["data"])


def test_exported_equals_trained_bit_for_bit(images, tmp_path):
    model, ws = trained(images)
    export_model(model, ws, tmp_path, "softmax")
    predict_net = model.extract_predictor_net("softmax")
    ws.run(predict_net)

    init_net, read = c2.load_model(tmp_path)
    fresh = c2.Workspace()
    fresh.run_once(init_net)
    fresh.feed("data", images)
    fresh.run_once(read)
    np.testing.assert_array_equal(fresh["softmax"], ws["softmax"])
    predictor = c2.Predictor.load(tmp_path)
    np.testing.assert_allclose(predictor(images)["softmax"], ws["softmax"], rtol=1e-5, atol=1e-7)


def test_export_holds_all_parameters_and_nothing_else(images, tmp_path):
    model, ws = trained(images)
    init_net, _ = export_model(model, ws, tmp_path, "softmax", rename={"fc_w": "weights"})
    names = {name for op in init_net.op for name in op.output}
    expected = {"conv_w", "conv_b", "bn_s", "bn_b", "bn_rm", "bn_riv", "weights", "fc_b"}
    assert names == expected
    assert sorted(p.name for p in tmp_path.iterdir()) == ["init_net.pb", "predict_net.pb"]


def test_export_before_the_parameters_exist(tmp_path):
    with pytest.raises(MissingBlob, match="'conv_w' is not in the workspace"):
        export_model(network(), c2.Workspace(), tmp_path, "softmax")
