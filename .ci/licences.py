"""Puts the licences of system libraries into a wheel that will carry them: `python licences.py WHEEL libgloo ...`.

The libraries are those that the wheel's extensions load here; Debian says which package each is of, and where that
package's licences stand. `auditwheel repair` must follow, which lists all files of the wheel anew.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path


def said(*command: str | Path) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def loaded(wheel: Path) -> dict[str, Path]:
    """Name (libgloo.so.0) and place of all libraries that the wheel's extensions load."""
    found = {}
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(wheel) as packed:
        for name in packed.namelist():
            if name.endswith(".so"):
                for line in said("ldd", packed.extract(name, folder)).splitlines():
                    library, arrow, place = line.strip().partition(" => ")
                    if arrow:
                        found[library] = Path(place.split(" (")[0])
    return found


def licence(library: Path) -> str:
    """The licences of the Debian package that a file is of, with the texts that they refer to."""
    names = {str(library), str(library.resolve()), f"/usr{library}"}
    for name in sorted(names):
        done = subprocess.run(["dpkg-query", "-S", name], capture_output=True, text=True)
        if done.returncode == 0:
            text = Path("/usr/share/doc", done.stdout.split(":")[0], "copyright").read_text("utf-8")
            general = sorted(set(re.findall(r"/usr/share/common-licenses/[\w.-]*\w", text)))
            return "\n\n".join([text, *(Path(name).read_text("utf-8") for name in general)])
    raise SystemExit(f"{library}: no Debian package holds it, so its licence is not known")


def main(wheel: Path, *names: str) -> None:
    libraries = loaded(wheel)
    with zipfile.ZipFile(wheel, "a", zipfile.ZIP_DEFLATED) as packed:
        (metadata,) = (name for name in packed.namelist() if name.endswith(".dist-info/METADATA"))
        folder = metadata.rsplit("/", 1)[0] + "/licenses/carried"
        for name in names:
            places = [
                place for library, place in libraries.items() if library.startswith(f"{name}.so")
            ]
            if len(places) != 1:
                raise SystemExit(f"{wheel.name}: expected to load one {name}, found {places}")
            packed.writestr(f"{folder}/{name}.txt", licence(places[0]))


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
