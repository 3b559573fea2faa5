"""Mutations of bytes whose fields are known, and what else the comparisons of both implementations share.

A base has the bytes `raw`, the `fields` in them, and `ends`, the positions behind which a larger part ends.
"""

import argparse
import functools
import json
import pathlib

import core
import evidence
import ristretto
import xwing
from descriptor import Descriptor
from suite import Reader, identity_key
from vec_common import SERVER, identity_seed

VECTORS = pathlib.Path(__file__).resolve().parent.parent / "tests" / "vectors" / "transcripts.json"


# --- where they begin ----------------------------------------------------------------------------------

def vectors():
    return json.loads(VECTORS.read_text(encoding="ascii"))


def sessions(read):
    """(name, descriptor, file) of the sessions of a vector file."""
    for session in read["sessions"]:
        yield session["name"], bytes.fromhex(session["descriptor"]["canonical"]), bytes.fromhex(session["file"])


def known_seed(name, descriptor):
    """The seeds of the identities of a session of the vectors, if it is one."""
    known = identity_key(identity_seed(name, SERVER)) == Descriptor.decode(descriptor).server_key
    return functools.partial(identity_seed, name) if known else None


def remember():
    """A mutation leaves most signatures and points as they were: these functions have one result for each input."""
    for module, name in ((core, "verify"), (evidence, "verify_signature"), (ristretto, "decode"), (xwing, "public_key")):
        setattr(module, name, functools.cache(getattr(module, name)))


def fields_read(raw, read):
    """(position, size) of the fields of raw that `read` reads, in it or in what it takes from it."""
    found, take = {}, Reader.take

    def traced(r, k):
        at = raw.find(r.data)
        if at >= 0 and 0 < k <= len(r.data) - r.at:
            found[at + r.at, k] = None
        return take(r, k)

    Reader.take = traced
    try:
        read()
    finally:
        Reader.take = take
    return list(found)


# --- mutations: each says what it did, and what came out -------------------------------------------------

def flip(rng, base):
    at, bit = rng.randrange(len(base.raw)), rng.randrange(8)
    raw = bytearray(base.raw)
    raw[at] ^= 1 << bit
    return f"bit {bit} of byte {at}", bytes(raw)


def cut(rng, base):
    """Anywhere, behind a field, or behind a part."""
    at = rng.choice([rng.randrange(len(base.raw)), sum(rng.choice(base.fields)), rng.choice(base.ends)])
    return f"at {at}", base.raw[:at]


def insert(rng, base):
    at = rng.choice([rng.randrange(len(base.raw)), sum(rng.choice(base.fields)), len(base.raw)])
    new = rng.randbytes(rng.randint(1, 80))
    return f"{new.hex()} at {at}", base.raw[:at] + new + base.raw[at:]


def remove(rng, base):
    at, size = rng.choice(base.fields)
    return f"{size} bytes at {at}", base.raw[:at] + base.raw[at + size:]


def exchange(rng, base):
    """Two fields of one size."""
    at, size = rng.choice(base.fields)
    other = rng.choice([field for field in base.fields if field[1] == size])[0]
    raw = bytearray(base.raw)
    raw[at:at + size], raw[other:other + size] = raw[other:other + size], raw[at:at + size]
    return f"{size} bytes at {at} and {other}", bytes(raw)


def overwrite(rng, base):
    """A field; an integer, such as a count, mostly becomes one near it."""
    integers = [field for field in base.fields if field[1] <= 8]
    at, size = rng.choice(integers if integers and rng.randrange(2) else base.fields)
    raw, mask = bytearray(base.raw), (1 << 8 * size) - 1
    number = int.from_bytes(raw[at:at + size], "little")
    number = rng.choice([0, mask, number + 1 & mask, number - 1 & mask, rng.getrandbits(8 * size)])
    raw[at:at + size] = number.to_bytes(size, "little")
    return f"{size} bytes at {at} become {number:#x}", bytes(raw)


ANYWHERE = (flip, cut, insert, remove, exchange, overwrite)


# --- programs --------------------------------------------------------------------------------------------

def options(description, example):
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", help=f"the built example {example}")
    parser.add_argument("count", type=int, help="how many mutations")
    parser.add_argument("seed", help="any text")
    return parser.parse_args()


def tell(seen):
    """How often each result came: (code, party), or (None, what it is instead)."""
    for (code, blames), times in sorted(seen.items(), key=str):
        print(f"{times:6} x {code or blames}{f', blames {blames}' if code and blames is not None else ''}")
