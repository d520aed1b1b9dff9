"""A large init net is read operator by operator, and gives what it gives as a whole."""

import numpy as np
import pytest

import c2
from c2.errors import FormatError, SchemaError
from c2.proto import NetDef
from c2.serialize.init_net import params_to_init_net
from c2.serialize.messages import save_message
from c2.serialize.net_file import LARGE, NetFile, open_net

SHAPES = {"a": (300, 400), "small": (3,), "b": (2, 100, 900), "half": (40,)}


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def make_params(rng):
    params = {name: rng.standard_normal(shape, np.float32) for name, shape in SHAPES.items()}
    params["half"] = params["half"].astype(np.float16)
    return params


def save_init_net(path, params, **fields):
    net = params_to_init_net(params, name="weights")
    net.MergeFrom(NetDef(**fields))
    save_message(net, path)
    assert path.stat().st_size > LARGE
    return net


def test_every_parameter_is_that_of_the_whole_net(tmp_path, rng):
    params = make_params(rng)
    save_init_net(tmp_path / "init_net.pb", params)
    net = open_net(tmp_path / "init_net.pb")
    assert isinstance(net, NetFile)
    assert (net.header.name, len(net)) == ("weights", 5)  # float16 takes two operators
    workspace = c2.Workspace()
    workspace.run_once(net)
    for name, expected in params.items():
        assert workspace[name].dtype == expected.dtype
        np.testing.assert_array_equal(workspace[name], expected)


def test_a_predictor_loads_it(tmp_path, rng):
    weights = rng.standard_normal((500, 700), np.float32)
    save_init_net(tmp_path / "init_net.pb", {"w": weights, "bias": np.ones(500, np.float32)})
    net = c2.Net("predict")
    net.FC(["x", "w", "bias"], "y")
    net.proto.external_output.append("y")
    save_message(net.proto, tmp_path / "predict_net.pb")
    x = rng.standard_normal((2, 700), np.float32)
    scores = c2.Predictor.load(tmp_path)(x=x)["y"]
    np.testing.assert_allclose(scores, x @ weights.T + 1, rtol=1e-4, atol=1e-4)


def test_the_net_s_device_holds_for_every_operator(tmp_path, rng):
    save_init_net(
        tmp_path / "i.pb", make_params(rng), device_option=c2.device_option("OPENGL"), type="simple"
    )
    with pytest.raises(c2.errors.C2Error, match="OPENGL"):
        c2.Workspace().run_once(open_net(tmp_path / "i.pb"))


def test_an_error_names_the_operator_s_place(tmp_path, rng):
    net = save_init_net(tmp_path / "i.pb", make_params(rng))
    net.op[3].type = "GivenTensorFil"
    save_message(net, tmp_path / "i.pb")
    with pytest.raises(c2.errors.C2Error, match=r"GivenTensorFil .*net 'weights', op 3"):
        c2.Workspace().run_once(open_net(tmp_path / "i.pb"))


@pytest.mark.parametrize("keep", [0.5, 0.999999])
def test_a_file_that_is_cut_off_is_refused_when_opened(tmp_path, rng, keep):
    path = tmp_path / "i.pb"
    save_init_net(path, make_params(rng))
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * keep)])
    with pytest.raises(FormatError, match="cut off"):
        open_net(path)


def test_a_file_that_becomes_shorter_meanwhile_is_told(tmp_path, rng):
    path = tmp_path / "i.pb"
    save_init_net(path, make_params(rng))
    net = open_net(path)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(FormatError, match="changed while it was read"):
        c2.Workspace().run_once(net)


def test_values_that_do_not_fit_their_shape_are_refused(tmp_path, rng):
    net = save_init_net(tmp_path / "i.pb", make_params(rng))
    net.op[0].arg[0].ints[0] += 1
    save_message(net, tmp_path / "i.pb")
    with pytest.raises(SchemaError, match=r"'a' .*op 0"):
        c2.Workspace().run_once(open_net(tmp_path / "i.pb"))


def test_text_and_small_files_are_read_whole(tmp_path, rng):
    save_message(params_to_init_net({"w": np.zeros(3, np.float32)}), tmp_path / "small.pb")
    save_message(params_to_init_net(make_params(rng)), tmp_path / "large.pbtxt", text=True)
    assert isinstance(open_net(tmp_path / "small.pb"), NetDef)
    assert isinstance(open_net(tmp_path / "large.pbtxt"), NetDef)
