"""The simple net: Caffe2's observable behaviour, and nothing allocated in a steady state."""

import tracemalloc

import numpy as np
import pytest

import c2
from c2.registry import Arg, OpSchema, Tensor, core_registry, kernel, same_as
from c2.registry.schema import NoGradient

REGISTRY = core_registry()


def make_registry():
    """Operators that show how kernels are called: with and without `out`, of unknown shape, failing, random."""
    registry = core_registry()
    plain = OpSchema("PlainDouble", inputs=[Tensor("X")], outputs=[Tensor("Y")], infer=same_as("X"),
                     inplace={"X": "Y"}, gradient=NoGradient.STOPS)  # fmt: skip
    kept = OpSchema(
        "Positive", inputs=[Tensor("X")], outputs=[Tensor("Y")], gradient=NoGradient.STOPS
    )
    broken = OpSchema("Broken", inputs=[Tensor("X")], outputs=[Tensor("Y")], infer=same_as("X"),
                      args=[Arg("after", int, 0, doc="runs that work")], gradient=NoGradient.STOPS)  # fmt: skip
    noise = OpSchema("Noise", inputs=[Tensor("X")], outputs=[Tensor("Y")], infer=same_as("X"),
                     gradient=NoGradient.STOPS)  # fmt: skip
    counts = []

    @kernel(plain)
    def plain_double(xp, X):
        return X * 2

    @kernel(kept)
    def positive(xp, X):
        return X[X > 0]

    @kernel(broken)
    def fail(xp, X, *, after, out=None):
        counts.append(1)
        if len(counts) > after:
            raise ZeroDivisionError("by the kernel")
        return xp.copyto(out, X) or out

    @kernel(noise)
    def make_noise(xp, X, *, rng, out=None):
        noise = rng.standard_normal(X.shape).astype(X.dtype)
        return noise if out is None else xp.add(noise, 0, out=out)

    for schema in (plain, kept, broken, noise):
        registry.add_schema(schema)
    for function in (plain_double, positive, fail, make_noise):
        for mark in function.__c2_marks__:
            registry.add_mark(mark)
    return registry


def workspace(**blobs):
    ws = c2.Workspace(registry=make_registry())
    for name, value in blobs.items():
        ws.feed(name, np.asarray(value, np.float32))
    return ws


def test_buffers_are_kept_from_run_to_run():
    ws = workspace(x=np.ones((64, 64)))
    net = c2.Net("n")
    net.op("Negative", "x", "y")
    net.op("Negative", "y", "z")
    ws.run(net)
    held = ws.blob("z").value
    for value in (2.0, 3.0):
        ws.feed("x", np.full((64, 64), value, np.float32))
        ws.run(net)
        assert ws.blob("z").value is held
        assert ws["z"][0, 0] == value
    assert ws.runnable(net).bound == 1


def test_a_steady_run_allocates_no_outputs():
    ws = workspace(x=np.ones((256, 256)))
    net = c2.Net("n")
    blob = "x"
    for _ in range(20):
        blob = net.op("Negative", blob)
    ws.run(net, 2)
    run = ws.runnable(net).run
    tracemalloc.start()
    run()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 256 * 256 * 4, f"a steady run allocated {peak} bytes"


def test_new_shapes_are_bound_again():
    ws = workspace(x=np.ones(3))
    net = c2.Net("n")
    net.op("Negative", "x", "y")
    for shape in [(3,), (2, 2), (3,), ()]:
        ws.feed("x", np.ones(shape, np.float32))
        ws.run(net)
        assert ws["y"].shape == shape


def test_fetched_and_fed_arrays_are_copies():
    ws = workspace(x=[1, 2])
    mine = np.array([5, 6], np.float32)
    ws.feed("x", mine)
    mine[:] = 0
    got = ws["x"]
    got[:] = 9
    np.testing.assert_array_equal(ws["x"], [5, 6])


@pytest.mark.parametrize("op", ["Negative", "PlainDouble"])
def test_in_place_writes_the_storage_of_the_input(op):
    ws = workspace(x=[1, -2])
    storage = ws.blob("x").value
    net = c2.Net("n")
    net.op(op, "x", "x")
    ws.run(net, 2)
    assert ws.blob("x").value is storage
    np.testing.assert_array_equal(storage, [1, -2] if op == "Negative" else [4, -8])


def test_every_version_of_a_rewritten_blob_is_seen_by_its_readers():
    ws = workspace(x=[1, 2])
    net = c2.Net("n")
    net.op("PlainDouble", "x", "h")  # dynamic
    net.op("Negative", "h", "first")
    net.op("Negative", "x", "h")  # would be static
    net.op("Negative", "h", "second")
    net.op("PlainDouble", "h", "third")
    for _ in range(3):
        ws.run(net)
        np.testing.assert_array_equal(ws["first"], [-2, -4])
        np.testing.assert_array_equal(ws["second"], [1, 2])
        np.testing.assert_array_equal(ws["third"], [-2, -4])
        np.testing.assert_array_equal(ws["h"], [-1, -2])


def test_a_static_version_then_a_dynamic_one():
    ws = workspace(x=[1, 2])
    net = c2.Net("n")
    net.op("Negative", "x", "h")
    net.op("PlainDouble", "h", "a")
    net.op("PlainDouble", "x", "h")
    net.op("PlainDouble", "h", "b")
    for _ in range(3):
        ws.run(net)
        np.testing.assert_array_equal(ws["a"], [-2, -4])
        np.testing.assert_array_equal(ws["b"], [4, 8])


def test_shapes_that_only_a_run_tells():
    ws = workspace(x=[1, -1, 2])
    net = c2.Net("n")
    net.op("Positive", "x", "p")
    net.op("Negative", "p", "y")
    for values in ([1, -1, 2], [-1, -1, 3], [5, 6, 7]):
        ws.feed("x", np.array(values, np.float32))
        ws.run(net)
        np.testing.assert_array_equal(ws["y"], [-v for v in values if v > 0])


def test_two_nets_may_write_one_blob():
    ws = workspace(x=[1, 2])
    one, two = c2.Net("one"), c2.Net("two")
    one.op("Negative", "x", "y")
    two.op("PlainDouble", "x", "y")
    for _ in range(2):
        ws.run(one)
        np.testing.assert_array_equal(ws["y"], [-1, -2])
        ws.run(two)
        np.testing.assert_array_equal(ws["y"], [2, 4])


def test_an_external_blob_that_is_overwritten_is_read_anew():
    ws = workspace(state=[1, 2])
    net = c2.Net("n")
    net.op("PlainDouble", "state", "next")
    net.op("PlainDouble", "next", "state")
    for k in range(1, 4):
        ws.run(net)
        np.testing.assert_array_equal(ws["state"], [4**k, 2 * 4**k])


def test_a_failing_kernel_names_its_operator_and_leaves_the_workspace_usable():
    ws = workspace(x=[1, 2])
    net = c2.Net("fails")
    net.op("Negative", "x", "y")
    net.op("Broken", "y", "z", name="third", after=1)
    ws.run(net)
    with pytest.raises(
        c2.KernelError, match=r"Broken 'third' \(net 'fails.*', op 1\): ZeroDivisionError: by the"
    ) as e:
        ws.run(net)
    assert isinstance(e.value.__cause__, ZeroDivisionError)
    np.testing.assert_array_equal(ws["y"], [-1, -2])
    ws.run_once(c2.create_op("Negative", "y", "w"))
    np.testing.assert_array_equal(ws["w"], [1, 2])


def test_a_seed_repeats_and_a_stream_goes_on():
    ws = workspace(x=np.zeros(4))

    def seeded():
        net = c2.Net("seeded")
        net.op("Noise", "x", "y", random_seed=7)
        return net

    ws.run_once(seeded())
    first = ws["y"]
    ws.run_once(seeded())
    np.testing.assert_array_equal(ws["y"], first)
    net = seeded()
    ws.run(net)
    np.testing.assert_array_equal(ws["y"], first)
    ws.run(net)
    assert (ws["y"] != first).any()


def test_missing_and_empty_inputs():
    ws = workspace(x=[1])
    net = c2.Net("n")
    net.op("Add", ["x", "absent"], "y")
    with pytest.raises(c2.MissingBlob, match="net 'n.*' needs blobs that do not exist: 'absent'"):
        ws.create(net)
    ws.blob("absent")
    with pytest.raises(c2.MissingBlob, match=r"input B 'absent' holds nothing yet"):
        ws.run(net)
    ws.feed("absent", np.array([2], np.float32))
    ws.run(net)
    np.testing.assert_array_equal(ws["y"], [3])


def test_shape_errors_name_the_rule_before_anything_runs():
    ws = workspace(x=np.ones((2, 3)), w=np.ones((4, 5)), b=np.ones(4))
    net = c2.Net("wrong")
    net.op("FC", ["x", "w", "b"], "y", name="fc1")
    expected = r"(?s)FC 'fc1' \(net 'wrong.*', op 0\).*expected 3, got 5.*W 'w' float32 \(4, 5\)"
    with pytest.raises(c2.SchemaError, match=expected):
        ws.run(net)


def test_the_memory_budget_is_asked_first(monkeypatch):
    ws = workspace(x=np.ones((100, 100)))
    net = c2.Net("big")
    net.op("Negative", "x", "y")
    monkeypatch.setenv("C2_MEMORY_BUDGET", "1000")
    with pytest.raises(c2.MemoryBudgetError, match="net 'big"):
        ws.run(net)
    monkeypatch.delenv("C2_MEMORY_BUDGET")
    ws.run(net)


def test_what_touches_files_is_refused_unless_allowed():
    registry = core_registry()
    registry.add_schema(
        OpSchema("ReadsFiles", outputs=[Tensor("Y")], allow="files", gradient=NoGradient.STOPS)
    )
    net = c2.Net("n")
    net.op("ReadsFiles", (), "y")
    with pytest.raises(c2.NotAllowed, match=r"touches files.*Workspace\(allow=\['files'\]\)"):
        c2.Workspace(registry=registry).create(net)
    with pytest.raises(c2.MissingKernel, match="no kernel for ReadsFiles on CPU"):
        c2.Workspace(registry=registry, allow=["files"]).run(net)
