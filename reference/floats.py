"""The private encoding in binary64, operation by operation (docs/privacy.md, sections 4 and 9)."""

import math
import struct
from dataclasses import dataclass

import draws
from data import centred, keystream
from draws import kdf0
from suite import Fault, require, u8, u32, u64

REDUCE = 2.0**-600
KEY_POSITIONS = 2**20
ATTEMPTS = 90
PLAIN, CONDITIONAL = 0, 1
SKELLAM, GAUSSIAN, LAPLACE_SHARE = 1, 2, 3
FORMATS = {"f64": "<d", "f32": "<f", "f16": "<e"}


def to_f64(kind, raw):
    """The values of little-endian bytes of one of the four types, all of them exact in binary64."""
    if kind == "bf16":
        return [x[0] for x in struct.iter_unpack("<f", b"".join(b"\0\0" + raw[i:i + 2] for i in range(0, len(raw), 2)))]
    return [x[0] for x in struct.iter_unpack(FORMATS[kind], raw)]


def bits(x):
    return struct.pack("<d", x)


# --- section 9, the description -----------------------------------------------------------------------

@dataclass
class Encoding:
    length: int
    clip: float
    scale: float
    bits: int
    log2_block: int
    rounding: int
    l2_squared: int
    law: int
    numerator: int
    denominator: int
    clients: int
    honest: int
    max_weight: int = 0
    weight_unit: float = 0.0
    max_abs: int = 0
    round: int = 0
    rotation_seed: bytes = bytes(32)

    @property
    def block(self):
        return 1 << self.log2_block

    @property
    def vector_len(self):
        d = self.length + (self.max_weight > 0)
        return -(-d // self.block) * self.block

    def describe(self):
        return b"".join((
            u8(2), u64(self.length), bits(self.clip), bits(self.scale), u8(self.bits), u8(self.log2_block), u8(self.rounding),
            u64(self.l2_squared), u8(self.law), u64(self.numerator), u64(self.denominator), u32(self.clients), u32(self.honest),
            u32(self.max_weight), bits(self.weight_unit), u64(self.max_abs), u64(self.round), self.rotation_seed))

    def least_l2_squared(self):
        """Section 5."""
        levels, dimension = self.clip * self.scale, float(self.vector_len)
        root = math.sqrt(dimension)
        bound = (levels + root) * (levels + root)
        if self.rounding == CONDITIONAL:
            bound = min(bound, levels * levels + dimension / 4.0 + (levels + root / 2.0))
        return math.ceil(bound * (1.0 + 2.0**-49))


# --- section 4.1 ---------------------------------------------------------------------------------------

class Source:
    """values: {position: binary64}; those that are not named are zero, so that long vectors can be looked at in part."""

    def __init__(self, encoding, values, weight):
        self.e, self.values, self.weight = encoding, values, float(weight)

    def load(self, p, unit):
        if p < self.e.length:
            return self.values.get(p, 0.0) * unit * self.weight
        if p == self.e.length and self.e.max_weight:
            return self.e.weight_unit * unit * self.weight
        return 0.0

    def squares(self, start, unit):
        lanes = [0.0] * 16
        for p in range(start, start + 4096):
            z = self.load(p, unit)
            lanes[p % 16] += z * z
        total = 0.0
        for lane in lanes:
            total += lane
        return total

    def sums(self):
        """(U, R)."""
        total = [Sum(), Sum()]
        present = sorted({p // 4096 for p in [*self.values, self.e.length]})
        for key in sorted({block * 4096 // KEY_POSITIONS for block in present}):
            part = [Sum(), Sum()]
            for block in present:
                if block * 4096 // KEY_POSITIONS == key:
                    self._add_block(block * 4096, part)
            for whole, some in zip(total, part):
                whole.add(some.high)
                whole.low += some.low
        return [x.high + x.low for x in total]

    def _add_block(self, start, part):
        squares = self.squares(start, 1.0)
        if squares < 2.0**1000:
            part[0].add(squares)
            return
        for p in range(start, min(start + 4096, self.e.length)):
            require(math.isfinite(self.values.get(p, 0.0)), 609)
        part[1].add(self.squares(start, REDUCE))


class Sum:
    def __init__(self):
        self.high = self.low = 0.0

    def add(self, value):
        high = self.high + value
        part = high - self.high
        self.low += (self.high - (high - part)) + (value - part)
        self.high = high


def gain(clip, usual, reduced):
    """(unit, gain)."""
    safety = 1.0 + 2.0**-40
    if reduced == 0.0:
        norm = math.sqrt(usual) * safety
        return 1.0, 1.0 if norm <= clip else clip / norm
    norm = math.sqrt(reduced + usual * REDUCE * REDUCE) * safety
    return REDUCE, clip / norm


# --- sections 4.2 and 4.3 ------------------------------------------------------------------------------

def sign_bits(e, start, count):
    out = []
    for p in range(start, start + count):
        key, offset = divmod(p, KEY_POSITIONS)
        if not out or offset == 0:
            stream = keystream(kdf0("dp-signs", e.rotation_seed, u64(e.round) + u64(key)), 0, min(KEY_POSITIONS, offset + count) // 8 + 1)
        out.append(stream[offset // 8] >> offset % 8 & 1)
    return out


def coin_words(seed, attempt, start, count):
    out, p = [], start
    while p < start + count:
        key, offset = divmod(p, KEY_POSITIONS)
        k = min(KEY_POSITIONS - offset, start + count - p)
        stream = keystream(kdf0("dp-coins", seed, u64(attempt) + u64(key)), 4 * offset, 4 * k)
        out += struct.unpack(f"<{k}I", stream)
        p += k
    return out


def hadamard(v):
    """In natural order, not normalised."""
    v, stride = list(v), 1
    while stride < len(v):
        for i in range(len(v)):
            if not i & stride:
                v[i], v[i + stride] = v[i] + v[i + stride], v[i] - v[i + stride]
        stride *= 2
    return v


def blocks(v, size):
    return [v[i:i + size] for i in range(0, len(v), size)]


def flip(z, signs, factor):
    return [-(x * factor) if s else x * factor for x, s in zip(z, signs)]


def rotate(e, z, signs, factor):
    """y: scaled, and rotated if the encoding rotates."""
    if e.log2_block == 0:
        return [x * factor for x in z]
    flipped = flip(z, signs, factor / math.sqrt(float(e.block)))
    return [y for part in blocks(flipped, e.block) for y in hadamard(part)]


def rounded(y, r):
    floor = math.floor(y)
    return floor + ((r + 0.5) / 2.0**32 < y - float(floor))


# --- section 4.4 ---------------------------------------------------------------------------------------

class Encoder:
    """Everything on the way of one vector, for the positions of `window`: whole blocks that hold all that is not zero."""

    def __init__(self, e, values, weight, coins, noise, window=None):
        self.e = e
        start, end = window or (0, e.vector_len)
        self.source = Source(e, values, weight)
        require(weight <= e.max_weight if e.max_weight else weight == 1, 610)
        self.usual, self.reduced = self.source.sums()
        self.unit, self.gain = gain(e.clip, self.usual, self.reduced)
        self.loaded = [self.source.load(p, self.unit) for p in range(start, end)]
        self.clipped = [z * self.gain for z in self.loaded]  # what the factors stand for; the encoder multiplies them first
        self.signs = sign_bits(e, start, end - start) if e.log2_block else []
        self.y = rotate(e, self.loaded, self.signs, self.gain * e.scale)
        self._round(coins, start)
        self.noise = draws.Sampler(self._law(), draws.FAST).noise(noise, start, end - start)
        self.integers = [q + x for q, x in zip(self.q, self.noise)]
        self.words = [x % 2**e.bits for x in self.integers]

    def _law(self):
        ratio = self.e.numerator, self.e.denominator
        if self.e.law == LAPLACE_SHARE:
            return ("laplace_share", *ratio, self.e.honest)
        return ("skellam" if self.e.law == SKELLAM else "gaussian", *ratio)

    def _round(self, seed, start):
        self.norms = []
        for attempt in range(ATTEMPTS if self.e.rounding == CONDITIONAL else 1):
            self.coins = coin_words(seed, attempt, start, len(self.y))
            self.q = [rounded(y, r) for y, r in zip(self.y, self.coins)]
            self.norms.append(sum(q * q for q in self.q))
            if self.norms[-1] <= self.e.l2_squared:
                self.attempt = attempt
                return
        raise Fault(614)


def truncated(encoder):
    """With `max_abs`: the first position that noise takes beyond it, or None."""
    limit = encoder.e.max_abs or 2**63
    return next((p for p, x in enumerate(encoder.integers) if abs(x) > limit), None)


# --- section 9, decoding -------------------------------------------------------------------------------

def decode(e, words, start=0):
    values = [float(centred(w, e.bits)) for w in words]
    factor = 1.0 / (e.scale * math.sqrt(float(e.block)))
    if e.log2_block == 0:
        return [x * factor for x in values]
    turned = [x for part in blocks(values, e.block) for x in hadamard(part)]
    return flip(turned, sign_bits(e, start, len(words)), factor)
