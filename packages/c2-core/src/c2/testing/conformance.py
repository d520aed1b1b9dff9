"""Conformance: (operator case x back end x dtype). Values, inferred specs, in-place, strides, gradients."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from c2.autodiff.maker import GradientContext, GradientSlice
from c2.graph.op import create_op
from c2.registry import Case, Registry
from c2.registry.spec import FLOAT, spec_of
from c2.testing.run import run_op, run_ops


@dataclass(frozen=True)
class Tolerance:
    """How far a result may be off: |actual - expected| <= absolute + relative * |expected|."""

    relative: float
    absolute: float


# The reference kernels: float32 sums of a few hundred terms, float16 with its 11 bits.
REFERENCE = {
    "float32": Tolerance(2e-4, 2e-5),
    "float64": Tolerance(1e-9, 1e-10),
    "float16": Tolerance(2e-2, 2e-2),
}


@dataclass(frozen=True)
class ConformanceCase:
    """A case of an operator with the dtype its float inputs are cast to."""

    type: str
    index: int
    case: Case
    dtype: str

    @property
    def id(self) -> str:
        return f"{self.type}-{self.case.id or self.index}-{self.dtype}"


def conformance_cases(
    registry: Registry,
    dtypes: tuple[str, ...] = ("float32", "float64"),
    seed: int = 1,
    types: Any = None,
) -> Iterator[ConformanceCase]:
    """Every case of every operator (or of `types`), per float dtype that its inputs admit.

    A case whose inputs admit none of `dtypes` together comes once, as float16: inputs that do not admit it get the
    first dtype that they do admit.
    """
    for type_ in types or registry.types():
        schema = registry.schema(type_)
        for generator in registry.cases(type_):
            for index, case in enumerate(generator(np.random.default_rng(seed))):
                floats = [n for n, v in case.inputs.items() if _is_float(v)]
                allowed = [schema.inputs[schema.index_of_input(n)].dtypes for n in floats]
                fits = [d for d in dtypes if all(d in a for a in allowed)] or ["float16"]
                for dtype in fits if floats else dtypes[:1]:
                    yield ConformanceCase(type_, index, case, dtype)


def check_case(
    registry: Registry,
    one: ConformanceCase,
    device: str = "CPU",
    engine: str = "",
    tolerances: dict[str, Tolerance] | None = None,
) -> None:
    """Raises AssertionError where the kernel of (device, engine) does not do what the case says."""
    tolerance = {**REFERENCE, **(tolerances or {})}[one.dtype]
    op, blobs = operator_of(registry, one, engine)
    on = registry.device(device)
    before = {n: _copy(v) for n, v in blobs.items()}
    placed = {n: on.from_numpy(v) if isinstance(v, np.ndarray) else v for n, v in blobs.items()}
    required = registry.schema(op.type).inplace_required_pairs
    given = run_op(registry, op, dict(placed), device)
    for index, value in enumerate(given):
        stray = isinstance(value, (np.ndarray, np.generic)) and not on.owns(value)
        assert not stray, f"{op.type} on {device}: output {index} is an array of the host"
    results = [on.to_numpy(r) if on.owns(r) else r for r in given]
    _check_values(registry, one, results, tolerance)
    _check_inferred(registry, op, before, results)
    if not required:
        for name, value in before.items():
            if isinstance(value, np.ndarray):
                now = on.to_numpy(placed[name])
                assert _same(now, value), f"{op.type} changed its input '{name}'"
    if one.case.check is not None:
        return
    _check_out_and_strides(registry, op, before, results, tolerance, device)
    if one.case.inplace and device == "CPU":
        _check_inplace(registry, op, before, results, tolerance)


def check_gradient(registry: Registry, one: ConformanceCase, seed: int = 3) -> bool:
    """Compares the gradient operators with a difference quotient in float64, along a random direction.

    Returns:
        False where there is nothing to compare: no gradient, no float input, a case that opts out.
    """
    maker = registry.gradient_maker(one.type)
    if maker is None or one.case.check is not None or one.dtype != "float64":
        return False
    if one.case.grad == ():
        return False
    op, blobs = operator_of(registry, one, "")
    forward = dict(blobs)
    outputs = run_op(registry, op, forward)
    rng = np.random.default_rng(seed)
    schema = registry.schema(op.type)
    seeds: dict[str, Any] = {}
    for name, value in zip(op.output, outputs):
        if isinstance(value, np.ndarray) and value.dtype == np.float64:
            seeds[name] = rng.standard_normal(value.shape)
    context = GradientContext(op, schema, [f"{n}_grad" if n in seeds else None for n in op.output])
    grads = maker(context)
    env = {**forward, **{f"{n}_grad": s for n, s in seeds.items()}}
    run_ops(registry, grads, env)
    compared = False
    for index, name in enumerate(op.input):
        gradient = context.g_input[index]
        if (
            gradient is None
            or not _wants_gradient(one, schema, index)
            or blobs[name].dtype != np.float64
        ):
            continue
        direction = rng.standard_normal(blobs[name].shape)
        numeric = _difference_quotient(registry, op, blobs, name, direction, seeds)
        analytic = float(np.sum(_dense(gradient, env, blobs[name].shape) * direction))
        scale = max(abs(numeric), abs(analytic), 1.0)
        assert abs(numeric - analytic) <= 2e-6 * scale, (
            f"{one.id}: gradient of '{name}' along a direction: difference quotient {numeric}, operators {analytic}"
        )
        compared = True
    return compared


def operator_of(
    registry: Registry, one: ConformanceCase, engine: str
) -> tuple[Any, dict[str, Any]]:
    """The OperatorDef of a case and its input blobs, floats cast to the case's dtype."""
    schema = registry.schema(one.type)
    inputs: list[str] = []
    blobs: dict[str, Any] = {}
    for tensor in schema.inputs:
        if tensor.name not in one.case.inputs:
            continue
        value = one.case.inputs[tensor.name]
        values = list(value) if tensor.variadic else [value]
        for k, v in enumerate(values):
            name = f"{tensor.name}{k}" if tensor.variadic else tensor.name
            inputs.append(f"in_{name}")
            blobs[f"in_{name}"] = _cast(v, _admitted(one.dtype, tensor.dtypes))
    required = {o: i for i, o in schema.inplace_required_pairs}
    count = one.case.outputs
    if count is None:
        count = sum(
            len(one.case.expect.get(t.name, ())) if t.variadic else 1 for t in schema.outputs
        )
    outputs = [inputs[required[k]] if k in required else f"out_{k}" for k in range(count)]
    return create_op(one.type, inputs, outputs, engine=engine, **one.case.args), blobs


def _check_values(
    registry: Registry, one: ConformanceCase, results: list[Any], tolerance: Tolerance
) -> None:
    if one.case.check is not None:
        one.case.check(*results)
        return
    schema = registry.schema(one.type)
    for name, expected in one.case.expect.items():
        index = schema.index_of_output(name)
        pairs = (
            zip(results[index:], expected)
            if schema.outputs[index].variadic
            else [(results[index], expected)]
        )
        for actual, wanted in pairs:
            _close(actual, wanted, tolerance, f"{one.id}: output '{name}'")


def _check_inferred(registry: Registry, op: Any, blobs: dict[str, Any], results: list[Any]) -> None:
    from c2.registry.arguments import read_arguments

    schema = registry.schema(op.type)
    args, _, _ = read_arguments(schema.arg_by_name, op.arg)
    specs = [spec_of(blobs[n]) for n in op.input]
    for index, (spec, result) in enumerate(
        zip(schema.infer_outputs(specs, args, len(op.output)), results)
    ):
        if spec is None or not isinstance(result, (np.ndarray, np.generic)):
            continue
        assert spec.dtype == result.dtype, (
            f"{op.type} output {index}: inferred {spec.dtype}, got {result.dtype}"
        )
        if spec.shape is not None:
            assert spec.shape == result.shape, (
                f"{op.type} output {index}: inferred {spec.shape}, got {result.shape}"
            )


def _check_out_and_strides(
    registry: Registry,
    op: Any,
    blobs: dict[str, Any],
    results: list[Any],
    tolerance: Tolerance,
    device: str,
) -> None:
    on = registry.device(device)
    inputs = {n: on.from_numpy(v) if isinstance(v, np.ndarray) else v for n, v in blobs.items()}
    if not registry.schema(op.type).inplace_required_pairs:
        with_out = run_op(registry, op, inputs, device, with_out=True)
        for index, (got, wanted) in enumerate(zip(with_out, results)):
            _close(
                on.to_numpy(got) if on.owns(got) else got,
                wanted,
                tolerance,
                f"{op.type} out= output {index}",
            )
            for name in op.input:
                if (
                    device == "CPU"
                    and isinstance(got, np.ndarray)
                    and isinstance(inputs[name], np.ndarray)
                ):
                    shares = np.may_share_memory(got, inputs[name]) and got.size
                    assert not shares or registry.schema(op.type).shares, (
                        f"{op.type} output {index} shares memory with '{name}'"
                    )
    if device == "CPU":
        strided = {n: _strided(v) if isinstance(v, np.ndarray) else v for n, v in blobs.items()}
        for index, (got, wanted) in enumerate(zip(run_op(registry, op, strided), results)):
            _close(got, wanted, tolerance, f"{op.type} output {index} of non-contiguous inputs")


def _check_inplace(
    registry: Registry, op: Any, blobs: dict[str, Any], results: list[Any], tolerance: Tolerance
) -> None:
    from c2.execute.call import as_results, make_call
    from c2.place.choose import choose_kernel
    from c2.registry.arguments import read_arguments

    schema = registry.schema(op.type)
    args, _, _ = read_arguments(schema.arg_by_name, op.arg)
    for i, o in sorted(schema.inplace_pairs):
        if i >= len(op.input) or o >= len(op.output) or o >= len(results):
            continue
        arrays = [_copy(blobs[n]) for n in op.input]
        specs = [spec_of(a) for a in arrays]
        kernel = choose_kernel(registry, op.type, "CPU", op.engine, specs, args).kernel
        target = arrays[i]
        fits = isinstance(target, np.ndarray) and (target.shape, target.dtype) == (
            results[o].shape,
            results[o].dtype,
        )
        if not kernel.takes_out or not fits:
            continue
        outs = tuple(target if k == o else np.empty_like(r) for k, r in enumerate(results))
        on = registry.device("CPU")
        call = make_call(kernel, on, specs, args, len(op.output), on.random(1))
        got = as_results(call(*arrays, out=outs if len(outs) > 1 else outs[0]), len(op.output))
        for index, (a, b) in enumerate(zip(got, results)):
            _close(a, b, tolerance, f"{op.type} in place, input {i} = output {o}, output {index}")


def _wants_gradient(one: ConformanceCase, schema: Any, index: int) -> bool:
    if one.case.grad is None:
        return True
    return schema.input(index).name in set(one.case.grad)


def _difference_quotient(
    registry: Registry,
    op: Any,
    blobs: dict[str, Any],
    name: str,
    direction: Any,
    seeds: dict[str, Any],
) -> float:
    step = 1e-6
    values = []
    for sign in (1.0, -1.0):
        moved = {n: _copy(v) for n, v in blobs.items()}
        moved[name] = blobs[name] + sign * step * direction
        run_op(registry, op, moved)
        values.append(sum(float(np.sum(moved[n] * s)) for n, s in seeds.items()))
    return (values[0] - values[1]) / (2 * step)


def _dense(gradient: Any, env: dict[str, Any], shape: tuple[int, ...]) -> Any:
    if not isinstance(gradient, GradientSlice):
        return env[gradient]
    dense = np.zeros(shape)
    np.add.at(dense, env[gradient.indices], env[gradient.values])
    return dense


def _is_float(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return any(_is_float(v) for v in value)
    return isinstance(value, (np.ndarray, np.generic)) and str(value.dtype) in FLOAT


def _admitted(dtype: str, dtypes: frozenset[str]) -> str:
    return next((d for d in (dtype, *REFERENCE) if d in dtypes), dtype)


def _cast(value: Any, dtype: str) -> Any:
    if isinstance(value, np.generic):
        value = np.asarray(value)
    if isinstance(value, np.ndarray) and str(value.dtype) in FLOAT:
        return value.astype(dtype)
    return _copy(value)


def _copy(value: Any) -> Any:
    return value.copy() if isinstance(value, np.ndarray) else value


def _strided(value: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The same content with gaps between the elements."""
    if not value.ndim:
        return np.array(value)
    holder = np.zeros((*value.shape[:-1], 2 * value.shape[-1]), value.dtype)
    holder[..., ::2] = value
    return holder[..., ::2]


def _same(a: Any, b: Any) -> bool:
    return bool(a.shape == b.shape and (np.array_equal(a, b, equal_nan=a.dtype.kind == "f")))


def _close(actual: Any, wanted: Any, tolerance: Tolerance, what: str) -> None:
    if not isinstance(actual, (np.ndarray, np.generic)):
        assert actual == wanted, f"{what}: expected {wanted!r}, got {actual!r}"
        return
    wanted = np.asarray(wanted)
    assert actual.shape == wanted.shape, (
        f"{what}: expected shape {wanted.shape}, got {actual.shape}"
    )
    if actual.dtype.kind == "f":
        np.testing.assert_allclose(
            actual.astype(np.float64),
            wanted.astype(np.float64),
            tolerance.relative,
            tolerance.absolute,
            err_msg=what,
        )
    else:
        np.testing.assert_array_equal(actual, wanted, err_msg=what)
