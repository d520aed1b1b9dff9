"""Ftrl and SparseFtrl (follow the regularised leader), and GFtrl with groups."""

import numpy as np

from c2.ops.optimizer.cases import SHAPES, by_element, row_by_row, squares, tables, vectors
from c2.ops.optimizer.dense import begun, like, output
from c2.ops.optimizer.rows import GRAD_ROWS, INDICES, check_rows, update_rows
from c2.ops.rules import equal, one_element, same_dtype, same_size
from c2.registry import Arg, Case, OpSchema, Tensor, cases, kernel, require
from c2.registry.schema import NoGradient
from c2.registry.spec import FLOAT

ARGS = [
    Arg(
        "alpha",
        float,
        doc="learning rate, above 0; 0.005 where not given, the input alpha where there is one",
    ),
    Arg("beta", float, default=1.0, doc="added to the root in the learning rate"),
    Arg("lambda1", float, default=0.001, doc="strength of the L1 norm: small weights become 0"),
    Arg("lambda2", float, default=0.001, doc="strength of the L2 norm"),
]
UPDATE = """n' = n + g^2; z' = z + g - (sqrt(n') - sqrt(n)) / alpha * w"""
SOURCE = 'Source: McMahan et al., "Ad click prediction: a view from the trenches", 2013.'


def _check_alpha(given, alpha):
    one_element(alpha=given)
    require(
        given is None or alpha is None,
        "alpha is an input or an argument, not both",
        "one of them",
        "both",
    )
    require(alpha is None or alpha > 0, "alpha must be above 0", "above 0", alpha)


def _infer(var, n_z, grad, given=None, *, alpha, beta, lambda1, lambda2):
    same_dtype(var=var, n_z=n_z, grad=grad, alpha=given)
    same_size(var=var, grad=grad)
    equal("n_z must have two elements per element of var", 2 * var.size, n_z.size)
    _check_alpha(given, alpha)
    return like(var, n_z)


def _infer_groups(var, n_z, grad, given=None, **args):
    require(
        grad.ndim >= 1 and grad.shape[0] > 0,
        "grad must have a group",
        "1 or more along the first axis",
        grad.shape,
    )
    return _infer(var, n_z, grad, given, **args)


def _infer_sparse(var, n_z, indices, grad, given=None, *, alpha, beta, lambda1, lambda2):
    check_rows(var, indices, grad, None)
    same_dtype(var=var, n_z=n_z, alpha=given)
    equal("n_z must have two elements per element of var", 2 * var.size, n_z.size)
    _check_alpha(given, alpha)
    return like(var, n_z)


_IN_PLACE = {"var": "output_var", "n_z": "output_n_z"}
_VAR = Tensor("var", "w, the parameter, any shape", FLOAT)
_N_Z = Tensor("n_z", "n and z in turn, for each element of var", FLOAT)
_GRAD = Tensor("grad", "g, size and dtype of var", FLOAT)
_ALPHA = Tensor("alpha", "learning rate, one element", FLOAT, optional=True)


def _schema(type_, doc, inputs, infer, **more):
    return OpSchema(
        type_,
        doc=doc,
        inputs=[*inputs, _ALPHA],
        outputs=[output("var", "updated var"), output("n_z", "updated n_z")],
        args=ARGS,
        infer=infer,
        inplace=_IN_PLACE,
        gradient=NoGradient.FORBIDDEN,
        **more,
    )


FTRL = _schema(
    "Ftrl",
    f"""{UPDATE}; w' = (lambda1 sign(z') - z') / ((beta + sqrt(n')) / alpha + lambda2) where |z'| > lambda1, else 0.

    n is the sum of squared gradients. {SOURCE}
    """,
    [_VAR, _N_Z, _GRAD],
    _infer,
)
SPARSE_FTRL = _schema(
    "SparseFtrl",
    f"Ftrl on the rows of var and n_z that indices name, in place. {SOURCE}",
    [Tensor("var", "(N, ...), rows are updated", FLOAT), _N_Z, INDICES, GRAD_ROWS],
    _infer_sparse,
    inplace_required=_IN_PLACE,
)
GFTRL = _schema(
    "GFtrl",
    f"""{UPDATE}; w' = z' (lambda1 sqrt(M) / |z'| - 1) / ((beta + sqrt(n')) / alpha + lambda2) where
    |z'| > lambda1 sqrt(M), else 0. |z'| is the length of a group.

    A group is a column: what stands at one place in all M parts along the first axis, so that an input is dropped for
    all outputs at once. Source: Ni et al., "Feature selection for Facebook feed ranking system via a group-sparsity-
    regularized training algorithm", 2019.
    """,
    [_VAR, _N_Z, _GRAD],
    _infer_groups,
)


def _inverse(given, alpha):
    """1 / alpha: a number, or 0-d array where it is an input."""
    return 1 / (given.reshape(()) if given is not None else 0.005 if alpha is None else alpha)


def _advance(xp, w, n, z, g, inverse):
    """n and z of the next step, in place; returns sqrt(n')."""
    before = xp.sqrt(n)
    n += g * g
    root = xp.sqrt(n)
    z += g - (root - before) * inverse * w
    return root


def _step(xp, w, n, z, g, inverse, beta, lambda1, lambda2):
    """Updates w, n and z in place."""
    root = _advance(xp, w, n, z, g, inverse)
    shrunk = lambda1 * xp.sign(z) - z
    w[...] = xp.where(abs(z) > lambda1, shrunk / ((beta + root) * inverse + lambda2), 0)


@kernel(FTRL)
def ftrl(xp, var, n_z, grad, given=None, *, alpha, beta, lambda1, lambda2, out=None):
    outputs = var, n_z = begun(xp, out, 2, var, n_z)
    pairs = n_z.reshape(-1, 2)
    inverse = _inverse(given, alpha)
    _step(
        xp,
        var.reshape(-1),
        pairs[:, 0],
        pairs[:, 1],
        grad.reshape(-1),
        inverse,
        beta,
        lambda1,
        lambda2,
    )
    return outputs


@kernel(GFTRL)
def gftrl(xp, var, n_z, grad, given=None, *, alpha, beta, lambda1, lambda2, out=None):
    outputs = var, n_z = begun(xp, out, 2, var, n_z)
    groups = (grad.shape[0], grad.size // grad.shape[0])
    w, g, pairs = var.reshape(groups), grad.reshape(groups), n_z.reshape(*groups, 2)
    inverse = _inverse(given, alpha)
    z = pairs[..., 1]
    root = _advance(xp, w, pairs[..., 0], z, g, inverse)
    length = xp.sqrt((z * z).sum(axis=0))
    least = lambda1 * groups[0] ** 0.5
    kept = length > least
    shrink = xp.where(kept, least / xp.where(kept, length, 1) - 1, 0)
    w[...] = z * shrink / ((beta + root) * inverse + lambda2)
    return outputs


@kernel(SPARSE_FTRL)
def sparse_ftrl(
    xp, var, n_z, indices, grad, given=None, *, alpha, beta, lambda1, lambda2, out=None
):
    outputs = var, n_z = begun(xp, out, 2, var, n_z)
    inverse = _inverse(given, alpha)

    def step(w, rows, g):
        pairs = rows.reshape(*w.shape, 2)
        _step(xp, w, pairs[..., 0], pairs[..., 1], g, inverse, beta, lambda1, lambda2)

    update_rows(
        xp, indices, [var, n_z.reshape(len(var), n_z.size // max(len(var), 1))], [grad], step
    )
    return outputs


def _by_hand(alpha=0.005, beta=1.0, lambda1=0.001, lambda2=0.001):
    """New w, n and z of one number."""

    def step(w, n, z, g):
        z = z + g - ((n + g**2) ** 0.5 - n**0.5) / alpha * w
        n = n + g**2
        scale = (beta + n**0.5) / alpha + lambda2
        return (
            (lambda1 - z) / scale
            if z > lambda1
            else (-lambda1 - z) / scale
            if z < -lambda1
            else 0.0,
            n,
            z,
        )

    return step


_ARGS = [{}, {"alpha": 0.5, "beta": 0.2, "lambda1": 0.7, "lambda2": 0.1}]


@cases(FTRL)
def ftrl_cases(rng):
    for args in _ARGS:
        for shape in SHAPES:
            var, z, grad = vectors(rng, shape, 3)
            n = squares(rng, shape)
            new, new_n, new_z = by_element(_by_hand(**args), var, n, z, grad)
            inputs = {"var": var, "n_z": np.stack([n, z], -1), "grad": grad}
            yield Case(
                inputs, args, expect={"output_var": new, "output_n_z": np.stack([new_n, new_z], -1)}
            )
    inputs = {
        "var": np.array([1.0]),
        "n_z": np.array([0.0, 3.0]),
        "grad": np.array([4.0]),
        "alpha": np.array([2.0]),
    }
    expect = {"output_var": np.array([(0.001 - 5) / 2.501]), "output_n_z": np.array([16.0, 5.0])}
    yield Case(inputs, expect=expect, id="alpha as input")


@cases(SPARSE_FTRL)
def sparse_ftrl_cases(rng):
    for var, indices, grad in tables(rng):
        for args in _ARGS:
            n, z = squares(rng, var.shape), rng.standard_normal(var.shape)
            inputs = {"var": var, "n_z": np.stack([n, z], -1), "indices": indices, "grad": grad}
            results = [a.copy() for a in (var, n, z)]
            for i, g in row_by_row(indices, grad, var.shape[1:]):
                for table, row in zip(
                    results, by_element(_by_hand(**args), *(a[i] for a in results), g)
                ):
                    table[i] = row
            expect = {"output_var": results[0], "output_n_z": np.stack(results[1:], -1)}
            yield Case(inputs, args, expect=expect)
    inputs = {**inputs, "alpha": np.array([0.5])}
    yield Case(inputs, {"lambda1": 0.7}, expect=expect, id="alpha as input")


@cases(GFTRL)
def gftrl_cases(rng):
    for shape in [(3,), (3, 4), (2, 2, 2), (1, 3)]:
        var, z, grad = vectors(rng, shape, 3)
        n = squares(rng, shape)
        for lambda1 in (0.001, 0.5):
            args = {"alpha": 0.5, "beta": 0.2, "lambda1": lambda1, "lambda2": 0.1}
            new_n = n + grad**2
            new_z = z + grad + 2 * var * (np.sqrt(n) - np.sqrt(new_n))
            lengths = np.linalg.norm(new_z, axis=0, keepdims=True)
            limit = lambda1 * np.sqrt(shape[0])
            new = new_z * np.minimum(limit / lengths - 1, 0) / (2 * (0.2 + np.sqrt(new_n)) + 0.1)
            inputs = {"var": var, "n_z": np.stack([n, z], -1), "grad": grad}
            expect = {"output_var": new, "output_n_z": np.stack([new_n, new_z], -1)}
            yield Case(inputs, args, expect=expect)
    inputs["alpha"] = np.array(0.5)
    del args["alpha"]
    yield Case(inputs, args, expect=expect, id="alpha as input")
