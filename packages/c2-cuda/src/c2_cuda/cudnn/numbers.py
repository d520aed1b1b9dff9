"""Numbers of cuDNN's enumerations, by NVIDIA's names without CUDNN_. A test compiles them behind NVIDIA's header."""

from enum import IntEnum


class DataType(IntEnum):
    DATA_FLOAT = 0
    DATA_DOUBLE = 1
    DATA_HALF = 2
    DATA_BFLOAT16 = 9


class Status(IntEnum):
    STATUS_SUCCESS = 0


class Format(IntEnum):
    TENSOR_NCHW = 0
    TENSOR_NHWC = 1


class Math(IntEnum):
    """What a convolution may compute with: DEFAULT_MATH allows TF32 for float32, FMA_MATH does not."""

    DEFAULT_MATH = 0
    TENSOR_OP_MATH = 1
    FMA_MATH = 3


class ConvolutionMode(IntEnum):
    CROSS_CORRELATION = 1


class Forward(IntEnum):
    """Algorithms of a convolution."""

    CONVOLUTION_FWD_ALGO_IMPLICIT_GEMM = 0
    CONVOLUTION_FWD_ALGO_IMPLICIT_PRECOMP_GEMM = 1
    CONVOLUTION_FWD_ALGO_COUNT = 8


class InputGradient(IntEnum):
    CONVOLUTION_BWD_DATA_ALGO_COUNT = 6


class FilterGradient(IntEnum):
    CONVOLUTION_BWD_FILTER_ALGO_COUNT = 7


class Pooling(IntEnum):
    POOLING_MAX = 0
    POOLING_AVERAGE_COUNT_INCLUDE_PADDING = 1
    POOLING_AVERAGE_COUNT_EXCLUDE_PADDING = 2
    POOLING_MAX_DETERMINISTIC = 3


class NaN(IntEnum):
    PROPAGATE_NAN = 1


class Activation(IntEnum):
    ACTIVATION_RELU = 1
    ACTIVATION_IDENTITY = 5


class BatchNorm(IntEnum):
    BATCHNORM_SPATIAL = 1
    BATCHNORM_SPATIAL_PERSISTENT = 2


class LRN(IntEnum):
    LRN_CROSS_CHANNEL_DIM1 = 0


class Softmax(IntEnum):
    SOFTMAX_ACCURATE = 1
    SOFTMAX_MODE_INSTANCE = 0


class Determinism(IntEnum):
    NON_DETERMINISTIC = 0
    DETERMINISTIC = 1
