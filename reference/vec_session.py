"""Vectors of sections 1 and 4: descriptors, good ones and bad ones, and the defaults."""

from dataclasses import replace

import core
import suite


def invalid_descriptors(desc):
    """Descriptors with exactly one fault each."""
    r = desc.roster
    strange = lambda y: dict(roster=[r[0], (r[1][0], y.to_bytes(32, "little")), *r[2:]])  # noqa: E731
    cases = [
        ("a roster of one", 101, dict(roster=r[:1])),
        ("ids swapped", 102, dict(roster=[r[1], r[0], r[2], r[3]])),
        ("id repeated", 102, dict(roster=[r[0], (r[0][0], r[1][1]), r[2], r[3]])),
        ("identity key of two clients", 103, dict(roster=[r[0], (r[1][0], r[0][1]), r[2], r[3]])),
        ("identity key of the server and a client", 103, dict(server_key=r[2][1])),
        ("identity key of small order", 104, dict(server_key=b"\x01" + bytes(31))),
        ("identity key not reduced", 104, strange(2**255 - 19 + 3)),
        ("identity key is no point", 104, dict(roster=[r[0], (r[1][0], b"\x02" + bytes(31)), *r[2:]])),
        ("everybody may drop out", 113, dict(max_dropouts=4)),
        ("two sets of survivors", 105, dict(max_dropouts=2, min_honest=2)),
        ("too few honest", 106, dict(min_honest=4)),
        ("min_honest of one", 106, dict(min_honest=1)),
        ("more colluders than clients", 105, dict(max_colluders=2**32 - 1)),
        ("modulus of one bit", 107, dict(modulus_bits=1)),
        ("modulus of 65 bits", 107, dict(modulus_bits=65)),
        ("sum overflows", 108, dict(bound=131072)),
        ("tail overflows", 108, dict(bound_kind=core.TAIL, tail_log2=1, bound=2**19)),
        ("no words", 109, dict(vector_len=0)),
        ("too many words", 109, dict(vector_len=2**40 + 1)),
        ("chunk not a multiple of 64", 110, dict(chunk_len=96)),
        ("chunk of zero", 110, dict(chunk_len=0)),
        ("chunk too long", 110, dict(chunk_len=2**24 + 64)),
        ("encoding too long", 111, dict(encoding=bytes(1025))),
        ("bound of zero", 112, dict(bound=0)),
        ("tail of zero", 112, dict(bound_kind=core.TAIL, tail_log2=1, bound=0)),
        ("tail of zero bits", 112, dict(bound_kind=core.TAIL)),
        ("masking reserved", 214, dict(masking=2)),
        ("graph reserved", 214, dict(graph=0)),
        ("an exact bound with a probability", 214, dict(tail_log2=1)),
        ("bound kind reserved", 214, dict(bound_kind=3)),
    ]
    out = [{"name": name, "code": code, "canonical": replace(desc, **change).encode().hex()}
           for name, code, change in cases]
    good = desc.encode()
    out += [{"name": name, "code": code, "canonical": raw.hex()} for name, code, raw in (
        ("version", 203, b"\x01" + good[1:]), ("suite", 204, good[:1] + b"\x02\x00" + good[3:]),
        ("more clients than bytes", 207, good[:5] + b"\xff" * 4 + good[9:]),
        ("truncated", 201, good[:-1]), ("trailing byte", 202, good + b"\x00"))]
    for case in out:
        try:
            core.Descriptor.decode(bytes.fromhex(case["canonical"]))
        except suite.Fault as fault:
            assert fault.code == case["code"], (case["name"], fault.code)
        else:
            raise AssertionError(case["name"])
    return out


def defaults():
    """(n, c, d) that section 1 gives where nothing is said; min_honest is 3 and every one is valid."""
    out = []
    for n in [*range(3, 14), 100, 4096]:
        c, d = core.default_bounds(n)
        assert 2 * (n - d) > n + c and n - d - c >= 3
        out.append({"n": n, "max_colluders": c, "max_dropouts": d, "min_honest": 3, "threshold": n - d})
    return out
