"""FP32MomentumSGDUpdate and FP16MomentumSGDUpdate, momentum SGD with weight decay in one step."""

import numpy as np

from c2.ops.optimizer.cases import SHAPES, vectors
from c2.ops.optimizer.dense import begun, like, output
from c2.ops.optimizer.momentum_sgd import SOURCE, STEP
from c2.ops.rules import equal, one_element, same_dtype, same_size
from c2.registry import Arg, Case, OpSchema, Tensor, cases, kernel
from c2.registry.schema import NoGradient

ARGS = [
    Arg("momentum", float, default=0.0, doc="factor of the old moment"),
    Arg("weight_decay", float, default=0.0, doc="weight_decay * param is added to the gradient"),
    Arg("nesterov", bool, default=False, doc="look one step ahead"),
]


def _infer(grad, m, lr, param, **args):
    same_dtype(grad=grad, moment=m, param=param)
    same_size(grad=grad, moment=m, param=param)
    one_element(lr=lr)
    equal("lr must be float32", np.dtype(np.float32), lr.dtype)
    return like(grad, m, param)


def _schema(type_, dtype, doc, args):
    dtypes = frozenset({dtype})
    return OpSchema(
        type_,
        doc=f"""{STEP} The gradient here is grad + weight_decay * param; the step is subtracted from param.

        {doc} {SOURCE} Differs from Caffe2: runs on every device, and updates every element, where Caffe2's CUDA kernels
        work on pairs and may leave the last of an odd number.
        """,
        inputs=[
            Tensor("grad", f"{dtype}, any shape", dtypes),
            Tensor("moment", f"{dtype}, m; size of grad", dtypes),
            Tensor("lr", "float32, learning rate, one element", frozenset({"float32"})),
            Tensor("param", f"{dtype}, size of grad", dtypes),
        ],
        outputs=[
            output("grad", "the step"),
            output("moment", "m'"),
            output("param", "param less the step"),
        ],
        args=args,
        infer=_infer,
        inplace={"grad": "output_grad", "moment": "output_moment", "param": "output_param"},
        cost=lambda grad, *_, **__: 6 * grad.size,
        gradient=NoGradient.FORBIDDEN,
    )


FP32_MOMENTUM_SGD_UPDATE = _schema("FP32MomentumSGDUpdate", "float32", "All in float32.", ARGS)
FP16_MOMENTUM_SGD_UPDATE = _schema(
    "FP16MomentumSGDUpdate",
    "float16",
    "Blobs are float16; arithmetic is float16 too, or float32 where fp32_update.",
    [*ARGS, Arg("fp32_update", bool, default=False, doc="compute in float32, round the results")],
)


@kernel(FP32_MOMENTUM_SGD_UPDATE, FP16_MOMENTUM_SGD_UPDATE)
def momentum_sgd_decay(
    xp, grad, m, lr, param, *, momentum, weight_decay, nesterov, fp32_update=False, out=None
):
    steps, new_m, w = begun(xp, out, 3, grad, m, param)
    wide = xp.float32 if fp32_update else grad.dtype.type
    shape = grad.shape
    g, old, p = (a.reshape(shape).astype(wide, copy=False) for a in (grad, m, param))
    lr = lr.reshape(()).astype(wide)
    g = g + wide(weight_decay) * p
    kept = wide(momentum) * old
    moved = kept + lr * g
    step = moved + wide(momentum) * moved - kept if nesterov else moved
    w.reshape(shape)[...] = p - step
    new_m.reshape(shape)[...] = moved
    steps[...] = step
    return steps, new_m, w


def _cases(dtype, variants):
    def cases(rng):
        for args in variants:
            mu, decay = args.get("momentum", 0.0), args.get("weight_decay", 0.0)
            for shape in SHAPES:
                grad, m, param = (v.astype(dtype) for v in vectors(rng, shape, 3))
                g, old, p = (v.astype(np.float64) for v in (grad, m, param))
                new = mu * old + 0.1 * (g + decay * p)
                step = new + mu * (new - old) if args.get("nesterov") else new
                results = (step, new, p - step)
                names = ("output_grad", "output_moment", "output_param")
                inputs = {
                    "grad": grad,
                    "moment": m,
                    "lr": np.array([0.1], np.float32),
                    "param": param,
                }
                yield Case(inputs, args, expect=dict(zip(names, results)))

    return cases


_VARIANTS = [
    {},
    {"momentum": 0.9, "weight_decay": 0.2},
    {"momentum": 0.9, "weight_decay": 0.2, "nesterov": 1},
]
fp32_cases = cases(FP32_MOMENTUM_SGD_UPDATE)(_cases(np.float32, _VARIANTS))
fp16_cases = cases(FP16_MOMENTUM_SGD_UPDATE)(
    _cases(np.float16, [{**v, "fp32_update": wide} for v in _VARIANTS for wide in (0, 1)])
)
