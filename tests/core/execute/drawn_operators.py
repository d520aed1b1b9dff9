"""Operators with inputs and arguments at random, and cases of operators with one thing changed: mostly wrong ones."""

from itertools import islice

import numpy as np

import c2
from c2.registry.arguments import ArgFamily
from c2.serialize.arguments import argument_value
from c2.testing import conformance_cases
from c2.testing.conformance import operator_of

DTYPES = (
    "float32",
    "float64",
    "float16",
    "int32",
    "int64",
    "int8",
    "uint8",
    "bool",
    "uint16",
    "object",
)
SMALL = (0, 1, 2, 3, -1, 4)
HUGE = (100, 2**31 - 1, -(2**31), 2**40, 2**62, 2**63 - 1, -(2**63))
FLOATS = (0.0, 1.0, -1.0, 0.5, 1e30, float("inf"), float("nan"), -0.1)
WORDS = ("NCHW", "NHWC", "", "foo", "sum", "nearest")


class Drawer:
    """Draws `(op, arrays)`."""

    def __init__(self, registry, seed):
        self.registry, self.rng = registry, np.random.default_rng(seed)

    def draw(self, type_):
        if self.rng.random() < 0.5:
            changed = self.changed_case(type_)
            if changed is not None:
                return changed
        return self.wild(type_)

    def wild(self, type_):
        schema = self.registry.schema(type_)
        inputs = [f"i{k}" for k in range(self.count(schema.input_range))]
        outputs = [f"o{k}" for k in range(self.count(schema.output_range))]
        dtypes = [schema.input(k).dtypes if schema.inputs else DTYPES for k in range(len(inputs))]
        arrays = [self.array(allowed) for allowed in dtypes]
        if arrays and self.rng.random() < 0.3:
            arrays = [np.resize(a, arrays[0].shape).astype(a.dtype) for a in arrays]
        args = {
            arg.name: self.value(arg)
            for arg in schema.args
            if not isinstance(arg, ArgFamily) and (arg.required or self.rng.random() < 0.35)
        }
        must = schema.inplace_required_pairs if self.rng.random() < 0.97 else ()
        may = schema.inplace_pairs if self.rng.random() < 0.1 else ()
        for i, o in (*must, *may):
            if i < len(inputs) and o < len(outputs):
                outputs[o] = inputs[i]
        return c2.create_op(type_, inputs, outputs, **args), arrays

    def changed_case(self, type_):
        cases = list(islice(conformance_cases(self.registry, ("float32",), types=[type_]), 8))
        if not cases:
            return None
        op, blobs = operator_of(self.registry, self.one_of(cases), "")
        arrays = [blobs[name] for name in op.input]
        args = {a.name: argument_value(a) for a in op.arg}
        schema = self.registry.schema(type_)
        for _ in range(self.rng.integers(1, 3)):
            k = int(self.rng.integers(max(len(arrays), 1)))
            if self.rng.random() < 0.5 and arrays and isinstance(arrays[k], np.ndarray):
                arrays[k] = self.changed(arrays[k], schema.input(k).dtypes)
            elif schema.args:
                arg = self.one_of(schema.args)
                if not isinstance(arg, ArgFamily):
                    args[arg.name] = self.value(arg)
        return c2.create_op(type_, list(op.input), list(op.output), **args), arrays

    def changed(self, array, dtypes):
        """Another array, or this one shorter, with an axis more or less, or with an index out of range."""
        what = self.rng.integers(5)
        if what == 0:
            return self.array(dtypes)
        if what == 1 and array.ndim:
            return array[:-1].copy()
        if what == 2:
            return array[None].copy()
        if what == 3 and array.ndim and array.shape[-1]:
            return np.asarray(array[..., 0]).copy()
        if what == 4 and array.dtype.kind in "iu" and array.size:
            array = array.copy()
            wrong = np.array(self.one_of((-1, -5, 100, 2**31 - 1, -(2**31))))
            array.ravel()[self.rng.integers(array.size)] = wrong.astype(array.dtype)
        return array

    def count(self, allowed):
        least, most = allowed
        if self.rng.random() < 0.05:
            return int(self.rng.integers(0, 6))
        return int(self.rng.integers(least, (least + 3 if most is None else most) + 1))

    def array(self, dtypes):
        rank = self.rng.integers(0, 6)
        shape = tuple(int(d) for d in self.rng.choice(6, rank, p=[0.1, 0.2, 0.25, 0.2, 0.15, 0.1]))
        dtype = self.one_of(sorted(dtypes) if self.rng.random() < 0.9 else DTYPES)
        if dtype == "object":
            words = np.empty(shape, object)
            words.ravel()[:] = [b"a" * int(self.rng.integers(3)) for _ in range(words.size)]
            return words
        if dtype.startswith("f"):
            return np.asarray(self.rng.standard_normal(shape)).astype(dtype)
        low, high = self.one_of(((0, 5), (0, 5), (-3, 10), (-(2**31), 2**31 - 1)))
        return np.asarray(self.rng.integers(low, high, shape)).astype(dtype)

    def value(self, arg):
        if self.rng.random() < 0.03:
            return "of another type"
        if arg.choices and self.rng.random() < 0.8:
            return self.one_of(arg.choices)
        many = range(self.rng.integers(5))
        return {
            int: self.integer, bool: lambda: int(self.rng.integers(2)), float: self.real, str: self.word,
            bytes: self.word, "ints": lambda: [self.integer() for _ in many],
            "floats": lambda: [self.real() for _ in many], "strings": lambda: ["a", "b"][: len(many)],
        }.get(arg.type, self.integer)()  # fmt: skip

    def integer(self):
        return int(self.one_of(SMALL if self.rng.random() < 0.8 else HUGE))

    def real(self):
        return self.one_of(FLOATS) if self.rng.random() < 0.5 else float(self.rng.random())

    def word(self):
        return self.one_of(WORDS)

    def one_of(self, items):
        return items[int(self.rng.integers(len(items)))]
