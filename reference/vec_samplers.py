"""Vectors of the samplers of integer noise (docs/privacy.md, sections 13.5 and 13.6), from fixed streams of bytes."""

import struct

import draws
from suite import u64
from vec_common import hexed, rnd

COUNT = 24
LAWS = [("skellam", 5, 2), ("skellam", 1, 40), ("skellam", 2500, 7), ("skellam", 30000, 1), ("skellam", 10**6, 1),
        ("gaussian", 9, 1), ("gaussian", 1, 4), ("gaussian", 32768, 1), ("gaussian", 10**6, 3), ("gaussian", 2**59 + 1, 8),
        ("laplace", 3, 4), ("laplace", 1, 28), ("laplace", 1, 1000), ("laplace", 7, 10**6), ("laplace_share", 3, 4, 5), ("laplace_share", 1, 50, 100)]
BLOCKS = [(0, 0), (7, 4096 - COUNT // 2), (2**40, 500)]


def law_json(law):
    return {"law": law[0], "numerator": law[1], "denominator": law[2], "shares": law[3] if law[3:] else None}


def bulk():
    seed, out = rnd("samplers/seed", 32), []
    for law in LAWS:
        for name, limits in (("fast", draws.FAST), ("constant_time", draws.CONSTANT_TIME)):
            sampler = draws.Sampler(law, limits)
            parts = [{"factor": f, "magnitudes": len(t.half)} for t, f in sampler.parts]
            out.append(law_json(law) | {"sampler": name, "derived": {"parts": parts}, "places": [place_json(sampler, seed, *at) for at in BLOCKS]})
    return {"seed": seed, "cases": out}


def place_json(sampler, seed, block, offset):
    """Draws of coordinates `offset ..` of a block, also into the next one."""
    start = 4096 * block + offset
    here = min(COUNT, 4096 - offset)
    pairs = sampler.words(seed, start, here)
    return {"block": block, "offset": offset, "noise": sampler.noise(seed, start, COUNT),
            "derived": {"key": draws.kdf0("noise-block", seed, u64(block)), "first_words": [[w for w, _ in row] for row in pairs],
                        "second_words": [[w for _, w in row] for row in pairs], "draws": [sampler.draw(row) for row in pairs]}}


# How far from a threshold: more than tables may differ by (section 13.5), and less than a second word.
NEAR = 2**40


def ties():
    """Words on both sides of thresholds: the first leaves the draw open, and the second decides."""
    out = []
    for law in LAWS:
        for name, limits in (("fast", draws.FAST), ("constant_time", draws.CONSTANT_TIME)):
            sampler = draws.Sampler(law, limits)
            parts = [[[a, b, sampler.draw_of(table, a, b)] for a, b in near(table, sampler.fast)] for table, _ in sampler.parts]
            assert all(row[0][2] != row[1][2] for part in parts for row in zip(part[::2], part[1::2]))
            out.append(law_json(law) | {"sampler": name, "parts": parts})
    return out


def near(table, fast):
    """Pairs of words, below and above some thresholds in turn."""
    if fast:
        c, first, columns = table.columns()
        turning = [(i * 2 ** (128 - c) + t) for i, (t, other) in enumerate(columns) if NEAR < t and other != first + i]
    else:
        turning = [t for t in table.thresholds() if NEAR < t < 2**127 - NEAR]
    for u in (turning[0], turning[len(turning) // 2], turning[-1]):
        for v in (u - NEAR, u + NEAR):
            yield (v >> 64, v % 2**64) if fast else ((v >> 64) * 2, v % 2**64)


EXACT = [("skellam", 5, 2), ("skellam", 1, 40), ("skellam", 12, 1), ("gaussian", 9, 1), ("gaussian", 7, 3), ("gaussian", 2**50 + 1, 8),
         ("laplace", 3, 4), ("laplace", 1, 1000), ("laplace", 7, 3), ("laplace", 1, 2**32), ("laplace_share", 3, 4, 5), ("laplace_share", 1, 3, 100)]


def exact():
    out = []
    for law in EXACT:
        kind, *numbers = law
        stream = rnd(f"samplers/exact/{law}", 8 * 20000)
        sampler = draws.Exact(struct.unpack("<20000Q", stream))
        draw = {"skellam": sampler.skellam, "gaussian": sampler.gaussian, "laplace": sampler.laplace, "laplace_share": sampler.share}[kind]
        rows = []
        while len(rows) < 12:
            before = sampler.taken
            rows.append([draw(*numbers), sampler.taken - before])
        out.append(law_json(law) | {"words": list(struct.unpack("<20000Q", stream))[:sampler.taken], "draws": rows})
    return out


def build():
    return hexed({"bulk": bulk(), "ties": ties(), "exact": exact()})
