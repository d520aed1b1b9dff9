"""More ranks than cores, for hundreds of steps: LeNet (LeCun et al., 1998) in 8 processes, and in one."""

import numpy as np

import c2
from c2 import brew
from c2.communicate import connect
from c2.data.batches import Batches

THREADS = ("C2_NUM_THREADS", "OMP_NUM_THREADS")
RANKS, STEPS, ROWS, BATCH = 8, 500, 64, 8
SECONDS = 240  # for all ranks together; a few where cores are free


def lenet():
    model = c2.ModelHelper("lenet")
    h = brew.conv(model, "data", "conv1", dim_in=1, dim_out=20, kernel=5, no_gradient_to_input=True)
    h = brew.max_pool(model, h, "pool1", kernel=2, stride=2)
    h = brew.conv(model, h, "conv2", dim_in=20, dim_out=50, kernel=5)
    h = brew.max_pool(model, h, "pool2", kernel=2, stride=2)
    h = brew.relu(model, brew.fc(model, h, "fc3", dim_in=800, dim_out=500), "relu3")
    scores = brew.fc(model, h, "pred", dim_in=500, dim_out=10)
    model.SoftmaxWithLoss([scores, "label"], ["softmax", "loss"])
    model.add_gradients("loss")
    c2.parallel.average_gradients(model)
    c2.optimizer.build_sgd(model, 0.003, momentum=0.5)
    model.set_random_seed(3)
    model.net.proto.type = "compiled"
    model.net.add_external_output("loss")
    return model


def digits():
    """Noise around one pattern per digit."""
    rng = np.random.default_rng(0)
    label = rng.integers(0, 10, ROWS).astype(np.int32)
    patterns = rng.standard_normal((10, 1, 28, 28))
    data = 0.3 * (patterns[label] + rng.standard_normal((ROWS, 1, 28, 28)))
    return Batches({"data": data.astype(np.float32), "label": label}, BATCH, seed=1)


def trains(rank, size, store):
    ranks = connect(rank, size, store, timeout=SECONDS)
    model, workspace, rows = lenet(), c2.Workspace(), c2.parallel.shard(digits(), ranks)
    c2.parallel.start(workspace, model, ranks)
    losses = []
    while len(losses) < STEPS:
        for batch in rows:
            for name, value in batch.items():
                workspace.feed(name, value)
            workspace.run(model.net)
            losses.append(float(workspace["loss"]))
            if len(losses) == STEPS:
                break
    return np.array(losses), {name: workspace[name] for name in model.parameters}


def test_lenet(ranks, monkeypatch):
    for name in THREADS:  # as `c2 launch` shares cores out
        monkeypatch.setenv(name, "1")
    ((losses, _),) = ranks(trains, 1, seconds=SECONDS)
    found = ranks(trains, RANKS, seconds=SECONDS)
    assert all(isinstance(one, tuple) for one in found), found
    for _, others in found:
        for name, value in found[0][1].items():
            np.testing.assert_array_equal(others[name], value, err_msg=name)
    mean = np.mean([one[0] for one in found], axis=0)
    np.testing.assert_allclose(mean[:50], losses[:50], 1e-5)
    np.testing.assert_allclose(mean, losses, 5e-3, 5e-4)  # rounding moves maxima of pools, in time
    assert losses[-50:].mean() < 0.1 * losses[:50].mean()
