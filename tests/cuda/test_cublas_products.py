"""FC, MatMul and BatchMatMul as c2 asks cuBLASLt for them, computed by what NVIDIA's manual says each call means.

cuBLASLt itself needs a GPU. Here its calls go to a few lines of NumPy that know matrices in Fortran's order alone:
they find a wrong order of factors, a wrong transpose, a wrong step, not what a GPU does.
"""

from types import SimpleNamespace

import numpy as np
import pytest
from cffi import FFI

from c2.compile.native import NativeRequest
from c2.registry import TensorSpec
from c2_cuda.cublas import product
from c2_cuda.cublas.numbers import Epilogue, Layout, Operation
from c2_cuda.cublas.numbers import Product as Attribute
from c2_cuda.kernels import fc, matmul
from c2_cuda.native import dense

DTYPES = {0: "float32", 1: "float64", 2: "float16"}


class OnHost(np.ndarray):
    """An array of the host that has its pointer where CuPy's arrays have it."""

    data = property(lambda self: SimpleNamespace(ptr=self.ctypes.data))


def on_host(array):
    return np.ascontiguousarray(array).view(OnHost)


XP = SimpleNamespace(
    empty=lambda shape, dtype: on_host(np.full(shape, 77, dtype)), sum=np.sum, add=np.add, float32=np.float32,
    uint8=np.uint8,
    cuda=SimpleNamespace(
        device=SimpleNamespace(get_device_id=lambda: 0), get_current_stream=lambda: SimpleNamespace(ptr=0)
    ),
)  # fmt: skip


class Manual:
    """cuBLASLt's calls by its manual: D = epilogue(op(A) op(B)), matrices (rows, columns) in Fortran's order."""

    def __init__(self):
        self.ffi, self.objects = FFI(), []
        self.ffi.cdef(
            "typedef void *cublasLtMatmulDesc_t, *cublasLtMatrixLayout_t, *cublasLtMatmulPreference_t,"
            "*cudaStream_t, *cublasLtHandle_t; typedef struct { uint64_t data[8]; } cublasLtMatmulAlgo_t;"
            "typedef struct { cublasLtMatmulAlgo_t algo; size_t workspaceSize; int state; }"
            "cublasLtMatmulHeuristicResult_t;"
        )

    def call(self, name, *args):
        if name.endswith("Create"):
            made, *values = args if len(args) > 1 else (*args, None)
            self.objects.append({"made": values})
            made[0] = self.ffi.cast("void *", len(self.objects))
        elif name.endswith("SetAttribute"):
            thing, attribute, value, size = args
            raw = bytes(self.ffi.buffer(value, size))
            self._object(thing)[attribute] = int.from_bytes(raw, "little", signed=True)
        elif name == "MatmulAlgoGetHeuristic":
            args[-1][0] = 1
        else:
            assert name == "Matmul"
            self._matmul(*args)

    def status(self, name, thing):
        assert name.endswith("Destroy")

    def _object(self, thing):
        return self.objects[int(self.ffi.cast("uintptr_t", thing)) - 1]

    def _matrices(self, pointer, layout):
        """The stack (count, rows, columns) that a layout lays over memory."""
        layout = self._object(layout)
        kind, rows, columns, step = layout["made"]
        dtype = np.dtype(DTYPES[int(kind)])
        count = layout.get(Layout.CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, 1)
        apart = layout.get(Layout.CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, 0)
        size = (count - 1) * apart + (columns - 1) * step + rows
        memory = np.frombuffer(self.ffi.buffer(pointer, size * dtype.itemsize), dtype)
        steps = [n * dtype.itemsize for n in (apart, 1, step)]
        return np.lib.stride_tricks.as_strided(memory, (count, rows, columns), steps)

    def _matmul(
        self, handle, matmul, alpha, a, ad, b, bd, beta, c, cd, d, dd, algo, memory, nbytes, stream
    ):
        made = self._object(matmul)
        assert (alpha[0], beta[0], c, cd) == (1.0, 0.0, d, dd)
        A, B, D = (self._matrices(p, layout) for p, layout in ((a, ad), (b, bd), (d, dd)))
        if made[Attribute.CUBLASLT_MATMUL_DESC_TRANSA] == Operation.CUBLAS_OP_T:
            A = A.swapaxes(1, 2)
        if made[Attribute.CUBLASLT_MATMUL_DESC_TRANSB] == Operation.CUBLAS_OP_T:
            B = B.swapaxes(1, 2)
        result = A.astype(np.float64) @ B.astype(np.float64)
        epilogue = made[Attribute.CUBLASLT_MATMUL_DESC_EPILOGUE]
        if epilogue & Epilogue.CUBLASLT_EPILOGUE_BIAS:  # one number per row
            pointer = self.ffi.cast("void *", made[Attribute.CUBLASLT_MATMUL_DESC_BIAS_POINTER])
            raw = self.ffi.buffer(pointer, D.shape[1] * D.itemsize)
            result = result + np.frombuffer(raw, D.dtype)[None, :, None]
        if epilogue & Epilogue.CUBLASLT_EPILOGUE_RELU:
            result = np.maximum(result, 0)
        D[...] = result


@pytest.fixture(autouse=True)
def _manual(monkeypatch):
    manual = Manual()
    monkeypatch.setattr(product, "library", lambda: manual)
    monkeypatch.setattr(product, "_handles", {0: None})


def numbers(shape, dtype="float32", seed=0):
    return on_host(np.random.default_rng((seed, *shape)).standard_normal(shape).astype(dtype))


def close(got, expected, dtype="float32"):
    np.testing.assert_allclose(
        got, expected, atol={"float16": 2e-2, "float32": 1e-5}.get(dtype, 1e-12)
    )


FC_ARGS = {"axis": 1, "axis_w": 1, "float16_compute": False}


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("turned", [False, True])
def test_fc(dtype, turned):
    X, W, b = (
        numbers((3, 2, 2), dtype),
        numbers((4, 5) if turned else (5, 4), dtype),
        numbers((5,), dtype),
    )
    kernel = (fc.FCTransposed if turned else fc.FC)(XP, X, W, b, **FC_ARGS)
    expected = X.reshape(3, 4) @ (W if turned else W.T) + b
    close(kernel(X, W, b), expected, dtype)


@pytest.mark.parametrize("n_outputs", [2, 3])
@pytest.mark.parametrize("turned", [False, True])
def test_gradient_of_fc(turned, n_outputs):
    X, W, dY = numbers((3, 4)), numbers((4, 5) if turned else (5, 4)), numbers((3, 5))
    made = fc.FCTransposedGradient if turned else fc.FCGradient
    found = made(XP, X, W, dY, **FC_ARGS, n_outputs=n_outputs)(X, W, dY)
    dW = X.T @ dY if turned else dY.T @ X
    dX = dY @ (W.T if turned else W)
    assert len(found) == n_outputs
    for got, expected in zip(found, (dW, dY.sum(0), dX)):
        close(got, expected)


@pytest.mark.parametrize("trans_a", [0, 1])
@pytest.mark.parametrize("trans_b", [0, 1])
def test_mat_mul(trans_a, trans_b):
    A, B = numbers((4, 3) if trans_a else (3, 4)), numbers((5, 4) if trans_b else (4, 5), seed=1)
    kernel = matmul.MatMul(XP, A, B, axis_a=1, axis_b=1, trans_a=trans_a, trans_b=trans_b)
    close(kernel(A, B), (A.T if trans_a else A) @ (B.T if trans_b else B))


@pytest.mark.parametrize(
    ("a", "b"), [((2, 3), (2, 3)), ((2, 3), ()), ((), (4,)), ((1, 1), (5,)), ((1,), (1,))]
)
@pytest.mark.parametrize(("trans_a", "trans_b"), [(0, 0), (1, 0), (0, 1), (1, 1)])
def test_batch_mat_mul(a, b, trans_a, trans_b):
    A = numbers((*a, 4, 2) if trans_a else (*a, 2, 4))
    B = numbers((*b, 3, 4) if trans_b else (*b, 4, 3), seed=1)
    kernel = matmul.BatchMatMul(XP, A, B, trans_a=trans_a, trans_b=trans_b, broadcast=True)
    expected = np.matmul(
        np.swapaxes(A, -1, -2) if trans_a else A, np.swapaxes(B, -1, -2) if trans_b else B
    )
    result = kernel(A, B)
    assert result.shape == expected.shape
    close(result, expected)


def test_relu_in_the_same_kernel():
    A, B, b = numbers((3, 4)), numbers((4, 5), seed=1), numbers((5,))
    C = XP.empty((3, 5), np.float32)
    made = product.Product(
        XP, product.Matrix(3, 4), product.Matrix(4, 5), np.float32, bias=True, relu=True
    )
    made(A, B, C, b)
    close(C, np.maximum(A @ B + b, 0))


def request(type_, inputs, post, **args):
    specs = tuple(TensorSpec(a.shape, a.dtype) for a in inputs)
    return NativeRequest(
        type_, {**FC_ARGS, **args}, specs, (), tuple((p, {}) for p in post), {}, threads=1
    )  # fmt: skip


@pytest.mark.parametrize("turned", [False, True])
def test_fc_with_relu_in_a_compiled_net(monkeypatch, turned):
    monkeypatch.setattr(dense, "cupy", lambda: XP)
    X, W, b = numbers((3, 4)), numbers((4, 5) if turned else (5, 4)), numbers((5,))
    made = dense.build_fc(request("FCTransposed" if turned else "FC", [X, W, b], ["Relu"]))
    Y = XP.empty((3, 5), np.float32)
    made.launch([X, W, b, Y])
    close(Y, np.maximum(X @ (W if turned else W.T) + b, 0))


@pytest.mark.parametrize("post", [[], ["Tanh"], ["Sum", "Relu"]])
def test_what_is_not_fused_is_left_to_the_operators_kernels(post):
    X, W, b = numbers((3, 4)), numbers((5, 4)), numbers((5,))
    assert isinstance(dense.build_fc(request("FC", [X, W, b], post)), str)
