"""Transcripts that are changed and signed again by whoever signs what was changed, so that they fail behind their signatures.

A file is taken apart into messages and entries, one of these is changed, and everything from there on is signed over the hashes that
follow.
"""

from dataclasses import dataclass, replace

import audit_chunks
import audit_file
import core
import data
import ristretto
import suite
import xwing
from audit_file import ALL_CHUNKS, END, OPENED_CHUNKS, PACKAGES
from recorder import ls, opened_pairs
from suite import Fault, Reader, u8, u32, u64

LISTS = {core.ADVERTS: core.ADVERT, core.DELIVERY: core.SHARES, core.SURVIVORS: core.MASKED_INPUT, core.AGREEMENT: core.CONSISTENCY}


@dataclass
class Part:
    """One part, taken apart as far as its tag says; what it has not is None."""

    tag: int
    letters: list = None
    bits: bytes = None  # the bitmap of Survivors
    entries: list = None
    root: bytes = None  # of an Announcement
    messages: list = None
    rows: list = None  # [dealer, package]
    uploads: list = None  # by chunk: {survivor: bytes}
    leaves: list = None  # of the sum, by chunk
    raw: bytes = b""


class Forgery:
    """A file in parts. `seed(who)` is the identity seed of a client, or of "server"."""

    def __init__(self, desc, transcript, seed):
        self.desc, self.seed, self.parts, self.u3, self.pairs = desc, seed, [], [], []
        self.astray = {}  # (tag, client): the hash over which it signs instead of that of the round
        self.signers = {}  # (type, client): who signs its entry instead
        r, u2 = Reader(transcript), []
        audit_file.read_head(r, desc)
        while (tag := r.uint(1)) != END:
            part = self._take_apart(r, tag)
            self.parts.append(part)
            if tag == core.DELIVERY:
                u2 = [e.client for e in part.entries]
            if tag == core.SURVIVORS:
                self.u3 = [e.client for e in part.entries]
                self.pairs = opened_pairs(u2, self.u3)

    def _take_apart(self, r, tag):
        out, start = Part(tag), r.at
        if tag in core.FROM_SERVER:
            sent = audit_file.read_sent(r, tag, self.desc.n)
            out.letters = list(sent.letters)
            self._body(out, Reader(sent.body))
        elif tag in (core.COMPLAINT, core.REVEAL):
            out.messages = [core.authenticate(self.desc, raw) for raw in audit_file.read_received(r)]
        elif tag == PACKAGES:
            packages = audit_file.read_packages(r, self.pairs)
            out.rows = [[u, package] for (u, _), package in zip(self.pairs, packages)]
        elif tag == ALL_CHUNKS:
            chunks = [(self._uploads(r, i), r.take(32)) for i in range(audit_chunks.chunk_count(self.desc))]
            out.uploads, out.leaves = [u for u, _ in chunks], [leaf for _, leaf in chunks]
        elif tag == OPENED_CHUNKS:
            out.raw = r.data[start:-1]
            r.take(len(out.raw))
        return out

    def _uploads(self, r, i):
        return {u: r.take(audit_chunks.wire_len(self.desc, i)) for u in self.u3}

    @staticmethod
    def _body(part, r):
        if part.tag == core.ANNOUNCEMENT:
            part.root = r.rest()
            return
        if part.tag == core.SURVIVORS:
            part.bits = r.take(r.uint(4))
        part.entries, _ = core.entries_read(r)

    def part(self, tag):
        return next((part for part in self.parts if part.tag == tag), None)

    # signing

    def encode(self):
        """Signed again: entries and messages over the hash that they follow, bodies for every letter."""
        h, out = self.desc.sid, audit_file.MAGIC + u8(audit_file.FORMAT) + ls(self.desc.encode())
        for part in self.parts:
            prev = self.h1 if part.tag == core.COMPLAINT else h
            for e in part.entries or ():
                self._sign_entry(LISTS[part.tag], e, self.astray.get((part.tag, e.client), prev))
            for message in part.messages or ():
                message.prev = self.astray.get((part.tag, message.client), prev)
                message.sign(self.seed(message.client))
            out += u8(part.tag) + self._part(part, prev)
            h = self._next(part, h)
        return out + u8(END)

    def _sign_entry(self, kind, e, prev):
        e.prev = prev
        signed = core.signed_bytes(self.desc.sid, kind, e.client, prev, e.body, e.attachment_hash)
        e.signature = suite.sign(self.seed(self.signers.get((kind, e.client), e.client)), signed)

    def _next(self, part, prev):
        if part.tag == core.ADVERTS:
            self.h1 = core.transcript_1(self.desc.sid, part.entries)
            return self.h1
        if part.tag == core.DELIVERY:
            return core.transcript_2(prev, part.entries)
        if part.tag == core.SURVIVORS:
            return suite.H("transcript-3", prev, part.bits, *(e.encode() for e in part.entries))
        return prev

    def _part(self, part, prev):
        if part.letters is not None:
            return self._sent(part, prev)
        if part.messages is not None:
            return u32(len(part.messages)) + b"".join(ls(m.encode()) for m in part.messages)
        if part.rows is not None:
            return u32(len(part.rows)) + b"".join(u64(u) + package.encode() for u, package in part.rows)
        if part.uploads is not None:
            return b"".join(b"".join(chunk.values()) + leaf for chunk, leaf in zip(part.uploads, part.leaves))
        return part.raw

    def _sent(self, part, prev):
        body = part.root
        if body is None:
            bits = b"" if part.bits is None else ls(part.bits)
            body = bits + core.entries_encode(part.entries)
        out = ls(body) + u32(len(part.letters))
        for letter in part.letters:
            signed = core.signed_bytes(self.desc.sid, part.tag, letter.recipient, prev, body, letter.attachment_hash)
            attachment = letter.attachment_hash if part.tag == core.DELIVERY else b""
            out += u64(letter.recipient) + attachment + suite.sign(self.seed("server"), signed)
        return out


# --- changes -------------------------------------------------------------------------------------------

def change_bytes(rng, raw, others=()):
    """Some bytes changed in one of the ways that a decoder has to notice."""
    out = bytearray(raw)
    at = rng.choice([rng.randrange(len(out) + 1), rng.randrange(min(len(out), 12) + 1)])
    how = rng.randrange(8)
    if how == 0 or not out:
        return bytes(out[:at]) + rng.randbytes(rng.randint(1, 40)) + bytes(out[at:])
    if how == 1:
        return bytes(out[:at] + out[at + rng.randint(1, 40):])
    if how == 2 and others:
        return rng.choice(others)
    if how == 3:
        at = at // 4 * 4
        size = rng.choice([1, 4, 8, 32])
        out[at:at + size] = rng.choice([bytes(size), b"\xff" * size, rng.randbytes(size)])[:len(out) - at]
        return bytes(out)
    out[min(at, len(out) - 1)] ^= 1 << rng.randrange(8)
    return bytes(out)


def change_list(rng, items, again):
    """One of a list is left out, comes twice, or changes places; or the last of `again` is added to it."""
    out, k = list(items), rng.randrange(len(items))
    how = rng.randrange(4)
    if how == 0:
        del out[k]
    elif how == 1:
        out.insert(k, out[k])
    elif how == 2:
        j = rng.randrange(len(out))
        out[j], out[k] = out[k], out[j]
    else:
        out.append(rng.choice(again))
    return out


def decoded(form, body):
    """None if an earlier change has left nothing that decodes."""
    try:
        return form(body)
    except Fault:
        return None


def forge(rng, file, tags=None):
    """Changes one part of a file, in place, of those with these tags; what was changed."""
    part = rng.choice([part for part in file.parts if tags is None or part.tag in tags])
    changes = {name for name in CHANGES if getattr(part, name) not in (None, [])}
    if not changes:
        part.raw = change_bytes(rng, part.raw)
        return f"bytes of part {part.tag:#04x}"
    name = rng.choice(sorted(changes))
    CHANGES[name](rng, file, part)
    return f"{name} of part {part.tag:#04x}"


def change_letters(rng, file, part):
    if rng.randrange(3):
        part.letters = change_list(rng, part.letters, part.letters)
    else:
        letter = rng.choice(part.letters)
        letter.recipient = rng.choice([*file.desc.ids, rng.getrandbits(64)])


def change_bits(rng, file, part):
    """Sometimes with the entry that the bit stands for."""
    if rng.randrange(2):
        part.bits = change_bytes(rng, part.bits)
    elif len(part.entries) > 1:
        gone = part.entries.pop(rng.randrange(len(part.entries)))
        k = file.desc.index(gone.client) - 1
        bits = int.from_bytes(part.bits, "little") ^ 1 << k
        part.bits = bits.to_bytes(max(len(part.bits), k // 8 + 1), "little")


def change_entries(rng, file, part):
    e = rng.choice(part.entries)
    how = rng.randrange(8)
    if how == 0:
        part.entries = change_list(rng, part.entries, part.entries)
    elif how == 1:
        e.attachment_hash = rng.randbytes(32)
    elif how == 2:
        e.client = rng.choice(file.desc.ids)
    elif how == 4:
        file.astray[part.tag, e.client] = rng.randbytes(32)
    elif how == 5:
        file.signers[LISTS[part.tag], e.client] = rng.choice(file.desc.ids)
    elif how == 3 and part.tag == core.DELIVERY:
        change_dealing(rng, file, e)
    else:
        e.body = change_bytes(rng, e.body, [other.body for other in part.entries])


def change_dealing(rng, file, e):
    """A dealing that still decodes, if it did: other commitments, holders, or digests."""
    dealing = decoded(core.Dealing.form, e.body)
    if not (dealing and dealing.m and dealing.digests):
        return
    point = ristretto.encode(ristretto.mul(rng.randrange(1, 2**64), ristretto.BASE))
    how = rng.randrange(4)
    if how == 0:
        rng.choice([dealing.m, dealing.b])[rng.randrange(len(dealing.m))] = point
    elif how == 1:
        dealing.m.append(point)
        dealing.b.append(point)
    elif how == 2:
        dealing.digests.pop(rng.randrange(len(dealing.digests)))
    else:
        dealing.m, dealing.b = dealing.b, dealing.m
    e.body = dealing.encode()


def change_root(rng, file, part):
    """Of the announced sum; or the root of one with another leaf, so that the sum is wrong."""
    chunks = file.part(ALL_CHUNKS)
    if chunks is None or not rng.randrange(3):
        part.root = change_bytes(rng, part.root)
        return
    chunks.leaves[rng.randrange(len(chunks.leaves))] = rng.randbytes(32)
    top = data.tree(chunks.leaves)
    part.root = data.root_of_top(file.desc.vector_len, file.desc.chunk_len, top)


def change_messages(rng, file, part):
    message = rng.choice(part.messages)
    how = rng.randrange(9)
    if how == 0:
        part.messages = change_list(rng, part.messages, part.messages)
    elif how == 1:
        message.client = rng.choice(file.desc.ids)
    elif how == 2:
        message.attachment = rng.randbytes(rng.randrange(3))
    elif how == 3:
        message.kind = rng.choice([*core.NAMES, rng.randrange(256)])
    elif how == 6:
        file.astray[part.tag, message.client] = rng.randbytes(32)
    elif how < 6 and part.tag == core.REVEAL:
        change_shares(rng, message, file.desc.ids)
    else:
        message.body = change_bytes(rng, message.body, [other.body for other in part.messages])


def change_shares(rng, message, ids):
    """Other owners, or another share: a wrong one, one that is not reduced, or with another blinding alone."""
    rows = decoded(core.reveal_decode, message.body)
    if not rows:
        return
    k, how = rng.randrange(len(rows)), rng.randrange(4)
    owner, share, blinding = rows[k]
    if how == 0:
        rows = change_list(rng, rows, [(rng.choice(ids), share, blinding)])
    elif how == 1:
        rows[k] = (owner, share + ristretto.L, blinding)
    else:
        rows[k] = (owner, (share + rng.randrange(2)) % ristretto.L, (blinding + 1) % ristretto.L)
    message.body = core.reveal_encode(rows)


def change_rows(rng, file, part):
    if not rng.randrange(3):
        part.rows = change_list(rng, part.rows, part.rows)
    else:
        row = rng.choice(part.rows)
        row[1] = change_package(rng, row[1])
        if rng.randrange(4):
            sign_digest(file, *row)


def change_package(rng, package):
    """Another ciphertext, or one that is refused."""
    out, name = replace(package), rng.choice(["mask_ct", "mask_ct", "channel_ct"] if package.mask_ct else ["channel_ct"])
    raw = bytearray(getattr(out, name))
    if rng.randrange(3):
        raw[rng.randrange(len(raw))] ^= 1 << rng.randrange(7)
    else:
        raw[-32:] = rng.choice(sorted(xwing.LOW_ORDER))
    setattr(out, name, bytes(raw))
    return out


def sign_digest(file, dealer, package):
    for e in file.part(core.DELIVERY).entries:
        dealing = decoded(core.Dealing.form, e.body)
        if e.client == dealer and dealing:
            dealing.digests = [(v, package.digest(dealer, v) if v == package.peer else digest) for v, digest in dealing.digests]
            e.body = dealing.encode()


def change_uploads(rng, file, part):
    """Of one survivor, which mostly signs the root of what it has become."""
    k, u = rng.randrange(len(part.uploads)), rng.choice(file.u3)
    raw = bytearray(part.uploads[k][u])
    at = rng.choice([len(raw) - 1, rng.randrange(len(raw))])
    raw[at] ^= 1 << rng.choice([7, rng.randrange(8)])
    part.uploads[k][u] = bytes(raw)
    if rng.randrange(4):
        leaves = [data.leaf(i, chunk[u]) for i, chunk in enumerate(part.uploads)]
        root = data.root_of_top(file.desc.vector_len, file.desc.chunk_len, data.tree(leaves))
        for e in file.part(core.SURVIVORS).entries:
            if e.client == u:
                e.body = core.masked_input_encode(root, file.desc.vector_len, file.desc.chunk_len)


CHANGES = {"letters": change_letters, "bits": change_bits, "entries": change_entries, "root": change_root, "messages": change_messages,
           "rows": change_rows, "uploads": change_uploads}
