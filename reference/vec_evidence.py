"""Vectors of evidence (docs/protocol.md section 21): what convicts, and what is void."""

from dataclasses import replace

import core
import evidence
import ristretto
import suite
import vec_transcript_runs as runs
from evidence import DEALING, EQUIVOCATION, REVEAL, Statement
from recorder import MAGIC, ls
from suite import u8, u32
from vec_common import SERVER, rnd
from vec_forged import Forged, joined
from vec_parts import forge, secret_scalar
from vec_refused_bodies import NEGATIVE, long_count
from vec_states import complaint_about
from vec_transcript_form import flipped
from vec_transcript_sums import add_to_share, lying, sealed_badly


class Evidence:
    """Files by session, each held against what the judge says."""

    def __init__(self, acc):
        self.acc, self.rows = acc, []

    def case(self, run, name, raw, code, blames=None, reason=None):
        try:
            verdict = evidence.verify(run.desc, raw)
            got = (verdict.code, verdict.blames, verdict.reason)
        except evidence.Void as void:
            got = (void.code, None, void.reason)
        assert got == (code, blames, reason), (name, got, (code, blames, reason))
        self.rows.append({"session": run.name, "name": name, "file": self.acc.pieces(run, raw), "code": code, "blames": blames, "reason": reason})


def build(acc):
    ev = Evidence(acc)
    for part in (heads, bad_dealings, false_complaints, void_dealings, equivocations, contradict_nothing, void_statements, bad_reveals,
                 void_reveals, transcripts):
        part(ev)
    return ev.rows


def heads(ev):
    run = runs.badly_dealt()
    good = evidence.of_dealing(run.desc, run.complaints[3])
    for name, raw, code in (
            ("no bytes", b"", 201), ("the magic alone", good[:16], 201), ("no kind", good[:48], 201), ("another magic", flipped(good, 14), 214),
            ("magic of a transcript", MAGIC + good[16:], 214), ("another session", flipped(good, 16), 205),
            ("another session, and nothing else", good[:16] + bytes(32) + u8(EQUIVOCATION), 201), ("another session, and kind 5", flipped(good[:48], 16) + u8(5), 214),
            ("kind 0", good[:48] + u8(0) + good[49:], 214), ("kind 5", good[:48] + u8(5) + good[49:], 214)):
        ev.case(run, f"head: {name}", raw, code)


# --- dealing -------------------------------------------------------------------------------------------------

def dealt_again(body):
    """Client 7's complaint about a dealing of client 3 with another body."""
    run = runs.one_gone()
    shares = replace(run.message(core.SHARES, 3), body=body).sign(run.seed(3))
    return complaint_about(run, 7, 3, shares.entry())


def bad_dealings(ev):
    run = runs.badly_dealt()
    ev.case(run, "dealing: a bad share", evidence.of_dealing(run.desc, run.complaints[3]), 309, 2)
    run = runs.one_gone()
    ev.case(run, "dealing: an envelope that does not open", evidence.of_dealing(run.desc, sealed_badly().messages[core.COMPLAINT][7]), 309, 3)
    body = run.message(core.SHARES, 3).body
    dealing = core.Dealing.form(body)
    fewer = replace(dealing, m=dealing.m[1:], b=dealing.b[1:]).encode()
    ev.case(run, "dealing: a commitment is missing", evidence.of_dealing(run.desc, dealt_again(fewer)), 305, 3)
    ev.case(run, "dealing: a commitment is no point", evidence.of_dealing(run.desc, dealt_again(body[:4] + NEGATIVE + body[36:])), 301, 3, 209)


def signed(run, message, **changes):
    out = replace(message, **changes)
    return out.sign(run.seed(SERVER if out.kind in core.FROM_SERVER else out.client))


def false_complaints(ev):
    run = runs.one_gone()
    good = complaint_about(run, 7, 3)
    for name, code, reason, message in (
            ("nothing is wrong", 310, None, good),
            ("another envelope key", 310, None, signed(run, good, body=good.body[:8] + rnd("audit/key", 32) + good.body[40:])),
            ("another transcript hash", 310, None, signed(run, good, prev=run.server.h2)),
            ("an attachment", 301, 202, signed(run, good, attachment=b"\x00")),
            ("a package that ends early", 301, 201, signed(run, good, body=good.body[:-1]))):
        ev.case(run, f"dealing: {name}", evidence.of_dealing(run.desc, message), code, 7, reason)
    other = complaint_about(run, 3, 7)
    ev.case(run, "dealing: nothing is wrong, says a survivor", evidence.of_dealing(run.desc, other), 310, 3)


def void_dealings(ev):
    run = runs.badly_dealt()
    good = run.complaints[3].encode()
    other = runs.one_gone()
    for name, raw, code in (
            ("no message", b"", 201), ("a message that ends early", good[:-1], 201), ("a byte behind the message", good + b"\x00", 202),
            ("another version", u8(2) + good[1:], 203), ("another suite", good[:1] + b"\x02\x00" + good[3:], 204),
            ("a message of another session", good[:3] + other.desc.sid + good[35:], 205),
            ("another signature", flipped(good), 215), ("another dealer named", flipped(good, 84), 215),
            ("a client outside the roster", good[:36] + bytes(8) + good[44:], 216),
            ("another type", signed(run, run.complaints[3], kind=core.REVEAL).encode(), 206)):
        ev.case(run, f"dealing: {name}", evidence.evidence(run.desc, DEALING, raw), code)


# --- equivocation ----------------------------------------------------------------------------------------------

def pair(run, first, second):
    return evidence.of_equivocation(run.desc, first, second)


def equivocations(ev):
    """303 and 412: every type, every field."""
    run = runs.one_gone()
    for kind, changes in ((core.ADVERT, {"prev": bytes(32)}), (core.SHARES, {"body": b""}), (core.SHARES, {"attachment": b""}),
                          (core.MASKED_INPUT, {"body": bytes(44)}), (core.CONSISTENCY, {"prev": rnd("audit/h3", 32)}), (core.REVEAL, {"body": b""})):
        good = run.message(kind, 3)
        ev.case(run, f"equivocation: {core.NAMES[kind]} with another {'/'.join(changes)}", pair(run, good, signed(run, good, **changes)), 303, 3)
    two = complaint_about(run, 7, 3), complaint_about(run, 7, 2**40)
    ev.case(run, "equivocation: two Complaints", pair(run, *two), 303, 7)
    for kind, u, v, changes in (
            (core.ADVERTS, 3, 3, {"prev": bytes(32)}), (core.ADVERTS, 3, 7, {"body": b""}), (core.DELIVERY, 3, 3, {"attachment": b""}),
            (core.DELIVERY, 7, 7, {"body": b""}), (core.SURVIVORS, 3, 7, {"prev": rnd("audit/h2", 32)}), (core.AGREEMENT, 3, 3, {"body": b"\x00"}),
            (core.ANNOUNCEMENT, 3, 3, {"body": bytes(32)}), (core.ANNOUNCEMENT, 3, 2**40, {"body": bytes(32)})):
        changed = signed(run, run.message(kind, v), **changes)
        name = f"equivocation: {core.NAMES[kind]} to {u} and {v} with another {'/'.join(changes)}"
        ev.case(run, name, pair(run, run.message(kind, u), changed), 412, "server")


def contradict_nothing(ev):
    """510: what an honest party may sign."""
    run = runs.one_gone()
    consistency = run.message(core.CONSISTENCY, 3)
    for name, first, second in (
            ("Adverts to two clients", run.message(core.ADVERTS, 3), run.message(core.ADVERTS, 7)),
            ("a Delivery to two clients", run.message(core.DELIVERY, 3), run.message(core.DELIVERY, 7)),
            ("Consistency of two clients over different hashes", consistency, signed(run, run.message(core.CONSISTENCY, 2**40), prev=bytes(32))),
            ("a Consistency and a Reveal", consistency, run.message(core.REVEAL, 3)),
            ("two signatures of one Consistency", consistency, replace(consistency, signature=again(run, 3, consistency))),
            ("two signatures of one Announcement", run.message(core.ANNOUNCEMENT, 3),
             replace(run.message(core.ANNOUNCEMENT, 3), signature=again(run, SERVER, run.message(core.ANNOUNCEMENT, 3))))):
        ev.case(run, f"equivocation: {name}", pair(run, first, second), 510)


def again(run, who, message):
    """Another signature of the same bytes: with another nonce than that of RFC 8032."""
    seed, r = run.seed(who), ristretto.scalar_reduce(rnd("audit/nonce", 64))
    out = forge(ristretto.mul(r, ristretto.BASE), r, secret_scalar(seed), suite.identity_key(seed), message.signed())
    assert out != message.signature and suite.verify(suite.identity_key(seed), message.signed(), out)
    return out


def void_statements(ev):
    run, other = runs.one_gone(), runs.enough()
    first = run.message(core.CONSISTENCY, 3)
    second = signed(run, first, prev=bytes(32))
    good = pair(run, first, second)
    a, b = sorted((Statement.of(first).encode(), Statement.of(second).encode()))
    case = lambda name, code, contents: ev.case(run, f"equivocation: {name}", evidence.evidence(run.desc, EQUIVOCATION, contents), code)  # noqa: E731
    case("the order reversed", 212, b + a)
    case("one statement twice", 212, a + a)
    case("one statement", 201, a)
    case("a byte is missing", 201, (a + b)[:-1])
    case("a byte behind the statements", 202, a + b + b"\x00")
    case("the first signature altered", 215, flipped(a) + b)
    case("the second signature altered", 215, a + flipped(b))
    case("another transcript hash", 215, a + flipped(b, 20))
    foreign = Statement.of(other.message(core.SURVIVORS, 3))
    case("a statement of another session", 215, b"".join(sorted((Statement.of(run.message(core.SURVIVORS, 3)).encode(), foreign.encode()))))
    case("a type of no table", 214, b"".join(sorted(Statement.of(signed(run, m, kind=5)).encode() for m in (first, second))))
    stranger = [replace(m, client=4).sign(run.seed(SERVER)) for m in (run.message(core.AGREEMENT, 3), signed(run, run.message(core.AGREEMENT, 3), body=b""))]
    case("letters to a client outside the roster", 216, b"".join(sorted(Statement.of(m).encode() for m in stranger)))
    of_server = [replace(m).sign(run.seed(SERVER)) for m in (first, second)]
    case("statements of a client that the server has signed", 215, b"".join(sorted(Statement.of(m).encode() for m in of_server)))
    assert good == evidence.evidence(run.desc, EQUIVOCATION, a + b)


# --- reveal ------------------------------------------------------------------------------------------------------

def of_reveal(forged, u=3, delivery=None, survivors=None, h1=None, message=None):
    """Evidence about the Reveal of a client in a session that may be forged."""
    forged.file()
    signed_again = {m.client: m for m in forged.signed(core.REVEAL, forged.h3)}
    contents = [ls(x) for x in (delivery or forged.sent[core.DELIVERY], survivors or forged.sent[core.SURVIVORS],
                                message or signed_again[u].encode())]
    return evidence.evidence(forged.desc, REVEAL, (h1 or forged.h1) + b"".join(contents))


def bad_reveals(ev):
    run = runs.one_gone()
    body = Forged(run).messages[core.REVEAL][3].body
    rows = core.reveal_decode(body)
    for name, place in (("b of the revealer itself", 0), ("m of a drop-out", 1), ("b of another survivor", 3)):
        ev.case(run, f"reveal: a bad share of {name}", of_reveal(lying(run, [3], place)), 311, 3)
    ev.case(run, "reveal: a bad blinding share", of_reveal(add_to_share(Forged(run), 2**40, 2, 0, blinding=1), 2**40), 311, 2**40)
    scalar = (int.from_bytes(body[12:44], "little") + ristretto.L).to_bytes(32, "little")
    for name, code, reason, changes in (
            ("an owner is missing", 308, None, {"body": core.reveal_encode(rows[1:])}),
            ("an owner too many", 308, None, {"body": core.reveal_encode([(1, 1, 1), *rows])}),
            ("a scalar that is not reduced", 301, 208, {"body": body[:12] + scalar + body[44:]}),
            ("more shares than bytes", 301, 207, {"body": long_count(body)}), ("an attachment", 301, 202, {"attachment": b"\x00"})):
        ev.case(run, f"reveal: {name}", of_reveal(Forged(run).message(core.REVEAL, 3, **changes)), code, 3, reason)


def void_reveals(ev):
    run = runs.one_gone()
    case = lambda name, code, raw: ev.case(run, f"reveal: {name}", raw, code)  # noqa: E731
    case("honest", 510, of_reveal(Forged(run)))
    good = of_reveal(lying(run, [3]))
    case("a byte is missing", 201, good[:-1])
    case("a byte behind the message", 202, good + b"\x00")
    case("another h1", 217, of_reveal(lying(run, [3]), h1=bytes(32)))
    bad = lying(run, [3])
    message = replace(bad.messages[core.REVEAL][3], prev=run.server.h3).sign(run.seed(3))
    case("a Reveal over another h3", 217, of_reveal(bad, message=signed(run, message, prev=run.server.h2).encode()))
    case("another signature", 215, of_reveal(bad, message=flipped(message.encode())))
    case("a message of another session", 205, of_reveal(bad, message=flipped(message.encode(), 3)))
    case("a message cut", 201, of_reveal(bad, message=message.encode()[:-1]))
    case("a byte behind the message, within its length", 202, of_reveal(bad, message=message.encode() + b"\x00"))
    case("a Consistency", 206, of_reveal(bad, message=run.message(core.CONSISTENCY, 3).encode()))
    outside = replace(message, client=7).sign(run.seed(7))
    case("a revealer that is no survivor", 216, of_reveal(bad, message=outside.encode()))
    case("a revealer that is no survivor, over another h3", 217, of_reveal(bad, message=signed(run, outside, prev=run.server.h2).encode()))
    void_lists(case, run)
    case("another signature, and Survivors cut", 215, of_reveal(bad, survivors=bad.sent[core.SURVIVORS][:-1], message=flipped(message.encode())))


def void_lists(case, run):
    """Bodies that do not decode: the Reveal may be over them all the same."""
    entry = Forged(run).messages[core.SHARES][3]
    dealing = core.Dealing.form(entry.body)
    for name, other in (("fewer", replace(dealing, m=dealing.m[1:], b=dealing.b[1:])), ("more", replace(dealing, m=dealing.m * 2, b=dealing.b * 2))):
        case(f"over a dealing of {name} commitments", 209, of_reveal(lying(run, [3]).message(core.SHARES, 3, body=other.encode())))
    for name, code, body in (("a dealing with a byte behind it", 202, entry.body + b"\x00"), ("a dealing of no points", 209, entry.body[:4] + NEGATIVE + entry.body[36:]),
                             ("an empty dealing", 201, b"")):
        case(name, code, of_reveal(lying(run, [3]).message(core.SHARES, 3, body=body)))
    forged = lying(run, [3])
    forged.file()
    delivery, survivors = forged.sent[core.DELIVERY], forged.sent[core.SURVIVORS]
    for name, code, parts in (
            ("more entries than bytes", 207, {"delivery": long_count(delivery)}), ("a byte behind the Delivery's entries", 202, {"delivery": delivery + b"\x00"}),
            ("a bitmap with a bit behind the roster", 207, {"survivors": survivors[:4] + bytes([survivors[4] | 0x80]) + survivors[5:]}),
            ("a bitmap of two bytes", 207, {"survivors": u32(2) + survivors[4:5] + b"\x00" + survivors[5:]}),
            ("Survivors cut", 201, {"survivors": survivors[:-1]}), ("other survivors", 207, {"survivors": survivors[:4] + bytes([survivors[4] ^ 2]) + survivors[5:]})):
        case(name, code, of_reveal(lying(run, [3]), **parts))
    inputs = core.masked_input_encode(bytes(32), 130, 64) + b"\x00"
    case("a MaskedInput with a byte behind it", 202, of_reveal(lying(run, [3]).message(core.MASKED_INPUT, 3, body=inputs)))


# --- transcript ----------------------------------------------------------------------------------------------------

def transcripts(ev):
    """One of the vectors of transcripts for each error and the code that it carries, and what is behind the convicting part."""
    seen, by_name = set(), {run.name: run for run in runs.runs()}
    for row in ev.acc.rows:
        key = row["code"], row["reason"]
        if row["check"] == "present" and row["code"] is not None and key not in seen:
            seen.add(key)
            run = by_name[row["session"]]
            transcript(ev, run, row["name"], raw_of(ev, row), *(row[k] for k in ("code", "blames", "reason")))
    run = runs.one_gone()
    transcript(ev, run, "honest", ev.acc.bases[run.name], 510)
    transcript(ev, run, "honest, and no chunks", runs.base(run).up_to(core.ANNOUNCEMENT, end=True), 510)
    dealt = runs.badly_dealt()
    convicting = runs.base(dealt).up_to(core.COMPLAINT)
    transcript(ev, dealt, "a bad dealing, and bytes of no form behind it", convicting + b"\xff\xff\xff", 309, 2)
    wrong = next(row for row in ev.acc.rows if row["code"] == 414)
    transcript(ev, by_name[wrong["session"]], "another sum, and bytes of no form behind it", raw_of(ev, wrong)[:-1] + b"\x77", 414, "server")


def raw_of(ev, row):
    return joined(ev.acc.bases[row["session"]], row["file"])


def transcript(ev, run, name, raw, code, blames=None, reason=None):
    ev.case(run, f"transcript: {name}", evidence.of_transcript(run.desc, raw), code, blames, reason)
