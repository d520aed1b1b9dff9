"""Every error that c2 raises on purpose.

A message says what was asked, where, what was expected, what came instead, and what to do about it.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class C2Error(Exception):
    """Base of all errors of c2; `except c2.C2Error` catches a mistake of the user, never a bug of ours."""


class SchemaError(C2Error, ValueError):
    """An operator does not satisfy its schema: number of blobs, arguments, shapes, dtypes, in-place rules."""


class NetError(C2Error, ValueError):
    """A net is not well formed: a cycle, an input nobody makes, a duplicate name, an unknown net type."""


class CheckError(NetError):
    """All problems of one net at once; `problems` holds them one by one."""

    def __init__(self, net_name: str, problems: list[C2Error]) -> None:
        self.net_name, self.problems = net_name, problems
        count = f"{len(problems)} problem" + ("s" if len(problems) != 1 else "")
        super().__init__(f"net '{net_name}' has {count}:\n" + "\n".join(str(p) for p in problems))

    def __reduce__(self) -> tuple[type[CheckError], tuple[str, list[C2Error]]]:
        return type(self), (self.net_name, self.problems)


class UnknownOperator(C2Error, LookupError):
    """No operator of that type is registered."""


class DuplicateRegistration(C2Error, ValueError):
    """Two packages registered the same operator, kernel, device or model name."""


class MissingKernel(C2Error, LookupError):
    """The operator exists, but nothing can run it on the device and engine that were asked for."""


class MissingBlob(C2Error, KeyError):
    """A blob that was asked for is not in the workspace, or holds nothing yet."""

    def __str__(self) -> str:  # KeyError would print the repr
        return str(self.args[0])


class DeviceError(C2Error, RuntimeError):
    """A device is unknown, absent, or not usable; says why."""


class PrecisionError(C2Error, RuntimeError):
    """A net was asked to compute in numbers that nothing installed here computes in; says why."""


class TuningError(C2Error, ValueError):
    """Engines cannot be chosen by measuring as it was asked for: an unknown mode, a cache that cannot be deleted."""


class KernelError(C2Error, RuntimeError):
    """A kernel failed while a net ran; `__cause__` holds what it raised."""


class GradientError(C2Error, ValueError):
    """The gradient of a net cannot be built."""


class FormatError(C2Error, ValueError):
    """A file or a message is not what it should be: truncated, damaged, of another format."""


class MemoryBudgetError(C2Error, MemoryError):
    """A tensor or a net would need more memory than the budget allows; nothing was allocated."""


class OutOfMemory(C2Error, MemoryError):
    """A device had no room left while a net ran; what the net had made there was freed. Names the largest blobs."""


class NotAllowed(C2Error, PermissionError):
    """An operator touches files, sockets or Python code and the caller has not allowed it."""


class StoreError(C2Error, RuntimeError):
    """The store where the processes of a job meet is not there, or not usable; says why."""


class CommunicationError(C2Error, RuntimeError):
    """Processes of a job could not join, or a collective failed; names rank and collective, and what others did."""


class DeadlineError(C2Error, TimeoutError):
    """Something that another process was to do did not happen in time."""


class PluginError(C2Error, RuntimeError):
    """A plugin could not be loaded; raised in strict mode, else kept and shown by `c2 plugins`."""


def did_you_mean(name: str, candidates: Iterable[str]) -> str:
    """` Did you mean 'Relu', 'PRelu'?`, or an empty string where nothing is near."""
    by_folded: dict[str, str] = {}
    for candidate in candidates:
        by_folded.setdefault(candidate.lower(), candidate)
    near = difflib.get_close_matches(name.lower(), by_folded, n=3, cutoff=0.65)
    return f" Did you mean {', '.join(repr(by_folded[n]) for n in near)}?" if near else ""
