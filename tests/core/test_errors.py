"""Every error class, raised as a user would meet it, with what it says."""

import pickle
import re

import numpy as np
import pytest

import c2
from c2 import errors
from c2.registry import CPUDevice, OpSchema, Tensor, TensorSpec, core_registry
from c2.serialize.budget import check_budget

REGISTRY = core_registry()


def net(*ops, inputs=()):
    made = c2.Net("told")
    made.proto.op.extend(ops)
    made.proto.external_input.extend(inputs)
    return made


def workspace():
    made = c2.Workspace(registry=REGISTRY)
    made.feed("x", np.ones((2, 3), np.float32))
    return made


def no_kernel():
    registry = core_registry()
    registry.add_schema(
        OpSchema("Nobody", outputs=[Tensor("Y")], infer=lambda: TensorSpec((), "float32"))
    )
    c2.Workspace(registry=registry).run_once(c2.create_op("Nobody", (), "y"))


def no_room():
    class Full(CPUDevice):
        name = "FPGA"

        def empty(self, shape, dtype):
            raise MemoryError("no room for 24 bytes")

    registry = core_registry()
    registry.add_device(Full(), "tests")
    made = c2.Workspace(registry=registry)
    made.feed("x", np.ones((2, 3), np.float32))
    made.run_once(c2.create_op("Relu", "x", "y", device_option=c2.device_option("FPGA")))


def enforce_finite():
    made = workspace()
    made.feed("bad", np.array([1, np.nan], np.float32))
    made.run_once(c2.create_op("EnforceFinite", "bad", (), name="guard"))


def read_noise():
    from c2.proto import NetDef
    from c2.serialize.messages import parse_message

    parse_message(b"\xff\xff\xff\xff", NetDef, "noise.pb")


RAISED = {
    errors.SchemaError: (
        lambda: workspace().run_once(c2.create_op("FC", ["x", "x", "x"], "y", name="fc1")),
        r"(?s)FC 'fc1' \(net 'fc1', op 0\): .*expected .*, got .*X 'x' float32 \(2, 3\)",
    ),
    errors.NetError: (
        lambda: workspace().run("nothing"),
        "net 'nothing' was not created in this workspace",
    ),
    errors.CheckError: (
        lambda: workspace().run(
            net(c2.create_op("Rellu", "x", "y"), c2.create_op("Relu", [], "z"))
        ),
        r"(?s)net 'told.*' has 2 problems:\nRellu 'y' .*Did you mean 'Relu'.*wrong number of inputs",
    ),
    errors.UnknownOperator: (
        lambda: REGISTRY.schema("Convv"),
        r"operator 'Convv' is not registered. Did you mean 'Conv'",
    ),
    errors.DuplicateRegistration: (
        lambda: core_registry().add_device(REGISTRY.device("CPU"), "another"),
        "device 'CPU' of another is already registered by c2-core",
    ),
    errors.MissingKernel: (
        no_kernel,
        r"(?s)no kernel for Nobody on CPU. Have: nothing.*Run: c2 doctor",
    ),
    errors.MissingBlob: (
        lambda: workspace()["X"],
        "blob 'X' is not in the workspace. Did you mean 'x'",
    ),
    errors.DeviceError: (
        lambda: c2.device_option("CUDAA"),
        "device type 'CUDAA' is unknown.*Did you mean 'CUDA'",
    ),
    errors.KernelError: (
        enforce_finite,
        r"(?s)EnforceFinite 'guard' \(net 'guard', op 0\): FloatingPointError: input must be finite"
        r".*<Blob 'bad': float32",
    ),
    errors.GradientError: (
        lambda: net(c2.create_op("Relu", "x", "y")).add_gradients("loss"),
        "cannot differentiate 'loss': no operator makes or reads it",
    ),
    errors.PrecisionError: (
        lambda: c2.Predictor(c2.Net("init"), net(c2.create_op("Relu", "x", "y")), precision="bf61"),
        "there is no precision 'bf61'; have fp32, tf32, bf16, fp16, int8. Did you mean 'bf16'",
    ),
    errors.TuningError: (
        lambda: c2.Predictor(c2.Net("init"), net(c2.create_op("Relu", "x", "y")), tune="fast"),
        r"tune=fast: expected 1 \(race engines .*\), cached \(take what it knows\) or 0",
    ),
    errors.FormatError: (read_noise, "noise.pb"),
    errors.MemoryBudgetError: (
        lambda: check_budget(10**12, "tensor 'w'", budget=10**6),
        "tensor 'w' needs 1.0 TB, and the memory budget is 1.0 MB; nothing was allocated",
    ),
    errors.OutOfMemory: (
        no_room,
        r"(?s)no room for 24 bytes.*largest blobs were:\n    'x' float32 \(2, 3\) 24 bytes on CPU\n.*can be used",
    ),
    errors.NotAllowed: (
        lambda: workspace().run_once(c2.create_op("Save", "x", (), db="a", db_type="minidb")),
        r"touches files, which this workspace does not allow.*Workspace\(allow=\['files'\]\)",
    ),
}
# Raised in strict mode alone: see tests/core/plugins; between processes: see tests/core/communicate and tests/gloo.
ELSEWHERE = {
    errors.PluginError, errors.CommunicationError, errors.DeadlineError, errors.StoreError
}  # fmt: skip


def all_errors():
    return {
        value for value in vars(errors).values()
        if isinstance(value, type) and issubclass(value, errors.C2Error) and value is not errors.C2Error
    }  # fmt: skip


def test_all_are_here():
    assert set(RAISED) | ELSEWHERE == all_errors()


@pytest.mark.parametrize("kind", RAISED, ids=lambda kind: kind.__name__)
def test_what_it_says(kind):
    provoke, pattern = RAISED[kind]
    with pytest.raises(errors.C2Error) as raised:
        provoke()
    assert type(raised.value) is kind
    assert re.search(pattern, str(raised.value)), str(raised.value)


@pytest.mark.parametrize("kind", sorted(all_errors(), key=str), ids=lambda kind: kind.__name__)
def test_it_is_public_and_travels_between_processes(kind):
    assert getattr(c2, kind.__name__) is kind
    error = (
        kind("n", [errors.SchemaError("a"), errors.NetError("b")])
        if kind is errors.CheckError
        else kind("text")
    )
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again)) == (kind, str(error))
