"""Evidence that is changed and signed again by whoever signs what was changed, so that it fails, or convicts, behind its signatures."""

from dataclasses import replace

import audit_forge
import complaint
import core
import evidence
import ristretto
import sharing
import suite
from audit_forge import change_bytes, change_dealing, change_package
from evidence import Statement
from recorder import ls
from suite import Reader, require, u64
from vec_common import SERVER
from vec_parts import forge as sign_with, secret_scalar

CONTENTS = 16 + 32 + 1  # where they begin


def anybody(rng, desc):
    """One of the roster, or, rarely, a client outside it."""
    return rng.choice(desc.ids) if rng.randrange(8) else rng.getrandbits(64)


# --- dealing -------------------------------------------------------------------------------------------

class Complaint:
    """A complaint in its parts, which are signed again when they are put together. Raises `Fault` if it can not be taken apart."""

    def __init__(self, desc, raw, seed):
        self.desc, self.seed = desc, seed
        self.message = core.authenticate(desc, raw)
        self.dealer, self.key, self.entry, _, self.package = complaint.decode(self.message.body, self.message.client)
        self.signers = {}  # "dealer", "complainer": who signs in their place
        self.astray = None  # the hash over which the dealer signs instead of that of the complaint
        self.body = lambda body: body  # a change to what the complainer signs

    @property
    def pair(self):
        return self.package.peer, self.message.client

    def sign_digest(self):
        """The dealing gets the digest of the package, if it decodes."""
        dealing, (u, v) = audit_forge.decoded(core.Dealing.form, self.entry.body), self.pair
        if dealing:
            dealing.digests = [(w, self.package.digest(u, v) if w == v else digest) for w, digest in dealing.digests]
            self.entry.body = dealing.encode()

    def encode(self):
        message, e = self.message, self.entry
        e.prev = self.astray or message.prev
        signed = core.signed_bytes(self.desc.sid, core.SHARES, e.client, e.prev, e.body, e.attachment_hash)
        e.signature = suite.sign(self.seed(self.signers.get("dealer", e.client)), signed)
        message.body = self.body(u64(self.dealer) + self.key + ls(e.encode()) + self.package.encode())
        return message.sign(self.seed(self.signers.get("complainer", message.client))).encode()


def change_shares(rng, c):
    """Other shares in the envelope, sealed with its key; or something that does not open."""
    (u, v), package = c.pair, c.package
    ad = sharing.associated_data(c.desc.sid, c.message.prev, u, v, package.mask_ct, package.channel_ct, package.kc)
    sealing_key = sharing.seal_key(c.desc.sid, c.key, u, v)
    plaintext = sharing.aead_open(sealing_key, package.sealed, ad)
    if plaintext is None or not rng.randrange(4):
        package.sealed = rng.randbytes(len(package.sealed))
    else:
        package.sealed = sharing.aead_seal(sealing_key, change_scalar(rng, plaintext), ad)
    if rng.randrange(8):
        c.sign_digest()


def change_scalar(rng, plaintext):
    """Of four, one: as it was, another, or in a form that is refused; or two in each other's place."""
    rows = [plaintext[i:i + 32] for i in range(0, len(plaintext), 32)]
    k, j = rng.sample(range(len(rows)), 2)
    number = int.from_bytes(rows[k], "little")
    how = rng.randrange(4)
    if how == 0:
        rows[k], rows[j] = rows[j], rows[k]
    elif how == 1:
        rows[k] = (number + ristretto.L).to_bytes(32, "little")
    elif how == 2:
        rows[k] = ristretto.scalar_encode((number + 1) % ristretto.L)
    return b"".join(rows)


def change_envelope(rng, c):
    """Ciphertexts or the commitment of the envelope's key, mostly with a digest that fits."""
    if rng.randrange(3):
        c.package = change_package(rng, c.package)
    else:
        c.package.kc = rng.randbytes(32)
    if rng.randrange(4):
        c.sign_digest()


def change_envelope_key(rng, c):
    """Mostly with its commitment and a digest that fits, so that it is the envelope's key and does not open it."""
    c.key = rng.randbytes(32)
    if rng.randrange(4):
        c.package.kc = sharing.key_commitment(c.desc.sid, c.key, *c.pair)
        c.sign_digest()


def change_entry(rng, c):
    how = rng.randrange(6)
    if how == 0:
        c.entry.client = anybody(rng, c.desc)
    elif how == 1:
        c.astray = rng.randbytes(32)
    elif how == 2:
        c.entry.attachment_hash = rng.randbytes(32)
    elif how == 3:
        c.entry.body = change_bytes(rng, c.entry.body)
    else:
        change_dealing(rng, None, c.entry)


def change_names(rng, c):
    """Who is named as dealer: in the complaint, in the package, or all through."""
    how, u = rng.randrange(3), anybody(rng, c.desc)
    if how != 1:
        c.dealer = u
    if how != 0 and (u < c.message.client) == bool(c.package.mask_ct):
        c.package.peer = u
    if how == 2:
        c.entry.client = u
    if rng.randrange(2):
        c.sign_digest()


def change_complaint(rng, c):
    message, how = c.message, rng.randrange(7)
    if how == 0:
        message.client = anybody(rng, c.desc)
    elif how == 1:
        message.prev = rng.randbytes(32)
    elif how == 2:
        message.kind = rng.choice([*core.NAMES, rng.randrange(256)])
    elif how == 3:
        message.attachment = rng.randbytes(rng.randint(1, 3))
    elif how == 4:
        c.signers[rng.choice(["dealer", "complainer"])] = rng.choice([*c.desc.ids, SERVER])
    else:
        c.body = lambda body: change_bytes(rng, body)


COMPLAINT_CHANGES = (change_shares, change_envelope, change_envelope_key, change_entry, change_names, change_complaint)


def forged_dealing(rng, base):
    c = Complaint(base.desc, base.raw[CONTENTS:], base.seed)
    changes = [rng.choice(COMPLAINT_CHANGES) for _ in range(rng.choice([1, 1, 2, 3]))]
    for change in changes:
        change(rng, c)
    return named(changes), c.encode()


def named(changes):
    return ", ".join(change.__name__ for change in changes)


# --- equivocation --------------------------------------------------------------------------------------

def change_kind(rng, a, b, desc):
    kind = rng.choice([*core.NAMES, rng.randrange(256)])
    for statement in rng.choice([(a,), (a, b), (a, b)]):
        statement.kind = kind


def change_client(rng, a, b, desc):
    u = anybody(rng, desc)
    for statement in rng.choice([(a,), (a, b)]):
        statement.client = u


def change_hash(rng, a, b, desc):
    name = rng.choice(["prev", "body_hash", "attachment_hash"])
    setattr(a, name, rng.choice([rng.randbytes(32), getattr(b, name)]))


def change_all(rng, a, b, desc):
    """The same statement twice, or but for one hash or recipient."""
    for name, value in vars(a).items():
        setattr(b, name, value)
    if rng.randrange(4):
        rng.choice([change_hash, change_client])(rng, a, b, desc)


STATEMENT_CHANGES = (change_kind, change_client, change_hash, change_hash, change_all)


def sign_statement(rng, base, s):
    """By whom it is of; rarely by another; sometimes with another nonce than that of RFC 8032."""
    signed = core.signed_bytes_of_hashes(base.desc.sid, s.kind, s.client, s.prev, s.body_hash, s.attachment_hash)
    who = SERVER if s.kind >= core.ADVERTS else s.client
    seed = base.seed(who if rng.randrange(12) else rng.choice([*base.desc.ids, SERVER]))
    if rng.randrange(4):
        s.signature = suite.sign(seed, signed)
    else:
        nonce = rng.randrange(1, ristretto.L)
        s.signature = sign_with(ristretto.mul(nonce, ristretto.BASE), nonce, secret_scalar(seed), suite.identity_key(seed), signed)


def forged_equivocation(rng, base):
    r = Reader(base.raw[CONTENTS:])
    a, b = rng.sample([Statement.read(r), Statement.read(r)], 2)
    changes = [rng.choice(STATEMENT_CHANGES) for _ in range(rng.choice([1, 1, 2, 3]))]
    for change in changes:
        change(rng, a, b, base.desc)
    for statement in (a, b):
        sign_statement(rng, base, statement)
    ordered = sorted([a.encode(), b.encode()], reverse=not rng.randrange(10))
    return named(changes), b"".join(ordered)


# --- reveal --------------------------------------------------------------------------------------------

REVEAL_PARTS = (core.DELIVERY, core.SURVIVORS, core.REVEAL, core.REVEAL)


def session(base):
    """All of it that is in evidence: no letters."""
    file = audit_forge.Forgery(base.desc, base.session, base.seed)
    for part in file.parts:
        part.letters = None
    return file


def reveal_contents(file, choose):
    """Of the messages that are left one is chosen; a `Fault` if there is none."""
    file.encode()
    delivery, survivors, reveals = (file.part(tag) for tag in (core.DELIVERY, core.SURVIVORS, core.REVEAL))
    require(reveals.messages, evidence.UNPROVEN)
    bodies = [core.entries_encode(delivery.entries), ls(survivors.bits) + core.entries_encode(survivors.entries)]
    return file.h1 + b"".join(map(ls, [*bodies, choose(reveals.messages).encode()]))


def has_reveals(base):
    return session(base).part(core.REVEAL) is not None


def honest_reveal(base):
    return evidence.evidence(base.desc, evidence.REVEAL, reveal_contents(session(base), lambda messages: messages[0]))


def forged_reveal(rng, base):
    """Of a whole session that is forged, so that the Reveal is over what stands before it."""
    file = session(base)
    what = [audit_forge.forge(rng, file, [rng.choice(REVEAL_PARTS)]) for _ in range(rng.choice([1, 1, 2, 3]))]

    def choose(messages):
        message = rng.choice(messages)
        if rng.randrange(8):
            return message
        what.append("another revealer")
        message = replace(message, client=anybody(rng, base.desc))
        return message.sign(base.seed(message.client))

    contents = reveal_contents(file, choose)
    return ", ".join(what), contents


FORGED = {evidence.DEALING: forged_dealing, evidence.EQUIVOCATION: forged_equivocation, evidence.REVEAL: forged_reveal}
