"""Every command: what it prints, as text and as JSON, with which exit code, and how it puts errors."""

import xml.etree.ElementTree as ElementTree
from functools import partial

import numpy as np
import pytest
import typer

import c2
from c2.cli.main import app

COMMANDS = [
    "bench",
    "check",
    "doctor",
    "draw",
    "explain",
    "info",
    "ops",
    "plugins",
    "quantize",
    "run",
    "summary",
    "train",
    "tune",
]


def test_help_is_whole(command):
    root = typer.main.get_command(app)
    context = typer.Context(root, info_name="c2")
    assert set(COMMANDS) <= set(root.list_commands(context))
    for name in COMMANDS:
        found = root.get_command(context, name)
        assert len(found.help) > 20, name
        for parameter in found.params:
            assert parameter.help, f"c2 {name} {parameter.name}"
            assert parameter.help[0].isupper(), f"c2 {name} {parameter.name}"
            assert parameter.help.rstrip().endswith("."), (
                f"c2 {name} {parameter.name}: {parameter.help}"
            )
        code, out, _ = command(name, "--help")
        assert (code, f"Usage: c2 {name}" in out) == (0, True)
        assert "--json" in out


def test_tune(command, as_json, model, monkeypatch):
    monkeypatch.setenv("C2_TUNE_CACHE", str(model / "cache"))
    code, out, _ = command("tune", "model", "--shape", "data=2,4", "--threads", "1")
    assert code == 0
    assert "runner-up" in out
    assert f"cache: {model / 'cache'}" in out
    code, found = as_json("tune", "model", "--data", "data=data.npy", "--threads", "1")
    assert (code, found["threads"], found["precision"], found["timed"]) == (0, 1, "fp32", 0)
    for row in found["operators"]:
        assert row["chosen"] in row["candidates"]
        assert sum(one["first"] for one in row["candidates"]) == 1
    files = [str(path) for path in (model / "cache").glob("*.json")]
    assert as_json("tune", "--clear") == (0, {"deleted": files})
    assert "the cache is empty" in command("tune", "--clear")[1]


def test_explain_shows_the_race(command, as_json, model, monkeypatch):
    monkeypatch.setenv("C2_TUNE_CACHE", str(model / "cache"))
    asked = ("explain", "model", "--shape", "data=2,4", "--passes", "--tune")
    tuning = as_json(*asked)[1]["passes"]["tuning"]
    assert {"used", "why", "seconds", "operators"} <= set(tuning)
    code, out, _ = command(*asked)
    assert code == 0
    assert tuning["why"] in out
    for row in tuning["operators"]:
        assert row["op"] in out


def test_version_and_no_command(command):
    assert command("--version")[:2] == (0, f"{c2.__version__}\n")
    code, out, err = command()
    assert code in (0, 2)  # a mistake since click 8.2
    assert all(name in out + err for name in COMMANDS)


def test_run(command, as_json, model):
    code, out, _ = command("run", "model", "-i", "data=data.npy", "--keep", "fc")
    assert code == 0
    assert "prob  float32 (2, 3)" in out
    assert "fc  float32 (2, 3)" in out
    code, found = as_json(
        "run", "net.pbtxt", "--init", "init.pbtxt", "--input", "data=train.npz:data"
    )
    values = np.array(found["outputs"]["prob"]["values"])
    assert (code, values.shape, found["outputs"]["prob"]["dtype"]) == (0, (200, 3), "float32")
    np.testing.assert_allclose(values.sum(1), 1, rtol=1e-5)
    code, found = as_json("run", "model", "-i", "data=data.npy", "-o", "out.npz")
    assert (code, "values" in found["outputs"]["prob"]) == (0, False)
    np.testing.assert_allclose(np.load("out.npz")["prob"], values[:2], rtol=1e-6)


def test_run_writes_blobs_named_as_arguments_of_savez(command, model):
    net = (model / "net.pbtxt").read_text()
    (model / "net.pbtxt").write_text(
        net.replace('"prob"', '"file"').replace('"fc"', '"allow_pickle"')
    )
    run = "run", "net.pbtxt", "--init", "init.pbtxt", "-i", "data=data.npy", "-o", "out.npz"
    assert command(*run, "--keep", "allow_pickle")[0] == 0
    with np.load("out.npz") as found:
        assert sorted((name, found[name].shape) for name in found) == [
            ("allow_pickle", (2, 3)), ("file", (2, 3)),
        ]  # fmt: skip


def test_numbers_that_json_has_not(as_json, model):
    np.save("nan.npy", np.array([[np.nan, 1, np.inf, 0]], np.float32))
    code, found = as_json("run", "model", "-i", "data=nan.npy")
    assert (code, found["outputs"]["prob"]["values"]) == (0, [[None, None, None]])


def test_check(command, as_json, model):
    assert command("check", "model")[:2] == (0, "net 'tiny': 3 operators, 0 problems, 0 warnings\n")
    code, out, _ = command("check", "bad.pbtxt")
    assert code == 1
    assert "operator 'Rellu' is not registered. Did you mean 'Relu'" in out
    assert "net 'bad': 2 operators, 2 problems" in out
    code, found = as_json("check", "bad.pbtxt")
    assert (code, len(found["problems"]), found["operators"]) == (1, 2, 2)
    code, found = as_json("check", "model", "--shape", "data=2,5")
    assert code == 1
    assert "FC 'dense' (net 'tiny', op 0)" in found["problems"][0]


def test_summary(command, as_json, model):
    code, out, _ = command("summary", "model", "--shape", "data=2x4")
    assert code == 0
    assert "tiny: 3 operators, 15 parameters" in out
    code, found = as_json("summary", "model", "--shape", "data=2,4")
    assert (code, found["parameters"], found["rows"][0]["shape"]) == (0, 15, [2, 3])
    assert as_json("summary", "net.pbtxt")[1]["unknown"] == 3


def test_draw(command, as_json, model):
    code, out, _ = command("draw", "model", "-o", "picture.svg")
    assert (code, out) == (0, "wrote picture.svg\n")
    assert ElementTree.parse("picture.svg").getroot().tag.endswith("svg")
    code, found = as_json("draw", "net.pbtxt", "--shape", "data=2,4", "--parameters")
    assert (code, found["file"]) == (0, "net.svg")
    assert found["bytes"] == (model / "net.svg").stat().st_size


def test_explain(command, as_json, model):
    code, out, _ = command("explain", "model", "--shape", "data=2,4", "--passes")
    assert code == 0
    assert "reference kernel (portable)" in out
    assert "fuse: Relu 'fc' into FC" in out
    code, found = as_json("explain", "model", "--shape", "data=2,4", "--passes")
    assert (code, [r["kernel"] for r in found["operators"]]) == (0, ["reference"] * 3)
    assert found["passes"]["log"] == ["fuse: Relu 'fc' into FC"]
    assert found["passes"]["precision"] == "fp32"
    assert "passes" not in as_json("explain", "net.pbtxt")[1]


def test_bench(command, as_json, model):
    code, out, _ = command("bench", "model", "--shape", "data=2,4", "--runs", "2")
    assert code == 0
    assert "simple" in out
    assert "(median of 2)" in out
    code, found = as_json("bench", "model", "--shape", "data=2,4", "--runs", "2")
    assert (code, found["net"], set(found["median_ms"])) == (0, "tiny", {"simple", "compiled"})
    assert set(found["by_type_ms"]) == {"FC", "Relu", "Softmax"}
    assert found["gflop"] == pytest.approx(2 * 2 * 4 * 3e-9, rel=1)


def test_ops(command, as_json):
    code, out, _ = command("ops", "LeakyRelu")
    assert code == 0
    assert "Y = X where X >= 0, else alpha * X." in out
    assert "arg     alpha (float, default 0.01)" in out
    assert "in place: X -> Y" in out
    code, found = as_json("ops", "LeakyRelu")
    assert (code, found["inplace"], found["gradient"]) == (0, [["X", "Y"]], "yes")
    code, out, _ = command("ops", "--search", "leaky")
    assert code == 0
    assert out.rstrip().endswith("3 found")
    assert {o["type"] for o in as_json("ops", "--search", "leaky")[1]} == {
        "Int8LeakyRelu",
        "LeakyRelu",
        "LeakyReluGradient",
    }
    assert "their gradient operators are left out" in command("ops")[1]
    assert len(as_json("ops")[1]) == len(c2.registry.default().types())


def test_plugins_info_and_doctor(command, as_json):
    for name in ("plugins", "info"):
        assert command(name)[0] == 0, name
        code, found = as_json(name)
        assert code == 0
        assert isinstance(found, list if name == "plugins" else dict)
    assert as_json("info")[1]["c2-core"] == c2.__version__
    code, found = as_json("doctor")
    assert code == (0 if found["ok"] else 1) == command("doctor")[0]
    bad = [f["what"] for f in found["findings"] if not f["ok"]]
    assert not [what for what in bad if "GPU" not in what and "c2-cuda" not in what], bad
    assert "was not in quarantine" in command("plugins", "--retry", "nobody")[1]


def test_quantize(command, as_json, model, monkeypatch):
    in_full = partial(c2.Predictor, precision="fp32")
    monkeypatch.setattr("c2.cli.commands.quantize.Predictor", lambda *nets, **_: in_full(*nets))
    files = ["model", "--data", "train.npz", "--labels", "train.npz:label", "-o", "int8"]
    code, out, _ = command("quantize", *files, "--samples", "50")
    assert code == 0
    assert "wrote int8: int8, calibrated on 50 rows" in out
    assert "on 150 rows: the same top class as float32 in 100.00%" in out
    assert "a drop of 0.00 percentage points" in out
    net = c2.load_net("int8/predict_net.pb")
    ranges = {arg.name: arg for arg in net.arg}
    assert list(ranges["range_blobs"].strings) == [b"data", b"fc@1", b"fc", b"prob"]
    assert ranges["range_min"].floats[2] == 0.0, "after the Relu"
    code, found = as_json("quantize", *files, "--samples", "500")
    assert (code, found["calibrated_on"], found["compared"]["rows"]) == (0, 200, 200)
    code, found = as_json("quantize", *files, "--calibrate", "mse")
    assert (code, found["calibrate"]) == (0, "mse")
    code, found = as_json("quantize", *files, "--calibrate", "median")
    assert (code, "one of minmax, percentile, mse" in found["error"]["message"]) == (1, True)


def test_quantize_where_there_is_no_int8(as_json, model, monkeypatch):
    def refuse(*args, **options):
        if options.get("precision") is None:
            raise c2.PrecisionError("not on this machine")
        return predictor(*args, **options)

    predictor = c2.Predictor
    monkeypatch.setattr("c2.cli.commands.quantize.Predictor", refuse)
    code, found = as_json("quantize", "model", "-d", "train.npz", "-o", "int8")
    assert (code, found["compared"]) == (0, None)
    assert found["not_compared"] == "not on this machine"
    code, found = as_json("quantize", "model", "-d", "x=data.npy", "-o", "int8")
    assert code == 1
    assert "the model's inputs ['data'] are not among ['x']" in found["error"]["message"]


def test_train(command, as_json, trainable):
    files = ["train.pbtxt", "train_init.pbtxt", "-d", "train.npz", "--learning-rate", "0.05"]
    code, out, err = command(
        "train", *files, "--test", "train.npz", "--watch", "accuracy", "--epochs", "8",
        "--predict", "softmax", "-o", "trained",
    )  # fmt: skip
    assert code == 0, err
    assert "32 steps, 1,600 rows" in out
    assert "wrote trained/init_net.pb and trained/predict_net.pb" in out
    code, found = as_json("run", "trained", "-i", "data=train.npz:data")
    picked = np.argmax(found["outputs"]["softmax"]["values"], axis=1)
    assert (picked == np.load("train.npz")["label"]).mean() > 0.9
    code, found = as_json("train", *files, "--optimizer", "sgd", "--batch-size", "50")
    assert (code, len(found["steps"]["loss"]), found["rows"], found["output"]) == (0, 4, 200, None)


def test_train_goes_on_from_a_checkpoint(as_json, command, trainable):
    files = [
        "train.pbtxt",
        "train_init.pbtxt",
        "-d",
        "train.npz",
        "--optimizer",
        "adagrad",
        "--batch-size",
        "50",
    ]
    _, whole = as_json("train", *files, "--epochs", "3")
    kept = [*files, "--checkpoints", "kept"]
    _, first = as_json("train", *kept, "--epochs", "1")
    _, rest = as_json("train", *kept, "--epochs", "3")
    losses = [*first["steps"]["loss"], *rest["steps"]["loss"]]
    np.testing.assert_allclose(losses, whole["steps"]["loss"], 1e-5)
    assert (len(first["steps"]["loss"]), len(losses)) == (4, 12)
    code, out, _ = command("train", *kept, "--epochs", "3")
    assert (code, out) == (0, "nothing to do: the newest checkpoint has all epochs\n")


RUN = ["run", "model", "-i"]
TRAIN = ["train", "train.pbtxt", "train_init.pbtxt", "-d"]
ERRORS = [  # arguments, exit code, type of the error, what it says
    (["run", "model"], 2, "Error", "Missing option '--input'"),
    (["runn"], 2, "Error", "there is no command 'runn'. Did you mean 'run'"),
    (["summary", "model", "--nonsense"], 2, "Error", "No such option"),
    (["bench", "model", "--shape", "data=2,4", "--runs", "0"], 2, "Error", "--runs"),
    ([*TRAIN, "train.npz", "--optimizer", "foo"], 2, "Error", "'foo' is not one of 'sgd', 'adam'"),
    ([*RUN, "data=nothing.npy"], 1, "Error", "--input data=nothing.npy: there is no file nothing.npy"),
    ([*RUN, "data.npy"], 1, "Error", "name the blob that data.npy goes to, as in data=data.npy"),
    ([*RUN, "data=text.npy"], 1, "FormatError", "text.npy is no .npy or .npz file of plain arrays"),
    ([*RUN, "data=train.npz:x"], 1, "Error", "train.npz holds data, label, and no 'x'"),
    ([*RUN, "x=data.npy"], 1, "SchemaError", "the model has no input 'x'; its inputs are ['data']"),
    ([*RUN, "data=data.npy", "--keep", "prop"], 1, "NetError", "no blob 'prop' to keep. Did you mean 'prob'"),
    ([*RUN, "data=data.npy", "-o", "out.txt"], 1, "Error", "--output out.txt: outputs are written as .npz"),
    ([*RUN, "data=data.npy", "-o", "no/out.npz"], 1, "FileNotFoundError", "no such folder"),
    ([*RUN, "data=data.npy", "--precision", "bf61"], 1, "PrecisionError", "no precision 'bf61'; have fp32, tf32"),
    (["bench", "model", "--shape", "data=2,4", "--precision", "int8"], 1, "PrecisionError", "int8"),
    (["explain", "model", "--shape", "data=2,4", "--passes", "--precision", "fp61"], 1, "PrecisionError", "'fp61'"),
    (["run", "nothing", "-i", "data=data.npy"], 1, "FormatError", "neither a file nor a folder nothing"),
    (["run", "net.pbtxt", "-i", "data=data.npy"], 1, "SchemaError", "inputs are missing: ['w', 'b']"),
    (["check", "noise.pb"], 1, "FormatError", "noise.pb: expected the message NetDef"),
    (["check", "model", "--shape", "data=2,x,y"], 1, "Error", "write the blob's name and its dimensions"),
    (["summary", "model", "--shape", "data=-1,4"], 1, "Error", "write the blob's name and its dimensions"),
    (["draw", "model", "-o", "no/x.svg"], 1, "FileNotFoundError", "no such folder"),
    (["explain", "bad.pbtxt"], 1, "CheckError", "net 'bad' has 2 problems"),
    (["explain", "model", "--tune"], 1, "Error", "--tune needs --passes"),
    (["tune"], 1, "Error", "name a net to tune, or --clear"),
    (["tune", "model"], 1, "MissingBlob", "inputs ['data']: give --init, or --shape for each"),
    (["explain", "model", "--passes"], 1, "MissingBlob", "inputs ['data']: give --init, or --shape for each"),
    (["bench", "model", "--shape", "other=2,4"], 1, "MissingBlob", "nothing is known of the inputs ['data']"),
    (["bench", "model", "--shape", "data=2,9"], 1, "SchemaError", "FC 'dense' (net 'tiny', op 0)"),
    (["ops", "Rellu"], 1, "UnknownOperator", "'Rellu' is not registered. Did you mean 'Relu'"),
    ([*TRAIN, "train.npz", "--predict", "softmax"], 1, "Error", "--predict BLOB and --output FOLDER go together"),
    ([*TRAIN, "train.npz", "--loss", "los"], 1, "NetError", "no operator makes the loss 'los'. Did you mean 'loss'"),
    ([*TRAIN, "data=data.npy"], 1, "MissingBlob", "needs blobs that do not exist: 'label'"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("args", "code", "kind", "text"), ERRORS, ids=[" ".join(e[0]) for e in ERRORS]
)
def test_errors(command, as_json, trainable, args, code, kind, text):
    found_code, out, err = command(*args)
    assert (found_code, out) == (code, "")
    assert "Traceback" not in err
    words = " ".join(err.replace("│", " ").split())
    assert text in words
    assert code == 2 or f"{kind}: " in err
    found_code, found = as_json(*args)
    assert (found_code, found["error"]["type"]) == (code, kind)
    assert text in found["error"]["message"]


def test_a_wrong_setting_is_told(as_json, monkeypatch):
    monkeypatch.setenv("C2_NUM_THREADS", "many")
    code, found = as_json("info")
    assert (code, found["error"]["message"]) == (
        1, "C2_NUM_THREADS must be a whole number of 1 or more, got 'many'"
    )  # fmt: skip
    monkeypatch.setenv("C2_NUM_THREADS", "3")
    assert as_json("info")[1]["threads"] == 3


def test_a_mistake_of_ours_keeps_its_traceback(command, monkeypatch):
    monkeypatch.setattr("c2.cli.commands.info.default_threads", lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        command("info")


def test_interrupted(command, monkeypatch):
    def interrupt():
        raise KeyboardInterrupt

    monkeypatch.setattr("c2.cli.commands.info.default_threads", interrupt)
    assert command("info")[:2] == (130, "")
