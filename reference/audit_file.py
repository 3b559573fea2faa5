"""Transcript files, part by part (docs/protocol.md section 20.1); chunks are in audit_chunks.py.

What is read here is only read: whether it is right is for audit_checks.py. A refusal is a Fault with a 2xx code, which blames nobody.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import core
import xwing
from suite import require

MAGIC, FORMAT = b"veilsum/3/audit\n", 0x01
HEAD, END, PACKAGES, ALL_CHUNKS, OPENED_CHUNKS = None, 0x00, 0x21, 0x22, 0x23
CHUNKS = (ALL_CHUNKS, OPENED_CHUNKS)
# Which tags may come after a part.
FOLLOWS = {
    HEAD: (core.ADVERTS, END),
    core.ADVERTS: (core.DELIVERY, END),
    core.DELIVERY: (core.COMPLAINT, core.SURVIVORS, END),
    core.COMPLAINT: (core.SURVIVORS, END),
    core.SURVIVORS: (core.AGREEMENT, END),
    core.AGREEMENT: (core.REVEAL, END),
    core.REVEAL: (PACKAGES,),
    PACKAGES: (core.ANNOUNCEMENT, END),
    core.ANNOUNCEMENT: (ALL_CHUNKS, OPENED_CHUNKS, END),
    ALL_CHUNKS: (END,),
    OPENED_CHUNKS: (END,)}


def ls(r):
    """LS of section 12.1."""
    return r.take(r.uint(4))


def read_head(r, desc):
    require(r.take(len(MAGIC)) == MAGIC, 214)
    require(r.uint(1) == FORMAT, 214)
    require(ls(r) == desc.encode(), 205)


@dataclass
class Letter:
    """What one recipient of a round's messages got besides the body."""

    recipient: int
    attachment_hash: bytes
    signature: bytes


@dataclass
class Sent:
    """The server's messages of one round; letters are read as they are asked for, each to be judged before the next."""

    body: bytes
    letters: Iterator[Letter]


def read_sent(r, kind, n):
    body, count = ls(r), r.uint(4)
    require(1 <= count <= n, 207)
    return Sent(body, (read_letter(r, kind) for _ in range(count)))


def read_letter(r, kind):
    recipient = r.uint(8)
    attachment_hash = r.take(32) if kind == core.DELIVERY else core.NO_ATTACHMENT
    return Letter(recipient, attachment_hash, r.take(64))


def read_received(r):
    """Whole signed messages of clients, read as they are asked for."""
    count = r.uint(4)
    require(count >= 1, 207)
    return (ls(r) for _ in range(count))


def read_packages(r, pairs):
    """The packages of these pairs (dealer, holder), in this order, read as they are asked for."""
    require(r.uint(4) == len(pairs), 207)
    return (read_package(r, *pair) for pair in pairs)


def read_package(r, dealer, holder):
    """The dealer is the one with the lower id, so there is a mask encapsulation."""
    named = r.uint(8)
    package = core.Package(r.uint(8), r.take(xwing.CIPHERTEXT), r.take(xwing.CIPHERTEXT), r.take(32), r.take(144))
    require((named, package.peer) == (dealer, holder), 207)
    return package
