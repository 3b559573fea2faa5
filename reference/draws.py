"""Integer noise, byte for byte (docs/privacy.md, sections 13.5 and 13.6): parts, tables, draws; and the exact samplers.

Weights are computed from the definitions of the laws, with mpmath, and not as the crate does; what that changes is below `2^-80` a draw.
"""

import hashlib
import hmac
import math
import struct

from mpmath import exp, floor, mpf, workprec

from data import keystream
from suite import kdf_info, u64

PRECISION = 320  # bits
BLOCK, EXTENSION = 4096, 2**32
FAST, CONSTANT_TIME = (2**15, 28, 2048), (700, 2, 96)  # variance, 1 / noise parameter, base of digits
WHOLE = 2**128


def kdf0(label, seed, info):
    """The KDF of docs/protocol.md, section 5, with an empty salt; 32 bytes."""
    prk = hmac.digest(bytes(64), seed, hashlib.sha512)
    return hmac.digest(prk, kdf_info(label, info) + b"\1", hashlib.sha512)[:32]


# --- parts ---------------------------------------------------------------------------------------------

def narrow(base, exponent):
    s = base * base
    return -(-1000 * exponent * (s + 1) * s // (19739 * (s - 4))) + 1


def exponent(variance):
    return 694 * (107 + -(-int(variance).bit_length() // 2)) // 1000 + 1


def chain(v, d, base, k, e, limit):
    """[(numerator, factor)] of variances with the denominator d of the law; None if it is not allowed."""
    parts, factor, left = [], 1, v
    for _ in range(k - 1):
        variance = narrow(base, e) * factor**2
        if variance >= 2**64 or variance * d >= 2**64:
            return None
        parts.append((variance * d, factor))
        left, factor = left - variance * d, factor * base
    parts.append((left, factor))
    if left <= 0 or factor >= 2**64 or left > limit * d * factor**2:
        return None
    for (low, _), (high, f) in zip(parts, parts[1:]):
        a, c = low // d, high // d
        m = min(19739, -(-19739 * 329 // (100 * f * f)))
        if 1000 * (a * c // max(a + c, 1)) // f**2 * (19739 - m) // 10**6 < e:
            return None
    return parts


def spread(v, d, limit):
    """The parts of a Skellam or discrete Gaussian law of variance v / d."""
    if v <= limit * d:
        return [(v, 1)]
    e = exponent(v // d)
    for k in range(2, 49):
        best, base = None, 3
        while narrow(base, e) <= limit:
            parts = chain(v, d, base, k, e, limit)
            if parts:
                width = max(x // (d * f * f) for x, f in parts)
                if best is None or width < best[0]:
                    best = (width, parts)
            base += 1
        if best:
            return best[1]
    raise ValueError("no chain")


def digits(a, d, scale, largest):
    """(base, count) of the digits of a discrete Laplace law of exponent a / d."""
    for k in range(48):
        fits = [b for b in range(2, largest + 1) if d <= scale * a * b**k]
        if fits:
            return min(fits, key=lambda b: max(b, 73 * (d // (a * b**k)))), k
    raise ValueError("no digits")


# --- weights -------------------------------------------------------------------------------------------

def skellam_masses(v, d, step):
    """step P(step j), by Bessel's recurrence downwards (Miller); scaled by I_0 + 2 (I_1 + I_2 + ..) = e^x."""
    size = -(-(146 + math.isqrt(146 * -(-v // d)) + 1) // step) + 1
    x, top = mpf(v) / d, (size + 1) * step + 40 + 40 * math.isqrt(v // d + 1)
    values, above, here, total = {}, mpf(0), mpf(1), mpf(0)
    for k in range(top, 0, -1):
        values[k] = here
        total += 2 * here
        above, here = here, above + 2 * k / x * here
    values[0] = here
    return [step * values[step * j] / (total + here) for j in range(size)]


def gaussian_masses(v, d, step):
    size = math.isqrt(146 * v // (d * step * step)) + 1
    rate = mpf(step * step) * d / (2 * mpf(v))
    reach = size + 20 + 2 * math.isqrt(v // (d * step * step) + 1)
    masses = [exp(-rate * j * j) for j in range(2 * reach)]
    total = masses[0] + 2 * sum(masses[1:])
    return [x / total for x in masses[:size]]


def laplace_masses(a, d):
    q, size = exp(-mpf(a) / d), 73 * d // a + 2
    return [(1 - q) / (1 + q) * q**j for j in range(size)]


def polya_masses(a, d, shares):
    q, size, r = exp(-mpf(a) / d), 73 * d // a + 2, mpf(1) / shares
    out = [(1 - q) ** r]
    for j in range(size - 1):
        out.append(out[-1] * q * (r + j) / (j + 1))
    return out


def digit_masses(a, d, base):
    q = exp(-mpf(a) / d)
    total = ((1 - q**base) / (1 - q)) ** 2
    return [q**u * sum(q ** (2 * i) for i in range(base - u)) / total for u in range(base)]


class Table:
    """Weights of 0, 1, .., M, in units of 2^-128; those of the negative values are the same in a symmetric law."""

    def __init__(self, masses, symmetric):
        half = [2 * int(floor(x * mpf(2) ** 127)) for x in masses]
        while half[-1] == 0:
            half.pop()
        self.symmetric = symmetric
        self.half = [WHOLE - (2 if symmetric else 1) * sum(half[1:]), *half[1:]]
        self.last = len(half) - 1

    def thresholds(self):
        out, total = [], 0
        for k, w in enumerate(self.half[:-1]):
            total += w * (2 if self.symmetric and k else 1)
            out.append(total // 2)
        return out

    def invert(self, a, b):
        """The draw of `constant_time`."""
        if not hasattr(self, "_thresholds"):
            self._thresholds = self.thresholds()
        u = a // 2 * 2**64 + b
        k = sum(1 for t in self._thresholds if t <= u)
        return -k if self.symmetric and a % 2 else k

    def columns(self):
        """(c, first value, [(threshold, other value)])."""
        first = -self.last if self.symmetric else 0
        weights = (self.half[:0:-1] if self.symmetric else []) + self.half
        c = max(1, (len(weights) - 1).bit_length())
        weights += [0] * (2**c - len(weights))
        width = 2 ** (128 - c)
        columns = [(0, first + i) for i in range(2**c)]
        thin = [(i, w) for i, w in enumerate(weights) if w < width]
        thick = [(i, w) for i, w in enumerate(weights) if w >= width]
        while thin:
            i, x = thin.pop()
            k, y = thick.pop()
            columns[i] = (x, first + k)
            y -= width - x
            (thin if y < width else thick).append((k, y))
        return c, first, columns

    def walker(self, a, b):
        """The draw of `Sampler::new`."""
        if not hasattr(self, "_columns"):
            self._columns = self.columns()
        c, first, columns = self._columns
        i, rest = divmod(2**64 * a + b, 2 ** (128 - c))
        threshold, other = columns[i]
        return first + i if rest < threshold else other


def tables(law, limits):
    """[(table, factor)] in the order of the parts; law: (kind, numerator, denominator, shares if any)."""
    kind, v, d, *shares = law
    variance, scale, largest = limits
    if kind == "skellam":
        return [(Table(skellam_masses(x, d, f), True), f) for x, f in spread(v, d, variance)]
    if kind == "gaussian":
        return [(Table(gaussian_masses(x, d, f), True), f) for x, f in spread(v, d, variance)]
    if kind == "laplace":
        base, k = digits(v, d, scale, largest)
        low = [(Table(digit_masses(v * base**i, d, base), True), base**i) for i in range(k)]
        return low + [(Table(laplace_masses(v * base**k, d), True), base**k)]
    table = Table(polya_masses(v, d, *shares), False)
    return [(table, 1), (table, -1)]


class Sampler:
    def __init__(self, law, limits):
        with workprec(PRECISION):
            self.parts = tables(law, limits)
        self.fast = limits is FAST

    def words(self, seed, p, count):
        """For each of the positions (one block): [(first, second word) for each part]."""
        block, i = divmod(p, BLOCK)
        key = kdf0("noise-block", seed, u64(block))
        out = []
        for g in range(len(self.parts)):
            first, second = (struct.unpack(f"<{count}Q", keystream(key, 8 * (at + BLOCK * g + i), 8 * count)) for at in (0, EXTENSION))
            out.append(list(zip(first, second)))
        return list(zip(*out))

    def draw(self, pairs):
        """The draws of the parts of one coordinate."""
        return [self.draw_of(table, *pair) for (table, _), pair in zip(self.parts, pairs)]

    def draw_of(self, table, first, second):
        return table.walker(first, second) if self.fast else table.invert(first, second)

    def noise(self, seed, start, count):
        out, p = [], start
        while p < start + count:
            k = min(BLOCK - p % BLOCK, start + count - p)
            for pairs in self.words(seed, p, k):
                out.append(sum(f * x for (_, f), x in zip(self.parts, self.draw(pairs))))
            p += k
        return out


# --- exact samplers ------------------------------------------------------------------------------------

class Exact:
    """Section 13.6; `words` gives 64-bit words."""

    def __init__(self, words):
        self.words, self.taken = iter(words), 0

    def word(self):
        self.taken += 1
        return next(self.words)

    def uniform(self, n):
        k = (n - 1).bit_length()
        while True:
            high = self.word() if k > 64 else 0
            value = (2**64 * high + self.word()) % 2**k
            if value < n:
                return value

    def coin(self, a, b):
        return self.uniform(b) < a

    def run(self, a, b):
        k = 0
        while self.coin(a, b * (k + 1)):
            k += 1
        return k

    def exp(self, a, b):
        while a > b:
            if self.run(1, 1) % 2:
                return False
            a -= b
        return self.run(a, b) % 2 == 0

    def geometric(self, s, t):
        while True:
            u = self.uniform(t)
            if self.exp(u, t):
                break
        v = 0
        while self.exp(1, 1):
            v += 1
        return (u + t * v) // s

    def laplace(self, s, t):
        while True:
            magnitude, negative = self.geometric(s, t), self.coin(1, 2)
            if magnitude or not negative:
                return -magnitude if negative else magnitude

    def gaussian(self, n, d):
        t = math.isqrt(n // d) + 1
        while True:
            x = self.laplace(1, t)
            if self.exp((abs(x) * d * t - n) ** 2, 2 * n * d * t * t):
                return x

    def poisson(self, n, d):
        m, total = -(-n // d), 0
        b = 2 * d * m
        for _ in range(m):
            while True:
                k = self.run(n, b)
                if self.coin((b - n) * (k + 1), b * (k + 1) - n):
                    break
            total += k
        return total

    def skellam(self, n, d):
        return self.poisson(n, d) - self.poisson(n, d)

    def polya(self, s, t, n):
        while True:
            j = self.geometric(s, t)
            if all(self.coin(1 + n * i, n * (1 + i)) for i in range(j)):
                return j

    def share(self, s, t, n):
        return self.polya(s, t, n) - self.polya(s, t, n)
