"""A job in Ray, where it is installed: a cluster of this machine."""

import importlib.util
import sys

import pytest

from c2.communicate.launch.on_ray import launch_on_ray
from c2.errors import CommunicationError

MEET = """
from c2.communicate import PrefixStore, job
mine = job()
store = PrefixStore(mine.open_store(), mine.run_id)
store.set(str(mine.rank), b"here")
store.wait(map(str, range(mine.size)))
print("all", mine.size, mine.launcher)
"""
FAIL = """
import os, time
if os.environ["C2_RANK"] == "1":
    raise ValueError("what went wrong")
time.sleep(60)
"""


@pytest.mark.skipif(importlib.util.find_spec("ray") is not None, reason="Ray is installed")
def test_its_absence_is_told():
    with pytest.raises(CommunicationError, match=r"pip install c2-core\[ray\]"):
        launch_on_ray(["true"], 1, print)


@pytest.fixture(scope="module")
def cluster():
    ray = pytest.importorskip("ray", reason="Ray is not installed")
    ray.init(num_cpus=2, log_to_driver=False, include_dashboard=False)
    yield
    ray.shutdown()


@pytest.fixture
def run(tmp_path, monkeypatch, cluster):
    monkeypatch.chdir(tmp_path)
    script = tmp_path / "script.py"

    def run(text):
        script.write_text(text)
        heard = []
        failed = launch_on_ray([sys.executable, str(script)], 2, lambda *said: heard.append(said))
        return failed, heard

    return run


def test_all_meet(run):
    failed, heard = run(MEET)
    assert failed is None
    assert sorted(heard) == [(rank, "all 2 c2 launch") for rank in range(2)]


def test_one_fails_and_ends_the_other(run):
    failed, _ = run(FAIL)
    assert (failed.rank, failed.status) == (1, 1)
    assert failed.last[-1] == "ValueError: what went wrong"
