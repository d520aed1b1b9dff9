"""Exchanges of gradients beside the backward pass: they begin early, end late, and give what those at the end give."""

import threading

import numpy as np
import pytest

import c2
from c2 import brew
from c2.communicate.alone import Alone
from c2.errors import CommunicationError
from c2.graph.op import create_op
from c2.parallel.gradients import WORLD
from c2.parallel.updates import order_updates

PATIENCE = 5.0  # seconds until an exchange that nobody computes beside gives up


class Twins(Alone):
    """Rank 0 of 2 that always have the same: sums are doubles. A sum is not ready before `barrier` was called."""

    def __init__(self, computed=None):
        super().__init__()
        self.size = 2
        self.computed = computed or threading.Event()
        self.sums = []

    def clone(self):
        other = Twins(self.computed)
        other.sums = self.sums
        return other

    def _allreduce(self, array, operation, tag, seconds):
        if not self.computed.wait(PATIENCE):
            raise TimeoutError("nothing was computed beside the exchange")
        self.sums.append(array.size)
        array *= 2

    def _barrier(self, tag, seconds):
        self.computed.set()

    def _allgather(self, array, out, tag, seconds):
        out[...] = array


def built(overlap, **options):
    """Three layers, whose gradients are 3 buckets: those of fc3, fc2, fc1."""
    model = c2.ModelHelper("net")
    h = "x"
    for name, dim_in, dim_out in (("fc1", 6, 5), ("fc2", 5, 4), ("fc3", 4, 3)):
        h = brew.fc(model, h, name, dim_in=dim_in, dim_out=dim_out)
    model.SoftmaxWithLoss([h, "label"], ["softmax", "loss"])
    model.add_gradients("loss")
    c2.parallel.average_gradients(model, bucket_bytes=60, overlap=overlap)
    c2.optimizer.build_adagrad(model, 0.1, **options)
    model.set_random_seed(3)
    return model


def trained(model, ranks, net_type="simple", steps=3):
    model.net.proto.type = net_type
    workspace = c2.Workspace()
    c2.parallel.start(workspace, model, ranks)
    rng = np.random.default_rng(0)
    for _ in range(steps):
        workspace.feed("x", rng.standard_normal((8, 6)).astype(np.float32))
        workspace.feed("label", rng.integers(0, 3, 8).astype(np.int32))
        workspace.run(model.net)
    return {name: workspace[name] for name in model.parameters}


def barrier_before_last_gradient(model):
    ops = model.net.ops
    last = max(
        k for k, op in enumerate(ops) if "fc1_w_grad" in op.output and op.type == "FCGradient"
    )
    model.net.replace_ops([*ops[:last], create_op("Barrier", [WORLD], []), *ops[last:]])


@pytest.mark.parametrize("net_type", ["simple", "compiled"])
def test_exchanges_go_on_beside_the_backward_pass(net_type):
    model, ranks = built(overlap=True), Twins()
    barrier_before_last_gradient(model)
    found = trained(model, ranks, net_type)
    alone = Twins()
    alone.computed.set()
    for name, value in trained(built(overlap=False), alone, "simple").items():
        np.testing.assert_allclose(found[name], value, 1e-5, 1e-7)
    assert ranks.sums[:3] == [4 * 3 + 3, 5 * 4 + 4, 6 * 5 + 5]


def test_one_at_the_end_has_nothing_beside_it():
    model = built(overlap=False)
    ops = model.net.ops
    model.net.replace_ops([*ops, create_op("Barrier", [WORLD], [])])
    with pytest.raises(CommunicationError, match="nothing was computed beside the exchange"):
        trained(model, Twins())


@pytest.mark.parametrize("net_type", ["simple", "compiled"])
def test_an_exchange_that_fails_ends_the_net(net_type):
    with pytest.raises(
        CommunicationError, match=r"allreduce #1 of float32 \(15,\), sum: nothing was"
    ):
        trained(built(overlap=True), Twins(), net_type)


def positions(net, type_):
    return [k for k, op in enumerate(net.ops) if op.type == type_]


@pytest.mark.parametrize("options", [{}, {"max_gradient_norm": 1.0}])
def test_updates_come_as_gradients_do(options):
    model = built(overlap=True, **options)
    before = model.net.ops
    order_updates(model.net)
    waits, updates = positions(model.net, "AllreduceMeanWait"), positions(model.net, "Adagrad")
    assert sorted(map(str, before)) == sorted(map(str, model.net.ops))
    updated = [model.net.ops[k].input[0][:3] for k in updates]
    if options:  # every update reads the norm of all
        assert waits[-1] < updates[0]
        return
    assert updated == ["fc3", "fc3", "fc2", "fc2", "fc1", "fc1"]
    assert (
        waits[0]
        < updates[0]
        < updates[1]
        < waits[1]
        < updates[2]
        < updates[3]
        < waits[2]
        < updates[4]
    )


def test_gradients_that_the_net_reads_are_waited_for():
    model = c2.ModelHelper("shared")
    h = brew.fc(model, "x", "fc1", dim_in=6, dim_out=5)
    model.SoftmaxWithLoss([h, "label"], ["softmax", "loss"])
    model.add_gradients("loss")
    model.net.op("SumElements", "fc1_w_grad", "told")
    c2.parallel.average_gradients(model)
    types = [op.type for op in model.net.ops]
    assert types[-3:] == ["AllreduceMeanStart", "AllreduceMeanWait", "SumElements"]
