"""The native kernels that simple nets use too."""

from c2_mkl.call import Offer
from c2_mkl.native.lookup import LOOKUPS, build_lookup
from c2_mkl.native.lookup_gradient import GRADIENTS, build_gradient
from c2_mkl.native.row_codes import DECODERS, ENCODERS, build_row_codes
from c2_mkl.native.sparse_adagrad import UPDATES, build_adagrad
from c2_mkl.simple import simple_kernel

_BUILDERS: list[tuple[Offer, tuple[str, ...]]] = [
    (build_lookup, tuple(LOOKUPS)),
    (build_gradient, tuple(GRADIENTS)),
    (build_row_codes, (*ENCODERS, *DECODERS)),
    (build_adagrad, UPDATES),
]
for _build, _types in _BUILDERS:
    for _type in _types:
        globals()[_type] = simple_kernel(_type, _build, __name__)
