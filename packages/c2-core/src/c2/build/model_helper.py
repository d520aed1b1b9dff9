"""ModelHelper: a net, the net that makes its parameters, and what is known of each parameter."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from c2.autodiff.maker import GradientSlice
from c2.build.initializers import ExternalInitializer, ParameterInitializer
from c2.build.parameter_info import ParameterInfo, ParameterTag, as_tags
from c2.build.parameter_sharing import parameter_name
from c2.build.random_seed import set_random_seed
from c2.errors import GradientError, NetError, SchemaError, did_you_mean
from c2.graph.blob_reference import BlobReference
from c2.graph.net import Net, Outputs
from c2.graph.scope import SEPARATOR, current_name_scope, name_scope

# The name scope outside the outermost `model.scope`: how far out the names of inputs are looked for.
_outermost: ContextVar[str | None] = ContextVar("c2_model_scope", default=None)


class ModelHelper:
    """A model under construction.

        model = c2.ModelHelper("lenet")
        with model.scope("conv1"):
            h = c2.brew.conv(model, "data", "conv1", dim_in=1, dim_out=20, kernel=5)
        ...
        model.add_gradients(loss)
        c2.optimizer.build_adam(model, base_learning_rate=1e-3)

        ws = c2.Workspace()
        ws.run(model.param_init_net)
        ws.feed("data", x)
        ws.run(model.net)

    Attributes:
        net: computes the model, and its gradients and updates once those are added.
        param_init_net: makes the parameters' first values; run it once.
        parameters: name -> ParameterInfo, in order of creation.
        arg_scope: arguments for every brew function that takes them, for example {"order": "NHWC"}.

    Args:
        init_params: False: parameters are expected in the workspace, the init net does not make them. So is a test
            net written that shares a workspace with a training net.
        param_model: another model whose parameters and init net this one uses.
    """

    def __init__(
        self,
        name: str = "model",
        *,
        arg_scope: Mapping[str, Any] | None = None,
        init_params: bool = True,
        param_model: ModelHelper | None = None,
    ) -> None:
        self.net = Net(name)
        self.name = self.net.name
        self.init_params = init_params
        self.arg_scope = dict(arg_scope or {})
        self.param_init_net: Net = (
            param_model.param_init_net if param_model else Net(f"{self.name}_init")
        )
        self.parameters: dict[str, ParameterInfo] = param_model.parameters if param_model else {}
        self.gradients: dict[str, BlobReference | GradientSlice] | None = None
        self._unnamed = 0

    # -- operators

    def op(self, type_: str, inputs: Any = (), outputs: Any = None, **args: Any) -> Outputs:
        """Adds an operator to `net`; see `Net.op`. Inputs are looked up as `blob` does."""
        several = isinstance(inputs, Iterable) and not isinstance(inputs, (str, BlobReference))
        names = [self.blob(b) for b in (inputs if several else [inputs])]
        return self.net.op(type_, names, outputs, **args)

    def __getattr__(self, type_: str) -> Callable[..., Any]:
        if not type_[:1].isupper():
            raise AttributeError(f"ModelHelper has no attribute '{type_}'")
        getattr(self.net, type_)  # says which operator may have been meant

        def add(inputs: Any = (), outputs: Any = None, **args: Any) -> Outputs:
            return self.op(type_, inputs, outputs, **args)

        return add

    def blob(self, name: Any) -> BlobReference:
        """The blob that a name means here.

        A string gets the current name scope, as everywhere. Inside `model.scope` a name that is not known there is
        looked for in the scopes around it, out to where the first `model.scope` was opened.
        """
        if isinstance(name, BlobReference):
            return BlobReference(name.name, self.net)
        scope, outermost = current_name_scope(), _outermost.get()
        if outermost is None or not scope.startswith(outermost):
            outermost = scope
        while scope != outermost and not self._knows(scope + str(name)):
            scope = scope[: scope.rstrip(SEPARATOR).rfind(SEPARATOR) + 1]
        return BlobReference(scope + str(name), self.net)

    def _knows(self, blob: str) -> bool:
        return blob in self.net or blob in self.param_init_net or blob in self.parameters

    @contextmanager
    def scope(self, name: str) -> Iterator[None]:
        """Blobs and parameters made inside are called `name/...`; blobs from outside are read by their plain names."""
        base = _outermost.get()
        token = _outermost.set(current_name_scope() if base is None else base)
        try:
            with name_scope(name):
                yield
        finally:
            _outermost.reset(token)

    def next_name(self) -> str:
        """A name for an output that got none: `<net>_blob_0`, `<net>_blob_1`, ..."""
        self._unnamed += 1
        return f"{self.name}_blob_{self._unnamed - 1}"

    # -- parameters

    def create_param(
        self,
        name: str | BlobReference,
        shape: Sequence[int],
        initializer: ParameterInitializer,
        tags: ParameterTag | Iterable[ParameterTag] = (),
        optimizer: Any = None,
    ) -> BlobReference:
        """A parameter, made by the init net; the one that is there already where it is shared.

        Args:
            name: a string gets the current scope and `parameter_sharing`; a reference is taken as it is.
            optimizer: updates this parameter in place of the model's optimizer.

        Raises:
            SchemaError: it exists with another shape.
        """
        full = name.name if isinstance(name, BlobReference) else parameter_name(name)
        known = self.parameters.get(full)
        if known is not None:
            if known.shape is not None and known.shape != tuple(shape):
                raise SchemaError(
                    f"parameter '{full}' of model '{self.name}' exists with another shape: expected "
                    f"{known.shape}, got {tuple(shape)}. Share it between layers of equal size, or give the "
                    "second layer an output of another name"
                )
            return BlobReference(full, self.net)
        if not self.init_params:
            initializer = ExternalInitializer()
        initializer.create_param(full, self.param_init_net, shape)
        return self.add_param(BlobReference(full), shape, tags, optimizer)

    def add_param(
        self,
        blob: str | BlobReference,
        shape: Sequence[int] | None = None,
        tags: ParameterTag | Iterable[ParameterTag] = (),
        optimizer: Any = None,
    ) -> BlobReference:
        """Says that a blob is a parameter; whoever calls this has it made.

        Raises:
            NetError: it is one already.
        """
        reference = self.blob(blob)
        if reference.name in self.parameters:
            raise NetError(f"model '{self.name}' has a parameter '{reference}' already")
        from c2.build.optimizer.choice import chosen_optimizer

        found = as_tags(tags)
        self.parameters[reference.name] = ParameterInfo(
            BlobReference(reference.name, self.param_init_net),
            None if shape is None else tuple(int(n) for n in shape),
            found,
            optimizer=optimizer or chosen_optimizer(found),
        )
        return reference

    def param_info(self, param: Any) -> ParameterInfo:
        """What is known of a parameter. Raises NetError where it is none."""
        if str(param) not in self.parameters:
            near = did_you_mean(str(param), self.parameters)
            raise NetError(f"model '{self.name}' has no parameter '{param}'.{near}")
        return self.parameters[str(param)]

    def _blobs(self, scope: str, keep: Callable[[ParameterInfo], bool]) -> list[BlobReference]:
        prefix = scope.rstrip(SEPARATOR) + SEPARATOR if scope else ""
        return [p.blob for n, p in self.parameters.items() if n.startswith(prefix) and keep(p)]

    def get_params(self, scope: str = "") -> list[BlobReference]:
        """Parameters that are trained, of all scopes or of one and those inside it."""
        return self._blobs(scope, lambda p: not p.computed)

    def get_computed_params(self, scope: str = "") -> list[BlobReference]:
        """Parameters that are computed from data, such as the running mean of a batch norm."""
        return self._blobs(scope, lambda p: p.computed)

    def get_all_params(self, scope: str = "") -> list[BlobReference]:
        return self._blobs(scope, lambda p: True)

    @property
    def params(self) -> list[BlobReference]:
        return self.get_params()

    @property
    def weights(self) -> list[BlobReference]:
        return self._blobs("", lambda p: ParameterTag.WEIGHT in p.tags)

    @property
    def biases(self) -> list[BlobReference]:
        return self._blobs("", lambda p: ParameterTag.BIAS in p.tags)

    # -- training

    def add_gradients(self, ys: Any, skip: int = 0) -> dict[str, Any]:
        """Adds the operators that differentiate `ys`, once; see `Net.add_gradients`.

        Raises:
            GradientError: they were added before.
        """
        if self.gradients is not None:
            raise GradientError(
                f"model '{self.name}' has its gradients already; pass all losses in one call"
            )
        self.gradients = self.net.add_gradients(ys, skip)
        for name, info in self.parameters.items():
            info.grad = self.gradients.get(name)
        return self.gradients

    def get_optimization_param_info(
        self, params: Iterable[Any] | None = None
    ) -> list[ParameterInfo]:
        """The parameters that something flows back into, of those given or of all.

        Raises:
            GradientError: `add_gradients` was not called.
        """
        if self.gradients is None:
            raise GradientError(
                f"model '{self.name}' has no gradients yet: call add_gradients(loss) first"
            )
        chosen = self.get_params() if params is None else list(params)
        infos = [self.param_info(p) for p in chosen]
        return [p for p in infos if p.grad is not None and not p.computed]

    def set_random_seed(self, seed: int) -> None:
        """Makes first values and random operators of this model the same at every run; call it when all is built."""
        set_random_seed(self.param_init_net, seed)
        set_random_seed(self.net, seed + len(self.param_init_net))

    # -- results

    def extract_predictor_net(
        self,
        outputs: Any,
        inputs: Any = None,
        *,
        name: str | None = None,
        rename: Mapping[str, str] | None = None,
    ) -> Net:
        """The part of the net that computes `outputs`, in test mode; see `c2.build.extract`."""
        from c2.build.extract import extract_predictor_net

        return extract_predictor_net(
            self.net, outputs, inputs, params=self.parameters, name=name, rename=rename
        )

    def summary(self) -> Any:
        """Parameters with shapes and sizes; prints as a table. For operators see `model.net.summary`."""
        from c2.build.summary import ModelSummary

        return ModelSummary.of(self)

    def __repr__(self) -> str:
        return f"<ModelHelper '{self.name}': {len(self.net)} operators, {len(self.parameters)} parameters>"
