"""A Predictor that is told where to run."""

import numpy as np
import pytest
from far_device import FAR, FarDevice

import c2
from c2.errors import DeviceError
from c2.graph.device import put_on
from c2.proto import DeviceOption, NetDef, OperatorDef
from c2.registry import core_registry
from c2.serialize.init_net import params_to_init_net
from c2.serialize.messages import save_message

WEIGHTS = np.random.default_rng(0).standard_normal((5, 4)).astype(np.float32)
X = np.random.default_rng(1).standard_normal((3, 4)).astype(np.float32)


@pytest.fixture
def far():
    return FarDevice()


@pytest.fixture
def registry(far):
    made = core_registry()
    made.add_device(far, "far-away")
    return made


def nets(device=None):
    option = None if device is None else c2.device_option(device)
    init = params_to_init_net({"w": WEIGHTS, "two": np.full(4, 2, np.float32)}, name="weights")
    net = c2.Net("predict")
    net.op("Mul", ["x", "two"], "h", broadcast=1, device_option=option)
    net.op("Add", ["h", "x"], "y", device_option=option)
    net.proto.external_output.append("y")
    for op in init.op:
        op.device_option.CopyFrom(option or DeviceOption())
    return init, net.proto


def test_inputs_are_fed_to_the_device_and_nothing_else_is_copied(far, registry):
    predict = c2.Predictor(*nets(), device=FAR, registry=registry)
    np.testing.assert_allclose(predict(x=X)["y"], 3 * X, rtol=1e-6)
    far.log.clear()
    np.testing.assert_allclose(predict(x=2 * X)["y"], 6 * X, rtol=1e-6)
    assert far.log == ["copy", "download"]


def test_a_model_of_another_device_runs_here(registry):
    predict = c2.Predictor(*nets(device="CUDA"), device="CPU", registry=registry)
    np.testing.assert_allclose(predict(x=X)["y"], 3 * X, rtol=1e-6)


def test_a_large_init_net_goes_there_operator_by_operator(tmp_path, far, registry):
    init, net = nets(device="CUDA")
    init.MergeFrom(params_to_init_net({"large": np.zeros(300_000, np.float32)}))
    init.op[-1].device_option.device_type = 1
    save_message(init, tmp_path / "init_net.pb")
    save_message(net, tmp_path / "predict_net.pb")
    predict = c2.Predictor.load(tmp_path, device=FAR, registry=registry)
    np.testing.assert_allclose(predict(x=X)["y"], 3 * X, rtol=1e-6)
    assert (
        "upload" not in far.log[1:] or far.log.count("upload") == 1
    )  # x alone; parameters were made there


def test_a_device_that_is_not_usable_is_an_error(registry):
    registry.device(FAR).broken = "no power"
    with pytest.raises(DeviceError, match="no power"):
        c2.Predictor(*nets(), device=FAR, registry=registry)


def test_seeds_stay():
    net = NetDef(op=[OperatorDef(type="UniformFill")])
    net.op[0].device_option.random_seed = 7
    option = put_on(net, "CUDA:1").op[0].device_option
    assert (option.device_type, option.device_id, option.random_seed) == (1, 1, 7)
