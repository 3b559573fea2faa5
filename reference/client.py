"""The client through all five rounds (docs/protocol.md sections 8 and 13).

Every check of section 13 is made; what fails raises a `Fault`. What a client derives stays in its
attributes, so that test vectors can show it. Repeats and late messages (sections 6 and 15) are in state.py.
"""

import core
import data
import keys
import masking
import sharing
import xwing
from sharing import KIND_B, KIND_M, pair
from suite import Stream, attributed, kdf, kdf_scalar, require, u32, u64


class Client:
    """An honest client. `stream` gives its random bytes in the order of Appendix A."""

    def __init__(self, desc, me, identity_seed, stream: Stream):
        desc.validate()
        require(me in desc.ids, 601)
        self.desc, self.sid, self.me, self.index = desc, desc.sid, me, desc.index(me)
        self.identity_seed, self.stream, self.t = identity_seed, stream, desc.threshold

    def _message(self, kind, prev, body, attachment=b""):
        return core.Message(self.sid, kind, self.me, prev, body, attachment).sign(self.identity_seed)

    def _receive(self, raw, kind, prev):
        message = core.receive_from_server(self.desc, raw, kind, self.me)
        require(message.prev == prev, 402)
        return message

    # round 0

    def join(self):
        draws = [self.stream.take(64) for _ in range(5 if self.desc.geometry else 4)]
        me = u64(self.me)
        self.m = kdf_scalar(self.sid, "mask-root", draws[0], me)
        self.b = kdf_scalar(self.sid, "self-secret", draws[1], me)
        self.channel_sk = kdf(self.sid, "channel-kem", draws[2], me, 32)
        self.vss_draw = draws[3]
        self.error_seed = kdf(self.sid, "error-seed", draws[4], me, 32) if self.desc.geometry else None
        self.mask_sk = keys.mask_secret_key(self.sid, self.m, self.me)
        self.channel_pk, self.mask_pk = xwing.public_key(self.channel_sk), xwing.public_key(self.mask_sk)
        self.advert = self._message(core.ADVERT, self.sid, self.channel_pk + self.mask_pk)
        return self.advert

    # round 1

    def on_adverts(self, raw):
        message = self._receive(raw, core.ADVERTS, self.sid)
        with attributed(401):
            core.no_attachment(message)
            entries, adverts = core.list_decode(message.body, core.advert_form)
        core.check_entries(self.desc, core.ADVERT, entries, self.desc.ids, self.sid, self.advert.entry())
        with attributed(411):
            for e in entries:
                core.advert_decode(e.body)
        self.channel_pks, self.mask_pks = ({u: pks[k] for u, pks in adverts.items()} for k in (0, 1))
        advertised = list(self.channel_pks.values()) + list(self.mask_pks.values())
        require(len(set(advertised)) == 2 * len(entries), 408)
        self.u1 = [e.client for e in entries]
        self.h1 = core.transcript_1(self.sid, entries)
        return self._deal()

    def _deal(self):
        self.polynomials = {
            kind: sharing.polynomials(self.sid, self.vss_draw, self.me, kind, secret, self.t)
            for kind, secret in ((KIND_M, self.m), (KIND_B, self.b))}
        self.commitments = {kind: sharing.commitments(f, g) for kind, (f, g) in self.polynomials.items()}
        self.own_shares = self._share(self.index)
        self.envelopes, self.mask_encaps, packages = {}, {}, []
        for v in self.u1:
            if v == self.me:
                continue
            draw = self.stream.take(64)
            coins = kdf(self.sid, "channel-coins", draw, pair(self.me, v), 64)
            if self.me < v:
                self.mask_encaps[v] = keys.mask_encaps(self.sid, self.m, self.me, v, self.mask_pks[v])
            packages.append(self._package(v, coins))
        self.packages = packages
        dealing = core.Dealing(self.commitments[KIND_M], self.commitments[KIND_B],
                               [(p.peer, p.digest(self.me, p.peer)) for p in packages])
        self.shares = self._message(core.SHARES, self.h1, self._dealing_body(dealing),
                                    core.packages_encode(packages))
        return self.shares

    def _share(self, index):
        """[m share, m blinding, b share, b blinding] of the holder with this index."""
        return [sharing.evaluate(p, index) for kind in (KIND_M, KIND_B) for p in self.polynomials[kind]]

    def _dealing_body(self, dealing):
        return dealing.encode()

    def _plaintext(self, holder):
        return sharing.plaintext_encode(*self._share(self.desc.index(holder)))

    def _package(self, v, coins):
        mask_ct = self.mask_encaps[v][1] if self.me < v else b""
        e = sharing.seal(self.sid, self.h1, self.me, v, self.channel_pks[v], coins, mask_ct,
                         self._plaintext(v))
        self.envelopes[v] = e
        return core.Package(v, mask_ct, e.channel_ct, e.kc, e.sealed)

    # round 2

    def on_delivery(self, raw):
        """None if all is good; otherwise the Complaint, after which this client is finished."""
        message = self._receive(raw, core.DELIVERY, self.h1)
        with attributed(401):
            entries, dealings = core.list_decode(message.body, core.Dealing.form)
            packages = core.packages_decode(message.attachment, holder=self.me)
        core.check_entries(self.desc, core.SHARES, entries, self.u1, self.h1, self.shares.entry())
        for u, dealing in dealings.items():
            self._check_dealing(u, dealing)
        self.u2 = [e.client for e in entries]
        others = [u for u in self.u2 if u != self.me]
        require([p.peer for p in packages] == others, 410)
        for p in packages:
            digest = dict(dealings[p.peer].digests)[self.me]
            require(p.digest(p.peer, self.me) == digest, 409)
            require(p.acceptable(), 411, reason=301)
        self.received = {p.peer: p for p in packages}
        self.shares_held, bad, unopenable = {self.me: self.own_shares}, [], []
        opening = {p.peer: self._key(p) for p in packages}
        for p in packages:
            if p.kc != sharing.key_commitment(self.sid, opening[p.peer], p.peer, self.me):
                unopenable.append(p.peer)
                continue
            scalars = sharing.open_sealed(self.sid, self.h1, p.peer, self.me, opening[p.peer], p)
            if scalars is None:
                bad.append(p.peer)
            else:
                self.shares_held[p.peer] = scalars
        bad += self._bad_shares(dealings)
        if bad:
            dealer = self.accused = min(bad)
            entry = next(e for e in entries if e.client == dealer)
            return self.complain(entry, opening[dealer], self.received[dealer])
        require(not unopenable, 503)
        self.h2 = core.transcript_2(self.h1, entries)
        self._pair_seeds()
        return None

    def _check_dealing(self, dealer, dealing):
        with attributed(411):
            require(dealing.holders == [v for v in self.u1 if v != dealer], 304)
            dealing.check(self.t)

    def _key(self, package):
        ss = xwing.decaps(self.channel_sk, package.channel_ct)
        return sharing.envelope_key(self.sid, ss, package.peer, self.me, package.channel_ct)

    def _bad_shares(self, dealings):
        """The dealers of bad shares: a batched check, and single ones only if that fails."""
        rows, owners = [], []
        for u, s in sorted(self.shares_held.items()):
            if u != self.me:
                for kind, share, blinding in ((KIND_M, s[0], s[1]), (KIND_B, s[2], s[3])):
                    weight = int.from_bytes(self.stream.take(16), "little")
                    rows.append((weight, share, blinding, dealings[u].points(kind)))
                    owners.append(u)
        if not rows or sharing.batch_good(self.index, rows):
            return []
        return [u for u, (_, s, r, points) in zip(owners, rows)
                if not sharing.share_good(self.index, s, r, points)]

    def complain(self, entry, key, package, prev=None):
        encoded = entry.encode()
        body = u64(entry.client) + key + u32(len(encoded)) + encoded + package.encode()
        return self._message(core.COMPLAINT, prev or self.h1, body)

    def _pair_seeds(self):
        self.pair_seeds = {}
        for v in self.u2:
            if self.me < v:
                self.pair_seeds[v] = self.mask_encaps[v][3]
            elif v < self.me:
                ct = self.received[v].mask_ct
                ss = xwing.decaps(self.mask_sk, ct)
                self.pair_seeds[v] = keys.pair_seed(self.sid, ss, v, self.me, ct, self.mask_pk)
        self.self_seed = keys.self_seed(self.sid, self.b, self.me)

    def mask(self, words):
        """(upload, MaskedInput)."""
        desc = self.desc
        require(len(words) == desc.vector_len, 605)
        data.check_input(desc, words)
        self.upload = masking.mask(desc, words, self.me, self.self_seed, self.pair_seeds, self.error_seed)
        self.root = masking.upload_root(desc, self.upload)
        body = core.masked_input_encode(self.root, desc.vector_len, desc.chunk_len)
        self.masked_input = self._message(core.MASKED_INPUT, self.h2, body)
        return self.upload, self.masked_input

    # round 3

    def on_survivors(self, raw):
        message = self._receive(raw, core.SURVIVORS, self.h2)
        with attributed(401):
            core.no_attachment(message)
            u3, entries, inputs = core.survivors_decode(self.desc, message.body)
        require([e.client for e in entries] == u3, 401, reason=207)
        masking_still = not hasattr(self, "masked_input")
        require(not (masking_still and self.me in u3), 406)
        core.check_entries(self.desc, core.MASKED_INPUT, entries, self.u2, self.h2)
        with attributed(411):
            for _, vector_len, chunk_len in inputs.values():
                require((vector_len, chunk_len) == (self.desc.vector_len, self.desc.chunk_len), 307)
        require(self.me in u3, 502)
        require(self.masked_input.entry() in entries, 406)
        self.u3 = u3
        self.h3 = core.transcript_3(self.desc, self.h2, self.u3, entries)
        return self._message(core.CONSISTENCY, self.h3, b"")

    # round 4

    def on_agreement(self, raw):
        message = self._receive(raw, core.AGREEMENT, self.h3)
        with attributed(401):
            core.no_attachment(message)
            entries, _ = core.list_decode(message.body, core.consistency_decode)
        core.check_entries(self.desc, core.CONSISTENCY, entries, self.u3, self.h3)
        rows = [(u, *self.shares_held[u][2:]) if u in self.u3 else (u, *self.shares_held[u][:2])
                for u in self.u2]
        return self._message(core.REVEAL, self.h3, core.reveal_encode(rows))

    # after

    def on_announcement(self, raw, words):
        message = self._receive(raw, core.ANNOUNCEMENT, self.h3)
        desc = self.desc
        with attributed(401):
            core.no_attachment(message)
            announced = core.announcement_decode(message.body)
        packed = data.pack(words, desc.modulus_bits)
        root = data.merkle_root(packed, desc.modulus_bits, desc.vector_len, desc.chunk_len)
        require(root == announced, 508)
        self.h4 = core.transcript_4(self.h3, root)
