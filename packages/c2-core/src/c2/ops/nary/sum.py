"""Sum and SumInt."""

import numpy as np

from c2.ops.nary.fold import fold_kernel, infer_fold
from c2.registry import Case, NoGradient, Operator, OpSchema, Tensor
from c2.registry.spec import NUMBER


def sum_gradient_maker(g):
    """Every input gets the gradient of the output: the blob itself, nothing to compute."""
    for k in range(g.n_inputs):
        g.set_dense(k, g.GO(0))
    return []


def cases(rng):
    for shape in ((), (0,), (2, 3)):
        for count in (1, 2, 3, 5):
            X = [np.asarray(rng.uniform(-1, 1, shape)) for _ in range(count)]
            yield Case({"X": X}, expect={"Y": np.einsum("k...->...", np.stack(X))})
    X = [rng.integers(-9, 9, (4,), d) for d in (np.int64,) for _ in range(3)]
    yield Case({"X": X}, expect={"Y": X[0] - (-X[1] - X[2])})


def schema(type_, doc, gradient=None):
    return OpSchema(
        type_,
        doc=doc,
        inputs=[Tensor("X", "one shape and dtype", NUMBER, variadic=True)],
        outputs=[Tensor("Y", "shape and dtype of the inputs")],
        infer=infer_fold,
        inplace={"X": "Y"},
        gradient=gradient,
    )


SUM = [
    Operator(
        schema("Sum", "Y = X[0] + X[1] + ... No broadcasting."),
        fold_kernel("add"), sum_gradient_maker, cases,
    ),
    Operator(
        schema("SumInt", "Sum under another name, without a gradient.", NoGradient.FORBIDDEN),
        fold_kernel("add"), None, cases,
    ),
]  # fmt: skip
