"""RmsProp."""

import numpy as np

from c2.ops.optimizer.cases import SHAPES, by_element, squares, vectors
from c2.ops.optimizer.dense import LR, begun, check_update, like, moment, output
from c2.registry import Arg, Case, OpSchema, Tensor, cases, kernel
from c2.registry.schema import NoGradient
from c2.registry.spec import FLOAT


def _infer(grad, mean_squares, mom, lr, *, decay, momentum, epsilon):
    check_update(lr, grad=grad, mean_squares=mean_squares, mom=mom)
    return like(grad, mean_squares, mom)


RMS_PROP = OpSchema(
    "RmsProp",
    doc="""s += (1 - decay) (grad^2 - s); mom = momentum * mom + lr * grad / sqrt(epsilon + s), s being mean_squares.

    output_grad is the new mom, to be added to the parameter. Source: Tieleman & Hinton, "RMSProp", lecture 6.5 of
    Neural networks for machine learning, 2012.
    """,
    inputs=[
        Tensor("grad", "gradient, any shape", FLOAT),
        moment("mean_squares", "moving mean of grad^2"),
        moment("mom", "moving sum of steps"),
        LR,
    ],
    outputs=[
        output("grad", "the step"),
        output("mean_squares", "updated mean_squares"),
        output("mom", "updated mom"),
    ],
    args=[
        Arg("decay", float, default=0.9, doc="factor of the old mean_squares"),
        Arg("momentum", float, default=0.0, doc="factor of the old mom"),
        Arg("epsilon", float, default=1e-5, doc="added under the root, against division by 0"),
    ],
    infer=_infer,
    inplace={"grad": "output_grad", "mean_squares": "output_mean_squares", "mom": "output_mom"},
    cost=lambda grad, *_, **__: 9 * grad.size,
    gradient=NoGradient.FORBIDDEN,
)


@kernel(RMS_PROP)
class RmsProp:
    def __init__(self, xp, grad, *specs, decay, momentum, epsilon):
        self.xp, self.decay, self.momentum, self.epsilon = xp, decay, momentum, epsilon
        self.scratch = xp.empty(grad.shape, grad.dtype)

    def __call__(self, grad, mean_squares, mom, lr, out=None):
        xp, scratch = self.xp, self.scratch
        outputs = begun(xp, out, 3, grad, mean_squares, mom)
        g, squares, steps = outputs[0], *(a.reshape(grad.shape) for a in outputs[1:])
        xp.subtract(xp.multiply(g, g, out=scratch), squares, out=scratch)
        xp.add(squares, xp.multiply(scratch, 1 - self.decay, out=scratch), out=squares)
        xp.sqrt(xp.add(squares, self.epsilon, out=scratch), out=scratch)
        xp.multiply(g, lr.reshape(()), out=g)
        xp.divide(g, scratch, out=g)
        xp.add(g, xp.multiply(steps, self.momentum, out=scratch), out=g)
        steps[...] = g
        return outputs


@cases(RMS_PROP)
def rms_prop_cases(rng):
    for args in ({}, {"decay": 0.5, "momentum": 0.8, "epsilon": 0.1}):
        decay, momentum, epsilon = (
            args.get("decay", 0.9),
            args.get("momentum", 0.0),
            args.get("epsilon", 1e-5),
        )

        def step(g, s, m, decay=decay, momentum=momentum, epsilon=epsilon):
            s = decay * s + (1 - decay) * g**2
            return momentum * m + 0.1 * g * (s + epsilon) ** -0.5, s

        for shape in SHAPES:
            grad, mom = vectors(rng, shape, 2)
            mean_squares = squares(rng, shape)
            new, new_squares = by_element(step, grad, mean_squares, mom)
            inputs = {"grad": grad, "mean_squares": mean_squares, "mom": mom, "lr": np.array([0.1])}
            expect = {"output_grad": new, "output_mean_squares": new_squares, "output_mom": new}
            yield Case(inputs, args, expect=expect)
