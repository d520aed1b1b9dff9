"""Checks in a job of `c2 launch` that c2-gloo loads the libraries named from its own wheel, and that they sum.

Exits with 1 and the reason.
"""

from __future__ import annotations

import os
import sys
from importlib.metadata import distribution
from pathlib import Path

import numpy as np

from c2.communicate import connect


def main(libraries: list[str]) -> None:
    for transport in ("shared memory", "TCP"):
        os.environ["C2_GLOO_SHARED"] = str(int(transport == "shared memory"))
        ranks = connect(run_id=transport)
        x = np.full(100_000, ranks.rank + 1.0, np.float32)
        ranks.allreduce(x)
        np.testing.assert_array_equal(x, ranks.size * (ranks.size + 1) / 2)
        ranks.close()
    maps = Path("/proc/self/maps").read_text()
    loaded = {Path(line.split()[-1]) for line in maps.splitlines() if ".so" in line}
    for name in libraries:
        folders = {place.parent.name for place in loaded if place.name.startswith(f"{name}-")}
        strangers = [place for place in loaded if place.name.startswith(f"{name}.so")]
        if folders != {"c2_gloo.libs"} or strangers:
            sys.exit(f"{name}: expected it from c2_gloo.libs, got {folders or strangers}")
    texts = {
        Path(file).stem for file in distribution("c2-gloo").files or [] if "carried" in file.parts
    }
    if texts != set(libraries):
        sys.exit(f"licences: expected those of {sorted(libraries)}, got {sorted(texts)}")
    print(f"{len(libraries)} libraries of the wheel, with their licences, sum by {transport} too")


if __name__ == "__main__":
    main(sys.argv[1:])
