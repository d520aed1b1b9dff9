"""Every blob of the zoo's graphs, random weights, against real Caffe2: the largest relative difference of each net.

    python benchmarks/zoo_against_caffe2.py [--json FILE]

A blob's difference is max |c2 - Caffe2| / max |Caffe2|. Both run the simple net, so that every blob is kept; the
compiled Predictor is compared at its outputs.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
from caffe2_oracle import run_in_caffe2
from zoo_models import zoo_model

import c2
from c2.serialize.model_files import params_to_init_net

MODELS = ("squeezenet", "resnet50", "inception_v2")


def compare(name: str) -> dict[str, object]:
    model = zoo_model(name)
    image = model.input()
    blobs = {**model.parameters, model.data: image}
    _, expected = run_in_caffe2(model.net, blobs)
    workspace = c2.Workspace()
    for blob, value in blobs.items():
        workspace.feed(blob, value)
    workspace.run_once(model.net)
    worst = max(
        (_difference(workspace[n], v), n) for n, v in expected.items() if v.dtype.kind == "f"
    )
    logits = model.net.op[-1].input[0]  # Softmax may saturate and hide a difference
    predict = c2.Predictor(params_to_init_net(model.parameters), model.net, keep=[logits])
    outputs = predict({model.data: image})
    compiled = max(_difference(v, expected[n]) for n, v in outputs.items())
    return {
        "net": name,
        "blobs": len(expected),
        "simple": worst[0],
        "worst_blob": worst[1],
        "compiled": compiled,
    }


def _difference(actual: np.ndarray, expected: np.ndarray) -> float:
    assert actual.shape == expected.shape
    return float(np.abs(actual - expected).max() / max(np.abs(expected).max(), 1e-30))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rows = [compare(name) for name in MODELS]
    for row in rows:
        print(
            f"{row['net']:14} {row['blobs']:4} blobs   simple {row['simple']:.1e} (worst '{row['worst_blob']}')   "
            f"compiled {row['compiled']:.1e}"
        )
    if options.json:
        options.json.write_text(json.dumps(rows, indent=2))


if __name__ == "__main__":
    main()
