"""Vectors of transcripts with two faults, of which the first in the order of section 20.2 is the result."""

from dataclasses import replace

import core
import ristretto
import vec_transcript_runs as runs
from recorder import ALL_CHUNKS, PACKAGES
from suite import u64
from vec_forged import Forged
from vec_states import complaint_about
from vec_transcript_form import flipped
from vec_transcript_sums import padded, unacceptable, wrong


def build(acc):
    for part in (complaints, survivors, reveals, packages, chunks, ends):
        part(acc)


def complaints(acc):
    run = runs.badly_dealt()
    forged = Forged(run).raw(core.COMPLAINT, lambda x: [x[0], b""])
    acc.forged("a bad dealing, and then a complaint of no bytes", forged, core.COMPLAINT, 309, 2)
    before = Forged(run)
    before.messages[core.COMPLAINT][1] = complaint_about(run, 1, 3)
    before.raw(core.COMPLAINT, lambda x: [flipped(x[0]), x[1]])
    acc.forged("a complaint with another signature, and then a bad dealing", before, core.COMPLAINT, 215)


def survivors(acc):
    run = runs.one_gone()
    forged = Forged(run)
    for u in (3, 2**40):
        forged.messages[core.COMPLAINT][u] = complaint_about(run, u, 7)
    acc.forged("two survivors have complained", forged, core.SURVIVORS, 313, 3)
    forged.letter(core.SURVIVORS, lambda x: x[1:])
    acc.forged("two survivors have complained, and a letter is missing", forged, core.SURVIVORS, 207)
    unsigned = Forged(run).body(core.SURVIVORS, lambda x: x[:-1]).letter(core.SURVIVORS, lambda x: [*x[:3], replace(x[3], signature=flipped(x[3].signature))])
    acc.forged("a body that is cut, and a letter that is not for it", unsigned, core.SURVIVORS, 215)


def reveals(acc):
    run = runs.one_gone()
    rows = core.reveal_decode(Forged(run).messages[core.REVEAL][3].body)
    body = core.reveal_encode(rows[1:])
    not_reduced = body[:12] + (int.from_bytes(body[12:44], "little") + ristretto.L).to_bytes(32, "little") + body[44:]
    owners = lambda: Forged(run).message(core.REVEAL, 3, body=not_reduced)  # noqa: E731
    acc.forged("a Reveal for other owners, with a scalar that is not reduced", owners(), core.REVEAL, 308, 3)
    acc.forged("a Reveal for other owners, and then one with another signature", owners().raw(core.REVEAL, lambda x: [x[0], flipped(x[1]), x[2]]),
               core.REVEAL, 308, 3)
    second = Forged(run).message(core.REVEAL, 2**40, body=body).raw(core.REVEAL, lambda x: [flipped(x[0]), *x[1:]])
    acc.forged("a Reveal with another signature, and then one for other owners", second, core.REVEAL, 215)
    lower = Forged(run).raw(core.REVEAL, lambda x: [x[1], x[0][:36] + u64(3) + flipped(x[0])[44:], x[2]])
    acc.forged("a Reveal of a lower id with another signature", lower, core.REVEAL, 215)


def packages(acc):
    """Of three packages the first and the last."""
    run = runs.one_gone()
    ct = unacceptable(Forged(run).packages[3][7].mask_ct)
    first = Forged(run).redeal(3, 7, mask_ct=ct).part(PACKAGES, flipped)
    acc.forged("a ciphertext that is refused, and then a package that its digest does not fit", first, PACKAGES, 301, 3, 211)
    dropped = Forged(runs.other_key()).part(PACKAGES, flipped)
    acc.forged("a package that its digest does not fit, of a drop-out with another key", dropped, PACKAGES, 217)


def chunks(acc):
    run = runs.one_gone()
    both = lambda word: wrong(run, [word]).upload(3, padded(3).uploads[3])  # noqa: E731
    acc.forged("another sum in a chunk before the one with padding", both(0), ALL_CHUNKS, 414, "server", check="full")
    acc.forged("padding, and another sum in the same chunk", both(129), ALL_CHUNKS, 301, 3, 213, check="full")
    changed = wrong(run, [0]).part(ALL_CHUNKS, lambda raw: flipped(raw, -40))
    acc.forged("another sum, and another upload in a later chunk", changed, ALL_CHUNKS, 506, check="full")
    leaf = padded(3)
    leaf.part(ALL_CHUNKS, flipped)
    acc.forged("padding, and another leaf of the sum", leaf, ALL_CHUNKS, 217, check="full")
    opened = lambda change: runs.opened_file(run, [0, 2], lambda _: change)  # noqa: E731
    raw = opened(wrong(run, [0]))
    second = 8 + 3 * (32 + 5) + 32 + 32 + 1  # its number, a node and five bytes of each upload, leaf and path of the sum; the end
    acc.case(run, "another sum in an opened chunk, and then another path", flipped(raw, -2), 414, "server")
    acc.case(run, "another sum in an opened chunk, and nothing behind it", raw[:-second], 414, "server")


def ends(acc):
    run = runs.one_gone()
    file = runs.base(run)
    acc.case(run, "chunks that are missing, and a byte behind the end", file.up_to(core.ANNOUNCEMENT, end=True) + b"\x00", 605, check="full")
    opened = runs.opened_file(run, [0, 2])
    acc.case(run, "chunks that are missing, and nothing behind those that are not", opened[:-1], 605, check="full")
