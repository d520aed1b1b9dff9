"""Workspace: named blobs and the nets that run on them."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextvars import ContextVar, Token
from typing import Any

import numpy as np

from c2.errors import MissingBlob, NetError, SchemaError, did_you_mean
from c2.execute.blob import Blob
from c2.execute.simple import SimpleNet
from c2.graph.check import CheckedNet, check_net, check_op
from c2.graph.device import as_device_option, device_name
from c2.proto import NetDef, OperatorDef
from c2.registry import Registry
from c2.registry.memory import copied_array
from c2.registry.spec import ANY, PLAIN
from c2.serialize.net_file import NetFile

_current: ContextVar[Workspace | None] = ContextVar("c2_workspace", default=None)


class Workspace:
    """Blobs by name, and nets that were made ready to run on them.

        ws = c2.Workspace()
        ws.feed("x", np.ones((2, 3), np.float32))
        ws.run(net)
        ws["y"]                                   # a copy, as a NumPy array

    `with ws:` makes it the current one of this thread or task. A child sees its parent's blobs, and writes to
    them where a name exists there.

    Args:
        allow: what operators may touch besides blobs: "files", "python", "network". Model files carry no code:
            nothing is allowed unless it is named here.
        root_folder: where relative paths of Save and Load start.
        registry: the operators to run; the default one of the process unless given.
    """

    def __init__(
        self,
        *,
        allow: Iterable[str] = (),
        root_folder: str = ".",
        registry: Registry | None = None,
        parent: Workspace | None = None,
    ) -> None:
        self.parent = parent
        self.allow: frozenset[str] = frozenset(allow)
        if parent is not None:
            self.allow |= parent.allow
        self.root_folder = root_folder
        inherited = None if parent is None else parent.registry
        self._registry = inherited if registry is None else registry
        self._blobs: dict[str, Blob] = {}
        self._nets: dict[str, tuple[Any, int, Any]] = {}
        self._tokens: list[Token[Workspace | None]] = []
        self._lock = threading.RLock()

    @property
    def registry(self) -> Registry:
        if self._registry is None:
            from c2 import registry

            self._registry = registry.default()
        return self._registry

    # -- blobs

    def blob(self, name: Any) -> Blob:
        """The Blob of that name, made here where neither this workspace nor its parents have it."""
        found = self._find(str(name))
        if found is None:
            with self._lock:
                found = self._blobs.setdefault(str(name), Blob(str(name)))
        return found

    def own_blob(self, name: str) -> Blob:
        """A Blob of this very workspace, hiding one of that name in a parent."""
        return self._blobs.setdefault(name, Blob(name))

    def _find(self, name: str) -> Blob | None:
        found = self._blobs.get(name)
        if found is None and self.parent is not None:
            return self.parent._find(name)
        return found

    def has(self, name: Any) -> bool:
        return self._find(str(name)) is not None

    __contains__ = has

    def blobs(self) -> list[str]:
        """Names of all blobs, those of the parents included."""
        inherited = [] if self.parent is None else self.parent.blobs()
        return sorted({*inherited, *self._blobs})

    def __iter__(self) -> Iterator[str]:
        return iter(self.blobs())

    def __len__(self) -> int:
        return len(self.blobs())

    def feed(self, name: Any, value: Any, device: Any = None, *, copy: bool = True) -> None:
        """Puts a value into a blob.

        Args:
            value: a NumPy array, NumPy scalar, anything with DLPack, or a str or bytes (a string blob). Arrays of
                str or bytes become string tensors.
            device: a device name or DeviceOption; None: where the blob lives, the CPU for a new one.
            copy: False keeps the very array where the device is the CPU and its elements follow one another in C
                order: no copy is made, and operators that work in place write to it unless it is read-only.

        Raises:
            SchemaError: a type or dtype that Caffe2 has no tensor for.
        """
        blob = self.blob(name)
        if isinstance(value, (str, bytes)):
            blob.value, blob.device = value.encode() if isinstance(value, str) else value, "CPU"
            return
        array = as_tensor(value, str(name))
        target = device_name(as_device_option(device)) if device is not None else blob.device
        if target != "CPU":
            from c2.place.place import usable_device

            on = usable_device(self.registry, target)
            if _fits(blob, target, array) and on.owns(blob.value):
                on.copy_into(blob.value, array)
            else:
                blob.value = on.from_numpy(array)
        elif not copy and array.flags.c_contiguous:
            blob.value = array
        elif (
            _fits(blob, target, array)
            and isinstance(blob.value, np.ndarray)
            and blob.value.flags.writeable
        ):
            np.copyto(blob.value, array)
        else:
            blob.value = copied_array(array)
        blob.device = target

    def fetch(self, name: Any) -> Any:
        """What a blob holds: a copy in host memory of a tensor, bytes of a string, else the object itself.

        Raises:
            MissingBlob: there is no such blob, or it holds nothing yet.
        """
        blob = self._find(str(name))
        if blob is None:
            near = did_you_mean(str(name), self.blobs())
            raise MissingBlob(f"blob '{name}' is not in the workspace.{near}")
        if blob.value is None:
            why = blob.why_empty or "the operator that makes it has not run"
            raise MissingBlob(f"blob '{name}' holds nothing: {why}")
        if hasattr(blob.value, "dtype") and hasattr(blob.value, "shape"):
            return self.registry.device(blob.device).to_numpy(blob.value)
        return blob.value

    __getitem__ = fetch

    def __setitem__(self, name: Any, value: Any) -> None:
        self.feed(name, value)

    def remove(self, name: Any) -> None:
        """Forgets a blob of this workspace. Nets that use it keep their own hold on it until they are made again."""
        if self._blobs.pop(str(name), None) is None:
            raise MissingBlob(
                f"blob '{name}' is not in this workspace.{did_you_mean(str(name), self._blobs)}"
            )

    def reset(self) -> None:
        """Forgets all blobs and nets of this workspace."""
        with self._lock:
            self._blobs.clear()
            self._nets.clear()

    # -- nets

    def create(self, net: Any, *, overwrite: bool = False) -> Any:
        """Makes a net ready to run: checked, placed, bound at its first run. All its inputs must exist.

        Args:
            net: a Net or a NetDef.
            overwrite: replace a net of the same name.

        Returns:
            The runnable net, with `run()`.
        """
        proto = net.proto if hasattr(net, "proto") else net
        if proto.name in self._nets and not overwrite:
            raise NetError(
                f"net '{proto.name}' exists in this workspace already; pass overwrite=True to replace it"
            )
        copy = NetDef()
        copy.CopyFrom(proto)
        runnable = self._runnable(copy)
        with self._lock:
            self._nets[proto.name] = (net, getattr(net, "version", 0), runnable)
        return runnable

    def _runnable(self, proto: Any) -> Any:
        checked = check_net(proto, self.registry)
        if checked.type == "compiled":
            from c2.compile.net import CompiledNet

            return CompiledNet(checked, self, self.registry)
        return SimpleNet(checked, self, self.registry)

    def nets(self) -> list[str]:
        return sorted(self._nets)

    def run(self, net: Any, times: int = 1) -> None:
        """Runs a net by name, or a Net, which is made ready first where it is new or has changed since.

        Raises:
            NetError: no net of that name.
        """
        runnable = self.runnable(net)
        for _ in range(times):
            runnable.run()

    def runnable(self, net: Any) -> Any:
        """The ready form of a net that `run` uses."""
        if isinstance(net, str):
            if net not in self._nets:
                near = did_you_mean(net, self._nets)
                raise NetError(f"net '{net}' was not created in this workspace.{near}")
            return self._nets[net][2]
        if isinstance(net, OperatorDef):
            return self._runnable(NetDef(name=net.name or net.type, op=[net]))
        name = net.proto.name if hasattr(net, "proto") else net.name
        known = self._nets.get(name)
        if known is not None and known[0] is net and known[1] == getattr(net, "version", 0):
            return known[2]
        return self.create(net, overwrite=known is not None)

    def run_once(self, net: Any) -> None:
        """Runs a Net, a NetDef, a NetFile or an OperatorDef once and keeps nothing but the blobs."""
        if isinstance(net, OperatorDef):
            self.runnable(net).run()
        elif isinstance(net, NetFile):
            for index in range(len(net)):
                self._run_op(net, index)
        else:
            self._runnable(net.proto if hasattr(net, "proto") else net).run()

    def _run_op(self, net: NetFile, index: int) -> None:
        """An operator as a net of its own, so that its message is gone before the next one is read."""
        checked = check_op(net.read_op(index), self.registry, net.header.name, index)
        SimpleNet(CheckedNet(net.header, [checked]), self, self.registry).run()

    # -- family and context

    def child(self) -> Workspace:
        """A workspace that sees this one's blobs."""
        return Workspace(parent=self, root_folder=self.root_folder)

    def __enter__(self) -> Workspace:
        self._tokens.append(_current.set(self))
        return self

    def __exit__(self, *exc: object) -> None:
        _current.reset(self._tokens.pop())

    def __repr__(self) -> str:
        return f"<Workspace: {len(self._blobs)} blobs, {len(self._nets)} nets>"


def current_workspace() -> Workspace:
    """The workspace of the innermost `with`, or one that belongs to this thread."""
    found = _current.get()
    if found is None:
        found = Workspace()
        _current.set(found)
    return found


_NUMBERS = frozenset(np.dtype(name) for name in PLAIN)


def as_tensor(value: Any, name: str = "") -> np.ndarray[Any, Any]:
    """A value as an array of a dtype that tensors have. Raises SchemaError where it has none."""
    if type(value) is np.ndarray and value.dtype in _NUMBERS:
        return value
    if isinstance(value, (np.ndarray, np.generic)):
        array = np.asarray(value)
    elif hasattr(value, "__dlpack__"):
        array = np.from_dlpack(value)
    else:
        raise SchemaError(
            f"blob '{name}': cannot feed a {type(value).__name__}; feed an array, "
            f"for example np.asarray(value, np.float32), or a str or bytes"
        )
    if array.dtype.kind in "SU":
        encoded = [v if isinstance(v, bytes) else str(v).encode() for v in array.ravel().tolist()]
        strings = np.empty(array.shape, object)
        strings.ravel()[:] = encoded
        return strings
    if str(array.dtype.newbyteorder("=")) not in ANY:
        allowed = ", ".join(sorted(ANY - {"object"}))
        raise SchemaError(
            f"blob '{name}': tensors have no dtype {array.dtype}; expected one of {allowed}, or strings. "
            "Convert it first: array.astype(...)"
        )
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def _fits(blob: Blob, device: str, array: np.ndarray[Any, Any]) -> bool:
    held = blob.value
    return (
        blob.device == device
        and hasattr(held, "dtype")
        and (tuple(held.shape), held.dtype) == (array.shape, array.dtype)
    )
