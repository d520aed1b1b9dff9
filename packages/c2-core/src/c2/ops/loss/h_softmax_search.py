"""HSoftmaxSearch, the likeliest nodes and words of a tree, and HuffmanTreeHierarchy, a tree by frequency."""

import heapq
import math

import numpy as np
from google.protobuf.message import DecodeError

from c2.ops.loss.h_softmax import W, X, b, check_layers
from c2.ops.loss.labels import least_probability
from c2.ops.rules import equal, rank
from c2.proto.hsm import NodeProto, TreeProto
from c2.registry import REQUIRED, Arg, Case, OpSchema, Tensor, TensorSpec, cases, kernel, require
from c2.registry.schema import NoGradient
from c2.serialize.budget import check_budget

_NODE = 300  # bytes of the objects that hold one class while the tree is built


def _tree(serialized):
    message = TreeProto()
    try:
        message.ParseFromString(serialized)
    except DecodeError as error:
        require(False, "tree must be a serialized TreeProto", "its bytes", str(error))
    for node in _nodes(message.root_node):
        named = node.HasField("offset") and node.HasField("name")
        require(named, "every node of tree must have offset and name", "both", str(node)[:80])
    return message.root_node


def _nodes(node):
    yield node
    for child in node.children:
        yield from _nodes(child)


def _infer_search(X, W, b, *, tree, beam, topN):
    N, _ = check_layers(X, W, b)
    equal("W must have two axes", 2, W.ndim)
    require(topN > 0, "topN must be above 0", "above 0", topN)
    _tree(tree)
    return TensorSpec((N, topN), object), TensorSpec((N, topN), X.dtype)


def _infer_huffman(labels, *, num_classes):
    rank("Labels", labels, 1)
    require(num_classes > 0, "num_classes must be above 0", "above 0", num_classes)
    return TensorSpec((1,), object)


H_SOFTMAX_SEARCH = OpSchema(
    "HSoftmaxSearch",
    doc="""The topN nodes and words with the least -log probability, each example's in a row, least first.

    Going down from the root, a child is kept where its own -log probability is below beam; its score is the sum along
    the path. Nodes are named by the tree, words by their number. Rows with fewer than topN results end in empty names
    and score 0.
    """,
    inputs=[X, W, b],
    outputs=[Tensor("Y_names", "strings (N, topN)"), Tensor("Y_scores", "(N, topN); dtype of X")],
    args=[
        Arg(
            "tree",
            bytes,
            default=REQUIRED,
            doc="a serialized TreeProto; every node has an offset into W and a name",
        ),
        Arg(
            "beam", float, default=0.01, doc="greatest -log probability of a step that is followed"
        ),
        Arg("topN", int, default=5, doc="results per example"),
    ],
    infer=_infer_search,
    gradient=NoGradient.FORBIDDEN,
)

HUFFMAN_TREE_HIERARCHY = OpSchema(
    "HuffmanTreeHierarchy",
    doc="""A serialized TreeProto in which frequent classes have short paths: the two rarest parts are joined, again and
    again.

    Offsets count up from the root by 2 for each inner node, and by 1 for a word on the right, as in Caffe2. A label
    outside [0, num_classes) is an error. Source: Huffman, "A method for the construction of minimum-redundancy codes",
    1952. Differs from Caffe2: of equally frequent parts the one that was made first is joined first; there the order
    is that of the C++ library.
    """,
    inputs=[Tensor("Labels", "class numbers (n,)", frozenset({"int64"}))],
    outputs=[Tensor("Hierarch", "one string, shape (1,)")],
    args=[Arg("num_classes", int, default=-1, doc="number of classes, above 0")],
    infer=_infer_huffman,
    gradient=NoGradient.FORBIDDEN,
)


@kernel(H_SOFTMAX_SEARCH, device="CPU")
class HSoftmaxSearch:
    def __init__(self, xp, X, W, b, *, tree, beam, topN):
        self.root, self.beam, self.top = _tree(tree), beam, topN
        self.N = X.shape[0] if X.ndim > 1 else 1

    def __call__(self, X, W, b, out=None):
        if out is None:
            out = np.empty((self.N, self.top), object), np.empty((self.N, self.top), X.dtype)
        names, scores = out
        names.fill(b"")
        scores.fill(0)
        for n, x in enumerate(X.reshape(self.N, -1)):
            found = sorted(self._below(self.root, W @ x + b, 0.0), key=lambda f: f[1])[: self.top]
            for k, (name, score) in enumerate(found):
                names[n, k], scores[n, k] = name, score
        return out

    def _below(self, node, logits, score):
        """(name, score) of what is kept below a node: its children, its words, then what is below the children."""
        found, deeper = [], []
        costs = self._costs(node, logits)
        for child, cost in zip(node.children, costs):
            if cost < self.beam:
                found.append((child.name.encode(), score + cost))
                deeper += self._below(child, logits, score + cost)
        for word, cost in zip(node.word_ids, costs[len(node.children) :]):
            if cost < self.beam:
                found.append((str(word).encode(), score + cost))
        return found + deeper

    def _costs(self, node, logits):
        """-log probability of each child and word of a node."""
        part = logits[node.offset : node.offset + len(node.children) + len(node.word_ids)]
        shifted = part - part.max()
        worst = -math.log(least_probability(part.dtype))
        return [min(c, worst) for c in (np.log(np.exp(shifted).sum()) - shifted).tolist()]


@kernel(HUFFMAN_TREE_HIERARCHY, device="CPU")
def huffman_tree_hierarchy(xp, labels, *, num_classes, out=None):
    if labels.size and (labels.min() < 0 or labels.max() >= num_classes):
        raise ValueError(
            f"Labels must be in [0, {num_classes - 1}], got {labels.min()} to {labels.max()}"
        )
    check_budget(_NODE * num_classes, f"a tree of {num_classes} classes")
    if out is None:
        out = np.empty(1, object)
    tree = TreeProto()
    _fill(tree.root_node, _join(np.bincount(labels, minlength=num_classes)), offset=0)
    out[0] = tree.SerializeToString()
    return out


def _join(counts):
    """Nested pairs of class numbers, the rarer of a pair first."""
    heap = [(int(count), k, k) for k, count in enumerate(counts)]
    heapq.heapify(heap)
    made = len(heap)
    while len(heap) > 1:
        left, right = heapq.heappop(heap), heapq.heappop(heap)
        heapq.heappush(heap, (left[0] + right[0], made, (left[2], right[2])))
        made += 1
    return heap[0][2]


def _fill(node, pair, offset):
    """Writes a pair into a node, and gives the next free offset."""
    node.offset = offset
    offset += 2
    if not isinstance(pair, tuple):
        return offset
    for side, part in enumerate(pair):
        if isinstance(part, tuple):
            offset = _fill(node.children.add(), part, offset)
        else:
            node.word_ids.append(part)
            offset += side
    return offset


def _named_tree():
    """A root with a node (words 0, 1, 2, rows 3 to 5) and words 5 and 6 (rows 0 to 2)."""
    root = NodeProto(offset=0, name="root", word_ids=[5, 6])
    root.children.add(offset=3, name="node", word_ids=[0, 1, 2])
    return TreeProto(root_node=root).SerializeToString()


@cases(H_SOFTMAX_SEARCH)
def h_softmax_search_cases(rng):
    X, W, b = rng.standard_normal((3, 2)), rng.standard_normal((6, 2)), rng.standard_normal(6)
    P = np.exp(X @ W.T + b).reshape(3, 2, 3)
    cost = -np.log(P / P.sum(2, keepdims=True))
    for beam, top in [(100.0, 5), (1.5, 3), (100.0, 8)]:
        names, scores = np.full((3, top), b"", object), np.zeros((3, top))
        for n in range(3):
            kept = {name: c for name, c in zip((b"node", b"5", b"6"), cost[n, 0]) if c < beam}
            if b"node" in kept:
                words = zip((b"0", b"1", b"2"), cost[n, 1])
                kept.update({word: kept[b"node"] + c for word, c in words if c < beam})
            best = sorted(kept, key=kept.get)[:top]
            names[n, : len(best)], scores[n, : len(best)] = best, [kept[k] for k in best]
        args = {"tree": _named_tree(), "beam": beam, "topN": top}
        yield Case({"X": X, "W": W, "b": b}, args, expect={"Y_names": names, "Y_scores": scores})


@cases(HUFFMAN_TREE_HIERARCHY)
def huffman_tree_hierarchy_cases(rng):
    labels = np.repeat(np.arange(4), [6, 3, 1, 12])  # 2 and 1 are joined, then 0, then 3
    root = NodeProto(offset=0, word_ids=[3])
    node = root.children.add(offset=2, word_ids=[0])
    node.children.add(offset=4, word_ids=[2, 1])
    expected = np.array([TreeProto(root_node=root).SerializeToString()], object)
    yield Case(
        {"Labels": rng.permutation(labels)}, {"num_classes": 4}, expect={"Hierarch": expected}
    )
    expected = np.array([TreeProto(root_node=NodeProto(offset=0)).SerializeToString()], object)
    yield Case(
        {"Labels": np.zeros(0, np.int64)},
        {"num_classes": 1},
        expect={"Hierarch": expected},
        id="one class",
    )
