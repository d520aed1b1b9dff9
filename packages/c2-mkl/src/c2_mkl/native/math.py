"""Functions of one number: those that gradients of arithmetic are made of."""

from __future__ import annotations

from c2.compile.native import NativeKernel, NativeRequest
from c2_mkl.activation import add_unary
from c2_mkl.call import Declined, chain_of, mkl_native
from c2_mkl.image import elementwise_layout
from c2_mkl.library import OneDNN

KINDS = {"Negative": "NEGATIVE", "Sqr": "SQR", "Sqrt": "SQRT", "Abs": "ABS", "Exp": "EXP", "Log": "LOG",
         "Cube": "CUBE", "Reciprocal": "RECIPROCAL"}  # fmt: skip
POWERS = {-1.0: "RECIPROCAL", 0.5: "SQRT", 1.0: "SCALE", 2.0: "SQR", 3.0: "CUBE"}
LEAVE_ZERO = ("NEGATIVE", "SQR", "SQRT", "ABS", "CUBE", "SCALE")


@mkl_native(*KINDS, "Scale", "Pow")
def build_function(request: NativeRequest, library: OneDNN) -> NativeKernel:
    kind, factor = KINDS.get(request.type, "SCALE"), request.args.get("scale", 1.0)
    if request.type == "Pow":
        exponent = request.args["exponent"]
        if len(request.inputs) > 1 or exponent not in POWERS:
            raise Declined("powers other than -1, 0.5, 1, 2 and 3, for which NumPy is as fast")
        kind = POWERS[exponent]
    layout, size = elementwise_layout(request, kind in LEAVE_ZERO)
    chain = chain_of(request, library)
    add_unary(chain, kind, factor, 0.0, size, [0, chain.output], request.threads)
    return chain.kernel([layout], [layout])
