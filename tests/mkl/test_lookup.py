"""Lookups, their gradients, sparse Adagrad and rows of codes, in both kinds of nets: formulas and the reference."""

import importlib.util
import re
from pathlib import Path

import numpy as np
import pytest

import c2
from c2.compile.net import CompiledNet
from c2.errors import SchemaError
from c2.execute.simple import RESTLESS, SimpleNet
from c2.graph.check import check_net
from c2.graph.op import create_op
from c2.place.choose import choose_kernel
from c2.registry import core_registry
from c2.registry.arguments import read_arguments
from c2.registry.spec import spec_of
from c2.testing.conformance import check_case, conformance_cases, operator_of
from c2_mkl.native.lookup import LOOKUPS
from c2_mkl.native.lookup_gradient import GRADIENTS
from c2_mkl.native.row_codes import DECODERS, ENCODERS
from c2_mkl.native.sparse_adagrad import UPDATES

CORE = core_registry()
TYPES = [*LOOKUPS, *GRADIENTS, *ENCODERS, *DECODERS, *UPDATES]
CASES = list(conformance_cases(CORE, ("float32", "float16"), types=TYPES))
REASONS = ("float32 only, not float16", "empty tensors", "sums in float32 only", "counter_halflife")


def net_of(registry, kind, blobs, *ops, threads=2, seen=()):
    """A net of either kind over these blobs, in a workspace of its own."""
    workspace = c2.Workspace(registry=registry)
    for name, value in blobs.items():
        workspace.feed(name, np.array(value))
    net = c2.Net("lookups")
    net.proto.op.extend(ops)
    net.proto.external_input.extend(blobs)
    made = {n for op in ops for n in op.output}
    net.proto.external_output.extend(sorted(made))
    checked = check_net(net.proto, registry)
    if kind == "simple":
        return workspace, SimpleNet(checked, workspace, registry)
    return workspace, CompiledNet(checked, workspace, registry, threads=threads)


def run(registry, kind, blobs, *ops, threads=2):
    workspace, net = net_of(registry, kind, blobs, *ops, threads=threads)
    net.run()
    return [workspace[n] for op in ops for n in op.output]


# -- every case of every operator


@pytest.mark.parametrize("one", CASES, ids=lambda one: one.id)
def test_case_in_simple_nets(registry, one):
    check_case(registry, one, engine="MKL")


@pytest.mark.parametrize("one", CASES, ids=lambda one: one.id)
def test_case_in_compiled_nets(registry, one):
    op, blobs = operator_of(CORE, one, "")
    results = run(registry, "compiled", blobs, op)
    expected = run(CORE, "simple", blobs, op)
    for result, wanted in zip(results, expected, strict=True):
        assert (result.shape, result.dtype) == (wanted.shape, wanted.dtype)
        np.testing.assert_allclose(result, wanted, 1e-5, 1e-6)


@pytest.mark.parametrize("type_", TYPES)
def test_a_kernel_declines_for_known_reasons_only(registry, type_):
    chosen = 0
    for one in (c for c in CASES if c.type == type_):
        op, blobs = operator_of(CORE, one, "")
        args, _, _ = read_arguments(CORE.schema(type_).arg_by_name, op.arg)
        choice = choose_kernel(
            registry, type_, "CPU", "", [spec_of(blobs[n]) for n in op.input], args
        )
        chosen += choice.kernel.engine == "MKL"
        for _, reason in choice.passed_over:
            assert any(r in reason for r in REASONS), reason
    assert chosen


# -- large tables by another formula


def rows_of(rng, kind, rows, width):
    """A table as the operator takes it, and its numbers in float64."""
    if kind in ("float32", "float16"):
        table = rng.standard_normal((rows, width)).astype(kind)
        return table, table.astype(float)
    bits = int(kind)
    codes = rng.integers(0, 2**bits, (rows, width))
    half = bits < 8
    pairs = np.stack([rng.uniform(0.01, 0.1, rows), rng.uniform(-1, 0, rows)], 1)
    pairs = pairs.astype(np.float16 if half else np.float32)
    per_byte = 8 // bits
    parts = codes.reshape(rows, -1, per_byte) << (bits * np.arange(per_byte))
    packed = np.concatenate([parts.sum(2).astype(np.uint8), pairs.view(np.uint8)], 1)
    scale, bias = pairs[:, :1].astype(float), pairs[:, 1:].astype(float)
    return packed, codes * scale + bias


def lookup_type(kind, what):
    return f"SparseLengths{what}" + ("" if kind.startswith("float") else f"Fused{kind}BitRowwise")


@pytest.mark.parametrize("net", ["simple", "compiled"])
@pytest.mark.parametrize("what", ["Sum", "Mean", "WeightedSum"])
@pytest.mark.parametrize("kind", ["float32", "float16", "8", "4", "2"])
@pytest.mark.parametrize("width", [4, 16, 20, 64, 72, 128, 200, 332])
def test_sums_of_any_width(registry, kind, what, width, net):
    rng = np.random.default_rng(width)
    table, numbers = rows_of(rng, kind, 300, width)
    lengths = rng.integers(0, 40, 50).astype(np.int32)
    lengths[[0, 7, 49]] = 0
    K = int(lengths.sum())
    indices = rng.integers(0, 300, K).astype(np.int32 if width % 3 else np.int64)
    weights = rng.standard_normal(K).astype(np.float32)
    picked = np.zeros((50, K))
    picked[np.repeat(np.arange(50), lengths), np.arange(K)] = weights if what[0] == "W" else 1
    if what == "Mean":
        picked /= np.maximum(lengths, 1)[:, None]
    blobs = {"T": table, "W": weights, "I": indices, "L": lengths}
    names = ["T", "W", "I", "L"] if what[0] == "W" else ["T", "I", "L"]
    op = create_op(lookup_type(kind, what), names, ["Y"])
    (Y,) = run(registry, net, blobs, op)
    np.testing.assert_allclose(Y, picked @ numbers[indices], 2e-5, 2e-5)


@pytest.mark.parametrize("net", ["simple", "compiled"])
def test_infinities_and_nan_stay(registry, net):
    table = np.array([[np.inf] * 20, [np.nan] * 20, [-np.inf] * 20, [1e-42] * 20], np.float32)
    for dtype in (np.float32, np.float16):
        blobs = {"T": table.astype(dtype), "I": np.array([0, 1, 2, 3]), "L": np.ones(4, np.int32)}
        (Y,) = run(registry, net, blobs, create_op("SparseLengthsSum", ["T", "I", "L"], ["Y"]))
        np.testing.assert_array_equal(Y, blobs["T"].astype(np.float32))


def test_every_half_is_the_float_that_numpy_says(registry):
    halves = np.arange(2**16, dtype=np.uint16).view(np.float16).reshape(-1, 16)
    blobs = {"T": halves, "I": np.arange(len(halves)), "L": np.ones(len(halves), np.int32)}
    (Y,) = run(registry, "compiled", blobs, create_op("SparseLengthsSum", ["T", "I", "L"], ["Y"]))
    np.testing.assert_array_equal(Y, halves.astype(np.float32))
    odd = {**blobs, "T": halves[:, :5].copy()}
    (Y,) = run(registry, "compiled", odd, create_op("SparseLengthsSum", ["T", "I", "L"], ["Y"]))
    np.testing.assert_array_equal(Y, halves[:, :5].astype(np.float32))


@pytest.mark.parametrize("type_", ENCODERS)
@pytest.mark.parametrize("width", [4, 64, 100, 520])
def test_codes_are_the_reference_kernels_bytes(registry, type_, width):
    rng = np.random.default_rng(width)
    X = rng.standard_normal((40, width)) * 10.0 ** rng.integers(-4, 4, (40, 1))
    X[0], X[1, 2], X[2, 3], X[3, 0] = 3, np.nan, np.inf, -np.inf
    X = X.astype(np.float16 if type_.startswith("Half") else np.float32)
    op = create_op(type_, ["X"], ["Y"])
    (expected,) = run(CORE, "simple", {"X": X}, op)
    finite = np.isfinite(X).all(1)
    for net in ("simple", "compiled"):
        (Y,) = run(registry, net, {"X": X}, op)
        np.testing.assert_array_equal(Y[finite], expected[finite])
        codes = width * int(type_[type_.index("Bit") - 1]) // 8
        np.testing.assert_array_equal(Y[:, :codes], expected[:, :codes])


# -- threads, order, errors


def batch(rng, K=20_000, bags=700, rows=3000, width=64):
    lengths = rng.multinomial(K, rng.dirichlet(np.full(bags, 0.2))).astype(np.int32)
    return {
        "T": rng.standard_normal((rows, width)).astype(np.float32),
        "I": rng.integers(0, rows, K), "L": lengths, "W": rng.standard_normal(K).astype(np.float32),
        "dY": rng.standard_normal((bags, width)).astype(np.float32),
    }  # fmt: skip


def test_any_number_of_threads_gives_the_same_bits(registry):
    blobs = batch(np.random.default_rng(5))
    both = "SparseLengthsIndicesInGradientWeightedSumWithMainInputGradient"
    ops = [
        create_op("SparseLengthsWeightedSum", ["T", "W", "I", "L"], ["Y"]),
        create_op(both, ["W", "dY", "L", "T", "I"], ["dX", "dW"]),
    ]
    one, two, three = (run(registry, "compiled", blobs, *ops, threads=n) for n in (1, 2, 3))
    for a, b, c in zip(one, two, three):
        np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(a, c)


@pytest.mark.parametrize("type_", UPDATES)
@pytest.mark.parametrize("width", [1, 20, 64])
def test_rows_named_twice_are_updated_in_turn(registry, type_, width):
    rng = np.random.default_rng(width)
    rows, K = 50, 4000
    indices = rng.integers(0, rows, K)
    blobs = {
        "w": rng.standard_normal((rows, width)).astype(np.float32),
        "h": np.ones((rows, width) if type_ == "SparseAdagrad" else rows, np.float32),
        "i": indices, "g": rng.standard_normal((K, width)).astype(np.float32),
        "lr": np.array([-0.1], np.float32),
    }  # fmt: skip
    w, h = blobs["w"].astype(float), blobs["h"].astype(float)
    for i, g in zip(indices, blobs["g"].astype(float)):
        g = g + 0.01 * w[i]
        h[i] += g**2 if type_ == "SparseAdagrad" else (g**2).mean()
        w[i] += -0.1 * g / (np.sqrt(h[i]) + 1e-5)
    op = create_op(type_, ["w", "h", "i", "g", "lr"], ["w", "h"], weight_decay=0.01)
    found = [run(registry, "compiled", blobs, op, threads=n) for n in (1, 2, 3)]
    found.append(run(registry, "simple", blobs, op))
    for new_w, new_h in found:
        np.testing.assert_allclose(new_w, w, 1e-3, 1e-4)
        np.testing.assert_allclose(new_h, h, 1e-3)
        np.testing.assert_array_equal(new_w, found[0][0])
        np.testing.assert_array_equal(new_h, found[0][1])


def wrong_inputs():
    T = np.arange(40, dtype=np.float32).reshape(10, 4)
    good = {"T": T, "I": np.array([1, 2, 3]), "L": np.array([1, 2], np.int32)}
    plain = ["T", "I", "L"]
    yield "index", "SparseLengthsSum", plain, {**good, "I": np.array([1, 10, 3])}
    yield "negative index", "SparseLengthsMean", plain, {**good, "I": np.array([1, -1, 3])}
    narrow = np.array([2**31 - 1, -(2**31), 3], np.int32)
    yield "wild index", "SparseLengthsSum", plain, {**good, "I": narrow}
    yield "wild wide index", "SparseLengthsSum", plain, {**good, "I": np.array([2**63 - 1, 0, 1])}
    yield "short", "SparseLengthsSum", plain, {**good, "L": np.array([1, 1], np.int32)}
    yield "long", "SparseLengthsSum", plain, {**good, "L": np.array([3, 1], np.int32)}
    yield "negative length", "SparseLengthsSum", plain, {**good, "L": np.array([4, -1], np.int32)}
    overflow = np.full(2, 2**31 - 1, np.int32)
    yield "overflow", "SparseLengthsSum", plain, {**good, "L": overflow}
    fused = {**good, "T": np.zeros((10, 24), np.uint8)}
    yield "fused", "SparseLengthsSumFused8BitRowwise", plain, {**fused, "I": np.array([0, 0, 11])}
    mapped = {**fused, "M": np.array([0, -1, 10, 2], np.int32)}
    pruned = "SparseLengthsSum8BitRowwiseSparse"
    yield "mapped", pruned, [*plain, "M"], mapped
    yield "behind the mapping", pruned, [*plain, "M"], {**mapped, "I": np.array([0, 1, 4])}
    weights = {**good, "W": np.ones(1, np.float32)}
    positional = "SparseLengthsPositionalWeightedSum"
    yield "short weights", positional, ["T", "W", "I", "L"], weights
    gradient = {"dY": T[:2], "L": np.array([1, 3], np.int32), "I": np.array([1, 2, 3])}
    type_ = "SparseLengthsIndicesInGradientSumGradient"
    yield "gradient", type_, ["dY", "L", "I"], gradient
    both = {"W": np.ones(3, np.float32), "dY": T[:2], "L": good["L"], "T": T}
    type_ = "SparseLengthsIndicesInGradientWeightedSumWithMainInputGradient"
    yield "both", type_, ["W", "dY", "L", "T", "I"], {**both, "I": np.array([1, 12, 3])}
    yield "gather", "GatherFused8BitRowwise", ["T", "I"], {**fused, "I": np.array([1, 10])}


def said(found):
    """The text of an error, without the net's name and without what blobs held."""
    return re.sub(r"lookups\w*", "lookups", str(found.value)).splitlines()[:2]


@pytest.mark.parametrize("net", ["simple", "compiled"])
@pytest.mark.parametrize(
    ("type_", "names", "blobs"),
    [w[1:] for w in wrong_inputs()],
    ids=[w[0].replace(" ", "-") for w in wrong_inputs()],
)
def test_wrong_values_are_the_reference_kernels_errors(registry, net, type_, names, blobs):
    outputs = ["Y", "Z"][: 1 + type_.endswith("MainInputGradient")]
    op = create_op(type_, names, outputs)
    with pytest.raises(SchemaError) as expected:
        run(CORE, "simple", blobs, op)
    with pytest.raises(SchemaError) as found:
        run(registry, net, blobs, op)
    assert said(found) == said(expected)


@pytest.mark.parametrize("net", ["simple", "compiled"])
def test_a_refused_update_changes_nothing(registry, net):
    w = np.ones((4, 20), np.float32)
    blobs = {"w": w, "h": w, "i": np.array([0, 1, 4]), "g": w[:3], "lr": np.ones(1, np.float32)}
    op = create_op("SparseAdagrad", ["w", "h", "i", "g", "lr"], ["w", "h"])
    workspace, made = net_of(registry, net, blobs, op)
    with pytest.raises(SchemaError, match="indices must be rows of param"):
        made.run()
    np.testing.assert_array_equal(workspace["w"], w)
    np.testing.assert_array_equal(workspace["h"], w)


def test_the_right_operator_of_several_is_named(registry):
    T = np.ones((3, 16), np.float32)
    blobs = {"T": T, "L": np.array([1], np.int32), "good": np.array([0]), "bad": np.array([3])}
    ops = [create_op("SparseLengthsSum", ["T", n, "L"], [f"Y_{n}"]) for n in ("good", "bad")]
    with pytest.raises(SchemaError, match="'Y_bad'.*op 1"):
        run(registry, "compiled", blobs, *ops)


# -- sizes that change


def pooled(T, I, L):
    return np.array([T[part].sum(0) for part in np.split(I, np.cumsum(L)[:-1])])


@pytest.mark.parametrize("kind", ["simple", "compiled"])
def test_other_numbers_of_indices_at_every_run(registry, kind):
    rng = np.random.default_rng(2)
    T = rng.standard_normal((30, 16)).astype(np.float32)
    blobs = {
        "T": T,
        "I": np.array([0]),
        "W": np.ones(1, np.float32),
        "L": np.array([1, 0], np.int32),
    }
    ops = [
        create_op("SparseLengthsWeightedSum", ["T", "W", "I", "L"], ["Y"]),
        create_op("Relu", ["Y"], ["Z"]),
    ]
    workspace, net = net_of(registry, kind, blobs, *ops)
    bound = []
    for K in [1, 5, 0, 7, 3, 12, 2, 9, 4, 11, 13, 6]:
        lengths = np.array([K // 3, K - K // 3], np.int32)
        indices = rng.integers(0, 30, K)
        workspace.feed("I", indices)
        workspace.feed("W", np.full(K, 2, np.float32))
        workspace.feed("L", lengths)
        net.run()
        expected = np.maximum(2 * pooled(T, indices, lengths), 0)
        np.testing.assert_allclose(workspace["Z"], expected, 1e-5, 1e-6)
        bound.append(net.compiled if kind == "compiled" else net.bound)
    assert bound[-1] <= (1 if kind == "compiled" else 1 + RESTLESS)


@pytest.mark.parametrize("kind", ["simple", "compiled"])
def test_sizes_that_do_not_fit_are_refused_at_later_runs_too(registry, kind):
    T = np.ones((30, 16), np.float32)
    blobs = {"T": T, "I": np.array([0]), "W": np.ones(1, np.float32), "L": np.array([1], np.int32)}
    op = create_op("SparseLengthsWeightedSum", ["T", "W", "I", "L"], ["Y"])
    workspace, net = net_of(registry, kind, blobs, op)
    net.run()
    for K in (4, 3, 5):
        workspace.feed("I", np.zeros(K, np.int64))
        workspace.feed("L", np.array([K], np.int32))
        with pytest.raises(SchemaError, match="SCALARS must have one element per index"):
            net.run()
        workspace.feed("W", np.ones(K, np.float32))
        net.run()
        np.testing.assert_array_equal(workspace["Y"], np.full((1, 16), K))


def test_indices_that_others_read_too_are_compiled_anew(registry):
    T = np.ones((30, 16), np.float32)
    blobs = {"T": T, "I": np.array([0, 1]), "L": np.array([2], np.int32)}
    ops = [
        create_op("SparseLengthsSum", ["T", "I", "L"], ["Y"]),
        create_op("Copy", ["I"], ["J"]),
    ]
    workspace, net = net_of(registry, "compiled", blobs, *ops)
    for K in (2, 4):
        workspace.feed("I", np.arange(K))
        workspace.feed("L", np.array([K], np.int32))
        net.run()
        np.testing.assert_array_equal(workspace["J"], np.arange(K))
        np.testing.assert_array_equal(workspace["Y"], np.full((1, 16), K))


# -- real Caffe2's values


def answers():
    path = Path(__file__).parents[1] / "golden" / "answers.py"
    spec = importlib.util.spec_from_file_location("answers_of_caffe2", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


ANSWERS = answers()
TOLD = [
    (name, k, case)
    for name in ("segment", "lookup", "quantized_embedding")
    for k, case in enumerate(ANSWERS.read_answers(ANSWERS.DATA / f"{name}.npz")[0])
    if case["type"] in TYPES
]


@pytest.mark.parametrize(
    "case", [c for *_, c in TOLD], ids=[f"{name}-{k}-{c['type']}" for name, k, c in TOLD]
)
def test_gives_what_caffe2_gave(registry, case):
    ANSWERS.check_answer(registry, case)
