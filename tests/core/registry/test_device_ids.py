"""Devices by name and id, from `DeviceOption` to the registry."""

import pytest

import c2
from c2.errors import DeviceError
from c2.graph.device import device_name
from c2.proto import DeviceOption
from c2.registry import core_registry
from c2.registry.device import device_kind


@pytest.mark.parametrize(
    ("name", "expected"),
    [("CPU", "CPU"), ("CPU:3", "CPU"), ("CUDA", "CUDA"), ("CUDA:0", "CUDA"), ("CUDA:2", "CUDA:2")],
)
def test_names_of_options(name, expected):
    assert device_name(c2.device_option(name)) == expected


def test_names_of_no_option():
    assert device_name(None) == device_name(DeviceOption()) == "CPU"


def test_kinds():
    assert device_kind("CUDA:12") == device_kind("CUDA") == "CUDA"


def test_ids_of_the_cpu_tell_nothing_apart():
    registry = core_registry()
    assert registry.device("CPU:3") is registry.device("CPU")


class OnlyOne(type(core_registry().device("CPU"))):
    name = "IDEEP"
    at = c2.registry.Device.at


def test_a_kind_with_one_device_refuses_others():
    registry = core_registry()
    registry.add_device(OnlyOne(), "test-a")
    assert registry.device("IDEEP:0").name == "IDEEP"
    with pytest.raises(
        DeviceError, match="there is no device IDEEP:2: test-a has one IDEEP device"
    ):
        registry.device("IDEEP:2")


def test_kernels_and_engines_are_those_of_the_kind():
    registry = core_registry()
    registry.prefer_engines(["FAST"], "CUDA")
    assert registry.engine_order("Relu", "CUDA:1", "") == ["FAST", ""]
    assert registry.candidates("Relu", "CUDA:1") == registry.candidates("Relu", "CUDA")
