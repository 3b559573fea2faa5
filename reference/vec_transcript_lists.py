"""Vectors of transcripts whose server has signed what no honest server signs: bodies, lists of entries, and what they say."""

from dataclasses import replace

import core
import ristretto
from suite import u32
from vec_common import rnd
from vec_forged import LISTS, Forged
from vec_refused_bodies import NEGATIVE, long_count, low_order_key
from vec_transcript_form import flipped
from vec_transcript_runs import every_round, one_gone
from xwing import PUBLIC


def build(acc):
    for part in (bodies, survivors_bodies, signatures, transcripts, unknown, too_few, keys, dealings, contents):
        part(acc)


def server(acc, name, forged, tag, code, reason=None, behind="nothing"):
    acc.forged(name, forged, tag, code, "server", reason, behind)


def bodies(acc):
    """401: a body that does not decode."""
    run = one_gone()
    for tag, name, reason, change in (
            (core.ADVERTS, "is cut", 201, lambda x: x[:-1]), (core.ADVERTS, "has a byte behind the entries", 202, lambda x: x + b"\x00"),
            (core.ADVERTS, "has entries out of order", 212, lambda x: swapped_entries(x)),
            (core.DELIVERY, "counts more entries than bytes", 207, long_count),
            (core.DELIVERY, "is empty", 201, lambda x: b""),
            (core.AGREEMENT, "has a byte behind the entries", 202, lambda x: x + b"\x00"),
            (core.AGREEMENT, "has an entry twice", 212, lambda x: u32(4) + x[4:144] + x[4:]),
            (core.ANNOUNCEMENT, "is cut", 201, lambda x: x[:-1]), (core.ANNOUNCEMENT, "has a byte behind the root", 202, lambda x: x + b"\x00")):
        behind = "all" if tag in (core.DELIVERY, core.ANNOUNCEMENT) else "nothing"
        server(acc, f"the body of {core.NAMES[tag]} {name}", Forged(run).body(tag, change), tag, 401, reason, behind)
    forged = Forged(run)
    dealing = forged.messages[core.SHARES][3].body
    server(acc, "a dealing has a byte behind its holders", forged.message(core.SHARES, 3, body=dealing + b"\x00"), core.DELIVERY, 401, 202)
    server(acc, "a Consistency with a body", Forged(run).message(core.CONSISTENCY, 3, body=b"\x00"), core.AGREEMENT, 401, 202, "the end")


def swapped_entries(body):
    """Adverts have entries of one length."""
    size = 140 + 2 * PUBLIC
    return body[:4] + body[4 + size:4 + 2 * size] + body[4:4 + size] + body[4 + 2 * size:]


def survivors_bodies(acc):
    """A bitmap of one byte: 0b1101."""
    run = one_gone()
    for name, reason, change in (
            ("has a bit behind the roster", 213, lambda x: x[:4] + bytes([x[4] | 0x80]) + x[5:]),
            ("has another length", 207, lambda x: u32(2) + x[4:5] + b"\x00" + x[5:]),
            ("lists a client without an entry", 207, lambda x: x[:4] + bytes([x[4] | 0x02]) + x[5:]),
            ("lacks a client with an entry", 207, lambda x: x[:4] + bytes([x[4] & 0xFE]) + x[5:])):
        server(acc, f"the bitmap {name}", Forged(run).body(core.SURVIVORS, change), core.SURVIVORS, 401, reason,
               "all" if reason == 213 else "nothing")


def signatures(acc):
    """403."""
    run = one_gone()
    for tag, kind in LISTS.items():
        forged = Forged(run)
        prev = {core.ADVERTS: run.server.sid, core.DELIVERY: run.server.h1, core.SURVIVORS: run.server.h2, core.AGREEMENT: run.server.h3}[tag]
        good = replace(forged.messages[kind][3], prev=prev).sign(run.seed(3))
        forged.keep(replace(good, signature=flipped(good.signature)))
        server(acc, f"an entry of {core.NAMES[tag]} with another signature", forged, tag, 403, behind="all" if tag == core.SURVIVORS else "nothing")
    forged = Forged(run)
    forged.keep(replace(forged.messages[core.SHARES][3]).sign(run.seed(7)))
    server(acc, "a dealing that another client has signed", forged, core.DELIVERY, 403, behind="the end")


def transcripts(acc):
    """404: entries that their clients have signed over another hash, as in a split view."""
    run, hashes = one_gone(), {core.ADVERTS: bytes(32), core.DELIVERY: rnd("audit/h1", 32), core.SURVIVORS: rnd("audit/h2", 32),
                               core.AGREEMENT: rnd("audit/h3", 32)}
    for tag, kind in LISTS.items():
        forged = Forged(run)
        forged.keep(replace(forged.messages[kind][3], prev=hashes[tag]).sign(run.seed(3)))
        server(acc, f"an entry of {core.NAMES[tag]} over another transcript hash", forged, tag, 404, behind="all" if tag == core.DELIVERY else "nothing")


def unknown(acc):
    """405: an entry of a client that can not be in the list."""
    run = one_gone()
    forged = Forged(run)
    forged.keep(replace(forged.messages[core.ADVERT][3], client=4))
    server(acc, "an Advert of a client outside the roster", forged, core.ADVERTS, 405)
    run = every_round()
    for tag, kind, u, behind in ((core.DELIVERY, core.SHARES, 1, "nothing"), (core.SURVIVORS, core.MASKED_INPUT, 5, "nothing"),
                                 (core.SURVIVORS, core.MASKED_INPUT, 1, "the end")):
        forged = Forged(run)
        forged.messages[kind][u] = replace(forged.messages[kind][2], client=u)
        forged.uploads[u] = forged.uploads[2]
        server(acc, f"{core.NAMES[tag]} with a client that was gone before, {u}", forged, tag, 405, behind=behind)
    forged = Forged(one_gone())
    forged.messages[core.CONSISTENCY][7] = replace(forged.messages[core.CONSISTENCY][3], client=7)
    server(acc, "an Agreement with a drop-out", forged, core.AGREEMENT, 405, behind="all")


def too_few(acc):
    """407."""
    run = one_gone()
    for tag, kind in LISTS.items():
        least = Forged(run).drop(kind, *([3, 7] if len(Forged(run).messages[kind]) == 4 else [3]))
        server(acc, f"{core.NAMES[tag]} of fewer than the threshold", least, tag, 407, behind="nothing" if tag != core.AGREEMENT else "all")


def keys(acc):
    """408 and 411 of Adverts."""
    run = one_gone()
    mine, other = (Forged(run).messages[core.ADVERT][u].body for u in (3, 7))
    for name, body in (("of another client", mine[:PUBLIC] + other[PUBLIC:]), ("of another client, as the other key", mine[:PUBLIC] + other[:PUBLIC]),
                       ("twice", mine[:PUBLIC] * 2)):
        server(acc, f"an Advert has a key {name}", Forged(run).message(core.ADVERT, 3, body=body), core.ADVERTS, 408)
    low = low_order_key(mine[:PUBLIC], bytes(32)) + mine[PUBLIC:]
    server(acc, "an Advert has a key that is refused", Forged(run).message(core.ADVERT, 3, body=low), core.ADVERTS, 411, 301, "the end")


def dealings(acc):
    """411 of the Delivery."""
    run = one_gone()
    body = Forged(run).messages[core.SHARES][3].body
    dealing = core.Dealing.form(body)
    for name, reason, changed in (
            ("a holder is missing", 304, replace(dealing, digests=dealing.digests[1:]).encode()),
            ("the dealer is a holder", 304, replace(dealing, digests=[(3, bytes(32)), *dealing.digests]).encode()),
            ("a commitment is missing", 305, replace(dealing, m=dealing.m[1:], b=dealing.b[1:]).encode()),
            ("there is a commitment too many", 305, replace(dealing, m=[ristretto.encode(ristretto.BASE), *dealing.m], b=[bytes(32), *dealing.b]).encode()),
            ("a commitment is no point", 301, body[:4] + NEGATIVE + body[36:])):
        server(acc, f"a dealing in which {name}", Forged(run).message(core.SHARES, 3, body=changed), core.DELIVERY, 411, reason,
               "the end" if reason == 305 else "nothing")


def contents(acc):
    """411 of Survivors, and of an entry with an attachment that its type has not."""
    run = one_gone()
    root = Forged(run).messages[core.MASKED_INPUT][3].body[:32]
    for name, dimensions in (("length", (131, 64)), ("chunk length", (130, 128))):
        forged = Forged(run).message(core.MASKED_INPUT, 3, body=core.masked_input_encode(root, *dimensions))
        server(acc, f"a MaskedInput of another {name}", forged, core.SURVIVORS, 411, 307, "all" if name == "length" else "nothing")
    for tag, kind in LISTS.items():
        if kind != core.SHARES:
            forged = Forged(run).message(kind, 3, attachment=b"\x00")
            server(acc, f"an entry of {core.NAMES[tag]} with an attachment", forged, tag, 411, 301)
