"""Messages and transcript (docs/protocol.md sections 6 and 7)."""

from dataclasses import dataclass, field

import ristretto
import xwing
from descriptor import EXACT, TAIL, Descriptor, default_bounds  # noqa: F401, also for those who import core
from suite import (SUITE, VERSION, H, Reader, bitmap, bitmap_positions, lv, require, sign, u8, u16, u32,
                   u64, verify)

# --- section 6, messages ---------------------------------------------------------------------------

ADVERT, SHARES, COMPLAINT, MASKED_INPUT, CONSISTENCY, REVEAL = 0x01, 0x02, 0x03, 0x04, 0x06, 0x07
ADVERTS, DELIVERY, SURVIVORS, AGREEMENT, ANNOUNCEMENT = 0x11, 0x12, 0x14, 0x16, 0x18
FROM_SERVER = (ADVERTS, DELIVERY, SURVIVORS, AGREEMENT, ANNOUNCEMENT)
NAMES = {ADVERT: "Advert", SHARES: "Shares", COMPLAINT: "Complaint", MASKED_INPUT: "MaskedInput",
         CONSISTENCY: "Consistency", REVEAL: "Reveal", ADVERTS: "Adverts", DELIVERY: "Delivery",
         SURVIVORS: "Survivors", AGREEMENT: "Agreement", ANNOUNCEMENT: "Announcement"}


def signed_bytes(sid, kind, client, prev, body, attachment_hash):
    """What a signature is over; an entry carries the hash of the attachment in place of it."""
    return signed_bytes_of_hashes(sid, kind, client, prev, H("body", body), attachment_hash)


def signed_bytes_of_hashes(sid, kind, client, prev, body_hash, attachment_hash):
    """The same for a statement (section 21), which has hashes alone."""
    return (lv(b"veilsum/3/signature") + u8(VERSION) + u16(SUITE) + sid + u8(kind) + u64(client) + prev
            + body_hash + attachment_hash)


@dataclass
class Message:
    sid: bytes
    kind: int
    client: int
    prev: bytes
    body: bytes
    attachment: bytes = b""
    signature: bytes = field(default=b"", repr=False)

    def signed(self):
        return signed_bytes(self.sid, self.kind, self.client, self.prev, self.body,
                            H("attachment", self.attachment))

    def sign(self, seed):
        self.signature = sign(seed, self.signed())
        return self

    def encode(self):
        return (u8(VERSION) + u16(SUITE) + self.sid + u8(self.kind) + u64(self.client) + self.prev
                + u32(len(self.body)) + u32(len(self.attachment)) + self.body + self.attachment
                + self.signature)

    def entry(self):
        return Entry(self.client, self.prev, self.body, H("attachment", self.attachment), self.signature)


def authenticate(desc, data):
    """Decodes a message with the order of checks of section 6, up to the signature."""
    r = Reader(data)
    version, suite, sid, got, client, prev = (r.uint(1), r.uint(2), r.take(32), r.uint(1), r.uint(8),
                                              r.take(32))
    body_len, attachment_len = r.uint(4), r.uint(4)
    out = Message(sid, got, client, prev, r.take(body_len), r.take(attachment_len), r.take(64))
    r.end()
    require(version == VERSION, 203)
    require(suite == SUITE, 204)
    require(sid == desc.sid, 205)
    key = dict(desc.roster).get(client)
    require(key is not None, 216)
    require(verify(desc.server_key if got >= ADVERTS else key, out.signed(), out.signature), 215)
    return out


def receive(desc, data, kind, me=None):
    """Recipient and type besides; `me` is the client that receives it. Repeats are left to state.py."""
    out = authenticate(desc, data)
    require(me is None or out.client == me, 216)
    require(out.kind == kind, 206)
    return out


def receive_from_client(desc, data, kind):
    return receive(desc, data, kind)


def receive_from_server(desc, data, kind, me):
    return receive(desc, data, kind, me)


@dataclass
class Entry:
    client: int
    prev: bytes
    body: bytes
    attachment_hash: bytes
    signature: bytes

    MIN = 140

    def encode(self):
        return (u64(self.client) + self.prev + u32(len(self.body)) + self.body + self.attachment_hash
                + self.signature)

    def verify(self, desc, kind):
        key = dict(desc.roster).get(self.client)
        data = signed_bytes(desc.sid, kind, self.client, self.prev, self.body, self.attachment_hash)
        return key is not None and verify(key, data, self.signature)

    @classmethod
    def read(cls, r, form=bytes):
        """The entry, and what `form` makes of its body, before what is behind the body is read."""
        client, prev, body = r.uint(8), r.take(32), r.take(r.uint(4))
        contents = form(body)
        return cls(client, prev, body, r.take(32), r.take(64)), contents


def ascending(ids):
    return all(a < b for a, b in zip(ids, ids[1:]))


def entries_encode(entries):
    return u32(len(entries)) + b"".join(e.encode() for e in entries)


def entries_read(r, form=bytes):
    """Entries, and what `form` makes of the body of each."""
    rows = [Entry.read(r, form) for _ in range(r.count(Entry.MIN))]
    require(ascending([e.client for e, _ in rows]), 212)
    return [e for e, _ in rows], {e.client: contents for e, contents in rows}


# --- section 6, bodies -------------------------------------------------------------------------------

def advert_form(body):
    """(channel key, mask key), whatever they are."""
    r = Reader(body)
    keys = r.take(xwing.PUBLIC), r.take(xwing.PUBLIC)
    r.end()
    return keys


def advert_decode(body):
    """(channel key, mask key), both acceptable."""
    keys = advert_form(body)
    require(all(xwing.public_acceptable(pk) for pk in keys), 210)
    return keys


@dataclass
class Dealing:
    m: list  # the commitments of m, each 32 bytes
    b: list
    digests: list  # of (holder, digest), ascending

    def encode(self):
        return (u32(len(self.m)) + b"".join(self.m) + b"".join(self.b) + u32(len(self.digests))
                + b"".join(u64(v) + digest for v, digest in self.digests))

    @property
    def holders(self):
        return [v for v, _ in self.digests]

    def points(self, kind):
        return [ristretto.decode(c) for c in (self.m if kind == 1 else self.b)]

    @classmethod
    def form(cls, body):
        """The fields, whatever the points are and however many."""
        r = Reader(body)
        t = r.count(64)
        out = cls([r.take(32) for _ in range(t)], [r.take(32) for _ in range(t)], [])
        out.digests = [(r.uint(8), r.take(32)) for _ in range(r.count(40))]
        require(ascending(out.holders), 212)
        r.end()
        return out

    def check(self, threshold):
        require(len(self.m) == threshold, 305)
        require(all(ristretto.decode(c) is not None for c in self.m + self.b), 209)

    @classmethod
    def decode(cls, body, threshold):
        out = cls.form(body)
        out.check(threshold)
        return out


@dataclass
class Package:
    peer: int
    mask_ct: bytes
    channel_ct: bytes
    kc: bytes
    sealed: bytes

    MIN = 8 + 1120 + 32 + 144

    def encode(self):
        return u64(self.peer) + self.mask_ct + self.channel_ct + self.kc + self.sealed

    def digest(self, dealer, holder):
        return H("package", u64(dealer) + u64(holder), self.mask_ct, self.channel_ct, self.kc, self.sealed)

    @classmethod
    def read(cls, r, dealer=None, holder=None):
        """Of dealer and holder the one that is not given is the peer."""
        peer = r.uint(8)
        u, v = (dealer, peer) if holder is None else (peer, holder)
        mask_ct = r.take(xwing.CIPHERTEXT) if u < v else b""
        return cls(peer, mask_ct, r.take(xwing.CIPHERTEXT), r.take(32), r.take(144))

    def acceptable(self):
        return xwing.ciphertext_acceptable(self.channel_ct) and (
            not self.mask_ct or xwing.ciphertext_acceptable(self.mask_ct))


def packages_encode(packages):
    return u32(len(packages)) + b"".join(p.encode() for p in packages)


def packages_decode(data, dealer=None, holder=None):
    r = Reader(data)
    out = [Package.read(r, dealer, holder) for _ in range(r.count(Package.MIN))]
    require(ascending([p.peer for p in out]), 212)
    r.end()
    return out


def masked_input_encode(root, vector_len, chunk_len):
    return root + u64(vector_len) + u32(chunk_len)


def masked_input_decode(body):
    r = Reader(body)
    out = r.take(32), r.uint(8), r.uint(4)
    r.end()
    return out


def survivors_encode(desc, u3, entries):
    bits = bitmap([desc.index(u) - 1 for u in u3], desc.n)
    return u32(len(bits)) + bits + entries_encode(entries)


def survivors_decode(desc, body):
    r = Reader(body)
    bits = r.take(r.uint(4))
    entries, inputs = entries_read(r, masked_input_decode)
    r.end()
    u3 = [desc.ids[k] for k in bitmap_positions(bits, desc.n)]
    return u3, entries, inputs


def reveal_encode(shares):
    """shares: list of (owner, share, blinding share)."""
    return u32(len(shares)) + b"".join(
        u64(u) + ristretto.scalar_encode(s) + ristretto.scalar_encode(r) for u, s, r in shares)


def reveal_form(body):
    """(owner, share, blinding share), whatever these two are."""
    r = Reader(body)
    rows = [(r.uint(8), r.take(32), r.take(32)) for _ in range(r.count(72))]
    require(ascending([u for u, _, _ in rows]), 212)
    r.end()
    return rows


def reveal_scalars(rows):
    out = [(u, ristretto.scalar_decode(s), ristretto.scalar_decode(b)) for u, s, b in rows]
    require(all(s is not None and b is not None for _, s, b in out), 208)
    return out


def reveal_decode(body):
    return reveal_scalars(reveal_form(body))


def announcement_decode(body):
    r = Reader(body)
    root = r.take(32)
    r.end()
    return root


def consistency_decode(body):
    Reader(body).end()


def no_attachment(message):
    """Of the types whose attachment is empty."""
    Reader(message.attachment).end()


def list_decode(body, form):
    r = Reader(body)
    out = entries_read(r, form)
    r.end()
    return out


NO_ATTACHMENT = H("attachment", b"")


def check_entries(desc, kind, entries, members, prev, own=None):
    """The checks of a list of entries that section 6 wants of every list."""
    for e in entries:
        require(e.client in members, 405)
        require(e.verify(desc, kind), 403)
        require(e.prev == prev, 404)
        require(kind == SHARES or e.attachment_hash == NO_ATTACHMENT, 411, reason=301)
    require(own is None or own in entries, 406)
    require(len(entries) >= desc.threshold, 407)


# --- section 7 ---------------------------------------------------------------------------------------

def transcript_1(sid, adverts):
    return H("transcript-1", sid, *(e.encode() for e in adverts))


def transcript_2(h1, shares):
    return H("transcript-2", h1, *(e.encode() for e in shares))


def transcript_3(desc, h2, u3, inputs):
    bits = bitmap([desc.index(u) - 1 for u in u3], desc.n)
    return H("transcript-3", h2, bits, *(e.encode() for e in inputs))


def transcript_4(h3, sum_root):
    return H("transcript-4", h3, sum_root)
