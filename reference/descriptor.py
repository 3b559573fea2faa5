"""The session descriptor (docs/protocol.md sections 1 and 4)."""

from dataclasses import dataclass

import lattice
import ristretto
from suite import SUITE, VERSION, H, Reader, require, u8, u16, u32, u64

EXACT, TAIL = 0x01, 0x02
PAIRWISE, LATTICE = 0x01, 0x10


@dataclass
class Descriptor:
    roster: list  # of (id, identity key), ascending
    server_key: bytes
    max_colluders: int
    max_dropouts: int
    min_honest: int
    vector_len: int
    chunk_len: int
    modulus_bits: int
    bound_kind: int
    bound: int
    tail_log2: int
    encoding: bytes
    round: int
    attempt: bytes
    context: bytes
    previous: bytes
    masking: int = PAIRWISE
    graph: int = 0x01

    @property
    def n(self):
        return len(self.roster)

    @property
    def threshold(self):
        return self.n - self.max_dropouts

    @property
    def ids(self):
        return [u for u, _ in self.roster]

    def index(self, u):
        """The index of a client: its place in the roster, from 1 (section 2)."""
        return self.ids.index(u) + 1

    def key(self, u):
        return dict(self.roster)[u]

    @property
    def geometry(self):
        """How words lie in coefficients, with lattice masks; else None."""
        if self.masking == PAIRWISE:
            return None
        return lattice.Geometry(lattice.SETS[self.masking - LATTICE], self.n, self.bound)

    def encode(self):
        roster = b"".join(u64(u) + key for u, key in self.roster)
        return b"".join((
            u8(VERSION), u16(SUITE), u8(self.masking), u8(self.graph), u32(self.n), roster,
            self.server_key, u32(self.max_colluders), u32(self.max_dropouts), u32(self.min_honest),
            u64(self.vector_len), u32(self.chunk_len), u8(self.modulus_bits), u8(self.bound_kind),
            u64(self.bound), u32(self.tail_log2), u32(len(self.encoding)), self.encoding,
            u64(self.round), self.attempt, self.context, self.previous))

    @property
    def sid(self):
        return H("session", self.encode())

    def validate(self):
        """Every rule of sections 1 and 4. A descriptor that breaks several may be refused for any."""
        n, c, d, t = self.n, self.max_colluders, self.max_dropouts, self.threshold
        require(2 <= n <= 4096, 101)
        require(all(a < b for a, b in zip(self.ids, self.ids[1:])), 102)
        keys = [key for _, key in self.roster] + [self.server_key]
        require(all(ristretto.strict_point(key) for key in keys), 104)
        require(len(set(keys)) == n + 1, 103)
        require(d < n, 113)
        require(2 * t > n + c, 105)
        require(t - c >= self.min_honest >= 2, 106)
        require(2 <= self.modulus_bits <= 64, 107)
        require(1 <= self.vector_len <= 2**40, 109)
        require(self.chunk_len % 64 == 0 and 64 <= self.chunk_len <= 2**24, 110)
        require(len(self.encoding) <= 1024, 111)
        require(self.masking == PAIRWISE or self.masking - LATTICE in lattice.SETS, 214)
        require(self.graph == 0x01 and self.bound_kind in (EXACT, TAIL), 214)
        require(self.bound_kind == TAIL or self.tail_log2 == 0, 214)
        require(self.bound >= 1, 112)
        require(self.bound_kind == EXACT or self.tail_log2 >= 1, 112)
        factor = n if self.bound_kind == EXACT else 1
        require(factor * self.bound <= 2 ** (self.modulus_bits - 1) - 1, 108)
        if self.masking != PAIRWISE:
            require(self.bound_kind == EXACT, 116)
            self.geometry.check()
            require(self.chunk_len % self.geometry.block_words == 0, 117)

    @classmethod
    def decode(cls, data):
        r = Reader(data)
        require(r.uint(1) == VERSION, 203)
        require(r.uint(2) == SUITE, 204)
        masking, graph = r.uint(1), r.uint(1)
        roster = [(r.uint(8), r.take(32)) for _ in range(r.count(40))]
        out = cls(roster=roster, server_key=r.take(32), max_colluders=r.uint(4), max_dropouts=r.uint(4),
                  min_honest=r.uint(4), vector_len=r.uint(8), chunk_len=r.uint(4),
                  modulus_bits=r.uint(1), bound_kind=r.uint(1), bound=r.uint(8), tail_log2=r.uint(4),
                  encoding=r.take(r.uint(4)), round=r.uint(8), attempt=r.take(16), context=r.take(32),
                  previous=r.take(32), masking=masking, graph=graph)
        r.end()
        out.validate()
        return out


def default_bounds(n):
    """(c, d) of section 1."""
    if n == 4:
        return 0, 1
    return (n - 1) // 3, (n - 1) // 3
