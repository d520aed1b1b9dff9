"""A job on several hosts: here each is this machine, reached by `env`, or by a real sshd of our own."""

import getpass
import os
import shutil
import socket
import subprocess
import sys
import time

import pytest

from c2.communicate.launch.hosts import LAUNCHERS, launch_on_hosts, parse_hosts
from c2.errors import CommunicationError

MEET = """
import os
from c2.communicate import PrefixStore, job
mine = job()
store = PrefixStore(mine.open_store(), mine.run_id)
store.set(str(mine.rank), b"here")
store.wait(map(str, range(mine.size)))
print(mine.size, mine.launcher, os.environ.get("ON"), os.getcwd(), os.environ["OMP_NUM_THREADS"])
store.set("ready to go %d" % mine.rank, b"")
store.wait("ready to go %d" % r for r in range(mine.size))
"""
FAIL = """
import os, time
if os.environ["C2_RANK"] == "1":
    raise ValueError("what went wrong")
time.sleep(60)
"""
HERE = "env ON={host}"


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.chdir(tmp_path)

    def run(text, hosts, launcher=HERE, store="tcp://127.0.0.1:0", **given):
        script = tmp_path / "script.py"
        script.write_text(text)
        heard = []
        failed = launch_on_hosts(
            [sys.executable, str(script)], parse_hosts(hosts), lambda *said: heard.append(said),
            launcher=launcher, store=store, **given,
        )  # fmt: skip
        return failed, heard

    return run


def test_all_meet(run, tmp_path):
    failed, heard = run(MEET, "a,b:2")
    assert failed is None
    assert sorted(heard) == [
        (rank, f"3 c2 launch {host} {tmp_path} 3") for rank, host in enumerate("abb")
    ]


def test_ranks_meet_in_a_store_that_all_see(run, tmp_path):
    failed, heard = run(MEET, "a,b", store=f"file://{tmp_path}/store")
    assert failed is None
    assert len(heard) == 2


def test_one_fails_and_ends_the_others_on_all_hosts(run):
    start = time.monotonic()
    failed, _ = run(FAIL, "a:2,b:2")
    assert time.monotonic() - start < 30
    assert (failed.rank, failed.status, failed.host) == (1, 1, "a")
    assert failed.last[-1] == "ValueError: what went wrong"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"launcher": "no-such-program {host}"}, "host a: 'no-such-program' cannot be run: No such"),
        ({"launcher": "sh -c 'echo lost >&2; exit 7'"}, "host a: .* exit status 7\n  lost"),
        ({"python": "/no/python"}, "host a: .*/no/python.* exit status 127"),
        ({"store": "tcp://127.0.0.1:1:x"}, r"a store must be tcp://HOST:PORT"),
    ],
)  # fmt: skip
def test_what_is_missing_is_named(run, given, said):
    if "store" in given:  # the ranks say so
        failed, _ = run(MEET, "a", **given)
        assert "a store must be tcp://HOST:PORT" in failed.last[-1]
    else:
        with pytest.raises(CommunicationError, match=said):
            run(MEET, "a", **given)


def test_another_c2_is_named(run, tmp_path):
    other = tmp_path / "other"
    other.write_text('#!/bin/sh\necho \'{"ready": "9.9"}\'\nexec cat\n')
    other.chmod(0o755)
    with pytest.raises(CommunicationError, match=r"host a has c2 9.9, this machine has "):
        run(MEET, "a", python=str(other))


def test_a_port_that_is_taken_is_named(run):
    with socket.create_server(("", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(CommunicationError, match=f":{port}: cannot be served here"):
            run(MEET, "a,b", store=f"tcp://127.0.0.1:{port}")


def test_hosts():
    assert parse_hosts("a,b:4,me@c:2") == [("a", 1), ("b", 4), ("me@c", 2)]


@pytest.mark.parametrize("text", ["", "a,", "a:0", "a:x", ":3"])
def test_hosts_that_cannot_be_read(text):
    with pytest.raises(CommunicationError, match="as in a,b:4"):
        parse_hosts(text)


def test_a_host_stands_there_once():
    with pytest.raises(CommunicationError, match="a stands there twice"):
        parse_hosts("a,b,a:2")


@pytest.fixture
def sshd(tmp_path):
    """The command that reaches a server of our own with a key of our own."""
    program = shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None or shutil.which("ssh") is None:
        pytest.skip("no OpenSSH client and server here")
    for name in ("host", "user"):
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / name], check=True
        )
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    config = tmp_path / "sshd_config"
    config.write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {tmp_path}/host\nPidFile none\n"
        f"AuthorizedKeysFile {tmp_path}/user.pub\nStrictModes no\nUsePAM no\nPermitRootLogin yes\n"
    )
    server = subprocess.Popen([program, "-D", "-e", "-f", config], stderr=subprocess.PIPE)
    end = time.monotonic() + 10
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            break
        except OSError:
            if server.poll() is not None or time.monotonic() > end:
                server.kill()
                pytest.skip(f"sshd does not start here: {server.communicate()[1].decode()[-300:]}")
            time.sleep(0.05)
    trust = f"-i {tmp_path}/user -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null"
    yield LAUNCHERS["ssh"].replace(" {host}", f" -p {port} {trust} -o LogLevel=ERROR {{host}}")
    server.terminate()
    server.communicate()


def test_through_ssh(run, sshd, tmp_path):
    failed, heard = run(MEET, f"127.0.0.1,{getpass.getuser()}@localhost:2", launcher=sshd)
    assert failed is None
    assert sorted(heard) == [(rank, f"3 c2 launch None {tmp_path} 3") for rank in range(3)]


def test_ssh_says_that_nobody_is_there(run):
    if shutil.which("ssh") is None:
        pytest.skip("no ssh here")
    with pytest.raises(CommunicationError, match=r"host no-such-host\.invalid: 'ssh "):
        run(MEET, "no-such-host.invalid", launcher="ssh")
