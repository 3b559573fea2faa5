"""Holds the reference against published vectors and other implementations, and the files of tests/vectors against generate.py, their schemas,
README.md and the table of pairs.

Exits with 1 at the first difference. The published vectors are those of tests/data.
"""

import hashlib
import json
import pathlib
import sys

import mpmath
from cryptography.hazmat.primitives.asymmetric import mlkem

import check_lattice
import draws
import generate
import pairs
import ristretto
import schemas
import sharing
import suite
import xwing
from vec_common import rnd

DATA = pathlib.Path(__file__).resolve().parent.parent / "tests" / "data"


def expect(condition, what):
    if not condition:
        sys.exit(f"failed: {what}")


def published(name):
    return json.loads((DATA / name).read_text(encoding="utf-8"))


def constants():
    """RFC 9496 section 4.1, from their definitions."""
    p, d = ristretto.P, ristretto.D
    for value, square, what in (
            (ristretto.SQRT_M1, -1, "SQRT_M1"), (ristretto.SQRT_AD_MINUS_ONE, -d - 1, "SQRT_AD_MINUS_ONE"),
            (ristretto.INVSQRT_A_MINUS_D, pow(-1 - d, -1, p), "INVSQRT_A_MINUS_D")):
        expect(value * value % p == square % p, what)
    expect(ristretto.ONE_MINUS_D_SQ == (1 - d * d) % p, "ONE_MINUS_D_SQ")
    expect(ristretto.D_MINUS_ONE_SQ == (d - 1) ** 2 % p, "D_MINUS_ONE_SQ")


def ristretto255():
    """RFC 9496 appendix A."""
    vectors = published("ristretto255_rfc9496.json")
    point = ristretto.ZERO
    for encoding in vectors["multiples"]:
        expect(ristretto.encode(point).hex() == encoding, "a multiple of the generator")
        expect(ristretto.equal(ristretto.decode(bytes.fromhex(encoding)), point), "a decoded multiple")
        point = ristretto.add(point, ristretto.BASE)
    for why, encodings in vectors["bad"].items():
        for encoding in encodings:
            expect(ristretto.decode(bytes.fromhex(encoding)) is None, f"an invalid encoding: {why}")
    for case in vectors["map"]:
        element = ristretto.one_way_map(bytes.fromhex(case["input"]))
        expect(ristretto.encode(element).hex() == case["output"], "an element from uniform bytes")


def x_wing():
    """The vectors of the draft."""
    for case in published("xwing_draft_10.json"):
        seed, coins, pk, ct = (bytes.fromhex(case[k]) for k in ("seed", "eseed", "pk", "ct"))
        expect(xwing.public_key(seed) == pk, "an X-Wing public key")
        encapsulated, shared = xwing.encaps(pk, coins)
        expect(encapsulated == ct and shared.hex() == case["ss"], "an X-Wing encapsulation")
        expect(xwing.decaps(seed, ct) == shared, "an X-Wing decapsulation")


def ml_kem():
    """kyber-py against the ML-KEM of `cryptography`: keys, and what one encapsulates and the other opens."""
    for i in range(8):
        seed = hashlib.shake_256(rnd(f"check/{i}", 32)).digest(96)
        ek, dk, _, _ = xwing.expand(rnd(f"check/{i}", 32))
        other = mlkem.MLKEM768PrivateKey.from_seed_bytes(seed[:64])
        expect(other.public_key().public_bytes_raw() == ek, "an ML-KEM key")
        ss, ct = xwing.ML_KEM_768._encaps_internal(ek, rnd(f"check/coins/{i}", 32))
        expect(other.decapsulate(ct) == ss, "an ML-KEM encapsulation opened by the other")
        theirs, ct = other.public_key().encapsulate()
        expect(xwing.ML_KEM_768.decaps(dk, ct) == theirs, "an ML-KEM encapsulation by the other")
        spoilt = bytes([ct[0] ^ 1]) + ct[1:]
        expect(xwing.ML_KEM_768.decaps(dk, spoilt) == other.decapsulate(spoilt), "implicit rejection")


def ed25519():
    """The cases of "Taming the many EdDSAs": a strict verifier without cofactor takes the fourth alone."""
    taken = []
    for i, case in enumerate(published("ed25519_speccheck.json")):
        key, message, signature = (bytes.fromhex(case[k]) for k in ("pub_key", "message", "signature"))
        if suite.verify(key, message, signature):
            taken.append(i)
    expect(taken == [3], f"Ed25519 cases {taken} instead of [3]")


def algebra():
    """The batched check and single checks agree, and a bad share fails both."""
    f, g = ([ristretto.scalar_reduce(rnd(f"check/{x}/{k}", 64)) for k in range(3)] for x in "fg")
    points = [ristretto.decode(c) for c in sharing.commitments(f, g)]
    share = sharing.evaluate(f, 5), sharing.evaluate(g, 5)
    expect(sharing.share_good(5, *share, points), "a good share")
    expect(not sharing.share_good(6, *share, points), "a share of another index")
    expect(sharing.batch_good(5, [(9, *share, points), (11, *share, points)]), "a good batch")
    expect(not sharing.batch_good(5, [(9, *share, points), (11, share[0] + 1, share[1], points)]), "a bad batch")


def bessel():
    """The recurrence for Skellam probabilities against the Bessel functions of mpmath."""
    with mpmath.workprec(draws.PRECISION):
        for v, d in ((1, 40), (7, 3), (100, 1)):
            masses = draws.skellam_masses(v, d, 1)
            for j in (0, 1, 7, 40):
                exact = mpmath.exp(-mpmath.mpf(v) / d) * mpmath.besseli(j, mpmath.mpf(v) / d)
                expect(abs(masses[j] / exact - 1) < mpmath.mpf(10) ** -80, "a Skellam probability")


def main():
    for test in (constants, ristretto255, x_wing, ml_kem, ed25519, algebra, bessel):
        test()
        print(f"{test.__name__}: good")
    check_lattice.check(expect)
    generate.check()
    schemas.check(expect)
    pairs.check(expect)
    print("every error that a message can end with has its vectors")


if __name__ == "__main__":
    main()
