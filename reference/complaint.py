"""The judge of complaints (docs/protocol.md section 14): a function of the descriptor and one message."""

from dataclasses import dataclass

import core
import sharing
import xwing
from sharing import KIND_B, KIND_M
from suite import Fault, Reader

MALFORMED, BAD_DEALING, FALSE_COMPLAINT = 301, 309, 310


@dataclass
class Verdict:
    row: int  # of the table in section 14; 1 also for 1b
    blames: int | None  # a client id; None: nobody
    code: int  # of section 16
    reason: int | None = None  # that 301 carries
    entry: core.Entry | None = None  # the entry that is in the complaint, once it has decoded


def decode(body, complainer):
    """(dealer, envelope key, Shares entry, its dealing, package)."""
    r = Reader(body)
    dealer, key = r.uint(8), r.take(32)
    inner = Reader(r.take(r.uint(4)))
    entry, dealing = core.Entry.read(inner, core.Dealing.form)
    inner.end()
    package = core.Package.read(r, holder=complainer)
    r.end()
    return dealer, key, entry, dealing, package


def judge(desc, raw):
    try:
        message = core.receive_from_client(desc, raw, core.COMPLAINT)
    except Fault as fault:
        return Verdict(1, None, fault.code)
    complainer = message.client
    try:
        core.no_attachment(message)
        dealer, key, entry, dealing, package = decode(message.body, complainer)
    except Fault as fault:
        return Verdict(1, complainer, MALFORMED, fault.code)  # row 1b
    if not dealer_named(desc, message, dealer, entry, package):
        return Verdict(2, complainer, FALSE_COMPLAINT)
    try:
        dealing.check(desc.threshold)
    except Fault as fault:
        malformed = fault.code != 305
        return Verdict(3, dealer, MALFORMED if malformed else 305, fault.code if malformed else None, entry)
    if not opened(desc, complainer, dealing, package, key):
        return Verdict(4, complainer, FALSE_COMPLAINT)
    if not contents_good(desc, message, dealing, package, key):
        return Verdict(5, dealer, BAD_DEALING, None, entry)
    return Verdict(6, complainer, FALSE_COMPLAINT)


def dealer_named(desc, message, dealer, entry, package):
    return (dealer != message.client and dealer in desc.ids and entry.client == dealer == package.peer
            and entry.verify(desc, core.SHARES) and entry.prev == message.prev)


def opened(desc, complainer, dealing, package, key):
    u = package.peer
    return (dict(dealing.digests).get(complainer) == package.digest(u, complainer)
            and xwing.ciphertext_acceptable(package.channel_ct)
            and sharing.key_commitment(desc.sid, key, u, complainer) == package.kc)


def contents_good(desc, message, dealing, package, key):
    u, v = package.peer, message.client
    scalars = sharing.open_sealed(desc.sid, message.prev, u, v, key, package)
    if scalars is None:
        return False
    index = desc.index(v)
    return (sharing.share_good(index, scalars[0], scalars[1], dealing.points(KIND_M))
            and sharing.share_good(index, scalars[2], scalars[3], dealing.points(KIND_B)))
