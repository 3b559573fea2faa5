"""Holds `lattice.py` against the document's tables and against slow definitions: primes, roots, thresholds, transform, margins."""

import math
import pathlib
import re
from fractions import Fraction

import data
import lattice
from suite import Fault
from vec_common import rnd

DOCUMENT = pathlib.Path(__file__).resolve().parent.parent / "docs" / "protocol.md"


def is_prime(q):
    """Miller-Rabin; with these bases it is a proof below 3.3 * 10^24 (Sorenson, Webster 2015)."""
    if q % 2 == 0:
        return q == 2
    odd, twos = q - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    for base in (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41):
        x = pow(base, odd, q)
        if x not in (1, q - 1) and q - 1 not in (pow(x, 2**k, q) for k in range(1, twos)):
            return False
    return True


def primes(expect):
    """The largest of r bits with q = 1 mod 2N, in descending order."""
    for s in lattice.SETS.values():
        found, q = [], (2**s.r - 1) // (2 * s.N) * (2 * s.N) + 1
        while len(found) < s.P:
            if q < 2**s.r and is_prime(q):
                found.append(q)
            q -= 2 * s.N
        expect(tuple(found) == s.primes and all(q.bit_length() == s.r for q in found), f"the primes of {s.name}")


def roots(expect):
    """Every psi with psi^N = -1 is an odd power of any one; the smallest of them is the document's."""
    for s in lattice.SETS.values():
        for q, psi in zip(s.primes, s.roots):
            expect(pow(psi, s.N, q) == q - 1, f"a root of {s.name}")
            square, power, least = psi * psi % q, psi, psi
            for _ in range(s.N):
                power, least = power * square % q, min(power, least)
            expect(least == psi, f"the least root of {s.name}")


def document_tables(expect):
    """The table of sets, and appendix B, as they stand in the document."""
    text = DOCUMENT.read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d) \| (\w+) \| (\d+) \| ([\d, ]+) \| (\d+) \| ([\d, ]+) \| (\d+) \|$", text, re.M)
    numbers = lambda list_: tuple(int(x) for x in list_.split(", "))  # noqa: E731
    sets = [lattice.Set(int(k), name, int(n), numbers(p), int(r), numbers(psi), int(t))
            for k, name, n, p, r, psi, t in rows]
    expect(sets == list(lattice.SETS.values()), "the table of sets")
    appendix = text[text.index("## Appendix B."):]
    hexadecimal = re.findall(r"^[0-9a-f]{32}(?: [0-9a-f]{32}){0,2}$", appendix, re.M)
    stated = [int(x, 16) for line in hexadecimal for x in line.split()]
    expect(stated == thresholds_in_fractions(), "the thresholds of appendix B")
    expect(stated == lattice.thresholds(), "the thresholds of lattice.py")


def thresholds_in_fractions():
    """round(2^127 P[|X| <= k]) in rational numbers: exp(-25 x^2 / 2048) by its series, cut below 2^-300."""
    def exponential(y):
        whole, rest = divmod(y, 1)
        out, term, k = 0, 2**400, 0
        while term:
            out += term if k % 2 == 0 else -term
            k += 1
            term = term * rest.numerator // (rest.denominator * k)
        return Fraction(out, 2**400) * inverse_e() ** whole

    weight = [exponential(Fraction(25 * x * x, 2048)) for x in range(130)]
    total, inside, out = weight[0] + 2 * sum(weight[1:]), weight[0], []
    for x in range(1, 85):
        share = 2**127 * inside / total
        expect_far_from_half(share)
        out.append(math.floor(share + Fraction(1, 2)))
        inside += 2 * weight[x]
    return out


def inverse_e():
    out, term = 0, 2**400
    for k in range(1, 100):
        out, term = out + (term if k % 2 else -term), term // k
    return Fraction(out, 2**400)


def expect_far_from_half(share):
    """So far from a tie that no error of the computation (below 2^-100 here) turns it."""
    assert abs(share - math.floor(share) - Fraction(1, 2)) > Fraction(1, 2**40)


def transform(expect):
    """Slot by slot against evaluation, and the product against the definition modulo X^N + 1."""
    for s in lattice.SETS.values():
        for q, psi in zip(s.primes, s.roots):
            a, b = ([int.from_bytes(rnd(f"check/{s.name}/{q}/{x}/{i}", 8), "little") % q for i in range(64)]
                    for x in "ab")
            a += [0] * (s.N - 64)
            b = [0] * (s.N - 64) + b
            slots, others = lattice.ntt(a, q, psi), lattice.ntt(b, q, psi)
            for i in (0, 1, 2, s.N // 2, s.N - 2, s.N - 1):
                at = pow(psi, 2 * lattice.brv(i, s.log_n) + 1, q)
                expect(slots[i] == sum(x * pow(at, k, q) for k, x in enumerate(a)) % q, f"slot {i} of {s.name}")
            expect(lattice.intt(slots, q, psi) == a, f"the inverse of {s.name}")
            product = [0] * s.N
            for i in range(64):
                for k in range(64):
                    at = s.N - 64 + i + k
                    product[at % s.N] += (-1) ** (at // s.N) * a[i] * b[s.N - 64 + k]
            found = lattice.intt([x * y % q for x, y in zip(slots, others)], q, psi)
            expect(found == [x % q for x in product], f"a product of {s.name}")


def margins(expect):
    """Lemma 3 of section 19.8: at most 2^-143 for a coefficient of a full roster, and a prime fits its bits."""
    for s in lattice.SETS.values():
        for n in (512, 2048, 4096):
            b = s.B(n)
            log2 = 1 - (b + 1) ** 2 / (2 * n * 6.4**2) / math.log(2)
            expect(log2 <= -143, f"the margin of {s.name} for {n} clients: {log2}")
            expect(2 ** s.T(n) * (2 * b + 1) <= s.Q, f"decoding of {s.name}")
            expect(lattice.largest_error(n) <= b, f"the largest error of {n} clients of {s.name}")
    for survivors in range(2, 4097):
        log2 = 1 - (lattice.largest_error(survivors) + 1) ** 2 / (2 * survivors * 6.4**2) / math.log(2)
        expect(log2 <= -141, f"the largest error of {survivors} survivors: {log2}")


def sums(expect):
    """A sum of masked blocks gives the sum of words; a wrong key gives a corrupt block."""
    sid, geometry = rnd("check/lattice/sid", 32), lattice.Geometry(lattice.SETS[4], 3, 1000)
    words = [[(1000 - u - i) if i % 2 else u + i - 1000 for i in range(100)] for u in range(3)]
    seeds = [rnd(f"check/lattice/seed/{u}", 32) for u in range(3)]
    uploads = [lattice.mask(sid, geometry, 16, [w % 2**16 for w in words[u]], [(seeds[u], 1)], seeds[u][::-1])
               for u in range(3)]
    total = lattice.unmask(sid, geometry, 16, uploads, [(seed, 1) for seed in seeds], 100)
    expect([data.centred(x, 16) for x in total] == [sum(column) for column in zip(*words)], "a sum")
    try:
        lattice.unmask(sid, geometry, 16, uploads, [(seeds[0], 1)], 100)
    except Fault as fault:
        expect(fault.code == 509, "the code of a corrupt block")
    else:
        expect(False, "a corrupt block")


def check(expect):
    for test in (primes, roots, document_tables, transform, margins, sums):
        test(expect)
