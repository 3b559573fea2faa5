"""Lattice masks (docs/protocol.md section 11.2, appendix B)."""

import bisect
import math
from dataclasses import dataclass
from decimal import Decimal, localcontext
from functools import cache, cached_property

import data
from suite import H, Fault, kdf, require, u8, u32, u64

EPOCH = 1024  # blocks that share a key
SPARE = 64  # integers that are read beyond N for each prime of a key
LANES = 64


@dataclass(frozen=True)
class Set:
    number: int
    name: str
    N: int
    primes: tuple
    r: int  # bits of each prime
    roots: tuple
    T0: int

    @property
    def P(self):
        return len(self.primes)

    @cached_property
    def Q(self):
        return math.prod(self.primes)

    @cached_property
    def crt_weights(self):
        """1 modulo one prime, 0 modulo the others."""
        rests = [self.Q // q for q in self.primes]
        return [rest * pow(rest, -1, q) for rest, q in zip(rests, self.primes)]

    def T(self, n):
        return self.T0 if n <= 512 else self.T0 - 1 if n <= 2048 else self.T0 - 2

    def B(self, n):
        """The largest sum of errors that can be told from words."""
        return self.Q // (2 * 2 ** self.T(n)) - 1

    @property
    def log_n(self):
        return self.N.bit_length() - 1


SETS = {s.number: s for s in (
    Set(1, "L96", 4096, (281474976694273, 281474976636929), 48, (36835623151, 27158770669), 84),
    Set(2, "L100", 4096, (1125899906826241, 1125899906629633), 50, (46909545429, 12064401162), 88),
    Set(3, "L108", 4096, (68719403009, 68719230977, 68719206401), 36, (24250113, 29008497, 2000871), 96),
    Set(4, "S48", 2048, (281474976694273,), 48, (97960004291,), 36),
    Set(5, "L160", 8192, (1099511480321, 1099510890497, 1099510824961, 1099510054913), 40,
        (30370987, 5405730, 38269060, 27512678), 148),
    Set(6, "S50", 2048, (1125899906826241,), 50, (1080667890455,), 38),
    Set(7, "L188", 8192, (140737488273409, 140737488125953, 140737488044033, 140737487306753), 47,
        (38009007697, 31782863940, 8472660658, 27818875998), 176))}


# --- the ring ----------------------------------------------------------------------------------------

def brv(i, bits):
    return int(f"{i:0{bits}b}"[::-1], 2)


@cache
def zetas(q, psi, n):
    """psi^brv(k): X^len - zeta^2 splits into X^(len/2) - zeta and X^(len/2) + zeta."""
    bits = n.bit_length() - 1
    return [pow(psi, brv(k, bits), q) for k in range(n)]


def ntt(a, q, psi):
    """Slot i is a(psi^(2 brv(i) + 1))."""
    a, n, zeta = list(a), len(a), zetas(q, psi, len(a))
    half, k = n // 2, 1
    while half:
        for start in range(0, n, 2 * half):
            middle, end = start + half, start + 2 * half
            low, high = a[start:middle], [zeta[k] * x % q for x in a[middle:end]]
            a[start:middle] = [(x + y) % q for x, y in zip(low, high)]
            a[middle:end] = [(x - y) % q for x, y in zip(low, high)]
            k += 1
        half //= 2
    return a


def intt(slots, q, psi):
    """The polynomial with these slots: the steps of `ntt` undone, last one first."""
    a, n, zeta = list(slots), len(slots), zetas(q, psi, len(slots))
    half, first = 1, n // 2
    while half < n:
        for i, start in enumerate(range(0, n, 2 * half)):
            middle, end = start + half, start + 2 * half
            low, high, back = a[start:middle], a[middle:end], pow(zeta[first + i], -1, q)
            a[start:middle] = [(x + y) % q for x, y in zip(low, high)]
            a[middle:end] = [(x - y) * back % q for x, y in zip(low, high)]
        half, first = 2 * half, first // 2
    scale = pow(n, -1, q)
    return [x * scale % q for x in a]


def crt(lattice, residues):
    """The integer in 0 .. Q - 1 with these residues."""
    return sum(x * weight for x, weight in zip(residues, lattice.crt_weights)) % lattice.Q


# --- what is expanded from keys ----------------------------------------------------------------------

def integers(key, counter, count):
    """`count` little-endian integers of 8 bytes of AES-256-CTR, from this counter block on."""
    stream = data.keystream(key, 16 * counter, 8 * count)
    return [int.from_bytes(stream[i:i + 8], "little") for i in range(0, 8 * count, 8)]


def public(sid, lattice, j):
    """The slots of A_j, by prime."""
    key, out = H("lattice-a", u8(lattice.number), sid, u32(j)), []
    for c, q in enumerate(lattice.primes):
        slots, at = [], 2**32 * c
        while len(slots) < lattice.N:
            candidates = (z % 2**lattice.r for z in integers(key, at, lattice.N))
            slots += [z for z in candidates if z < q]
            at += lattice.N // 2
        out.append(slots[:lattice.N])
    return out


def epoch_part(sid, lattice, seed, epoch):
    """U(seed, epoch), by prime."""
    key = kdf(sid, "lattice-key", seed, u64(epoch), 32)
    count, out = lattice.N + SPARE, []
    stream = integers(key, 0, lattice.P * count)
    for c, q in enumerate(lattice.primes):
        candidates = (z % 2**lattice.r for z in stream[c * count:(c + 1) * count])
        slots = [z for z in candidates if z < q][:lattice.N]
        out.append(slots + [0] * (lattice.N - len(slots)))
    return out


def epoch_key(sid, lattice, terms, epoch):
    """The sum of +-U over terms: list of (seed, sign)."""
    out = [[0] * lattice.N for _ in lattice.primes]
    for seed, sign in terms:
        part = epoch_part(sid, lattice, seed, epoch)
        out = [[(x + sign * y) % q for x, y in zip(a, b)] for a, b, q in zip(out, part, lattice.primes)]
    return out


@cache
def thresholds():
    """Appendix B, from its definition."""
    with localcontext() as context:
        context.prec = 100
        width = Decimal("6.4")
        weight = [(-Decimal(x * x) / (2 * width * width)).exp() for x in range(200)]
        total = weight[0] + 2 * sum(weight[1:])
        out, inside = [], weight[0]
        for x in range(1, 85):
            out.append(int((2**127 * inside / total).to_integral_value()))
            inside += 2 * weight[x]
    return out


def errors(sid, lattice, error_seed, block):
    """e_0 .. e_(N-1) of a block; a block with fewer coefficients takes the first ones."""
    key, n = kdf(sid, "lattice-error", error_seed, u64(block), 32), lattice.N
    z = integers(key, 0, 2 * n)
    return [error(z[c], z[n + c]) for c in range(n)]


def error(z, more):
    u = 2**64 * (z // 2) + more
    size = bisect.bisect_right(thresholds(), u)  # how many are at most u
    return -size if z % 2 else size


# --- words in coefficients ---------------------------------------------------------------------------

@dataclass(frozen=True)
class Geometry:
    """How the words of a session lie in coefficients."""

    lattice: Set
    n: int
    bound: int

    @property
    def w(self):
        return (2 * self.n * self.bound).bit_length()

    @property
    def T(self):
        return self.lattice.T(self.n)

    @property
    def lanes(self):
        return min(LANES, self.T // self.w)

    @property
    def block_words(self):
        return self.lattice.N * self.lanes

    def check(self):
        require(self.w <= min(self.T, 64), 115)

    def coefficients(self, words):
        """C of a block."""
        return (words + self.lanes - 1) // self.lanes

    def blocks(self, start, end):
        """(J, first word, end) of the blocks of a range that begins where a block begins."""
        size = self.block_words
        assert start % size == 0
        return [(p // size, p, min(p + size, end)) for p in range(start, end, size)]

    def block_wire_len(self, words):
        return self.lattice.P * data.packed_len(self.coefficients(words), self.lattice.r)

    def wire_len(self, words):
        """Of a range of words that begins where a block begins."""
        whole, rest = divmod(words, self.block_words)
        return whole * self.block_wire_len(self.block_words) + self.block_wire_len(rest)


def pack(geometry, values):
    """The coefficients of one block of non-negative words."""
    count, out = geometry.coefficients(len(values)), []
    for c in range(count):
        out.append(sum(v << geometry.w * h for h, v in enumerate(values[c::count])))
    return out


def unpack(geometry, coefficients, words):
    count = len(coefficients)
    return [coefficients[i % count] >> geometry.w * (i // count) & (2**geometry.w - 1) for i in range(words)]


# --- one block ---------------------------------------------------------------------------------------

def product(sid, lattice, key, block):
    """INTT(A_j o K), by prime."""
    return [intt([a * k % q for a, k in zip(slots, part)], q, psi) for slots, part, q, psi in
            zip(public(sid, lattice, block % EPOCH), key, lattice.primes, lattice.roots)]


def mask_block(sid, geometry, key, error_seed, block, values):
    """The residues of a masked block, by prime; values: centred words plus the bound."""
    lattice, plain = geometry.lattice, pack(geometry, values)
    noise, t = errors(sid, lattice, error_seed, block), 2**geometry.T
    return [[(m + t * e + v) % q for m, e, v in zip(mask, noise, plain)]
            for mask, q in zip(product(sid, lattice, key, block), lattice.primes)]


def wire(lattice, residues):
    return b"".join(data.pack(part, lattice.r) for part in residues)


def from_wire(lattice, raw, count):
    """By prime; any residue is taken modulo its prime, and padding bits count for nothing."""
    size = data.packed_len(count, lattice.r)
    require(len(raw) == lattice.P * size, 207)
    parts = [raw[c * size:(c + 1) * size] for c in range(lattice.P)]
    return [[x % q for x in data.unpack(part, lattice.r, count, any_padding=True)]
            for part, q in zip(parts, lattice.primes)]


def largest_error(survivors):
    """Of the sum of so many honest clients: 14 standard deviations."""
    return math.isqrt(8100 * survivors)


def decode(geometry, survivors, residues, words):
    """The centred sums of a block from t E + pack(v), by prime."""
    lattice, t, limit = geometry.lattice, 2**geometry.T, largest_error(survivors)
    whole = [crt(lattice, [x + t * limit for x in column]) for column in zip(*residues)]
    require(all(z // t <= 2 * limit for z in whole), 509)
    return [v - survivors * geometry.bound for v in unpack(geometry, [z % t for z in whole], words)]


def unmask_block(sid, geometry, key, block, survivors, residues, words):
    """The centred sums of a block from the survivors' sum of residues."""
    masks = product(sid, geometry.lattice, key, block)
    plain = [[(y - m) % q for y, m in zip(part, mask)]
             for part, mask, q in zip(residues, masks, geometry.lattice.primes)]
    return decode(geometry, survivors, plain, words)


# --- a vector ----------------------------------------------------------------------------------------

class Keys:
    """The keys of a sum of seeds, each epoch's expanded once."""

    def __init__(self, sid, lattice, terms):
        self.sid, self.lattice, self.terms, self.known = sid, lattice, terms, {}

    def of(self, block):
        epoch = block // EPOCH
        if epoch not in self.known:
            self.known[epoch] = epoch_key(self.sid, self.lattice, self.terms, epoch)
        return self.known[epoch]


def client_terms(me, self_seed, pair_seeds):
    return [(self_seed, 1)] + [(seed, 1 if v > me else -1) for v, seed in pair_seeds.items()]


def sum_terms(self_seeds, dropped_pairs):
    """What is left in the sum of the survivors' keys; dropped_pairs: {(u in U3, v in D): seed}."""
    return [(seed, 1) for seed in self_seeds.values()] + [
        (seed, 1 if v > u else -1) for (u, v), seed in dropped_pairs.items()]


def mask(sid, geometry, bits, words, terms, error_seed):
    """The upload of a vector."""
    keys, out = Keys(sid, geometry.lattice, terms), b""
    for block, start, end in geometry.blocks(0, len(words)):
        values = [data.centred(x, bits) + geometry.bound for x in words[start:end]]
        if not all(0 <= v <= 2 * geometry.bound for v in values):
            raise Fault(603)
        residues = mask_block(sid, geometry, keys.of(block), error_seed, block, values)
        out += wire(geometry.lattice, residues)
    return out


def unmask(sid, geometry, bits, uploads, terms, last, first=0):
    """The sum of the uploads modulo 2^b, at positions first .. last - 1, of which the uploads are."""
    keys, at, out = Keys(sid, geometry.lattice, terms), 0, []
    for block, start, end in geometry.blocks(first, last):
        size, count = geometry.block_wire_len(end - start), geometry.coefficients(end - start)
        parts = [from_wire(geometry.lattice, upload[at:at + size], count) for upload in uploads]
        total = [[sum(column) % q for column in zip(*(p[c] for p in parts))]
                 for c, q in enumerate(geometry.lattice.primes)]
        sums = unmask_block(sid, geometry, keys.of(block), block, len(uploads), total, end - start)
        out += [x % 2**bits for x in sums]
        at += size
    return out
