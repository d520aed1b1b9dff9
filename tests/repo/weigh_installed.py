"""Weighs an environment: `python weigh_installed.py WHEELS WITHOUT MOST`.

Prints the megabytes of each distribution: of its wheel in the folder WHEELS, of its files (without bytecode), and of
those that running needs (without tests, headers and stubs too), the heaviest first. Exits with 1 where the files of all
but the one named WITHOUT, and what makes environments, weigh more than MOST. It needs nothing but Python.
"""

from __future__ import annotations

import importlib.metadata
import re
import sys
from pathlib import Path

TOOLS = {"pip", "setuptools", "wheel"}
FOR_DEVELOPERS = {".a", ".c", ".h", ".lib", ".pxd", ".pyi", ".pyx"}
Weight = tuple[float, float, float]  # of the wheel, installed, needed to run


def weight(distribution: importlib.metadata.Distribution, wheels: dict[str, Path]) -> Weight:
    found = [Path(str(distribution.locate_file(f))) for f in distribution.files or ()]
    paths = [p for p in found if p.suffix != ".pyc" and p.is_file()]
    needed = [p for p in paths if p.suffix not in FOR_DEVELOPERS and "tests" not in p.parts]
    wheel = wheels.get(plain(distribution.metadata["Name"]))
    return megabytes([wheel] if wheel else []), megabytes(paths), megabytes(needed)


def megabytes(paths: list[Path]) -> float:
    return sum(p.stat().st_size for p in paths) / 1e6


def plain(name: str) -> str:
    """A distribution's name in the spelling that all of its spellings have in common."""
    return re.sub(r"[-_.]+", "-", name).lower()


def main(folder: str, without: str, most: str) -> None:
    wheels = {plain(path.name.partition("-")[0]): path for path in Path(folder).glob("*.whl")}
    installed = {plain(d.metadata["Name"]): d for d in importlib.metadata.distributions()}
    weights = {n: weight(d, wheels) for n, d in installed.items() if n not in TOOLS}
    print("to fetch  on disk   to run   (MB)")
    for name, parts in sorted(weights.items(), key=lambda pair: -pair[1][1]):
        print(row(parts, name))
    every = tuple(map(sum, zip(*weights.values())))
    rest = tuple(a - b for a, b in zip(every, weights[without]))
    print(row(every, "all"))
    print(row(rest, f"all without {without}"))
    if rest[1] > float(most):
        sys.exit(f"{rest[1]:.2f} MB without {without}, at most {most} MB were meant")


def row(parts: tuple[float, ...], name: str) -> str:
    return "".join(f"{part:8.2f} " for part in parts) + f"  {name}"


if __name__ == "__main__":
    main(*sys.argv[1:])
