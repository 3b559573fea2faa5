"""Altered messages of clients, and what the server says of them."""

from dataclasses import replace

import core
import data
import xwing
from suite import u32
from vec_common import rnd
from vec_refused import Cases, frames
from vec_refused_bodies import (L_BYTES, NEGATIVE, NON_SQUARE, long_count, low_order_key, redealt,
                                shifted_modulus, swap)


def adverts_to_server(run):
    c = Cases(run)
    u, v = run.desc.ids[:2]
    good, other = run.message(core.ADVERT, u), run.message(core.ADVERT, v)
    channel, mask = good.body[:xwing.PUBLIC], good.body[xwing.PUBLIC:]

    def add(name, message, code, **more):
        c.server(0, name, message, code, **more)

    def blamed(name, code, reason=None, **changes):
        add(name, c.forge(good, **changes), code, blames=u, reason=reason)

    frames(c, add, good, core.SHARES)
    add("a client outside the roster", c.forge(good, signer=u, client=4), 216)
    add("signed by another client", c.forge(good, signer=v), 215)
    blamed("over another transcript", 302, prev=bytes(32))
    blamed("a key too short", 301, 201, body=good.body[:-1])
    blamed("a byte behind the keys", 301, 202, body=good.body + b"\x00")
    blamed("an attachment", 301, 202, attachment=b"\x00")
    blamed("an ML-KEM coefficient that is not reduced", 301, 210, body=shifted_modulus(channel) + mask)
    for name, low in (("zero", bytes(32)), ("of order 8", sorted(xwing.LOW_ORDER)[-2]),
                      ("not reduced", (2**255 - 19 + 9).to_bytes(32, "little"))):
        blamed(f"a channel key whose X25519 part is {name}", 301, 210, body=low_order_key(channel, low) + mask)
        blamed(f"a mask key whose X25519 part is {name}", 301, 210, body=channel + low_order_key(mask, low))
    blamed("one key twice", 301, 210, body=channel + channel)
    add("another client's channel key as mask key",
        c.forge(good, body=channel + other.body[:xwing.PUBLIC]), 504, accepted=[v])
    return c.rows


def shares_to_server(run):
    c = Cases(run)
    u, holder = run.desc.ids[0], run.desc.ids[1]
    good = run.message(core.SHARES, u)
    body, t = good.body, run.desc.threshold

    def case(name, code, reason=None, **changes):
        c.server(1, name, c.forge(good, **changes), code, blames=u if code else None, reason=reason)

    def with_point(place, point):
        return body[:4 + 32 * place] + point + body[36 + 32 * place:]

    case("over another transcript", 302, prev=run.server.sid)
    case("a commitment with the sign bit", 301, 209, body=with_point(0, NEGATIVE))
    case("a commitment that is not reduced", 301, 209, body=with_point(t, (2**255 - 19).to_bytes(32, "little")))
    case("a commitment that belongs to no element", 301, 209, body=with_point(2 * t - 1, NON_SQUARE))
    case("the identity as a commitment is allowed", None, body=with_point(1, bytes(32)))
    dealing = core.Dealing.decode(body, t)
    case("a commitment too few", 305, body=replace(dealing, m=dealing.m[1:], b=dealing.b[1:]).encode())
    case("a commitment too many", 305, body=replace(dealing, m=dealing.m + dealing.m[:1],
                                                    b=dealing.b + dealing.b[:1]).encode())
    case("more commitments than bytes", 301, 207, body=long_count(body))
    case("a byte missing", 301, 207, body=body[:-1])
    case("a byte behind the dealing", 301, 202, body=body + b"\x00")
    case("holders out of order", 301, 212, body=replace(dealing, digests=swap(dealing.digests)).encode())
    case("a holder left out", 304, body=replace(dealing, digests=dealing.digests[1:]).encode())
    case("the dealer as a holder", 304,
         body=replace(dealing, digests=[(u, bytes(32))] + dealing.digests).encode())
    packages = core.packages_decode(good.attachment, dealer=u)
    case("a package too few", 306, attachment=core.packages_encode(packages[1:]))
    case("a changed package", 306, attachment=good.attachment[:-1] + bytes([good.attachment[-1] ^ 1]))
    case("packages out of order", 301, 212, attachment=core.packages_encode(swap(packages)))
    case("more packages than bytes", 301, 207, attachment=long_count(good.attachment))
    case("a byte behind the packages", 301, 202, attachment=good.attachment + b"\x00")
    for part in ("channel_ct", "mask_ct"):
        entry, package = redealt(c, u, holder, **{part: rnd("ct", 1088) + bytes(32)})
        attachment = core.packages_encode([package] + packages[1:])
        case(f"a {part} whose X25519 part is zero", 301, 211, body=entry.body, attachment=attachment)
    return c.rows


def inputs_to_server(run):
    c = Cases(run)
    u, desc = run.desc.ids[0], run.desc
    good, upload = run.message(core.MASKED_INPUT, u), run.clients[u].upload
    root = run.clients[u].root

    def case(name, code, reason=None, upload=upload, **changes):
        blames = u if code // 100 == 3 else None
        c.server(2, name, c.forge(good, **changes), code, blames=blames, reason=reason, upload=upload)

    def dimensions(length, chunk):
        return core.masked_input_encode(root, length, chunk)

    case("over another transcript", 302, prev=run.server.h1)
    case("another vector length", 307, body=dimensions(desc.vector_len + 1, desc.chunk_len))
    case("another chunk length", 307, body=dimensions(desc.vector_len, desc.chunk_len * 2))
    case("a byte missing", 301, 201, body=good.body[:-1])
    case("a byte more", 301, 202, body=good.body + b"\x00")
    case("an attachment", 301, 202, attachment=b"\x00")
    case("a changed upload", 506, upload=bytes([upload[0] ^ 1]) + upload[1:])
    case("an upload too short", 506, upload=upload[:-1])
    case("an upload too long", 506, upload=upload + b"\x00")
    return c.rows


def padding_to_server(run):
    """A padding bit that is set, under a root that fits."""
    c = Cases(run)
    u, desc = run.desc.ids[0], run.desc
    upload = run.clients[u].upload
    upload = upload[:-1] + bytes([upload[-1] | 0x80])
    root = data.merkle_root(upload, desc.modulus_bits, desc.vector_len, desc.chunk_len)
    body = core.masked_input_encode(root, desc.vector_len, desc.chunk_len)
    message = c.forge(run.message(core.MASKED_INPUT, u), body=body)
    c.server(2, "a padding bit", message, 301, blames=u, reason=213, upload=upload)
    return c.rows


def agreement_and_reveals_to_server(run):
    c = Cases(run)
    u, absent = run.desc.ids[0], next(u for u in run.server.u2 if u not in run.server.u3)
    good = run.message(core.CONSISTENCY, u)
    for name, code, blames, reason, message in (
            ("over another transcript", 302, u, None, c.forge(good, prev=run.server.h2)),
            ("a body", 301, u, 202, c.forge(good, body=b"\x00")),
            ("from outside the survivors", 313, absent, None, c.forge(good, client=absent))):
        c.server(3, name, message, code, blames=blames, reason=reason)
    good = run.message(core.REVEAL, u)
    body, last = good.body, good.body[-72:]
    share, row = (int.from_bytes(last[8:40], "little"), int.from_bytes(last[40:], "little")), body[:-72]
    order = int.from_bytes(L_BYTES, "little")
    for name, code, reason, change in (
            ("over another transcript", 302, None, {"prev": run.server.h2}),
            ("a share that is not reduced", 301, 208,
             {"body": row + last[:8] + (share[0] + order).to_bytes(32, "little") + last[40:]}),
            ("a blinding share that is not reduced", 301, 208,
             {"body": row + last[:40] + (share[1] + order).to_bytes(32, "little")}),
            ("an owner left out", 308, None, {"body": u32(len(run.server.u2) - 1) + body[76:]}),
            ("owners out of order", 301, 212, {"body": body[:4] + body[76:148] + body[4:76] + body[148:]}),
            ("more owners than bytes", 301, 207, {"body": long_count(body)}),
            ("a byte more", 301, 202, {"body": body + b"\x00"}),
            ("an attachment", 301, 202, {"attachment": b"\x00"})):
        c.server(4, name, c.forge(good, **change), code, blames=u, reason=reason)
    return c.rows


def absent_to_server(run):
    """Messages of clients that did not take part in the step before."""
    c = Cases(run)
    s, ids = run.server, run.desc.ids
    late = [next(u for u in ids if u not in members) for members in (s.u1, s.u2)]
    someone = s.u3[0]
    c.server(1, "from a client that did not advertise",
             c.forge(run.message(core.SHARES, someone), client=late[0]), 313, blames=late[0])
    dealt_not = next(u for u in s.u1 if u not in s.u2)
    c.server(2, "from a client that did not deal",
             c.forge(run.message(core.MASKED_INPUT, someone), client=dealt_not), 313, blames=dealt_not,
             upload=run.clients[someone].upload)
    return c.rows


def refused_by_server(first, second, third):
    return (adverts_to_server(first) + shares_to_server(first) + inputs_to_server(first)
            + padding_to_server(second) + agreement_and_reveals_to_server(first) + absent_to_server(third))
