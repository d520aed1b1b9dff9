"""`backend` and `--require-backend`, in runs of pytest of their own."""

import pytest

CONFTEST = """
    import pytest
    from c2.registry import CPUDevice, Registry
    from c2.testing.pytest_plugin import Backends
    pytest_plugins = ["c2.testing.pytest_plugin"]

    class Broken(CPUDevice):
        name = "BROKEN"
        def probe(self):
            return "no such driver"

    @pytest.fixture(scope="session")
    def backends(request):
        registry = Registry()
        registry.add_device(CPUDevice())
        registry.add_device(Broken())
        return Backends(request.config.getoption("require_backend"), registry)
"""
TESTS = """
    def test_cpu(backend):
        assert backend("CPU").name == "CPU"

    def test_broken(backend):
        backend("BROKEN")

    def test_limit(backend):
        backend("CPU")
        import pytest
        pytest.xfail("a known limit")

    def test_absent(backend):
        backend("ABSENT")

    def test_library(backend):
        assert backend("LIBRARY", probe=lambda: None) is None

    def test_broken_library(backend):
        backend("OLD", probe=lambda: "version 1 is too old")
"""


@pytest.fixture
def run(pytester):
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(TESTS)
    return lambda *args: pytester.runpytest("-p", "no:cacheprovider", "-rs", *args)


def test_what_cannot_be_used_is_skipped_with_its_reason(run):
    result = run()
    result.assert_outcomes(passed=2, skipped=3, xfailed=1)
    result.stdout.fnmatch_lines(
        [
            "*= back ends =*",
            "ABSENT: 1 skipped (back end ABSENT: device 'ABSENT' is not registered. Have: *",
            "BROKEN: 1 skipped (back end BROKEN: no such driver)",
            "CPU: 1 passed, 1 xfailed",
            "LIBRARY: 1 passed",
            "OLD: 1 skipped (back end OLD: version 1 is too old)",
        ]
    )
    assert result.ret == 0


def test_required_ones_fail(run):
    result = run("--require-backend=BROKEN", "--require-backend=OLD", "--require-backend=CPU")
    result.assert_outcomes(passed=2, failed=2, skipped=1, xfailed=1)
    result.stdout.fnmatch_lines(
        ["*--require-backend=OLD, but it cannot be used: version 1 is too old"]
    )
    result.stdout.fnmatch_lines(["BROKEN: 1 failed"])


@pytest.mark.parametrize("how", [[], ["-n1"]])
def test_a_required_one_that_no_test_asked_for_fails_the_run(how, run, pytestconfig):
    if how and not pytestconfig.pluginmanager.hasplugin("xdist"):
        pytest.skip("pytest-xdist is not installed")
    result = run("--require-backend=OPENCLL", *how)
    result.assert_outcomes(passed=2, skipped=3, xfailed=1)
    result.stdout.fnmatch_lines(
        ["OPENCLL: required by --require-backend=OPENCLL, but no test asked for it"]
    )
    assert result.ret == pytest.ExitCode.TESTS_FAILED


def test_collecting_alone_requires_nothing(run):
    assert run("--require-backend=OPENCLL", "--collect-only").ret == 0


def test_nothing_is_said_where_no_test_needs_a_back_end(pytester):
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile("def test_nothing(): pass")
    assert "back ends" not in pytester.runpytest("-p", "no:cacheprovider").stdout.str()
