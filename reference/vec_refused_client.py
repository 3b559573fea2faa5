"""Altered messages of the server, and what a client says of them."""

from dataclasses import replace

import core
import xwing
from suite import u32
from vec_common import rnd
from vec_refused import Cases, frames
from vec_refused_bodies import NEGATIVE, changed_list, long_count, low_order_key, redealt, swap


def adverts_to_client(run):
    c = Cases(run)
    a, b, x, y = run.desc.ids
    good = run.message(core.ADVERTS, a)
    entries = {u: run.message(core.ADVERT, u).entry() for u in run.desc.ids}
    b_advert, x_body = run.message(core.ADVERT, b), run.message(core.ADVERT, x).body

    def case(name, code, reason=None, **changes):
        c.client(a, 0, name, c.forge(good, **changes), code, reason)

    def listed(**changed):
        return core.entries_encode(changed_list(entries, **changed))

    frames(c, lambda name, message, code: c.client(a, 0, name, message, code), good, core.DELIVERY)
    case("to another client", 216, client=b)
    case("over another transcript", 402, prev=bytes(32))
    case("an attachment", 401, 202, attachment=b"\x00")
    case("a byte behind the list", 401, 202, body=good.body + b"\x00")
    case("more entries than bytes", 401, 207, body=long_count(good.body))
    case("entries out of order", 401, 212, body=core.entries_encode(swap(list(entries.values()))))
    case("an entry with another's signature", 403, body=listed(
        change={b: replace(entries[b], signature=entries[x].signature)}))
    case("an entry from outside the roster", 405, body=listed(add=replace(entries[b], client=302)))
    case("an entry over another transcript", 404, body=listed(change={b: c.forge(b_advert, prev=bytes(32)).entry()}))
    case("its own entry missing", 406, body=listed(drop=[a]))
    case("fewer than the threshold", 407, body=listed(drop=[x, y]))
    case("one key twice", 408, body=listed(
        change={b: c.forge(b_advert, body=b_advert.body[:xwing.PUBLIC] + x_body[:xwing.PUBLIC]).entry()}))
    low = low_order_key(b_advert.body, bytes(32))
    case("a mask key whose X25519 part is zero", 411, 301, body=listed(change={b: c.forge(b_advert, body=low).entry()}))
    return c.rows


def delivery_to_client(run):
    c = Cases(run)
    a, b, me, y = run.desc.ids
    good, sid = run.message(core.DELIVERY, me), run.server.sid
    b_shares = run.message(core.SHARES, b)
    entries = {u: run.message(core.SHARES, u).entry() for u in run.desc.ids}
    packages = core.packages_decode(good.attachment, holder=me)
    dealing = core.Dealing.decode(b_shares.body, run.desc.threshold)

    def case(name, code, reason=None, **changes):
        c.client(me, 1, name, c.forge(good, **changes), code, reason)

    def listed(**changed):
        return core.entries_encode(changed_list(entries, **changed))

    def b_deals(body):
        return listed(change={b: c.forge(b_shares, body=body).entry()})

    case("over another transcript", 402, prev=sid)
    case("an entry with another's signature", 403, body=listed(
        change={b: replace(entries[b], signature=entries[a].signature)}))
    case("an entry over another transcript: a split view", 404,
         body=listed(change={b: c.forge(b_shares, prev=sid).entry()}))
    case("its own entry missing", 406, body=listed(drop=[me]),
         attachment=core.packages_encode(packages))
    case("fewer than the threshold", 407, body=listed(drop=[a, y]), attachment=core.packages_encode(packages[1:2]))
    case("a changed package", 409, attachment=good.attachment[:-1] + bytes([good.attachment[-1] ^ 1]))
    case("a package missing", 410, attachment=core.packages_encode(packages[1:]))
    case("packages out of order", 401, 212, attachment=core.packages_encode(swap(packages)))
    case("a commitment with the sign bit", 411, 301, body=b_deals(b_shares.body[:4] + NEGATIVE + b_shares.body[36:]))
    case("a commitment too few", 411, 305,
         body=b_deals(replace(dealing, m=dealing.m[1:], b=dealing.b[1:]).encode()))
    case("a holder left out", 411, 304, body=b_deals(replace(dealing, digests=dealing.digests[:-1]).encode()))
    for name, code, reason, change in (
            ("a channel ciphertext whose X25519 part is zero", 411, 301, {"channel_ct": rnd("ct", 1088) + bytes(32)}),
            ("a mask ciphertext whose X25519 part is zero", 411, 301, {"mask_ct": rnd("ct", 1088) + bytes(32)}),
            ("another key commitment", 503, None, {"kc": bytes(32)})):
        entry, package = redealt(c, b, me, **change)
        delivered = [replace(package, peer=b) if p.peer == b else p for p in packages]
        case(name, code, reason, body=listed(change={b: entry}), attachment=core.packages_encode(delivered))
    return c.rows


def survivors_to_client(run):
    c = Cases(run)
    a, b, x, y = run.desc.ids
    good = run.message(core.SURVIVORS, a)
    entries = {u: run.message(core.MASKED_INPUT, u).entry() for u in run.server.u3}
    x_input = run.message(core.MASKED_INPUT, x)
    forged_b = c.forge(x_input, client=b).entry()

    def case(name, code, reason=None, **changes):
        c.client(a, 2, name, c.forge(good, **changes), code, reason)

    def listed(u3=run.server.u3, **changed):
        return core.survivors_encode(run.desc, u3, changed_list(entries, **changed))

    tail = good.body[5:]
    case("over another transcript", 402, prev=run.server.h1)
    case("an attachment", 401, 202, attachment=b"\x00")
    case("a bitmap too long", 401, 207, body=u32(2) + good.body[4:5] + b"\x00" + tail)
    case("a padding bit in the bitmap", 401, 213, body=good.body[:4] + bytes([good.body[4] | 0x10]) + tail)
    case("a bit without an entry", 401, 207, body=listed(u3=[a, b, x, y]))
    case("an entry without a bit", 401, 207, body=listed(u3=[a, x, y], add=forged_b))
    case("an entry with another's signature", 403, body=listed(
        change={x: replace(entries[x], signature=entries[y].signature)}))
    case("an entry over another transcript", 404,
         body=listed(change={x: c.forge(x_input, prev=run.server.h1).entry()}))
    case("fewer than the threshold", 407, body=listed(u3=[a, x], drop=[y]))
    case("an entry of another length", 411, 307, body=listed(change={x: c.forge(
        x_input, body=core.masked_input_encode(x_input.body[:32], 131, 64)).entry()}))
    case("itself left out", 502, body=listed(u3=[b, x, y], drop=[a], add=forged_b))
    own = run.message(core.MASKED_INPUT, a)
    case("its own entry changed", 406, body=listed(
        change={a: c.forge(own, body=bytes(32) + own.body[32:]).entry()}))
    return c.rows


def outsider_to_client(run):
    """Survivors with a client that did not deal."""
    c = Cases(run)
    s = run.server
    me, outsider = s.u3[0], next(u for u in s.u1 if u not in s.u2)
    entries = {u: run.message(core.MASKED_INPUT, u).entry() for u in s.u3}
    forged = c.forge(run.message(core.MASKED_INPUT, me), client=outsider).entry()
    u3 = sorted([*s.u3, outsider])
    body = core.survivors_encode(run.desc, u3, changed_list(entries, add=forged))
    c.client(me, 2, "a survivor that did not deal", c.forge(run.message(core.SURVIVORS, me), body=body), 405)
    missing = next(u for u in run.desc.ids if u not in s.u1)
    entries = {u: run.message(core.SHARES, u).entry() for u in s.u2}
    forged = c.forge(run.message(core.SHARES, me), client=missing).entry()
    good = run.message(core.DELIVERY, me)
    body = core.entries_encode(changed_list(entries, add=forged))
    c.client(me, 1, "a dealer that did not advertise", c.forge(good, body=body), 405)
    return c.rows


def agreement_and_sum_to_client(run):
    c = Cases(run)
    a, b, x, y = run.desc.ids
    good = run.message(core.AGREEMENT, a)
    entries = {u: run.message(core.CONSISTENCY, u).entry() for u in run.server.u3}
    x_agrees = run.message(core.CONSISTENCY, x)

    def case(name, code, reason=None, number=3, message=good, **changes):
        c.client(a, number, name, c.forge(message, **changes), code, reason)

    def listed(**changed):
        return core.entries_encode(changed_list(entries, **changed))

    case("over another transcript", 402, prev=run.server.h2)
    case("an attachment", 401, 202, attachment=b"\x00")
    case("fewer than the threshold", 407, body=listed(drop=[y]))
    case("one client twice", 401, 212, body=core.entries_encode([entries[a], entries[x], entries[x]]))
    case("an entry from outside the survivors", 405, body=listed(add=c.forge(x_agrees, client=b).entry()))
    case("an entry with another's signature", 403, body=listed(
        change={x: replace(entries[x], signature=entries[y].signature)}))
    case("an entry over another transcript", 404,
         body=listed(change={x: c.forge(x_agrees, prev=run.server.h2).entry()}))
    final = run.message(core.ANNOUNCEMENT, a)
    case("over another transcript", 402, number=4, message=final, prev=run.server.h2)
    case("a root too short", 401, 201, number=4, message=final, body=final.body[:-1])
    case("a byte more", 401, 202, number=4, message=final, body=final.body + b"\x00")
    case("another root", 508, number=4, message=final, body=bytes(32))
    return c.rows


def refused_by_client(first, third):
    return (adverts_to_client(first) + delivery_to_client(first) + survivors_to_client(first)
            + outsider_to_client(third) + agreement_and_sum_to_client(first))
