"""Reorders between layouts of images."""

from __future__ import annotations

from c2.compile.layout import Layout
from c2.compile.native import NativeKernel
from c2.registry import TensorSpec
from c2_mkl.call import Chain, Declined
from c2_mkl.image import LAYOUTS, image_of
from c2_mkl.library import onednn
from c2_mkl.primitive import image_memory, reorder


def build_reorder(
    spec: TensorSpec, source: Layout, target: Layout, threads: int
) -> NativeKernel | str:
    """The native call from one layout to another, or why there is none."""
    if spec.dtype != "float32" or source not in LAYOUTS or target not in LAYOUTS:
        return f"no reorder of {spec.dtype} from {source.name} to {target.name}"
    library = onednn()
    chain = Chain(library, 1, 1)
    ends = [image_memory(library, image_of(spec, layout)) for layout in (source, target)]
    try:
        reorder(chain, ends[0], ends[1], 0, 1, threads)
    except Declined as declined:
        return str(declined)
    return chain.kernel([source], [target])
