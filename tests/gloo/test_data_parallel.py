"""Data-parallel training: the losses of one process, and the same bits in all."""

import re

import numpy as np
import pytest

import c2
from c2 import brew
from c2.communicate import connect
from c2.data.batches import Batches
from c2.errors import CommunicationError, SchemaError

ROWS, BATCH, CLASSES = 96, 24, 5


def data():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((ROWS, 12)).astype(np.float32)
    words = rng.integers(0, 20, (ROWS, 3))
    return {"x": x, "words": words, "label": rng.integers(0, CLASSES, ROWS).astype(np.int32)}


def built(optimizer):
    model = c2.ModelHelper("net")
    h = brew.relu(model, brew.fc(model, "x", "fc1", dim_in=12, dim_out=16), "h")
    table = model.create_param("table", (20, 16), c2.build.initializers.Initializer("XavierFill"))
    rows = model.op("Gather", [table, "words"], "rows")
    mean = model.op("ReduceMean", [rows], "mean", axes=[1], keepdims=0)
    both = model.op("Add", [h, mean], "both")
    scores = brew.fc(model, both, "fc2", dim_in=16, dim_out=CLASSES)
    model.SoftmaxWithLoss([scores, "label"], ["softmax", "loss"])
    model.add_gradients("loss")
    c2.parallel.average_gradients(model)
    getattr(c2.optimizer, f"build_{optimizer}")(model, 0.1)
    return model


def trains(rank, size, store, optimizer, net_type):
    ranks = connect(rank, size, store)
    model = built(optimizer)
    model.set_random_seed(7 + rank)  # rank 0's parameters are what counts
    model.net.proto.type = net_type
    model.net.proto.external_output.append("loss")
    workspace = c2.Workspace()
    c2.parallel.start(workspace, model, ranks)
    losses = []
    for _ in range(2):
        for batch in c2.parallel.shard(Batches(data(), BATCH, seed=1), ranks):
            for name, value in batch.items():
                workspace.feed(name, value)
            workspace.run(model.net)
            loss = np.array([float(workspace["loss"])]) / size
            ranks.allreduce(loss)
            losses.append(loss[0])
    return losses, {name: workspace[name].copy() for name in model.parameters}


@pytest.mark.parametrize("net_type", ["simple", "compiled"])
@pytest.mark.parametrize("optimizer", ["sgd", "adagrad"])
def test_as_one_process(ranks, optimizer, net_type):
    ((losses, parameters),) = ranks(trains, 1, optimizer, net_type)
    found = ranks(trains, 3, optimizer, net_type)
    assert len(losses) == 2 * ROWS // BATCH
    assert losses[-1] < losses[0]
    for one in found:
        assert isinstance(one, tuple), one
        np.testing.assert_allclose(one[0], losses, 1e-4)
        for name, value in parameters.items():
            np.testing.assert_allclose(one[1][name], value, 1e-3, 1e-5)
            np.testing.assert_array_equal(one[1][name], found[0][1][name])


def another_net(rank, size, store):
    ranks = connect(rank, size, store)
    try:
        c2.parallel.start(c2.Workspace(), built("adagrad" if rank == 1 else "sgd"), ranks)
    except CommunicationError as error:
        return str(error)


def test_a_rank_with_another_net(ranks):
    told = ranks(another_net, 3)
    assert re.search(r"rank 0 of 3: net .* is another one in rank 1; all processes", told[0])
    assert "is another one in rank 0, 2;" in told[1]


def test_batches_that_cannot_be_shared_out():
    class Three:
        rank, size = 0, 3

    with pytest.raises(
        SchemaError, match="a batch of 16 rows cannot be shared out evenly to 3 processes"
    ):
        c2.parallel.shard(Batches(data(), 16), Three())
    with pytest.raises(SchemaError, match="a batch of 16 rows"):
        c2.parallel.shard(Batches({"x": np.zeros(40)}, 24), Three())
    assert len(c2.parallel.shard(Batches({"x": np.zeros(40)}, 24, drop_last=True), Three())) == 1
