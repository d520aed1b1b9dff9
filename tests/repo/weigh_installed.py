"""Weighs an environment: `python weigh_installed.py WITHOUT MOST`.

Prints the megabytes of each distribution's files (without bytecode), the heaviest first, and exits with 1 where all of
them but the one named WITHOUT, and what makes environments, weigh more than MOST. It needs nothing but Python.
"""

from __future__ import annotations

import importlib.metadata
import sys
from pathlib import Path

TOOLS = {"pip", "setuptools", "wheel"}


def megabytes(distribution: importlib.metadata.Distribution) -> float:
    paths = [Path(str(distribution.locate_file(f))) for f in distribution.files or ()]
    return sum(p.stat().st_size for p in paths if p.suffix != ".pyc" and p.exists()) / 1e6


def main(without: str, most: str) -> None:
    weights = {d.metadata["Name"].lower(): megabytes(d) for d in importlib.metadata.distributions()}
    weights = {name: weight for name, weight in weights.items() if name not in TOOLS}
    for name, weight in sorted(weights.items(), key=lambda pair: -pair[1]):
        print(f"{weight:7.2f} MB  {name}")
    rest = sum(weights.values()) - weights[without]
    print(f"{sum(weights.values()):7.2f} MB  all, {rest:.2f} MB without {without}")
    if rest > float(most):
        sys.exit(f"{rest:.2f} MB without {without}, at most {most} MB were meant")


if __name__ == "__main__":
    main(*sys.argv[1:])
