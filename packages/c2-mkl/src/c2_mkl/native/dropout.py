"""Dropout in both modes, and its gradient."""

from __future__ import annotations

from c2.compile.native import NativeKernel, NativeRequest
from c2_mkl.call import Chain, Declined, chain_of, mkl_native
from c2_mkl.library import OneDNN


@mkl_native("Dropout", any_dtype=True)
def build_dropout(request: NativeRequest, library: OneDNN) -> NativeKernel:
    """The first state comes from the operator's generator; from then on each run makes the next one."""
    args, chain = request.args, _chain(request, library)
    if args["is_test"]:
        if len(request.outputs) > 1:
            raise Declined("test mode with one output only")
        return _copied(chain, request)
    chain.add("dropout", {
        "n": request.inputs[0].size, "ratio": args["ratio"], "scale": 1 / (1 - args["ratio"]),
        "threads": request.threads, "state": int(request.rng.integers(1 << 63)),
    }, range(3))  # fmt: skip
    return chain.kernel()


@mkl_native("DropoutGrad", any_dtype=True)
def build_dropout_gradient(request: NativeRequest, library: OneDNN) -> NativeKernel:
    chain = _chain(request, library)
    if request.args["is_test"]:
        return _copied(chain, request)
    fields = {"n": request.inputs[0].size, "scale": 1 / (1 - request.args["ratio"])}
    chain.add(
        "dropout_gradient", {**fields, "threads": request.threads}, range(3), context="dropout"
    )
    return chain.kernel()


def _chain(request: NativeRequest, library: OneDNN) -> Chain:
    if request.inputs[0].dtype != "float32":
        raise Declined(f"float32 only, not {request.inputs[0].dtype}")
    return chain_of(request, library)


def _copied(chain: Chain, request: NativeRequest) -> NativeKernel:
    chain.add("copy", {"bytes": request.inputs[0].nbytes}, [0, chain.output])
    return chain.kernel()
