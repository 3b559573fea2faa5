"""Evidence: its four kinds, made and judged (docs/protocol.md section 21)."""

from dataclasses import dataclass

import audit
import complaint
import core
import sharing
from recorder import ls
from sharing import KIND_B, KIND_M
from suite import Fault, H, Reader, attributed, bitmap, require, u8, u64, verify as verify_signature

MAGIC = b"veilsum/3/proof\n"
DEALING, EQUIVOCATION, REVEAL, TRANSCRIPT = 0x01, 0x02, 0x03, 0x04
UNPROVEN = 510


@dataclass
class Verdict:
    code: int
    blames: object  # a client id or "server"
    reason: int | None = None  # that 301, 401 and 411 carry


class Void(Exception):
    """Evidence that blames nobody, with the code of the check that failed."""

    def __init__(self, code, reason=None):
        super().__init__(f"void: {code}, reason {reason}")
        self.code, self.reason = code, reason


def verify(desc, raw):
    """The verdict of evidence; `Void` if it has none."""
    try:
        r = Reader(raw)
        require(r.take(len(MAGIC)) == MAGIC, 214)
        sid, kind = r.take(32), r.uint(1)
        require(kind in JUDGES, 214)
        read, judge = JUDGES[kind]
        contents = read(r)
        r.end()
        require(sid == desc.sid, 205)
        return judge(desc, *contents)
    except Fault as fault:
        raise Void(fault.code, fault.reason) from fault


def whole(r):
    """The contents of the kinds that hold one thing."""
    return (r.rest(),)


# --- dealing -----------------------------------------------------------------------------------------

def dealing(desc, raw):
    found = complaint.judge(desc, raw)
    require(found.blames is not None, found.code)
    return Verdict(found.code, found.blames, found.reason)


# --- equivocation ------------------------------------------------------------------------------------

@dataclass
class Statement:
    """What a signature is about, without the contents."""

    kind: int
    client: int
    prev: bytes
    body_hash: bytes
    attachment_hash: bytes
    signature: bytes

    SIZE = 1 + 8 + 32 + 32 + 32 + 64

    @classmethod
    def of(cls, message):
        return cls(message.kind, message.client, message.prev, H("body", message.body), H("attachment", message.attachment),
                   message.signature)

    @classmethod
    def read(cls, r):
        return cls(r.uint(1), r.uint(8), r.take(32), r.take(32), r.take(32), r.take(64))

    def contents(self):
        return u8(self.kind) + u64(self.client) + self.prev + self.body_hash + self.attachment_hash

    def encode(self):
        return self.contents() + self.signature

    def check(self, desc):
        """Type, client and signature."""
        key = dict(desc.roster).get(self.client)
        require(self.kind in core.NAMES, 214)
        require(key is not None, 216)
        signed = core.signed_bytes_of_hashes(desc.sid, self.kind, self.client, self.prev, self.body_hash, self.attachment_hash)
        require(verify_signature(desc.server_key if self.kind in core.FROM_SERVER else key, signed, self.signature), 215)


def two_statements(r):
    return Statement.read(r), Statement.read(r)


def equivocation(desc, a, b):
    require(a.encode() < b.encode(), 212)
    a.check(desc)
    b.check(desc)
    require(contradict(a, b), UNPROVEN)
    return Verdict(412, "server") if a.kind in core.FROM_SERVER else Verdict(303, a.client)


def contradict(a, b):
    """Whether no honest party signs both."""
    if a.kind != b.kind:
        return False
    if a.kind not in core.FROM_SERVER:
        return a.client == b.client and a.contents() != b.contents()
    common = (a.prev, a.body_hash) == (b.prev, b.body_hash)
    return not common or a.client == b.client and a.attachment_hash != b.attachment_hash


# --- reveal ------------------------------------------------------------------------------------------

def hash_and_three(r):
    """h1, the bodies of Delivery and Survivors, and the Reveal."""
    return r.take(32), *(r.take(r.uint(4)) for _ in range(3))


def reveal(desc, h1, delivery, survivors, raw):
    message = core.receive_from_client(desc, raw, core.REVEAL)
    dealt, dealings = core.list_decode(delivery, core.Dealing.form)
    entries, u3 = survivors_of(desc, survivors)
    points = {u: points_of(desc, dealing) for u, dealing in dealings.items()}
    require(message.prev == core.transcript_3(desc, core.transcript_2(h1, dealt), u3, entries), 217)
    require(message.client in u3, 216)
    try:
        judge_reveal(desc, message, points, u3)
    except Fault as fault:
        return Verdict(fault.code, fault.client, fault.reason)
    raise Fault(UNPROVEN)


def points_of(desc, dealing):
    """By kind: as many as the threshold, and all decode."""
    points = {kind: dealing.points(kind) for kind in (KIND_M, KIND_B)}
    require(all(len(row) == desc.threshold and None not in row for row in points.values()), 209)
    return points


def survivors_of(desc, body):
    """Entries, and U3, which has to be that of the bitmap."""
    r = Reader(body)
    bits = r.take(r.uint(4))
    entries, _ = core.entries_read(r, core.masked_input_decode)
    r.end()
    u3 = [e.client for e in entries]
    require(set(u3) <= set(desc.ids) and bits == bitmap([desc.index(u) - 1 for u in u3], desc.n), 207)
    return entries, u3


def judge_reveal(desc, message, points, u3):
    v = message.client
    with attributed(301, v):
        core.no_attachment(message)
        rows = core.reveal_form(message.body)
    require([owner for owner, _, _ in rows] == list(points), 308, v)
    with attributed(301, v):
        rows = core.reveal_scalars(rows)
    for owner, share, blinding in rows:
        fitting = points[owner][KIND_B if owner in u3 else KIND_M]
        require(sharing.share_good(desc.index(v), share, blinding, fitting), 311, v)


# --- transcript --------------------------------------------------------------------------------------

def transcript(desc, raw):
    try:
        report = audit.verify(desc, raw, "present", prefix=True)
    except audit.Finding as found:
        require(found.blames is not None, found.code, reason=found.reason)
        return Verdict(found.code, found.blames, found.reason)
    require(report.consumed == len(raw), 202)
    raise Fault(UNPROVEN)


JUDGES = {DEALING: (whole, dealing), EQUIVOCATION: (two_statements, equivocation), REVEAL: (hash_and_three, reveal),
          TRANSCRIPT: (whole, transcript)}


# --- making it ---------------------------------------------------------------------------------------

def evidence(desc, kind, contents):
    return MAGIC + desc.sid + u8(kind) + contents


def of_dealing(desc, message):
    return evidence(desc, DEALING, message.encode())


def of_equivocation(desc, first, second):
    """Of two messages of one signer."""
    return evidence(desc, EQUIVOCATION, b"".join(sorted(Statement.of(m).encode() for m in (first, second))))


def of_reveal(desc, h1, delivery, survivors, message):
    """delivery, survivors: bodies."""
    return evidence(desc, REVEAL, h1 + ls(delivery) + ls(survivors) + ls(message.encode()))


def of_transcript(desc, raw):
    return evidence(desc, TRANSCRIPT, raw)
