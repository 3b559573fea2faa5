"""Small changes to keys, lists and dealings, for the vectors of refusals and complaints."""

from dataclasses import replace

import core
import ristretto
import sharing
import xwing

L_BYTES = ristretto.L.to_bytes(32, "little")
NEGATIVE = b"\x01" + bytes(31)  # no ristretto255 encoding: its least significant bit is set
NON_SQUARE = bytes.fromhex("26948d35ca62e643e26a83177332e6b6afeb9d08e4268b650f1f5bbd8d81d371")  # RFC 9496, A.2


def long_count(body):
    """More items than bytes follow."""
    return b"\xff\xff\xff\xff" + body[4:]


def swap(items):
    return [items[1], items[0], *items[2:]]


def low_order_key(key, coordinate):
    """A public key, or two, with another X25519 part at its end."""
    return key[:-32] + coordinate


def shifted_modulus(pk):
    """The first ML-KEM coefficient replaced by q, which is not reduced."""
    first = (3329).to_bytes(2, "little")
    return first[:1] + bytes([pk[1] & 0xF0 | first[1]]) + pk[2:]


def changed_list(entries, drop=(), change=None, add=None):
    """A list of entries from a dictionary by client id, with changes."""
    out = {u: e for u, e in entries.items() if u not in drop} | (change or {})
    if add is not None:
        out[add.client] = add
    return [out[u] for u in sorted(out)]


def redealt(cases, dealer, holder, **changes):
    """The dealing of a corrupt dealer with one package changed: (entry, package as sent by the dealer).

    The digest fits. With a new mask ciphertext the envelope is sealed again, so that it still opens.
    """
    shares = cases.run.message(core.SHARES, dealer)
    dealing = core.Dealing.decode(shares.body, cases.run.desc.threshold)
    packages = core.packages_decode(shares.attachment, dealer=dealer)
    package = replace(next(p for p in packages if p.peer == holder), **changes)
    if "mask_ct" in changes:
        e, sid, h1 = cases.run.clients[dealer].envelopes[holder], cases.run.desc.sid, cases.run.server.h1
        ad = sharing.associated_data(sid, h1, dealer, holder, package.mask_ct, e.channel_ct, e.kc)
        package = replace(package, sealed=sharing.aead_seal(e.seal_key, e.plaintext, ad))
    digests = [(v, package.digest(dealer, v) if v == holder else d) for v, d in dealing.digests]
    return cases.forge(shares, body=replace(dealing, digests=digests).encode()).entry(), package


def mlkem_last(pk):
    """The last ML-KEM coefficient replaced by 2^12 - 1."""
    end = xwing.MLKEM_PUBLIC - 32
    return pk[:end - 2] + bytes([pk[end - 2] | 0xF0, 0xFF]) + pk[end:]
