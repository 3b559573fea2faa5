"""What all test vectors are made from: documented bytes, identities, descriptors."""

import hashlib

import core
import ristretto
import suite
from suite import Stream

SERVER = "server"


def rnd(label, size):
    """The documented deterministic bytes: SHAKE256("veilsum vectors/" || label)."""
    return hashlib.shake_256(b"veilsum vectors/" + label.encode("ascii")).digest(size)


def scalar(k):
    return ristretto.scalar_encode(k).hex()


def hexed(x):
    """Bytes to hex, all through lists and dictionaries."""
    if isinstance(x, bytes):
        return x.hex()
    if isinstance(x, dict):
        return {str(k): hexed(v) for k, v in x.items()}
    if isinstance(x, (list, tuple)):
        return [hexed(v) for v in x]
    return x


def identity_seed(name, who):
    return rnd(f"{name}/identity/{who}", 32)


def random_stream(name, u):
    """The random bytes of a client in a session (Appendix A)."""
    return Stream(f"veilsum vectors/{name}/random/{u}")


def descriptor(name, ids, **fields):
    base = dict(
        roster=[(u, suite.identity_key(identity_seed(name, u))) for u in ids],
        server_key=suite.identity_key(identity_seed(name, SERVER)),
        attempt=rnd(f"{name}/attempt", 16), context=rnd(f"{name}/context", 32), previous=bytes(32))
    return core.Descriptor(**(base | fields))


def first_descriptor(name="first"):
    return descriptor(
        name, [1, 300, 2**32 + 5, 2**64 - 1], max_colluders=0, max_dropouts=1, min_honest=3,
        vector_len=130, chunk_len=64, modulus_bits=20, bound_kind=core.EXACT, bound=131071,
        tail_log2=0, encoding=b"fixed-point/12", round=7)


def second_descriptor(previous):
    return descriptor(
        "second", [10, 11, 12], max_colluders=0, max_dropouts=1, min_honest=2, vector_len=1,
        chunk_len=64, modulus_bits=33, bound_kind=core.TAIL, bound=2**32 - 1, tail_log2=40,
        encoding=b"", round=8, previous=previous)


def third_descriptor():
    return descriptor(
        "third", [2, 3, 5, 8, 13, 21, 34], max_colluders=0, max_dropouts=3, min_honest=3,
        vector_len=100, chunk_len=64, modulus_bits=8, bound_kind=core.EXACT, bound=18, tail_log2=0,
        encoding=b"\x00", round=2**64 - 1)


def descriptor_json(desc):
    fields = {k: v for k, v in vars(desc).items() if k != "roster"}
    return hexed(fields) | {
        "protocol_version": suite.VERSION, "suite": suite.SUITE, "n": desc.n,
        "roster": [{"id": u, "key": key.hex()} for u, key in desc.roster],
        "threshold": desc.threshold, "canonical": desc.encode().hex(), "sid": desc.sid.hex()}
