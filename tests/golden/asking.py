"""Asks real Caffe2 what operators give, refuse and differentiate to; the make_*.py beside it say what to ask.

Every question runs in a process of its own, as some wrong questions end the process. What it was told is written as
one JSON list and one flat array per dtype: `answers.py` reads it.
"""

import json
import os
import pickle
import sys

import numpy as np
from caffe2.python import core, workspace


class Question:
    """An operator to run.

    Args:
        outputs: how many to ask for.
        inplace: pairs (input, output) that are one blob.
    """

    def __init__(self, type_, inputs, args=None, outputs=1, inplace=()):
        self.type, self.args = type_, dict(args or {})
        self.inputs = [np.asarray(x) for x in inputs]
        self.input_names = [f"in{k}" for k in range(len(self.inputs))]
        self.output_names = [f"out{k}" for k in range(outputs)]
        for i, o in inplace:
            self.output_names[o] = self.input_names[i]

    def ask(self):
        """The outputs, or None where Caffe2 refuses or breaks down."""
        return apart(self._run)

    def _run(self):
        for name, value in zip(self.input_names, self.inputs):
            workspace.FeedBlob(name, value)
        op = core.CreateOperator(self.type, self.input_names, self.output_names, **self.args)
        workspace.RunOperatorOnce(op)
        return [workspace.FetchBlob(name) for name in self.output_names]


def gradient(type_, n_inputs, n_outputs, args=None, flowing=None):
    """The gradient operators and input gradients that Caffe2's maker gives, as plain lists.

    Args:
        flowing: which outputs have a gradient; all of them unless told.
    """
    names = [f"in{k}" for k in range(n_inputs)], [f"out{k}" for k in range(n_outputs)]
    op = core.CreateOperator(type_, *names, **dict(args or {}))
    flowing = range(n_outputs) if flowing is None else flowing
    grads = [f"{o}_grad" if k in flowing else None for k, o in enumerate(names[1])]
    made, wanted = core.GradientRegistry.GetGradientForOp(op, grads)
    ops = [
        [g.type, list(g.input), list(g.output), sorted(_argument(a) for a in g.arg)] for g in made
    ]
    inputs = [[w.indices, w.values] if isinstance(w, core.GradientSlice) else w for w in wanted]
    inputs = [i if i is None or isinstance(i, list) else str(i) for i in inputs]
    return {"forward": [type_, *names, args or {}], "grads": grads, "ops": ops, "inputs": inputs}


def _argument(message):
    """[name, field, value] of an argument that the makers here pass on."""
    for field in ("f", "i", "s"):
        if message.HasField(field):
            value = getattr(message, field)
            return [message.name, field, value.decode() if field == "s" else value]
    return [message.name, "ints", list(message.ints)]


def apart(function):
    """What a function returns in a process of its own; None where it raises or ends the process."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            with os.fdopen(write, "wb") as pipe:
                pickle.dump(function(), pipe)
        finally:
            os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        told = pipe.read()
    os.waitpid(pid, 0)
    return pickle.loads(told) if told else None


class Pool:
    """Arrays laid end to end, one row of memory per dtype; strings stand in the index."""

    def __init__(self):
        self.parts, self.sizes = {}, {}

    def add(self, array):
        if array.dtype.kind == "O":
            return ["object", list(array.shape), [x.decode() for x in array.ravel()]]
        kind = str(array.dtype)
        at = self.sizes.get(kind, 0)
        self.parts.setdefault(kind, []).append(array.ravel())
        self.sizes[kind] = at + array.size
        return [kind, list(array.shape), at]


def write(path, questions, gradients=()):
    """Asks all questions and stores the answers."""
    pool, index, refused, gradients = Pool(), [], 0, list(gradients)
    for q in questions:
        outputs = q.ask()
        if outputs is not None and not all(isinstance(y, np.ndarray) for y in outputs):
            raise SystemExit(f"{q.type} {q.args} gave {outputs}")
        refused += outputs is None
        index.append(
            {
                "type": q.type,
                "args": q.args,
                "names": [q.input_names, q.output_names],
                "inputs": [pool.add(x) for x in q.inputs],
                "outputs": None if outputs is None else [pool.add(y) for y in outputs],
            }
        )
    told = json.dumps({"cases": index, "gradients": gradients})
    arrays = {kind: np.concatenate(parts) for kind, parts in pool.parts.items()}
    np.savez_compressed(path, index=np.frombuffer(told.encode(), np.uint8), **arrays)
    print(f"{len(index)} cases, {refused} of them refused, {len(gradients)} gradients -> {path}")


def main(questions, gradients):
    """`make_x.py OUT [seed [rounds]]`: random questions are drawn `rounds` times."""
    path, seed, rounds = [*sys.argv[1:], "1", "1"][:3]
    rng = np.random.RandomState(int(seed))
    write(path, (q for _ in range(int(rounds)) for q in questions(rng)), gradients())


def uniform(rng, shape, low=-1.0, high=1.0):
    return np.asarray(rng.uniform(low, high, shape), np.float32)


def whole(rng, shape, dtype="float32", low=-4, high=5):
    """Whole numbers, so that there are ties."""
    return np.asarray(rng.randint(low, high, shape), dtype)


def shape(rng, ndim, low=1, high=4):
    return tuple(int(n) for n in rng.randint(low, high + 1, ndim))


def some_axes(rng, ndim):
    """A list of different axes in any order, maybe empty."""
    return [int(a) for a in rng.permutation(ndim)[: rng.randint(ndim + 1)]]


def lengths_of(rng, total, n):
    """n lengths, some of them 0, that add up to total."""
    cuts = np.sort(rng.randint(0, total + 1, n - 1)) if n else np.zeros(0, int)
    return np.diff(np.concatenate([[0], cuts, [total]])) if n else cuts


WORDS = np.array([b"a", b"bc", b"", b"def", b"g", b"hi"], dtype=object)
