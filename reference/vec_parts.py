"""Vectors of the parts: hash, KDF, generator, packing, Merkle roots, secret sharing, X-Wing, Ed25519, envelopes."""

import hashlib

import core
import data
import ristretto
import sharing
import suite
import xwing
from sharing import KIND_B, KIND_M, pair
from suite import H, kdf, u64
from vec_common import hexed, rnd, scalar
from vec_refused_bodies import mlkem_last, shifted_modulus


def kdf_vectors(sid):
    draw, m, b, ss, key, seed = (rnd(f"kdf/{x}", 64 if x == "draw" else 32)
                                 for x in ("draw", "m", "b", "ss", "key", "seed"))
    m, b = (ristretto.scalar_encode(ristretto.scalar_reduce(x)) for x in (m, b))
    ct_hash, pk_hash = H("mask-ct", rnd("kdf/ct", 1120)), H("mask-pk", rnd("kdf/pk", 1216))
    u, v = 300, 2**32 + 5
    rows = [
        ("mask-root", draw, u64(u), 64), ("self-secret", draw, u64(u), 64),
        ("channel-kem", draw, u64(u), 32), ("channel-coins", draw, pair(v, u), 64),
        ("vss", draw, sharing.vss_info(u, KIND_B, 2, 1), 64), ("mask-kem", m, u64(u), 32),
        ("mask-coins", m, pair(u, v), 64), ("pair-seed", ss, pair(u, v) + ct_hash + pk_hash, 32),
        ("self-seed", b, u64(u), 32),
        ("envelope-key", ss, pair(v, u) + H("channel-ct", rnd("kdf/ct", 1120)), 32),
        ("seal-key", key, pair(v, u), 32), ("key-commit", key, pair(v, u), 32),
        ("prg-block", seed, u64(3), 32)]
    out = []
    for label, ikm, info, length in rows:
        value = kdf(sid, label, ikm, info, length)
        row = {"label": label, "ikm": ikm, "info": info, "hkdf_info": suite.kdf_info(label, info),
               "len": length, "output": value}
        if label in ("mask-root", "self-secret", "vss"):
            row["scalar"] = ristretto.scalar_encode(ristretto.scalar_reduce(value))
        out.append(hexed(row))
    return {"salt": sid.hex(), "rows": out}


def hash_vectors():
    rows = [("session", [b""]), ("body", [b"abc"]), ("node", [bytes(32), b"\xff" * 32]), ("x", [])]
    return [{"label": label, "items": hexed(items), "output": H(label, *items).hex()}
            for label, items in rows]


def prg_vectors(sid):
    seed = rnd("prg/seed", 32)
    ranges = [(0, 5), (1, 3), (64, 2), (data.BLOCK - 3, 6), (5 * data.BLOCK - 1, 2), (2**40 - 2, 2)]
    cases = [{"modulus_bits": bits, "start": p, "words": data.prg(sid, seed, bits, p, k)}
             for bits in (8, 20, 32, 33, 64) for p, k in ranges]
    keys = [{"block": j, "key": data.prg_key(sid, seed, j).hex(),
             "keystream_start": data.keystream(data.prg_key(sid, seed, j), 0, 32).hex()}
            for j in (0, 1, 4, 5, 2**22 - 1)]
    return {"sid": sid.hex(), "seed": seed.hex(), "block_keys": keys, "cases": cases}


def pack_vectors():
    out = []
    for bits in (2, 7, 8, 20, 31, 32, 33, 63, 64):
        top = 2**bits - 1
        words = [0, top, 1, top - 1] + [
            int.from_bytes(rnd(f"pack/{bits}/{p}", 8), "little") % 2**bits for p in range(9)]
        packed = data.pack(words, bits)
        assert data.unpack(packed, bits, len(words)) == words
        row = {"modulus_bits": bits, "words": words, "packed": packed.hex()}
        spare = len(packed) * 8 - len(words) * bits
        if spare:
            row["refused"] = (packed[:-1] + bytes([packed[-1] | 0x80])).hex()
        out.append(row)
    return out


def merkle_vectors():
    out = []
    for bits, length in ((20, 1), (20, 64), (20, 65), (33, 128), (7, 190), (64, 300)):
        words = [(p * 0x9E3779B97F4A7C15 + 7) % 2**bits for p in range(length)]
        packed = data.pack(words, bits)
        cs = data.chunks(packed, 8 * bits, length, 64)
        leaves = [data.leaf(i, c) for i, c in enumerate(cs)]
        out.append({"modulus_bits": bits, "vector_len": length, "chunk_len": 64,
                    "packed": packed.hex(), "chunk_bytes": [len(c) for c in cs],
                    "leaves": hexed(leaves), "top": data.tree(leaves).hex(),
                    "root": data.merkle_root(packed, bits, length, 64).hex()})
    assert {len(m["leaves"]) for m in out} == {1, 2, 3, 5}
    return out


def vss_vectors(sid):
    t, u, indices = 3, 300, [1, 2, 3, 4]
    draw, out = rnd("vss/draw", 64), []
    for kind in (KIND_M, KIND_B):
        secret = ristretto.scalar_reduce(rnd(f"vss/secret/{kind}", 64))
        f, g = sharing.polynomials(sid, draw, u, kind, secret, t)
        shares = [(i, sharing.evaluate(f, i), sharing.evaluate(g, i)) for i in indices]
        commitments = sharing.commitments(f, g)
        points = [ristretto.decode(c) for c in commitments]
        assert all(sharing.share_good(*s, points) for s in shares)
        weights = [int.from_bytes(rnd(f"vss/weight/{i}", 16), "little") for i in indices]
        recoveries = []
        for chosen in ([1, 2, 3], [1, 2, 4], [2, 3, 4]):
            rows = [shares[i - 1] for i in chosen]
            assert sharing.recover(rows, points[0]) == (f[0], g[0])
            recoveries.append({"indices": chosen, "lambda": [scalar(x) for x in sharing.lagrange(chosen)],
                               "secret": scalar(f[0]), "blinding": scalar(g[0])})
        assert sharing.batch_good(1, [(w, shares[0][1], shares[0][2], points) for w in weights])
        bad = (shares[0][1] + 1) % ristretto.L
        assert not sharing.share_good(1, bad, shares[0][2], points)
        out.append({"kind": kind, "f": [scalar(x) for x in f], "g": [scalar(x) for x in g],
                    "commitments": hexed(commitments), "recoveries": recoveries,
                    "shares": [{"index": i, "share": scalar(s), "blinding": scalar(r)} for i, s, r in shares],
                    "bad_share": {"index": 1, "share": scalar(bad), "blinding": scalar(shares[0][2])}})
    return {"G": ristretto.encode(sharing.G).hex(), "P": ristretto.encode(sharing.PEDERSEN).hex(),
            "sid": sid.hex(), "id": u, "threshold": t, "draw": draw.hex(), "cases": out,
            "scalars_refused": [ristretto.L.to_bytes(32, "little").hex(), "ff" * 32]}


def x25519_refused():
    p = 2**255 - 19
    values = [int.from_bytes(x, "little") for x in sorted(xwing.LOW_ORDER)]
    values += [p, p + 1, p + 9, 2**255 - 1, 2**255, 2**255 + 9, 2**256 - 1]
    out = [x.to_bytes(32, "little") for x in values]
    assert not any(xwing.x25519_acceptable(x) for x in out)
    return out


def xwing_vectors():
    sk, coins = rnd("xwing/sk", 32), rnd("xwing/coins", 64)
    pk = xwing.public_key(sk)
    ct, ss = xwing.encaps(pk, coins)
    assert xwing.decaps(sk, ct) == ss
    spoilt = bytes([ct[0] ^ 1]) + ct[1:]
    bad_keys = [shifted_modulus(pk), mlkem_last(pk)]
    assert not any(xwing.public_acceptable(x) for x in bad_keys)
    return hexed({
        "secret_key": sk, "public_key": pk, "coins": coins, "ciphertext": ct, "shared_secret": ss,
        "spoilt_ciphertext": spoilt, "spoilt_shared_secret": xwing.decaps(sk, spoilt),
        "x25519_refused": x25519_refused(), "public_keys_refused": bad_keys})


def envelope_vector(sid):
    u, v = 2**32 + 5, 300
    h1, channel_sk, coins = rnd("envelope/h1", 32), rnd("envelope/sk", 32), rnd("envelope/coins", 64)
    out = []
    for dealer, holder, mask_ct in ((u, v, b""), (v, u, rnd("envelope/mask-ct", 1088) + rnd("xwing/coins", 32))):
        plaintext = b"".join(ristretto.scalar_encode(ristretto.scalar_reduce(rnd(f"envelope/{i}", 64)))
                             for i in range(4))
        e = sharing.seal(sid, h1, dealer, holder, xwing.public_key(channel_sk), coins, mask_ct, plaintext)
        package = core.Package(holder, mask_ct, e.channel_ct, e.kc, e.sealed)
        assert sharing.open_sealed(sid, h1, dealer, holder, e.key, package)
        out.append(hexed(vars(e) | {
            "dealer": dealer, "holder": holder, "mask_ct": mask_ct, "package": package.encode(),
            "digest": package.digest(dealer, holder)}))
    return hexed({"sid": sid, "h1": h1, "channel_sk": channel_sk,
                  "channel_pk": xwing.public_key(channel_sk), "cases": out})


def ed25519_vectors():
    """Keys and signatures that section 3 refuses, though laxer verifiers take some of them."""
    torsion = next(p for p in (ristretto.mul(ristretto.L, q) for q in some_points())
                   if not ristretto.edwards_equal(ristretto.mul(4, p), ristretto.ZERO))
    small = [ristretto.edwards_encode(ristretto.mul(k, torsion)) for k in range(8)]
    p, sign = ristretto.P, 1 << 255
    bad = [p, p + 1, p | sign, p + 1 | sign, 1 | sign, p - 1 | sign, 2]  # not canonical, or no point
    keys = sorted(small) + [y.to_bytes(32, "little") for y in bad]
    assert not any(ristretto.strict_point(k) for k in keys)
    seed, message = rnd("ed25519/seed", 32), b"message"
    key, good = suite.identity_key(seed), suite.sign(seed, message)
    secret = secret_scalar(seed)
    s = int.from_bytes(good[32:], "little")
    over = good[:32] + (s + ristretto.L).to_bytes(32, "little")
    r = ristretto.scalar_reduce(rnd("ed25519/r", 64))
    mixed = forge(ristretto.add(ristretto.mul(r, ristretto.BASE), torsion), r, secret, key, message)
    identity = forge(ristretto.ZERO, 0, secret, key, message)
    refused = [("s not canonical", over), ("R of small order", identity),
               ("holds only with the cofactor", mixed), ("bit of R", bytes([good[0] ^ 1]) + good[1:])]
    assert suite.verify(key, message, good)
    assert not any(suite.verify(key, message, x) for _, x in refused)
    return hexed({"keys_refused": keys, "seed": seed, "key": key, "message": message, "signature": good,
                  "signatures_refused": [{"why": why, "signature": x} for why, x in refused]})


def some_points():
    for i in range(2, 64):
        point = ristretto.edwards_decode(i.to_bytes(32, "little"))
        if point is not None:
            yield point


def secret_scalar(seed):
    h = hashlib.sha512(seed).digest()[:32]
    return int.from_bytes(h, "little") & (1 << 254) - 8 | 1 << 254


def forge(R, r, secret, key, message):
    """A signature with a given R: s = r + H(R || A || M) a."""
    raw = ristretto.edwards_encode(R)
    h = ristretto.scalar_reduce(hashlib.sha512(raw + key + message).digest())
    return raw + ristretto.scalar_encode(r + h * secret)
