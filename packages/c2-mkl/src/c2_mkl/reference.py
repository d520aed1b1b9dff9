"""The reference kernel's errors: what it refuses, a native kernel refuses with the same words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from c2.compile.native import NativeRequest
from c2.execute.call import make_call
from c2.registry import default
from c2.registry.spec import spec_of


def raise_as_reference(request: NativeRequest) -> Callable[[int, Sequence[Any]], None]:
    """An `explain` of native kernels: runs the reference kernel, which raises. It must check before it writes."""

    def explain(code: int, arrays: Sequence[Any]) -> None:
        registry = default()
        kernel = next(k for k in registry.kernels(request.type) if not k.engine)
        specs = [spec_of(a) for a in arrays]
        make_call(kernel, registry.device("CPU"), specs, request.args, len(request.outputs))(
            *arrays
        )

    return explain
