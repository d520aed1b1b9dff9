"""What optimizers do to parameters: one pass over parameter, moments and gradient."""

from __future__ import annotations

from c2.compile.native import NativeKernel, NativeRequest
from c2_mkl.call import chain_of, mkl_native
from c2_mkl.library import OneDNN


@mkl_native("MomentumSGD", "MomentumSGDUpdate")
def build_momentum(request: NativeRequest, library: OneDNN) -> NativeKernel:
    args = request.args
    fields = {
        "momentum": args["momentum"],
        "nesterov": int(args["nesterov"]),
        "update": int(request.type == "MomentumSGDUpdate"),
    }
    return _update(request, library, "momentum", fields)


@mkl_native("Adam", integers=(5,))
def build_adam(request: NativeRequest, library: OneDNN) -> NativeKernel:
    names = ("beta1", "beta2", "epsilon")
    fields = {**{n: request.args[n] for n in names}, "gives_step": int(len(request.outputs) > 3)}
    return _update(request, library, "adam", fields)


@mkl_native("Adagrad")
def build_adagrad(request: NativeRequest, library: OneDNN) -> NativeKernel:
    names = ("epsilon", "decay", "weight_decay")
    fields = {**{n: request.args[n] for n in names}, "outputs": len(request.outputs)}
    return _update(request, library, "dense_adagrad", fields)


@mkl_native("RmsProp")
def build_rms_prop(request: NativeRequest, library: OneDNN) -> NativeKernel:
    fields = {name: request.args[name] for name in ("decay", "momentum", "epsilon")}
    return _update(request, library, "rms_prop", fields)


@mkl_native("WeightedSum")
def build_weighted_sum(request: NativeRequest, library: OneDNN) -> NativeKernel:
    return _update(request, library, "weighted_sum", {"count": len(request.inputs) // 2})


def _update(
    request: NativeRequest, library: OneDNN, name: str, fields: dict[str, float]
) -> NativeKernel:
    chain = chain_of(request, library)
    given = range(len(request.inputs) + len(request.outputs))
    chain.add(name, {**fields, "n": request.outputs[0].size, "threads": request.threads}, given)
    return chain.kernel()
