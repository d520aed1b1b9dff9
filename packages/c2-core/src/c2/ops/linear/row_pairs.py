"""What operators on pairs of equal rows share: schemas, shape rules, and the product of rows."""

from __future__ import annotations

from typing import Any

from c2.ops.linear.flatten import as_rows
from c2.ops.rules import equal, rank, same_dtype, same_shape
from c2.registry import OpSchema, Tensor, TensorSpec
from c2.registry.schema import NoGradient
from c2.registry.spec import FLOAT


def row_pair_schemas(type_: str, doc: str, gradient_doc: str) -> tuple[OpSchema, OpSchema]:
    """Schemas of `Z[n] = f(X[n], Y[n])` and of its gradient."""
    forward = OpSchema(
        type_,
        doc=doc,
        inputs=[
            Tensor("X", "(N, ...), flattened to (N, D)", FLOAT),
            Tensor("Y", "shape and dtype of X", FLOAT),
        ],
        outputs=[Tensor("Z", "(N,); dtype of X")],
        infer=_infer,
        cost=lambda X, Y: 3 * X.size,
    )
    backward = OpSchema(
        f"{type_}Gradient",
        doc=gradient_doc,
        inputs=[
            Tensor("X", f"input of {type_}", FLOAT),
            Tensor("Y", f"input of {type_}", FLOAT),
            Tensor("dZ", "(N,); dtype of X", FLOAT),
        ],
        outputs=[Tensor("dX", "shape of X"), Tensor("dY", "shape of X")],
        infer=_infer_gradient,
        cost=lambda X, Y, dZ: 4 * X.size,
        gradient=NoGradient.FORBIDDEN,
    )
    return forward, backward


def _infer(X: TensorSpec, Y: TensorSpec) -> TensorSpec:
    same_dtype(X=X, Y=Y)
    same_shape(X=X, Y=Y)
    return TensorSpec((as_rows(X.shape)[0],), X.dtype)


def _infer_gradient(X: TensorSpec, Y: TensorSpec, dZ: TensorSpec) -> tuple[TensorSpec, TensorSpec]:
    same_dtype(X=X, Y=Y, dZ=dZ)
    same_shape(X=X, Y=Y)
    rank("dZ", dZ, 1)
    equal("dZ must have one element per row of X", as_rows(X.shape)[0], dZ.size)
    return TensorSpec(X.shape, X.dtype), TensorSpec(X.shape, X.dtype)


def row_products(xp: Any, X: Any, Y: Any, out: Any = None) -> Any:
    """The inner product of each row of X with that of Y: (N, D), (N, D) -> (N,)."""
    if out is None:
        out = xp.empty(len(X), X.dtype)
    xp.matmul(X[:, None, :], Y[:, :, None], out=out[:, None, None])
    return out


def gradient_buffers(xp: Any, X: Any, out: Any) -> tuple[Any, Any, Any, Any]:
    """dX and dY, and views of both as (N, D)."""
    if out is None:
        out = xp.empty(X.shape, X.dtype), xp.empty(X.shape, X.dtype)
    dX, dY = out
    return dX, dY, dX.reshape(as_rows(X.shape)), dY.reshape(as_rows(X.shape))
