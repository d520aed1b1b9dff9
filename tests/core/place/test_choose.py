"""Which kernel serves an operator: engines by preference, kernels that decline, and what is said where none is left."""

import numpy as np
import pytest

import c2
from c2.place.choose import choose_kernel
from c2.registry import OpSchema, Tensor, TensorSpec, core_registry, kernel, same_as
from c2.registry.schema import NoGradient

SPEC = TensorSpec((2, 3), np.float32)
DOUBLE = OpSchema(
    "Double",
    doc="Y = 2 X.",
    inputs=[Tensor("X")],
    outputs=[Tensor("Y")],
    infer=same_as("X"),
    gradient=NoGradient.STOPS,
)


def small_only(X):
    return None if X.size <= 6 else f"takes 6 elements at most, got {X.size}"


@kernel(DOUBLE)
def reference(xp, X):
    return X * 2


@kernel(DOUBLE, device="CPU", engine="FAST")
def fast(xp, X):
    return X + X + 0 * X


@kernel(DOUBLE, device="CPU", engine="SMALL", supports=small_only)
def small(xp, X):
    return X + X


@pytest.fixture
def registry():
    made = core_registry()
    made.add_schema(DOUBLE)
    for function in (reference, fast, small):
        for mark in function.__c2_marks__:
            made.add_mark(mark, f"package-{function.__name__}")
    return made


def chosen(registry, engine="", spec=SPEC, device="CPU"):
    choice = choose_kernel(registry, "Double", device, engine, [spec], {})
    return choice.kernel.label, choice.reason, choice.passed_over


def test_nothing_asked_for_gives_the_reference(registry):
    label, reason, passed_over = chosen(registry)
    assert (label, reason) == ("reference", "reference kernel (portable)")
    assert passed_over == [
        ("FAST", "engine FAST is neither named nor preferred"),
        ("SMALL", "engine SMALL is neither named nor preferred"),
    ]


def test_an_engine_named_by_the_operator_comes_first(registry):
    registry.prefer_engines(["FAST"])
    assert chosen(registry, "SMALL")[:2] == ("SMALL", "engine SMALL is named by the operator")
    assert chosen(registry, " NOBODY , SMALL,FAST")[0] == "SMALL", "a list, in order"
    assert chosen(registry, "NOBODY")[:2] == ("FAST", "engine FAST is preferred"), (
        "an engine that is not there"
    )


def test_preferences_of_a_type_come_before_those_of_a_device(registry):
    registry.prefer_engines(["FAST"])
    registry.prefer_engines(["SMALL"], type_="Double")
    assert chosen(registry)[0] == "SMALL"
    registry.prefer_engines([], type_="Double")
    assert chosen(registry)[0] == "FAST"
    registry.prefer_engines(["FAST"], device="CUDA")
    registry.prefer_engines([])
    assert chosen(registry)[0] == "reference"


def test_a_kernel_that_declines_is_passed_over_with_its_reason(registry):
    registry.prefer_engines(["SMALL", "FAST"])
    label, _, passed_over = chosen(registry, spec=TensorSpec((7,), np.float32))
    assert label == "FAST"
    assert passed_over == [("SMALL", "takes 6 elements at most, got 7")]
    assert chosen(registry, spec=None)[2] == [("SMALL", "shapes are not known yet")]


def test_the_choice_follows_the_shape_in_a_net(registry):
    registry.prefer_engines(["SMALL"])
    workspace = c2.Workspace(registry=registry)
    net = c2.Net("chosen")
    net.op("Double", "x", "y")
    labels = []
    for size in (3, 7, 3):
        workspace.feed("x", np.ones(size, np.float32))
        workspace.run(net)
        labels.append(workspace.runnable(net).binders[0].choice.kernel.label)
        assert (workspace["y"] == 2).all()
    assert labels == ["SMALL", "reference", "SMALL"]


def test_nothing_is_left(registry):
    registry._kernels["Double"] = [k for k in registry.kernels("Double") if k.engine == "SMALL"]
    registry.prefer_engines(["SMALL"])
    with pytest.raises(c2.MissingKernel) as raised:
        chosen(registry, spec=TensorSpec((7,), np.float32))
    assert str(raised.value) == (
        "no kernel for Double on CPU. Have: CPU (SMALL).\n  SMALL: takes 6 elements at most, got 7\n  Run: c2 doctor"
    )
    with pytest.raises(c2.MissingKernel, match="no kernel for Double on CUDA. Have: CPU"):
        chosen(registry, device="CUDA")
    with pytest.raises(
        c2.UnknownOperator, match="'Doubel' is not registered. Did you mean 'Double'"
    ):
        choose_kernel(registry, "Doubel", "CPU", "", [], {})


def test_one_kernel_of_a_kind(registry):
    @kernel(DOUBLE, device="CPU", engine="FAST")
    def faster(xp, X):
        return 2 * X

    with pytest.raises(
        c2.DuplicateRegistration,
        match="two kernels for Double on CPU, engine 'FAST': from package-fast",
    ):
        registry.add_mark(faster.__c2_marks__[0], "package-faster")
