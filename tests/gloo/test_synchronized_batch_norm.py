"""Batch normalization over all processes: what one process computes with the whole batch."""

import numpy as np
import pytest

import c2
from c2 import brew
from c2.communicate import connect
from c2.data.batches import Batches
from c2.errors import GradientError, SchemaError

ROWS, BATCH = 72, 24


def data():
    rng = np.random.default_rng(5)
    x = 3 + 2 * rng.standard_normal((ROWS, 2, 6, 6)).astype(np.float32)
    return {"x": x, "label": rng.integers(0, 4, ROWS).astype(np.int32)}


def built(order="NCHW"):
    model = c2.ModelHelper("net", arg_scope={"order": order})
    h = brew.conv(model, "x", "conv1", dim_in=2, dim_out=3, kernel=3, pad=1)
    h = brew.relu(model, brew.spatial_bn(model, h, "bn1", 3, momentum=0.7), "h1")
    h = brew.spatial_bn(
        model, brew.conv(model, h, "conv2", dim_in=3, dim_out=4, kernel=3), "bn2", 4
    )
    model.SoftmaxWithLoss(
        [brew.fc(model, h, "fc", dim_in=64, dim_out=4), "label"], ["softmax", "loss"]
    )
    return model


def trains(rank, size, store, net_type, synchronized):
    ranks = connect(rank, size, store)
    model = built()
    model.add_gradients("loss")
    if synchronized:
        c2.parallel.synchronize_batch_norm(model, ranks)
    c2.parallel.average_gradients(model)
    c2.optimizer.build_sgd(model, 0.1)
    model.set_random_seed(7)
    model.net.proto.type = net_type
    model.net.proto.external_output.append("loss")
    workspace, losses = c2.Workspace(), []
    c2.parallel.start(workspace, model, ranks)
    for batch in c2.parallel.shard(Batches(data(), BATCH, seed=1), ranks):
        for name, value in batch.items():
            workspace.feed(name, value)
        workspace.run(model.net)
        loss = np.array([float(workspace["loss"])]) / size
        ranks.allreduce(loss)
        losses.append(loss[0])
    return losses, {name: workspace[name] for name in model.parameters}


@pytest.mark.parametrize("net_type", ["simple", "compiled"])
def test_as_one_process(ranks, net_type):
    ((losses, parameters),) = ranks(trains, 1, net_type, True)
    for found in ranks(trains, 3, net_type, True):
        assert isinstance(found, tuple), found
        np.testing.assert_allclose(found[0], losses, 1e-4)
        for name, value in parameters.items():  # running moments are among them
            np.testing.assert_allclose(found[1][name], value, 2e-3, 2e-5, err_msg=name)


def test_without_it_losses_are_others(ranks):
    ((losses, _),) = ranks(trains, 1, "simple", False)
    found = ranks(trains, 3, "simple", False)[0]
    assert isinstance(found, tuple), found
    assert abs(found[0][-1] - losses[-1]) > 1e-3


class Two:
    size = 2


def test_what_it_refuses():
    with pytest.raises(GradientError, match="no gradients yet: call add_gradients"):
        c2.parallel.synchronize_batch_norm(built(), Two())
    last = built("NHWC")
    last.add_gradients("loss")
    with pytest.raises(
        SchemaError,
        match="SpatialBN 'bn1' has the order NHWC; batch norm over all processes takes NCHW",
    ):
        c2.parallel.synchronize_batch_norm(last, Two())


def test_test_mode_stays():
    model = c2.ModelHelper("net")
    h = brew.spatial_bn(model, "x", "bn", 2, is_test=True)
    model.op("AveragedLoss", [h], "loss")
    model.add_gradients("loss")
    before = [str(op) for op in model.net.ops]
    c2.parallel.synchronize_batch_norm(model, Two())
    assert [str(op) for op in model.net.ops] == before
