"""What `c2 scale` measures between real ranks."""

import math

import numpy as np

import c2
from c2.communicate import connect
from c2.scaling.link import measure_allreduces
from c2.scaling.training import measure_steps

SIZES = (1 << 16, 1 << 18)


def nets():
    init, net = c2.Net("init"), c2.Net("net")
    init.op("XavierFill", (), "w", shape=[2, 4], random_seed=1)
    init.op("ConstantFill", (), "b", shape=[2])
    net.op("FC", ["data", "w", "b"], "fc")
    net.op("SoftmaxWithLoss", ["fc", "label"], ["softmax", "loss"])
    return init.proto, net.proto


def measured(rank, size, store):
    joined = connect(rank, size, store, timeout=30)
    rows = measure_allreduces(joined, SIZES)
    batch = {"data": np.ones((3, 4), np.float32), "label": np.zeros(3, np.int32)}
    steps = measure_steps(nets(), "loss", batch, joined)
    joined.close()
    return rows, steps


def test_all_ranks_find_the_same(ranks):
    one, other = ranks(measured, 2)
    assert one == other
    rows, (steps, gradient_bytes) = one
    assert [size for size, _ in rows] == list(SIZES)
    assert all(0 < seconds < math.inf for _, seconds in rows)
    assert set(steps) == {"alone", "after", "overlapped"}
    assert gradient_bytes == 4 * (2 * 4 + 2)
