"""X-Wing (draft-connolly-cfrg-xwing-kem, MLKEM768-X25519) with the refusals of section 3.

ML-KEM-768 is kyber-py's, since encapsulation needs given coins; the tests hold it against another
implementation and against the vectors of the draft.
"""

import hashlib

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from kyber_py.ml_kem import ML_KEM_768

PUBLIC, CIPHERTEXT, MLKEM_PUBLIC, MLKEM_CIPHERTEXT = 1216, 1120, 1184, 1088
LABEL = bytes.fromhex("5c2e2f2f5e5c")
LOW_ORDER = frozenset(bytes.fromhex(x) for x in (
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
))


def x25519(secret, public):
    return X25519PrivateKey.from_private_bytes(secret).exchange(X25519PublicKey.from_public_bytes(public))


def x25519_base(secret):
    return X25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw()


def x25519_acceptable(public):
    return int.from_bytes(public, "little") < 2**255 - 19 and public not in LOW_ORDER


def modulus_check(ek):
    """FIPS 203 section 7.2: every 12-bit coefficient is less than q."""
    for i in range(0, MLKEM_PUBLIC - 32, 3):
        pair = int.from_bytes(ek[i:i + 3], "little")
        if pair & 0xFFF >= 3329 or pair >> 12 >= 3329:
            return False
    return True


def public_acceptable(pk):
    return len(pk) == PUBLIC and modulus_check(pk) and x25519_acceptable(pk[MLKEM_PUBLIC:])


def ciphertext_acceptable(ct):
    return len(ct) == CIPHERTEXT and x25519_acceptable(ct[MLKEM_CIPHERTEXT:])


def expand(sk):
    """(ML-KEM ek, ML-KEM dk, X25519 secret, X25519 public) of a 32-byte secret key."""
    seed = hashlib.shake_256(sk).digest(96)
    ek, dk = ML_KEM_768._keygen_internal(seed[:32], seed[32:64])
    return ek, dk, seed[64:], x25519_base(seed[64:])


def public_key(sk):
    ek, _, _, pk_x = expand(sk)
    return ek + pk_x


def combine(ss_m, ss_x, ct_x, pk_x):
    return hashlib.sha3_256(ss_m + ss_x + ct_x + pk_x + LABEL).digest()


def encaps(pk, coins):
    """(ciphertext, shared secret)."""
    assert public_acceptable(pk) and len(coins) == 64
    pk_m, pk_x = pk[:MLKEM_PUBLIC], pk[MLKEM_PUBLIC:]
    ss_m, ct_m = ML_KEM_768._encaps_internal(pk_m, coins[:32])
    ct_x = x25519_base(coins[32:])
    return ct_m + ct_x, combine(ss_m, x25519(coins[32:], pk_x), ct_x, pk_x)


def decaps(sk, ct):
    assert ciphertext_acceptable(ct)
    _, dk, sk_x, pk_x = expand(sk)
    ct_m, ct_x = ct[:MLKEM_CIPHERTEXT], ct[MLKEM_CIPHERTEXT:]
    return combine(ML_KEM_768.decaps(dk, ct_m), x25519(sk_x, ct_x), ct_x, pk_x)
