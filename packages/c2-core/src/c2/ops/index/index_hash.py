"""IndexHash: indices of any size mapped into a table."""

import numpy as np

from c2.ops.results import stored
from c2.registry import REQUIRED, Arg, Case, OpSchema, Tensor, cases, kernel, same_as
from c2.registry.schema import NoGradient
from c2.registry.spec import INDEX

_SEED, _STEP = 0xDEADBEEF, 65537

INDEX_HASH = OpSchema(
    "IndexHash",
    doc="""HashedIndices = h mod modulo, in [0, modulo), where h = seed * 3735928559 and, for each byte b of the index
    from the lowest, h = h * 65537 + b.

    Bytes are signed, and h wraps around as the dtype of Indices does; so int32 and int64 give different numbers.
    """,
    inputs=[Tensor("Indices", "any shape", INDEX)],
    outputs=[Tensor("HashedIndices", "shape and dtype of Indices")],
    args=[
        Arg("seed", int, default=0, doc="makes another hash of each"),
        Arg("modulo", int, default=REQUIRED, doc="size of the table, above 0", minimum=1),
    ],
    infer=same_as("Indices"),
    inplace={"Indices": "HashedIndices"},
    cost=lambda Indices, **args: 30 * Indices.size,
    gradient=NoGradient.FORBIDDEN,
)


@kernel(INDEX_HASH)
def index_hash(xp, Indices, *, seed, modulo, out=None):
    bits = Indices.dtype.itemsize * 8
    start = (seed * _SEED + (1 << (bits - 1))) % (1 << bits) - (
        1 << (bits - 1)
    )  # as the dtype wraps
    flat = Indices.reshape(-1)
    hashed = xp.full(flat.shape, start, Indices.dtype)
    for shift in range(0, bits, 8):
        byte = (((flat >> shift) & 255) ^ 128) - 128
        hashed = hashed * _STEP + byte
    hashed = (hashed.astype("int64") % modulo).reshape(Indices.shape)
    return stored(xp, hashed, out, dtype=Indices.dtype)


def _by_hand(index, bits, seed, modulo):
    h = seed * _SEED
    for byte in int(index).to_bytes(bits // 8, "little", signed=True):
        h = h * _STEP + (byte - 256 if byte > 127 else byte)
    h %= 1 << bits
    return (h - (1 << bits) if h >> (bits - 1) else h) % modulo


@cases(INDEX_HASH)
def index_hash_cases(rng):
    for dtype, bits in (("int32", 32), ("int64", 64)):
        X = np.array([[0, 1, -4], [2**31 - 1, -(2**31), 77]], dtype)
        for args in ({"seed": 5, "modulo": 100}, {"modulo": 7}, {"seed": -3, "modulo": 2**31 - 1}):
            expected = [_by_hand(x, bits, args.get("seed", 0), args["modulo"]) for x in X.ravel()]
            yield Case({"Indices": X}, args, {"HashedIndices": np.reshape(expected, X.shape)})
    yield Case(
        {"Indices": np.zeros(0, np.int64)},
        {"modulo": 3},
        {"HashedIndices": np.zeros(0)},
        id="empty",
    )
    yield Case(
        {"Indices": np.array(1)}, {"seed": 5, "modulo": 100}, {"HashedIndices": 68}, id="0-d"
    )
