"""What stays on the CPU, with the reason: the whole list. Everything else must run on a GPU."""

from c2.errors import DeviceError, MissingKernel

_INT8 = "8-bit tensors are objects of the host, as in Caffe2"
_TREE = "walks a tree, a node at a time"
_STRINGS = "GPUs have no strings"

_INT8_TYPES = (
    "Add AddRelu AveragePool AveragePoolRelu ChannelShuffle Concat Conv ConvRelu Dequantize FC Flatten "
    "GivenIntTensorFill GivenTensorFill LeakyRelu MaxPool MaxPoolRelu Quantize Relu Reshape ResizeNearest Sigmoid "
    "Slice Softmax Sum SumRelu Transpose"
)
_STRING_NAMES = "EndsWith Equals Join Prefix StartsWith Suffix"
CPU_ONLY = {
    **{f"Int8{name}": _INT8 for name in _INT8_TYPES.split()},
    **{f"String{name}": _STRINGS for name in _STRING_NAMES.split()},
    "GivenTensorStringFill": _STRINGS,
    "HSoftmaxSearch": _TREE,
    "HuffmanTreeHierarchy": _TREE,
    "UniqueUniformFill": "draws until nothing repeats",
}
LIMITS = ("strings stay on the CPU", "no kernel for ")


def declined(run):
    """None where `run()` went well, else the reason why the device declines it. Any other error is raised."""
    try:
        run()
    except (MissingKernel, DeviceError) as error:
        if not any(limit in str(error) for limit in LIMITS):
            raise
        return str(error)
    return None
