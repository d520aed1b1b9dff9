"""The native kernels that simple nets use too: those that beat NumPy without packed weights and other layouts."""

from dataclasses import replace
from functools import wraps

from c2.compile.native import NativeKernel, NativeRequest
from c2_mkl.call import Offer
from c2_mkl.native.elementwise import build_activation
from c2_mkl.native.lookup import LOOKUPS, build_lookup
from c2_mkl.native.lookup_gradient import GRADIENTS, build_gradient
from c2_mkl.native.normalize import build_spatial_bn
from c2_mkl.native.row_codes import DECODERS, ENCODERS, build_row_codes
from c2_mkl.native.sparse_adagrad import UPDATES, build_adagrad
from c2_mkl.simple import simple_kernel

LEAST = 4096  # elements; below, NumPy has finished before a native call has begun


def _between_products(build: Offer) -> Offer:
    """The builder for what stands between NumPy's matrix products, where it is worth a native call.

    On one thread: OpenMP's threads wait for more work on the cores that NumPy's BLAS wants next, which made a ResNet-50
    five times slower.
    """

    @wraps(build)
    def builder(request: NativeRequest) -> NativeKernel | str:
        if request.inputs[0].size < LEAST:
            return f"fewer than {LEAST} elements"
        return build(replace(request, threads=1))

    return builder


_ACTIVATIONS = ("Relu", "LeakyRelu", "Clip", "Sigmoid", "Elu", "Swish", "HardSigmoid")
_BUILDERS: list[tuple[Offer, tuple[str, ...]]] = [
    (build_lookup, tuple(LOOKUPS)),
    (build_gradient, tuple(GRADIENTS)),
    (build_row_codes, (*ENCODERS, *DECODERS)),
    (build_adagrad, UPDATES),
    (_between_products(build_activation), _ACTIVATIONS),
    (_between_products(build_spatial_bn), ("SpatialBN",)),
]
for _build, _types in _BUILDERS:
    for _type in _types:
        globals()[_type] = simple_kernel(_type, _build, __name__)
