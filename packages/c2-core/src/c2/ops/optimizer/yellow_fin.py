"""YellowFin: momentum SGD that tunes its rate and momentum."""

import numpy as np

from c2.ops.optimizer.cases import vectors
from c2.ops.optimizer.dense import GRAD, ITER, PARAM, begun, like, moment, output
from c2.ops.rules import equal, one_element, same_dtype, same_size
from c2.registry import Arg, Case, OpSchema, Tensor, cases, kernel, require
from c2.registry.schema import NoGradient
from c2.registry.spec import FLOAT

SCALARS = 5  # averages: length, its square, log of the least and of the greatest square, distance
_STATES = ("param", "moment", "lr", "mu", "curv_win", "g_avg", "g2_avg", "scalars_memory")


def _infer(
    param, m, lr, mu, curv_win, g_avg, g2_avg, scalars, grad, iteration, *, beta, curv_win_width, epsilon,
    nesterov, zero_debias,
):  # fmt: skip
    require(curv_win_width > 0, "curv_win_width must be above 0", "above 0", curv_win_width)
    states = dict(zip(_STATES, (param, m, lr, mu, curv_win, g_avg, g2_avg, scalars)))
    same_dtype(**states, grad=grad)
    same_size(param=param, moment=m, g_avg=g_avg, g2_avg=g2_avg, grad=grad)
    one_element(lr=lr, mu=mu, iter=iteration)
    equal("curv_win must have curv_win_width elements", curv_win_width, curv_win.size)
    equal("scalars_memory must have five elements", SCALARS, scalars.size)
    return like(*states.values())


YELLOW_FIN = OpSchema(
    "YellowFin",
    doc="""moment = mu * moment + lr * grad, param -= moment (or its Nesterov form), and then lr and mu are tuned.

    With averages A(x) = beta A(x) + (1 - beta) x, divided by 1 - beta^iter where zero_debias: C = A(variance of
    grad), D = A(|grad|) / A(|grad|^2), h and H the geometric averages of the least and greatest |grad|^2 of the last
    curv_win_width iterations. x is the root of (1 - x)^3 = x (A(D) h)^2 / (2 C); mu = A(max(x^2,
    ((sqrt(H/h) - 1) / (sqrt(H/h) + 1))^2)) and lr = A((1 - sqrt(mu))^2 / h), from iteration 2 on. iter counts from 1.
    Source: Zhang & Mitliagkas, "YellowFin and the art of momentum tuning", 2019, algorithm 1 and appendix D. Differs
    from Caffe2: works out of place too, where Caffe2 takes lr and mu from whatever the outputs held.
    """,
    inputs=[
        PARAM,
        moment("moment", "moving sum of steps"),
        Tensor("lr", "learning rate, one element", FLOAT),
        Tensor("mu", "momentum, one element", FLOAT),
        Tensor("curv_win", "log |grad|^2 of the last iterations (curv_win_width,)", FLOAT),
        moment("g_avg", "A(grad)"),
        moment("g2_avg", "A(grad^2)"),
        Tensor("scalars_memory", "five averages of numbers (5,)", FLOAT),
        GRAD,
        ITER,
    ],
    outputs=[output(name, f"updated {name}") for name in _STATES],
    args=[
        Arg("beta", float, default=0.999, doc="factor of old averages"),
        Arg(
            "curv_win_width",
            int,
            default=20,
            doc="iterations that count for the range of curvatures",
        ),
        Arg("epsilon", float, default=1e-6, doc="least number that is divided by"),
        Arg("nesterov", bool, default=False, doc="look one step ahead"),
        Arg("zero_debias", bool, default=True, doc="correct averages for their start at 0"),
    ],
    infer=_infer,
    inplace={name: f"output_{name}" for name in _STATES},
    cost=lambda param, *_, **__: 14 * param.size,
    gradient=NoGradient.FORBIDDEN,
)


@kernel(YELLOW_FIN)
class YellowFin:
    def __init__(self, xp, param, *specs, beta, curv_win_width, epsilon, nesterov, zero_debias):
        self.xp, self.beta, self.width, self.epsilon = xp, beta, curv_win_width, epsilon
        self.nesterov, self.zero_debias = nesterov, zero_debias
        self.scratch = xp.empty(param.shape, param.dtype)

    def __call__(self, *inputs, out=None):
        *states, grad, iteration = inputs
        t = iteration.item()
        if t < 1:
            raise ValueError(f"iter of YellowFin counts from 1, got {t}")
        outputs = begun(self.xp, out, len(states), *states)
        param, m, lr, mu, curv_win, g_avg, g2_avg, scalars = outputs
        shape = param.shape
        g = grad.reshape(shape)
        self._descend(param, m.reshape(shape), g, lr.reshape(()), mu.reshape(()))
        debias = 1 / (1 - self.beta**t) if self.zero_debias else 1.0
        length2 = self._measure(g, g_avg.reshape(shape), g2_avg.reshape(shape))
        curv_win[(t - 1) % self.width] = self.xp.log(length2)
        measured = self._average(length2, curv_win[: min(t, self.width)], scalars)
        if t > 1:
            self._tune(measured, scalars * debias, g_avg, debias, lr, mu)
        return outputs

    def _descend(self, w, m, g, lr, mu):
        xp, scratch = self.xp, self.scratch
        if self.nesterov:
            xp.add(w, xp.multiply(m, mu, out=scratch), out=w)
        xp.multiply(m, mu, out=m)
        xp.add(m, xp.multiply(g, lr, out=scratch), out=m)
        xp.subtract(w, xp.multiply(m, 1 + mu if self.nesterov else 1, out=scratch), out=w)

    def _mix(self, average, value, scratch):
        """average = beta * average + (1 - beta) * value, in place."""
        self.xp.multiply(average, self.beta, out=average)
        self.xp.add(average, self.xp.multiply(value, 1 - self.beta, out=scratch), out=average)

    def _measure(self, g, g_avg, g2_avg):
        """Averages of the gradient and its square; |grad|^2, epsilon at least."""
        self._mix(g_avg, g, self.scratch)
        squares = self.xp.multiply(g, g, out=self.scratch)
        total = squares.sum()
        self._mix(g2_avg, squares, squares)
        return self.xp.maximum(total, self.epsilon)

    def _average(self, length2, window, scalars):
        """Moves the five averages; what the fifth is of comes from the first two."""
        for k, value in enumerate((length2**0.5, length2, window.min(), window.max())):
            scalars[k] = self.beta * scalars[k] + (1 - self.beta) * value
        scalars[4] = self.beta * scalars[4] + (1 - self.beta) * scalars[0] / scalars[1]

    def _tune(self, measured, debiased, g_avg, debias, lr, mu):
        xp = self.xp
        _, length2, low, high, distance = debiased
        low, high = (xp.maximum(xp.exp(v), self.epsilon) for v in (low, high))
        g = g_avg.reshape(-1)
        variance = xp.maximum(length2 - (g @ g) * debias**2, self.epsilon)
        x = _cubic_root(xp, (distance * low) ** 2 / (2 * variance))
        ratio = xp.sqrt(high / low)
        new_mu = xp.maximum(x * x, ((ratio - 1) / (ratio + 1)) ** 2)
        new_lr = (1 - xp.sqrt(new_mu)) ** 2 / low
        for average, value in ((mu, new_mu), (lr, new_lr)):
            average[...] = self.beta * average + (1 - self.beta) * value


def _cubic_root(xp, p):
    """The real root of (1 - x)^3 = p x, by Vieta's substitution."""
    w3 = (xp.sqrt(p * p + 4 / 27 * p**3) + p) / 2
    w = -(w3 ** (1 / 3))
    return w - p / (3 * w) + 1


def _by_hand(state, grad, t, beta=0.999, epsilon=1e-6, nesterov=0, zero_debias=1, width=20):
    """One iteration on Python numbers and small vectors, the cubic solved by `np.roots`."""
    s = {k: np.array(v, float) for k, v in state.items()}
    lr, mu, old = s["lr"].item(), s["mu"].item(), s["moment"]
    s["moment"] = mu * old + lr * grad
    s["param"] = s["param"] - s["moment"] - (mu * (s["moment"] - old) if nesterov else 0)
    s["g_avg"] = beta * s["g_avg"] + (1 - beta) * grad
    s["g2_avg"] = beta * s["g2_avg"] + (1 - beta) * grad**2
    square = max(np.sum(grad**2), epsilon)
    s["curv_win"][(t - 1) % width] = np.log(square)
    window = sorted(s["curv_win"][:t])
    values = [np.sqrt(square), square, window[0], window[-1]]
    averages = [beta * a + (1 - beta) * v for a, v in zip(s["scalars_memory"], values)]
    averages.append(beta * s["scalars_memory"][4] + (1 - beta) * averages[0] / averages[1])
    s["scalars_memory"] = np.array(averages)
    if t > 1:
        scale = 1 - beta**t if zero_debias else 1
        h, H = np.exp(averages[2] / scale), np.exp(averages[3] / scale)
        C = max(averages[1] / scale - np.sum((s["g_avg"] / scale) ** 2), epsilon)
        p = (averages[4] / scale * h) ** 2 / (2 * C)
        roots = np.roots([1, -3, 3 + p, -1])
        x = roots[np.argmin(abs(roots.imag))].real
        new = max(x**2, ((np.sqrt(H) - np.sqrt(h)) / (np.sqrt(H) + np.sqrt(h))) ** 2)
        s["mu"] = beta * s["mu"] + (1 - beta) * new
        s["lr"] = beta * s["lr"] + (1 - beta) * (1 - np.sqrt(new)) ** 2 / h
    return s


@cases(YELLOW_FIN)
def yellow_fin_cases(rng):
    for t in (1, 2, 3, 9):
        for args in (
            {},
            {"beta": 0.5, "nesterov": 1},
            {"beta": 0.9, "zero_debias": 0, "epsilon": 1e-4},
        ):
            for shape in [(4,), (2, 3)]:
                param, m, g_avg, grad = vectors(rng, shape, 4)
                width, grown = (
                    4,
                    1 - args.get("beta", 0.999) ** t,
                )  # what averages have grown to by then
                state = {
                    "param": param, "moment": m, "lr": np.array([0.1]), "mu": np.array([0.8]),
                    "curv_win": rng.uniform(0, 1, width), "g_avg": 0.1 * grown * g_avg, "g2_avg": g_avg**2,
                    "scalars_memory": grown * rng.uniform(0.5, 1, SCALARS),
                }  # fmt: skip
                new = _by_hand(state, grad, t, width=width, **args)
                inputs = {**state, "grad": grad, "iter": np.array([t])}
                expect = {f"output_{name}": value for name, value in new.items()}
                yield Case(inputs, {**args, "curv_win_width": width}, expect=expect)
