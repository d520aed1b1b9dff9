"""Shared data, and a real Caffe2 to ask; tests that need them skip where they are not there."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from c2.serialize import budget

ROOT = Path(__file__).resolve().parents[3]
SHARED = Path(os.environ.get("C2_SHARED", ROOT.parent / "shared"))


@pytest.fixture
def shared():
    if not (SHARED / "data").is_dir():
        pytest.skip("no shared data; C2_SHARED names its folder")
    return SHARED / "data"


@pytest.fixture(scope="session")
def _oracle_program():
    program = SHARED / "tools" / "oracle"
    if not program.exists():
        pytest.skip("no real Caffe2 to compare with; C2_SHARED names the folder with tools/oracle")
    asked = _run(program, ["-c", "from caffe2.python import workspace"])
    if asked.returncode != 0:
        pytest.skip("the real Caffe2 is not set up: run `oracle setup`")
    return program


@pytest.fixture
def oracle(_oracle_program, tmp_path):
    """Run a script in a real Caffe2, in tmp_path; gives what it printed."""

    def run(script: str) -> str:
        (tmp_path / "script.py").write_text(PRELUDE + script)
        done = _run(_oracle_program, ["script.py"], tmp_path)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


PRELUDE = """
import numpy as np
from caffe2.proto import caffe2_pb2, metanet_pb2
from caffe2.python import core, workspace
op = core.CreateOperator
run = workspace.RunOperatorOnce
"""


def _run(program: Path, arguments: list[str], folder: Path | None = None):
    environment = {
        k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "PROTOCOL_BUFFERS"))
    }
    command = [str(program), "python", *arguments]
    return subprocess.run(
        command,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.fixture(autouse=True)
def _own_budget(monkeypatch):
    """Each test begins with the default memory budget."""
    monkeypatch.delenv(budget.VARIABLE, raising=False)
    yield
    budget.set_memory_budget(None)
