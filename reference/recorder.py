"""Makes transcript files (docs/protocol.md section 20.1) of sessions that were played here."""

from dataclasses import dataclass, field

import core
import data
import masking
from suite import H, u8, u32, u64

MAGIC, FORMAT = b"veilsum/3/audit\n", 0x01
PACKAGES, ALL_CHUNKS, OPENED_CHUNKS, END = 0x21, 0x22, 0x23, 0x00
ORDER = (core.ADVERTS, core.DELIVERY, core.COMPLAINT, core.SURVIVORS, core.AGREEMENT, core.REVEAL, PACKAGES,
         core.ANNOUNCEMENT, ALL_CHUNKS, OPENED_CHUNKS)


def ls(x):
    return u32(len(x)) + x


# --- parts -------------------------------------------------------------------------------------------

@dataclass
class Letter:
    """The server's signature for one recipient; the hash of the attachment is written in a Delivery only."""

    recipient: int
    signature: bytes
    attachment_hash: bytes = b""

    def encode(self):
        return u64(self.recipient) + self.attachment_hash + self.signature


def sent(body, letters):
    return ls(body) + u32(len(letters)) + b"".join(letter.encode() for letter in letters)


def sent_messages(messages):
    """Of the messages of one round, ascending by recipient."""
    messages = sorted(messages, key=lambda m: m.client)
    return sent(messages[0].body, [letter(m) for m in messages])


def letter(message):
    delivered = message.kind == core.DELIVERY
    return Letter(message.client, message.signature, H("attachment", message.attachment) if delivered else b"")


def received(messages):
    """Of whole encoded messages, in the order in which they are to stand."""
    return u32(len(messages)) + b"".join(map(ls, messages))


def received_messages(messages):
    return received([m.encode() for m in sorted(messages, key=lambda m: m.client)])


def opened_pairs(u2, u3):
    """(dealer, holder): members of U2 of which exactly one is in U3, ascending."""
    return [(u, v) for u in u2 for v in u2 if u < v and (u in u3) != (v in u3)]


def packages(rows):
    """Of (dealer, package whose peer is the holder)."""
    return u32(len(rows)) + b"".join(u64(dealer) + package.encode() for dealer, package in rows)


# --- chunks ------------------------------------------------------------------------------------------

def path(nodes, i):
    """The nodes that lead from leaf i to the top, the lowest first."""
    if len(nodes) == 1:
        return []
    split = 1
    while split * 2 < len(nodes):
        split *= 2
    if i < split:
        return path(nodes[:split], i) + [data.tree(nodes[split:])]
    return path(nodes[split:], i - split) + [data.tree(nodes[:split])]


@dataclass
class Chunks:
    """Uploads of the survivors, ascending, cut into chunks, and the leaves of the sum."""

    uploads: list
    leaves: list

    @classmethod
    def of(cls, desc, uploads, words):
        """uploads: {survivor: bytes}; words: the sum."""
        size = masking.wire_len(desc, desc.chunk_len)
        cut = [data.chunks(uploads[u], size, desc.vector_len, desc.chunk_len) for u in sorted(uploads)]
        return cls(cut, sum_leaves(desc, words))

    def all(self):
        rows = zip(*self.uploads, self.leaves)
        return b"".join(b"".join(row) for row in rows)

    def opened(self, numbers):
        return u32(len(numbers)) + b"".join(self.open(i) for i in numbers)

    def open(self, i):
        out = u64(i)
        for parts in self.uploads:
            out += b"".join(path([data.leaf(k, c) for k, c in enumerate(parts)], i)) + parts[i]
        return out + self.leaves[i] + b"".join(path(self.leaves, i))


def sum_leaves(desc, words):
    packed, bits = data.pack(words, desc.modulus_bits), desc.modulus_bits
    parts = data.chunks(packed, desc.chunk_len * bits // 8, desc.vector_len, desc.chunk_len)
    return [data.leaf(i, c) for i, c in enumerate(parts)]


# --- files -------------------------------------------------------------------------------------------

def head(descriptor):
    return MAGIC + u8(FORMAT) + ls(descriptor)


@dataclass
class File:
    """Parts by tag; they are written in the order of section 20.1."""

    descriptor: bytes
    parts: dict = field(default_factory=dict)

    def pieces(self):
        """(tag or None, bytes): the head, each part with its tag, the end."""
        out = [(None, head(self.descriptor))]
        out += [(tag, u8(tag) + self.parts[tag]) for tag in ORDER if tag in self.parts]
        return [*out, (END, u8(END))]

    def encode(self):
        return b"".join(raw for _, raw in self.pieces())

    def up_to(self, tag, end=False):
        """Cut behind a part, with or without an end."""
        out = b""
        for found, raw in self.pieces():
            out += raw
            if found == tag:
                return out + (u8(END) if end else b"")
        raise KeyError(tag)


def record(server, messages, uploads=None, opened=None):
    """The file of a session.

    messages: what the server has sent and accepted. uploads: those of the survivors, for a file with chunks: all, or with their paths
    those in `opened`.
    """
    out, by_kind = File(server.desc.encode()), {}
    for message in messages:
        by_kind.setdefault(message.kind, []).append(message)
    for tag in ORDER:
        if tag in by_kind:
            part = sent_messages if tag in core.FROM_SERVER else received_messages
            out.parts[tag] = part(by_kind[tag])
    if core.REVEAL in by_kind:
        pairs = opened_pairs(server.u2, server.u3)
        out.parts[PACKAGES] = packages([(u, server.packages[u][v]) for u, v in pairs])
    if uploads is not None and core.ANNOUNCEMENT in by_kind:
        add_chunks(out, Chunks.of(server.desc, {u: uploads[u] for u in server.u3}, server.sum), opened)
    return out


def add_chunks(file, chunks, opened):
    if opened is None:
        file.parts[ALL_CHUNKS] = chunks.all()
    else:
        file.parts[OPENED_CHUNKS] = chunks.opened(opened)
