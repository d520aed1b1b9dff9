"""`c2 train`: trains a net from files on arrays from files, and writes it back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

import c2
from c2.build.evaluate import evaluate
from c2.build.export import export_model
from c2.build.extract import extract_predictor_net
from c2.build.from_nets import model_from_nets
from c2.build.progress import Lines, Progress
from c2.build.train import History, fit
from c2.cli.output import Json, console, errors, fail, parse_inputs, print_json
from c2.cli.progress import Bars
from c2.communicate import connect
from c2.communicate.communicator import Communicator
from c2.data import batches
from c2.serialize.messages import load_net

Arrays = Mapping[str, np.ndarray[Any, Any]]


class OptimizerName(str, Enum):
    """Optimizers of `c2.optimizer` by name."""

    sgd = "sgd"
    adam = "adam"
    adagrad = "adagrad"
    rms_prop = "rms_prop"


class NetType(str, Enum):
    """How the training net runs."""

    compiled = "compiled"
    simple = "simple"


def train(
    net: Annotated[str, typer.Argument(help="The forward net with the loss (.pb, .pbtxt).")],
    init: Annotated[str, typer.Argument(help="The init net that makes the parameters.")],
    data: Annotated[
        list[str], typer.Option("--data", "-d", help="Training arrays: train.npz or x=x.npy.")
    ],
    test: Annotated[
        list[str] | None, typer.Option("--test", help="Arrays to measure on after each epoch.")
    ] = None,
    loss: Annotated[str, typer.Option(help="The blob to minimize.")] = "loss",
    watch: Annotated[
        list[str] | None, typer.Option(help="Show this blob too, such as accuracy.")
    ] = None,
    optimizer: Annotated[OptimizerName, typer.Option(help="Which optimizer.")] = OptimizerName.adam,
    learning_rate: Annotated[float, typer.Option(help="Base learning rate.")] = 1e-3,
    epochs: Annotated[int, typer.Option(min=1, help="Rounds over the training arrays.")] = 1,
    batch_size: Annotated[int, typer.Option(min=1, help="Rows per step.")] = 64,
    seed: Annotated[int, typer.Option(help="Order of the rows.")] = 0,
    net_type: Annotated[
        NetType, typer.Option(help="Compiled is the faster one where c2-mkl is installed.")
    ] = NetType.compiled,
    predict: Annotated[
        str | None, typer.Option(help="Export a net that computes this blob.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder for the export.")
    ] = None,
    checkpoints: Annotated[
        Path | None,
        typer.Option(help="Folder of checkpoints: one after each epoch; goes on from the newest."),
    ] = None,
    json: Json = False,
) -> None:
    """Adds gradients and an optimizer to a net, trains it with a progress bar, and exports it.

    `c2 launch -n 4 c2 -- train ...` does it in 4 processes, each with its part of every batch; a last batch that is not
    full is left out. Rank 0 shows how far all are, and which is the slowest.
    """
    if (predict is None) != (output is None):
        fail("--predict BLOB and --output FOLDER go together: what to export, and where to")
    model = model_from_nets(load_net(init), load_net(net), loss)
    watched = [loss, *(watch or [])]
    forward = model.net.clone(f"{model.net.name}_test") if test else None
    ranks = connect()
    model.add_gradients(loss)
    if ranks.size > 1:
        c2.parallel.average_gradients(model)
    getattr(c2.optimizer, f"build_{optimizer.value}")(model, base_learning_rate=learning_rate)
    whole = batches(parse_inputs(data), batch_size, seed=seed, drop_last=ranks.size > 1)
    rows = c2.parallel.shard(whole, ranks)
    with _shown(ranks, json) as progress, c2.Workspace() as workspace:
        manager = _manager(checkpoints, workspace, model, ranks, rows)
        first = (manager.load() or 0) if manager else 0
        if ranks.size > 1:
            c2.parallel.start(workspace, model, ranks)
        measure = _measure(model, forward, workspace, parse_inputs(test), watched) if test else None
        history = fit(
            model, workspace, rows, epochs, watch=watched, after_epoch=measure, progress=progress,
            net_type=net_type.value, first_epoch=first, checkpoint=manager and manager.save,
        )  # fmt: skip
        _average(history, ranks)
        if output is not None and ranks.rank == 0:
            export_model(model, workspace, output, predict)
    if ranks.rank == 0:
        _tell(history, loss, output, json)


@contextmanager
def _shown(ranks: Communicator, json: bool) -> Iterator[Progress]:
    """A bar; the lines of a job of several processes where there is no terminal."""
    if ranks.size > 1 and not errors.is_terminal:
        yield c2.parallel.ProgressOfAll(ranks, Lines(json=json))
        return
    with Bars() as bars:
        yield bars if ranks.size == 1 else c2.parallel.ProgressOfAll(ranks, bars)


def _manager(folder: Path | None, *of: Any) -> Any:
    workspace, model, ranks, rows = of
    if folder is None:
        return None
    return c2.parallel.CheckpointManager(folder, workspace, model, ranks, readers={"train": rows})


def _average(history: History, ranks: Communicator) -> None:
    """What was watched becomes the mean over all processes, whose parts of a batch are equal; rows, those of all."""
    for name, values in history.steps.items():
        mean = np.array(values)
        ranks.allreduce(mean)
        history.steps[name] = (mean / ranks.size).tolist()
    history.rows *= ranks.size


def _measure(model: Any, forward: Any, workspace: Any, arrays: Arrays, watched: list[str]) -> Any:
    """Measures the net as it stands, in the form it has for testing (Dropout passes through, ...)."""
    net = extract_predictor_net(forward, watched, list(arrays), params=model.parameters)
    return lambda: evaluate(net, workspace, batches(arrays, 256), watched)


def _tell(history: History, loss: str, output: Path | None, json: bool) -> None:
    if json:
        print_json({**history.to_dict(), "output": None if output is None else str(output)})
        return
    losses = history.steps[loss]
    if not losses:
        console.print("nothing to do: the newest checkpoint has all epochs")
        return
    console.print(
        f"{len(losses)} steps, {history.rows:,} rows in {history.seconds:.1f} s ({history.rows_per_second:,.0f}/s); "
        f"{loss} from {losses[0]:.4f} to {np.mean(losses[-20:]):.4f} (mean of the last 20)"
    )
    for number, measured in enumerate(history.epochs, 1):
        console.print(f"epoch {number}: " + ", ".join(f"{k} {v:.4f}" for k, v in measured.items()))
    if output is not None:
        console.print(f"wrote {output}/init_net.pb and {output}/predict_net.pb")
