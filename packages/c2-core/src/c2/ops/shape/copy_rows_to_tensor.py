"""CopyRowsToTensor: one row written over several rows of a matrix."""

import numpy as np

from c2.ops.results import stored
from c2.ops.rules import equal, rank, same_dtype
from c2.registry import Case, OpSchema, Tensor, cases, gradient, kernel, require, same_as
from c2.registry.schema import NoGradient


def _infer(input_tensor, indices, row):
    same_dtype(input_tensor=input_tensor, row=row)
    rank("input_tensor", input_tensor, 2)
    rank("indices", indices, 1)
    rank("row", row, 1)
    equal("row must be as long as a row of input_tensor", input_tensor.shape[1], row.shape[0])
    return input_tensor.with_shape(input_tensor.shape)


COPY_ROWS_TO_TENSOR = OpSchema(
    "CopyRowsToTensor",
    doc="""input_tensor[indices[k]] = row for every k, in place.

    Differs from Caffe2: an index outside of input_tensor is an error (there it is not looked at), and every dtype
    is taken.
    """,
    inputs=[
        Tensor("input_tensor", "(M, N), any dtype"),
        Tensor("indices", "(K,): rows to write", frozenset({"int64"})),
        Tensor("row", "(N,), dtype of input_tensor"),
    ],
    outputs=[Tensor("output_tensor", "input_tensor itself")],
    infer=_infer,
    inplace_required={"input_tensor": "output_tensor"},
    cost=lambda *specs: 0,
)

COPY_ROWS_TO_TENSOR_GRADIENT = OpSchema(
    "CopyRowsToTensorGradient",
    doc="""dinput = doutput.

    As in Caffe2, rows that were overwritten hand their gradient back too.
    """,
    inputs=[Tensor("doutput", "shape of the output of CopyRowsToTensor")],
    outputs=[Tensor("dinput", "shape and dtype of doutput")],
    infer=same_as("doutput"),
    inplace={"doutput": "dinput"},
    cost=lambda doutput: 0,
    gradient=NoGradient.FORBIDDEN,
)


@kernel(COPY_ROWS_TO_TENSOR)
def copy_rows_to_tensor(xp, input_tensor, indices, row, *, out=None):
    M = input_tensor.shape[0]
    if indices.size:
        low, high = int(indices.min()), int(indices.max())
        require(
            low >= 0 and high < M,
            "indices must be rows of input_tensor",
            f"0 to {M - 1}",
            f"{low} to {high}",
        )
    result = stored(xp, input_tensor, out)
    result[indices] = row
    return result


@kernel(COPY_ROWS_TO_TENSOR_GRADIENT)
def copy_rows_to_tensor_gradient(xp, doutput, *, out=None):
    return stored(xp, doutput, out)


@gradient(COPY_ROWS_TO_TENSOR)
def copy_rows_to_tensor_gradient_maker(g):
    inputs = [g.GO("output_tensor")]
    return [g.op("CopyRowsToTensorGradient", inputs, [g.GI("input_tensor")])]


@cases(COPY_ROWS_TO_TENSOR)
def copy_rows_to_tensor_cases(rng):
    for indices in ([0, 2], [1, 1, 1], []):
        X, row = rng.uniform(-1, 1, (3, 4)), rng.uniform(-1, 1, 4)
        expected = [row if k in indices else X[k] for k in range(3)]
        inputs = {"input_tensor": X, "indices": np.array(indices, np.int64), "row": row}
        yield Case(inputs, {}, {"output_tensor": expected}, grad=())
    X = np.zeros((2, 1), np.int32)
    inputs = {"input_tensor": X, "indices": np.array([1]), "row": np.array([5], np.int32)}
    yield Case(inputs, {}, {"output_tensor": [[0], [5]]}, id="int32")


@cases(COPY_ROWS_TO_TENSOR_GRADIENT)
def copy_rows_to_tensor_gradient_cases(rng):
    dY = rng.uniform(-1, 1, (3, 4))
    yield Case({"doutput": dY}, {}, {"dinput": np.array(dY.tolist())})
