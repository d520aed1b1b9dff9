"""Hosts on one machine: network namespaces joined by a switch, whose cables can be cut. Linux, as root."""

import ctypes
import os
import subprocess
import uuid
from pathlib import Path

CLONE_NEWNET, CLONE_NEWNS, CLONE_NEWUTS = 0x40000000, 0x00020000, 0x04000000


def ip(*words):
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True)


class Network:
    """`size` hosts 10.213.0.1, .2, ... that reach each other and nothing else: they have no default route."""

    def __init__(self, size):
        self.name, self.size = f"c2-{uuid.uuid4().hex[:8]}", size

    def __enter__(self):
        switch = f"{self.name}-switch"
        try:
            ip("netns", "add", switch)
            ip("-n", switch, "link", "add", "switch", "type", "bridge")
            ip("-n", switch, "link", "set", "switch", "up")
            for host in range(self.size):
                place = self.place(host)
                ip("netns", "add", place)
                ends = ("eth0", "type", "veth", "peer", "name", f"port{host}", "netns", switch)
                ip("-n", place, "link", "add", *ends)
                ip("-n", switch, "link", "set", f"port{host}", "master", "switch", "up")
                ip("-n", place, "addr", "add", f"{self.address(host)}/24", "dev", "eth0")
                ip("-n", place, "link", "set", "eth0", "up")
                ip("-n", place, "link", "set", "lo", "up")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for place in [*map(self.place, range(self.size)), f"{self.name}-switch"]:
            subprocess.run(["ip", "netns", "del", place], capture_output=True)

    def place(self, host):
        return f"{self.name}-{self.address(host)}"

    def address(self, host):
        return f"10.213.0.{host + 1}"

    def cable(self, host, state):
        """Cuts ("down") or mends ("up") a cable at the switch: the host's own side stays as it was."""
        ip("-n", f"{self.name}-switch", "link", "set", f"port{host}", state)

    def shape(self, host, rate):
        """Both ways of a cable carry `rate`, such as 100mbit, and no more."""
        for place, device in (
            (self.place(host), "eth0"),
            (f"{self.name}-switch", f"port{host}"),
        ):
            shaping = ("root", "tbf", "rate", rate, "burst", "5kb", "limit", "4mb")
            subprocess.run(
                ["tc", "-n", place, "qdisc", "replace", "dev", device, *shaping],
                check=True, capture_output=True, text=True,
            )  # fmt: skip


def enter(place):
    """Moves this process, before it has threads, to a host."""
    handle = os.open(f"/run/netns/{place}", os.O_RDONLY)
    _call("setns", handle, CLONE_NEWNET)
    os.close(handle)


def call_this_host(name, address, folder):
    """In this process alone, the host's name is this and stands for this address."""
    _call("unshare", CLONE_NEWNS | CLONE_NEWUTS)
    hosts = Path(folder) / f"hosts-{os.getpid()}"
    hosts.write_text(f"{address} {name} localhost\n")
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    subprocess.run(["mount", "--bind", hosts, "/etc/hosts"], check=True)
    subprocess.run(["hostname", name], check=True)


def _call(name, *arguments):
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, name)(*arguments):
        raise OSError(ctypes.get_errno(), name)
