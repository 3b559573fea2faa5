"""Makes tests/data/two_key_envelope.hex: one sealed envelope whose tag is right under two envelope keys.

ChaCha20-Poly1305 commits to no key; tests/data/README.md says how this works, and docs/protocol.md section 10 what stops it.
"""

import pathlib
from dataclasses import dataclass

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms

import sharing

P = 2**130 - 5
SID, H1, DEALER, HOLDER = b"\x5a" * 32, b"\x03" * 32, 10, 20
OUT = pathlib.Path(__file__).resolve().parent.parent / "tests" / "data" / "two_key_envelope.hex"


@dataclass
class Side:
    """One envelope key: the Poly1305 key that it gives, and the associated data."""

    r: int
    s: int
    data: bytes


def side(fill):
    key = bytes([fill]) * 32
    kc = sharing.key_commitment(SID, key, DEALER, HOLDER)
    stream = Cipher(algorithms.ChaCha20(sharing.seal_key(SID, key, DEALER, HOLDER), bytes(16)), None).encryptor()
    block = stream.update(bytes(32))
    r = int.from_bytes(block[:16], "little") & 0x0FFFFFFC0FFFFFFC0FFFFFFC0FFFFFFF
    data = sharing.bound(SID, H1, DEALER, HOLDER, b"\x04" * 32, b"\x05" * 32, kc)
    return Side(r, int.from_bytes(block[16:], "little"), data)


def accumulate(of, ciphertext):
    padded = of.data + bytes(-len(of.data) % 16) + ciphertext
    padded += len(of.data).to_bytes(8, "little") + len(ciphertext).to_bytes(8, "little")
    acc = 0
    for i in range(0, len(padded), 16):
        acc = (acc + int.from_bytes(padded[i:i + 16], "little") + 2**128) * of.r % P
    return acc


def tag(of, ciphertext):
    return ((accumulate(of, ciphertext) + of.s) % 2**128).to_bytes(16, "little")


def forge():
    one, two = side(1), side(2)
    factor = pow(one.r**2 - two.r**2, -1, P)
    for counter in range(10**6):
        head = counter.to_bytes(8, "little") * 14
        gap = accumulate(two, head + bytes(16)) - accumulate(one, head + bytes(16)) + two.s - one.s
        for k in range(-4, 5):
            x = (gap + 2**128 * k) * factor % P
            if x < 2**128:
                ciphertext = head + x.to_bytes(16, "little")
                if tag(one, ciphertext) == tag(two, ciphertext):
                    return ciphertext + tag(one, ciphertext)
    raise AssertionError("no counter gives equal tags")


if __name__ == "__main__":
    OUT.write_text(forge().hex() + "\n")
