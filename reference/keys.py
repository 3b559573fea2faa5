"""What is derived from a client's two secrets (docs/protocol.md sections 5 and 8)."""

import ristretto
import xwing
from sharing import pair
from suite import H, kdf, u64


def mask_encaps(sid, m, u, v, mask_pk_v):
    """(coins, mask_ct, shared secret, pair seed) of u < v, from u's mask root."""
    coins = kdf(sid, "mask-coins", ristretto.scalar_encode(m), pair(u, v), 64)
    ct, ss = xwing.encaps(mask_pk_v, coins)
    return coins, ct, ss, pair_seed(sid, ss, u, v, ct, mask_pk_v)


def pair_seed(sid, shared_secret, u, v, mask_ct, mask_pk_v):
    info = pair(u, v) + H("mask-ct", mask_ct) + H("mask-pk", mask_pk_v)
    return kdf(sid, "pair-seed", shared_secret, info, 32)


def mask_secret_key(sid, m, u):
    return kdf(sid, "mask-kem", ristretto.scalar_encode(m), u64(u), 32)


def self_seed(sid, b, u):
    return kdf(sid, "self-seed", ristretto.scalar_encode(b), u64(u), 32)
