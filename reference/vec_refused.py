"""Vectors of refusals: one altered message each, whom it reaches when, and what that party says.

A case names a played session, the receiver, the round whose message it awaits and, for the server, the
clients whose messages of that round it has taken already. All altered messages but those about the
signature are signed again by whoever would have to be corrupt.
"""

import copy
from dataclasses import replace

import core
from state import AWAITS, ROUND, ClientState, ServerState
from suite import Fault, u32
from vec_common import SERVER, hexed
from vec_refused_bodies import L_BYTES

class Cases:
    def __init__(self, run):
        self.run, self.rows = run, []

    def forge(self, message, signer=None, **changes):
        """The message with changes, signed again by its sender or by another."""
        out = replace(message, **changes)
        return out.sign(self.run.seed(signer or (SERVER if message.kind in core.FROM_SERVER else out.client)))

    def server_at(self, number):
        earlier = [m for m in self.run.messages if ROUND.get(m.kind, 5) < number]
        return ServerState(copy.deepcopy(self.run.before[SERVER, number]), number, earlier)

    def client_at(self, u, number):
        earlier = [m for m in self.run.messages if m.client == u and m.kind in AWAITS[:number]]
        result = self.run.server.sum if number == 4 else None
        return ClientState(copy.deepcopy(self.run.before[u, number]), number, earlier, self.run.words[u], result)

    def server(self, number, name, message, code, blames=None, reason=None, accepted=(), upload=None):
        party = self.server_at(number)
        for u in accepted:
            party.receive(self.run.message((core.ADVERT, core.SHARES)[number], u).encode())
        raw = message if isinstance(message, bytes) else message.encode()
        extra = {"accepted": list(accepted)} | ({} if upload is None else {"upload": upload})
        self._case("server", number, name, lambda: party.receive(raw, upload), raw, (code, blames, reason), extra)

    def client(self, u, number, name, message, code, reason=None):
        party = self.client_at(u, number)
        raw = message if isinstance(message, bytes) else message.encode()
        said = (code, "server" if 400 <= code < 500 else None, reason)
        self._case(u, number, name, lambda: party.receive(raw), raw, said, {})

    def _case(self, receiver, number, name, act, raw, expected, extra):
        code, blames, reason = expected
        try:
            act()
            got = (None, None, None)
        except Fault as fault:
            got = (fault.code, fault.blames, fault.reason)
        assert got == expected, (name, got, expected)
        self.rows.append(hexed({
            "session": self.run.name, "receiver": receiver, "round": number, "name": name, "message": raw,
            "code": code, "blames": blames, "reason": reason} | extra))


def frames(cases, add, good, wrong_type):
    """What is refused before anybody is blamed; add(name, message, code)."""
    raw = good.encode()
    signature = good.signature
    s = int.from_bytes(signature[32:], "little") + int.from_bytes(L_BYTES, "little")
    add("no bytes", b"", 201)
    add("one byte missing", raw[:-1], 201)
    add("one byte more", raw + b"\x00", 202)
    add("a body longer than the message", raw[:76] + u32(2**32 - 1) + raw[80:], 201)
    add("another version", b"\x01" + raw[1:], 203)
    add("another suite", raw[:1] + b"\x02\x00" + raw[3:], 204)
    add("another session", cases.forge(good, sid=bytes(32)), 205)
    add("another type", cases.forge(good, kind=wrong_type), 206)
    add("a changed signature", replace(good, signature=signature[:-1] + bytes([signature[-1] ^ 1])), 215)
    add("a signature with s that is not reduced",
        replace(good, signature=signature[:32] + s.to_bytes(32, "little")), 215)
    add("a changed body", replace(good, body=bytes([good.body[0] ^ 1]) + good.body[1:]), 215)
