"""Vectors of complaints: every row of the table in section 14."""

from dataclasses import replace

import client
import complaint
import core
import ristretto
import server
import sharing
from suite import u32, u64
from vec_common import SERVER, descriptor_json, first_descriptor, hexed, identity_seed, rnd
from vec_refused import Cases
from vec_refused_bodies import NEGATIVE, long_count, redealt, swap
from vec_sessions import make_clients, run_session

NAME = "complaint"
FALSE, BAD, MALFORMED = complaint.FALSE_COMPLAINT, complaint.BAD_DEALING, complaint.MALFORMED


class Cheat(client.Client):
    """A dealer that deals badly to one holder."""

    victim, how = None, None
    parts = ("m share", "m blinding", "b share", "b blinding")

    def _plaintext(self, holder):
        share = self._share(self.desc.index(holder))
        if holder == self.victim and self.how in self.parts:
            share[self.parts.index(self.how)] += 1
        out = sharing.plaintext_encode(*share)
        if holder == self.victim and self.how == "scalar":
            out = out[:32] + (share[1] + ristretto.L).to_bytes(32, "little") + out[64:]
        return out

    def _package(self, v, coins):
        package = super()._package(v, coins)
        if v == self.victim and self.how == "aead":
            package.sealed = package.sealed[:-1] + bytes([package.sealed[-1] ^ 1])
        return package


def dealt(dealer, victim, how):
    """Rounds 0 and 1 with a cheating dealer: the clients and the Deliveries."""
    desc = first_descriptor(NAME)
    cheat = type("CheatOnce", (Cheat,), {"victim": victim, "how": how})
    clients = make_clients(NAME, desc, {dealer: cheat})
    s = server.Server(desc, identity_seed(NAME, SERVER))
    for c in clients.values():
        s.accept_advert(c.join().encode())
    adverts = s.close_adverts()
    for u, c in clients.items():
        s.accept_shares(c.on_adverts(adverts[u].encode()).encode())
    return clients, {v: m.encode() for v, m in s.close_shares().items()}


class Accusations:
    """Complaints of the third client about the second in an honest session, altered one way or another."""

    def __init__(self):
        self.run, self.rows = run_session(NAME, first_descriptor(NAME)), []
        self.cases = Cases(self.run)
        self.desc = self.run.desc
        self.a, self.dealer, self.me, self.d = self.desc.ids
        holder = self.run.clients[self.me]
        self.package = holder.received[self.dealer]
        self.shares = self.run.message(core.SHARES, self.dealer)
        self.entry = self.shares.entry()
        self.key = self.run.clients[self.dealer].envelopes[self.me].key

    def case(self, name, row, blames, code, message, delivery=None):
        raw = message if isinstance(message, bytes) else message.encode()
        verdict = complaint.judge(self.desc, raw)
        assert (verdict.row, verdict.blames, verdict.code) == (row, blames, code), (name, verdict)
        self.rows.append({"name": name, "complaint": raw, "row": row, "blames": blames, "code": code,
                          "delivery": delivery})

    def body(self, dealer=None, key=None, entry=None, package=None):
        encoded = (entry or self.entry).encode()
        return (u64(dealer or self.dealer) + (key or self.key) + u32(len(encoded)) + encoded
                + (package or self.package).encode())

    def message(self, prev=None, **parts):
        return self.signed(self.body(**parts), prev)

    def signed(self, body, prev=None, attachment=b""):
        out = core.Message(self.desc.sid, core.COMPLAINT, self.me, prev or self.run.server.h1, body, attachment)
        return out.sign(self.run.seed(self.me))

    def dealt_again(self, **change):
        """What the dealer would have signed with another package for this holder, and that package."""
        entry, package = redealt(self.cases, self.dealer, self.me, **change)
        return {"entry": entry, "package": replace(package, peer=self.dealer)}

    def entry_with(self, body):
        return {"entry": self.cases.forge(self.shares, body=body).entry()}


def honest_complaints(acc):
    """Row 5, made by clients from what they were delivered."""
    a, b, c, d = acc.desc.ids
    for name, dealer, victim, how in (
            ("share of m is bad", b, c, "m share"), ("blinding share of m is bad", c, b, "m blinding"),
            ("share of b is bad", b, a, "b share"), ("blinding share of b is bad", a, d, "b blinding"),
            ("the AEAD fails", b, d, "aead"), ("a scalar is not canonical", d, a, "scalar")):
        clients, deliveries = dealt(dealer, victim, how)
        message = clients[victim].on_delivery(deliveries[victim])
        assert message is not None
        assert all(clients[u].on_delivery(deliveries[u]) is None for u in acc.desc.ids if u != victim)
        acc.case(name, 5, dealer, BAD, message, deliveries[victim])


def unattributable(acc):
    """Rows 1 and 1b."""
    good = acc.message()
    raw, body = good.encode(), good.body
    acc.case("the complaint's signature is bad", 1, None, 215, raw[:-1] + bytes([raw[-1] ^ 1]))
    acc.case("another type", 1, None, 206, acc.cases.forge(good, kind=core.SHARES))
    acc.case("the package ends early", 1, acc.me, MALFORMED, acc.signed(body[:-1]))
    acc.case("bytes after the package", 1, acc.me, MALFORMED, acc.signed(body + b"\x00"))
    acc.case("the entry is longer than the message", 1, acc.me, MALFORMED, acc.signed(
        body[:40] + u32(2**32 - 1) + body[44:]))
    acc.case("bytes after the entry", 1, acc.me, MALFORMED, acc.signed(
        body[:40] + u32(len(acc.entry.encode()) + 1) + acc.entry.encode() + b"\x00" + acc.package.encode()))
    acc.case("an attachment", 1, acc.me, MALFORMED, acc.signed(body, attachment=b"\x00"))


def misnamed(acc):
    """Row 2."""
    own = acc.run.message(core.SHARES, acc.me).entry()
    others = acc.run.message(core.SHARES, acc.a).entry()
    for name, message in (
            ("the entry is of another transcript", acc.message(prev=bytes(32))),
            ("the signature of the entry is bad",
             acc.message(entry=replace(acc.entry, signature=others.signature))),
            ("the dealer is the complainer", acc.message(
                dealer=acc.me, entry=own, package=replace(acc.package, peer=acc.me, mask_ct=b""))),
            ("the dealer is not in the roster", acc.message(
                dealer=4, entry=replace(acc.entry, client=4), package=replace(acc.package, peer=4))),
            ("the entry is another client's", acc.message(entry=others)),
            ("the package is another client's", acc.message(package=replace(acc.package, peer=acc.a)))):
        acc.case(name, 2, acc.me, FALSE, message)


def malformed(acc):
    """Row 3, and row 1b where the dealing has no form."""
    body, t = acc.shares.body, acc.desc.threshold
    dealing = core.Dealing.decode(body, t)
    fewer = replace(dealing, m=dealing.m[1:], b=dealing.b[1:])
    more = replace(dealing, m=dealing.m + dealing.m[:1], b=dealing.b + dealing.b[:1])
    twice = replace(dealing, digests=[dealing.digests[0], *dealing.digests])
    for name, code, changed in (
            ("a commitment too few", 305, fewer.encode()), ("a commitment too many", 305, more.encode()),
            ("a commitment does not decode", 301, body[:4] + NEGATIVE + body[36:]),
            ("the last commitment does not decode", 301, body[:4 + 64 * t - 32] + NEGATIVE + body[4 + 64 * t:])):
        acc.case(name, 3, acc.dealer, code, acc.message(**acc.entry_with(changed)))
    for name, changed in (
            ("more commitments than bytes", long_count(body)),
            ("holders out of order", replace(dealing, digests=swap(dealing.digests)).encode()),
            ("a holder twice", twice.encode()),
            ("the dealing ends early", body[:-1]), ("bytes after the dealing", body + b"\x00"),
            ("an empty dealing", b"")):
        acc.case(name, 1, acc.me, MALFORMED, acc.message(**acc.entry_with(changed)))


def unproven(acc):
    """Rows 4 and 6."""
    dealing = core.Dealing.decode(acc.shares.body, acc.desc.threshold)
    without = replace(dealing, digests=[(v, x) for v, x in dealing.digests if v != acc.me])
    sealed = acc.package.sealed
    for name, message in (
            ("the complainer is no holder", acc.message(**acc.entry_with(without.encode()))),
            ("the package is another", acc.message(
                package=replace(acc.package, sealed=sealed[:-1] + bytes([sealed[-1] ^ 1])))),
            ("the key is another", acc.message(key=rnd("complaint/key", 32))),
            ("the key commitment is of no key", acc.message(**acc.dealt_again(kc=bytes(32))))):
        acc.case(name, 4, acc.me, FALSE, message)
    acc.case("nothing is wrong", 6, acc.me, FALSE, acc.message())


def refused_ciphertext(acc):
    """Row 4: no honest client opens a channel ciphertext that section 3 refuses."""
    sid, h1, key = acc.desc.sid, acc.run.server.h1, rnd("complaint/key", 32)
    ct, kc = rnd("ct", 1088) + bytes(32), sharing.key_commitment(sid, key, acc.dealer, acc.me)
    plaintext = acc.run.clients[acc.dealer]._plaintext(acc.me)
    ad = sharing.associated_data(sid, h1, acc.dealer, acc.me, acc.package.mask_ct, ct, kc)
    good = sharing.aead_seal(sharing.seal_key(sid, key, acc.dealer, acc.me), plaintext, ad)
    for name, row, blames, code, sealed in (
            ("the ciphertext is refused and the AEAD fails", 4, acc.me, FALSE, bytes(144)),
            ("the ciphertext is refused, but the contents are good", 4, acc.me, FALSE, good)):
        again = acc.dealt_again(channel_ct=ct, kc=kc, sealed=sealed)
        acc.case(name, row, blames, code, acc.message(key=key, **again))


def complaint_vectors():
    acc = Accusations()
    for part in (honest_complaints, unattributable, misnamed, malformed, unproven, refused_ciphertext):
        part(acc)
    assert {r["row"] for r in acc.rows} == {1, 2, 3, 4, 5, 6}
    return hexed({"descriptor": descriptor_json(acc.desc), "clients": [client_json(acc, u) for u in acc.desc.ids],
                  "cases": acc.rows})


def client_json(acc, u):
    """What a client needs to reach the Delivery: nobody cheats in round 0."""
    return {"id": u, "identity_seed": acc.run.seed(u), "random": acc.run.clients[u].stream.consumed(),
            "adverts": acc.run.message(core.ADVERTS, u).encode()}
