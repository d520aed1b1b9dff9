"""Checks an environment with c2 installed: `python check_installed.py c2-mkl c2-zoo ...`.

The arguments are the plugins that must be there; what these bring along must work too. It needs nothing that c2-core
does not bring, so that it runs in an environment as a user would make it; exits with 1 and the reason.
"""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
from pathlib import Path

import numpy as np

import c2


def command(*arguments: str) -> str:
    """What the installed `c2` command prints."""
    program = Path(sysconfig.get_path("scripts")) / "c2"
    done = subprocess.run([str(program), *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"c2 {' '.join(arguments)}: exit status {done.returncode}\n{done.stderr}")
    return done.stdout


def check_plugins(expected: list[str]) -> None:
    listed = {plugin["distribution"]: plugin for plugin in json.loads(command("plugins", "--json"))}
    if not listed.keys() >= set(expected):
        sys.exit(f"c2 plugins: expected {sorted(expected)}, got {sorted(listed)}")
    for name, plugin in listed.items():
        if plugin["status"] == "declined":
            print(f"{name} declines this machine: {plugin}")
    usable = ("loaded", "declined")
    unusable = [plugin for plugin in listed.values() if plugin["status"] not in usable]
    if unusable:
        sys.exit(f"c2 plugins: not loaded: {json.dumps(unusable, indent=2)}")


def check_net() -> None:
    """max(0, x w' + b), run and differentiated."""
    net = c2.Net("affine")
    net.FC(["x", "w", "b"], "y")
    net.Relu("y", "z")
    gradients = net.add_gradients(["z"])
    rng = np.random.default_rng(1)
    x, w, b = (rng.standard_normal(shape).astype(np.float32) for shape in [(4, 3), (2, 3), (2,)])
    workspace = c2.Workspace()
    for name, value in {"x": x, "w": w, "b": b}.items():
        workspace.feed(name, value)
    workspace.run_once(net)
    y = x @ w.T + b
    np.testing.assert_allclose(workspace.fetch("z"), np.maximum(y, 0), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(workspace.fetch(gradients["b"]), (y > 0).sum(axis=0), rtol=1e-5)


def main(expected: list[str]) -> None:
    check_plugins(expected)
    print(command("info"))
    check_net()
    print(f"c2 {c2.__version__} with {', '.join(expected) or 'no plugin'}: plugins and a net work")


if __name__ == "__main__":
    main(sys.argv[1:])
