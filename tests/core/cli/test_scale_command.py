"""`c2 scale`: what is given and what is measured, told, drawn and as JSON."""

import math

import numpy as np
import pytest

GIVEN = ("--step", "900ms", "--gradients", "102MB", "--link", "10Gbit/s", "--latency", "50us")


def test_given_quantities(as_json):
    code, found = as_json("scale", *GIVEN, "--ranks", "1,64", "--bucket", "102MB")
    assert code == 0
    assert [row["ranks"] for row in found["predicted"]] == [1, 64]
    expected = 0.9 + 2 * 63 * (50e-6 + 102e6 / 64 / 1.25e9)  # all after the backward pass
    assert found["predicted"][1]["seconds"] == pytest.approx(expected)
    assert found["bends"]["after"]["ranks"] == next(
        p for p in range(2, 1025) if 2 * (p - 1) * (50e-6 + 102e6 / p / 1.25e9) > 0.1
    )
    assert found["link"]["source"] == found["step"]["source"] == "given"
    assert found["best_bucket"]["ranks"] == 64


def test_told(command):
    code, out, _ = command("scale", *GIVEN, "--ranks", "64")
    assert code == 0
    assert "link (given): latency 50 us, 10 Gbit/s" in out
    assert "falls below 90% at" in out


def test_a_step_is_measured(as_json, trainable):
    arrays = np.load("train.npz")
    np.savez("batch.npz", data=arrays["data"][:32], label=arrays["label"][:32])
    code, found = as_json(
        "scale", "train.pbtxt", "train_init.pbtxt", "-d", "batch.npz", "--link", "1Gbit/s", "--latency", "1ms"
    )  # fmt: skip
    assert code == 0
    assert found["step"]["source"] == "measured"
    assert found["step"]["gradient_bytes"] == 4 * (2 * 4 + 2)
    assert 0 < found["step"]["seconds"]["alone"] < math.inf


@pytest.mark.parametrize("name", ["scaling.png", "scaling.svg"])
def test_drawn(command, tmp_path, name):
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    code, _, _ = command("scale", *GIVEN, "--plot", tmp_path / name)
    assert code == 0
    assert (tmp_path / name).read_bytes()[:5] in (b"\x89PNG\r", b"<?xml")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ((), "give a NET and its INIT"),
        (("--step", "1s"), "--step and --gradients go together"),
        (GIVEN[:4], "one rank at hand, so no link to measure"),
        ((*GIVEN, "--ranks", "2,x"), "--ranks must be"),
        ((*GIVEN[:6], "--latency", "fast"), "--latency must be a number above 0"),
    ],
)
def test_mistakes(command, given, said):
    code, _, err = command("scale", *given)
    assert code == 1
    assert said in err
