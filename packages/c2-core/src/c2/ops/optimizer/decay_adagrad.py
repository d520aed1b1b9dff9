"""DecayAdagrad: Adagrad with momentum and decoupled weight decay."""

import numpy as np

from c2.ops.optimizer.cases import SHAPES, by_element, squares, vectors
from c2.ops.optimizer.dense import GRAD, ITER, LR, PARAM, begun, check_update, like, moment, output
from c2.ops.rules import one_element
from c2.registry import Arg, Case, OpSchema, cases, kernel
from c2.registry.schema import NoGradient


def _infer(param, m, v, grad, lr, iteration, **args):
    check_update(lr, param=param, moment_1=m, moment_2=v, grad=grad)
    one_element(iter=iteration)
    return like(param, m, v)


DECAY_ADAGRAD = OpSchema(
    "DecayAdagrad",
    doc="""m = beta1 m + (1 - beta1) g; v = v + g^2; param += lr (m / c / (sqrt(v) + epsilon) + weight_decay param).

    c = 1 - beta1^(iter + 1) with bias_correction_first, else 1.
    """,
    inputs=[PARAM, moment("moment_1", "m"), moment("moment_2", "v"), GRAD, LR, ITER],
    outputs=[
        output("param", "updated param"),
        output("moment_1", "updated m"),
        output("moment_2", "updated v"),
    ],
    args=[
        Arg("beta1", float, default=0.9, doc="factor of the old m"),
        Arg("beta2", float, default=0.999, doc="not used, as in Caffe2"),
        Arg("epsilon", float, default=1e-5, doc="added to the root, against division by 0"),
        Arg("weight_decay", float, default=0.0, doc="share of param that is added to the step"),
        Arg("bias_correction_first", bool, default=True, doc="correct m for its start at 0"),
    ],
    infer=_infer,
    inplace={"param": "output_param", "moment_1": "output_moment_1", "moment_2": "output_moment_2"},
    cost=lambda param, *_, **__: 11 * param.size,
    gradient=NoGradient.FORBIDDEN,
)


@kernel(DECAY_ADAGRAD)
class DecayAdagrad:
    def __init__(
        self, xp, param, *specs, beta1, beta2, epsilon, weight_decay, bias_correction_first
    ):
        self.xp, self.beta1, self.epsilon = xp, beta1, epsilon
        self.weight_decay, self.corrects = weight_decay, bias_correction_first
        self.scratch = xp.empty(param.shape, param.dtype)

    def __call__(self, param, m, v, grad, lr, iteration, out=None):
        xp, scratch, lr = self.xp, self.scratch, lr.reshape(())
        outputs = w, m, v = begun(xp, out, 3, param, m, v)
        m, v, g = m.reshape(w.shape), v.reshape(w.shape), grad.reshape(w.shape)
        xp.multiply(m, self.beta1, out=m)
        xp.add(m, xp.multiply(g, 1 - self.beta1, out=scratch), out=m)
        xp.add(v, xp.multiply(g, g, out=scratch), out=v)
        xp.add(xp.sqrt(v, out=scratch), self.epsilon, out=scratch)
        xp.divide(m, scratch, out=scratch)
        xp.multiply(scratch, lr / self._correction(iteration), out=scratch)
        if self.weight_decay:
            xp.multiply(w, 1 + lr * self.weight_decay, out=w)
        xp.add(w, scratch, out=w)
        return outputs

    def _correction(self, iteration):
        return 1 - self.beta1 ** (iteration.item() + 1) if self.corrects else 1


@cases(DECAY_ADAGRAD)
def decay_adagrad_cases(rng):
    for iteration in (0, 5):
        for args in (
            {},
            {"beta1": 0.5, "epsilon": 0.1, "weight_decay": 0.3},
            {"bias_correction_first": 0},
        ):
            beta1, epsilon = args.get("beta1", 0.9), args.get("epsilon", 1e-5)
            c = 1 - beta1 ** (iteration + 1) if args.get("bias_correction_first", 1) else 1

            decay = args.get("weight_decay", 0.0)

            def step(w, m, v, g, beta1=beta1, epsilon=epsilon, c=c, decay=decay):
                m, v = beta1 * m + (1 - beta1) * g, v + g**2
                return w - 0.1 * (m / c / (v**0.5 + epsilon) + decay * w), m, v

            for shape in SHAPES:
                param, m, grad = vectors(rng, shape, 3)
                v = squares(rng, shape)
                inputs = {"param": param, "moment_1": m, "moment_2": v, "grad": grad,
                          "lr": np.array([-0.1]), "iter": np.array([iteration])}  # fmt: skip
                names = ("output_param", "output_moment_1", "output_moment_2")
                yield Case(
                    inputs, args, expect=dict(zip(names, by_element(step, param, m, v, grad)))
                )
