"""Models of the package: found by their folders, usable in two lines, as good as they say."""

import json

import numpy as np
import pytest

import c2
import c2_zoo
from c2.errors import C2Error
from c2_zoo.classify import classify
from c2_zoo.datasets import mnist10k


def test_every_folder_with_a_model_is_one():
    assert c2_zoo.names() == ["lenet"]
    for name in c2_zoo.names():
        assert {"init_net.pb", "predict_net.pb", "README.md"} <= {
            p.name for p in c2_zoo.folder(name).iterdir()
        }


def test_unknown_models_are_named():
    with pytest.raises(C2Error, match=r"no model 'lenett'; it has lenet. Did you mean 'lenet'"):
        c2_zoo.load("lenett")


def test_two_lines():
    predict = c2_zoo.load("lenet")
    images, labels = c2_zoo.datasets.mnist10k("test")
    scores = predict(data=images[:50].astype("float32") / 255)["softmax"]
    assert (scores.argmax(1) == labels[:50]).mean() > 0.95


def test_lenet_is_as_good_as_its_notes_say():
    notes = json.loads((c2_zoo.folder("lenet") / "trained.json").read_text())
    found = classify(c2_zoo.load("lenet"), *mnist10k("test"))
    assert found.accuracy == pytest.approx(notes["test_accuracy"], abs=0.0011)
    assert found.accuracy >= 0.985
    assert found.to_dict()["digits"] == 1000


def test_lenet_is_small():
    assert sum(p.stat().st_size for p in c2_zoo.folder("lenet").glob("*.pb")) < 2.5e6


def test_lenet_s_nets_are_those_of_the_code():
    from c2_zoo.models.lenet.model import INPUT, OUTPUT, build

    _, shipped = c2.load_model(c2_zoo.folder("lenet"))
    built = build().extract_predictor_net(OUTPUT, INPUT)
    assert [(op.type, *op.input, *op.output) for op in shipped.op] == [
        (op.type, *op.input, *op.output) for op in built.ops
    ]


def test_classify_counts_right_digits_and_tells():
    class Fixed:
        inputs, outputs = ["x"], ["y"]

        def __call__(self, feed):
            scores = np.zeros((len(feed["x"]), 10), np.float32)
            scores[:, 3] = 1
            return {"y": scores}

    class Heard(list):
        def start(self, *told):
            self.append(told)

        def advance(self, done, values):
            self.append(done)

        def finish(self, values):
            self.append(values["accuracy"])

    heard = Heard()
    images, labels = np.zeros((250, 1, 28, 28), np.uint8), np.array([3, 4] * 125)
    found = classify(Fixed(), images, labels, heard)
    assert (found.digits, found.right, found.accuracy) == (250, 125, 0.5)
    assert found.scores.shape == (250, 10)
    assert heard == [("classify", 3), 1, 2, 3, 0.5]


def test_classify_needs_one_input_and_some_digits():
    class Two:
        inputs, outputs = ["a", "b"], ["y"]

    with pytest.raises(
        C2Error, match=r"must have one input and one output; it has the inputs \['a', 'b'\]"
    ):
        classify(Two(), *mnist10k("test"))
    images, labels = mnist10k("test")
    with pytest.raises(C2Error, match="no digits to classify"):
        classify(c2_zoo.load("lenet"), images[:0], labels[:0])
