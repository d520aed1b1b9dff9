"""Products of matrices in C order by cuBLASLt, whose matrices are in Fortran's order.

A matrix in C order is its transpose in Fortran's, so C = A B is computed as C^T = B^T A^T: B comes first, nothing is
moved, and what is to be transposed here is to be transposed there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from c2.errors import KernelError
from c2_cuda.cublas.library import library
from c2_cuda.cublas.numbers import (
    Compute,
    DataType,
    Epilogue,
    Layout,
    Operation,
    Preference,
)
from c2_cuda.cublas.numbers import Product as Attribute
from c2_cuda.nvidia import address, numbers
from c2_cuda.workspace import workspace

DATA_TYPES = {
    "float16": DataType.CUDA_R_16F,
    "float32": DataType.CUDA_R_32F,
    "float64": DataType.CUDA_R_64F,
}
WORKSPACE = 32 << 20  # bytes; what NVIDIA advises for Hopper
ANY_ADDRESS = 256  # stands for a bias, so that algorithms for aligned ones are found


@dataclass(frozen=True)
class Matrix:
    """A matrix in C order as it is stored, or a stack of them.

    Attributes:
        rows, columns: as stored.
        transposed: whether the product takes its transpose.
        step: elements from one matrix of the stack to the next; 0: the same one each time.
    """

    rows: int
    columns: int
    transposed: bool = False
    step: int = 0

    @property
    def shape(self) -> tuple[int, int]:
        """As the product takes it."""
        return (self.columns, self.rows) if self.transposed else (self.rows, self.columns)


class Product:
    """C = act(A B + bias), or a stack of them, for matrices of given sizes."""

    def __init__(
        self, xp: Any, a: Matrix, b: Matrix, dtype: Any, *, count: int = 1, bias: bool = False,
        relu: bool = False, tf32: bool = False,
    ) -> None:  # fmt: skip
        """
        Args:
            count: matrices in a stack.
            bias: whether `__call__` is given a vector to add to each row.
            relu: whether numbers below zero become zero.
            tf32: whether float32 may be rounded to TF32.

        Raises:
            KernelError: cuBLASLt has no algorithm for it.
        """
        (rows, _), (_, columns) = a.shape, b.shape
        self.xp, self._library = xp, library()
        name = np.dtype(dtype).name
        double = name == "float64"
        self._one, self._zero = (numbers("double" if double else "float", v) for v in (1.0, 0.0))
        self._type = DATA_TYPES[name]
        compute = (
            Compute.CUBLAS_COMPUTE_64F if double
            else Compute.CUBLAS_COMPUTE_32F_FAST_TF32 if tf32 and name == "float32"
            else Compute.CUBLAS_COMPUTE_32F
        )  # fmt: skip
        scale = DataType.CUDA_R_64F if double else DataType.CUDA_R_32F
        self._matmul = self._make("MatmulDesc", compute, scale)
        for attribute, matrix in (
            (Attribute.CUBLASLT_MATMUL_DESC_TRANSA, b), (Attribute.CUBLASLT_MATMUL_DESC_TRANSB, a)
        ):  # fmt: skip
            operation = Operation.CUBLAS_OP_T if matrix.transposed else Operation.CUBLAS_OP_N
            self._set(attribute, "int", operation)
        self._set(Attribute.CUBLASLT_MATMUL_DESC_EPILOGUE, "int", _epilogue(bias, relu))
        self._bias = 0
        if bias:
            self._set_bias(ANY_ADDRESS)
        self._a, self._b = self._layout(a, count), self._layout(b, count)
        self._c = self._layout(Matrix(rows, columns, step=rows * columns), count)
        self._algorithm, self._bytes = self._choose()

    def __call__(self, a: Any, b: Any, c: Any, bias: Any = None) -> None:
        """Writes the product into c. All are contiguous CuPy arrays."""
        if bias is not None and bias.data.ptr != self._bias:
            self._set_bias(bias.data.ptr)
        memory = address(workspace(self.xp, self._bytes)) if self._bytes else address(None)
        stream = self._library.ffi.cast("cudaStream_t", self.xp.cuda.get_current_stream().ptr)
        self._library.call(
            "Matmul", handle(self.xp), self._matmul, self._one, address(b), self._b, address(a), self._a,
            self._zero, address(c), self._c, address(c), self._c, self._algorithm, memory, self._bytes, stream,
        )  # fmt: skip

    def _choose(self) -> tuple[Any, int]:
        found_library, ffi = self._library, self._library.ffi
        preference = self._make("MatmulPreference")
        limit = numbers("size_t", WORKSPACE)
        found_library.call(
            "MatmulPreferenceSetAttribute", preference, Preference.CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, limit,
            ffi.sizeof("size_t"),
        )  # fmt: skip
        result, found = ffi.new("cublasLtMatmulHeuristicResult_t[1]"), ffi.new("int *")
        found_library.call(
            "MatmulAlgoGetHeuristic", handle(self.xp), self._matmul, self._b, self._a, self._c, self._c, preference,
            1, result, found,
        )  # fmt: skip
        if not found[0] or result[0].state != 0:
            raise KernelError(
                f"cuBLASLt {found_library.version()} has no algorithm for this product"
            )
        algorithm = ffi.new("cublasLtMatmulAlgo_t *", result[0].algo)
        return algorithm, result[0].workspaceSize

    def _layout(self, matrix: Matrix, count: int) -> Any:
        made = self._make("MatrixLayout", self._type, matrix.columns, matrix.rows, matrix.columns)
        if count > 1:
            call, ffi = self._library.call, self._library.ffi
            for attribute, kind, value in (
                (Layout.CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, "int32_t", count),
                (Layout.CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, "int64_t", matrix.step),
            ):
                call(
                    "MatrixLayoutSetAttribute",
                    made,
                    attribute,
                    numbers(kind, value),
                    ffi.sizeof(kind),
                )
        return made

    def _set_bias(self, pointer: int) -> None:
        self._bias = pointer
        self._set(Attribute.CUBLASLT_MATMUL_DESC_BIAS_POINTER, "uintptr_t", pointer)

    def _set(self, attribute: Attribute, kind: str, value: int) -> None:
        size = self._library.ffi.sizeof(kind)
        self._library.call(
            "MatmulDescSetAttribute", self._matmul, attribute, numbers(kind, value), size
        )

    def _make(self, kind: str, *args: Any) -> Any:
        found = self._library
        made = found.ffi.new(f"cublasLt{kind}_t *")
        found.call(f"{kind}Create", made, *args)
        return found.ffi.gc(made[0], lambda value: found.status(f"{kind}Destroy", value))


def _epilogue(bias: bool, relu: bool) -> Epilogue:
    if bias:
        return Epilogue.CUBLASLT_EPILOGUE_RELU_BIAS if relu else Epilogue.CUBLASLT_EPILOGUE_BIAS
    return Epilogue.CUBLASLT_EPILOGUE_RELU if relu else Epilogue.CUBLASLT_EPILOGUE_DEFAULT


_handles: dict[int, Any] = {}


def handle(xp: Any) -> Any:
    """cuBLASLt's handle of the current device, made at first use; threads may share it."""
    device = xp.cuda.device.get_device_id()
    if device not in _handles:
        made = library().ffi.new("cublasLtHandle_t *")
        library().call("Create", made)
        _handles[device] = made[0]
    return _handles[device]
