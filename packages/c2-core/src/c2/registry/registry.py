"""The registry: operator types, their kernels by (type, device, engine), gradients and cases."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import Any

from c2.errors import DeviceError, DuplicateRegistration, UnknownOperator, did_you_mean
from c2.registry.device import Device, device_kind
from c2.registry.marks import PORTABLE, Case, Mark, Operator, marks_of
from c2.registry.parameters import parameter_names
from c2.registry.schema import OpSchema


@dataclass(frozen=True)
class Kernel:
    """A registered kernel and what its signature asks for."""

    type: str
    device: str
    engine: str
    function: Callable[..., Any]
    supports: Callable[..., str | None] | None
    source: str  # the distribution it came from
    is_class: bool
    takes_out: bool
    takes_rng: bool
    takes_n_outputs: bool
    takes_context: bool

    @property
    def label(self) -> str:
        """How the kernel is called in messages: its engine, or "reference"."""
        return self.engine or "reference"


def _kernel(mark: Mark, source: str) -> Kernel:
    cls: type[Any] | None = mark.function if isinstance(mark.function, type) else None
    made = parameter_names(mark.function)
    called = made if cls is None else parameter_names(cls.__call__)
    return Kernel(
        mark.type, mark.device, mark.engine, mark.function, mark.supports, source, cls is not None,
        takes_out="out" in called, takes_rng="rng" in made,
        takes_n_outputs="n_outputs" in made, takes_context="context" in made,
    )  # fmt: skip


class Registry:
    """Everything that can be run. `c2.registry.default()` holds the operators of c2-core and of the plugins.

    A registry of one's own (`Registry()` and `add_module`) is what tests use.
    """

    def __init__(self) -> None:
        self._schemas: dict[str, OpSchema] = {}
        self._sources: dict[str, str] = {}
        self._kernels: dict[str, list[Kernel]] = {}
        self._gradients: dict[str, Callable[..., Any]] = {}
        self._cases: dict[str, list[Callable[..., Iterator[Case]]]] = {}
        self._natives: dict[str, list[Mark]] = {}
        self._devices: dict[str, Device] = {}
        self.op_engines: dict[tuple[str, str], list[str]] = {}
        self.device_engines: dict[str, list[str]] = {}

    # -- filling

    def add_module(self, module: ModuleType, source: str = "c2-core") -> None:
        """Registers every schema, marked function and table of operators that the module defines."""
        for value in list(vars(module).values()):
            if isinstance(value, OpSchema):
                self.add_schema(value, source)
            elif isinstance(value, Operator):
                self.add_operator(value, source)
            elif isinstance(value, (list, tuple)) and value and isinstance(value[0], Operator):
                for operator in value:
                    self.add_operator(operator, source)
            for mark in marks_of(value) if callable(value) else ():
                if mark.function.__module__ == module.__name__:
                    self.add_mark(mark, source)

    def add_package(self, package: ModuleType, source: str = "c2-core") -> None:
        """Registers every module of a package, walking its folders."""
        self.add_module(package, source)
        for info in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
            self.add_module(import_module(info.name), source)

    def add_schema(self, schema: OpSchema, source: str = "c2-core") -> None:
        known = self._schemas.get(schema.type)
        if known is schema:
            return
        if known is not None:
            raise DuplicateRegistration(
                f"operator '{schema.type}' of {source} is already registered by {self._sources[schema.type]}. "
                "Uninstall one of them, or disable one with C2_DISABLE_PLUGINS"
            )
        self._schemas[schema.type] = schema
        self._sources[schema.type] = source

    def add_operator(self, operator: Operator, source: str = "c2-core") -> None:
        type_ = operator.schema.type
        self.add_schema(operator.schema, source)
        for role in ("kernel", "gradient", "cases"):
            function = getattr(operator, role)
            if function is not None:
                device = operator.device if role == "kernel" else PORTABLE
                self.add_mark(Mark(role, type_, function, device), source)

    def add_mark(self, mark: Mark, source: str = "c2-core") -> None:
        if mark.role == "kernel":
            self._add_kernel(_kernel(mark, source))
        elif mark.role == "gradient":
            other = self._gradients.setdefault(mark.type, mark.function)
            if other is not mark.function:
                raise DuplicateRegistration(
                    f"operator '{mark.type}' has two gradient makers: from {other.__module__} and from "
                    f"{mark.function.__module__} of {source}"
                )
        elif mark.role == "cases":
            known = self._cases.setdefault(mark.type, [])
            if mark.function not in known:
                known.append(mark.function)
        else:
            natives = self._natives.setdefault(mark.type, [])
            if mark not in natives:
                natives.append(mark)

    def _add_kernel(self, kernel: Kernel) -> None:
        kernels = self._kernels.setdefault(kernel.type, [])
        for other in kernels:
            if (other.device, other.engine) == (kernel.device, kernel.engine):
                if other.function is kernel.function:
                    return
                raise DuplicateRegistration(
                    f"two kernels for {kernel.type} on {kernel.device}, engine '{kernel.engine}': "
                    f"from {other.source} and from {kernel.source}"
                )
        kernels.append(kernel)

    def add_device(self, device: Device, source: str = "c2-core") -> None:
        if device.name in self._devices:
            raise DuplicateRegistration(
                f"device '{device.name}' of {source} is already registered by "
                f"{self._devices[device.name].source}. "
                "Uninstall one of them, or disable one with C2_DISABLE_PLUGINS"
            )
        device.source = source
        self._devices[device.name] = device

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Takes back everything that was registered inside, where it raises."""
        fields = {k: v for k, v in vars(self).items() if isinstance(v, dict)}
        saved = {
            k: {n: list(x) if isinstance(x, list) else x for n, x in v.items()}
            for k, v in fields.items()
        }
        try:
            yield
        except BaseException:
            for name, content in saved.items():
                fields[name].clear()
                fields[name].update(content)
            raise

    # -- asking

    def schema(self, type_: str) -> OpSchema:
        """The schema of an operator type; raises UnknownOperator with near names."""
        try:
            return self._schemas[type_]
        except KeyError:
            near = did_you_mean(type_, self._schemas)
            raise UnknownOperator(
                f"operator '{type_}' is not registered.{near} "
                "List what there is: c2 ops; what is installed: c2 plugins"
            ) from None

    def __contains__(self, type_: object) -> bool:
        return type_ in self._schemas

    def types(self) -> list[str]:
        return sorted(self._schemas)

    def source(self, type_: str) -> str:
        return self._sources[type_]

    def kernels(self, type_: str) -> list[Kernel]:
        return list(self._kernels.get(type_, ()))

    def natives(self, type_: str) -> list[Mark]:
        return list(self._natives.get(type_, ()))

    def natives_of(self, precision: str) -> list[Mark]:
        """Native kernels of every operator type that compute in that precision."""
        return [m for marks in self._natives.values() for m in marks if m.precision == precision]

    def gradient_maker(self, type_: str) -> Callable[..., Any] | None:
        return self._gradients.get(type_)

    def cases(self, type_: str) -> list[Callable[..., Iterator[Case]]]:
        return list(self._cases.get(type_, ()))

    def device(self, name: str) -> Device:
        """The device of that name, such as "CPU", "CUDA" or "CUDA:1"."""
        kind, _, number = name.partition(":")
        if kind not in self._devices:
            raise DeviceError(
                f"device '{name}' is not registered. Have: {', '.join(sorted(self._devices))}."
                f"{did_you_mean(kind, self._devices)} A plugin may bring it: c2 plugins"
            )
        return self._devices[kind].at(int(number)) if number else self._devices[kind]

    def devices(self) -> list[Device]:
        """The first device of each kind."""
        return list(self._devices.values())

    def candidates(self, type_: str, device: str) -> list[Kernel]:
        """Kernels that may serve on the device, its kind's own before portable ones."""
        own = [k for k in self.kernels(type_) if k.device == device_kind(device)]
        return own + [k for k in self.kernels(type_) if k.device == PORTABLE]

    # -- engine preferences

    def prefer_engines(
        self, engines: Iterable[str], device: str = "CPU", type_: str | None = None
    ) -> None:
        """Which engines to try, in order, where an operator names none: for a device, or one operator type on it."""
        if type_ is None:
            self.device_engines[device] = list(engines)
        else:
            self.op_engines[device, type_] = list(engines)

    def engine_order(self, type_: str, device: str, engine: str) -> list[str]:
        """Engines in order of preference: the operator's own, then per type, then per device, then reference."""
        named = [e.strip() for e in engine.split(",") if e.strip()]
        kind = device_kind(device)
        wanted = named + self.op_engines.get((kind, type_), []) + self.device_engines.get(kind, [])
        return list(dict.fromkeys([*wanted, ""]))
