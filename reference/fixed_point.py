"""Fixed point (docs/privacy.md, section 1), in rational numbers."""

import math
import struct
from dataclasses import dataclass
from fractions import Fraction

from data import centred
from suite import require, u8, u32


@dataclass
class FixedPoint:
    clip: float
    fraction_bits: int
    max_weight: int

    def check(self):
        require(self.clip > 0 and math.isfinite(self.clip) and self.fraction_bits <= 50 and self.max_weight >= 1, 114)
        require(1 <= Fraction(self.clip) * 2**self.fraction_bits < 2**50, 114)

    def describe(self):
        return u8(1) + struct.pack("<d", self.clip) + u8(self.fraction_bits) + u32(self.max_weight)

    def level(self, x):
        require(math.isfinite(x), 609)
        clip = Fraction(self.clip)
        return round(min(max(Fraction(x), -clip), clip) * 2**self.fraction_bits)  # ties to even

    @property
    def max_abs(self):
        return self.max_weight * max(self.level(self.clip), 1)

    def modulus_bits(self, clients):
        b = 2
        while clients * self.max_abs > 2 ** (b - 1) - 1:
            b += 1
        return b

    def words(self, values, weight, bits):
        require(0 <= weight <= self.max_weight, 610)
        return [x % 2**bits for x in [weight * self.level(v) for v in values] + [weight]]

    def value(self, word, bits):
        """What a word of a sum stands for."""
        return float(centred(word, bits)) / 2.0**self.fraction_bits

    def mean(self, words, bits):
        """From the words of the sum."""
        *sums, total = [centred(w, bits) for w in words]
        require(total > 0, 610)
        unit = float(2**self.fraction_bits) * float(total)
        return [float(s) / unit for s in sums]
