"""State with one number for each row of a parameter."""

from __future__ import annotations

from c2.build.optimizer.base import Update
from c2.graph.blob_reference import BlobReference


def state_per_row(to: Update, suffix: str) -> BlobReference:
    """A blob `<param><suffix>` (rows,) of zeros; where nobody said the shape, the init net finds the number of rows."""
    made = BlobReference(to.info.name + suffix, to.init_net)
    if to.info.shape is not None:
        to.init_net.op("ConstantFill", (), made, shape=[to.info.shape[0]], value=0.0)
        return made
    shape = BlobReference(to.info.name + "_shape")
    rows = BlobReference(f"{shape}_numrows")
    to.init_net.op("Shape", to.info.blob, shape)
    to.init_net.op("Slice", shape, rows, starts=[0], ends=[1])
    to.init_net.op("ConstantFill", rows, made, input_as_shape=1, value=0.0)
    return made
