"""Elementwise operators where their cases do not reach: errors, edge values, gradients with fixed float32."""

import math
from functools import partial

import numpy as np
import pytest

from c2.autodiff.maker import GradientContext
from c2.errors import GradientError
from c2.execute.call import make_call
from c2.graph.op import create_op
from c2.ops.math.erf import erf
from c2.registry import CPUDevice, Mismatch, TensorSpec, core_registry
from c2.testing.run import run_op, run_ops

REGISTRY = core_registry()


def run(type_, *inputs, outputs=1, in_place=(), **args):
    names = [f"in{k}" for k in range(len(inputs))]
    made = [names[in_place[k]] if k < len(in_place) else f"out{k}" for k in range(outputs)]
    op = create_op(type_, names, made, **args)
    results = run_op(REGISTRY, op, dict(zip(names, map(np.asarray, inputs))))
    return results[0] if outputs == 1 else results


def f32(*values):
    return np.array(values, np.float32)


@pytest.mark.parametrize(
    ("type_", "shapes", "args", "message"),
    [
        ("Add", [(2, 3), (2,)], {}, "equal sizes on each axis from the back.*broadcast=1"),
        ("Add", [(2,), (2, 3)], {"broadcast": 1}, "B must not have more axes than A"),
        ("Add", [(2, 3), (2,)], {"broadcast": 1}, "sizes of A from axis 1 on"),
        ("Mul", [(2, 3, 4), (2, 1, 4)], {"broadcast": 1, "axis": 0}, "sizes of A from axis 0 on"),
        ("Mul", [(2, 3), (3,)], {"broadcast": 1, "axis": 2}, "axis must leave room.*0 <= axis <= 1, got 2"),
        ("Mul", [(2, 3), (3,)], {"broadcast": 1, "axis": -2}, "axis must leave room"),
        ("EQ", [(2, 3), (3,)], {"broadcast": 1, "axis": 1, "axis_str": "C"}, "not be given together"),
        ("Or", [(2, 3), (3,)], {"broadcast": 1, "axis_str": "Q"}, "one letter of order.*NCHW, got Q"),
        ("AddGradient", [(3,), (2, 3), (3,)], {}, "the shape of the result of A and B"),
        ("ReluGradient", [(3,), (2, 3)], {}, "dY must have the shape of Y"),
        ("Sum", [(3,), (2, 3)], {}, r"X\[1\] must have the shape of X\[0\]"),
        ("Max", [(3,), (3,), (1,)], {}, r"X\[2\] must have the shape of X\[0\]"),
        ("WeightedSum", [(3,), (2,)], {}, r"w\[0\] must have one element|w must have one element"),
        ("RowMul", [(3, 2), (2,)], {}, "one number per row of mat"),
        ("SquareRootDivide", [(3, 2), (2,)], {}, "one number per row of data"),
        ("Pow", [(3,), (1,)], {}, "exponent must have the shape of X"),
        ("PRelu", [(2, 3), (2,)], {}, "1 element or one per channel"),
        ("Glu", [(2, 3)], {}, "axis 1 of X must have an even length"),
        ("Logit", [(3,)], {"eps": 0.6}, "eps must be below 0.5"),
        ("Selu", [(3,)], {"scale": 0.5}, "scale must be above 1"),
        ("ReluN", [(3,)], {"n": -1.0}, "n must be above 0"),
        ("EnsureClipped", [(3, 2), (2,), (2, 3)], {}, "grad must have one row of param per index"),
    ],
)  # fmt: skip
def test_rules_between_shapes(type_, shapes, args, message):
    dtypes = {"Or": bool}
    arrays = [np.ones(s, dtypes.get(type_, np.float32)) for s in shapes]
    if type_ == "EnsureClipped":
        arrays[1] = arrays[1].astype(np.int64)
    with pytest.raises(Mismatch) as error:
        run(type_, *arrays, **args)
    assert_matches(message, str(error.value))


def assert_matches(pattern, text):
    import re

    assert re.search(pattern, text, re.DOTALL), text


def test_dtypes_are_not_promoted():
    for type_ in ("Add", "EQ", "Sum", "Mean"):
        with pytest.raises(Mismatch, match="dtype"):
            run(type_, f32(1), np.array([1.0]))


def test_a_divisor_of_zero_is_refused():
    with pytest.raises(Mismatch, match="divisor must not be 0"):
        run("Mod", np.array([1]), divisor=0)


def test_where_needs_a_condition_that_fits():
    X = np.ones((2, 3))
    with pytest.raises(Mismatch, match="C must have the shape of X"):
        run("Where", np.ones(2, bool), X, X)
    with pytest.raises(Mismatch, match="one bool per row of X"):
        run("Where", np.ones(3, bool), X, X, broadcast_on_rows=1)
    with pytest.raises(Mismatch, match="Condition must have 1 axis"):
        run("Conditional", np.ones((2, 1), bool), X, X)


def test_not_finite_is_found_with_its_place():
    X = np.ones((2, 3), np.float32)
    X[1, 2] = np.nan
    for type_, outputs in (("NanCheck", 1), ("EnforceFinite", 0)):
        with pytest.raises(FloatingPointError, match=r"\[1, 2\] is nan, and 1 of 6"):
            run(type_, X, outputs=outputs)
    assert run("NanCheck", f32(1, 2), f32(np.inf)).tolist() == [1, 2]


def test_scales_below_zero_are_refused():
    for bad in (-4.0, np.nan):
        with pytest.raises(ValueError, match=r"scale\[1\] is"):
            run("SquareRootDivide", np.ones((2, 2)), np.array([1.0, bad]))


def test_numbers_of_blobs():
    check = {
        t: REGISTRY.schema(t).check
        for t in ("Pow", "WeightedSum", "WeightedSumGradient", "ScaleBlobs")
    }
    assert "exponent must be given" in check["Pow"](1, 1, {"exponent": None})
    assert check["Pow"](1, 1, {"exponent": 0.0}) is None
    assert check["Pow"](2, 1, {"exponent": None}) is None
    assert "even number, got 3" in check["WeightedSum"](3, 1, {})
    assert check["WeightedSumGradient"](5, 4, {"grad_on_w": True}) is None
    assert "expected 2 outputs, got 4" in check["WeightedSumGradient"](5, 4, {})
    assert "expected 2 outputs, got 1" in check["ScaleBlobs"](2, 1, {})
    assert "1 or 3 inputs" in REGISTRY.schema("EnsureClipped").check(2, 1, {})
    assert "list of integers or of strings" in REGISTRY.schema("IsMemberOf").check(
        1, 1, {"value": 1}
    )


@pytest.mark.parametrize(("type_", "inputs"), [("Softsign", ["X"]), ("Pow", ["X", "E"])])
def test_no_gradient_where_it_would_read_what_was_overwritten(type_, inputs):
    op = create_op(type_, inputs, ["X"])
    context = GradientContext(op, REGISTRY.schema(type_), ["X_grad"])
    with pytest.raises(GradientError, match="overwrote it in place"):
        REGISTRY.gradient_maker(type_)(context)


def test_erf_is_that_of_the_c_library():
    x = np.concatenate(
        [np.linspace(-8, 8, 20001), np.logspace(-300, 3, 2000), [0.0, np.inf, -np.inf]]
    )
    exact = np.array([math.erf(v) for v in x])
    np.testing.assert_allclose(erf(np, x), exact, rtol=1e-14, atol=0)
    single = x[np.abs(x) > 1e-37].astype(np.float32)
    exact = np.array([math.erf(v) for v in single.tolist()])
    np.testing.assert_allclose(erf(np, single), exact, rtol=4e-7, atol=0)
    assert np.isnan(erf(np, np.array([np.nan]))).all()


def test_gelu_vanishes_far_below_zero():
    for dtype in (np.float16, np.float32, np.float64):
        Y = run("Gelu", np.array([-20, -100, -6e4], dtype)).astype(float)
        assert np.abs(Y).max() < 1e-60


def test_relu_is_one_call_of_the_array_namespace():
    X = f32(-1, 2)
    kernel = REGISTRY.kernels("Relu")[0]
    call = make_call(kernel, CPUDevice(), [TensorSpec(X.shape, X.dtype)], {}, 1)
    assert isinstance(call, partial)
    assert call.func is np.maximum
    assert call(X, out=X) is X
    assert X.tolist() == [0, 2]


def test_edge_values():
    edges = f32(-np.inf, -1, -0.0, 0, 1, np.inf, np.nan)
    biggest = np.finfo(np.float32).max
    np.testing.assert_array_equal(run("Clip", edges), f32(-biggest, -1, 0, 0, 1, biggest, np.nan))
    np.testing.assert_array_equal(run("Sign", edges), f32(-1, -1, 0, 0, 1, 1, 0))
    np.testing.assert_array_equal(run("Softplus", f32(-200, 200)), f32(0, 200))
    np.testing.assert_array_equal(run("Sigmoid", f32(-200, 200)), f32(0, 1))
    np.testing.assert_array_equal(
        run("ThresholdedRelu", edges, alpha=-2.0), f32(0, -1, 0, 0, 1, np.inf, np.nan)
    )
    np.testing.assert_array_equal(run("Max", f32(1, np.nan), f32(np.nan, 1)), f32(np.nan, np.nan))
    assert run("Div", np.array([7, -7, 5]), np.array([2, 2, 0])).tolist() == [3, -3, 0]


def test_a_tensor_may_be_summed_into_itself_twice():
    A, B = f32(1, 2), f32(10, 20)
    for type_, expected in (("Sum", [12, 24]), ("Max", [10, 20])):
        kernel = REGISTRY.kernels(type_)[0]
        call = make_call(kernel, CPUDevice(), [TensorSpec(A.shape, A.dtype)] * 3, {}, 1)
        X = A.copy()
        assert call(X, B, X, out=X).tolist() == expected


def test_the_oldest_form_of_div_gradient():
    B, C, dC = f32(2, 4), f32(3, 5), f32(1, -1)
    dA, dB = run("DivGradient", B, C, dC, outputs=2)
    np.testing.assert_allclose(dA, dC / B)
    np.testing.assert_allclose(dB, -dC * C / B)


@pytest.mark.parametrize(
    ("shape", "args"), [((2, 3), {}), ((3,), {"broadcast": 1}), ((2,), {"broadcast": 1, "axis": 0})]
)
def test_gradient_of_pow_to_its_exponent(shape, args):
    rng = np.random.default_rng(1)
    X, E = rng.uniform(0.5, 2, (2, 3)).astype("f"), rng.uniform(-1, 2, shape).astype("f")
    dY = rng.uniform(-1, 1, (2, 3)).astype("f")
    op = create_op("Pow", ["X", "E"], ["Y"], **args)
    context = GradientContext(op, REGISTRY.schema("Pow"), ["Y_grad"])
    blobs = {"X": X, "E": E, "Y_grad": dY}
    run_op(REGISTRY, op, blobs)
    run_ops(REGISTRY, REGISTRY.gradient_maker("Pow")(context), blobs)
    stretched = np.broadcast_to(E.reshape((2, 1) if "axis" in args else shape), (2, 3))
    each = dY * np.log(X) * X**stretched
    summed = {(): each, (3,): each.sum(0), (2,): each.sum(1)}[shape if args else ()]
    np.testing.assert_allclose(blobs["X_grad"], dY * stretched * X ** (stretched - 1), rtol=1e-5)
    np.testing.assert_allclose(blobs["E_grad"], summed, rtol=1e-4)


def test_division_of_the_largest_integers_is_exact():
    big = np.array([2**62 + 1, -(2**62) - 1, -(2**63), 2**63 - 1, 0])
    for divisor in (2**40 + 3, -(2**40) - 3, 3, -1):
        if divisor == -1:
            big = big[[0, 1, 3, 4]]  # the negative of the least integer does not exist
        quotients = [
            abs(int(x)) // abs(divisor) * (1 if (x > 0) == (divisor > 0) else -1) for x in big
        ]
        remainders = [int(x) - q * divisor for x, q in zip(big, quotients)]
        assert run("Div", big, np.full_like(big, divisor)).tolist() == quotients
        assert run("Mod", big, divisor=divisor).tolist() == remainders
        followed = [int(x) % divisor for x in big]
        assert run("Mod", big, divisor=divisor, sign_follow_divisor=1).tolist() == followed
