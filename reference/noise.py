"""Laws and draws of integer noise, from their definitions, with mpmath and exact integers: noise.json.

Shares no formula with the crate where there is another: Skellam by Bessel functions, Polya by gamma functions, normalisers in closed form
or by direct summation, all with 100 digits.
"""

import struct
from fractions import Fraction

import draws
from data import keystream
from draws import BLOCK, kdf0
from mpmath import exp, floor, gamma, mpf, tanh, workdps
from suite import u64

DIGITS = 100


def real(fraction):
    return mpf(fraction.numerator) / fraction.denominator


def skellam(variance, step):
    """step * P(step * j)."""
    masses = draws.skellam_masses(variance.numerator, variance.denominator, step)
    return lambda j: masses[j]


def gaussian(variance, step):
    v = real(variance)
    mass = lambda j: exp(-(mpf(step) * j) ** 2 / (2 * v))
    reach = int(30 * v ** mpf("0.5") / step) + 20
    total = 1 + 2 * sum(mass(j) for j in range(1, reach))
    return lambda j: mass(j) / total


def laplace(a):
    return lambda x: tanh(real(a) / 2) * exp(-real(a) * x)


def polya(a, shares):
    r, q = mpf(1) / shares, exp(-real(a))
    return lambda j: gamma(r + j) / (gamma(r) * gamma(j + 1)) * q ** j * (1 - q) ** r


def digit_difference(a, base):
    q = exp(-real(a))
    total = ((1 - q ** base) / (1 - q)) ** 2
    return lambda u: sum(q ** (2 * i + u) for i in range(base - u)) / total


def weight(probability):
    return int(floor(probability * mpf(2) ** 128))


def law_vectors():
    cases = []

    def case(kind, law, places, **params):
        probabilities = [[x, f"{weight(law(x)):x}"] for x in places]
        cases.append({"law": kind, **params, "probabilities": probabilities})

    def ratio(text):
        value = Fraction(text)
        return value, {"numerator": value.numerator, "denominator": value.denominator}

    for text, step in (("1/40", 1), ("1/4", 1), ("1", 1), ("7/3", 1), ("100", 1), ("2500/7", 1), ("10000", 1), ("40000", 9), ("160000", 20)):
        value, params = ratio(text)
        sigma = float(value) ** 0.5 / step
        places = sorted({*range(min(24, int(11 * sigma) + 4)), *(int(k * sigma) for k in (2, 4, 6, 8, 10, 11))})
        case("skellam", skellam(value, step), places, step=step, **params)
        if value >= Fraction(1, 4):
            case("gaussian", gaussian(value, step), places, step=step, **params)
    for text in ("2", "1", "1/3", "1/28"):
        value, params = ratio(text)
        places = sorted({*range(20), *(int(k / float(value)) for k in (5, 20, 40, 60))})
        case("laplace", laplace(value), places, **params)
        for shares in (1, 3, 100):
            case("polya", polya(value, shares), places, shares=shares, **params)
        for base in (2, 7, 40):
            case("digits", digit_difference(value, base), range(base), base=base, **params)
    return cases


def words(key, start, count):
    return struct.unpack(f"<{count}Q", keystream(key, 8 * start, 8 * count))


def inversion(law, symmetric, word):
    """The constant-time sampler's rule for a word whose first 63 bits decide."""
    uniform, magnitude, total = word >> 1, 0, mpf(0)
    while True:
        total += law(magnitude) * (2 if symmetric and magnitude else 1)
        threshold = floor(total * mpf(2) ** 63)
        assert uniform != threshold
        if uniform < threshold:
            return -magnitude if symmetric and word & 1 else magnitude
        magnitude += 1


def draw_vectors():
    """The first draws of some blocks, constant-time: a sum over parts (law, symmetric, factor) of the law."""
    seed = bytes(range(32))
    cases = (
        ("skellam", {"numerator": 5, "denominator": 2}, [(skellam(Fraction(5, 2), 1), True, 1)]),
        ("gaussian", {"numerator": 9, "denominator": 1}, [(gaussian(Fraction(9), 1), True, 1)]),
        ("laplace", {"numerator": 3, "denominator": 4}, [(laplace(Fraction(3, 4)), True, 1)]),
        ("polya", {"numerator": 3, "denominator": 4, "shares": 5},
         [(polya(Fraction(3, 4), 5), False, 1), (polya(Fraction(3, 4), 5), False, -1)]),
    )
    out = []
    for kind, params, parts in cases:
        for block in (0, 1, 1 << 40):
            key = kdf0("noise-block", seed, u64(block))
            drawn = [0] * 20
            for number, (law, symmetric, factor) in enumerate(parts):
                for i, word in enumerate(words(key, number * BLOCK, len(drawn))):
                    drawn[i] += factor * inversion(law, symmetric, word)
            out.append({"law": kind, **params, "block": block, "draws": drawn})
    purpose = b"rounding"
    derived = kdf0("noise-seed", seed, u64(7) + purpose)
    return {"seed": seed.hex(), "cases": out, "derived": {"purpose": purpose.hex(), "number": 7, "seed": derived.hex()}}


def build():
    with workdps(DIGITS):
        return {"laws": law_vectors(), "draws": draw_vectors()}
