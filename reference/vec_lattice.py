"""Vectors of lattice masks: every step of section 11.2 for every set. Long lists are shown by their ends and their hash."""

import hashlib
from dataclasses import replace

import core

import lattice
from lattice import SETS, Geometry
from suite import SUITE, VERSION, Fault, H, kdf, kdf_info, u8, u32, u64
from vec_common import descriptor, descriptor_json, hexed, rnd

ENDS = 4  # values that are shown from each end


def brief(values, size=8):
    """A list by its ends and the SHA-256 of its values, each a little-endian integer of `size` bytes (two's complement)."""
    raw = b"".join((x % 2 ** (8 * size)).to_bytes(size, "little") for x in values)
    return {"count": len(values), "first": values[:ENDS], "last": values[-ENDS:],
            "sha256": hashlib.sha256(raw).digest()}


def brief_bytes(raw):
    return {"bytes": len(raw), "first": raw[:32], "last": raw[-32:], "sha256": hashlib.sha256(raw).digest()}


def word(bound, client, i):
    """The centred words of the vectors: both ends of the range, then numbers without pattern."""
    if i < 2:
        return bound if (i + client) % 2 else -bound
    mixed = (i + 1) * (2 * client + 1) * 0x9E3779B97F4A7C15 % 2**64
    return mixed % (2 * bound + 1) - bound


def kdf_vectors(sid):
    out = []
    for label, ikm, info in (("error-seed", rnd("lattice/draw", 64), 300), ("lattice-key", rnd("lattice/seed", 32), 3),
                             ("lattice-error", rnd("lattice/error", 32), 2**24 + 1)):
        out.append({"label": label, "ikm": ikm, "info": u64(info), "hkdf_info": kdf_info(label, u64(info)),
                    "len": 32, "output": kdf(sid, label, ikm, u64(info), 32)})
    return {"salt": sid, "rows": out}


def sets():
    return [{"number": s.number, "name": s.name, "degree": s.N, "primes": list(s.primes), "prime_bits": s.r,
             "roots": list(s.roots),
             "plain_bits": [{"n": n, "bits": s.T(n)} for n in (2, 512, 513, 2048, 2049, 4096)]} for s in SETS.values()]


def transforms():
    """NTT of X and of 1 + X^5: where each slot is."""
    out = []
    for s in SETS.values():
        for q, psi in zip(s.primes, s.roots):
            for exponents in ([1], [0, 5]):
                a = [0] * s.N
                for k in exponents:
                    a[k] = 1
                out.append({"set": s.number, "prime": q, "exponents": exponents, "slots": brief(lattice.ntt(a, q, psi))})
    return out


# Where an integer is rejected: it takes a search, and there is none to be found for sets of large primes (2^-34 for 48 bits).
REJECTS_PUBLIC, REJECTS_KEY = {3: 18, 5: 42}, {3: 1, 5: 91}  # set: block; set: epoch


def assert_rejects(lattice_set, streams):
    """Of the integers of some prime one among the first N is too large."""
    assert any(z % 2**lattice_set.r >= q for q, z_list in zip(lattice_set.primes, streams) for z in z_list)


def publics(sid):
    """A_j; block 1029 has the polynomial of block 5."""
    out = []
    for s in SETS.values():
        rejects = [REJECTS_PUBLIC[s.number]] if s.number in REJECTS_PUBLIC else []
        for j in rejects:
            key = H("lattice-a", u8(s.number), sid, u32(j))
            assert_rejects(s, [lattice.integers(key, 2**32 * c, s.N) for c in range(s.P)])
        for block in [0, 5, 1023, 1029, *rejects]:
            slots = lattice.public(sid, s, block % lattice.EPOCH)
            out.append({"set": s.number, "block": block, "slots": [brief(x) for x in slots]})
    return {"sid": sid, "cases": out}


def terms_json(terms):
    return [{"seed": seed, "sign": sign} for seed, sign in terms]


def keys(sid):
    """U of one seed, and the key of three."""
    one, two, three = (rnd(f"lattice/seed/{k}", 32) for k in range(3))
    out = []
    for s in SETS.values():
        rejects = [([(one, 1)], REJECTS_KEY[s.number])] if s.number in REJECTS_KEY else []
        for terms, epoch in rejects:
            key = kdf(sid, "lattice-key", one, u64(epoch), 32)
            assert_rejects(s, [lattice.integers(key, c * (s.N + 64) // 2, s.N) for c in range(s.P)])
        for terms, epoch in [([(one, 1)], 0), ([(one, -1)], 2**30 - 1), ([(one, 1), (two, -1), (three, 1)], 1), *rejects]:
            key = lattice.epoch_key(sid, s, terms, epoch)
            out.append({"set": s.number, "epoch": epoch, "terms": terms_json(terms), "slots": [brief(x) for x in key]})
    return {"sid": sid, "cases": out}


def error_vectors(sid):
    seed, out = rnd("lattice/error", 32), []
    for s in SETS.values():
        for block in (0, 1, 2**24 + 1):
            out.append({"set": s.number, "block": block, "errors": brief(lattice.errors(sid, s, seed, block), 2)})
    return {"sid": sid, "seed": seed, "cases": out}


def samples():
    """One sample at, below and above each threshold; the two integers that it is drawn from."""
    out = []
    for threshold in lattice.thresholds():
        for u in (threshold - 1, threshold, min(threshold + 1, 2**127 - 1)):
            for sign in (0, 1):
                z, more = 2 * (u >> 64) + sign, u % 2**64
                out.append({"first": z, "second": more, "error": lattice.error(z, more)})
    return out


# --- geometry ----------------------------------------------------------------------------------------

def bounds(s, n):
    """Small ones, and those around each change of the number of lanes and around the largest."""
    out = {1, 2, 1000}
    for lanes in (1, 2, 3, 7, 63, 64):
        w = min(s.T(n) // lanes, 64)
        out |= {(2**w - 1) // (2 * n), (2**w - 1) // (2 * n) + 1}
    return sorted(x for x in out if 1 <= x < 2**64)


def geometries():
    out = []
    for s in SETS.values():
        for n in (2, 3, 512, 513, 2048, 2049, 4096):
            for bound in bounds(s, n):
                out.append(geometry_json(Geometry(s, n, bound)))
    return out


def geometry_json(g):
    row = {"set": g.lattice.number, "n": g.n, "bound": g.bound}
    try:
        g.check()
    except Fault as fault:
        return row | {"code": fault.code}
    lengths = sorted({1, g.lanes, g.lanes + 1, g.block_words - 1, g.block_words, g.block_words + 1,
                      3 * g.block_words + 5})
    # Words, coefficients, bytes.
    lines = [[k, k // g.block_words * g.lattice.N + g.coefficients(k % g.block_words), g.wire_len(k)] for k in lengths]
    return row | {"plain_bits": g.T, "lane_bits": g.w, "lanes": g.lanes, "block_words": g.block_words, "lengths": lines}


# --- blocks ------------------------------------------------------------------------------------------

def packs(sid):
    """Without a key a masked block is t e + pack(v)."""
    out = []
    for number, n, bound, count in ((4, 4, 1000, 11), (1, 195, 2**15 - 1, 23), (7, 3, 2**40, 9), (5, 3, 2**60, 5),
                                    (3, 2, 2, 33 * 3 + 1)):
        g = Geometry(SETS[number], n, bound)
        words = [word(bound, 1, i) for i in range(count)]
        seed, block = rnd(f"lattice/pack/{number}", 32), 7
        coefficients = lattice.pack(g, [x + bound for x in words])
        errors = lattice.errors(sid, g.lattice, seed, block)[:len(coefficients)]
        residues = [[(2**g.T * e + v) % q for e, v in zip(errors, coefficients)] for q in g.lattice.primes]
        out.append({"set": number, "n": n, "bound": bound, "words": words, "block": block, "error_seed": seed,
                    "errors": errors, "wire": lattice.wire(g.lattice, residues),
                    "coefficients": [v.to_bytes((g.T + 7) // 8, "little") for v in coefficients]})
    return {"sid": sid, "cases": out}


BLOCKS = [  # set, clients in the roster, survivors, bound, bits, block, words (None: a full block)
    (4, 4, 3, 1000, 16, 0, 60), (4, 4, 3, 20000, 20, 1024, None), (1, 195, 2, 2**15 - 1, 24, 1023, None),
    (1, 600, 3, 2**30, 41, 1, 70), (2, 3, 3, 2**20, 32, 2, None), (3, 2, 2, 1, 8, 3, None), (5, 5, 3, 2**40, 50, 4, None),
    (6, 4, 3, 100, 12, 2**20 + 9, None), (7, 3, 2, 2**61, 64, 5, None), (7, 4096, 2, 7, 17, 6, 1001)]


def blocks(sid):
    return {"sid": sid, "cases": [block_json(sid, *row) for row in BLOCKS]}


def block_json(sid, number, n, survivors, bound, bits, block, count):
    g = Geometry(SETS[number], n, bound)
    g.check()
    count, epoch = count or g.block_words, block // lattice.EPOCH
    name, parts, out = f"lattice/block/{number}/{block}", [], []
    shared = rnd(f"{name}/shared", 32)  # cancels in the sum of the first two
    dropped = rnd(f"{name}/dropped", 32)  # stays in it: one client is gone
    rows = [[(rnd(f"{name}/self/{u}", 32), 1)] for u in range(survivors)]
    rows[0] += [(shared, 1), (dropped, -1)]
    rows[1] += [(shared, -1)]
    total = [terms[0] for terms in rows] + [(dropped, -1)]
    for u, terms in enumerate(rows):
        words = [word(bound, u, i) for i in range(count)]
        error_seed = rnd(f"{name}/error/{u}", 32)
        key = lattice.epoch_key(sid, g.lattice, terms, epoch)
        parts.append(lattice.mask_block(sid, g, key, error_seed, block, [x + bound for x in words]))
        wire = lattice.wire(g.lattice, parts[-1])
        assert len(wire) == g.wire_len(count)
        out.append({"terms": terms_json(terms), "error_seed": error_seed, "words": brief(words),
                    "wire": brief_bytes(wire), **({"wire_whole": wire} if len(wire) < 1000 else {})})
    residues = [[sum(column) % q for column in zip(*(p[c] for p in parts))] for c, q in enumerate(g.lattice.primes)]
    sums = lattice.unmask_block(sid, g, lattice.epoch_key(sid, g.lattice, total, epoch), block, survivors, residues, count)
    assert sums == [sum(word(bound, u, i) for u in range(survivors)) for i in range(count)]
    return {"set": number, "n": n, "bound": bound, "modulus_bits": bits, "block": block, "words": count,
            "clients": out, "sum_wire": brief_bytes(lattice.wire(g.lattice, residues)), "sum_terms": terms_json(total),
            "sum": brief(sums)}


# --- decoding ----------------------------------------------------------------------------------------

def decodes(sid):
    """Sums of wires without a key, with errors up to the largest that is taken and beyond."""
    out = []
    for number, n, survivors, bound, bits in ((4, 4, 3, 1000, 16), (1, 512, 400, 2**15, 28), (3, 4, 4, 5, 8),
                                              (5, 2100, 2000, 2**50, 64), (7, 3, 2, 2**61, 64), (6, 3, 3, 10, 8)):
        g = Geometry(SETS[number], n, bound)
        limit, b = lattice.largest_error(survivors), g.lattice.B(n)
        centre = (g.lattice.Q // 2**g.T) // 2
        for error in (0, limit, -limit, limit + 1, -limit - 1, b, -b, centre, 2 * b):
            out.append(decode_json(sid, g, survivors, bits, error))
    return {"sid": sid, "cases": out + any_residue_will_do(sid)}


def decode_json(sid, g, survivors, bits, error):
    """Two coefficients: the error is in the second."""
    words = [survivors * (g.bound if i % 2 else -g.bound) for i in range(2 * g.lanes)]
    plain = lattice.pack(g, [x + survivors * g.bound for x in words])
    values = [plain[0], plain[1] + 2**g.T * error]
    wire = lattice.wire(g.lattice, [[v % q for v in values] for q in g.lattice.primes])
    return decoded(sid, g, survivors, bits, error, wire, len(words))


def decoded(sid, g, survivors, bits, error, wire, count):
    row = {"set": g.lattice.number, "n": g.n, "bound": g.bound, "modulus_bits": bits, "survivors": survivors,
           "error": error, "wire": wire}
    residues = lattice.from_wire(g.lattice, wire, g.coefficients(count))
    none = [[0] * g.lattice.N for _ in g.lattice.primes]
    try:
        sums = lattice.unmask_block(sid, g, none, 0, survivors, residues, count)
    except Fault as fault:
        return row | {"words": count, "code": fault.code}
    return row | {"words": count, "sum": [x % 2**bits for x in sums]}


def any_residue_will_do(sid):
    """The same sum from residues that are not reduced, and with padding bits set."""
    g = Geometry(SETS[3], 2, 4)
    values = lattice.pack(g, [i if i < 5 else 0 for i in range(5 * g.lanes)])  # small, so that they can be raised
    good = [[v % q for v in values] for q in g.lattice.primes]
    raised = [[x + q if x + q < 2**g.lattice.r else x for x in part] for part, q in zip(good, g.lattice.primes)]
    count = 5 * g.lanes
    size = len(lattice.wire(g.lattice, good)) // g.lattice.P
    assert 5 * g.lattice.r % 8 == 4
    padded = bytearray(lattice.wire(g.lattice, good))
    for c in range(g.lattice.P):
        padded[(c + 1) * size - 1] |= 0xF0
    rows = [decoded(sid, g, 2, 8, 0, bytes(raw), count)
            for raw in (lattice.wire(g.lattice, good), lattice.wire(g.lattice, raised), padded)]
    assert raised != good and rows[0]["sum"] == rows[1]["sum"] == rows[2]["sum"]
    return rows


# --- descriptors -------------------------------------------------------------------------------------

def short_descriptor():
    """Set S48: two lanes, two blocks of which the second is short, and the last 100 words alone in a chunk."""
    return descriptor(
        "lattice", [1, 300, 2**32 + 5, 2**64 - 1], max_colluders=0, max_dropouts=1, min_honest=3,
        vector_len=4096 + 101, chunk_len=4096, modulus_bits=18, bound_kind=core.EXACT, bound=20000, tail_log2=0,
        encoding=b"lattice", round=1, masking=0x14)


def default_descriptor(previous):
    """Set L96: one short block, two lanes of 40 bits."""
    return descriptor(
        "lattice/L96", [10, 11, 12], max_colluders=0, max_dropouts=1, min_honest=2, vector_len=139, chunk_len=2**13,
        modulus_bits=41, bound_kind=core.EXACT, bound=2**37 - 1, tail_log2=0, encoding=b"", round=2,
        previous=previous, masking=0x11)


def descriptors(desc):
    every_set = [whole_blocks(replace(desc, masking=0x10 + k)) for k in SETS]
    good = every_set + [replace(desc, chunk_len=2 * desc.chunk_len), replace(desc, vector_len=1),
                        whole_blocks(replace(desc, bound=2**34, modulus_bits=40, masking=0x11))]
    for d in good:
        d.validate()
    bad = [("a tail", 116, dict(bound_kind=core.TAIL, tail_log2=40)),
           ("sums of 37 bits in 36", 115, dict(bound=2**33, modulus_bits=37)),
           ("sums of 64 bits in 36", 115, dict(bound=2**61 - 1, modulus_bits=64)),
           ("chunks of less than a block", 117, dict(chunk_len=2048)),
           ("chunks of one block and a half", 117, dict(chunk_len=6144)),
           ("chunks of three words", 110, dict(chunk_len=3)),
           ("an overflow", 108, dict(bound=2**17)), ("a bound of zero", 112, dict(bound=0)),
           ("set 0", 214, dict(masking=0x10)), ("set 8", 214, dict(masking=0x18)), ("masking 0", 214, dict(masking=0))]
    out = []
    for name, code, change in bad:
        raw = replace(desc, **change).encode()
        try:
            core.Descriptor.decode(raw)
        except Fault as fault:
            assert fault.code == code, (name, fault.code)
        else:
            raise AssertionError(name)
        out.append({"name": name, "code": code, "canonical": raw})
    return {"valid": [descriptor_json(d) for d in good], "invalid": out}


def whole_blocks(desc):
    return replace(desc, chunk_len=desc.geometry.block_words)


def build(desc, sessions):
    sid = desc.sid
    return hexed({
        "protocol_version": VERSION, "suite": SUITE, "descriptors": descriptors(desc), "sessions": sessions, "kdf": kdf_vectors(sid), "sets": sets(), "transform": transforms(), "public": publics(sid), "keys": keys(sid),
        "errors": error_vectors(sid), "samples": samples(), "geometry": geometries(), "pack": packs(sid),
        "blocks": blocks(sid), "decode": decodes(sid)})
