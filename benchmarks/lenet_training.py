"""LeNet from scratch on 9,000 real digits: test accuracy, seconds, digits per second. Needs c2-zoo.

    python benchmarks/lenet_training.py [--json FILE] [--epochs N] [--seeds 1 2 3] [--threads N] [--caffe2]

--caffe2 gives real Caffe2 the very training net, weights and one batch, lets both take 30 steps, and compares the time
of a step (median) and the weights that come out.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

import c2
from c2.graph.op import create_op
from c2.proto import NetDef
from c2_zoo.datasets import mnist10k
from c2_zoo.demo import machine
from c2_zoo.models.lenet import train as lenet

STEPS = 30


def training(epochs: int, seed: int, threads: int) -> dict[str, Any]:
    trained = lenet.train(
        mnist10k("train"), mnist10k("test"), epochs=epochs, seed=seed, threads=threads
    )
    return {
        "seed": seed,
        "test_accuracy": trained.test["accuracy"],
        "test_loss": trained.test["loss"],
        "seconds": trained.seconds,
        "digits_per_second": trained.history.rows_per_second,
    }


def against_caffe2(threads: int) -> dict[str, Any]:
    """Medians of a step in milliseconds, and the largest difference of a parameter after the last."""
    from caffe2_oracle import run_in_caffe2

    model = lenet.training_model(1000)
    model.set_random_seed(1)
    workspace = c2.Workspace()
    workspace.run(model.param_init_net)
    batch = next(iter(lenet.digit_batches(mnist10k("train"), lenet.BATCH_SIZE, seed=1)))
    for name, array in batch.items():
        workspace.feed(name, array)
    inputs = [n for n in model.net.proto.external_input if n != "iteration_mutex"]
    blobs = {n: workspace[n] for n in inputs}

    params = [str(p) for p in model.params]
    seconds, expected = run_in_caffe2(_portable(model.net.proto), blobs, STEPS, threads, params)
    run, ours = workspace.runnable(model.net).run, []
    with threadpool_limits(threads, "blas"):
        for _ in range(STEPS):
            start = perf_counter()
            run()
            ours.append(perf_counter() - start)
    return {
        "c2_step_ms": float(np.median(ours)) * 1e3,
        "caffe2_step_ms": float(np.median(seconds)) * 1e3,
        "largest_difference": max(float(np.abs(workspace[n] - expected[n]).max()) for n in params),
        "largest_weight": max(float(np.abs(expected[n]).max()) for n in params),
    }


def _portable(net: Any) -> NetDef:
    """The net with the mutex made inside, as no mutex can be fed."""
    copy = NetDef(name=net.name)
    copy.op.append(create_op("CreateMutex", (), "iteration_mutex"))
    copy.op.extend(net.op)
    copy.external_input.extend(n for n in net.external_input if n != "iteration_mutex")
    return copy


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--epochs", type=int, default=lenet.EPOCHS)
    parser.add_argument("--seeds", type=int, nargs="*", default=[lenet.SEED])
    parser.add_argument("--threads", type=int, default=lenet.THREADS)
    parser.add_argument("--caffe2", action="store_true")
    options = parser.parse_args()
    result: dict[str, Any] = {"machine": machine(), "threads": options.threads, "runs": []}
    for seed in options.seeds:
        run = training(options.epochs, seed, options.threads)
        result["runs"].append(run)
        print(
            f"seed {seed}: {run['test_accuracy']:.2%} of the test digits right, {options.epochs} epochs in "
            f"{run['seconds']:.1f} s ({run['digits_per_second']:,.0f} digits/s)"
        )
    if options.caffe2:
        found = result["caffe2"] = against_caffe2(options.threads)
        print(
            f"a step: c2 {found['c2_step_ms']:.1f} ms, real Caffe2 {found['caffe2_step_ms']:.1f} ms; after {STEPS} "
            f"steps weights differ by {found['largest_difference']:.1e} (largest {found['largest_weight']:.2f})"
        )
    if options.json:
        options.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
