"""The server through all five rounds (docs/protocol.md section 13); repeats, equivocation and complaints are in state.py."""

import core
import data
import keys
import masking
import sharing
import xwing
from sharing import KIND_B, KIND_M
from suite import attributed, require


class Server:
    def __init__(self, desc, identity_seed):
        desc.validate()
        self.desc, self.sid, self.identity_seed, self.t = desc, desc.sid, identity_seed, desc.threshold
        self.adverts, self.dealt, self.inputs, self.agreed, self.revealed = {}, {}, {}, {}, {}
        self.channel_pks, self.mask_pks = {}, {}
        self.dealings, self.packages, self.uploads = {}, {}, {}
        self.excluded, self.liars = set(), set()

    def _to_each(self, kind, prev, members, content):
        """{recipient: message}; content(recipient) gives (body, attachment)."""
        return {v: core.Message(self.sid, kind, v, prev, *content(v)).sign(self.identity_seed)
                for v in members}

    def _receive(self, raw, kind, prev, members):
        message = core.receive_from_client(self.desc, raw, kind)
        require(message.client in members, 313, message.client)
        require(message.prev == prev, 302, message.client)
        return message

    def _close(self, accepted):
        require(len(accepted) >= self.t, 501)
        return sorted(accepted)

    # round 0

    def accept_advert(self, raw):
        message = self._receive(raw, core.ADVERT, self.sid, self.desc.ids)
        u = message.client
        with attributed(301, u):
            core.no_attachment(message)
            channel, mask = core.advert_decode(message.body)
        seen = set(self.channel_pks.values()) | set(self.mask_pks.values())
        with attributed(301, u):
            require(channel != mask, 210)
        require(not seen & {channel, mask}, 504)
        self.adverts[u], self.channel_pks[u], self.mask_pks[u] = message.entry(), channel, mask

    def close_adverts(self):
        self.u1 = self._close(self.adverts)
        entries = [self.adverts[u] for u in self.u1]
        self.h1 = core.transcript_1(self.sid, entries)
        body = core.entries_encode(entries)
        return self._to_each(core.ADVERTS, self.sid, self.u1, lambda v: (body, b""))

    # round 1

    def accept_shares(self, raw):
        message = self._receive(raw, core.SHARES, self.h1, self.u1)
        u = message.client
        with attributed(301, u):
            dealing = core.Dealing.form(message.body)
            packages = core.packages_decode(message.attachment, dealer=u)
        require(dealing.holders == [v for v in self.u1 if v != u], 304, u)
        with attributed(301, u):
            dealing.check(self.t)
        require([(p.peer, p.digest(u, p.peer)) for p in packages] == dealing.digests, 306, u)
        require(all(p.acceptable() for p in packages), 301, u, reason=211)
        self.dealt[u], self.dealings[u] = message.entry(), dealing
        self.packages[u] = {p.peer: p for p in packages}

    def close_shares(self):
        self.u2 = self._close(self.dealt)
        entries = [self.dealt[u] for u in self.u2]
        self.h2 = core.transcript_2(self.h1, entries)
        body = core.entries_encode(entries)
        return self._to_each(core.DELIVERY, self.h1, self.u2,
                             lambda v: (body, core.packages_encode(self._packages_for(v))))

    def _packages_for(self, v):
        out = []
        for u in self.u2:
            if u != v:
                p = self.packages[u][v]
                out.append(core.Package(u, p.mask_ct, p.channel_ct, p.kc, p.sealed))
        return out

    # round 2

    def accept_input(self, upload, raw):
        members = [u for u in self.u2 if u not in self.excluded]
        message = self._receive(raw, core.MASKED_INPUT, self.h2, members)
        u, desc = message.client, self.desc
        require(upload is not None, 506)
        with attributed(301, u):
            core.no_attachment(message)
            root, vector_len, chunk_len = core.masked_input_decode(message.body)
        require((vector_len, chunk_len) == (desc.vector_len, desc.chunk_len), 307, u)
        require(len(upload) == masking.upload_len(desc), 506)
        require(masking.upload_root(desc, upload) == root, 506)
        with attributed(301, u):
            self.uploads[u] = masking.read_upload(desc, upload)
        self.inputs[u] = message.entry()

    def close_inputs(self):
        self.u3 = self._close(self.inputs)
        entries = [self.inputs[u] for u in self.u3]
        self.h3 = core.transcript_3(self.desc, self.h2, self.u3, entries)
        body = core.survivors_encode(self.desc, self.u3, entries)
        return self._to_each(core.SURVIVORS, self.h2, self.u2, lambda v: (body, b""))

    # round 3

    def accept_consistency(self, raw):
        message = self._receive(raw, core.CONSISTENCY, self.h3, self.u3)
        with attributed(301, message.client):
            core.no_attachment(message)
            core.consistency_decode(message.body)
        self.agreed[message.client] = message.entry()

    def close_consistency(self):
        entries = [self.agreed[u] for u in self._close(self.agreed)]
        body = core.entries_encode(entries)
        return self._to_each(core.AGREEMENT, self.h3, self.u3, lambda v: (body, b""))

    # round 4

    def accept_reveal(self, raw):
        message = self._receive(raw, core.REVEAL, self.h3, self.u3)
        u = message.client
        with attributed(301, u):
            core.no_attachment(message)
            rows = core.reveal_form(message.body)
        require([owner for owner, _, _ in rows] == self.u2, 308, u)
        with attributed(301, u):
            self.revealed[u] = {owner: (share, blinding) for owner, share, blinding in core.reveal_scalars(rows)}

    def close_reveals(self):
        """Recovers, unmasks, and announces the sum."""
        self._close(self.revealed)
        if not self._recover_all():
            self._set_liars_aside()
            self._enough_without_liars()
            assert self._recover_all()
        self.self_seeds = {u: keys.self_seed(self.sid, self.recovered[u], u) for u in self.u3}
        self.dropped_pairs = {}
        for v in self.u2:
            if v not in self.u3:
                self._pairs_of_dropped(v, self.recovered[v])
        desc = self.desc
        uploads = {u: self.uploads[u] for u in self.u3}
        self.sum = masking.unmask(desc, uploads, self.self_seeds, self.dropped_pairs)
        packed = data.pack(self.sum, desc.modulus_bits)
        self.sum_root = data.merkle_root(packed, desc.modulus_bits, desc.vector_len, desc.chunk_len)
        self.h4 = core.transcript_4(self.h3, self.sum_root)
        return self._to_each(core.ANNOUNCEMENT, self.h3, self.u3, lambda v: (self.sum_root, b""))

    def _points(self, owner):
        return self.dealings[owner].points(KIND_B if owner in self.u3 else KIND_M)

    def _recover_all(self):
        """Every secret from the t lowest indices; whether all fit their commitments."""
        lowest = sorted(self.revealed)[:self.t]
        found = {}
        for owner in self.u2:
            rows = [(self.desc.index(v), *self.revealed[v][owner]) for v in lowest]
            found[owner] = sharing.recover(rows, self._points(owner)[0])
        self.recovered = {owner: x and x[0] for owner, x in found.items()}
        return None not in found.values()

    def _set_liars_aside(self):
        for v, rows in sorted(self.revealed.items()):
            if not all(sharing.share_good(self.desc.index(v), *rows[owner], self._points(owner)) for owner in self.u2):
                self.liars.add(v)
        self.revealed = {v: rows for v, rows in self.revealed.items() if v not in self.liars}

    def _enough_without_liars(self):
        if len(self.revealed) < self.t:
            heard = set(self.revealed) | self.liars
            require(not self.liars or heard != set(self.u3), 311, min(self.liars, default=None))
            require(False, 501)

    def _pairs_of_dropped(self, v, m):
        """The pair seeds of a dropped client with every survivor, from its mask root."""
        sk = keys.mask_secret_key(self.sid, m, v)
        require(xwing.public_key(sk) == self.mask_pks[v], 312, v)
        for u in self.u1:
            if v < u:
                _, ct, _, seed = keys.mask_encaps(self.sid, m, v, u, self.mask_pks[u])
                require(ct == self.packages[v][u].mask_ct, 312, v)
                if u in self.u3:
                    self.dropped_pairs[u, v] = seed
            elif u < v and u in self.u3:
                ct = self.packages[u][v].mask_ct
                ss = xwing.decaps(sk, ct)
                self.dropped_pairs[u, v] = keys.pair_seed(self.sid, ss, u, v, ct, self.mask_pks[v])
