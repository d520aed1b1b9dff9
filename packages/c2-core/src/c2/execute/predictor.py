"""Predictor: a model ready to use, compiled, shared by any number of threads."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from c2.compile.net import CompiledNet
from c2.compile.precision import precision_of
from c2.compile.tuning.mode import Tune, mode_of
from c2.errors import NetError, SchemaError, did_you_mean
from c2.execute.workspace import Workspace
from c2.graph.check import check_net
from c2.graph.device import put_on
from c2.proto import NetDef
from c2.registry import Registry
from c2.serialize.net_file import NetFile

if TYPE_CHECKING:
    from c2.build.progress import Progress


class Predictor:
    """An init net that makes the parameters and a predict net that uses them.

        predict = c2.Predictor.load("squeezenet/")
        scores = predict(data=image)["prob"]

    Threads may call one Predictor at the same time: each call takes an instance of the program of its own, made where
    none is free; parameters are shared.

    Attributes:
        inputs: names of the blobs to give at each call.
        outputs: names of the blobs that come back.
    """

    def __init__(
        self,
        init_net: Any,
        predict_net: Any,
        *,
        inputs: Iterable[str] | None = None,
        outputs: Iterable[str] | None = None,
        keep: Iterable[str] = (),
        registry: Registry | None = None,
        threads: int | None = None,
        runner: str | None = None,
        precision: str | None = None,
        device: str | None = None,
        tune: Tune = None,
        progress: Progress | None = None,
    ) -> None:
        """Runs the init net and checks the predict net.

        Args:
            init_net: a Net, NetDef or NetFile.
            predict_net: a Net or NetDef.
            inputs: external inputs to be given at each call; None: those that the init net does not make.
            outputs: blobs to give back; None: the external outputs of the predict net.
            keep: further blobs to give back.
            threads, runner: see CompiledNet.
            precision: "fp32", "bf16" or "int8"; None: what the predict net asks for, else "fp32".
            device: where both nets run ("CPU", "CUDA", "CUDA:1"), whatever their operators say; None: as they say.
            tune: True: at the first call with new shapes, the kernels of all installed engines race, and the fastest
                for the whole net are used from then on; results are kept in a cache on disk. "cached": what that cache
                has is used, and nothing is timed. None: the predict net's argument `tune`, else $C2_TUNE, else no.
            progress: is told how far a race is.

        Raises:
            TuningError: `tune` is something else.
            PrecisionError: nothing here computes in that precision, with the reason.
        """
        self._proto = _copy(predict_net)
        self._device = device or "CPU"
        if device is not None:
            put_on(self._proto, device)
            init_net = _on_device(init_net, device)
        self._root = Workspace(registry=registry)
        self._root.run_once(init_net)
        self._checked = check_net(self._proto, self._root.registry)
        needed = self._checked.needs()
        made = set(self._root.blobs())
        self.inputs = list(inputs) if inputs is not None else [n for n in needed if n not in made]
        missing = [n for n in needed if n not in made and n not in self.inputs]
        if missing:
            raise NetError(
                f"net '{self._proto.name}': the init net does not make {', '.join(map(repr, missing))}, and they are "
                "no inputs. Name them in inputs=, or use the init net that belongs to this predict net"
            )
        chosen = list(outputs) if outputs is not None else list(self._proto.external_output)
        self.outputs = list(dict.fromkeys([*chosen, *keep]))
        self._threads, self._runner = threads, runner
        # Refused here, not at the first call.
        self._precision = precision_of(self._proto, precision, self._root.registry).name
        self._tune, self._progress = mode_of(self._proto, tune), progress
        self._free: deque[tuple[Workspace, CompiledNet]] = deque()

    @classmethod
    def load(cls, path: str | os.PathLike[str], **options: Any) -> Predictor:
        """A Predictor from a folder that holds init_net.pb and predict_net.pb (or .pbtxt)."""
        from c2.serialize.messages import load_net
        from c2.serialize.model_files import model_paths
        from c2.serialize.net_file import open_net

        init_path, predict_path = model_paths(path)
        return cls(open_net(init_path), load_net(predict_path), **options)

    def __call__(self, *args: Any, **inputs: Any) -> Any:
        """Runs the model.

        Args:
            args: one mapping from input name to array (for names that are no identifiers, such as "1"), or one array
                where the model has one input.
            inputs: arrays by input name.

        Returns:
            Output name -> array, a copy the caller owns.
        """
        given = self._given(args, inputs)
        workspace, net = self._take()
        try:
            for name, value in given.items():
                workspace.feed(name, value)
            net.run()
            return {name: workspace.fetch(name) for name in self.outputs}
        finally:
            self._free.append((workspace, net))

    def _given(self, args: tuple[Any, ...], inputs: Mapping[str, Any]) -> dict[str, Any]:
        given = dict(inputs)
        if len(args) == 1 and isinstance(args[0], Mapping):
            given.update({str(k): v for k, v in args[0].items()})
        elif len(args) == 1 and len(self.inputs) == 1:
            given[self.inputs[0]] = args[0]
        elif args:
            raise SchemaError(
                f"give the inputs {self.inputs} by name: predict({self.inputs[0]}=array)"
            )
        for name in given:
            if name not in self.inputs:
                near = did_you_mean(name, self.inputs)
                raise SchemaError(
                    f"the model has no input '{name}'; its inputs are {self.inputs}.{near}"
                )
        absent = [n for n in self.inputs if n not in given]
        if absent:
            raise SchemaError(f"inputs are missing: {absent}; the model's inputs are {self.inputs}")
        return given

    def _take(self) -> tuple[Workspace, CompiledNet]:
        try:
            return self._free.pop()
        except IndexError:
            return self._instance()

    def _instance(self) -> tuple[Workspace, CompiledNet]:
        """A workspace over the shared parameters, with a compiled net of its own."""
        workspace = self._root.child()
        for name in (*self.inputs, *self.outputs):
            workspace.own_blob(name)
        for name in self.inputs:
            workspace.blob(name).device = self._device  # fed there, not copied by the net
        constants = set(self._checked.needs()) - set(self.inputs)
        net = CompiledNet(
            self._checked,
            workspace,
            workspace.registry,
            constants=constants,
            keep=self.outputs,
            threads=self._threads,
            precision=self._precision,
            runner=self._runner,
            tune=self._tune,
            progress=self._progress,
        )
        return workspace, net

    def program(self, **inputs: Any) -> Any:
        """The compiled program for inputs of these shapes, for `c2 explain`."""
        workspace, net = self._take()
        try:
            for name, value in self._given((), inputs).items():
                workspace.feed(name, value)
            return net.program()
        finally:
            self._free.append((workspace, net))


def _on_device(init_net: Any, device: str) -> Any:
    if isinstance(init_net, NetFile):
        init_net.device = device
        return init_net
    return put_on(_copy(init_net), device)


def _copy(net: Any) -> Any:
    copy = NetDef()
    copy.CopyFrom(getattr(net, "proto", net))
    return copy
