"""The passes one by one: pure functions from graph to graph."""

import numpy as np
import pytest

import c2
from c2.compile.graph import build_graph
from c2.compile.net import CompiledNet, run_passes
from c2.compile.passes.elide import elide_copies
from c2.compile.passes.fold import fold_channel_affine
from c2.compile.passes.fuse import fuse_activations
from c2.compile.passes.plan import plan_memory
from c2.graph.check import check_net
from c2.graph.infer import infer_net
from c2.place.place import place_net
from c2.registry import TensorSpec, core_registry

REGISTRY = core_registry()


def graph_of(net, specs, constants=None, keep=()):
    checked = check_net(net.proto, REGISTRY)
    known = {n: TensorSpec(s, np.float32) for n, s in specs.items()}
    inferred = infer_net(checked, known)
    assert not inferred.problems
    return build_graph(inferred.ops, place_net(checked, REGISTRY).ops, constants or {}, keep)


def conv_bn(rng, axes=(), order="NCHW"):
    """A Conv and a SpatialBN; where `axes` are told, also Mul and Add by channel, along these."""
    net = c2.Net("conv_bn")
    net.op("Conv", ["x", "w"], "c", kernel=3, pad=1, order=order)
    net.op("SpatialBN", ["c", "s", "b", "m", "v"], "n", is_test=1, epsilon=1e-3, order=order)
    last = "n"
    if axes:
        net.op("Mul", ["n", "f"], "f_out", broadcast=1, axis=axes[0])
        net.op("Add", ["f_out", "g"], "g_out", broadcast=1, axis=axes[1])
        last = "g_out"
    net.op("Relu", last, "y")
    net.add_external_output("y")
    params = {
        n: rng.uniform(0.5, 1.5, 4).astype(np.float32) for n in ("s", "b", "m", "v", "f", "g")
    }
    filters = (4, 2, 3, 3) if order == "NCHW" else (4, 3, 3, 2)
    params["w"] = rng.standard_normal(filters).astype(np.float32)
    return net, {n: v for n, v in params.items() if axes or n not in "fg"}


@pytest.mark.parametrize(
    ("order", "axes"),
    [("NCHW", ()), ("NCHW", (1, 1)), ("NHWC", ()), ("NHWC", (3, -1))],
)
def test_fold_and_fuse_leave_one_operator_of_equal_value(order, axes):
    rng = np.random.default_rng(0)
    net, params = conv_bn(rng, axes, order)
    size = (2, 2, 6, 5) if order == "NCHW" else (2, 6, 5, 2)
    x = rng.standard_normal(size).astype(np.float32)
    shapes = {**{n: v.shape for n, v in params.items()}, "x": x.shape}
    graph = graph_of(net, shapes, params, {"y"})
    before = len(graph.nodes)
    passed = run_passes(graph)
    assert [n.label for n in passed.nodes] == ["Conv+Relu"]
    assert len(graph.nodes) == before, "a pass must not change the graph it was given"
    assert "c" in passed.gone

    workspace = c2.Workspace(registry=REGISTRY)
    for name, value in {**params, "x": x}.items():
        workspace.feed(name, value)
    workspace.run(net)
    expected = workspace["y"]
    CompiledNet(check_net(net.proto, REGISTRY), workspace, REGISTRY, constants=params).run()
    np.testing.assert_allclose(workspace["y"], expected, rtol=1e-4, atol=1e-5)


def test_nothing_is_folded_that_may_change_or_is_read_elsewhere():
    net, params = conv_bn(np.random.default_rng(0))
    shapes = {**{n: v.shape for n, v in params.items()}, "x": (2, 2, 6, 5)}
    assert fold_channel_affine(graph_of(net, shapes, {}, {"y"})).gone == {}
    kept = graph_of(net, shapes, params, {"y", "c"})
    assert fold_channel_affine(kept).gone == {}


def test_what_goes_along_another_axis_is_not_folded():
    net, params = conv_bn(np.random.default_rng(0), (1, 1), "NHWC")
    shapes = {**{n: v.shape for n, v in params.items()}, "x": (2, 4, 5, 2)}
    folded = fold_channel_affine(graph_of(net, shapes, params, {"y"}))
    assert [n.type for n in folded.nodes] == ["Conv", "Mul", "Add", "Relu"]


def test_fuse_stops_at_a_second_reader():
    net = c2.Net("two_readers")
    net.op("Add", ["a", "b"], "s")
    net.op("Relu", "s", "r")
    net.op("Mul", ["s", "r"], "y")
    graph = graph_of(net, {"a": (3,), "b": (3,)}, keep={"y"})
    assert fuse_activations(graph).nodes == graph.nodes


def test_versions_of_a_rewritten_blob_are_told_apart():
    net = c2.Net("rewritten")
    net.op("Relu", "x", "h")
    net.op("Relu", "h", "h")
    net.op("Relu", "h", "h")
    graph = graph_of(net, {"x": (3,)}, keep={"h"})
    assert [n.outputs[0] for n in graph.nodes] == ["h@1", "h@2", "h"]


def overlapping(plan, nodes):
    """Pairs of blobs that live at the same time in the same bytes without one being an update of the other."""
    lives, size = {}, {}
    for k, node in enumerate(nodes):
        for name, spec in zip(node.outputs, node.output_specs):
            lives[name], size[name] = [k, k], spec.nbytes
        for name in node.inputs:
            if name in lives:
                lives[name][1] = k
    names = [n for n in lives if n in plan.offsets]
    for i, a in enumerate(names):
        for b in names[i + 1 :]:
            together = lives[a][0] <= lives[b][1] and lives[b][0] <= lives[a][1]
            apart = (
                plan.offsets[a] + size[a] <= plan.offsets[b]
                or plan.offsets[b] + size[b] <= plan.offsets[a]
            )
            updates = plan.offsets[a] == plan.offsets[b] and lives[a][1] == lives[b][0]
            if together and not apart and not updates:
                yield a, b


@pytest.mark.parametrize("seed", range(20))
def test_plan_never_overlaps_what_lives_together(seed):
    rng = np.random.default_rng(seed)
    net, blobs = c2.Net("random"), ["x"]
    shapes = {"x": (4, 8)}
    for k in range(30):
        a, b = rng.choice(blobs[-6:], 2)
        kind = rng.choice(["Relu", "Add", "Concat", "Softmax"])
        if kind == "Add" and shapes[a] == shapes[b]:
            net.op("Add", [a, b], f"h{k}")
            shapes[f"h{k}"] = shapes[a]
        elif kind == "Concat":
            net.op("Concat", [a, b], [f"h{k}", f"split{k}"], axis=1)
            shapes[f"h{k}"] = (4, shapes[a][1] + shapes[b][1])
        else:
            kind = "Relu" if kind in ("Add", "Concat") else kind
            net.op(kind, a, f"h{k}")
            shapes[f"h{k}"] = shapes[a]
        blobs.append(f"h{k}")
    graph = graph_of(net, {"x": (4, 8)}, keep={blobs[-1]})
    inside = frozenset(n for node in graph.nodes for n in node.outputs)
    plan = plan_memory(graph.nodes, inside)
    assert not list(overlapping(plan, graph.nodes))
    assert plan.size < plan.unshared


@pytest.mark.parametrize("again", [False, True])
def test_parts_of_a_split_lie_in_what_is_split_where_that_dies(again):
    net = c2.Net("parts")
    net.op("Relu", "x", "h")
    net.op("Split", "h", ["a", "b"], axis=0)
    net.op("Sigmoid", "a", "c")
    net.op("Sum", ["b", "c", *["b"] * 2], "y")
    if again:
        net.op("Sigmoid", "h", "z")
    graph = graph_of(net, {"x": (2, 64)}, keep={"y", "z"})
    plan = plan_memory(graph.nodes, frozenset("habc"), output_slices={1: [0, 256]})
    places = [plan.offsets[n] - plan.offsets["h"] for n in "ab"]
    assert (places == [0, 256]) is not again
    assert plan.offsets["c"] not in (plan.offsets["b"], plan.offsets["h"] + 256)


def test_elide_leaves_out_what_only_passes_on():
    net = c2.Net("copies")
    net.op("Relu", "x", "h")
    net.op("Dropout", "h", ["d", "mask"], is_test=1)
    net.op("StopGradient", "d", "s")
    net.op("Relu", "s", "t")
    net.op("Copy", "t", "y")
    passed = elide_copies(graph_of(net, {"x": (3,)}, keep={"y"}))
    assert [(n.type, *n.inputs, *n.outputs) for n in passed.nodes] == [
        ("Relu", "x", "h"), ("Relu", "h", "y"),
    ]  # fmt: skip
    assert set(passed.gone) == {"d", "mask", "s", "t"}


@pytest.mark.parametrize(
    "ops",
    [
        pytest.param([("Copy", "x", "y")], id="both are seen"),
        pytest.param([("Copy", "x", "x2"), ("Relu", "x2", "x"), ("Relu", "x2", "y")], id="input is overwritten"),
        pytest.param([("Relu", "x", "h"), ("Copy", "h", "z"), ("Relu", "z", "y")], id="both are kept"),
    ],
)  # fmt: skip
def test_elide_keeps_copies_that_tell_two_blobs_apart(ops):
    net = c2.Net("copies")
    for type_, source, result in ops:
        net.op(type_, source, result)
    graph = graph_of(net, {"x": (3,)}, keep={"x", "y", "h", "z"})
    assert [n.type for n in elide_copies(graph).nodes] == [op[0] for op in ops]


def test_elide_keeps_a_dropout_whose_mask_is_read():
    net = c2.Net("mask")
    net.op("Relu", "x", "h")
    net.op("Dropout", "h", ["d", "mask"], is_test=1)
    net.op("Not", "mask", "y")
    assert len(elide_copies(graph_of(net, {"x": (3,)}, keep={"y"})).nodes) == 3


def test_plan_lays_parts_into_what_joins_them():
    net = c2.Net("joined")
    net.op("Relu", "x", "a")
    net.op("Relu", "a", "b")
    net.op("Relu", "a", "c")
    net.op("Concat", ["b", "c"], ["bc", "sizes"], axis=0)
    net.op("Relu", "x", "d")
    net.op("Concat", ["bc", "d"], ["y", "sizes2"], axis=0)
    net.op("Relu", "y", "z")
    graph = graph_of(net, {"x": (16,)})
    inside = frozenset(n for node in graph.nodes for n in node.outputs)
    plan = plan_memory(graph.nodes, inside, {}, {3: (0, 64), 5: (0, 128)})
    start = plan.offsets["y"]
    assert {n: plan.offsets[n] - start for n in ("b", "c", "bc", "d")} == {
        "b": 0, "c": 64, "bc": 0, "d": 128,
    }  # fmt: skip


def test_plan_leaves_apart_what_is_read_after_it_was_joined():
    net = c2.Net("joined")
    net.op("Relu", "x", "a")
    net.op("Concat", ["a", "a"], ["aa", "sizes"], axis=0)
    net.op("Relu", "x", "b")
    net.op("Concat", ["b", "x"], ["bx", "sizes2"], axis=0)
    net.op("Add", ["b", "x"], "c")
    net.op("Add", ["bx", "aa"], "y")
    graph = graph_of(net, {"x": (16,)})
    inside = frozenset(n for node in graph.nodes for n in node.outputs)
    plain = plan_memory(graph.nodes, inside)
    assert plan_memory(graph.nodes, inside, {}, {1: (0, 64), 3: (0, 64)}) == plain
