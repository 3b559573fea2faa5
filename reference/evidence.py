"""Evidence: its four kinds, made and judged (docs/protocol.md section 21)."""

from dataclasses import dataclass

import audit
import complaint
import core
import sharing
from recorder import ls
from sharing import KIND_B, KIND_M
from suite import Fault, H, Reader, attributed, bitmap_positions, require, u8, u64, verify as verify_signature

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
        require(r.take(32) == desc.sid, 205)
        kind = r.uint(1)
        judges = {DEALING: dealing, EQUIVOCATION: equivocation, REVEAL: reveal, TRANSCRIPT: transcript}
        require(kind in judges, 214)
        return judges[kind](desc, r.rest())
    except Fault as fault:
        raise Void(fault.code, fault.reason) from fault


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
        """Type, client and signature, in the order of section 6."""
        key = dict(desc.roster).get(self.client)
        require(self.kind in core.NAMES, 206)
        require(key is not None, 216)
        signed = core.signed_bytes_of_hashes(desc.sid, self.kind, self.client, self.prev, self.body_hash, self.attachment_hash)
        require(verify_signature(desc.server_key if self.kind in core.FROM_SERVER else key, signed, self.signature), 215)


def equivocation(desc, raw):
    r = Reader(raw)
    a, b = Statement.read(r), Statement.read(r)
    r.end()
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

def reveal(desc, raw):
    r = Reader(raw)
    h1, delivery, survivors, message = r.take(32), r.take(r.uint(4)), r.take(r.uint(4)), r.take(r.uint(4))
    r.end()
    dealt, dealings = core.list_decode(delivery, decoded_dealing)
    h3, u3 = survivors_of(desc, core.transcript_2(h1, dealt), survivors)
    message = core.receive_from_client(desc, message, core.REVEAL)
    require(message.client in u3, 216)
    require(message.prev == h3, 217)
    try:
        judge_reveal(desc, message, dealings, u3)
    except Fault as fault:
        return Verdict(fault.code, fault.client, fault.reason)
    raise Fault(UNPROVEN)


def decoded_dealing(body):
    """The points of a dealing by kind, however many there are."""
    form = core.Dealing.form(body)
    points = {kind: form.points(kind) for kind in (KIND_M, KIND_B)}
    require(None not in points[KIND_M] + points[KIND_B], 209)
    return points


def survivors_of(desc, h2, body):
    """(h3, U3); whether the entries are those of the bitmap is left to whoever signs over h3."""
    r = Reader(body)
    bits = r.take(r.count(1))
    u3 = [desc.ids[k] for k in bitmap_positions(bits, desc.n)]
    entries = core.entries_read(r)
    r.end()
    for e in entries:
        core.masked_input_decode(e.body)
    return core.transcript_3(desc, h2, u3, entries), u3


def judge_reveal(desc, message, dealings, u3):
    v = message.client
    with attributed(301, v):
        core.no_attachment(message)
        rows = core.reveal_form(message.body)
    require([owner for owner, _, _ in rows] == list(dealings), 308, v)
    with attributed(301, v):
        rows = core.reveal_scalars(rows)
    for owner, share, blinding in rows:
        points = dealings[owner][KIND_B if owner in u3 else KIND_M]
        require(sharing.share_good(desc.index(v), share, blinding, points), 311, v)


# --- transcript --------------------------------------------------------------------------------------

def transcript(desc, raw):
    try:
        report = audit.verify(desc, raw, "present", prefix=True)
    except audit.Finding as found:
        require(found.blames is not None, found.code, reason=found.reason)
        return Verdict(found.code, found.blames, found.reason)
    require(report.consumed == len(raw), 202)
    raise Fault(UNPROVEN)


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
