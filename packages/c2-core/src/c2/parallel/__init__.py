"""Data-parallel training: every process has the model and a part of each batch, and gradients are averaged over all.

    ranks = c2.communicate.connect()                  # one process too, where nothing started several
    model.add_gradients(loss)
    c2.parallel.average_gradients(model)
    c2.optimizer.build_sgd(model, 0.1)
    c2.parallel.start(workspace, model, ranks)
    for batch in c2.parallel.shard(batches, ranks):
        ...

The losses are those of one process up to rounding, and parameters are the same in all processes, bit for bit.
"""

from c2.parallel.batch_norm import synchronize_batch_norm
from c2.parallel.checkpoint import CheckpointManager
from c2.parallel.gradients import WORLD, average_gradients
from c2.parallel.progress import ProgressOfAll
from c2.parallel.shard import Shard, shard
from c2.parallel.start import start

__all__ = [
    "WORLD",
    "CheckpointManager",
    "ProgressOfAll",
    "Shard",
    "average_gradients",
    "shard",
    "start",
    "synchronize_batch_norm",
]
