"""What follows an operator, as far as NVIDIA's kernels do it themselves."""

from __future__ import annotations

from dataclasses import dataclass

from c2.compile.native import NativeRequest


@dataclass(frozen=True)
class Follows:
    """Attributes:
    sum: whether the last input is added to the output first.
    relu: whether Relu comes last.
    """

    sum: bool
    relu: bool


def what_follows(request: NativeRequest) -> Follows | str:
    """It, or why the operator's own kernel serves, each of the others after it."""
    types = [type_ for type_, _ in request.post]
    if not types:
        return "nothing follows that could be fused: the operator's kernel serves"
    relu = types[-1] == "Relu"
    before = types[:-1] if relu else types
    if before not in ([], ["Sum"], ["Add"]):
        return f"NVIDIA's kernels do not do {', '.join(types)}"
    return Follows(sum=bool(before), relu=relu)
