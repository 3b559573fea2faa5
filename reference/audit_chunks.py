"""The chunks of a transcript: reading, paths, roots, unmasking (docs/protocol.md sections 20.1 and 20.2)."""

from dataclasses import dataclass

import data
import masking
from suite import Fault, attributed, require


@dataclass
class Chunk:
    """One chunk of every survivor's upload, and of the sum its leaf."""

    number: int
    uploads: dict  # bytes by survivor
    sum_leaf: bytes


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


# --- reading and checking ------------------------------------------------------------------------------

def read_path(r, desc, i):
    return [r.take(32) for _ in range(path_len(i, chunk_count(desc)))]


class Chunks:
    """The chunks of a file against what its rounds have settled; `sums` has the words of the sum of those that were unmasked."""

    def __init__(self, rounds):
        self.rounds, self.desc, self.sums = rounds, rounds.desc, {}

    def on_all(self, r, wanted):
        """All chunks, of which the wanted ones are unmasked; None: every one."""
        chunks = [self._read_chunk(r, i) for i in range(chunk_count(self.desc))]
        for u in self.rounds.u3:
            self._upload_rooted(u, data.tree([data.leaf(c.number, c.uploads[u]) for c in chunks]))
        self._sum_rooted(data.tree([c.sum_leaf for c in chunks]))
        for chunk in chunks:
            words = self._words(chunk)
            if wanted is None or chunk.number in wanted:
                self._unmask(chunk, words)

    def _read_chunk(self, r, i):
        return Chunk(i, {u: r.take(wire_len(self.desc, i)) for u in self.rounds.u3}, r.take(32))

    def on_opened(self, r):
        """Some chunks, one by one: those that the reader has asked for."""
        count, last = r.uint(4), -1
        require(count >= 1, 207)
        for _ in range(count):
            i = r.uint(8)
            require(last < i < chunk_count(self.desc), 212)
            chunk = self._read_opened(r, i)
            self._unmask(chunk, self._words(chunk))
            last = i

    def _read_opened(self, r, i):
        uploads, count = {}, chunk_count(self.desc)
        for u in self.rounds.u3:
            path, uploads[u] = read_path(r, self.desc, i), r.take(wire_len(self.desc, i))
            self._upload_rooted(u, top(i, count, data.leaf(i, uploads[u]), path))
        sum_leaf, path = r.take(32), read_path(r, self.desc, i)
        self._sum_rooted(top(i, count, sum_leaf, path))
        return Chunk(i, uploads, sum_leaf)

    def _root(self, tree):
        return data.root_of_top(self.desc.vector_len, self.desc.chunk_len, tree)

    def _upload_rooted(self, u, tree):
        require(self._root(tree) == self.rounds.roots[u], 506)

    def _sum_rooted(self, tree):
        require(self._root(tree) == self.rounds.sum_root, 217)

    def _words(self, chunk):
        """What the survivors masked, by survivor."""
        start, end = span(self.desc, chunk.number)
        out = {}
        for u, raw in chunk.uploads.items():
            with attributed(301, u):
                out[u] = masking.read_range(self.desc, raw, end - start)
        return out

    def _unmask(self, chunk, words):
        """The sum's words, which have to be those whose leaf the server announced."""
        desc, rounds = self.desc, self.rounds
        try:
            out = masking.unmask_range(desc, words, rounds.self_seeds, rounds.dropped_pairs, *span(desc, chunk.number))
        except Fault as fault:  # masks that do not cancel have no sum to announce
            raise Fault(414) from fault
        require(data.leaf(chunk.number, data.pack(out, desc.modulus_bits)) == chunk.sum_leaf, 414)
        self.sums[chunk.number] = out
