"""Models of this package: each is a folder here, with its code, its weights and how they were made.

A folder that holds init_net.pb and predict_net.pb is a model, and its name is the model's: there is no list.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from c2.errors import C2Error, did_you_mean

HERE = Path(__file__).parent


def names() -> list[str]:
    """Names of all models."""
    return sorted(path.parent.name for path in HERE.glob("*/predict_net.pb"))


def folder(name: str) -> Path:
    """Where a model's init_net.pb and predict_net.pb are.

    Raises:
        C2Error: there is no such model.
    """
    if name not in names():
        raise C2Error(
            f"c2-zoo has no model '{name}'; it has {', '.join(names())}.{did_you_mean(name, names())}"
        )
    return HERE / name


def load(name: str, **options: Any) -> Any:
    """A model ready to use.

        predict = c2_zoo.load("lenet")
        scores = predict(data=images)["softmax"]

    Args:
        options: of `c2.Predictor`.

    Raises:
        C2Error: there is no such model.
    """
    import c2

    return c2.Predictor.load(folder(name), **options)
