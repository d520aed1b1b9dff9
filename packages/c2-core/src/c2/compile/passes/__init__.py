"""Passes: pure functions from graph to graph, in the order in which the compiler applies them."""

from c2.compile.passes.drop import drop_unread_gradients
from c2.compile.passes.elide import elide_copies
from c2.compile.passes.fold import fold_channel_affine
from c2.compile.passes.fuse import fuse_activations
from c2.compile.passes.ranges import share_ranges
from c2.compile.passes.sum import fuse_sums

PASSES = (
    elide_copies,
    drop_unread_gradients,
    fold_channel_affine,
    fuse_sums,
    fuse_activations,
    share_ranges,
)
