"""Compiled nets: equal to simple ones, native calls in a row, what is kept and what is gone."""

import threading

import numpy as np
import pytest

import c2
from c2.compile.net import PROGRAMS, CompiledNet
from c2.compile.runner import make_runner
from c2.graph.check import check_net
from c2.registry import core_registry, native


def small_net(kind):
    net = c2.Net("small")
    net.proto.type = kind
    net.op("FC", ["x", "w", "b"], "h")
    net.op("Relu", "h", "h")
    net.op("Add", ["h", "h"], "twice")
    net.op("Relu", "twice", "y")
    net.op("Softmax", "y", "p")
    net.add_external_output("p")
    return net


def feed(workspace, rng, rows=3):
    workspace.feed("x", rng.standard_normal((rows, 5)).astype(np.float32))
    workspace.feed("w", rng.standard_normal((4, 5)).astype(np.float32))
    workspace.feed("b", rng.standard_normal(4).astype(np.float32))


@pytest.mark.parametrize("runner", ["c", "python"])
def test_equal_to_the_simple_net(registry, runner):
    if runner == "c":
        pytest.importorskip("c2.compile._runner", reason="c2-core was built without its C runner")
    workspace = c2.Workspace(registry=registry)
    feed(workspace, np.random.default_rng(0))
    workspace.run(small_net("simple"))
    expected = workspace["p"]
    net = CompiledNet(
        check_net(small_net("compiled").proto, registry), workspace, registry, runner=runner
    )
    net.run()
    np.testing.assert_allclose(workspace["p"], expected, rtol=1e-6)
    program = net.program()
    assert [s.engine for s in program.stages] == ["TEST", "TEST", "TEST", ""]
    assert program.stages[0].node.label == "FC+Relu"
    assert program.runner_kind == runner
    assert program.names[0] == "3 native calls"


def test_a_fused_blob_says_why_it_is_gone(registry):
    workspace = c2.Workspace(registry=registry)
    feed(workspace, np.random.default_rng(0))
    workspace.run(small_net("compiled"))
    with pytest.raises(c2.MissingBlob, match="is compiled.*name it in keep="):
        workspace.fetch("h")


def test_keep_keeps(registry):
    workspace = c2.Workspace(registry=registry)
    feed(workspace, np.random.default_rng(0))
    net = CompiledNet(
        check_net(small_net("compiled").proto, registry), workspace, registry, keep=["h"]
    )
    net.run()
    kept = workspace["h"]
    workspace.run(small_net("simple"))
    np.testing.assert_allclose(kept, workspace["h"], rtol=1e-6)
    with pytest.raises(c2.NetError, match="no blob 'hh' to keep. Did you mean 'h'"):
        CompiledNet(
            check_net(small_net("compiled").proto, registry), workspace, registry, keep=["hh"]
        )


def test_programs_are_made_per_shape_and_bounded(registry):
    workspace = c2.Workspace(registry=registry)
    rng = np.random.default_rng(0)
    feed(workspace, rng)
    net = CompiledNet(check_net(small_net("compiled").proto, registry), workspace, registry)
    for rows in [1, 2, 1, 2, 1]:
        feed(workspace, rng, rows)
        net.run()
        assert workspace["p"].shape == (rows, 4)
    assert net.compiled == 2
    for rows in range(1, 2 * PROGRAMS):
        feed(workspace, rng, rows)
        net.run()
    assert len(net._programs) == PROGRAMS


def test_a_native_kernel_that_fails_names_its_operator(registry):
    workspace = c2.Workspace(registry=registry)
    workspace.feed("a", np.ones(3, np.float32))
    net = c2.Net("failing")
    net.proto.type = "compiled"
    net.op("Sub", ["a", "a"], "z", name="difference")
    net.add_external_output("z")
    with pytest.raises(c2.KernelError, match=r"Sub 'difference' \(net 'failing.*', op 0\).*code 7"):
        workspace.run(net)


def test_updates_of_external_blobs_stay_in_place(registry):
    workspace = c2.Workspace(registry=registry)
    workspace.feed("total", np.zeros(3, np.float32))
    workspace.feed("step", np.arange(3, dtype=np.float32))
    net = c2.Net("count")
    net.proto.type = "compiled"
    net.op("Add", ["total", "step"], "total")
    for _ in range(4):
        workspace.run(net)
    np.testing.assert_array_equal(workspace["total"], [0, 4, 8])


def test_memory_of_two_names_is_seen_under_both(registry):
    net = c2.Net("aliased")
    net.op("Sigmoid", "x", "h")
    net.op("Alias", "h", "also")
    net.op("Negative", "also", "before")
    net.op("Relu", "h", "h")
    net.op("Scale", "h", "h", scale=-2.0)
    net.op("Negative", "also", "after")
    net.op("Sigmoid", "x", "z")
    net.add_external_output("before", "after", "also")
    results = {}
    for kind in ("simple", "compiled"):
        workspace = c2.Workspace(registry=registry)
        net.proto.type = kind
        for value in (1, 2):
            workspace.feed("x", np.full(1000, value, np.float32))
            workspace.run_once(net)
        results[kind] = [workspace[n] for n in ("before", "after", "also")]
    np.testing.assert_allclose(results["simple"], results["compiled"], rtol=1e-6)
    np.testing.assert_allclose(results["simple"][1], -2 * results["simple"][0], rtol=1e-6)


@pytest.mark.parametrize("last", ["Relu", "SpatialBN"])
def test_what_overwrites_an_input_is_not_moved_before_its_readers(registry, last):
    rng = np.random.default_rng(0)
    net = c2.Net("moved")
    net.op("Conv", ["x", "w"], "t", kernel=3, pad=1)
    net.op("Negative", "x", "before")
    net.op(
        last,
        ["t", *"sbmv"] if last == "SpatialBN" else "t",
        "x",
        **({"is_test": 1} if last == "SpatialBN" else {}),
    )
    net.op("Add", ["x", "before"], "y")
    net.add_external_output("y")
    arrays = {"x": rng.standard_normal((1, 2, 4, 4)), "w": rng.standard_normal((2, 2, 3, 3)),
              **{n: rng.uniform(1, 2, 2) for n in "sbmv"}}  # fmt: skip
    results = []
    for kind in ("simple", "compiled"):
        workspace = c2.Workspace(registry=registry)
        for name, value in arrays.items():
            workspace.feed(name, value.astype(np.float32))
        if kind == "simple":
            workspace.run_once(net)
        else:
            CompiledNet(
                check_net(net.proto, registry), workspace, registry, constants="wsbmv"
            ).run()
        results.append((workspace["x"], workspace["y"]))
    np.testing.assert_allclose(results[0], results[1], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("activation", ["Swish", "Gelu", "Relu"])
def test_an_activation_that_cannot_work_in_place_gets_a_blob_of_its_own(registry, activation):
    net = c2.Net("fused")
    net.op("MatMul", ["x", "x"], "h")
    net.op(activation, "h", "g")
    net.op("Clip", "g", "y", max=0.4)
    net.add_external_output("y")
    workspace = c2.Workspace(registry=registry)
    workspace.feed("x", np.random.default_rng(0).standard_normal((4, 4)).astype(np.float32))
    workspace.run_once(net)
    expected = workspace["y"]
    compiled = CompiledNet(check_net(net.proto, registry), workspace, registry)
    compiled.run()
    assert [n.label for n in compiled.program().graph.nodes] == [f"MatMul+{activation}+Clip"]
    np.testing.assert_allclose(workspace["y"], expected, rtol=1e-6)


def test_native_calls_keep_what_they_read_alive(registry):
    """An input that the net replaces by an array of another shape must live until the run is over."""
    net = c2.Net("replaced")
    net.op("Add", ["x", "x"], "h")
    net.op("Transpose", "h", "x")
    net.add_external_output("h")
    workspace = c2.Workspace(registry=registry)
    workspace.feed("x", np.zeros((1, 1), np.float32))
    compiled = CompiledNet(check_net(net.proto, registry), workspace, registry)
    for k in range(20):
        workspace.feed("x", np.full((300, 40), k, np.float32))
        compiled.run()
        assert (workspace["h"] == 2 * k).all()
        assert workspace["x"].shape == (40, 300)


def test_a_builder_that_fails_names_its_operator_and_engine(library):
    @native("Relu", engine="TEST")
    def build_badly(request):
        raise ZeroDivisionError("in the back end")

    registry = core_registry()
    registry.add_mark(build_badly.__c2_marks__[0], "tests")
    registry.prefer_engines(["TEST"])
    workspace = c2.Workspace(registry=registry)
    workspace.feed("x", np.ones(2, np.float32))
    net = c2.Net("built")
    net.proto.type = "compiled"
    net.op("Relu", "x", "y")
    with pytest.raises(
        c2.KernelError, match=r"Relu 'y' .*engine TEST failed to build.*ZeroDivisionError: in the"
    ):
        workspace.run(net)


def test_a_predictor_is_shared_by_threads(registry):
    rng = np.random.default_rng(1)
    init, predict = c2.Net("init"), small_net("simple")
    init.op(
        "GivenTensorFill", (), "w", shape=[4, 5], values=rng.standard_normal(20).astype(np.float32)
    )
    init.op("GivenTensorFill", (), "b", shape=[4], values=rng.standard_normal(4).astype(np.float32))
    predictor = c2.Predictor(init, predict, registry=registry)
    inputs = [rng.standard_normal((1 + k % 3, 5)).astype(np.float32) for k in range(24)]
    expected = [predictor(x=x)["p"] for x in inputs]
    wrong = []

    def work(start):
        for _ in range(20):
            for k in range(start, len(inputs), 4):
                if not np.allclose(predictor(x=inputs[k])["p"], expected[k], rtol=1e-6):
                    wrong.append(k)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_predictor_tells_what_it_wants(registry):
    init, predict = c2.Net("init"), small_net("simple")
    init.op("ConstantFill", (), "w", shape=[4, 5], value=0.5)
    init.op("ConstantFill", (), "b", shape=[4], value=0.0)
    predictor = c2.Predictor(init, predict, registry=registry)
    assert predictor.inputs == ["x"]
    with pytest.raises(
        c2.SchemaError, match=r"no input 'X'; its inputs are \['x'\]. Did you mean 'x'"
    ):
        predictor(X=np.ones((1, 5), np.float32))
    with pytest.raises(c2.NetError, match="does not make 'w', 'b'"):
        c2.Predictor(c2.Net("empty"), predict, inputs=["x"], registry=registry)


def test_both_runners_stop_at_the_first_failure(library):
    import ctypes

    fails = ctypes.cast(library.fails, ctypes.c_void_p).value
    for kind in ("c", "python"):
        if kind == "c":
            pytest.importorskip(
                "c2.compile._runner", reason="c2-core was built without its C runner"
            )
        run, made = make_runner([(fails, 0, [])], kind)
        assert (run(), made) == ((0, 7), kind)
        run, _ = make_runner([], kind)
        assert run()[0] == -1
