"""The chunks of a transcript: reading, paths, roots, unmasking (docs/protocol.md sections 20.1 and 20.2)."""

from dataclasses import dataclass, field

import data
import masking
from audit_file import ALL_CHUNKS
from suite import Fault, attributed, require


@dataclass
class Chunk:
    """One chunk of every survivor's upload, and of the sum its leaf; the paths are empty if the file has all chunks."""

    number: int
    uploads: dict = field(default_factory=dict)  # bytes by survivor
    paths: dict = field(default_factory=dict)
    sum_leaf: bytes = b""
    sum_path: list = field(default_factory=list)


# --- which words and bytes -----------------------------------------------------------------------------

def chunk_count(desc):
    return -(-desc.vector_len // desc.chunk_len)


def span(desc, i):
    """(first word, end) of chunk i."""
    return i * desc.chunk_len, min((i + 1) * desc.chunk_len, desc.vector_len)


def wire_len(desc, i):
    start, end = span(desc, i)
    return masking.wire_len(desc, end - start)


# --- paths ---------------------------------------------------------------------------------------------

def path_len(i, k):
    """How many nodes the path of leaf i of k has."""
    if k == 1:
        return 0
    split = data.left(k)
    return 1 + (path_len(i, split) if i < split else path_len(i - split, k - split))


def top(i, k, leaf, path):
    """The tree over k leaves that leaf i and its path give."""
    if k == 1:
        return leaf
    split, last = data.left(k), path[-1]
    if i < split:
        return data.node(top(i, split, leaf, path[:-1]), last)
    return data.node(last, top(i - split, k - split, leaf, path[:-1]))


# --- reading -------------------------------------------------------------------------------------------

def read(r, tag, desc, survivors):
    return (read_all if tag == ALL_CHUNKS else read_opened)(r, desc, survivors)


def read_all(r, desc, survivors):
    out = []
    for i in range(chunk_count(desc)):
        uploads = {u: r.take(wire_len(desc, i)) for u in survivors}
        out.append(Chunk(i, uploads, sum_leaf=r.take(32)))
    return out


def read_opened(r, desc, survivors):
    count, out = r.uint(4), []
    require(1 <= count <= chunk_count(desc), 207)
    for _ in range(count):
        out.append(read_one(r, desc, survivors))
        require(len(out) < 2 or out[-2].number < out[-1].number, 212)
    return out


def read_one(r, desc, survivors):
    out = Chunk(r.uint(8))
    require(out.number < chunk_count(desc), 207)
    for u in survivors:
        out.paths[u] = read_path(r, desc, out.number)
        out.uploads[u] = r.take(wire_len(desc, out.number))
    out.sum_leaf, out.sum_path = r.take(32), read_path(r, desc, out.number)
    return out


def read_path(r, desc, i):
    return [r.take(32) for _ in range(path_len(i, chunk_count(desc)))]


# --- checking ------------------------------------------------------------------------------------------

class Chunks:
    """All chunks of a file, or those that it opens, against what the rounds have settled."""

    def __init__(self, rounds, tag, chunks):
        self.rounds, self.desc, self.survivors = rounds, rounds.desc, rounds.u3
        self.whole, self.chunks = tag == ALL_CHUNKS, chunks

    def check(self, wanted):
        """The words of the sum by number, of the wanted chunks, or of all that are here if wanted is None."""
        for u in self.survivors:
            leaves = [(c.number, data.leaf(c.number, c.uploads[u]), c.paths.get(u)) for c in self.chunks]
            require(self._rooted(leaves, self.rounds.roots[u]), 506)
        chosen = [c for c in self.chunks if wanted is None or c.number in wanted]
        words = {c.number: self._words(c) for c in chosen}
        sums = [(c.number, c.sum_leaf, c.sum_path) for c in self.chunks]
        require(self._rooted(sums, self.rounds.sum_root), 217)
        return {c.number: self._sum(c, words[c.number]) for c in chosen}

    def _rooted(self, leaves, root):
        """Whether leaves (number, leaf, path) give a root: all together, or each with its path."""
        desc, count = self.desc, chunk_count(self.desc)
        if self.whole:
            tops = [data.tree([leaf for _, leaf, _ in leaves])]
        else:
            tops = [top(i, count, leaf, path) for i, leaf, path in leaves]
        return all(data.root_of_top(desc.vector_len, desc.chunk_len, one) == root for one in tops)

    def _words(self, chunk):
        """What the survivors masked, by survivor."""
        start, end = span(self.desc, chunk.number)
        out = {}
        for u, raw in chunk.uploads.items():
            with attributed(301, u):
                out[u] = masking.read_range(self.desc, raw, end - start)
        return out

    def _sum(self, chunk, words):
        """The sum's words, which have to be those whose leaf the server announced."""
        desc, rounds = self.desc, self.rounds
        try:
            out = masking.unmask_range(desc, words, rounds.self_seeds, rounds.dropped_pairs, *span(desc, chunk.number))
        except Fault as fault:  # masks that do not cancel have no sum to announce
            raise Fault(414) from fault
        require(data.leaf(chunk.number, data.pack(out, desc.modulus_bits)) == chunk.sum_leaf, 414)
        return out
