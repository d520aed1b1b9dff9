"""Reads what asking.py stored, and holds c2 against it."""

from __future__ import annotations

import json
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import c2
from c2.autodiff.backward import gradients_of
from c2.autodiff.maker import GradientSlice
from c2.errors import C2Error
from c2.graph.op import create_op
from c2.proto import NetDef
from c2.registry.arguments import argument_fields
from c2.testing.run import run_op

DATA = Path(__file__).parent / "data"


def read_answers(path: Path) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The cases, with arrays in place, and the gradient definitions."""
    with np.load(path) as file:
        arrays = dict(file)
    told = json.loads(arrays["index"].tobytes())
    for case in told["cases"]:
        case["inputs"] = [_array(arrays, x) for x in case["inputs"]]
        if case["outputs"] is not None:
            case["outputs"] = [_array(arrays, y) for y in case["outputs"]]
    return told["cases"], told["gradients"]


def _array(arrays: dict[str, Any], place: list[Any]) -> Any:
    kind, shape, start = place
    if kind == "object":
        return np.array([x.encode() for x in start], object).reshape(shape)
    return arrays[kind][start : start + prod(shape)].reshape(shape)


def check_answer(
    registry: Any, case: dict[str, Any], relative: float = 2e-5, absolute: float = 2e-6
) -> None:
    """c2 gives the same outputs, or refuses too; raises AssertionError where not."""
    inputs, outputs = case["names"]
    op = create_op(case["type"], inputs, outputs, **case["args"])
    blobs = dict(zip(inputs, case["inputs"], strict=True))
    if case["outputs"] is None:
        with pytest.raises(C2Error):
            _run_checked(registry, op, blobs)
        return
    results = run_op(registry, op, blobs)
    for actual, wanted in zip(results, case["outputs"], strict=True):
        assert (actual.dtype, actual.shape) == (wanted.dtype, wanted.shape)
        if wanted.dtype.kind == "f":
            np.testing.assert_allclose(actual, wanted, rtol=relative, atol=absolute)
        else:
            np.testing.assert_array_equal(actual, wanted)


def _run_checked(registry: Any, op: Any, blobs: dict[str, Any]) -> None:
    """Through a net, so that numbers of blobs, dtypes and rules are checked."""
    workspace = c2.Workspace(registry=registry)
    for name, value in blobs.items():
        workspace.feed(name, value)
    workspace.run_once(NetDef(name="asked", op=[op], external_input=list(blobs)))


def _argument(message: Any) -> list[Any]:
    (field,) = argument_fields(message) or ["ints"]
    value = getattr(message, field)
    return [
        message.name,
        field,
        value.decode() if field == "s" else list(value) if field == "ints" else value,
    ]


def check_gradient_definition(registry: Any, told: dict[str, Any]) -> None:
    """c2's maker writes the operators that Caffe2's writes, and promises the same gradients."""
    type_, inputs, outputs, args = told["forward"]
    op = create_op(type_, inputs, outputs, **args)
    made, promised = gradients_of(op, told["grads"], registry)
    ops = [[g.type, list(g.input), list(g.output), sorted(map(_argument, g.arg))] for g in made]
    assert ops == told["ops"]
    as_lists = [[p.indices, p.values] if isinstance(p, GradientSlice) else p for p in promised]
    assert as_lists == told["inputs"]
