"""Tests of c2-mkl: skipped, with the reason, where it is not installed or oneDNN cannot be used."""

import pytest

from c2.registry import core_registry

c2_mkl = pytest.importorskip("c2_mkl", reason="c2-mkl is not installed")


@pytest.fixture(scope="session")
def onednn():
    from c2.errors import PluginError
    from c2_mkl.library import onednn

    try:
        return onednn()
    except PluginError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def registry(onednn):
    """c2-core's operators and c2-mkl's kernels, MKL preferred: what an installed c2-mkl gives."""
    from c2.plugins.discover import find_plugins
    from c2.plugins.loader import load_plugins

    made = core_registry()
    reports = load_plugins(made, [p for p in find_plugins() if p.distribution == "c2-mkl"])
    assert [r.status for r in reports] == ["loaded"], reports
    return made
