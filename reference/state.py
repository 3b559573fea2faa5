"""Both parties with what section 15 wants of their states: repeats, equivocation, late messages, complaints, closing.

The rounds themselves are in client.py and server.py, which see only messages of the type that they expect.
"""

import core
from complaint import judge
from suite import Fault, H, require

ROUND = {core.ADVERT: 0, core.SHARES: 1, core.COMPLAINT: 2, core.MASKED_INPUT: 2, core.CONSISTENCY: 3, core.REVEAL: 4}
REPEAT = 507


def digest(raw):
    return H("message", raw)


class ServerState:
    def __init__(self, server, number, earlier):
        """earlier: messages of clients that it has accepted."""
        self.server, self.desc, self.round, self.ended, self.liars = server, server.desc, number, False, None
        self.seen = {(m.kind, m.client): digest(m.encode()) for m in earlier}

    def receive(self, raw, upload=None):
        require(not self.ended, 608)
        message = core.authenticate(self.desc, raw)
        kind, u = message.kind, message.client
        known = self.seen.get((kind, u))
        require(known != digest(raw), REPEAT)
        require(known is None, 303, u)
        require(ROUND.get(kind, self.round) >= self.round, 505)
        require(ROUND.get(kind) == self.round, 206)
        if kind == core.COMPLAINT:
            return self._complain(message, raw)
        s = self.server
        if kind == core.MASKED_INPUT:
            s.accept_input(upload, raw)
        else:
            {core.ADVERT: s.accept_advert, core.SHARES: s.accept_shares, core.CONSISTENCY: s.accept_consistency,
             core.REVEAL: s.accept_reveal}[kind](raw)
        self.seen[kind, u] = digest(raw)
        return None

    def _complain(self, message, raw):
        s, u = self.server, message.client
        require(u in s.u2, 313, u)
        require(message.prev == s.h1, 302, u)
        require(u not in s.inputs, 505)
        verdict = judge(self.desc, raw)
        self.seen[core.COMPLAINT, u] = digest(raw)
        s.excluded.add(u)
        dealt = s.dealt.get(verdict.blames)
        self.ended = verdict.entry is not None and dealt == verdict.entry
        raise Fault(verdict.code, verdict.blames, verdict.reason)

    def close(self):
        require(not self.ended, 608)
        s = self.server
        try:
            out = (s.close_adverts, s.close_shares, s.close_inputs, s.close_consistency, s.close_reveals)[self.round]()
        except Fault as fault:
            self.ended = fault.code != 501
            raise
        self.round += 1
        self.ended = self.round == 5
        self.liars = sorted(s.liars) if self.ended else None
        return out


AWAITS = (core.ADVERTS, core.DELIVERY, core.SURVIVORS, core.AGREEMENT, core.ANNOUNCEMENT)


class ClientState:
    def __init__(self, client, number, earlier, words=None, result=None):
        """earlier: messages of the server that it has accepted; result: the words of the sum, for the Announcement."""
        self.client, self.number, self.ended, self.words, self.result = client, number, False, words, result
        self.seen = {m.kind: digest(m.encode()) for m in earlier}

    def receive(self, raw):
        c = self.client
        message = core.authenticate(c.desc, raw)
        require(message.client == c.me, 216)
        known = self.seen.get(message.kind)
        require(known != digest(raw), REPEAT)
        if known is not None:
            self.ended = True
            raise Fault(412)
        require(not self.ended, 608)
        require(message.kind == AWAITS[self.number], 206)
        self.seen[message.kind] = digest(raw)
        steps = (c.on_adverts, c.on_delivery, c.on_survivors, c.on_agreement, lambda x: c.on_announcement(x, self.result))
        try:
            out = steps[self.number](raw)
        except Fault:
            self.ended = True
            raise
        if message.kind == core.DELIVERY and out is not None:
            self.ended = True
            raise Complained(c.accused, out)
        self.number += 1
        return out

    def input(self):
        """Masks the input: the upload and the MaskedInput."""
        return self.client.mask(self.words)


class Complained(Fault):
    """A client that ends with a complaint."""

    def __init__(self, dealer, message):
        super().__init__(309, dealer)
        self.message = message
