"""RMACRegions: a pyramid of overlapping square regions of an image."""

import numpy as np

from c2.registry import Arg, Case, NoGradient, OpSchema, Tensor, TensorSpec, cases, kernel, require

SCALES = Arg("scales", int, default=3, minimum=1, doc="levels of the pyramid")
OVERLAP = Arg(
    "overlap",
    float,
    default=0.4,
    doc="wanted overlap of neighbours on the first level, as a share of a region",
)


def _regions(H, W, scales, overlap):
    """(x, y, side) of every region of an image, level by level, column by column."""
    side = min(H, W)
    extra = 0
    if H != W:
        gaps = {
            k: abs((side * side - side * (max(H, W) - side) / k) / (side * side) - overlap)
            for k in range(1, 7)
        }
        extra = min(gaps, key=gaps.__getitem__)
    found = []
    for level in range(1, scales + 1):
        size = 2 * side // (level + 1)
        columns = _starts(W, size, level + (extra if W > H else 0))
        rows = _starts(H, size, level + (extra if H > W else 0))
        found += [(x, y, size) for x in columns for y in rows]
    return found


def _starts(length, size, count):
    """So many regions spread evenly from end to end."""
    step = (length - size) / (count - 1) if count > 1 else 0.0
    return [int(np.float32(k * step)) for k in range(count)]


def infer_rmac_regions(X, *, scales, overlap):
    require(X.ndim == 4, "X must have four axes", 4, X.ndim)
    side = min(X.shape[2:])
    require(
        2 * side // (scales + 1) > 0, "regions of the last level must have elements", "side >= 1", 0
    )
    count = len(_regions(*X.shape[2:], scales, overlap))
    return TensorSpec((X.shape[0] * count, 5), np.dtype(np.float32))


RMAC_REGIONS = OpSchema(
    "RMACRegions",
    doc="""RMAC_REGIONS[k] = (n, x1, y1, x2, y2): square regions on `scales` levels, of every image n, ends included.

    Level l has regions of side floor(2 * min(H, W) / (l + 1)), l along the shorter axis, spread evenly; along the
    longer one as many more as bring the overlap of the first level nearest to `overlap`. They are what RoIPool and
    RoIAlign take. Only the shape of X is read.

    Source: Tolias, Sicre & Jegou, "Particular object retrieval with integral max-pooling of CNN activations", 2016.
    """,
    inputs=[Tensor("X", "images (N, C, H, W)")],
    outputs=[Tensor("RMAC_REGIONS", "float32 (N * regions, 5)")],
    args=[SCALES, OVERLAP],
    infer=infer_rmac_regions,
    gradient=NoGradient.NOT_IMPLEMENTED,
)


@kernel(RMAC_REGIONS)
def rmac_regions(xp, X, *, scales, overlap, out=None):
    N, _, H, W = X.shape
    corners = [(x, y, x + s - 1, y + s - 1) for x, y, s in _regions(H, W, scales, overlap)]
    rows = [(n, *corner) for n in range(N) for corner in corners]
    found = xp.asarray(np.array(rows, np.float32).reshape(-1, 5))
    if out is None:
        return found
    out[...] = found
    return out


@cases(RMAC_REGIONS)
def rmac_regions_cases(rng):
    one_level = [[0, 0, 0, 3, 3]]
    two = one_level + [[0, x, y, x + 1, y + 1] for x in (0, 2) for y in (0, 2)]
    for scales, rows in ((1, one_level), (2, two)):
        expected = np.array(rows, np.float32)
        yield Case({"X": np.zeros((1, 2, 4, 4))}, {"scales": scales}, {"RMAC_REGIONS": expected})
    wide = [
        [n, x, 0, x + 4, 4] for n in (0, 1) for x in (0, 2)
    ]  # 2 regions overlap by 0.6, 3 by 0.8
    yield Case(
        {"X": np.zeros((2, 1, 5, 7))}, {"scales": 1}, {"RMAC_REGIONS": np.array(wide, np.float32)}
    )
    tall = [[0, 0, y, 4, y + 4] for y in (0, 1, 2)]
    args = {"scales": 1, "overlap": 0.8}
    yield Case({"X": np.zeros((1, 1, 7, 5))}, args, {"RMAC_REGIONS": np.array(tall, np.float32)})
    none = np.zeros((0, 5), np.float32)
    yield Case({"X": np.zeros((0, 1, 4, 4))}, {}, {"RMAC_REGIONS": none})
