"""Notation, hash, key derivation, signatures and framing (docs/protocol.md sections 2, 3, 5, 6).

`Fault` carries an error code of section 16. `Reader` refuses whatever does not fit.
"""

import hashlib
import struct
from contextlib import contextmanager

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

import ristretto

VERSION = 3
SUITE = 0x0001
PREFIX = b"veilsum/3/"


class Fault(Exception):
    """A refusal: an error code of section 16, the client that it blames, and the code that it carries, if any."""

    def __init__(self, code, client=None, reason=None):
        super().__init__(f"error {code}, client {client}, reason {reason}")
        self.code, self.client, self.reason = code, client, reason

    @property
    def blames(self):
        """A client id, "server", or None (the column "blames" of section 16)."""
        return {3: self.client, 4: "server"}.get(self.code // 100)


def require(condition, code, client=None, reason=None):
    if not condition:
        raise Fault(code, client, reason)


@contextmanager
def attributed(code, client=None):
    """Section 16: a 2xx error of a message whose signature verifies is 301, 401 or 411 instead, and a 3xx error of a
    forwarded entry is 411; whoever signed it is named."""
    try:
        yield
    except Fault as fault:
        if 200 <= fault.code < 300:
            raise Fault(code, client, 301 if code == 411 else fault.code) from fault
        if code == 411 and 300 <= fault.code < 400:
            raise Fault(code, client, fault.code) from fault
        if code == 301 and 300 <= fault.code < 400:
            raise Fault(fault.code, client, fault.reason) from fault
        raise


# --- section 2 ---------------------------------------------------------------------------------

def u8(x):
    return struct.pack("<B", x)


def u16(x):
    return struct.pack("<H", x)


def u32(x):
    return struct.pack("<I", x)


def u64(x):
    return struct.pack("<Q", x)


def lv(x):
    return u64(len(x)) + x


def sha512_256(data):
    digest = hashes.Hash(hashes.SHA512_256())
    digest.update(data)
    return digest.finalize()


def H(label, *items):
    return sha512_256(lv(PREFIX + label.encode("ascii")) + b"".join(lv(x) for x in items))


def bitmap(positions, n):
    """The bitmap over a roster of n with the given positions, counted from 0."""
    out = bytearray((n + 7) // 8)
    for k in positions:
        out[k // 8] |= 1 << k % 8
    return bytes(out)


def bitmap_positions(data, n):
    require(len(data) == (n + 7) // 8, 207)
    require(int.from_bytes(data, "little") >> n == 0, 213)
    return [k for k in range(n) if data[k // 8] >> k % 8 & 1]


class Reader:
    """Reads a byte string field by field; every refusal is a Fault with a 2xx code."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, k):
        require(k <= len(self.data) - self.at, 201)
        self.at += k
        return self.data[self.at - k:self.at]

    def rest(self):
        return self.take(len(self.data) - self.at)

    def uint(self, size):
        return int.from_bytes(self.take(size), "little")

    def count(self, item_size):
        """A u32 count of items that have at least item_size bytes each."""
        k = self.uint(4)
        require(k * item_size <= len(self.data) - self.at, 207)
        return k

    def end(self):
        require(self.at == len(self.data), 202)


# --- section 5 ---------------------------------------------------------------------------------

def kdf_info(label, info):
    return lv(PREFIX + label.encode("ascii")) + u16(SUITE) + info


def kdf(sid, label, ikm, info, length):
    return HKDF(hashes.SHA512(), length, salt=sid, info=kdf_info(label, info)).derive(ikm)


def kdf_scalar(sid, label, ikm, info):
    return ristretto.scalar_reduce(kdf(sid, label, ikm, info, 64))


# --- section 3, Ed25519 strict -------------------------------------------------------------------

def identity_key(seed):
    return Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()


def sign(seed, data):
    return Ed25519PrivateKey.from_private_bytes(seed).sign(data)


def verify(key, data, signature):
    """Strict: canonical key and R, neither of small order, canonical s, no cofactor."""
    if not ristretto.strict_point(key) or not ristretto.strict_point(signature[:32]):
        return False
    if ristretto.scalar_decode(signature[32:]) is None:
        return False
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, data)
    except InvalidSignature:
        return False
    return True


class Stream:
    """The documented random bytes of the test vectors: SHAKE256 of a label (Appendix A)."""

    def __init__(self, label, size=4096):
        self.data, self.at = hashlib.shake_256(label.encode("ascii")).digest(size), 0

    def take(self, k):
        assert self.at + k <= len(self.data), "random stream exhausted"
        self.at += k
        return self.data[self.at - k:self.at]

    def consumed(self):
        return self.data[:self.at]
