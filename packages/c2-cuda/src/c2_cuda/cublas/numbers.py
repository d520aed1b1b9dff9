"""Numbers of cuBLASLt's enumerations, by NVIDIA's names. A test compiles them behind NVIDIA's header."""

from enum import IntEnum


class DataType(IntEnum):
    CUDA_R_32F = 0
    CUDA_R_64F = 1
    CUDA_R_16F = 2
    CUDA_R_16BF = 14


class Compute(IntEnum):
    """What products are added up in; FAST_TF32 rounds float32 factors to TF32."""

    CUBLAS_COMPUTE_32F = 68
    CUBLAS_COMPUTE_64F = 70
    CUBLAS_COMPUTE_32F_FAST_TF32 = 77


class Operation(IntEnum):
    CUBLAS_OP_N = 0
    CUBLAS_OP_T = 1


class Product(IntEnum):
    CUBLASLT_MATMUL_DESC_TRANSA = 3
    CUBLASLT_MATMUL_DESC_TRANSB = 4
    CUBLASLT_MATMUL_DESC_EPILOGUE = 7
    CUBLASLT_MATMUL_DESC_BIAS_POINTER = 8


class Epilogue(IntEnum):
    CUBLASLT_EPILOGUE_DEFAULT = 1
    CUBLASLT_EPILOGUE_RELU = 2
    CUBLASLT_EPILOGUE_BIAS = 4
    CUBLASLT_EPILOGUE_RELU_BIAS = 6


class Layout(IntEnum):
    CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT = 5
    CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET = 6


class Preference(IntEnum):
    CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES = 1
