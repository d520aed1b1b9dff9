"""The operator cases recorded from real Caffe2, in `$C2_SHARED/data/recorded` (one zip each)."""

from __future__ import annotations

import io
import os
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from c2.proto import OperatorDef

SHARED = Path(os.environ.get("C2_SHARED", Path(__file__).parents[2].parent / "shared"))


@dataclass
class Recorded:
    """One case: the operator, its inputs and outputs, and the gradient operators Caffe2 made for it."""

    name: str
    op: Any
    inputs: list[Any]
    outputs: list[Any]
    gradients: list[Any] = field(default_factory=list)


def recorded_cases() -> list[Recorded]:
    """All cases, or none where the folder is absent."""
    return [_read(path) for path in sorted((SHARED / "data" / "recorded").glob("*.zip"))]


def _read(path: Path) -> Recorded:
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        op = OperatorDef.FromString(archive.read("op.pb"))
        arrays = np.load(io.BytesIO(archive.read("inout.npz")), allow_pickle=True, encoding="bytes")
        gradients = sorted(n for n in names if n.startswith("grad_"))
        return Recorded(
            path.stem,
            op,
            list(arrays["inputs"])[: len(op.input)],
            list(arrays["outputs"]),
            [OperatorDef.FromString(archive.read(n)) for n in gradients],
        )
