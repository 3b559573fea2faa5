"""The sessions that the vectors of transcripts are about, each played once, and the files that an honest server makes of them."""

import functools

import core
import recorder
import vec_states
from vec_common import descriptor
from vec_complaints import Cheat
from vec_forged import Forged
from vec_sessions import run_session


def small(name, ids, **more):
    base = dict(max_colluders=0, max_dropouts=1, min_honest=2, vector_len=3, chunk_len=64, modulus_bits=16, bound_kind=core.EXACT,
                bound=1000, tail_log2=0, encoding=b"", round=1)
    return descriptor(name, ids, **(base | more))


@functools.cache
def one_gone():
    """Four clients, one gone before its input; three chunks, and four padding bits behind the last word."""
    name, ids = "audit/one gone", [3, 7, 2**40, 2**64 - 1]
    return run_session(name, small(name, ids, vector_len=130, modulus_bits=18), no_input=[7])


@functools.cache
def enough():
    """Five clients with a threshold of three: one gone before its input, and one survivor more than are needed."""
    name = "audit/enough"
    desc = small(name, [1, 2, 3, 4, 5], max_dropouts=2, modulus_bits=64, bound_kind=core.TAIL, bound=2**62, tail_log2=40)
    return run_session(name, desc, no_input=[2])


@functools.cache
def every_round():
    """Six clients, one gone before its Advert and one before its Shares: no pair is opened."""
    name = "audit/every round"
    desc = small(name, [1, 2, 3, 4, 5, 6], max_dropouts=2, max_colluders=1, min_honest=3, vector_len=1, modulus_bits=2, bound_kind=core.TAIL,
                 bound=1, tail_log2=1)
    return run_session(name, desc, no_advert=[1], no_shares=[5])


@functools.cache
def lattice():
    """Lattice masks in two chunks, of which the second is short; one gone before its input."""
    name = "audit/lattice"
    desc = small(name, [1, 2, 3], vector_len=4096 + 3, chunk_len=4096, modulus_bits=18, bound=20000, masking=0x14)
    return run_session(name, desc, no_input=[2])


@functools.cache
def badly_dealt():
    """Client 2 deals client 3 a bad share, and client 3 complains."""
    name, cheat = "audit/badly dealt", type("CheatOnce", (Cheat,), {"victim": 3, "how": "m share"})
    return run_session(name, small(name, [1, 2, 3]), kinds={2: cheat}, no_input=[3], complains=[3])


@functools.cache
def other_key():
    """A drop-out whose mask key is not that of its mask root: there is no sum."""
    name = "audit/other key"
    return run_session(name, small(name, [1, 2, 3]), no_input=[2], kinds={2: vec_states.OtherKey})


@functools.cache
def other_ciphertext():
    """A drop-out whose encapsulation to a survivor is not that of its mask root."""
    name = "audit/other ciphertext"
    return run_session(name, small(name, [1, 2, 3]), no_input=[1], kinds={1: vec_states.OtherCiphertext})


def runs():
    return [one_gone(), enough(), every_round(), lattice(), badly_dealt(), other_key(), other_ciphertext()]


def base(run):
    """What an honest server records of a session: everything, or what there is when the session ends."""
    if run.complaints:
        messages = [m for m in run.messages if m.kind in (core.ADVERTS, core.DELIVERY)]
        return recorder.record(run.server, messages + list(run.complaints.values()))
    return recorder.record(run.server, run.messages, {u: run.clients[u].upload for u in run.server.u3})


def opened_file(run, numbers, change=lambda forged: forged):
    forged = change(Forged(run))
    forged.opened = numbers
    return forged.encode()
