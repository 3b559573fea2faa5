"""Vectors of transcripts that are not what an honest server records, by whoever's fault: head, tags, counts, letters, messages of clients."""

from dataclasses import replace

import core
import evidence
import recorder
from recorder import ALL_CHUNKS, ORDER, PACKAGES
from suite import u8, u32, u64
from vec_common import SERVER
from vec_forged import Forged
from vec_states import complaint_about
from vec_transcript_runs import base, enough, every_round, one_gone, opened_file, other_key


def build(acc):
    for part in (heads, cuts, tags, counts, order, letters, received):
        part(acc)


def flipped(raw, at=-1):
    at %= len(raw)
    return raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1:]


def with_complaint(u=7):
    """A session with a false complaint on the record."""
    forged = Forged(one_gone())
    forged.messages[core.COMPLAINT][u] = complaint_about(one_gone(), u, 3 if u != 3 else 7)
    return forged


def heads(acc):
    run, other = one_gone(), other_key()
    whole, start = acc.bases[run.name], len(recorder.MAGIC)
    rest = whole[len(recorder.head(run.desc.encode())):]
    acc.case(run, "another magic", flipped(whole, 14), 214)
    acc.case(run, "magic of evidence", evidence.MAGIC + whole[start:], 214)
    acc.case(run, "another format", whole[:start] + u8(2) + whole[start + 1:], 214)
    acc.case(run, "another descriptor", recorder.head(other.desc.encode()) + rest, 205)
    acc.case(run, "a descriptor of another round", recorder.head(replace(run.desc, round=2).encode()) + rest, 205)
    acc.case(run, "no descriptor", recorder.head(b"") + rest, 205)
    acc.case(run, "a byte behind the descriptor", recorder.head(run.desc.encode() + b"\x00") + rest, 205)


def cuts(acc):
    """201: in the head, behind every part, within some."""
    run, file = one_gone(), with_complaint().file()
    whole = file.encode()
    for name, raw in (("an empty file", b""), ("cut within the descriptor", whole[:40]),
                      ("cut behind the head", recorder.head(run.desc.encode()))):
        acc.case(run, name, raw, 201)
    for tag in (tag for tag in ORDER if tag in file.parts):
        acc.case(run, f"cut behind the part {tag:#04x}", file.up_to(tag), 201)
    acc.case(run, "cut within the last chunk", whole[:-40], 201, check="full")
    body = u32(len(whole))
    acc.case(run, "a body longer than the file", file.up_to(core.ADVERTS) + u8(core.DELIVERY) + body + file.parts[core.DELIVERY][4:], 201)


def tags(acc):
    """206: a part that may not stand there, and 202: bytes behind the end."""
    run, file = one_gone(), base(one_gone())
    part = lambda tag: u8(tag) + file.parts[tag]  # noqa: E731
    a, d, s, g, r, p, n, c = (part(t) for t in (core.ADVERTS, core.DELIVERY, core.SURVIVORS, core.AGREEMENT, core.REVEAL, PACKAGES,
                                               core.ANNOUNCEMENT, ALL_CHUNKS))
    start, end = recorder.head(run.desc.encode()), u8(recorder.END)
    complaints, opened = u8(core.COMPLAINT) + with_complaint().file().parts[core.COMPLAINT], u8(recorder.OPENED_CHUNKS)
    for name, parts in (
            ("a tag of no part", (u8(5),)), ("no Adverts", (d, s)), ("Adverts twice", (a, a)), ("no Delivery", (a, s)),
            ("complaints before the Delivery", (a, complaints)), ("complaints behind Survivors", (a, d, s, complaints)),
            ("no Agreement", (a, d, s, r)), ("no packages", (a, d, s, g, r, end)), ("packages, and no reveals", (a, d, s, g, p)),
            ("an Announcement without reveals", (a, d, s, g, n, end)), ("no Announcement", (a, d, s, g, r, p, c, end)),
            ("all chunks, and opened ones", (a, d, s, g, r, p, n, c, opened))):
        acc.case(run, name, start + b"".join(parts), 206)
    acc.case(run, "a byte behind the end", file.encode() + b"\x00", 202)
    acc.case(run, "an end behind the end", file.encode() + end, 202, check="full")
    acc.case(run, "an end behind Adverts, and the rest", start + a + end + d + s + g + r + p + n + c + end, 202)


def counts(acc):
    run = one_gone()
    spare = every_round()

    def case(name, forged, tag, behind="nothing"):
        acc.forged(name, forged, tag, 207, behind=behind)

    case("no letters", Forged(run).letter(core.ADVERTS, lambda x: []), core.ADVERTS)
    case("more letters than clients", Forged(run).letter(core.ADVERTS, lambda x: x + x[:1]), core.ADVERTS)
    for tag in (core.ADVERTS, core.DELIVERY, core.SURVIVORS, core.AGREEMENT):
        behind = "all" if tag == core.DELIVERY else "nothing"
        case(f"a letter of {core.NAMES[tag]} is missing", Forged(run).letter(tag, lambda x: x[1:]), tag, behind)
    forged = Forged(spare)
    case("a letter of Survivors to a client outside U2", forged.letter(core.SURVIVORS, lambda x: sorted([*x, forged.sign(5)], key=by_recipient)),
         core.SURVIVORS)
    other = Forged(run)
    case("a letter of the Announcement to a drop-out", other.letter(core.ANNOUNCEMENT, lambda x: sorted([*x, other.sign(7)], key=by_recipient)),
         core.ANNOUNCEMENT, "all")
    case("no reveals in their part", Forged(run).raw(core.REVEAL, lambda x: []), core.REVEAL, "the end")
    case("no complaints in their part", with_complaint().raw(core.COMPLAINT, lambda x: []), core.COMPLAINT, "all")
    case("a package is missing", Forged(run).part(PACKAGES, lambda raw: u32(2) + raw[4:-2432 - 8]), PACKAGES)
    case("a package of a pair that is not opened", Forged(run).part(PACKAGES, lambda raw: u32(4) + raw[4:] + raw[-2440:]), PACKAGES)
    case("packages of opened pairs in another order", Forged(run).part(PACKAGES, lambda raw: raw[:4] + raw[-2440:] + raw[4:-2440]), PACKAGES)
    acc.case(run, "no opened chunk in their part", opened_file(run, []), 207)


def by_recipient(letter):
    return letter.recipient


def order(acc):
    run = one_gone()
    swap = lambda x: [x[1], x[0], *x[2:]]  # noqa: E731
    for name, forged, tag, behind in (
            ("letters out of order", Forged(run).letter(core.ADVERTS, swap), core.ADVERTS, "nothing"),
            ("a letter twice", Forged(run).letter(core.SURVIVORS, lambda x: [x[0], x[0], *x[2:]]), core.SURVIVORS, "nothing"),
            ("letters of the Announcement out of order", Forged(run).letter(core.ANNOUNCEMENT, swap), core.ANNOUNCEMENT, "all"),
            ("reveals out of order", Forged(run).raw(core.REVEAL, swap), core.REVEAL, "nothing"),
            ("a reveal twice", Forged(run).raw(core.REVEAL, lambda x: [x[0], *x]), core.REVEAL, "all"),
            ("a complaint twice", with_complaint().raw(core.COMPLAINT, lambda x: x + x), core.COMPLAINT, "nothing")):
        acc.forged(name, forged, tag, 212, behind=behind)
    acc.case(run, "opened chunks out of order", opened_file(run, [2, 0]), 212)
    acc.case(run, "an opened chunk twice", opened_file(run, [1, 1]), 212)


def letters(acc):
    """215 and 216 of what the server has sent."""
    run = one_gone()
    first = lambda change: lambda x: [change(x[0]), *x[1:]]  # noqa: E731
    bad = first(lambda x: replace(x, signature=flipped(x.signature)))
    for tag, behind in ((core.ADVERTS, "nothing"), (core.DELIVERY, "all"), (core.SURVIVORS, "nothing"), (core.AGREEMENT, "nothing"),
                        (core.ANNOUNCEMENT, "all")):
        acc.forged(f"a letter of {core.NAMES[tag]} with another signature", Forged(run).letter(tag, bad), tag, 215, behind=behind)
    changed = first(lambda x: replace(x, attachment_hash=bytes(32)))
    acc.forged("a letter of the Delivery with another attachment", Forged(run).letter(core.DELIVERY, changed), core.DELIVERY, 215)
    exchanged = lambda x: [replace(x[0], signature=x[1].signature), replace(x[1], signature=x[0].signature), *x[2:]]  # noqa: E731
    acc.forged("two letters with each other's signatures", Forged(run).letter(core.AGREEMENT, exchanged), core.AGREEMENT, 215)
    signed = lambda prev, body: lambda x: [replace(y, signature=core.Message(  # noqa: E731
        run.desc.sid, core.ANNOUNCEMENT, y.recipient, prev, body).sign(run.seed(SERVER)).signature) for y in x]
    h2, h3, root = run.server.h2, run.server.h3, run.server.sum_root
    for name, prev, body in (("another transcript hash", h2, root), ("another sum", h3, bytes(32))):
        acc.forged(f"letters of the Announcement for {name}", Forged(run).letter(core.ANNOUNCEMENT, signed(prev, body)), core.ANNOUNCEMENT, 215)
    stranger = Forged(run)
    acc.forged("a letter to a client outside the roster", stranger.letter(core.ADVERTS, lambda x: [*x[:3], stranger.sign(2**64 - 2)]), core.ADVERTS, 216)


def received(acc):
    """What is wrong with a complaint or a reveal before anybody is blamed for it."""
    run = one_gone()
    complained, dropped = with_complaint(), Forged(run)
    dropped.messages[core.REVEAL][7] = replace(dropped.messages[core.REVEAL][3], client=7)
    other = enough().server.h3
    for kind, forged in ((core.COMPLAINT, with_complaint), (core.REVEAL, lambda: Forged(run))):
        name = f"a {core.NAMES[kind]}"
        member = 7 if kind == core.COMPLAINT else 3
        for what, code, change in (
                ("cut", 201, lambda x: x[:-1]), ("with a byte behind it", 202, lambda x: x + b"\x00"), ("of another version", 203, lambda x: u8(2) + x[1:]),
                ("of another suite", 204, lambda x: x[:1] + b"\x02\x00" + x[3:]), ("of another session", 205, lambda x: flipped(x, 3)),
                ("of a client outside the roster", 216, lambda x: x[:36] + u64(4) + x[44:]), ("with another signature", 215, flipped)):
            if code != 201 or kind == core.COMPLAINT:
                acc.forged(f"{name} {what}", forged().raw(kind, lambda x, change=change: [change(x[0]), *x[1:]]), kind, code)
        wrong = forged()
        wrong.keep(replace(wrong.messages[kind][member], prev=other).sign(run.seed(member)))
        acc.forged(f"{name} over another transcript hash", wrong, kind, 217, behind="all" if kind == core.REVEAL else "nothing")
    for kind, other_kind in ((core.COMPLAINT, core.MASKED_INPUT), (core.REVEAL, core.CONSISTENCY)):
        forged = complained if kind == core.COMPLAINT else Forged(run)
        u = min(forged.messages[kind])
        message = replace(forged.messages[kind][u], kind=other_kind, prev=run.server.h1 if kind == core.COMPLAINT else run.server.h3)
        forged.raw(kind, lambda x, m=message.sign(run.seed(u)): [m.encode(), *x[1:]])
        acc.forged(f"a {core.NAMES[other_kind]} among {core.NAMES[kind]}s", forged, kind, 206)
    acc.forged("a Reveal of a drop-out", dropped, core.REVEAL, 216)
    outside = Forged(every_round())
    outside.messages[core.COMPLAINT][5] = replace(complaint_about(every_round(), 3, 2), client=5)
    acc.forged("a Complaint of a client that has not dealt", outside, core.COMPLAINT, 216, behind="all")
