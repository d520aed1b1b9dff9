"""Engines chosen by measuring, on back ends whose costs are known, and the cache of what was measured."""

import json
import sys
from importlib.machinery import EXTENSION_SUFFIXES
from types import ModuleType

import numpy as np
import pytest

import c2
from c2.compile.net import CompiledNet
from c2.compile.tuning.cache import TuningCache, cache_for, clear, folder
from c2.compile.tuning.mode import CACHED, OFF, TIME, mode_of
from c2.compile.tuning.setting import compiled_parts, setting_of
from c2.errors import TuningError
from c2.graph.check import check_net
from c2.registry import OpSchema, Tensor, core_registry, kernel, native, same_as

SHORT, LONG = 1_000, 200_000  # turns of a loop: microseconds, and about a hundred times as many
SETTING = {"processor": "of a test"}


@pytest.fixture(autouse=True)
def cache_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("C2_TUNE_CACHE", str(tmp_path))
    monkeypatch.delenv("C2_TUNE", raising=False)
    return tmp_path


def registry_with(*builders, engines):
    module = ModuleType("back_ends_in_a_race")
    for k, builder in enumerate(builders):
        builder.__module__ = module.__name__
        setattr(module, f"builder{k}", builder)
    registry = core_registry()
    registry.add_module(module, "tests")
    registry.prefer_engines(engines)
    return registry


@pytest.fixture
def two_engines(waiting):
    """SLOW, asked first, and QUICK, both for Relu and for Add of equal shapes."""

    def offering(engine, turns):
        @native("Relu", "Add", engine=engine)
        def build(request):
            if request.post:
                return "fuses nothing"
            return waiting(request.outputs[0].size, turns, len(request.inputs))

        return build

    return registry_with(
        offering("SLOW", LONG), offering("QUICK", SHORT), engines=["SLOW", "QUICK"]
    )


def relus(count=2, **args):
    net = c2.Net("relus")
    for k in range(count):
        net.op("Relu", f"b{k}", f"b{k + 1}", **args)
    net.add_external_output(f"b{count}")
    return net


def compiled(registry, net, tune=True, keep=(), **blobs):
    workspace = c2.Workspace(registry=registry)
    for name, value in (blobs or {"b0": np.linspace(-1, 1, 12, dtype=np.float32)}).items():
        workspace.feed(name, value)
    checked = check_net(net.proto, registry)
    return CompiledNet(checked, workspace, registry, tune=tune, threads=1, keep=keep), workspace


def engines_of(made):
    return [stage.engine for stage in made.program().stages]


def test_the_faster_engine_is_chosen(two_engines):
    made, workspace = compiled(two_engines, relus())
    made.run()
    assert engines_of(made) == ["QUICK", "QUICK"]
    np.testing.assert_array_equal(workspace["b2"], np.linspace(-1, 1, 12, dtype=np.float32).clip(0))
    report = made.program().tuned.report()
    assert report["used"]
    assert report["seconds"]["tuned"] < report["seconds"]["untuned"]
    for row in report["operators"]:
        assert [one["engine"] for one in row["candidates"]] == ["QUICK", "SLOW"]
        assert row["candidates"][0]["seconds"] < row["candidates"][1]["seconds"]
        assert row["chosen"]["engine"] == "QUICK"


def test_without_asking_engines_serve_in_their_order(two_engines, monkeypatch):
    for tune in (None, False):
        made, _ = compiled(two_engines, relus(), tune)
        assert engines_of(made) == ["SLOW", "SLOW"]
        assert made.program().tuned is None
    monkeypatch.setenv("C2_TUNE", "1")
    assert engines_of(compiled(two_engines, relus(), None)[0]) == ["QUICK", "QUICK"]


def test_alike_operators_are_timed_once_and_remembered(two_engines, cache_folder):
    first = compiled(two_engines, relus())[0].program().tuned
    assert (first.timed, first.known) == (2, 1), "one race for both, and the whole net"
    (path,) = cache_folder.glob("*.json")
    content = json.loads(path.read_text())
    assert content["format"] == 1
    assert content["setting"]["processor"]
    assert {entry["key"].get("type") for entry in content["entries"].values()} == {"Relu", None}
    again = compiled(two_engines, relus())[0].program().tuned
    assert again.timed == 0
    assert again.rows == first.rows


def test_cached_choices_need_no_race(two_engines):
    unknown, _ = compiled(two_engines, relus(), "cached")
    assert engines_of(unknown) == ["SLOW", "SLOW"]
    assert "c2 tune" in unknown.program().tuned.why
    compiled(two_engines, relus())[0].program()
    known, _ = compiled(two_engines, relus(), "cached")
    assert engines_of(known) == ["QUICK", "QUICK"]
    assert known.program().tuned.timed == 0


def test_other_shapes_threads_and_engines_are_other_races(two_engines):
    compiled(two_engines, relus())[0].program()
    for change in ("shape", "engines", "none"):
        blobs = {"b0": np.zeros(13 if change == "shape" else 12, np.float32)}
        if change == "engines":
            two_engines.prefer_engines(["QUICK", "SLOW"])
        made, _ = compiled(two_engines, relus(), **blobs)
        assert (made.program().tuned.timed == 0) == (change == "none"), change
        two_engines.prefer_engines(["SLOW", "QUICK"])


def test_blobs_that_are_updated_in_place_keep_their_content(two_engines):
    net = c2.Net("update")
    net.op("Add", ["x", "step"], "x")
    net.op("Relu", "x", "y")
    net.add_external_output("y")
    x, step = np.full(8, 1, np.float32), np.full(8, 2, np.float32)
    made, workspace = compiled(two_engines, net, x=x, step=step)
    program = made.program()
    np.testing.assert_array_equal(workspace["x"], x)
    assert [s.engine for s in program.stages] == ["QUICK", "QUICK"]
    made.run()
    np.testing.assert_array_equal(workspace["x"], x + step)
    np.testing.assert_array_equal(workspace["y"], x + step)


def test_operators_of_python_do_not_run_in_a_race(two_engines):
    runs = []
    counted = OpSchema(
        "Counted", doc="Y = X, and says that it ran.", inputs=[Tensor("X", "any shape")],
        outputs=[Tensor("Y", "as X")], infer=same_as("X"),
    )  # fmt: skip

    @kernel(counted)
    def counted_kernel(xp, X, *, out=None):
        runs.append(1)
        return xp.add(X, 0, out=out)

    module = ModuleType("counting")
    counted_kernel.__module__ = module.__name__
    module.counted, module.counted_kernel = counted, counted_kernel
    two_engines.add_module(module, "tests")
    net = c2.Net("counted")
    net.op("Relu", "x", "h")
    net.proto.op.add(type="Counted", input=["h"], output=["k"])
    net.op("Relu", "k", "y")
    net.add_external_output("y")
    made, workspace = compiled(two_engines, net, x=np.float32([-1, 2]))
    assert engines_of(made) == ["QUICK", "", "QUICK"]
    assert runs == []
    made.run()
    assert runs == [1]
    np.testing.assert_array_equal(workspace["y"], [0, 2])


def test_an_engine_has_several_ways_and_only_the_chosen_one_is_built(waiting):
    built = []

    @native("Relu", engine="MANY")
    def build(request):
        turns = {"long": LONG, "short": SHORT}
        wanted = [n for n in turns if request.way in (None, n)] if request.every else ["long"]
        built.append(wanted)
        made = [waiting(request.inputs[0].size, turns[n], label=n) for n in wanted]
        return made if request.every else made[0]

    registry = registry_with(build, engines=["MANY"])
    made, _ = compiled(registry, relus(1))
    assert [s.native.label for s in made.program().stages] == ["short"]
    assert built[-1] == ["short"]
    assert engines_of(compiled(registry, relus(1), tune=False)[0]) == ["MANY"]
    assert built[-1] == ["long"]


def test_a_fused_operator_comes_apart_where_that_is_faster(waiting):
    @native("Add", engine="WHOLE")
    def build_whole(request):
        return waiting(request.outputs[0].size, 4 * LONG, 2) if request.post else "fused ones only"

    @native("Add", "Relu", engine="PARTS")
    def build_parts(request):
        if request.post:
            return "fuses nothing"
        return waiting(request.outputs[0].size, SHORT, len(request.inputs))

    net = c2.Net("sum")
    net.op("Add", ["a", "b"], "s")
    net.op("Relu", "s", "y")
    net.add_external_output("y")
    registry = registry_with(build_whole, build_parts, engines=["WHOLE", "PARTS"])
    blobs = {"a": np.float32([-3, 1]), "b": np.float32([1, 1])}
    assert engines_of(compiled(registry, net, tune=False, **blobs)[0]) == ["WHOLE"]
    made, workspace = compiled(registry, net, **blobs)
    made.run()
    assert engines_of(made) == ["PARTS", "PARTS"]
    np.testing.assert_array_equal(workspace["y"], [1, 2])  # the test kernel adds to max(a, 0)


def test_precision_stays(waiting, monkeypatch):
    """The kernel of the precision asked for races with its like, never with a faster one of another precision."""

    @native("Relu", engine="BOTH", precision="bf16")
    def build_reduced(request):
        return waiting(request.inputs[0].size, LONG)

    @native("Relu", engine="BOTH")
    def build_full(request):
        return waiting(request.inputs[0].size, SHORT)

    registry = registry_with(build_reduced, build_full, engines=["BOTH"])
    for precision, engine in ((None, "BOTH"), ("bf16", "BOTH bf16")):
        workspace = c2.Workspace(registry=registry)
        workspace.feed("b0", np.ones(4, np.float32))
        made = CompiledNet(
            check_net(relus().proto, registry), workspace, registry, tune=True, precision=precision
        )
        assert engines_of(made) == [engine, engine]
        (one, _) = made.program().tuned.rows
        assert [c["engine"] for c in one["candidates"]] == [engine]


def test_what_fails_on_made_up_inputs_is_not_preferred(registry, waiting):
    @native("Sub", engine="OTHER")
    def build_other(request):
        return waiting(request.inputs[0].size, SHORT, 2)

    build_other.__module__ = "other"
    module = ModuleType("other")
    module.build_other = build_other
    registry.add_module(module, "tests")
    registry.prefer_engines(["OTHER", "TEST"])  # TEST's kernel for Sub always fails
    net = c2.Net("sub")
    net.op("Sub", ["a", "b"], "y")
    net.add_external_output("y")
    made, _ = compiled(registry, net, a=np.float32([1]), b=np.float32([1]))
    made.run()
    assert engines_of(made) == ["OTHER"]
    rows = made.program().tuned.rows[0]["candidates"]
    assert [(one["engine"], one["seconds"] is None) for one in rows] == [
        ("OTHER", False), ("TEST", True)
    ]  # fmt: skip
    registry.prefer_engines(["TEST", "OTHER"])
    made, _ = compiled(registry, net, a=np.float32([1]), b=np.float32([1]))
    assert engines_of(made) == ["TEST"], "nothing is known about the one that is asked first"


def test_a_predictor_takes_it_along(two_engines):
    predict = c2.Predictor(c2.Net("init"), relus(), registry=two_engines, tune=True, threads=1)
    x = np.float32([-1, 1])
    np.testing.assert_array_equal(predict(b0=x)["b2"], [0, 1])
    assert [s.engine for s in predict.program(b0=x).stages] == ["QUICK", "QUICK"]


# -- what the caller asks for


@pytest.mark.parametrize(
    ("wanted", "mode"),
    [(True, TIME), (False, OFF), ("cached", CACHED), ("1", TIME), ("0", OFF), ("on", TIME)],
)
def test_modes(wanted, mode):
    assert mode_of(relus().proto, wanted) == mode


def test_the_caller_goes_before_the_net_and_the_net_before_the_environment(monkeypatch):
    net = relus()
    monkeypatch.setenv("C2_TUNE", "cached")
    assert mode_of(net.proto, None) == CACHED
    net.proto.arg.add(name="tune", i=1)
    assert mode_of(net.proto, None) == TIME
    assert mode_of(net.proto, False) == OFF
    monkeypatch.setenv("C2_TUNE", "soon")
    with pytest.raises(TuningError, match=r"C2_TUNE=soon: expected 1 .*, cached .* or 0"):
        mode_of(relus().proto, None)


# -- the cache


KEY, RESULT = {"type": "Relu", "threads": 1}, {"seconds": 0.5}


def test_what_is_saved_is_read_again(cache_folder):
    one = TuningCache(SETTING, cache_folder)
    assert one.get(KEY) is None
    one.put(KEY, RESULT)
    one.save()
    assert TuningCache(SETTING, cache_folder).get(KEY) == RESULT
    assert TuningCache({"processor": "another"}, cache_folder).get(KEY) is None


def test_processes_keep_what_others_wrote(cache_folder):
    one, two = (TuningCache(SETTING, cache_folder) for _ in range(2))
    one.put({"type": "A"}, RESULT)
    two.put({"type": "B"}, RESULT)
    one.save()
    two.save()
    found = TuningCache(SETTING, cache_folder)
    assert found.get({"type": "A"}) == found.get({"type": "B"}) == RESULT
    assert [p.suffix for p in cache_folder.iterdir()] == [".json"], "nothing is left beside it"


@pytest.mark.parametrize(
    "content",
    [
        b"", b"{", b"\xff\x00", b"[]", b'{"format": 2}', b'{"format": 1, "setting": {}, "entries": {}}',
        b'{"format": 1, "setting": {"processor": "of a test"}, "entries": {"a": 3}}',
        b"[" * 100_000,
    ],
)  # fmt: skip
def test_foreign_and_damaged_files_are_ignored_with_a_warning(cache_folder, caplog, content):
    path = TuningCache(SETTING, cache_folder).path
    path.write_bytes(content)
    cache = TuningCache(SETTING, cache_folder)
    assert "is ignored" in caplog.text
    cache.put(KEY, RESULT)
    cache.save()
    assert TuningCache(SETTING, cache_folder).get(KEY) == RESULT


def test_damaged_results_are_measured_again(two_engines, cache_folder):
    compiled(two_engines, relus())[0].program()
    (path,) = cache_folder.glob("*.json")
    content = json.loads(path.read_text())
    for entry in content["entries"].values():
        entry["result"] = {"candidates": [{"engine": "QUICK"}]}
    clear()
    path.write_text(json.dumps(content))
    assert engines_of(compiled(two_engines, relus())[0]) == ["QUICK", "QUICK"]


def test_a_folder_that_cannot_be_written_costs_only_the_memory(tmp_path, caplog):
    (tmp_path / "file").write_text("")
    cache = TuningCache(SETTING, tmp_path / "file" / "folder")
    cache.put(KEY, RESULT)
    cache.save()
    assert "cannot be written" in caplog.text
    assert cache.get(KEY) == RESULT


def test_clear(two_engines, cache_folder):
    compiled(two_engines, relus())[0].program()
    (path,) = cache_folder.glob("*.json")
    assert clear() == [path]
    assert not path.exists()
    assert compiled(two_engines, relus())[0].program().tuned.timed == 2


def test_where_the_files_are(monkeypatch, tmp_path):
    assert folder() == tmp_path
    monkeypatch.setenv("C2_TUNE_CACHE", "0")
    assert folder() is None
    monkeypatch.delenv("C2_TUNE_CACHE")
    monkeypatch.setenv("C2_CACHE", str(tmp_path / "c2"))
    assert folder() == tmp_path / "c2" / "tuning"
    monkeypatch.delenv("C2_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert folder() == tmp_path / "xdg" / "c2" / "tuning"


def test_without_files_the_process_still_remembers(two_engines, monkeypatch):
    monkeypatch.setenv("C2_TUNE_CACHE", "0")
    clear()
    assert compiled(two_engines, relus())[0].program().tuned.timed == 2
    assert compiled(two_engines, relus())[0].program().tuned.timed == 0
    assert cache_for(setting_of(two_engines)).path is None


def test_a_part_that_was_compiled_again_is_another_setting(tmp_path, monkeypatch):
    package = ModuleType("back_end")
    package.__path__ = [str(tmp_path)]
    monkeypatch.setitem(sys.modules, "back_end", package)
    kernels = ModuleType("back_end.kernels")
    found = [compiled_parts([kernels])]
    (tmp_path / "inner").mkdir()
    for content in (b"first", b"second"):
        (tmp_path / "inner" / f"_part{EXTENSION_SUFFIXES[0]}").write_bytes(content)
        found.append(compiled_parts([kernels]))
    assert len(set(found)) == 3
    (tmp_path / "notes.txt").write_text("no part")
    assert compiled_parts([kernels]) == found[-1]


def test_the_setting_tells_compiled_parts(two_engines):
    assert setting_of(two_engines)["c2-core: compiled"] == compiled_parts([c2])
