"""Vectors of states: messages in an order, and what each does to a party (docs/protocol.md, sections 6, 13, 14, 15)."""

from dataclasses import replace

import core
import keys
import masking
import ristretto
import vec_lattice
import vec_runs
import xwing
from client import Client
from suite import Fault
from vec_common import descriptor, hexed, rnd
from vec_complaints import Cheat
from vec_frames import every_field
from vec_refused import Cases
from vec_refused_bodies import redealt
from vec_sessions import run_session, unfinished_json


# --- sessions that are not honest -------------------------------------------------------------------------

class OtherKey(Client):
    """Advertises a mask key that is not that of its mask root."""

    def join(self):
        super().join()
        self.mask_pk = xwing.public_key(rnd("states/other key", 32))
        self.advert = self._message(core.ADVERT, self.sid, self.channel_pk + self.mask_pk)
        return self.advert


class OtherCiphertext(Client):
    """Encapsulates to one peer with coins that are not those of its mask root."""

    def _package(self, v, coins):
        if v == max(self.u1):
            ct, ss = xwing.encaps(self.mask_pks[v], rnd("states/other coins", 64))
            self.mask_encaps[v] = (rnd("states/other coins", 64), ct, ss, keys.pair_seed(self.sid, ss, self.me, v, ct, self.mask_pks[v]))
        return super()._package(v, coins)


class Unmasked(Client):
    """Uploads zeros under lattice masks."""

    def mask(self, words):
        super().mask(words)
        self.upload = bytes(len(self.upload))
        self.root = masking.upload_root(self.desc, self.upload)
        body = core.masked_input_encode(self.root, self.desc.vector_len, self.desc.chunk_len)
        self.masked_input = self._message(core.MASKED_INPUT, self.h2, body)
        return self.upload, self.masked_input


def small(name, **more):
    base = dict(max_colluders=0, max_dropouts=1, min_honest=2, vector_len=3, chunk_len=64, modulus_bits=16, bound_kind=core.EXACT,
                bound=1000, tail_log2=0, encoding=b"", round=1)
    return descriptor(name, [1, 2, 3], **(base | more))


def dishonest():
    """(name: run) of sessions without a sum."""
    lattice = vec_lattice.short_descriptor()
    runs = [
        run_session("other key", small("other key"), no_input=[2], kinds={2: OtherKey}),
        run_session("other ciphertext", small("other ciphertext"), no_input=[1], kinds={1: OtherCiphertext}),
        run_session("unmasked", descriptor("unmasked", lattice.ids, **{k: v for k, v in vars(lattice).items() if k not in (
            "roster", "server_key", "attempt", "context", "previous")}), kinds={300: Unmasked})]
    assert [run.fault.code for run in runs] == [312, 312, 509]
    return {run.name: run for run in runs}


def badly_dealt():
    """Client 2 deals client 3 a bad share, and client 3 complains; the others send their inputs."""
    cheat = type("CheatOnce", (Cheat,), {"victim": 3, "how": "m share"})
    return run_session("badly dealt", small("badly dealt"), kinds={2: cheat}, no_input=[3], complains=[3])


# --- cases ------------------------------------------------------------------------------------------------

class Case:
    """Steps of one party, each with what is expected of it."""

    def __init__(self, run, name, number, client=None):
        self.run, self.name, self.number, self.me, self.steps = run, name, number, client, []
        self.cases = Cases(run)
        self.party = self.cases.server_at(number) if client is None else self.cases.client_at(client, number)

    def _step(self, act, fields, code, blames, reason, ended):
        try:
            act()
            got = (None, None, None)
        except Fault as fault:
            got = (fault.code, fault.blames, fault.reason)
        assert got == (code, blames, reason), (self.name, len(self.steps), got)
        assert self.party.ended == ended, (self.name, len(self.steps), "ended")
        self.steps.append(fields | {"code": code, "blames": blames, "reason": reason, "ended": ended})
        return self

    def recorded(self, kind, u, code=None, blames=None, reason=None, ended=False):
        """A message of the session, with its upload if it has one."""
        raw = self.run.message(kind, u).encode()
        extra = (self.run.clients[u].upload,) if kind == core.MASKED_INPUT else ()
        return self._step(lambda: self.party.receive(raw, *extra), {"do": "recorded", "type": kind, "client": u}, code, blames, reason, ended)

    def receive(self, message, code=None, blames=None, reason=None, ended=False, upload=None):
        """Another message."""
        raw = message if isinstance(message, bytes) else message.encode()
        extra = () if upload is None else (upload,)
        fields = {"do": "receive", "message": raw} | ({} if upload is None else {"upload": upload})
        return self._step(lambda: self.party.receive(raw, *extra), fields, code, blames, reason, ended)

    def close(self, code=None, blames=None, ended=False):
        """The server ends the round; at the end of the last it makes the sum, which is that of the session."""
        self._step(self.party.close, {"do": "close"}, code, blames, None, ended)
        if self.party.liars is not None and code is None:
            self.steps[-1]["liars"] = self.party.liars
            assert self.party.server.sum == self.run.server.sum
        return self

    def input(self):
        """The client masks its recorded input."""
        return self._step(self.party.input, {"do": "input"}, None, None, None, False)

    def json(self):
        return {"session": self.run.name, "name": self.name, "party": "server" if self.me is None else self.me, "round": self.number,
                "steps": self.steps}


def again(run, kind, u):
    """Another message of this type that the sender has signed too, good but for its transcript hash."""
    return Cases(run).forge(run.message(kind, u), prev=rnd("states/again", 32))


def repeats_at_server(run):
    """A message again, and another one of its type, in its round and in a later one."""
    kinds, u, out = (core.ADVERT, core.SHARES, core.MASKED_INPUT, core.CONSISTENCY, core.REVEAL), run.server.u3[0], []
    for number, kind in enumerate(kinds):
        other = again(run, kind, u)
        out.append(Case(run, f"{core.NAMES[kind]} again, and another", number).recorded(kind, u).recorded(kind, u, 507)
                   .receive(other, 303, u).recorded(kind, u, 507))
        for later in range(number + 1, 5):
            if later in (number + 1, 4):
                out.append(Case(run, f"{core.NAMES[kind]} again, and another, in round {later}", later).recorded(kind, u, 507).receive(other, 303, u))
    return out


def late_at_server(run):
    """Of clients that were gone then."""
    s, ids, out = run.server, run.desc.ids, []
    c = Cases(run)
    silent, undealt, absent = (next(u for u in a if u not in b) for a, b in ((ids, s.u1), (s.u1, s.u2), (s.u2, s.u3)))
    someone = s.u3[0]
    for kind, u, numbers in ((core.ADVERT, silent, (1, 2, 3, 4)), (core.SHARES, undealt, (2, 3, 4)), (core.MASKED_INPUT, absent, (3, 4)),
                             (core.COMPLAINT, absent, (3, 4))):
        body = b"" if kind == core.COMPLAINT else run.message(kind, someone).body
        message = core.Message(s.sid, kind, u, s.sid, body, b"").sign(run.seed(u))
        for number in numbers:
            out.append(Case(run, f"{core.NAMES[kind]} in round {number}", number).receive(message, 505))
    gone = c.forge(run.message(core.CONSISTENCY, someone), client=absent)
    out.append(Case(run, "Consistency in round 4 from outside the survivors", 4).receive(gone, 505))
    return out


def early_closes(run):
    """One message below the threshold, and then enough."""
    kinds, out = (core.ADVERT, core.SHARES, core.MASKED_INPUT, core.CONSISTENCY, core.REVEAL), []
    members = (run.server.u1, run.server.u2, run.server.u3, sorted(run.server.agreed), sorted(run.server.revealed))
    t = run.desc.threshold
    for number, kind in enumerate(kinds):
        case = Case(run, f"round {number} closed too early", number).close(501)
        for u in members[number][:t - 1]:
            case.recorded(kind, u)
        case.close(501).recorded(kind, members[number][t - 1])
        if len(members[number]) == t:
            case.close(ended=number == 4)
        out.append(case)
    return out


def lying(run, liar, place, part):
    """A Reveal with one scalar one higher."""
    good = run.message(core.REVEAL, liar)
    at = 4 + 72 * place + (8 if part == "share" else 40)
    value = (int.from_bytes(good.body[at:at + 32], "little") + 1) % ristretto.L
    return Cases(run).forge(good, body=good.body[:at] + ristretto.scalar_encode(value) + good.body[at + 32:])


def liars_at_server(run, few):
    """run: with more reveals than the threshold; few: with as many."""
    out = []
    members = sorted(run.server.revealed)
    for place, part in ((0, "share"), (1, "blinding"), (len(run.server.u2) - 1, "share")):
        case = Case(run, f"a bad {part} among enough good ones", 4)
        for u in members[:-1]:
            case.recorded(core.REVEAL, u) if u != members[0] else case.receive(lying(run, u, place, part))
        out.append(case.recorded(core.REVEAL, members[-1]).close(ended=True))
    members = sorted(few.server.revealed)
    for liars in (members[:1], members[-1:], members[:2]):
        case = Case(few, f"bad shares of {liars} among too few", 4)
        for u in members[:-1]:
            case.receive(lying(few, u, 0, "share")) if u in liars else case.recorded(core.REVEAL, u)
        last = members[-1]
        case.close(501) if few.desc.threshold > len(members) - 1 else case
        case.receive(lying(few, last, 0, "share")) if last in liars else case.recorded(core.REVEAL, last)
        out.append(case.close(311, liars[0], ended=True))
    return out


def mismatches_at_server(runs):
    out = []
    for name, code, blames in (("other key", 312, 2), ("other ciphertext", 312, 1), ("unmasked", 509, None)):
        run = runs[name]
        case = Case(run, {312: "a mask root that does not fit", 509: "an upload that is not masked"}[code], 4)
        for u in sorted(run.server.revealed):
            case.recorded(core.REVEAL, u)
        out.append(case.close(code, blames, ended=True))
    return out


def complaint_about(run, u, dealer, entry=None, package=None, prev=None):
    """What client u would send about a dealer, true or not."""
    c = run.clients[u]
    key = run.clients[dealer].envelopes[u].key
    message = c.complain(entry or run.message(core.SHARES, dealer).entry(), key, package or c.received[dealer])
    return message if prev is None else Cases(run).forge(message, prev=prev)


def complaints_at_server(run, bad):
    """Section 14, the server's part."""
    u, dealer, third = run.server.u3[:3]
    silent = next((w for w in run.desc.ids if w not in run.server.u2), None)
    good = complaint_about(run, u, dealer)
    c = Cases(run)
    entry, package = redealt(c, dealer, u, sealed=bytes(144))
    again_dealt = complaint_about(run, u, dealer, entry, replace(package, peer=dealer))
    other = complaint_about(run, u, third)
    out = [
        Case(run, "a false complaint, again, another, and then the input", 2).receive(good, 310, u).receive(good, 507)
        .receive(other, 303, u).recorded(core.MASKED_INPUT, u, 313, u).recorded(core.MASKED_INPUT, third),
        Case(run, "a complaint after the input", 2).recorded(core.MASKED_INPUT, u).receive(good, 505).recorded(core.MASKED_INPUT, u, 507),
        Case(run, "a complaint about a dealing that was not sent", 2).receive(again_dealt, 309, dealer).recorded(core.MASKED_INPUT, u, 313, u)
        .recorded(core.MASKED_INPUT, dealer),
        Case(run, "a complaint over another transcript", 2).receive(complaint_about(run, u, dealer, prev=run.server.h2), 302, u)
        .receive(good, 310, u),
        Case(run, "a complaint that does not decode", 2).receive(c.forge(good, body=good.body[:-1]), 301, u, 201).receive(good, 303, u),
        Case(run, "a complaint with an attachment", 2).receive(c.forge(good, attachment=b"\0"), 301, u, 202),
        Case(run, "a complaint in round 1", 1).receive(good, 206),
        Case(run, "a complaint with another signature", 2).receive(good.encode()[:-1] + bytes([good.encode()[-1] ^ 1]), 215)
        .recorded(core.MASKED_INPUT, u)]
    if silent is not None:
        out.append(Case(run, "a complaint from a client that did not deal", 2).receive(c.forge(good, client=silent), 313, silent))
    return out + complaint_frames(run, good, dealer) + proven(bad)


def complaint_frames(run, good, other):
    out = []

    def add(name, message, code):
        out.append(Case(run, f"Complaint: {name}", 2).receive(message, code))

    every_field(add, good, other, Cases(run).forge(good, signer=other))
    return out


def proven(bad):
    """A complaint that ends the session, whatever came before."""
    complaint = bad.complaints[3]
    ended = Case(bad, "a true complaint ends the session", 2).receive(complaint, 309, 2, ended=True)
    late = Case(bad, "a true complaint after the inputs of others", 2).recorded(core.MASKED_INPUT, 1).recorded(core.MASKED_INPUT, 2)
    late.receive(complaint, 309, 2, ended=True)
    client = Case(bad, "a bad dealing", 1, 3)
    client.recorded(core.DELIVERY, 3, 309, 2, ended=True)
    client.steps[-1]["complaint"] = complaint.encode()
    return [ended, late, client]


def repeats_at_client(run):
    """A message of the server again, another one of its type, and those of later rounds."""
    kinds, u, out = (core.ADVERTS, core.DELIVERY, core.SURVIVORS, core.AGREEMENT), run.server.u3[0], []
    c = Cases(run)
    for number, kind in enumerate(kinds):
        other = c.forge(run.message(kind, u), prev=rnd("states/again", 32))
        case = Case(run, f"{core.NAMES[kind]} again, and another", number, u).recorded(kind, u).recorded(kind, u, 507)
        out.append(case.receive(other, 412, "server", ended=True))
        if number < 3:
            then = Case(run, f"{core.NAMES[kind]} again in the next round, and another", number, u).recorded(kind, u)
            if kind == core.DELIVERY:
                then.input()
            then.recorded(kinds[number + 1], u).recorded(kind, u, 507)
            out.append(then.receive(other, 412, "server", ended=True))
    before = Case(run, "messages of later rounds", 0, u)
    for kind in kinds[1:] + (core.ANNOUNCEMENT,):
        before.recorded(kind, u, 206)
    out.append(before.recorded(core.ADVERTS, u))
    return out


def masking_at_client(run):
    """Before the MaskedInput has left."""
    u = run.server.u3[0]
    absent = next(w for w in run.server.u2 if w not in run.server.u3)
    c = Cases(run)
    another = c.forge(run.message(core.DELIVERY, u), prev=rnd("states/again", 32))
    return [
        Case(run, "while masking: repeats, then the input", 1, u).recorded(core.DELIVERY, u).recorded(core.ADVERTS, u, 507)
        .recorded(core.DELIVERY, u, 507).recorded(core.AGREEMENT, u, 206).input().recorded(core.SURVIVORS, u),
        Case(run, "while masking: another Delivery", 1, u).recorded(core.DELIVERY, u).receive(another, 412, "server", ended=True),
        Case(run, "while masking: Survivors without it", 1, absent).recorded(core.DELIVERY, absent).recorded(core.SURVIVORS, absent, 502, ended=True),
        Case(run, "while masking: Survivors with it", 1, u).recorded(core.DELIVERY, u).recorded(core.SURVIVORS, u, 406, "server", ended=True),
        Case(run, "masked, but left out", 1, absent).recorded(core.DELIVERY, absent).input().recorded(core.SURVIVORS, absent, 502, ended=True)]


def build():
    first, second, third, late = vec_runs.first(), vec_runs.second(), vec_runs.third(), vec_runs.late()
    runs, bad = dishonest(), badly_dealt()
    cases = (repeats_at_server(second) + late_at_server(third) + early_closes(third) + liars_at_server(vec_runs.everybody(), second)
             + mismatches_at_server(runs) + complaints_at_server(third, bad) + repeats_at_client(second) + masking_at_client(first))
    return {"sessions": [unfinished_json(run) for run in [*runs.values(), bad]], "cases": [hexed(case.json()) for case in cases]}
