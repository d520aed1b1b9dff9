"""The layout pass with a back end that is made up, sums that go into convolutions, and what only a run tells."""

from dataclasses import dataclass, field
from itertools import product

import numpy as np
import pytest

import c2
from c2.compile.graph import build_graph
from c2.compile.layout import PLAIN, Layout
from c2.compile.native import NativeKernel
from c2.compile.net import CompiledNet
from c2.compile.passes.layout import lay_out
from c2.compile.passes.plan import plan_memory
from c2.compile.passes.sum import fuse_sums
from c2.graph.check import check_net
from c2.graph.infer import infer_net
from c2.place.place import place_net
from c2.registry import TensorSpec, core_registry

REGISTRY = core_registry()
BLOCKED = Layout("test:blocked", lambda spec: 2 * spec.nbytes)


@dataclass(frozen=True)
class Choice:
    node: object
    native: NativeKernel | None
    asked: object = None
    reorders: tuple = ()
    seconds: float = 0.0


@dataclass
class BackEnd:
    """Takes and gives BLOCKED for some types, follows its input for others, and has no kernel for the rest."""

    wants: tuple = ()
    follows: tuple = ()
    can_reorder: bool = True
    reorders: list = field(default_factory=list)

    def choose(self, node, layouts):
        if node.type not in (*self.wants, *self.follows) or node.post:
            return [Choice(node, None, layouts)]
        one = BLOCKED if node.type in self.wants else (layouts or (PLAIN,))[0]
        one = PLAIN if layouts is None else one
        kernel = NativeKernel(
            1, 0, input_layouts=(one,) * len(node.inputs), output_layouts=(one,) * len(node.outputs)
        )
        return [Choice(node, kernel, layouts)]

    def reorder(self, node, source, target, have, wanted):
        self.reorders.append((source, target, have.name, wanted.name))
        return (
            Choice(node, NativeKernel(2, 0), reorders=(source, target))
            if self.can_reorder
            else None
        )


def graph_of(net, keep=(), shape=(2, 3, 4, 4), **shapes):
    checked = check_net(net.proto, REGISTRY)
    known = {n: TensorSpec(shapes.get(n, shape), np.float32) for n in checked.needs()}
    inferred = infer_net(checked, known)
    assert not inferred.problems
    return build_graph(inferred.ops, place_net(checked, REGISTRY).ops, {}, keep)


def chain(*types):
    net, last = c2.Net("chain"), "x"
    for k, type_ in enumerate(types):
        net.op(type_, last, f"b{k}")
        last = f"b{k}"
    return net, last


def laid(net, back_end, fixed):
    graph = graph_of(net, fixed)
    unfuse = lambda node: pytest.fail("nothing is fused here")  # noqa: E731
    return lay_out(graph.nodes, frozenset({"x", *fixed}), back_end.choose, unfuse, back_end.reorder)


def steps(result):
    return [c.reorders or c.node.type for c in result.chosen]


def test_a_blob_stays_in_its_makers_layout():
    net, last = chain("Sigmoid", "Relu", "Sigmoid")
    result = laid(net, BackEnd(wants=("Sigmoid",), follows=("Relu",)), {last})
    assert steps(result) == [
        ("x", "x|test:blocked"), "Sigmoid", "Relu", "Sigmoid", ("b2|test:blocked", "b2")
    ]  # fmt: skip
    assert {n: one.name for n, one in result.layouts.items()} == dict.fromkeys(
        ["x|test:blocked", "b0", "b1", "b2|test:blocked"], "test:blocked"
    )
    assert result.log[0] == "layout: reorder 'x' from plain to test:blocked"


def test_what_knows_plain_layouts_alone_gets_them_and_once():
    net, _ = chain("Sigmoid", "Tanh")
    net.op("Tanh", "b0", "again")
    result = laid(net, BackEnd(wants=("Sigmoid",)), {"b1", "again"})
    assert steps(result)[2:] == [("b0", "b0|plain"), "Tanh", "Tanh"]
    assert [c.node.inputs for c in result.chosen[-2:]] == [["b0|plain"], ["b0|plain"]]


def test_without_a_reorder_everything_stays_plain():
    net, last = chain("Sigmoid", "Sigmoid")
    result = laid(net, BackEnd(wants=("Sigmoid",), can_reorder=False), {last})
    assert steps(result) == ["Sigmoid", "Sigmoid"]
    assert result.layouts == {}
    assert [c.asked for c in result.chosen] == [None, None]


def test_memory_that_is_written_again_is_reordered_again():
    net = c2.Net("memory")
    net.op("Sigmoid", "x", "a")
    net.op("Tanh", "x", "x")
    net.op("Sigmoid", "x", "b")
    result = laid(net, BackEnd(wants=("Sigmoid",)), {"a", "b"})
    assert steps(result).count(("x", "x|test:blocked")) == 2


def test_the_plan_takes_sizes_from_layouts():
    net, last = chain("Sigmoid", "Relu", "Sigmoid")
    nodes = graph_of(net, {last}).nodes
    plain = plan_memory(nodes, frozenset({"b0", "b1"}))
    wide = plan_memory(nodes, frozenset({"b0", "b1"}), {"b0": BLOCKED, "b1": BLOCKED})
    assert (plain.size, wide.size) == (384, 768)
    mixed = plan_memory(nodes, frozenset({"b0", "b1"}), {"b0": BLOCKED})
    assert mixed.offsets["b0"] != mixed.offsets["b1"], "two layouts cannot share memory in place"


def residual(addition="Sum"):
    net = c2.Net("residual")
    net.op("Conv", ["x", "w"], "a", kernel=1)
    net.op("Relu", "x", "side")
    net.op(addition, ["side", "a"], "s")
    net.op("Relu", "s", "y")
    net.add_external_output("y")
    return net


@pytest.mark.parametrize("addition", ["Sum", "Add"])
def test_a_sum_goes_into_the_convolution_before_it(addition):
    graph = graph_of(residual(addition), {"y"}, w=(3, 3, 1, 1))
    fused = fuse_sums(graph)
    assert [n.label for n in fused.nodes] == ["Relu", f"Conv+{addition}", "Relu"]
    assert fused.nodes[1].inputs == ["x", "w", "side"]
    assert len(graph.nodes) == 4, "a pass must not change the graph it was given"
    kept = graph_of(residual(addition), {"y", "a"}, w=(3, 3, 1, 1))
    assert fuse_sums(kept).gone == {}


@pytest.mark.parametrize("addition", ["Sum", "Add"])
def test_where_no_kernel_adds_it_comes_apart_again(addition):
    rng = np.random.default_rng(0)
    feeds = {"x": rng.standard_normal((2, 3, 4, 4)), "w": rng.standard_normal((3, 3, 1, 1))}
    results = []
    for kind in ("simple", "compiled"):
        workspace, net = c2.Workspace(registry=REGISTRY), residual(addition)
        for name, value in feeds.items():
            workspace.feed(name, value.astype(np.float32))
        net.proto.type = kind
        workspace.run(net)
        results.append(workspace["y"])
    np.testing.assert_allclose(*results, rtol=1e-6)


def test_activations_stay_behind_an_input_that_only_a_run_tells(registry):
    """Alias writes no array of its own, so what reads it is not native: its activation must not get lost."""
    net = c2.Net("behind")
    net.op("Alias", "x", "a")
    net.op("FC", ["a", "w", "b"], "h")
    net.op("Relu", "h", "y")
    net.add_external_output("y")
    workspace = c2.Workspace(registry=registry)
    workspace.feed("x", np.full((2, 3), -1, np.float32))
    workspace.feed("w", np.ones((4, 3), np.float32))
    workspace.feed("b", np.zeros(4, np.float32))
    CompiledNet(check_net(net.proto, registry), workspace, registry).run()
    np.testing.assert_array_equal(workspace["y"], np.zeros((2, 4)))


class Rivals:
    """Offers two kernels for each node: one for plain blobs, one for BLOCKED ones, with the times given."""

    def __init__(self, plain, blocked, reorder):
        self.times, self.between = ((PLAIN, plain), (BLOCKED, blocked)), reorder
        self.asked = 0

    def choose(self, node, layouts):
        self.asked += 1
        kernels = [
            (NativeKernel(1, 0, input_layouts=(one,), output_layouts=(one,)), seconds)
            for one, seconds in self.times
        ]
        return [Choice(node, kernel, layouts, seconds=seconds) for kernel, seconds in kernels]

    def reorder(self, node, source, target, have, wanted):
        return Choice(node, NativeKernel(2, 0), reorders=(source, target), seconds=self.between)


@pytest.mark.parametrize(
    ("length", "reorder", "blocked"), [(1, 4, False), (2, 4, False), (3, 4, True), (1, 1, True)]
)
def test_the_least_time_counts_kernels_and_reorders(length, reorder, blocked):
    """A blocked kernel takes 7 in place of 10: it pays where that makes up for a reorder at each end."""
    net, last = chain(*["Sigmoid"] * length)
    rivals = Rivals(10, 7, reorder)
    result = laid(net, rivals, {last})
    assert blocked == (3 * length > 2 * reorder)
    assert result.seconds == min(10 * length, 7 * length + 2 * reorder)
    assert len(result.chosen) == length + 2 * blocked
    assert len(result.choices) == length
    taken = {made.native.input_layouts[0] for _, made in result.choices}
    assert taken == {BLOCKED if blocked else PLAIN}


@pytest.mark.parametrize("seed", range(5))
def test_the_walk_finds_what_trying_all_finds(seed):
    """On graphs with branches, against the least time over every assignment of kernels to nodes."""
    rng = np.random.default_rng(seed)
    net, times = c2.Net("drawn"), {}
    inputs = [int(rng.integers(0, k + 1)) for k in range(6)]
    for k, source in enumerate(inputs):
        net.op("Sigmoid", f"b{source}", f"b{k + 1}")
        times[f"b{k + 1}"] = {PLAIN: rng.integers(1, 20), BLOCKED: rng.integers(1, 20)}
    leaves = {f"b{k}" for k in range(1, 7)} - {f"b{k}" for k in inputs}
    cost = int(rng.integers(1, 8))

    class Drawn(Rivals):
        def choose(self, node, layouts):
            self.times = tuple(times[node.outputs[0]].items())
            return super().choose(node, layouts)

    back_end = Drawn(0, 0, cost)
    graph = graph_of(net, leaves, b0=(2, 3, 4, 4))
    result = lay_out(
        graph.nodes, frozenset({"b0", *leaves}), back_end.choose, None, back_end.reorder
    )
    least = min(
        total_time(inputs, times, cost, leaves, assignment)
        for assignment in product((PLAIN, BLOCKED), repeat=6)
    )
    assert result.seconds == least


def total_time(inputs, times, cost, leaves, assignment):
    """Seconds of kernels in these layouts, and of a reorder for each blob and layout that it is not made in."""
    made = {"b0": PLAIN} | {f"b{k + 1}": one for k, one in enumerate(assignment)}
    wanted = {(f"b{source}", one) for source, one in zip(inputs, assignment)}
    wanted |= {(leaf, PLAIN) for leaf in leaves}
    kernels = sum(times[f"b{k + 1}"][one] for k, one in enumerate(assignment))
    return kernels + cost * sum(made[name] != one for name, one in wanted)
