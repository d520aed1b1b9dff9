"""`c2 launch`: processes of a job started, heard and ended together."""

import sys
import time

import pytest

from c2.communicate.launch.here import launch

MEET = """
import os
from c2.communicate import PrefixStore, job
mine = job()
store = PrefixStore(mine.open_store(), mine.run_id)
store.set(str(mine.rank), b"here")
store.wait(map(str, range(mine.size)))
print("all", mine.size, "by", mine.launcher, os.environ["OMP_NUM_THREADS"])
"""
FAIL = """
import os, time
if os.environ["C2_RANK"] == "1":
    raise ValueError("what went wrong")
time.sleep(60)
"""
DIE = """
import os, signal
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")

    def run(text, size):
        script = tmp_path / "script.py"
        script.write_text(text)
        heard = []
        failed = launch([sys.executable, str(script)], size, lambda *said: heard.append(said))
        return failed, heard

    return run


def test_all_meet(run):
    failed, heard = run(MEET, 3)
    assert failed is None
    assert sorted(heard) == [(rank, "all 3 by c2 launch 1") for rank in range(3)]


def test_one_fails_and_ends_the_others(run):
    start = time.monotonic()
    failed, _ = run(FAIL, 3)
    assert time.monotonic() - start < 30
    assert failed.status == 1
    assert failed.rank == 1
    assert failed.last[-1] == "ValueError: what went wrong"


def test_one_is_killed(run):
    failed, _ = run(DIE, 1)
    assert failed.status == -9
    assert failed.rank == 0
