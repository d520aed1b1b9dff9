"""What int8 and bf16 cost in accuracy on trained nets: ResNet-50 and MobileNetV2, trained here on real digits.

    python benchmarks/int8_accuracy.py [--nets NAME ...] [--epochs N] [--samples N] [--calibrate WAY ...]
        [--models FOLDER] [--json FILE]

Of the 10,000 digits of c2-zoo, 6,000 train a net, some of which calibrate it too; all figures are of the other 4,000.
`agreement` is the share of them to which a reduced net gives the same class as float32. --models keeps the trained
nets, and uses those that are there. Needs c2-mkl, c2-zoo, and about ten minutes a net on one core.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from digit_models import EPOCHS, digit_batches, trained_net
from machine import describe_machine

import c2
from c2.build.calibrate import CALIBRATIONS
from c2.build.quantize import Comparison, compare, quantize
from c2.cli.progress import Bars
from c2.data import batches
from c2.serialize.model_files import load_model, save_model
from c2_zoo.datasets import mnist10k

TRAINED_ON = 6  # of every ten digits
NAMES = {"train": "Training", "calibrate": "Calibrating", "compare": "Comparing"}


def split() -> tuple[Any, Any]:
    """Digits to train on, and those kept apart."""
    images, labels = mnist10k()
    first = np.arange(len(labels)) % 10 < TRAINED_ON
    return (images[first], labels[first]), (images[~first], labels[~first])


def model_of(name: str, options: argparse.Namespace, digits: Any) -> tuple[Any, Any, float | None]:
    """The two nets, and the seconds of training where they were not there."""
    folder = options.models and options.models / name
    if folder and folder.is_dir():
        return (*load_model(folder), None)
    with Bars(NAMES) as bars:
        init, net, history = trained_net(name, digits, options.epochs or EPOCHS[name], bars)
    if folder:
        folder.mkdir(parents=True)
        save_model(folder, init, net)
    return init, net, history.seconds


def compared(nets: Any, precisions: Any, held: Any, labels: Any) -> Comparison:
    init, net = nets
    pair = [c2.Predictor(init, net, precision=one) for one in precisions]
    with Bars(NAMES) as bars:
        return compare(pair, batches({"data": held}, 100), labels, progress=bars)


def measure(name: str, options: argparse.Namespace) -> dict[str, Any]:
    """One row of the results."""
    digits, (held, labels) = split()
    init, net, seconds = model_of(name, options, digits)
    inputs = next(digit_batches(name, (held, labels), len(labels)).epoch(0))["data"]
    chosen = np.random.default_rng(0).permutation(len(digits[1]))[: options.samples]
    picked = (digits[0][chosen], digits[1][chosen])
    samples = next(digit_batches(name, picked, options.samples).epoch(0))["data"]
    found = {"bf16": compared((init, net), ("fp32", "bf16"), inputs, labels)}
    for way in options.calibrate:
        with Bars(NAMES) as bars:
            made = quantize(init, net, batches({"data": samples}, 32), calibrate=way, progress=bars)
        found[f"int8 {way}"] = compared((init, made), ("fp32", "int8"), inputs, labels)
    return {
        "net": name, "training_seconds": seconds, "samples": len(samples), "rows": len(labels),
        "precisions": {kind: asdict(one) for kind, one in found.items()},
    }  # fmt: skip


def print_row(row: dict[str, Any]) -> None:
    full = next(iter(row["precisions"].values()))["full_accuracy"]
    print(f"\n{row['net']}: {full:.2%} of {row['rows']:,} digits right in float32")
    print(f"  {'':16} {'agreement':>10} {'accuracy':>10} {'drop':>8} {'error':>8}")
    for kind, one in row["precisions"].items():
        drop = 100 * (full - one["accuracy"])
        print(
            f"  {kind:16} {one['agreement']:10.2%} {one['accuracy']:10.2%} {drop:8.2f} {one['error']:8.1%}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--nets", nargs="+", default=list(EPOCHS), choices=EPOCHS)
    parser.add_argument("--epochs", type=int, help="of training; the net's own number unless told")
    parser.add_argument("--samples", type=int, default=256, help="digits to calibrate on")
    parser.add_argument("--calibrate", nargs="+", default=list(CALIBRATIONS), choices=CALIBRATIONS)
    parser.add_argument("--models", type=Path, help="folder for the trained nets")
    parser.add_argument("--json", type=Path, help="file for the results")
    options = parser.parse_args()
    result: dict[str, Any] = {"machine": {**describe_machine(), "c2": c2.__version__}, "rows": []}
    for name in options.nets:
        result["rows"].append(measure(name, options))
        print_row(result["rows"][-1])
        if options.json:
            options.json.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
