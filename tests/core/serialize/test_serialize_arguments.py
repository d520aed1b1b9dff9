"""Expected fields are those that Caffe2's own MakeArgument gave for the same values."""

from __future__ import annotations

import doctest

import numpy as np
import pytest

from c2.errors import FormatError, SchemaError
from c2.proto import Argument, DeviceOption, NetDef, OperatorDef
from c2.serialize import arguments
from c2.serialize.arguments import (
    argument_field,
    argument_fields,
    argument_value,
    make_argument,
)

NET = NetDef(name="n", op=[OperatorDef(type="Relu")])
DEVICE = DeviceOption(device_type=1)

CASES = [
    (3, "i", 3),
    (True, "i", 1),
    (-(2**63), "i", -(2**63)),
    (2**63 - 1, "i", 2**63 - 1),
    (np.int8(-4), "i", -4),
    (np.bool_(True), "i", 1),
    (0.5, "f", 0.5),
    (np.float32(2), "f", 2.0),
    (np.float64(-2), "f", -2.0),
    (float("inf"), "f", float("inf")),
    ("é", "s", b"\xc3\xa9"),
    (b"\x00\xff", "s", b"\x00\xff"),
    (NET, "n", NET),
    (NetDef(), "n", NetDef()),
    (DEVICE, "s", DEVICE.SerializeToString()),
    ([], "floats", []),
    ((), "floats", []),
    (np.zeros(0), "floats", []),
    ([1, 2], "ints", [1, 2]),
    ((True, 2), "ints", [1, 2]),
    (range(3), "ints", [0, 1, 2]),
    ([np.int64(3)], "ints", [3]),
    ([1.0, 2.5], "floats", [1.0, 2.5]),
    ([np.float64(1)], "floats", [1.0]),
    (["a", b"\xff"], "strings", [b"a", b"\xff"]),
    ([NET, NET], "nets", [NET, NET]),
    ([DEVICE], "strings", [DEVICE.SerializeToString()]),
    (np.array([[1, 2], [3, 4]]), "ints", [1, 2, 3, 4]),
    (np.array(3), "ints", [3]),
    (np.array([True, False]), "ints", [1, 0]),
    (np.array([1, 2], np.uint64), "ints", [1, 2]),
    (np.array([1.5], np.float16), "floats", [1.5]),
    (np.array([[1.5]], np.float32).T, "floats", [1.5]),
    (np.array([b"a"]), "strings", [b"a"]),
    (np.array(["a", b"b"], object), "strings", [b"a", b"b"]),
]


@pytest.mark.parametrize(("value", "field", "stored"), CASES, ids=lambda v: repr(v)[:30])
def test_field_and_value(value, field, stored):
    argument = make_argument("k", value)
    assert argument.name == "k"
    assert argument_field(argument) == (field, stored)
    assert argument_value(argument) == stored
    assert Argument.FromString(argument.SerializeToString()) == argument


def test_only_that_field_is_set():
    assert argument_fields(make_argument("k", 0)) == {"i": 0}
    assert argument_fields(make_argument("k", "")) == {"s": b""}
    assert argument_fields(make_argument("k", [])) == {}


def test_non_contiguous_array_is_stored_in_row_major_order():
    array = np.arange(2000, dtype=np.float32).reshape(40, 50).T
    assert argument_value(make_argument("k", array)) == array.ravel().tolist()


def test_other_fields_are_told_too():
    argument = Argument(name="k")
    argument.t.dims.append(3)
    assert argument_field(argument) == ("t", argument.t)
    argument = Argument(name="k")
    argument.qtensors.add(precision=8, scale=1, bias=0, is_signed=False)
    assert argument_field(argument) == ("qtensors", list(argument.qtensors))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (
            [1, 2.0],
            r"got list of float, int \[1, 2.0\]. Write all of them as floats or all of them as ints.",
        ),
        ([1, "a"], "got list of int, str"),
        (None, "got NoneType None"),
        ([None], "got list of NoneType"),
        ({"a": 1}, "got dict"),
        ({1, 2}, "got set"),
        (1j, "got complex"),
        (np.zeros(2, complex), "got array of complex128"),
        (2**63, "must fit in 64 bits, got 9223372036854775808"),
        ([0, -(2**63) - 1], "must fit in 64 bits, got -9223372036854775809"),
        (np.array([1, 2**63], np.uint64), "must fit in 64 bits, got 9223372036854775808"),
        (1e39, "stored as float32, whose largest number is 3.4e38; got 1e\\+39"),
        ([0.0, -1e300], "got -1e\\+300"),
        (np.array([1.0, 1e39]), "got 1e\\+39"),
    ],
    ids=repr,
)
def test_values_without_a_field(value, text):
    with pytest.raises(SchemaError, match="argument 'k'.*" + text):
        make_argument("k", value)


def test_ambiguous_argument():
    with pytest.raises(
        FormatError, match="argument 'k' is ambiguous: expected one field, got f, i"
    ):
        argument_field(Argument(name="k", f=1.0, i=1))


def test_examples():
    assert doctest.testmod(arguments).failed == 0
