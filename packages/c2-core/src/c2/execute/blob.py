"""Blob: a named place in a workspace. It holds an array of some device, or any other object."""

from __future__ import annotations

from typing import Any


class Blob:
    """Name, content and the name of the device the content lives on.

    `value` is None until something is put in; `why_empty` says why nothing ever is, where that is known.
    """

    __slots__ = ("device", "name", "value", "why_empty")

    def __init__(self, name: str) -> None:
        self.name = name
        self.value: Any = None
        self.device = "CPU"
        self.why_empty = ""

    def __repr__(self) -> str:
        return f"<Blob '{self.name}': {self.kind()}>"

    def kind(self) -> str:
        """What it holds, in words: `float32 (2, 3)`, `empty`, or the name of a type."""
        if self.value is None:
            return "empty"
        if hasattr(self.value, "dtype") and hasattr(self.value, "shape"):
            return f"{self.value.dtype} {tuple(self.value.shape)}"
        return type(self.value).__name__
