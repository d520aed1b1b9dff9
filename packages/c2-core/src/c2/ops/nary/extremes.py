"""Max and Min of several tensors, and their gradients."""

import numpy as np

from c2.ops.elementwise import numbered
from c2.ops.nary.fold import fold_kernel, infer_fold
from c2.ops.rules import same_dtype, same_shape
from c2.registry import Case, NoGradient, Operator, OpSchema, Tensor
from c2.registry.spec import NUMBER


def infer_gradient(Y, dY, *X):
    named = {"Y": Y, "dY": dY, **dict(zip(numbered(["X"], len(X)), X))}
    same_shape(**named)
    same_dtype(**named)
    return X


def extreme_gradient(xp, Y, dY, *X, out=None):
    """dX[k] = dY where X[k] is the extreme; of several equal ones each gets it."""
    outs = out if isinstance(out, tuple) else (out,) * len(X)
    return tuple(_where_equal(xp, x, Y, dY, o) for x, o in zip(X, outs))


def _where_equal(xp, X, Y, dY, out):
    out = xp.equal(X, Y, out=xp.empty_like(X) if out is None else out)
    return xp.multiply(out, dY, out=out)


def extreme(type_, name, expect):
    """Max or Min and its gradient."""

    def maker(g):
        inputs = range(g.n_inputs)
        blobs = [g.O(0), g.GO(0), *(g.I(k) for k in inputs)]
        return [g.op(f"{type_}Gradient", blobs, [g.GI(k) for k in inputs])]

    def cases(rng):
        for shape in ((), (0,), (2, 3)):
            for count in (1, 2, 4):
                X = list(
                    np.asarray(rng.permuted(np.arange(count * 6.0)[: count * int(np.prod(shape))]))
                )
                X = [np.asarray(x) for x in np.reshape(X, (count, *shape))]
                yield Case({"X": X}, expect={"Y": expect(np.stack(X))})
        X = [rng.integers(-2, 2, (5,)) for _ in range(3)]
        yield Case({"X": X}, expect={"Y": expect(np.stack(X))})

    def gradient_cases(rng):
        for shape, count in (((), 1), ((2, 3), 3), ((0, 2), 2)):
            X = [np.asarray(rng.integers(0, 2, shape), float) for _ in range(count)]  # ties
            Y, dY = expect(np.stack(X)), np.asarray(rng.uniform(-1, 1, shape))
            expected = [np.where(abs(x - Y) > 0.5, 0, dY) for x in X]
            yield Case({"Y": Y, "dY": dY, "X": X}, expect={"dX": expected})

    forward = OpSchema(
        type_,
        doc=f"""Y = the {name} of X[0], X[1], ..., element by element. No broadcasting.

        Differs from Caffe2: NaN in any input gives NaN; Caffe2 keeps what it has where a comparison fails.
        """,
        inputs=[Tensor("X", "one shape and dtype", NUMBER, variadic=True)],
        outputs=[Tensor("Y", "shape and dtype of the inputs")],
        infer=infer_fold,
        inplace={"X": "Y"},
    )
    backward = OpSchema(
        f"{type_}Gradient",
        doc=f"""dX[k] = dY where X[k] is Y, the {name}, else 0. Of several equal inputs each gets dY.

        Infinite dY times 0 is NaN.
        """,
        inputs=[
            Tensor("Y", f"output of {type_}", NUMBER),
            Tensor("dY", "gradient of Y", NUMBER),
            Tensor("X", f"inputs of {type_}", NUMBER, variadic=True),
        ],
        outputs=[Tensor("dX", "one for each X", variadic=True)],
        infer=infer_gradient,
        gradient=NoGradient.FORBIDDEN,
    )
    return [
        Operator(forward, fold_kernel(name), maker, cases),
        Operator(backward, extreme_gradient, None, gradient_cases),
    ]


MAX = extreme("Max", "maximum", lambda X: np.sort(X, axis=0)[-1])
MIN = extreme("Min", "minimum", lambda X: np.sort(X, axis=0)[0])
