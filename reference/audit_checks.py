"""What a transcript's rounds have to fulfil (docs/protocol.md section 20.2, all but the chunks).

Every check is a `require`: the Fault that it raises carries the code and the party of the table.
"""

import core
import keys
import sharing
import xwing
from complaint import judge
from sharing import KIND_B, KIND_M
from suite import attributed, require


class Rounds:
    """What the parts so far have settled; each `on_` takes the next one, whose letters, messages or packages it reads one by one."""

    def __init__(self, desc):
        self.desc, self.sid, self.members = desc, desc.sid, set(desc.ids)
        self.prev = desc.sid  # the transcript hash that the next messages of the server are over
        self.complaints, self.liars = [], []
        self.u3 = self.sum_root = None

    def _letters(self, kind, sent):
        """The server has signed this body, to each recipient; one by one. Their ids."""
        out = []
        for letter in sent.letters:
            v = letter.recipient
            require(not out or v > out[-1], 212)
            require(v in self.members, 216)
            signed = core.signed_bytes(self.sid, kind, v, self.prev, sent.body, letter.attachment_hash)
            require(core.verify(self.desc.server_key, signed, letter.signature), 215)
            out.append(v)
        return out

    # round 0

    def on_adverts(self, sent):
        recipients = self._letters(core.ADVERTS, sent)
        with attributed(401):
            entries, adverts = core.list_decode(sent.body, core.advert_form)
        core.check_entries(self.desc, core.ADVERT, entries, self.members, self.sid)
        advertised = [pk for pks in adverts.values() for pk in pks]
        require(len(set(advertised)) == len(advertised), 408)
        with attributed(411):
            for e in entries:
                core.advert_decode(e.body)
        self.u1 = list(adverts)
        self.mask_pks = {u: mask for u, (_, mask) in adverts.items()}
        require(recipients == self.u1, 207)
        self.h1 = self.prev = core.transcript_1(self.sid, entries)

    # round 1

    def on_delivery(self, sent):
        recipients = self._letters(core.DELIVERY, sent)
        with attributed(401):
            entries, self.dealings = core.list_decode(sent.body, core.Dealing.form)
        core.check_entries(self.desc, core.SHARES, entries, self.u1, self.h1)
        with attributed(411):
            for u, dealing in self.dealings.items():
                require(dealing.holders == [v for v in self.u1 if v != u], 304)
                dealing.check(self.desc.threshold)
        self.u2 = list(self.dealings)
        require(recipients == self.u2, 207)
        self.dealt = {e.client: e for e in entries}
        self.h2 = self.prev = core.transcript_2(self.h1, entries)

    # round 2

    def _received(self, raw_messages, kind, members, prev):
        """Messages that members sent over a transcript hash, one by one; whatever is wrong with them is nobody's fault."""
        last = -1
        for raw in raw_messages:
            message = core.authenticate(self.desc, raw)
            require(message.client > last, 212)
            require(message.kind == kind, 206)
            require(message.client in members, 216)
            require(message.prev == prev, 217)
            last = message.client
            yield message

    def on_complaints(self, raw_messages):
        for message in self._received(raw_messages, core.COMPLAINT, self.u2, self.h1):
            verdict = judge(self.desc, message.encode())
            counts = verdict.entry is not None and self.dealt.get(verdict.blames) == verdict.entry
            require(not counts, verdict.code, verdict.blames, verdict.reason)
            self.complaints.append((message.client, verdict.blames, verdict.code))

    def on_survivors(self, sent):
        desc = self.desc
        recipients = self._letters(core.SURVIVORS, sent)
        with attributed(401):
            u3, entries, inputs = core.survivors_decode(desc, sent.body)
        require([e.client for e in entries] == u3, 401, reason=207)
        core.check_entries(desc, core.MASKED_INPUT, entries, self.u2, self.h2)
        for _, vector_len, chunk_len in inputs.values():
            require((vector_len, chunk_len) == (desc.vector_len, desc.chunk_len), 411, reason=307)
        require(recipients == self.u2, 207)
        for u, _, _ in self.complaints:
            require(u not in u3, 313, u)
        self.u3, self.roots = u3, {u: root for u, (root, _, _) in inputs.items()}
        self.h3 = self.prev = core.transcript_3(desc, self.h2, u3, entries)

    # round 3

    def on_agreement(self, sent):
        recipients = self._letters(core.AGREEMENT, sent)
        with attributed(401):
            entries, _ = core.list_decode(sent.body, core.consistency_decode)
        core.check_entries(self.desc, core.CONSISTENCY, entries, self.u3, self.h3)
        require(recipients == self.u3, 207)

    # round 4

    def on_reveals(self, raw_messages):
        messages = self._received(raw_messages, core.REVEAL, self.u3, self.h3)
        revealed = {message.client: self._shares(message) for message in messages}
        self.liars = [v for v, shares in revealed.items() if not self._good(v, shares)]
        self.secrets = self._recover(revealed)
        if self.secrets is None:
            self.secrets = self._recover({v: shares for v, shares in revealed.items() if v not in self.liars})
        require(self.secrets is not None or not self.liars, 311, min(self.liars, default=None))

    def _shares(self, message):
        """{owner: (share, blinding share)} of one revealer."""
        v = message.client
        with attributed(301, v):
            core.no_attachment(message)
            rows = core.reveal_form(message.body)
        require([owner for owner, _, _ in rows] == self.u2, 308, v)
        with attributed(301, v):
            return {owner: (share, blinding) for owner, share, blinding in core.reveal_scalars(rows)}

    def _points(self, owner):
        """The commitments of the one secret of an owner that is revealed."""
        return self.dealings[owner].points(KIND_B if owner in self.u3 else KIND_M)

    def _good(self, v, shares):
        index = self.desc.index(v)
        return all(sharing.share_good(index, *share, self._points(owner)) for owner, share in shares.items())

    def _recover(self, revealed):
        """Every owner's secret from the lowest indices; None if there are too few or one does not open its commitment."""
        lowest = sorted(revealed)[:self.desc.threshold]
        if len(lowest) < self.desc.threshold:
            return None
        out = {}
        for owner in self.u2:
            rows = [(self.desc.index(v), *revealed[v][owner]) for v in lowest]
            found = sharing.recover(rows, self._points(owner)[0])
            if found is None:
                return None
            out[owner] = found[0]
        return out

    def opened_pairs(self):
        """(dealer, holder): one is a survivor and the other dropped out."""
        return [(u, v) for u in self.u2 for v in self.u2 if u < v and (u in self.u3) != (v in self.u3)]

    def on_packages(self, packages):
        """packages: those of the opened pairs."""
        opened = {}
        for (u, v), package in zip(self.opened_pairs(), packages):
            require(dict(self.dealings[u].digests)[v] == package.digest(u, v), 217)
            require(package.acceptable(), 301, u, reason=211)
            opened[u, v] = package
        if self.secrets is None:
            return
        self.self_seeds = {u: keys.self_seed(self.sid, self.secrets[u], u) for u in self.u3}
        self.dropped_pairs = {}
        for dropped in (u for u in self.u2 if u not in self.u3):
            self._pairs_of_dropped(dropped, {pair: p.mask_ct for pair, p in opened.items() if dropped in pair})

    def _pairs_of_dropped(self, dropped, mask_cts):
        """Its pair seeds, by (survivor, drop-out), from its mask root, which has to give what it has signed."""
        m = self.secrets[dropped]
        sk = keys.mask_secret_key(self.sid, m, dropped)
        require(xwing.public_key(sk) == self.mask_pks[dropped], 312, dropped)
        for (u, v), mask_ct in mask_cts.items():
            if u == dropped:
                _, again, _, seed = keys.mask_encaps(self.sid, m, u, v, self.mask_pks[v])
                require(again == mask_ct, 312, dropped)
                self.dropped_pairs[v, dropped] = seed
            else:
                shared = xwing.decaps(sk, mask_ct)
                self.dropped_pairs[u, dropped] = keys.pair_seed(self.sid, shared, u, v, mask_ct, self.mask_pks[v])

    def on_announcement(self, sent):
        recipients = self._letters(core.ANNOUNCEMENT, sent)
        with attributed(401):
            root = core.announcement_decode(sent.body)
        require(recipients == self.u3, 207)
        require(self.secrets is not None, 501)
        self.sum_root = root
