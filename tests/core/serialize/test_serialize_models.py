"""Models as two nets, and as a predictor database."""

from __future__ import annotations

import doctest
import os

import numpy as np
import pytest

from c2.errors import FormatError, MemoryBudgetError, NetError, SchemaError
from c2.proto import DeviceOption, MetaNetDef, NetDef, OperatorDef
from c2.serialize import init_net as init_net_module
from c2.serialize.arguments import argument_field, make_argument
from c2.serialize.blobs import Int8Tensor, serialize_blob
from c2.serialize.database import open_db
from c2.serialize.init_net import CARRIER
from c2.serialize.model_files import (
    PredictorModel,
    init_net_to_params,
    load_model,
    load_predictor_db,
    params_to_init_net,
    save_model,
    save_predictor_db,
)


def op(kind, inputs=(), outputs=("x",), **args):
    made = OperatorDef(type=kind, input=inputs, output=outputs)
    made.arg.extend(make_argument(name, value) for name, value in args.items())
    return made


PARAMS = {
    "float32": np.array([[1.5, -2, np.nan]], np.float32),
    "int32": np.array([1, -(2**31)], np.int32),
    "int64": np.array([2**62, -1]),
    "int16": np.array([3, -4], np.int16),
    "bool": np.array([True, False]),
    "float64": np.array([0.5, -3.0, np.nan]),
    "uint8": np.array([[0, 255], [1, 128]], np.uint8),
    "strings": np.array([b"a", b"\xff\0"], object),
    "float16": np.array([1.5, 65504, -0.1, np.inf], np.float16),
    "int8": np.array([-128, 127], np.int8),
    "uint16": np.array([0, 65535], np.uint16),
    "empty": np.zeros((0, 2), np.float32),
    "scalar": np.array(2.5, np.float32),
    "long": np.arange(5000, dtype=np.float32),
}
KINDS = {
    "float32": ["GivenTensorFill"],
    "int32": ["GivenTensorIntFill"],
    "int64": ["GivenTensorInt64Fill"],
    "int16": ["GivenTensorInt16Fill"],
    "bool": ["GivenTensorBoolFill"],
    "float64": ["GivenTensorDoubleFill"],
    "uint8": ["GivenTensorByteStringToUInt8Fill"],
    "strings": ["GivenTensorStringFill"],
    "float16": ["GivenTensorFill", "FloatToHalf"],
    "int8": ["GivenTensorIntFill", "Cast"],
    "uint16": ["GivenTensorIntFill", "Cast"],
}


def same(a, b):
    return (
        a.dtype == b.dtype
        and a.shape == b.shape
        and (a.tolist() == b.tolist() or a.tobytes() == b.tobytes())
    )


def test_parameters_come_back():
    net = params_to_init_net(PARAMS)
    found = init_net_to_params(net)
    assert list(found) == list(PARAMS) == list(net.external_output)
    for name, array in PARAMS.items():
        assert same(found[name], array), name
        assert found[name].flags.writeable


@pytest.mark.parametrize("name", KINDS)
def test_operators(name):
    net = params_to_init_net({name: PARAMS[name]})
    assert [o.type for o in net.op] == KINDS[name]
    assert net.op[-1].output[0] == name
    assert argument_field(net.op[0].arg[0]) == ("ints", list(PARAMS[name].shape))


def test_what_the_arguments_hold():
    net = params_to_init_net(
        {"w": np.array([[1.5, 2.0]], np.float32), "u": np.array([7, 8], np.uint8)}, name="n"
    )
    assert net.op[0] == op("GivenTensorFill", outputs=["w"], shape=[1, 2], values=[1.5, 2.0])
    assert net.op[1] == op(
        "GivenTensorByteStringToUInt8Fill", outputs=["u"], shape=[2], values=[b"\x07\x08"]
    )
    assert net.name == "n"


def test_quantised_parameters():
    params = {
        "q": Int8Tensor(np.array([[1, 255]], np.uint8), 0.5, 3),
        "b": Int8Tensor(np.array([-300], np.int32), 0.25, 0),
    }
    net = params_to_init_net(params)
    assert [o.type for o in net.op] == ["Int8GivenTensorFill", "Int8GivenIntTensorFill"]
    found = init_net_to_params(net)
    for name, value in params.items():
        assert same(found[name].data, value.data)
        assert (found[name].scale, found[name].zero_point) == (value.scale, value.zero_point)


def test_device_option():
    net = params_to_init_net({}, DeviceOption(device_type=1, device_id=2))
    assert (net.device_option.device_type, net.device_option.device_id) == (1, 2)


def test_parameters_an_init_net_cannot_hold():
    with pytest.raises(
        SchemaError,
        match=r"blob 'x': an init net stores float64 as float32.*or save the parameters",
    ):
        params_to_init_net({"x": np.array([0.1])})
    with pytest.raises(SchemaError, match="Caffe2 has no tensors of complex128"):
        params_to_init_net({"x": np.zeros(1, complex)})
    with pytest.raises(SchemaError, match="blob 'q': expected uint8 or int32 data, got float64"):
        params_to_init_net({"q": Int8Tensor(np.zeros(1), 1.0, 0)})


def test_further_operators_are_read():
    net = NetDef(name="init")
    net.op.extend(
        [
            op("ConstantFill", outputs=["a"], shape=[2], value=3),
            op("ConstantFill", outputs=["b"], shape=[2]),
            op("ConstantFill", outputs=["c"], shape=[], value=1.0, dtype=10),
            op("GivenTensorFill", outputs=["d"], shape=[2], values=[2, 3], dtype=2),
            op("GivenTensorFill", outputs=["e"], values=[2.0]),
            op("Cast", ["b"], ["f"], to=12),
            op(
                "GivenTensorByteStringToUInt8Fill",
                outputs=["g"],
                shape=[2],
                values=[b"\x01", b"\x02"],
            ),
        ]
    )
    found = init_net_to_params(net)
    expected = {
        "a": np.array([3, 3]),
        "b": np.zeros(2, np.float32),
        "c": np.array(1),
        "d": np.array([2, 3], np.int32),
        "e": np.array([2.0], np.float32),
        "f": np.zeros(2, np.float16),
        "g": np.array([1, 2], np.uint8),
    }
    assert list(found) == list(expected)
    for name, array in expected.items():
        assert same(found[name], array), name


REFUSED = [
    (
        op("XavierFill", shape=[2]),
        r"-> 'x': XavierFill cannot be read without running it; expected Con",
    ),
    (
        op("ConstantFill", ["y"]),
        "ConstantFill with an input cannot be read.*Run the init net in a workspace",
    ),
    (op("GivenTensorFill", outputs=[]), "expected one output, got 0"),
    (
        op("GivenTensorFill", shape=[3], values=[1.0]),
        r"expected 3 values for shape \(3,\), got 1; the file is damaged",
    ),
    (
        op("GivenTensorFill", shape=[1], values=[1]),
        "expected 1 values for shape .*got 0; .*in another field",
    ),
    (op("GivenTensorFill", shape=[-1], values=[1.0]), r"shape \(-1,\) is impossible"),
    (op("GivenTensorFill", shape=[2**62, 0]), "is impossible"),
    (
        op("GivenTensorFill", shape=[1], values=[1.0], dtype=99),
        r"data_type 99 \(unknown\) is no array",
    ),
    (op("GivenTensorByteStringToUInt8Fill", shape=[3], values=[b"ab"]), "expected 3 values"),
    (op("GivenTensorStringFill", shape=[3], values=[b"ab"]), "expected 3 values"),
    (op("Int8GivenTensorFill", shape=[1], values=b"a"), "argument 'Y_scale' is missing"),
    (op("Int8GivenTensorFill", shape=[1], values=[1]), "expected argument 'values' in field 's'"),
    (op("Cast", ["y"], to=1), r"expected one input made before, got \['y'\]"),
    (op("ConstantFill", value="a"), "expected a number in argument 'value'"),
]


@pytest.mark.parametrize(("refused", "text"), REFUSED)
def test_operators_that_cannot_be_read(refused, text):
    with pytest.raises(FormatError, match="^init net 'n', op 0 .*" + text):
        init_net_to_params(NetDef(name="n", op=[refused]))


def test_budget_of_an_init_net():
    net = NetDef(op=[op("ConstantFill", shape=[2**20, 2**20])])
    with pytest.raises(
        MemoryBudgetError, match=r"-> 'x' \(1048576, 1048576\) with those before needs 8.8 TB"
    ):
        init_net_to_params(net)
    net = NetDef(op=[op("ConstantFill", outputs=[name], shape=[100]) for name in "abc"])
    assert len(init_net_to_params(net, budget=1600)) == 3
    with pytest.raises(MemoryBudgetError, match="-> 'c' .* needs 1.6 kB"):
        init_net_to_params(net, budget=1599)


def test_the_carrier_is_no_parameter():
    assert CARRIER not in init_net_to_params(params_to_init_net({"h": np.zeros(2, np.float16)}))


@pytest.fixture
def model():
    init = params_to_init_net({"w": np.ones(2, np.float32)})
    predict = NetDef(name="predict", op=[op("Mul", ["x", "w"], ["y"])], external_input=["x", "w"])
    return init, predict


@pytest.mark.parametrize("text", [False, True])
def test_save_and_load_a_model(tmp_path, model, text):
    folder = tmp_path / "deep" / "model"
    save_model(folder, *model, text=text)
    suffix = ".pbtxt" if text else ".pb"
    assert sorted(os.listdir(folder)) == ["init_net" + suffix, "predict_net" + suffix]
    assert load_model(folder) == model
    paths = [folder / ("init_net" + suffix), folder / ("predict_net" + suffix)]
    assert load_model(paths) == model
    assert load_model({"predict_net": paths[1], "init_net": str(paths[0])}) == model


def test_names_with_a_prefix(tmp_path, model):
    save_model(tmp_path, *model)
    os.rename(tmp_path / "init_net.pb", tmp_path / "squeezenet_init_net.pb")
    assert load_model(tmp_path) == model
    (tmp_path / "other_init_net.pb").write_bytes(b"")
    with pytest.raises(
        FormatError,
        match=r"expected one init_net.pb or init_net.pbtxt, got several; there is other_",
    ):
        load_model(tmp_path)


def test_model_that_is_not_there(tmp_path, model):
    with pytest.raises(
        FormatError,
        match="expected a folder with init_net.pb and predict_net.pb, got nothing there",
    ):
        load_model(tmp_path / "no")
    save_model(tmp_path, *model)
    with pytest.raises(FormatError, match=r"got a file; give the two paths"):
        load_model(tmp_path / "init_net.pb")
    os.remove(tmp_path / "predict_net.pb")
    with pytest.raises(
        FormatError, match=r"expected one predict_net.pb .* got none; there is init_net.pb"
    ):
        load_model(tmp_path)
    with pytest.raises(FormatError, match="expected the paths of init_net and predict_net, got 1"):
        load_model([tmp_path])
    with pytest.raises(
        FormatError, match="expected the paths init_net and predict_net, got init_net"
    ):
        load_model({"init_net": tmp_path})


@pytest.fixture
def predictor(model):
    return PredictorModel(
        predict_net=model[1],
        params={
            "w": np.arange(5, dtype=np.float32),
            "q": Int8Tensor(np.zeros(2, np.uint8), 0.5, 3),
        },
        inputs=["x"],
        outputs=["y"],
        shapes={"x": (1, 5)},
        init_net=NetDef(
            op=[op("ConstantFill", outputs=["more"], shape=[1], value=1.0)],
            external_output=["more"],
        ),
        global_init_net=NetDef(op=[op("ConstantFill", outputs=["global"], shape=[1], value=1.0)]),
    )


def test_predictor_comes_back(tmp_path, predictor):
    path = tmp_path / "model.minidb"
    save_predictor_db(path, predictor, chunk_size=2)
    found = load_predictor_db(path)
    assert (found.inputs, found.outputs) == (["x"], ["y"])
    assert list(found.params) == ["w", "q"]
    assert np.array_equal(found.params["w"], predictor.params["w"])
    assert found.shapes == {"x": (1, 5), "y": (0,)}
    assert found.predict_net.op == predictor.predict_net.op
    assert list(found.predict_net.external_input) == ["x", "w", "q"]
    assert list(found.predict_net.external_output) == ["y"]
    assert found.init_net.op == predictor.init_net.op
    assert found.global_init_net.op == predictor.global_init_net.op
    save_predictor_db(tmp_path / "again.minidb", found, chunk_size=2)
    assert (tmp_path / "again.minidb").read_bytes() == path.read_bytes()


def test_predictor_without_further_nets(tmp_path, predictor):
    predictor.init_net = predictor.global_init_net = None
    save_predictor_db(tmp_path / "db", predictor)
    found = load_predictor_db(tmp_path / "db")
    assert found.init_net is found.global_init_net is None


def test_predictor_database_begins_with_the_description(tmp_path, predictor):
    save_predictor_db(tmp_path / "db", predictor)
    with open_db("minidb", tmp_path / "db") as db:
        assert [key for key, _ in db.cursor()] == ["!!META_NET_DEF", "w#%0", "q"]


def test_predictor_with_a_name(tmp_path, predictor):
    save_predictor_db(tmp_path / "db", predictor, name="left")
    assert load_predictor_db(tmp_path / "db", name="left").inputs == ["x"]
    with pytest.raises(
        FormatError,
        match=r"expected a net PREDICT_NET_TYPE, got .*PREDICT_NET_TYPE_left.*chosen by `name`",
    ):
        load_predictor_db(tmp_path / "db")


def test_predictor_names_must_be_distinct(tmp_path, predictor):
    for change, text in [
        ({"inputs": ["x", "w"]}, "parameters and inputs must be different blobs; both: w"),
        ({"outputs": ["w"]}, "parameters and outputs must be different"),
        ({"inputs": ["x", "x"]}, "inputs must be different blobs, got x, x"),
    ]:
        with pytest.raises(NetError, match=text):
            save_predictor_db(tmp_path / "db", PredictorModel(**{**vars(predictor), **change}))
    assert os.listdir(tmp_path) == []


def test_databases_that_are_no_predictor(tmp_path, predictor):
    def write(entries):
        with open_db("minidb", tmp_path / "db", "new") as db:
            transaction = db.transaction()
            for key, value in entries:
                transaction.put(key, value)
        return tmp_path / "db"

    save_predictor_db(tmp_path / "good", predictor)
    with open_db("minidb", tmp_path / "good") as db:
        meta, w, _ = list(db.cursor())
    with pytest.raises(
        FormatError,
        match="expected a predictor with a blob !!META_NET_DEF, got w; this may be a checkpoint",
    ):
        load_predictor_db(write([w]))
    with pytest.raises(FormatError, match="the parameters q are missing"):
        load_predictor_db(write([meta, w]))
    with pytest.raises(
        FormatError,
        match="blob '!!META_NET_DEF': expected the message MetaNetDef, got the message NetDef",
    ):
        load_predictor_db(
            write(serialize_blob("!!META_NET_DEF", predictor.predict_net.SerializeToString()))
        )
    empty = MetaNetDef(blobsOrder=["x"]).SerializeToString()
    with pytest.raises(FormatError, match="expected a net PREDICT_NET_TYPE, got nothing"):
        load_predictor_db(write(serialize_blob("!!META_NET_DEF", empty)))


def test_examples():
    assert doctest.testmod(init_net_module).failed == 0
