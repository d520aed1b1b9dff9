"""BlobReference: the name of a blob in a net, usable wherever a name is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from c2.graph.net import Net


class BlobReference:
    """A blob by name, with the net it came from. Equal to another reference or string of the same name."""

    __slots__ = ("name", "net")

    def __init__(self, name: str, net: Net | None = None) -> None:
        self.name = name
        self.net = net

    def __str__(self) -> str:
        return self.name

    def __repr__(self) -> str:
        return f"BlobReference({self.name!r})"

    def __eq__(self, other: object) -> bool:
        return (
            self.name == str(other) if isinstance(other, (BlobReference, str)) else NotImplemented
        )

    def __hash__(self) -> int:
        return hash(self.name)

    def __add__(self, suffix: str) -> BlobReference:
        return BlobReference(self.name + suffix, self.net)

    def __radd__(self, prefix: str) -> BlobReference:
        return BlobReference(prefix + self.name, self.net)

    def __getattr__(self, type_: str) -> Any:
        """`blob.Relu([], "y")` adds an operator with this blob as its first input."""
        if self.net is None or not type_[:1].isupper():
            raise AttributeError(type_)
        add = getattr(self.net, type_)

        def call(inputs: Any = (), outputs: Any = None, **args: Any) -> Any:
            rest = list(inputs) if isinstance(inputs, (list, tuple)) else [inputs]
            return add([self, *rest], outputs, **args)

        return call
