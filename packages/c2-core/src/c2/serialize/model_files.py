"""A model as its two files: init_net.pb makes the parameters, predict_net.pb computes with them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from c2.errors import FormatError
from c2.proto import NetDef
from c2.serialize.init_net import init_net_to_params, params_to_init_net
from c2.serialize.messages import PathLike, load_net, save_message
from c2.serialize.predictor_db import PredictorModel, load_predictor_db, save_predictor_db

__all__ = [
    "PredictorModel",
    "init_net_to_params",
    "load_model",
    "load_predictor_db",
    "params_to_init_net",
    "save_model",
    "save_predictor_db",
]

ROLES = ("init_net", "predict_net")
_SUFFIXES = (".pb", ".pbtxt", ".prototxt")


def load_model(
    source: PathLike | Sequence[PathLike] | Mapping[str, PathLike],
) -> tuple[NetDef, NetDef]:
    """The init net and the predict net of a model.

    Args:
        source: a folder with init_net.pb and predict_net.pb (or .pbtxt; a prefix as in
            `squeezenet_init_net.pb` is allowed where there is one of each); or the two paths,
            in this order or by these names.

    Raises:
        FormatError: a net is missing, there are several, or a file is not a NetDef.
    """
    init_path, predict_path = model_paths(source)
    return load_net(init_path), load_net(predict_path)


def save_model(folder: PathLike, init_net: NetDef, predict_net: NetDef, text: bool = False) -> None:
    """Write the two nets of a model to a folder, which is made where it is missing.

    Each file is written whole or not at all.

    Args:
        text: init_net.pbtxt and predict_net.pbtxt instead of binary files.
    """
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    suffix = ".pbtxt" if text else ".pb"
    save_message(init_net, target / f"init_net{suffix}", text)
    save_message(predict_net, target / f"predict_net{suffix}", text)


def model_paths(
    source: PathLike | Sequence[PathLike] | Mapping[str, PathLike],
) -> tuple[PathLike, PathLike]:
    """Where the init net and the predict net of a model are; see load_model."""
    if isinstance(source, Mapping):
        missing = [role for role in ROLES if role not in source]
        if missing:
            raise FormatError(
                f"expected the paths init_net and predict_net, got {', '.join(source)}"
            )
        return source["init_net"], source["predict_net"]
    if not isinstance(source, str | os.PathLike):
        if len(source) != 2:
            raise FormatError(f"expected the paths of init_net and predict_net, got {len(source)}")
        return source[0], source[1]
    folder = Path(source)
    if not folder.is_dir():
        raise FormatError(
            f"{folder}: expected a folder with init_net.pb and predict_net.pb, "
            f"got {'a file' if folder.exists() else 'nothing there'}; "
            "give the two paths where the files have other names"
        )
    return _find(folder, "init_net"), _find(folder, "predict_net")


def _find(folder: Path, role: str) -> Path:
    for suffix in _SUFFIXES:
        if (folder / (role + suffix)).is_file():
            return folder / (role + suffix)
    here = sorted(path.name for path in folder.iterdir())
    ends = tuple(role + suffix for suffix in _SUFFIXES)
    found = [name for name in here if name.endswith(ends)]
    if len(found) == 1:
        return folder / found[0]
    listed = ", ".join(found or here[:10]) or "nothing"
    many = "several" if found else "none"
    raise FormatError(
        f"{folder}: expected one {role}.pb or {role}.pbtxt, got {many}; there is {listed}"
    )
