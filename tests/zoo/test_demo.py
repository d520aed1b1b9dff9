"""The demo on a few digits: everything it reports is there and right."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

import c2
from c2 import plugins
from c2.cli.main import app
from c2_zoo import demo
from c2_zoo.datasets import mnist10k


@pytest.fixture
def few():
    x, y = mnist10k()
    return x[::50], y[::50]  # 200, of which 20 for testing


def test_everything_is_reported(few, tmp_path):
    report = demo.run_demo(tmp_path, data=few, epochs=1)
    told = json.loads(json.dumps(report.to_dict()))
    assert told["classified"]["digits"] == 20
    assert told["classified"]["accuracy"] > 0.9
    assert (told["trained"]["digits"], told["trained"]["test_digits"]) == (180, 20)
    assert 0 <= told["trained"]["test_accuracy"] <= 1
    assert told["exported"]["max_difference"] == 0.0
    assert told["exported"]["bitwise_equal"]
    assert set(told["exported"]["files"]) == {"init_net.pb", "predict_net.pb"}
    assert sorted(p.name for p in tmp_path.iterdir()) == ["curves.png", "curves.svg", "lenet"]
    assert told["machine"]["c2"] == c2.__version__


def test_a_model_from_elsewhere_gets_all_digits(few, tmp_path):
    demo.run_demo(tmp_path / "first", data=few, epochs=1)
    report = demo.run_demo(
        tmp_path / "second", data=few, epochs=1, model_dir=tmp_path / "first" / "lenet"
    )
    assert report.model == str(tmp_path / "first" / "lenet")
    assert report.classified.digits == 200


def test_the_comparison_sees_a_difference(few, tmp_path, monkeypatch):
    def spoiled(model, workspace, folder, outputs, inputs):
        written = export(model, workspace, folder, outputs, inputs)
        workspace.feed(
            "pred_b", workspace["pred_b"] + np.float32(0.5) * np.arange(10, dtype=np.float32)
        )
        return written

    export = demo.export_model
    monkeypatch.setattr(demo, "export_model", spoiled)
    exported = demo.run_demo(tmp_path, data=few, epochs=1).exported
    assert exported.max_difference > 0.01
    assert not exported.bitwise_equal


@pytest.fixture
def command(few, monkeypatch):
    monkeypatch.setattr(demo, "mnist10k", lambda: few)
    return lambda *args: CliRunner().invoke(app, ["demo", *args])


def test_the_command_tells_people(command, tmp_path):
    done = command("--out", str(tmp_path), "--epochs", "1")
    assert done.exit_code == 0, done.output
    for head in (
        "classified",
        "trained",
        "exported",
        "drawn",
        "equal in all bits",
        "of 20 digits right",
    ):
        assert head in done.stdout


def test_the_command_tells_machines(command, tmp_path):
    done = command("--out", str(tmp_path), "--epochs", "1", "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["trained"]["epochs"] == 1


def test_the_plugin_brings_model_and_command():
    predict = plugins.provided("models")["lenet"].load()()
    assert predict.inputs == ["data"]
    assert callable(plugins.provided("commands")["demo"].load())
