"""Int8Add and Int8Sum, alone and with a Relu: two tensors of bytes added in one pass."""

from __future__ import annotations

from typing import Any

from c2.compile.net import default_threads
from c2.ops.int8 import sums as portable
from c2.registry import kernel
from c2.serialize.blobs import Int8Tensor
from c2_mkl.call import ENGINE, Chain
from c2_mkl.int8.call import Int8Call, least_of
from c2_mkl.library import onednn, why_not

LEAST = 1024  # bytes; below, NumPy has finished before a native call is made


def _why_not(*specs: Any, **args: Any) -> str | None:
    return why_not()


def _sum_kernel(type_: str, reference: Any, relu: bool) -> Any:
    def int8_sum(
        xp: Any, A: Int8Tensor, B: Int8Tensor, *, Y_scale: float, Y_zero_point: int
    ) -> Int8Tensor:
        portable.require_one_shape(A, B)
        if A.data.size < LEAST:
            small: Int8Tensor = reference(xp, A, B, Y_scale=Y_scale, Y_zero_point=Y_zero_point)
            return small
        library, chain = onednn(), Chain(onednn(), 2, 1)
        fields = {
            "n": A.data.size, "a": A.scale / Y_scale, "b": B.scale / Y_scale, "a_zero": A.zero_point,
            "b_zero": B.zero_point, "zero_point": Y_zero_point, "least": least_of(Y_zero_point, relu),
            "threads": default_threads(),
        }  # fmt: skip
        chain.add("int8_sum", fields, [0, 1, 2])
        call = Int8Call(library, chain.kernel())
        return Int8Tensor(call([A.data, B.data], A.data.shape), Y_scale, Y_zero_point)

    return kernel(type_, device="CPU", engine=ENGINE, supports=_why_not)(int8_sum)


INT8_ADD = _sum_kernel("Int8Add", portable.INT8_ADD.kernel, relu=False)
INT8_ADD_RELU = _sum_kernel("Int8AddRelu", portable.INT8_ADD_RELU.kernel, relu=True)
INT8_SUM = _sum_kernel("Int8Sum", portable.INT8_SUM.kernel, relu=False)
INT8_SUM_RELU = _sum_kernel("Int8SumRelu", portable.INT8_SUM_RELU.kernel, relu=True)
