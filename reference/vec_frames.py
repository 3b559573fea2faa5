"""More altered messages, type by type: every field of the frame, lists of every wrong length, and what the rounds refuse.

core.json has the first of each kind; these are in refused_server.json and refused_client.json.
"""

from dataclasses import replace

import core
import xwing
from suite import SUITE, VERSION, sign, u32, u64
from vec_common import SERVER, rnd
from vec_refused import Cases
from vec_refused_bodies import NEGATIVE, changed_list, long_count, low_order_key, mlkem_last, swap

CLIENT_KINDS = (core.ADVERT, core.SHARES, core.MASKED_INPUT, core.CONSISTENCY, core.REVEAL)
SERVER_KINDS = (core.ADVERTS, core.DELIVERY, core.SURVIVORS, core.AGREEMENT, core.ANNOUNCEMENT)


def flipped(data, at):
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1:]


def every_field(add, good, someone_else, signed_by_another):
    """One change to each field of a message that nobody has signed again: add(name, message, code)."""
    raw = good.encode()
    body_end = 84 + len(good.body)
    add("nothing but the header", raw[:84], 201)
    add("a byte missing", raw[:-1], 201)
    add("a body of 2^32 - 1 bytes", raw[:76] + u32(2**32 - 1) + raw[80:], 201)
    add("an attachment of one byte more", raw[:80] + u32(len(good.attachment) + 1) + raw[84:], 201)
    add("a byte behind the signature", raw + b"\0", 202)
    add("a version above", bytes([VERSION + 1]) + raw[1:], 203)
    add("suite zero", raw[:1] + bytes(2) + raw[3:], 204)
    add("the suite in the other byte order", raw[:1] + SUITE.to_bytes(2, "big") + raw[3:], 204)
    add("another session", flipped(raw, 34), 205)
    add("a client that is not in the roster", raw[:36] + u64(2**63 + 11) + raw[44:], 216)
    add("another client's number", raw[:36] + u64(someone_else) + raw[44:], 215)
    add("another transcript, not signed", flipped(raw, 44), 215)
    add("a signature by another party", signed_by_another, 215)
    add("the last bit of R", flipped(raw, len(raw) - 33), 215)
    add("s = 0", raw[:-32] + bytes(32), 215)
    if good.body:
        add("the last byte of the body", flipped(raw, body_end - 1), 215)
    if good.attachment:
        add("the last byte of the attachment", flipped(raw, body_end + len(good.attachment) - 1), 215)


def frames_to_server(run):
    """Each type but Advert, of which core.json has them."""
    c = Cases(run)
    u, v = run.server.u3[:2]
    for number, kind in list(enumerate(CLIENT_KINDS))[1:]:
        good = run.message(kind, u)
        every_field(lambda name, message, code: c.server(number, f"{core.NAMES[kind]}: {name}", message, code),  # noqa: B023
                    good, v, c.forge(good, signer=v))
    return c.rows


def frames_to_client(run):
    c = Cases(run)
    u, v = run.server.u3[:2]
    for number, kind in list(enumerate(SERVER_KINDS))[1:]:
        good = run.message(kind, u)
        every_field(lambda name, message, code: c.client(u, number, f"{core.NAMES[kind]}: {name}", message, code),  # noqa: B023
                    good, v, c.forge(good, signer=u))
        c.client(u, number, f"{core.NAMES[kind]}: to another client", run.message(kind, v), 216)
    return c.rows


def wrong_types(run):
    """A type of a later round, of the other direction, or of none, signed as it should be."""
    c = Cases(run)
    u = run.server.u3[0]
    for kind in (core.SHARES, core.COMPLAINT, core.MASKED_INPUT, core.CONSISTENCY, core.REVEAL):
        c.server(0, f"{core.NAMES[kind]} in round 0", c.forge(run.message(core.ADVERT, u), kind=kind), 206)
    for kind in SERVER_KINDS:
        c.server(1, f"the server's own {core.NAMES[kind]}", run.message(kind, u), 206)
    for kind in (0x00, 0x05, 0x08, 0x10):
        c.server(1, f"type {kind}", c.forge(run.message(core.SHARES, u), kind=kind), 206)
    for kind in SERVER_KINDS[1:]:
        c.client(u, 0, f"{core.NAMES[kind]} in round 0", c.forge(run.message(core.ADVERTS, u), kind=kind, signer=SERVER), 206)
    for kind in (*CLIENT_KINDS, core.COMPLAINT):
        own = c.forge(run.message(core.CONSISTENCY, u), kind=kind)
        c.client(u, 2, f"a client's own {core.NAMES[kind]}", own, 206)
    for kind in (0x13, 0x15, 0x17, 0xFF):
        c.client(u, 2, f"type {kind}", c.forge(run.message(core.SURVIVORS, u), kind=kind, signer=SERVER), 206)
    return c.rows


def strangers_to_server(run):
    """From members of the roster that are not in the step before; and over the hash of another round."""
    c = Cases(run)
    s, ids = run.server, run.desc.ids
    u, absent = s.u3[0], next(u for u in s.u2 if u not in s.u3)
    c.server(4, "a Reveal from outside the survivors", c.forge(run.message(core.REVEAL, u), client=absent), 313, blames=absent)
    silent = next(u for u in ids if u not in s.u1)
    for number, kind in ((2, core.MASKED_INPUT), (3, core.CONSISTENCY), (4, core.REVEAL)):
        more = {"upload": run.clients[u].upload} if number == 2 else {}
        c.server(number, f"{core.NAMES[kind]} from a client that never advertised", c.forge(run.message(kind, u), client=silent),
                 313, blames=silent, **more)
    for number, kind, prev in ((1, core.SHARES, s.h2), (2, core.MASKED_INPUT, s.h3), (3, core.CONSISTENCY, s.h1), (4, core.REVEAL, s.sid)):
        more = {"upload": run.clients[u].upload} if number == 2 else {}
        c.server(number, f"{core.NAMES[kind]} over the hash of another round", c.forge(run.message(kind, u), prev=prev), 302, blames=u, **more)
    return c.rows


def bodies_to_server(run):
    c = Cases(run)
    u, desc = run.server.u3[0], run.desc
    advert, reveal = run.message(core.ADVERT, u), run.message(core.REVEAL, u)
    channel, mask = advert.body[:xwing.PUBLIC], advert.body[xwing.PUBLIC:]

    def malformed(number, message, reason, name, **change):
        c.server(number, name, c.forge(message, **change), 301, blames=u, reason=reason)

    malformed(0, advert, 210, "the mask key's last ML-KEM coefficient is not reduced", body=channel + mlkem_last(mask))
    malformed(0, advert, 201, "one key only", body=channel)
    malformed(0, advert, 201, "no keys", body=b"")
    other = run.message(core.ADVERT, run.server.u3[1])
    theirs = other.body[xwing.PUBLIC:]
    for name, body in (("another client's mask key as mask key", channel + theirs), ("another client's mask key as channel key", theirs + mask),
                       ("both keys of another client", other.body)):
        c.server(0, name, c.forge(advert, body=body), 504, accepted=[other.client])
    malformed(1, run.message(core.SHARES, u), 201, "no dealing", body=b"")
    malformed(1, run.message(core.SHARES, u), 201, "no packages", attachment=b"")
    consistency = run.message(core.CONSISTENCY, u)
    malformed(3, consistency, 202, "a body of four zero bytes", body=bytes(4))
    malformed(3, consistency, 202, "an attachment to nothing", attachment=b"\0")
    malformed(4, reveal, 201, "no reveal", body=b"")
    malformed(4, reveal, 207, "the last byte of a reveal missing", body=reveal.body[:-1])
    malformed(4, reveal, 212, "one owner twice", body=reveal.body[:4] + reveal.body[4:76] * 2 + reveal.body[148:])
    malformed(4, reveal, 208, "a share of all ones", body=reveal.body[:12] + b"\xff" * 32 + reveal.body[44:])
    rows = [reveal.body[4 + 72 * k:76 + 72 * k] for k in range(len(run.server.u2))]
    for name, changed in (("no owners", []), ("the last owner missing", rows[:-1]), ("an owner more", [*rows, u64(2**64 - 1) + rows[0][8:]]),
                          ("another owner", [u64(0) + rows[0][8:], *rows[1:]])):
        c.server(4, name, c.forge(reveal, body=u32(len(changed)) + b"".join(changed)), 308, blames=u)
    good = run.message(core.MASKED_INPUT, u)
    for name, length, chunk in (("a length of zero", 0, desc.chunk_len), ("a chunk length of zero", desc.vector_len, 0),
                                ("the lengths swapped", desc.chunk_len, desc.vector_len)):
        body = core.masked_input_encode(good.body[:32], length, chunk)
        c.server(2, name, c.forge(good, body=body), 307, blames=u, upload=run.clients[u].upload)
    root = bytes(32) + good.body[32:]
    c.server(2, "another root", c.forge(good, body=root), 506, upload=run.clients[u].upload)
    c.server(2, "another client's upload", good, 506, upload=run.clients[run.server.u3[1]].upload)
    return c.rows


def dealings_to_server(run):
    c = Cases(run)
    u = run.server.u2[0]
    good, t = run.message(core.SHARES, u), run.desc.threshold
    dealing = core.Dealing.decode(good.body, t)
    packages = core.packages_decode(good.attachment, dealer=u)

    def case(name, code, reason=None, **changes):
        c.server(1, name, c.forge(good, **changes), code, blames=u, reason=reason)

    def dealt(**change):
        return replace(dealing, **change).encode()

    stranger = next(w for w in run.desc.ids if w not in run.server.u1)
    case("no commitments", 305, body=dealt(m=[], b=[]))
    case("a dealing for nobody", 304, body=dealt(digests=[]))
    case("a holder twice", 301, 212, body=dealt(digests=dealing.digests[:1] + dealing.digests))
    case("a holder that did not advertise", 304, body=dealt(digests=sorted(dealing.digests + [(stranger, bytes(32))])))
    case("a holder in place of another", 304, body=dealt(digests=sorted(dealing.digests[1:] + [(stranger, bytes(32))])))
    case("a digest of zeros", 306, body=dealt(digests=[(dealing.digests[0][0], bytes(32)), *dealing.digests[1:]]))
    case("digests swapped", 306, body=dealt(digests=[(dealing.digests[0][0], dealing.digests[1][1]),
                                                     (dealing.digests[1][0], dealing.digests[0][1]), *dealing.digests[2:]]))
    case("no packages at all", 306, attachment=u32(0))
    case("the last package missing", 306, attachment=core.packages_encode(packages[:-1]))
    case("another key commitment", 306, attachment=core.packages_encode([replace(packages[0], kc=bytes(32)), *packages[1:]]))
    return c.rows


def lists_to_client(run):
    """Lists of no entries, doubled, of strangers; entries signed for another list, or with an attachment."""
    c = Cases(run)
    s = run.server
    u, v, w = s.u3[:3]
    stranger = next(x for x in run.desc.ids if x not in s.u1)
    for number, kind, entry_kind, members in ((0, core.ADVERTS, core.ADVERT, s.u1), (1, core.DELIVERY, core.SHARES, s.u2),
                                              (3, core.AGREEMENT, core.CONSISTENCY, s.u3)):
        good = run.message(kind, u)
        entries = {x: run.message(entry_kind, x).entry() for x in members}

        def case(name, code, reason=None, **changes):
            c.client(u, number, f"{core.NAMES[kind]}: {name}", c.forge(good, **changes), code, reason)  # noqa: B023

        def listed(**changed):
            return core.entries_encode(changed_list(entries, **changed))  # noqa: B023

        case("an entry in the list twice", 401, 212, body=core.entries_encode([entries[u], entries[u]]))
        case("a byte behind the list", 401, 202, body=good.body + b"\0")
        case("a list cut off", 401, 207 if kind == core.AGREEMENT else 201, body=good.body[:-1])
        case("no body", 401, 201, body=b"")
        case("more entries than bytes", 401, 207, body=long_count(good.body))
        case("no entries", 406 if number < 2 else 407, body=u32(0))
        case("an entry of another type", 403, body=listed(change={v: replace(entries[v], signature=c.forge(
            run.message(entry_kind, v), kind=core.REVEAL).signature)}))
        case("an entry of a stranger", 405, body=listed(add=replace(entries[v], client=stranger if number else 2**40)))
        case("an entry signed for another session", 403, body=listed(change={v: replace(entries[v], signature=c.forge(
            run.message(entry_kind, v), sid=bytes(32)).signature)}))
        if number != 1:
            attached = c.forge(run.message(entry_kind, v), attachment=b"\0").entry()
            case("an entry with an attachment", 411, 301, body=listed(change={v: attached}))
    c.rows += own_entries(run)
    return c.rows


def own_entries(run):
    c = Cases(run)
    s = run.server
    u, v = s.u3[:2]
    for number, kind, entry_kind, members in ((0, core.ADVERTS, core.ADVERT, s.u1), (1, core.DELIVERY, core.SHARES, s.u2)):
        entries = {x: run.message(entry_kind, x).entry() for x in members}
        if kind == core.ADVERTS:
            changed = c.forge(run.message(entry_kind, u), body=run.clients[v].channel_pk + run.clients[u].mask_pk).entry()
        else:
            changed = replace(entries[u], attachment_hash=bytes(32))
            changed.signature = signed_entry(run, changed, entry_kind, u)
        body = core.entries_encode(changed_list(entries, change={u: changed}))
        c.client(u, number, f"{core.NAMES[kind]}: its own entry changed", c.forge(run.message(kind, u), body=body), 406)
    return c.rows


def signed_entry(run, entry, kind, who):
    data = core.signed_bytes(run.desc.sid, kind, entry.client, entry.prev, entry.body, entry.attachment_hash)
    return sign(run.seed(who), data)


def contents_to_client(run):
    c = Cases(run)
    s = run.server
    u, v, w = s.u3[:3]
    adverts = {x: run.message(core.ADVERT, x).entry() for x in s.u1}

    def in_adverts(name, code, body, reason=None):
        entry = c.forge(run.message(core.ADVERT, v), body=body).entry()
        c.client(u, 0, f"Adverts: {name}", c.forge(run.message(core.ADVERTS, u), body=core.entries_encode(
            changed_list(adverts, change={v: entry}))), code, reason)

    keys = run.message(core.ADVERT, v).body
    channel, mask = keys[:xwing.PUBLIC], keys[xwing.PUBLIC:]
    in_adverts("an entry with one key", 401, channel, 201)
    in_adverts("an entry with a byte more", 401, keys + b"\0", 202)
    in_adverts("a channel key whose ML-KEM part is not reduced", 411, mlkem_last(channel) + mask, 301)
    in_adverts("a mask key of low order", 411, channel + low_order_key(mask, sorted(xwing.LOW_ORDER)[3]), 301)
    in_adverts("one key in both roles", 408, channel + channel)
    in_adverts("the receiver's own channel key", 408, run.clients[u].channel_pk + mask)
    return c.rows + dealings_to_client(run) + survivors_to_client(run)


def dealings_to_client(run):
    c = Cases(run)
    s = run.server
    u, v, w = s.u3[:3]
    good, shares = run.message(core.DELIVERY, u), run.message(core.SHARES, v)
    entries = {x: run.message(core.SHARES, x).entry() for x in s.u2}
    packages = core.packages_decode(good.attachment, holder=u)
    dealing = core.Dealing.decode(shares.body, run.desc.threshold)

    def case(name, code, reason=None, **changes):
        c.client(u, 1, f"Delivery: {name}", c.forge(good, **changes), code, reason)

    def dealt(body):
        return core.entries_encode(changed_list(entries, change={v: c.forge(shares, body=body).entry()}))

    case("a dealing cut off", 401, 207, body=dealt(shares.body[:-1]))
    case("a dealing with a byte more", 401, 202, body=dealt(shares.body + b"\0"))
    case("holders out of order in a dealing", 401, 212, body=dealt(replace(dealing, digests=swap(dealing.digests)).encode()))
    case("a commitment too many", 411, 305, body=dealt(replace(dealing, m=dealing.m + dealing.m[:1], b=dealing.b + dealing.b[:1]).encode()))
    case("no commitments", 411, 305, body=dealt(replace(dealing, m=[], b=[]).encode()))
    case("the last commitment with the sign bit", 411, 301, body=dealt(replace(dealing, b=dealing.b[:-1] + [NEGATIVE]).encode()))
    case("the dealer among its holders", 411, 304, body=dealt(replace(dealing, digests=sorted(dealing.digests + [(v, bytes(32))])).encode()))
    case("no packages", 410, attachment=u32(0))
    case("the attachment missing", 401, 201, attachment=b"")
    case("a byte behind the packages", 401, 202, attachment=good.attachment + b"\0")
    case("a package of the recipient itself", 410, attachment=core.packages_encode(
        sorted([*packages, replace(packages[0], peer=u, mask_ct=b"")], key=lambda p: p.peer)))
    case("a package in place of another", 409, attachment=core.packages_encode([replace(packages[0], sealed=packages[1].sealed), *packages[1:]]))
    case("a package with another key commitment than dealt", 409, attachment=core.packages_encode([replace(packages[0], kc=bytes(32)), *packages[1:]]))
    return c.rows


def survivors_to_client(run):
    c = Cases(run)
    s, desc = run.server, run.desc
    u, v, w = s.u3[:3]
    good, theirs = run.message(core.SURVIVORS, u), run.message(core.MASKED_INPUT, v)
    entries = {x: run.message(core.MASKED_INPUT, x).entry() for x in s.u3}

    def case(name, code, reason=None, **changes):
        c.client(u, 2, f"Survivors: {name}", c.forge(good, **changes), code, reason)

    def listed(u3=s.u3, **changed):
        return core.survivors_encode(desc, u3, changed_list(entries, **changed))

    size = (desc.n + 7) // 8
    case("no body", 401, 201, body=b"")
    case("no bitmap", 401, 207, body=u32(0) + good.body[4 + size:])
    case("nobody survives", 407, body=listed(u3=[], drop=s.u3))
    case("a byte behind the list", 401, 202, body=good.body + b"\0")
    case("entries out of order", 401, 212, body=good.body[:4 + size] + core.entries_encode(swap(list(entries.values()))))
    case("an input that decodes not", 401, 201, body=listed(change={v: c.forge(theirs, body=theirs.body[:-1]).entry()}))
    case("an input with an attachment", 411, 301, body=listed(change={v: c.forge(theirs, attachment=b"\0").entry()}))
    case("an input of another chunk length", 411, 307, body=listed(change={v: c.forge(
        theirs, body=core.masked_input_encode(theirs.body[:32], desc.vector_len, 2 * desc.chunk_len)).entry()}))
    case("an input signed for another list", 403, body=listed(change={v: replace(entries[v], signature=c.forge(
        theirs, kind=core.CONSISTENCY).signature)}))
    return c.rows


def ends_to_client(run):
    """Announcements."""
    c = Cases(run)
    u = run.server.u3[0]
    good = run.message(core.ANNOUNCEMENT, u)
    for name, code, reason, change in (
            ("no root", 401, 201, {"body": b""}), ("an attachment", 401, 202, {"attachment": b"\0"}),
            ("over the new hash", 402, None, {"prev": run.server.h4}), ("a root with one bit changed", 508, None, {"body": flipped(good.body, 31)}),
            ("the root of an input", 508, None, {"body": run.message(core.MASKED_INPUT, u).body[:32]})):
        c.client(u, 4, f"Announcement: {name}", c.forge(good, **change), code, reason)
    for number, kind, prev in ((1, core.DELIVERY, run.server.h2), (2, core.SURVIVORS, run.server.h3), (3, core.AGREEMENT, run.server.sid)):
        c.client(u, number, f"{core.NAMES[kind]}: over the hash of another round", c.forge(run.message(kind, u), prev=prev), 402)
    return c.rows


def lattice_to_server(run):
    """Uploads of lattice masks."""
    c = Cases(run)
    u, desc = run.server.u3[0], run.desc
    good, upload = run.message(core.MASKED_INPUT, u), run.clients[u].upload
    for name, changed in (("a residue changed", flipped(upload, 0)), ("a short upload", upload[:-1]), ("a long upload", upload + b"\0"),
                          ("the words without masks", rnd("lattice/plain", (desc.vector_len * desc.modulus_bits + 7) // 8))):
        c.server(2, f"lattice masks: {name}", good, 506, upload=changed)
    body = core.masked_input_encode(good.body[:32], desc.vector_len + 1, desc.chunk_len)
    c.server(2, "lattice masks: another length", c.forge(good, body=body), 307, blames=u, upload=upload)
    return c.rows


def to_server(second, third, lattice):
    return (frames_to_server(second) + wrong_types_of(second, "server") + strangers_to_server(third) + bodies_to_server(third)
            + dealings_to_server(third) + lattice_to_server(lattice))


def to_client(second, third):
    return (frames_to_client(second) + wrong_types_of(second, "client") + lists_to_client(third) + contents_to_client(third)
            + ends_to_client(second))


def wrong_types_of(run, side):
    return [row for row in wrong_types(run) if (row["receiver"] == "server") == (side == "server")]
