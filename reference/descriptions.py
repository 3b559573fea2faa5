"""Descriptions of the private encoding (docs/privacy.md, section 9): good ones field by field, and what is refused."""

import math
import struct
from dataclasses import replace

import floats
from floats import CONDITIONAL, GAUSSIAN, LAPLACE_SHARE, SKELLAM, Encoding
from suite import Fault, Reader, require

DESCRIPTION = "description"
LAWS = {SKELLAM: "skellam", GAUSSIAN: "gaussian", LAPLACE_SHARE: "laplace_share"}


class Refused(Exception):
    """A parameter that is refused; its name is that of section 3, or of the description."""


def read(data):
    """An encoding; Fault 2xx if these are no description, Refused if a parameter is."""
    r = Reader(data)
    double = lambda: struct.unpack("<d", r.take(8))[0]  # noqa: E731
    require(r.uint(1) == 2, 214)
    e = Encoding(length=r.uint(8), clip=double(), scale=double(), bits=r.uint(1), log2_block=r.uint(1), rounding=r.uint(1),
                 l2_squared=r.uint(8), law=r.uint(1), numerator=r.uint(8), denominator=r.uint(8), clients=r.uint(4), honest=r.uint(4),
                 max_weight=r.uint(4), weight_unit=double(), max_abs=r.uint(8), round=r.uint(8), rotation_seed=r.take(32))
    r.end()
    require(2 <= e.bits <= 64 and e.rounding <= 1 and e.law in LAWS, 214)
    require(e.numerator >= 1 and 1 <= e.denominator <= 2**32 and math.gcd(e.numerator, e.denominator) == 1, 214)
    require(e.max_weight or floats.bits(e.weight_unit) == bytes(8), 214)
    check(e)
    return e


def check(e):
    def need(name, condition):
        if not condition:
            raise Refused(name)
    need("length", 1 <= e.length <= 2**40)
    need("clip", 2.0**-64 <= e.clip <= 2.0**64)
    need("scale", e.scale >= 2.0**-128 and e.clip * e.scale <= 2.0**30)
    need("block", e.log2_block == 0 or 6 <= e.log2_block <= 16)
    need("honest", 1 <= e.honest <= e.clients)
    need("l2_squared", e.l2_squared >= e.least_l2_squared())
    need("weight_unit", not e.max_weight or e.weight_unit > 0 and math.isfinite(e.weight_unit))
    need("noise_multiplier", e.law != GAUSSIAN or e.numerator >= e.denominator)
    # The least that section 8 allows: here what is surely too small, or surely enough.
    need("max_abs", not e.max_abs or e.max_abs > math.isqrt(e.l2_squared))


def refused(e):
    changes = [
        ("no values", "length", dict(length=0)), ("too many values", "length", dict(length=2**40 + 1)),
        ("a small clip", "clip", dict(clip=2.0**-65)), ("a large clip", "clip", dict(clip=2.0**65)), ("a clip of NaN", "clip", dict(clip=math.nan)),
        ("a negative scale", "scale", dict(scale=-1.0)), ("a scale too small to divide by", "scale", dict(scale=5e-324)), ("too many levels", "scale", dict(scale=2.0**30)),
        ("a block of 32", "block", dict(log2_block=5)), ("a block of 2^17", "block", dict(log2_block=17)),
        ("no honest client", "honest", dict(honest=0)), ("more honest clients than there are", "honest", dict(honest=e.clients + 1)),
        ("too small a norm", "l2_squared", dict(l2_squared=e.l2_squared - 1)),
        ("an infinite unit", "weight_unit", dict(max_weight=1, weight_unit=math.inf)),
        ("a unit of zero", "weight_unit", dict(max_weight=1, weight_unit=0.0)),
        ("a narrow discrete Gaussian", "noise_multiplier", dict(law=GAUSSIAN, numerator=1, denominator=2)),
        ("too narrow a bound", "max_abs", dict(max_abs=math.isqrt(e.l2_squared))),
        ("one bit", 214, dict(bits=1)), ("65 bits", 214, dict(bits=65)), ("another rounding", 214, dict(rounding=2)),
        ("law 0", 214, dict(law=0)), ("law 255", 214, dict(law=255)), ("no variance", 214, dict(numerator=0)),
        ("a denominator of zero", 214, dict(denominator=0)), ("a denominator above 2^32", 214, dict(denominator=2**32 + 1)),
        ("not in lowest terms", 214, dict(numerator=10, denominator=4)), ("a unit without weights", 214, dict(weight_unit=1.0)),
        ("a unit of minus zero", 214, dict(weight_unit=-0.0))]
    good = e.describe()
    rows = [(name, said, replace(e, **change).describe()) for name, said, change in changes]
    rows += [("a byte missing", 201, good[:-1]), ("a byte more", 202, good + b"\0"), ("nothing", 201, b""),
             ("the description of fixed point", 214, b"\x01" + good[1:])]
    return [refused_json(*row) for row in rows]


def refused_json(name, said, data):
    try:
        read(data)
    except Refused as refusal:
        assert str(refusal) == said, (name, said, str(refusal))
        return {"name": name, "description": data, "parameter": said, "code": None}
    except Fault as fault:
        assert fault.code == said, (name, fault)
        return {"name": name, "description": data, "parameter": None, "code": said}
    raise AssertionError(name)


def valid_json(e):
    assert read(e.describe()) == e
    return {"description": e.describe(), "length": e.length, "vector_len": e.vector_len, "clip": floats.bits(e.clip),
            "scale": floats.bits(e.scale), "bits": e.bits, "block": e.block, "conditional": e.rounding == CONDITIONAL,
            "l2_squared": e.l2_squared, "law": LAWS[e.law], "numerator": e.numerator,
            "denominator": e.denominator, "clients": e.clients, "honest": e.honest, "max_weight": e.max_weight,
            "weight_unit": floats.bits(e.weight_unit), "max_abs": e.max_abs, "round": e.round, "rotation_seed": e.rotation_seed}


def vectors(encodings):
    unique = {e.describe(): e for e in encodings}
    return {"valid": [valid_json(e) for e in unique.values()], "refused": refused(encodings[0])}
