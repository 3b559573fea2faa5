"""Verifiable secret sharing and sealed envelopes (docs/protocol.md sections 9 and 10)."""

import hashlib
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

import ristretto
import xwing
from ristretto import L
from suite import H, kdf, kdf_scalar, lv, u8, u32, u64

KIND_M, KIND_B = 0x01, 0x02
G = ristretto.BASE
PEDERSEN = ristretto.one_way_map(hashlib.sha512(lv(b"veilsum/3/pedersen")).digest())


# --- section 9 -----------------------------------------------------------------------------------

def vss_info(u, kind, k, part):
    return u64(u) + u8(kind) + u32(k) + u8(part)


def polynomials(sid, draw, u, kind, secret, t):
    """(f, g): f[0] is the secret, all others are derived."""
    f = [secret] + [kdf_scalar(sid, "vss", draw, vss_info(u, kind, k, 0)) for k in range(1, t)]
    g = [kdf_scalar(sid, "vss", draw, vss_info(u, kind, k, 1)) for k in range(t)]
    return f, g


def commit(value, blinding):
    return ristretto.add(ristretto.mul(value % L, G), ristretto.mul(blinding % L, PEDERSEN))


def commitments(f, g):
    return [ristretto.encode(commit(a, b)) for a, b in zip(f, g)]


def evaluate(coefficients, x):
    out = 0
    for c in reversed(coefficients):
        out = (out * x + c) % L
    return out


def combine(index, points):
    """sum_k index^k C_k."""
    out = ristretto.ZERO
    for point in reversed(points):
        out = ristretto.add(ristretto.mul(index, out), point)
    return out


def share_good(index, share, blinding, points):
    return ristretto.equal(commit(share, blinding), combine(index, points))


def batch_good(index, rows):
    """rows: (weight, share, blinding share, points), all for the holder with this index."""
    value = sum(w * s for w, s, _, _ in rows) % L
    blinding = sum(w * r for w, _, r, _ in rows) % L
    columns = []
    for k in range(len(rows[0][3])):
        column = ristretto.ZERO
        for w, _, _, points in rows:
            column = ristretto.add(column, ristretto.mul(w, points[k]))
        columns.append(column)
    return ristretto.equal(commit(value, blinding), combine(index, columns))


def lagrange(indices):
    """lambda_i for each index, at X = 0."""
    out = []
    for i in indices:
        top = bottom = 1
        for j in indices:
            if j != i:
                top, bottom = top * j % L, bottom * (j - i) % L
        out.append(top * pow(bottom, -1, L) % L)
    return out


def recover(rows, point):
    """rows: (index, share, blinding share). The secret, or None if it does not open C_0."""
    weights = lagrange([i for i, _, _ in rows])
    secret = sum(w * s for w, (_, s, _) in zip(weights, rows)) % L
    blinding = sum(w * r for w, (_, _, r) in zip(weights, rows)) % L
    return (secret, blinding) if ristretto.equal(commit(secret, blinding), point) else None


# --- section 10 ----------------------------------------------------------------------------------

def pair(u, v):
    return u64(u) + u64(v)


def envelope_key(sid, shared_secret, u, v, channel_ct):
    return kdf(sid, "envelope-key", shared_secret, pair(u, v) + H("channel-ct", channel_ct), 32)


def key_commitment(sid, key, u, v):
    return kdf(sid, "key-commit", key, pair(u, v), 32)


def seal_key(sid, key, u, v):
    return kdf(sid, "seal-key", key, pair(u, v), 32)


def associated_data(sid, h1, u, v, mask_ct, channel_ct, kc):
    return bound(sid, h1, u, v, H("mask-ct", mask_ct), H("channel-ct", channel_ct), kc)


def bound(sid, h1, u, v, mask_hash, channel_hash, kc):
    return lv(b"veilsum/3/envelope") + sid + h1 + pair(u, v) + mask_hash + channel_hash + kc


def plaintext_encode(m_share, m_blinding, b_share, b_blinding):
    return b"".join(ristretto.scalar_encode(x) for x in (m_share, m_blinding, b_share, b_blinding))


def plaintext_decode(data):
    """Four canonical scalars, or None."""
    out = [ristretto.scalar_decode(data[i:i + 32]) for i in range(0, 128, 32)]
    return None if None in out else out


def aead_seal(key, plaintext, ad):
    return ChaCha20Poly1305(key).encrypt(bytes(12), plaintext, ad)


def aead_open(key, sealed, ad):
    try:
        return ChaCha20Poly1305(key).decrypt(bytes(12), sealed, ad)
    except InvalidTag:
        return None


@dataclass
class Envelope:
    """A sealed envelope with everything that went into it."""

    coins: bytes
    channel_ct: bytes
    shared_secret: bytes
    key: bytes
    kc: bytes
    seal_key: bytes
    plaintext: bytes
    ad: bytes
    sealed: bytes


def seal(sid, h1, u, v, channel_pk, coins, mask_ct, plaintext):
    ct, ss = xwing.encaps(channel_pk, coins)
    key = envelope_key(sid, ss, u, v, ct)
    kc = key_commitment(sid, key, u, v)
    ad = associated_data(sid, h1, u, v, mask_ct, ct, kc)
    sk = seal_key(sid, key, u, v)
    return Envelope(coins, ct, ss, key, kc, sk, plaintext, ad, aead_seal(sk, plaintext, ad))


def open_sealed(sid, h1, u, v, key, package):
    """The four scalars under an envelope key, or None if the AEAD fails or one is not canonical."""
    ad = associated_data(sid, h1, u, v, package.mask_ct, package.channel_ct, package.kc)
    plaintext = aead_open(seal_key(sid, key, u, v), package.sealed, ad)
    return None if plaintext is None else plaintext_decode(plaintext)
