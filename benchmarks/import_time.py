"""What `import c2` costs beyond importing numpy and protobuf, each in fresh processes; and the first net.

python benchmarks/import_time.py [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

import numpy as np

BASE = "import numpy, google.protobuf.message, google.protobuf.descriptor_pool, google.protobuf.message_factory"
STAGES = {
    "import c2": "import c2",
    "the names of nets and workspaces": "import c2; c2.Net, c2.Workspace, c2.ModelHelper, c2.brew",
    "all operators": "import c2; c2.registry.core_registry()",
    "operators and plugins": "import c2; c2.registry.default()",
}


def seconds(statement: str) -> float:
    """Of one statement, after the base was imported, in a new process."""
    code = f"{BASE}\nfrom time import perf_counter as t\ns = t()\n{statement}\nprint(t() - s)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return float(done.stdout)


def measure(rounds: int = 11) -> dict[str, float]:
    found: dict[str, list[float]] = {name: [] for name in STAGES}
    for _ in range(rounds):
        for name, statement in STAGES.items():
            found[name].append(seconds(statement))
    return {name: float(np.median(v)) * 1e3 for name, v in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    result = measure()
    for name, value in result.items():
        print(f"{name:34} {value:7.1f} ms beyond numpy and protobuf")
    if options.json:
        options.json.write_text(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
