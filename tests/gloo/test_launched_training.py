"""What a user does: the script of docs/data-parallel.md and `c2 train`, in one process and in several."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import c2

PAGE = Path(__file__).parents[2] / "docs" / "data-parallel.md"
C2 = [sys.executable, "-m", "c2.cli.main"]
LAUNCH = [*C2, "launch", "-n"]
SECONDS = 120


def said(*command, cwd):
    done = subprocess.run(
        command,
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def script(tmp_path):
    (text,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S)
    (tmp_path / "train.py").write_text(text)
    return tmp_path


def test_the_page(script):
    alone = said(sys.executable, "train.py", cwd=script)
    assert (script / "checkpoints" / "trainer.5").is_file()
    (script / "checkpoints").rename(script / "of one")
    together = said(*LAUNCH, "2", "train.py", cwd=script)
    pattern = r"loss (\d\.\d+) after (\d+) steps"
    ((_, steps),) = re.findall(pattern, alone)
    ((_, steps_of_two),) = re.findall(pattern, together)
    assert steps == steps_of_two == "40"
    assert re.search(r"^\[0\] train 40/40  loss", together, re.M)
    found = [loaded(script / folder / "trainer.5") for folder in ("of one", "checkpoints")]
    for name, value in found[0].items():
        assert value.shape == found[1][name].shape
    said(*LAUNCH, "4", "train.py", cwd=script)  # which has all epochs already
    assert sorted(p.name for p in (script / "checkpoints").iterdir())[-1] == "trainer.5"


def loaded(path):
    net, names = c2.Net("load"), ["fc1_w", "fc1_b", "fc2_w", "fc2_b"]
    net.Load([], names, db=path.name, db_type="minidb")
    workspace = c2.Workspace(allow=["files"], root_folder=str(path.parent))
    workspace.run(net)
    return {name: workspace[name] for name in names}


def test_c2_train(tmp_path):
    init, net = c2.Net("init"), c2.Net("net")
    init.op("GivenTensorFill", (), "w", shape=[2, 4], values=[0.1 * k for k in range(8)])
    init.op("ConstantFill", (), "b", shape=[2])
    net.op("FC", ["data", "w", "b"], "fc")
    net.op("Softmax", "fc", "softmax")
    net.op("LabelCrossEntropy", ["softmax", "label"], "xent")
    net.op("AveragedLoss", "xent", "loss")
    (tmp_path / "init.pbtxt").write_text(str(init.proto))
    (tmp_path / "net.pbtxt").write_text(str(net.proto))
    rng = np.random.default_rng(0)
    label = rng.integers(0, 2, 48).astype(np.int32)
    data = (rng.standard_normal((48, 4)) + label[:, None]).astype(np.float32)
    np.savez(tmp_path / "train.npz", data=data, label=label)
    train = [
        "train",
        "net.pbtxt",
        "init.pbtxt",
        "-d",
        "train.npz",
        "--batch-size",
        "12",
        "--epochs",
        "3",
    ]
    alone = json.loads(said(*C2, *train, "--json", cwd=tmp_path))
    together = said(*LAUNCH, "2", sys.executable, "--", "-m", "c2.cli.main", *train, cwd=tmp_path)
    text = re.search(r"\[0\] 12 steps, 144 rows in .*; loss from (\S+) to (\S+)", together)
    assert text, together
    losses = alone["steps"]["loss"]
    np.testing.assert_allclose(
        [float(x) for x in text.groups()], [losses[0], np.mean(losses)], 1e-3, 1e-4
    )
    lines = said(
        *LAUNCH,
        "2",
        "--json",
        sys.executable,
        "--",
        "-m",
        "c2.cli.main",
        *train,
        "--json",
        cwd=tmp_path,
    )
    found = [json.loads(line) for line in lines.splitlines()]
    (last,) = (one for one in found if one.get("task") == "train" and one["step"] == 12)
    assert last["rank"] == 0
    assert last["loss"] > 0
