"""Parameters as an init net, and back: operators that hold their tensor in an argument.

=========================  ==================================================================
array                      operators
=========================  ==================================================================
float32                    GivenTensorFill
int32, int64, int16, bool  GivenTensorIntFill, -Int64Fill, -Int16Fill, -BoolFill
uint8                      GivenTensorByteStringToUInt8Fill
strings                    GivenTensorStringFill
float64                    GivenTensorDoubleFill, whose argument is float32
float16                    GivenTensorFill, then FloatToHalf
int8, uint16               GivenTensorIntFill, then Cast
Int8Tensor                 Int8GivenTensorFill (uint8), Int8GivenIntTensorFill (int32)
=========================  ==================================================================

All of them run in a real Caffe2 too, which has no filler for float16, int8 and uint16.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from c2.errors import FormatError, SchemaError
from c2.proto import DATA_TYPES, Argument, DeviceOption, NetDef, OperatorDef
from c2.serialize.arguments import make_argument
from c2.serialize.blobs import Int8Tensor
from c2.serialize.budget import check_budget
from c2.serialize.bulk import get_numbers
from c2.serialize.tensors import data_type_of, numpy_dtype

if TYPE_CHECKING:
    from numpy.typing import NDArray

Params = Mapping[str, Any]  # blob name -> array or Int8Tensor

CARRIER = "c2/carrier"
"""The blob that holds a parameter until it is cast to a type that no filler has."""

_FILLERS = {
    "float32": "GivenTensorFill",
    "int32": "GivenTensorIntFill",
    "int64": "GivenTensorInt64Fill",
    "int16": "GivenTensorInt16Fill",
    "bool": "GivenTensorBoolFill",
    "float64": "GivenTensorDoubleFill",
}
_BYTES_FILLER = "GivenTensorByteStringToUInt8Fill"
_STRING_FILLER = "GivenTensorStringFill"
_CARRIERS = {"float16": "float32", "int8": "int32", "uint16": "int32"}


def params_to_init_net(
    params: Params, device_option: DeviceOption | None = None, name: str = "init"
) -> NetDef:
    """A net that makes the given blobs when it runs.

    Args:
        params: blob name -> array or Int8Tensor.
        device_option: of the net; None: none.
        name: of the net.

    >>> params_to_init_net({"b": np.zeros(2, np.float32)}).op[0].type
    'GivenTensorFill'

    Raises:
        SchemaError: a dtype Caffe2 does not have, or float64 numbers that float32 would change.
    """
    net = NetDef(name=name)
    if device_option is not None:
        net.device_option.CopyFrom(device_option)
    for blob, value in params.items():
        if isinstance(value, Int8Tensor):
            net.op.append(_int8_filler(blob, value))
        else:
            net.op.extend(_fillers(blob, np.asarray(value)))
    net.external_output.extend(params)
    return net


def _fillers(blob: str, array: NDArray[Any]) -> list[OperatorDef]:
    dtype = array.dtype.name
    if dtype in _CARRIERS:
        # FloatToHalf, because Cast does not know float16 on a CPU.
        carrier = _filler(
            CARRIER, _FILLERS[_CARRIERS[dtype]], array.shape, array.astype(_CARRIERS[dtype])
        )
        cast = OperatorDef(type="FloatToHalf" if dtype == "float16" else "Cast")
        cast.input.append(CARRIER)
        cast.output.append(blob)
        if cast.type == "Cast":
            cast.arg.append(make_argument("to", data_type_of(dtype)))
        return [carrier, cast]
    if dtype == "uint8":
        return [_filler(blob, _BYTES_FILLER, array.shape, [array.tobytes()])]
    if array.dtype.kind in "OSU":
        return [_filler(blob, _STRING_FILLER, array.shape, array.ravel().tolist())]
    if dtype not in _FILLERS:
        data_type_of(array.dtype)  # raises
    if dtype == "float64" and not np.array_equal(array, array.astype("float32"), equal_nan=True):
        raise SchemaError(
            f"blob '{blob}': an init net stores float64 as float32, which would change its numbers; "
            "convert it to float32, or save the parameters to a database"
        )
    return [_filler(blob, _FILLERS[dtype], array.shape, array)]


def _filler(blob: str, kind: str, shape: Iterable[int], values: Any) -> OperatorDef:
    op = OperatorDef(type=kind, output=[blob])
    op.arg.append(make_argument("shape", list(shape)))
    op.arg.append(make_argument("values", values))
    return op


def _int8_filler(blob: str, value: Int8Tensor) -> OperatorDef:
    data = np.asarray(value.data)
    if data.dtype == np.uint8:
        op = _filler(blob, "Int8GivenTensorFill", data.shape, data.tobytes())
    elif data.dtype == np.int32:
        op = _filler(blob, "Int8GivenIntTensorFill", data.shape, data)
    else:
        raise SchemaError(f"blob '{blob}': expected uint8 or int32 data, got {data.dtype}")
    op.arg.append(make_argument("Y_scale", float(value.scale)))
    op.arg.append(make_argument("Y_zero_point", int(value.zero_point)))
    return op


def init_net_to_params(init_net: NetDef, budget: int | None = None) -> dict[str, Any]:
    """The blobs an init net makes, read from its arguments without running it.

    Besides the operators above, ConstantFill with a given shape is read.

    Returns:
        blob name -> array or Int8Tensor, in the order of the operators.

    Raises:
        FormatError: another operator, or an argument that is missing or does not fit; run the net then.
        MemoryBudgetError: the blobs together are larger than the budget.
    """
    params: dict[str, Any] = {}
    used = 0
    for k, op in enumerate(init_net.op):
        filler = _Filler(op, f"init net '{init_net.name}', op {k} {op.type}")
        params[filler.output] = filler.read(params, used, budget)
        used += _nbytes(params[filler.output])
    params.pop(CARRIER, None)
    return params


def _nbytes(value: Any) -> int:
    return int(value.data.nbytes if isinstance(value, Int8Tensor) else value.nbytes)


class _Filler:
    """One operator of an init net."""

    def __init__(self, op: OperatorDef, source: str) -> None:
        self.op = op
        self.source = source
        self.args = {arg.name: arg for arg in op.arg}
        if len(op.output) != 1:
            raise FormatError(f"{source}: expected one output, got {len(op.output)}")
        self.output: str = op.output[0]
        if self.output:
            self.source = f"{source} -> '{self.output}'"

    def read(self, params: Params, used: int, budget: int | None) -> Any:
        kind = self.op.type
        if kind in ("Cast", "FloatToHalf"):
            return self._cast(params)
        reader = _READERS.get(kind)
        if reader is None or self.op.input:
            with_input = " with an input" if self.op.input else ""
            raise FormatError(
                f"{self.source}: {kind}{with_input} cannot be read without running it; expected "
                f"{', '.join(sorted(_READERS))}. Run the init net in a workspace instead"
            )
        shape = self.shape()
        check_budget(
            used + 8 * math.prod(shape), f"{self.source} {shape} with those before", budget
        )
        return reader(self, shape)

    def shape(self) -> tuple[int, ...]:
        shape = tuple(self.args["shape"].ints) if "shape" in self.args else (1,)
        if (
            any(d < 0 for d in shape)
            or len(shape) > 32
            or math.prod(d for d in shape if d) >= 1 << 60
        ):
            raise FormatError(f"{self.source}: shape {shape} is impossible")
        return shape

    def argument(self, name: str, field: str) -> Any:
        arg = self.args.get(name)
        if arg is None:
            raise FormatError(f"{self.source}: argument '{name}' is missing")
        if not arg.HasField(field):
            raise FormatError(f"{self.source}: expected argument '{name}' in field '{field}'")
        return getattr(arg, field)

    def numbers(self, shape: tuple[int, ...], field: str, dtype: Any) -> NDArray[Any]:
        arg = self.args.get("values", Argument())
        return self.reshape(get_numbers(arg, field, dtype), shape)

    def strings(self) -> list[bytes]:
        return list(self.args["values"].strings) if "values" in self.args else []

    def reshape(self, values: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
        size = math.prod(shape)
        if values.size != size:
            raise FormatError(
                f"{self.source}: expected {size} values for shape {shape}, got {values.size}; "
                "the file is damaged, or the values are in another field"
            )
        return values.reshape(shape)

    def _cast(self, params: Params) -> NDArray[Any]:
        if len(self.op.input) != 1 or self.op.input[0] not in params:
            raise FormatError(
                f"{self.source}: expected one input made before, got {list(self.op.input)}"
            )
        source = params[self.op.input[0]]
        to = data_type_of("float16") if self.op.type == "FloatToHalf" else self.argument("to", "i")
        with np.errstate(over="ignore", invalid="ignore"):
            return np.asarray(source).astype(numpy_dtype(to, self.source))


def _read_given(field: str, dtype: Any) -> Callable[[_Filler, tuple[int, ...]], Any]:
    return lambda filler, shape: filler.numbers(shape, field, dtype)


def _read_given_tensor(filler: _Filler, shape: tuple[int, ...]) -> Any:
    # GivenTensorFill can be told another type than float32.
    if "dtype" not in filler.args:
        return filler.numbers(shape, "floats", np.float32)
    dtype = numpy_dtype(filler.argument("dtype", "i"), filler.source)
    if dtype.kind == "O":
        return _read_strings(filler, shape)
    return filler.numbers(shape, "floats" if dtype.kind == "f" else "ints", dtype)


def _read_bytes(filler: _Filler, shape: tuple[int, ...]) -> Any:
    data = b"".join(filler.strings())
    return filler.reshape(np.frombuffer(data, np.uint8).copy(), shape)


def _read_strings(filler: _Filler, shape: tuple[int, ...]) -> Any:
    strings = filler.strings()
    values = np.empty(len(strings), object)
    values[:] = strings
    return filler.reshape(values, shape)


def _read_int8(filler: _Filler, shape: tuple[int, ...]) -> Any:
    data = np.frombuffer(filler.argument("values", "s"), np.uint8).copy()
    return _quantised(filler, filler.reshape(data, shape))


def _read_int8_int(filler: _Filler, shape: tuple[int, ...]) -> Any:
    return _quantised(filler, filler.numbers(shape, "ints", np.int32))


def _quantised(filler: _Filler, data: NDArray[Any]) -> Int8Tensor:
    return Int8Tensor(data, filler.argument("Y_scale", "f"), filler.argument("Y_zero_point", "i"))


def _read_constant(filler: _Filler, shape: tuple[int, ...]) -> Any:
    value = filler.args.get("value", Argument(f=0.0))
    is_int = value.HasField("i")
    default = DATA_TYPES["INT64" if is_int else "FLOAT"]
    to = filler.argument("dtype", "i") if "dtype" in filler.args else default
    dtype = numpy_dtype(to, filler.source)
    if dtype.kind == "O" or not (is_int or value.HasField("f")):
        raise FormatError(f"{filler.source}: expected a number in argument 'value'")
    with np.errstate(over="ignore", invalid="ignore"):
        return np.full(shape, np.asarray(value.i if is_int else value.f).astype(dtype))


_READERS: dict[str, Callable[[_Filler, tuple[int, ...]], Any]] = {
    "GivenTensorFill": _read_given_tensor,
    "GivenTensorIntFill": _read_given("ints", np.int32),
    "GivenTensorInt64Fill": _read_given("ints", np.int64),
    "GivenTensorInt16Fill": _read_given("ints", np.int16),
    "GivenTensorBoolFill": _read_given("ints", np.bool_),
    "GivenTensorDoubleFill": _read_given("floats", np.float64),
    _BYTES_FILLER: _read_bytes,
    _STRING_FILLER: _read_strings,
    "Int8GivenTensorFill": _read_int8,
    "Int8GivenIntTensorFill": _read_int8_int,
    "ConstantFill": _read_constant,
}
