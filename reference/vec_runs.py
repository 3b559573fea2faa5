"""The sessions that the vectors are about, each played once."""

import functools

import core
import vec_lattice
from vec_common import descriptor, first_descriptor, second_descriptor, third_descriptor
from vec_sessions import run_session


@functools.cache
def first():
    return checked(run_session("first", first_descriptor(), no_input=[300]), [1, 2**32 + 5, 2**64 - 1])


@functools.cache
def second():
    return checked(run_session("second", second_descriptor(first().server.h4), no_input=[11]), [10, 12])


@functools.cache
def third():
    return checked(run_session("third", third_descriptor(), no_advert=[2], no_shares=[5], no_input=[13]), [3, 8, 21, 34])


@functools.cache
def lattice():
    return checked(run_session("lattice", vec_lattice.short_descriptor(), no_input=[300]), [1, 2**32 + 5, 2**64 - 1])


@functools.cache
def lattice_default():
    return checked(run_session("lattice/L96", vec_lattice.default_descriptor(lattice().server.h4)), [10, 11, 12])


def checked(run, u3):
    assert run.server.u3 == u3
    return run


# --- with drop-outs after the input, for sessions.json ----------------------------------------------------

def late_descriptor(name, ids, **more):
    base = dict(max_colluders=0, max_dropouts=2, min_honest=3, vector_len=70, chunk_len=64, modulus_bits=64,
                bound_kind=core.EXACT, bound=2**60, tail_log2=0, encoding=b"late", round=2)
    return descriptor(name, ids, **(base | more))


@functools.cache
def late():
    """One gone before each of rounds 3 and 4: both are survivors, and their inputs count."""
    run = run_session("late", late_descriptor("late", [4, 5, 6, 7, 8]), no_consistency=[5], no_reveal=[8])
    return checked(run, [4, 5, 6, 7, 8])


@functools.cache
def everybody():
    """Nobody drops out; the largest ids, words of two bits."""
    ids = [0, 2**64 - 3, 2**64 - 2, 2**64 - 1]
    desc = late_descriptor("everybody", ids, max_dropouts=1, vector_len=193, chunk_len=128, modulus_bits=4, bound=1)
    return checked(run_session("everybody", desc), ids)


@functools.cache
def every_round():
    """One gone before each round, at once: t of n are left."""
    desc = late_descriptor("every round", [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11], max_dropouts=5, vector_len=1, bound=7, modulus_bits=8)
    run = run_session("every round", desc, no_advert=[11], no_shares=[1], no_input=[6], no_consistency=[2], no_reveal=[10])
    return checked(run, [2, 3, 4, 5, 7, 8, 9, 10])


@functools.cache
def lattice_late():
    """Lattice masks with a drop-out before the input and one before the reveal."""
    desc = late_descriptor("lattice/late", [4, 5, 6, 7, 8], vector_len=66, chunk_len=4096, modulus_bits=18, bound=20000, masking=0x14)
    return checked(run_session("lattice/late", desc, no_input=[4], no_reveal=[7]), [5, 6, 7, 8])


def more():
    return [late(), everybody(), every_round(), lattice_late()]
