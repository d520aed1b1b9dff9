"""What the walking tests walk over: the repository's packages and its tracked files."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def root():
    return ROOT


@pytest.fixture(scope="session")
def tracked_files():
    """Every file that git tracks and that is there, as absolute paths."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if listed.returncode != 0:
        pytest.skip("not a git checkout: nothing says which files belong to the repository")
    paths = [ROOT / name for name in listed.stdout.decode().split("\0") if name]
    return [path for path in paths if path.is_file()]


def pytest_generate_tests(metafunc):
    folders = sorted(path.parent for path in ROOT.glob("packages/*/pyproject.toml"))
    walked = {"package": folders, "plugin": [f for f in folders if f.name != "c2-core"]}
    for name in walked.keys() & set(metafunc.fixturenames):
        metafunc.parametrize(name, walked[name], ids=lambda folder: folder.name)
