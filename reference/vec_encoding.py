"""Vectors of the encodings (docs/privacy.md, sections 1, 4, 9): fixed point, and the private encoding with fixed coins."""

import math
import struct
from dataclasses import replace

import descriptions
import floats
from data import centred
from fixed_point import FixedPoint
from floats import CONDITIONAL, GAUSSIAN, LAPLACE_SHARE, PLAIN, SKELLAM, Encoding
from suite import Fault
from vec_common import hexed, rnd

PACK = {"f64": "<d", "f32": "<f", "f16": "<e"}


def real(label, i, size=1.0):
    """A number in -size .. size without pattern."""
    return (int.from_bytes(rnd(f"encoding/{label}/{i}", 8), "little") / 2**63 - 1.0) * size


def reals(label, count, size=1.0):
    return [real(label, i, size) for i in range(count)]


def raw(kind, values):
    if kind == "bf16":
        return b"".join(struct.pack("<f", x)[2:] for x in values)
    return b"".join(struct.pack(PACK[kind], x) for x in values)


def doubles(values):
    return b"".join(floats.bits(x) for x in values)


# --- section 1 ---------------------------------------------------------------------------------------

TIES = [0.0, 0.25, -0.25, 0.75, -0.75, 1.25, 0.24, -0.26, 5.0, -5.0, -0.0]


def fixed_point_case(code, clients, kind, rows):
    """rows: (weight, values)."""
    code.check()
    bits = code.modulus_bits(clients)
    out, total = [], [0] * (len(rows[0][1]) + 1)
    for weight, values in rows:
        stored = raw(kind, values)
        words = code.words(floats.to_f64(kind, stored), weight, bits)
        total = [(a + b) % 2**bits for a, b in zip(total, words)]
        out.append({"weight": weight, "values": stored, "words": words})
    return {"description": code.describe(), "clip": floats.bits(code.clip), "fraction_bits": code.fraction_bits,
            "max_weight": code.max_weight, "clients": clients, "max_abs": code.max_abs, "modulus_bits": bits, "type": kind,
            "vectors": out, "sum": total, "mean": doubles(code.mean(total, bits))}


def fixed_points():
    cases = [
        fixed_point_case(FixedPoint(4.0, 1, 1), 3, "f64", [(1, TIES), (1, TIES[::-1])]),
        fixed_point_case(FixedPoint(1.5, 12, 1000), 100, "f32", [(w, reals(f"fixed/{w}", 7, 2.0)) for w in (1, 0, 999, 1000)]),
        fixed_point_case(FixedPoint(0.1, 20, 3), 4096, "f16", [(w, reals(f"half/{w}", 5, 0.125)) for w in (1, 3)]),
        fixed_point_case(FixedPoint(1.0, 49, 1), 2, "f64", [(1, [1.0, -1.0, 2.0**-49, 2.0**-50, 3 * 2.0**-50, 1e300])]),
        fixed_point_case(FixedPoint(100.0, 0, 7), 12, "bf16", [(7, reals("bf16", 6, 128.0)), (2, reals("bf16/2", 6, 128.0))])]
    return {"cases": cases, "refused": fixed_refused()}


def fixed_refused():
    good, out = FixedPoint(1.0, 8, 10).describe(), []
    for name, code, change in (
            ("a clip of zero", 114, dict(clip=0.0)), ("a negative clip", 114, dict(clip=-1.0)), ("no number", 114, dict(clip=math.nan)),
            ("an infinite clip", 114, dict(clip=math.inf)), ("too many fraction bits", 114, dict(fraction_bits=51)),
            ("levels of 2^50", 114, dict(clip=4.0, fraction_bits=48)), ("less than a level", 114, dict(clip=0.1, fraction_bits=2)),
            ("no weight", 114, dict(max_weight=0))):
        code_ = replace(FixedPoint(1.0, 8, 10), **change)
        try:
            code_.check()
        except Fault as fault:
            assert fault.code == code, name
        else:
            raise AssertionError(name)
        out.append({"name": name, "description": code_.describe(), "code": code})
    return out + [{"name": "a byte missing", "description": good[:-1], "code": 201},
                  {"name": "a byte more", "description": good + b"\0", "code": 202},
                  {"name": "another first byte", "description": b"\3" + good[1:], "code": 214}]


# --- sections 4 and 9 ----------------------------------------------------------------------------------

def encoding(length, clip, scale, bits, **more):
    base = Encoding(length=length, clip=clip, scale=scale, bits=bits, log2_block=6, rounding=CONDITIONAL, l2_squared=0,
                    law=SKELLAM, numerator=5, denominator=2, clients=12, honest=8, round=3, rotation_seed=rnd("encoding/rotation", 32))
    return again(base, **more)


def again(e, **change):
    """The encoding with changes, and the least norm bound that it may have."""
    out = replace(e, **change)
    return replace(out, l2_squared=out.least_l2_squared())


def bounded(e, noise):
    return replace(e, max_abs=math.isqrt(e.l2_squared) + noise)


COARSE = 15  # the first two roundings with this seed have too large a norm


def encode_cases():
    """(name, encoding, type, values, weight, number of the seed)."""
    small = encoding(50, 4.0, 100.0, 20)
    weighted = encoding(40, 64.0, 8.0, 24, max_weight=9, weight_unit=1.5, law=GAUSSIAN, numerator=100, denominator=3)
    coarse = encoding(64, 12.0, 1.0, 16, log2_block=0, numerator=100, denominator=1)
    one_block = encoding(37, 2.0, 2.0**12, 30, log2_block=0, numerator=1, denominator=40)
    wide = encoding(100, 1.0, 2.0**20, 48, law=GAUSSIAN, numerator=10**13, denominator=7, log2_block=7)
    counts = encoding(20, 4.0, 1.0, 24, log2_block=0, rounding=PLAIN, law=LAPLACE_SHARE, numerator=1, denominator=16)
    ends = [0.0, -0.0, 5e-324, -5e-324, 1e-310, 2.0**-1022, 1.0, -1.0]
    return [
        ("inside the clipping norm", small, "f32", reals("small", 50, 0.7), 1),
        ("clipped", small, "f64", reals("clipped", 50, 9.0), 1),
        ("zeros", small, "f32", [0.0, -0.0] * 25, 1),
        ("plain", again(small, rounding=PLAIN, law=GAUSSIAN, numerator=30000, denominator=1), "f64", reals("plain", 50, 0.5), 1),
        ("padding of a whole block", encoding(129, 4.0, 2.0**10, 32, log2_block=6, numerator=2500, denominator=7), "f32", reals("three", 129), 1),
        ("a weight", weighted, "f16", reals("weighted", 40, 2.0), 4),
        ("the largest weight, clipped", weighted, "bf16", reals("weighted/9", 40, 2.0), 9),
        ("no weight", weighted, "f16", reals("weighted/0", 40, 2.0), 0),
        ("rounded more than once", coarse, "f64", [1.5, -1.5] * 32, 1, COARSE),
        ("not rotated", one_block, "bf16", reals("unrotated", 37, 1.0), 1),
        ("not rotated, with weights", again(one_block, max_weight=3, weight_unit=0.25), "f32", reals("unrotated/3", 37, 0.25), 3),
        ("squares that overflow", small, "f64", [1e200 * x for x in reals("huge", 50)], 1),
        ("the largest numbers", small, "f64", [1.7976931348623157e308, -1.7976931348623157e308] + [1.0] * 48, 1),
        ("squares that underflow", encoding(8, 2.0**-60, 2.0**70, 20), "f64", [2.0**-64 * x for x in ends], 1),
        ("a wide law of several parts", wide, "f32", reals("wide", 100, 0.3), 1),
        ("a wide Skellam law", encoding(30, 1.0, 2.0**12, 40, numerator=10**6, denominator=1), "f64", reals("wide/2", 30, 0.1), 1),
        ("shares of Laplace noise", counts, "f64", [1.0, 0.0, 2.0, 0.0] * 5, 1),
        ("bounded words", bounded(small, 400), "f32", reals("small", 50, 0.7), 1),
        ("bounded words, not rotated", bounded(one_block, 300), "f32", reals("bounded", 37, 1.0), 1),
    ]


def encode_json(name, e, kind, values, weight, number=0):
    stored, coins, noise = raw(kind, values), rnd(f"encoding/coins/{name}/{number}", 32), rnd(f"encoding/noise/{name}", 32)
    done = floats.Encoder(e, dict(enumerate(floats.to_f64(kind, stored))), weight, coins, noise)
    assert floats.truncated(done) is None
    return {"name": name, "description": e.describe(), "type": kind, "values": stored, "weight": weight, "seed": coins + noise,
            "attempts": done.attempt + 1, "rounded": done.q, "integers": done.integers, "words": done.words,
            "derived": derived(done)}


def derived(done):
    """What only the inside of an encoder sees."""
    return {
        "usual": floats.bits(done.usual), "reduced": floats.bits(done.reduced), "unit": floats.bits(done.unit),
        "gain": floats.bits(done.gain), "loaded": doubles(done.loaded), "clipped": doubles(done.clipped),
        "signs": bytes(sum(done.signs[8 * i + k] << k for k in range(8)) for i in range(len(done.signs) // 8)),
        "scaled": doubles(done.y), "norms": done.norms, "coins": done.coins, "noise": done.noise}


def far(name, start, end):
    """Positions on both sides of a change of keys, in a vector of zeros."""
    e = encoding(2**20 + 70, 4.0, 2.0**12, 40)
    values = {p: real(f"{name}/{p}", 0) for p in range(start + 3, e.length, 7)}
    coins, noise = rnd(f"encoding/coins/{name}", 32), rnd(f"encoding/noise/{name}", 32)
    done = floats.Encoder(e, values, 1, coins, noise, (start, end))
    return {"name": name, "description": e.describe(), "type": "f64", "places": list(values), "values": doubles(values.values()),
            "seed": coins + noise, "attempts": done.attempt + 1, "start": start, "words": done.words}


def long_block():
    """One block of 2^13, which is more than one unit of work."""
    e = encoding(8000, 8.0, 2.0**12, 33, log2_block=13, max_weight=1, weight_unit=0.5)
    out = encode_json("a long block", e, "f32", reals("long", 8000, 0.1), 1)
    return {k: v for k, v in out.items() if k not in ("derived", "rounded", "integers")}


def sums():
    """Three clients under one description, and what becomes of their sum."""
    out = []
    for name, e, kind in (
            ("rotated", encoding(50, 4.0, 100.0, 20), "f32"), ("not rotated", encoding(50, 4.0, 100.0, 20, log2_block=0), "f64"),
            ("weighted", encoding(100, 64.0, 2.0**10, 40, max_weight=9, weight_unit=1.5), "f32")):
        rows, total = [], [0] * e.vector_len
        for k in range(3):
            weight = 4 * k + 1 if e.max_weight else 1
            row = encode_json(f"{name}/{k}", e, kind, reals(f"sum/{name}/{k}", e.length), weight)
            rows.append({key: row[key] for key in ("values", "weight", "seed", "words")})
            total = [(a + b) % 2**e.bits for a, b in zip(total, row["words"])]
        values = floats.decode(e, total)
        weights = floats.bits(values[e.length] / e.weight_unit) if e.max_weight else None
        out.append({"name": name, "description": e.describe(), "type": kind, "vectors": rows, "sum": total,
                    "centred": [centred(w, e.bits) for w in total], "decoded": doubles(values), "total_weight": weights})
    return out


def inputs_refused():
    small = encoding(50, 4.0, 100.0, 20)
    weighted = again(small, max_weight=9, weight_unit=1.0)
    out = []
    for name, code, e, weight, at, value in (
            ("a NaN", 609, small, 1, 7, math.nan), ("an infinity", 609, small, 1, 49, math.inf), ("a negative infinity", 609, weighted, 2, 0, -math.inf),
            ("a weight without weights", 610, small, 2, 0, 0.0), ("a weight of zero without weights", 610, small, 0, 0, 0.0),
            ("more than the largest weight", 610, weighted, 10, 0, 0.0)):
        values = [1.0] * 50
        values[at] = value
        try:
            floats.Encoder(e, dict(enumerate(values)), weight, bytes(32), bytes(32))
        except Fault as fault:
            assert fault.code == code, (name, fault)
        else:
            raise AssertionError(name)
        out.append({"name": name, "description": e.describe(), "weight": weight, "values": doubles(values), "code": code,
                    "position": at if code == 609 else None})
    return out


def build():
    encodings = [encode_json(*case) for case in encode_cases()]
    assert any(case["attempts"] == 3 for case in encodings)
    return hexed({
        "fixed_point": fixed_points(), "descriptions": descriptions.vectors([case[1] for case in encode_cases()]),
        "encode": encodings, "long": [long_block(), far("across keys", 2**20 - 64, 2**20 + 128)], "sums": sums(),
        "refused": inputs_refused()})
