"""Scores of a public Caffe2 LeNet on all 10,000 digits, against a real Caffe2 (tools/oracle of the shared folder).

python benchmarks/lenet_against_caffe2.py
"""

from __future__ import annotations

import numpy as np
from caffe2_oracle import SHARED, available, run_in_caffe2

import c2

BATCH = 1000


def main() -> None:
    """Prints the largest difference of a simple net and of a Predictor from Caffe2, and both accuracies."""
    if not available():
        raise SystemExit("no real Caffe2 here: run `tools/oracle setup` in the shared folder")
    model = SHARED / "data" / "lenet_mnist"
    init_net, net = c2.load_model(model)
    ws = c2.Workspace()
    ws.run_once(init_net)
    parameters = {name: ws[name] for name in ws.blobs()}
    predict = c2.Predictor.load(model)
    with np.load(SHARED / "data" / "mnist10k.npz") as digits:
        images, labels = digits["x"].astype(np.float32) / np.float32(255), digits["y"]
    scores: dict[str, list[np.ndarray]] = {"Caffe2": [], "simple net": [], "Predictor": []}
    for first in range(0, len(images), BATCH):
        batch = images[first : first + BATCH]
        _, caffe2 = run_in_caffe2(net, {**parameters, "1": batch}, fetch=["26"])
        ws.feed("1", batch)
        ws.run_once(net)
        for who, found in zip(scores, (caffe2["26"], ws["26"], predict({"1": batch})["26"])):
            scores[who].append(found)
    whole = {who: np.concatenate(parts) for who, parts in scores.items()}
    largest = np.abs(whole["Caffe2"]).max()
    for who, found in whole.items():
        difference = np.abs(found - whole["Caffe2"]).max()
        accuracy = (found.argmax(1) == labels).mean()
        print(
            f"{who:12} accuracy {accuracy:.4f}, largest difference {difference:.1e} of scores up to {largest:.1f}"
        )


if __name__ == "__main__":
    main()
