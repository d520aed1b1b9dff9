"""The command run in this process, on a small model in files."""

import json
import sys

import numpy as np
import pytest

import c2
from c2.cli.main import main
from c2.cli.output import console, errors
from c2.serialize.model_files import save_model


@pytest.fixture
def command(monkeypatch, capsys):
    """`command("run", "model", ...)`: exit code, standard output, standard error."""
    monkeypatch.setenv("COLUMNS", "200")  # read when help is printed,
    for one in (console, errors):  # but for these two when they were made
        monkeypatch.setattr(one, "width", 200)

    def run(*args):
        monkeypatch.setattr(sys, "argv", ["c2", *map(str, args)])
        with pytest.raises(SystemExit) as left:
            main()
        out, err = capsys.readouterr()
        return left.value.code or 0, out, err

    return run


@pytest.fixture
def as_json(command):
    """The same with --json: exit code and the document, which is all that standard output may hold."""

    def run(*args):
        code, out, _ = command(*args, "--json")
        return code, json.loads(out, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))

    return run


@pytest.fixture
def model(tmp_path, monkeypatch):
    """A folder with a model, arrays and nets, which is the current one."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    init = c2.Net("init")
    weights = rng.standard_normal(12).astype(np.float32)
    init.op("GivenTensorFill", (), "w", shape=[3, 4], values=weights)
    init.op("ConstantFill", (), "b", shape=[3])
    net = c2.Net("tiny")
    net.op("FC", ["data", "w", "b"], "fc", name="dense")
    net.op("Relu", "fc", "fc")
    net.op("Softmax", "fc", "prob")
    net.add_external_output("prob")
    net.proto.name = "tiny"  # as it is read from a file, not made unique
    (tmp_path / "model").mkdir()
    save_model(tmp_path / "model", init.proto, net.proto)
    (tmp_path / "init.pbtxt").write_text(str(init.proto))
    (tmp_path / "net.pbtxt").write_text(str(net.proto))
    (tmp_path / "bad.pbtxt").write_text(
        'name: "bad" op { type: "Rellu" input: "x" output: "y" } op { type: "FC" input: "y" output: "z" }'
    )
    (tmp_path / "noise.pb").write_bytes(b"\xff\xfe")
    (tmp_path / "text.npy").write_text("no array")
    x = rng.standard_normal((200, 4)).astype(np.float32)
    np.save("data.npy", x[:2])
    np.savez("train.npz", data=x, label=(x[:, 0] + x[:, 1] > 0).astype(np.int32))
    return tmp_path


@pytest.fixture
def trainable(model):
    init, net = c2.Net("init"), c2.Net("net")
    init.op("XavierFill", (), "w", shape=[2, 4], random_seed=1)
    init.op("ConstantFill", (), "b", shape=[2])
    net.op("FC", ["data", "w", "b"], "fc")
    net.op("Softmax", "fc", "softmax")
    net.op("LabelCrossEntropy", ["softmax", "label"], "xent")
    net.op("AveragedLoss", "xent", "loss")
    net.op("Accuracy", ["softmax", "label"], "accuracy")
    (model / "train_init.pbtxt").write_text(str(init.proto))
    (model / "train.pbtxt").write_text(str(net.proto))
    return model
