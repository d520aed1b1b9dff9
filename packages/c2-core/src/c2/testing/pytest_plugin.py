"""For tests that need a device or a library which may be absent: a fixture, an option and a summary.

In conftest.py: `pytest_plugins = ["c2.testing.pytest_plugin"]`. Then

    def test_relu(backend):
        device = backend("OPENCL")            # skips, with the reason, where it cannot be used

    def test_blocked(backend):
        backend("MKL", probe=my_package.probe)  # no device: `probe()` returns None or the reason

`--require-backend=OPENCL` turns these skips into failures, and fails the run where no test asked for OPENCL.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from c2.errors import DeviceError
from c2.registry import Registry

Probe = Callable[[], "str | None"]
ASKED = "c2_backend"  # the name of the property in a test's report


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.getgroup("c2").addoption(
        "--require-backend",
        action="append",
        default=[],
        metavar="NAME",
        help="fail where tests of this back end would be skipped, or where there are none (repeatable)",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(_Summary(config.getoption("require_backend")), "c2-backends")


class Backends:
    """What can be used here; each back end is probed once.

    Args:
        required: names that must not be skipped.
        registry: holds the devices; the default registry, at first use, unless told.
    """

    def __init__(self, required: list[str], registry: Registry | None = None) -> None:
        self.required = required
        self.registry = registry
        self._reasons: dict[tuple[str, Probe | None], str | None] = {}

    def need(self, name: str, probe: Probe | None = None) -> Any:
        """The device of that name; None where a `probe` stands for something else.

        Skips the test where it cannot be used, or fails it where `--require-backend` names it.
        """
        if (name, probe) not in self._reasons:
            self._reasons[name, probe] = probe() if probe is not None else self._probe_device(name)
        reason = self._reasons[name, probe]
        if reason is not None and name in self.required:
            pytest.fail(f"--require-backend={name}, but it cannot be used: {reason}", pytrace=False)
        if reason is not None:
            pytest.skip(f"back end {name}: {reason}")
        return self._registry().device(name) if probe is None else None

    def _probe_device(self, name: str) -> str | None:
        try:
            return self._registry().device(name).probe()
        except DeviceError as error:
            return str(error)

    def _registry(self) -> Registry:
        if self.registry is None:
            from c2.registry import default

            self.registry = default()
        return self.registry


@pytest.fixture(scope="session")
def backends(request: pytest.FixtureRequest) -> Backends:
    """The back ends of this run. Override it to use a registry of your own."""
    return Backends(request.config.getoption("require_backend"))


@pytest.fixture
def backend(backends: Backends, request: pytest.FixtureRequest) -> Callable[..., Any]:
    """`backend(name, probe=None)`: the device, or the test is skipped."""

    def need(name: str, probe: Probe | None = None) -> Any:
        request.node.user_properties.append((ASKED, name))
        return backends.need(name, probe)

    return need


class _Summary:
    """Counts by back end, from the reports, so that it works over the workers of xdist too."""

    def __init__(self, required: list[str]) -> None:
        self.required = required
        self.counts: dict[str, dict[str, int]] = {}
        self.reasons: dict[str, str] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when != "call" and report.passed:
            return
        for name in {str(v) for k, v in report.user_properties if k == ASKED}:
            counts = self.counts.setdefault(name, {})
            outcome = (
                "xfailed" if report.skipped and hasattr(report, "wasxfail") else report.outcome
            )
            counts[outcome] = counts.get(outcome, 0) + 1
            if report.skipped and isinstance(report.longrepr, tuple):
                self.reasons[name] = report.longrepr[2].removeprefix("Skipped: ")

    def missing(self) -> list[str]:
        return [name for name in dict.fromkeys(self.required) if name not in self.counts]

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        worker = hasattr(session.config, "workerinput")
        collecting = session.config.getoption("collectonly")
        if self.missing() and not worker and not collecting and session.exitstatus in (0, 5):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        lines = list(self._lines())
        if lines:
            terminalreporter.section("back ends")
            for line in lines:
                terminalreporter.line(line)

    def _lines(self) -> Iterator[str]:
        for name, counts in sorted(self.counts.items()):
            text = ", ".join(f"{n} {outcome}" for outcome, n in sorted(counts.items()))
            yield f"{name}: {text}" + (f" ({self.reasons[name]})" if name in self.reasons else "")
        for name in self.missing():
            yield f"{name}: required by --require-backend={name}, but no test asked for it"
