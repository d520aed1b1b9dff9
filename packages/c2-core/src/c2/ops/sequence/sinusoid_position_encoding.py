"""SinusoidPositionEncoding: a position as sines and cosines of many wavelengths."""

import numpy as np

from c2.ops.results import stored
from c2.ops.rules import rank
from c2.registry import INDEX, Arg, Case, OpSchema, Tensor, TensorSpec, cases, kernel
from c2.registry.schema import NoGradient


def _infer(positions, *, embedding_size, alpha, amplitude):
    rank("positions", positions, 2)
    return TensorSpec((*positions.shape, embedding_size), "float32")


SINUSOID_POSITION_ENCODING = OpSchema(
    "SinusoidPositionEncoding",
    doc="""output[..., i] = amplitude * f(position / alpha ** (i / embedding_size)); f = sin for even i, cos for odd.

    Source: Vaswani et al., "Attention is all you need", 2017, section 3.5. Differs from Caffe2: each position counts,
    not only the first of a row; position 0 gives 0 and 1 (there NaN).
    """,
    inputs=[Tensor("positions", "(M, K): M the longest sequence, K the batch", INDEX)],
    outputs=[Tensor("output", "float32 (M, K, embedding_size)")],
    args=[
        Arg("embedding_size", int, default=100, doc="numbers per position", minimum=0),
        Arg("alpha", float, default=10000.0, doc="the longest wavelength over 2 pi, in positions"),
        Arg("amplitude", float, default=1.0, doc="unitless"),
    ],
    infer=_infer,
    gradient=NoGradient.FORBIDDEN,
)


@kernel(SINUSOID_POSITION_ENCODING)
def sinusoid_position_encoding(xp, positions, *, embedding_size, alpha, amplitude, out=None):
    each = xp.arange(embedding_size) / max(embedding_size, 1)
    wavelength = xp.power(float(alpha), each).astype("float32")
    angle = positions[..., None].astype("float32") / wavelength
    encoded = xp.where(xp.arange(embedding_size) % 2 == 0, xp.sin(angle), xp.cos(angle))
    return stored(xp, encoded * xp.float32(amplitude), out, dtype="float32")


@cases(SINUSOID_POSITION_ENCODING)
def sinusoid_position_encoding_cases(rng):
    for dtype in (np.int32, np.int64):
        P = np.array([[0, 0], [1, 1], [7, 7]], dtype)
        for args in ({"embedding_size": 4}, {"embedding_size": 3, "alpha": 10.0, "amplitude": 2.0}):
            size = args["embedding_size"]
            rate = args.get("alpha", 1e4) ** (-np.arange(size) / size)
            shift = np.arange(size) % 2 * np.pi / 2  # a cosine is a sine that is ahead
            expected = args.get("amplitude", 1) * np.sin(P[..., None] * rate + shift)
            yield Case({"positions": P}, args, {"output": expected})
    yield Case({"positions": P[:0]}, {}, {"output": np.zeros((0, 2, 100))})
