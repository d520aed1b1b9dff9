"""Runs operators one by one on a dictionary of arrays: no workspace, no buffers, nothing to hide a mistake."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from c2.execute.arithmetic import Arithmetic
from c2.execute.call import as_results, make_call, require_numbers, specs_of
from c2.place.choose import choose_kernel
from c2.registry import Registry
from c2.registry.arguments import read_arguments


def run_op(
    registry: Registry, op: Any, blobs: dict[str, Any], device: str = "CPU", with_out: bool = False
) -> tuple[Any, ...]:
    """Runs one OperatorDef on `blobs`, stores its outputs there and returns them.

    Args:
        with_out: give the kernel buffers of the inferred shapes, filled with junk, where it takes them.
    """
    schema = registry.schema(op.type)
    args, _, problems = read_arguments(schema.arg_by_name, op.arg)
    if problems:
        raise problems[0]
    arrays = [blobs[name] for name in op.input]
    on = registry.device(device)
    specs = specs_of(schema, arrays, on)
    inferred = schema.infer_outputs(specs, args, len(op.output))
    require_numbers(op.type, inferred, on)
    kernel = choose_kernel(registry, op.type, device, op.engine, specs, args).kernel
    call = make_call(kernel, on, specs, args, len(op.output), on.random(1))
    keywords = {}
    if (
        with_out
        and kernel.takes_out
        and all(s is not None and s.shape is not None for s in inferred)
    ):
        buffers = tuple(_junk(on, s) for s in inferred)
        keywords["out"] = buffers[0] if len(buffers) == 1 else buffers
    with Arithmetic():
        results = as_results(call(*arrays, **keywords), len(op.output))
    if "out" in keywords:
        for got, buffer in zip(results, buffers):
            assert got is buffer, (
                f"{op.type}: a kernel that names `out` must write there and return it"
            )
    if on.name == "CPU":
        results = tuple(np.asarray(r) if isinstance(r, np.generic) else r for r in results)
    blobs.update(zip(op.output, results))
    return results


def run_ops(
    registry: Registry, ops: Iterable[Any], blobs: dict[str, Any], device: str = "CPU"
) -> None:
    """Runs operators in order on `blobs`."""
    for op in ops:
        run_op(registry, op, blobs, device)


def _junk(device: Any, spec: Any) -> Any:
    content = np.full(spec.shape, 77 if spec.dtype.kind != "O" else None, spec.dtype)
    return device.from_numpy(content)
