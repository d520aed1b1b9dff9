"""Models that work offline, data sets, and the demo: a plugin of c2.

import c2_zoo
predict = c2_zoo.load("lenet")
"""

from typing import Any

from c2_zoo.models import folder, load, names

__all__ = ["datasets", "folder", "load", "names"]


def __getattr__(name: str) -> Any:
    if name != "datasets":
        raise AttributeError(f"module 'c2_zoo' has no attribute '{name}'")
    from c2_zoo import datasets

    return datasets
