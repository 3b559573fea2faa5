"""Vectors of transcripts about complaints, reveals, packages and chunks: who is blamed for a session without a sum, or for a wrong one."""

from dataclasses import replace

import core
import recorder
import ristretto
import sharing
import vec_transcript_runs as runs
import xwing
from recorder import ALL_CHUNKS, PACKAGES
from suite import u32
from vec_common import rnd
from vec_forged import Forged
from vec_refused import Cases
from vec_refused_bodies import redealt, swap
from vec_states import complaint_about
from vec_transcript_form import flipped


def build(acc):
    for part in (complaints, reveals, liars, too_few, packages, mask_roots, uploads, padding, leaves, wrong_sums, incomplete):
        part(acc)


# --- complaints ------------------------------------------------------------------------------------------

def complaints(acc):
    run = runs.badly_dealt()
    acc.case(run, "a bad dealing, and the session ends", acc.bases[run.name], 309, 2)
    acc.forged("a bad dealing", Forged(run), core.COMPLAINT, 309, 2)
    acc.forged("a bad dealing, and the server goes on", Forged(run), core.COMPLAINT, 309, 2, behind="all")
    acc.forged("an envelope that does not open", sealed_badly(), core.COMPLAINT, 309, 3)
    for u in (3, 2**40):
        forged = Forged(runs.one_gone())
        forged.messages[core.COMPLAINT][u] = complaint_about(runs.one_gone(), u, 7)
        acc.forged(f"a survivor has complained, {u}", forged, core.SURVIVORS, 313, u, behind="all" if u == 3 else "nothing")


def sealed_badly():
    """Client 3 seals nothing for client 7, under a matching key commitment."""
    run = runs.one_gone()
    forged = Forged(run).redeal(3, 7, sealed=bytes(144))
    entry = replace(forged.messages[core.SHARES][3], prev=run.server.h1).sign(run.seed(3)).entry()
    package = replace(forged.packages[3][7], peer=3)
    forged.messages[core.COMPLAINT][7] = complaint_about(run, 7, 3, entry, package)
    return forged


# --- reveals ---------------------------------------------------------------------------------------------

def reveals(acc):
    """301 and 308: contents of a Reveal that are wrong by themselves."""
    run = runs.one_gone()
    body = Forged(run).messages[core.REVEAL][3].body
    rows = core.reveal_decode(body)
    scalar = (int.from_bytes(body[12:44], "little") + ristretto.L).to_bytes(32, "little")
    for name, code, reason, change in (
            ("is cut", 301, 201, {"body": b""}), ("counts more shares than bytes", 301, 207, {"body": u32(5) + body[4:]}),
            ("has a byte behind its shares", 301, 202, {"body": body + b"\x00"}),
            ("has a scalar that is not reduced", 301, 208, {"body": body[:12] + scalar + body[44:]}),
            ("has shares out of order", 301, 212, {"body": core.reveal_encode(swap(rows))}),
            ("has an attachment", 301, 202, {"attachment": b"\x00"}),
            ("lacks an owner", 308, None, {"body": core.reveal_encode(rows[1:])}),
            ("has an owner too many", 308, None, {"body": core.reveal_encode([(1, 1, 1), *rows])}),
            ("has another owner", 308, None, {"body": core.reveal_encode([(2, *rows[0][1:]), *rows[1:]])})):
        behind = "all" if reason == 208 or name == "lacks an owner" else "nothing"
        acc.forged(f"a Reveal that {name}", Forged(run).message(core.REVEAL, 3, **change), core.REVEAL, code, 3, reason, behind)


def add_to_share(forged, u, place, amount, blinding=0):
    rows = core.reveal_decode(forged.messages[core.REVEAL][u].body)
    owner, share, blind = rows[place]
    rows[place] = owner, (share + amount) % ristretto.L, (blind + blinding) % ristretto.L
    return forged.message(core.REVEAL, u, body=core.reveal_encode(rows))


def lying(run, who, place=0):
    forged = Forged(run)
    for u in who:
        add_to_share(forged, u, place, 1)
    return forged


def cancelling(forged):
    """The first two revealers lie so that the secret is right all the same; there are as many reveals as the threshold."""
    revealers = sorted(forged.messages[core.REVEAL])
    first, second = sharing.lagrange([forged.desc.index(u) for u in revealers])[:2]
    add_to_share(forged, revealers[0], 0, 1, blinding=1)
    amount = -first * pow(second, -1, ristretto.L)
    return add_to_share(forged, revealers[1], 0, amount, blinding=amount)


def liars(acc):
    """311: not enough good shares are left."""
    for run, who, place, behind in ((runs.one_gone(), [3], 0, "nothing"), (runs.one_gone(), [2**64 - 1], 3, "all"),
                                    (runs.one_gone(), [2**40, 2**64 - 1], 1, "nothing"), (runs.enough(), [3, 5], 0, "the end")):
        acc.forged(f"bad shares of {who}", lying(run, who, place), core.REVEAL, 311, who[0], behind=behind)
    fewer = lying(runs.enough(), [5]).drop(core.REVEAL, 1)
    acc.forged("a bad share among as many as are needed", fewer, core.REVEAL, 311, 5)
    blinding = add_to_share(Forged(runs.one_gone()), 3, 2, 0, blinding=1)
    acc.forged("a bad blinding share", blinding, core.REVEAL, 311, 3)
    acc.forged("a bad share among too few", lying(runs.enough(), [4]).drop(core.REVEAL, 1, 3), core.REVEAL, 311, 4)


def too_few(acc):
    """501, where a sum is announced all the same; without one the server has given up."""
    for run, gone, behind in ((runs.one_gone(), [3], "all"), (runs.one_gone(), [3, 2**40], "nothing"), (runs.enough(), [1, 4], "the end")):
        few = Forged(run).drop(core.REVEAL, *gone)
        acc.forged(f"a sum without reveals of {gone}", few, core.ANNOUNCEMENT, 501, behind=behind)
        acc.case(run, f"no reveals of {gone}, and no sum", few.file().up_to(PACKAGES, end=True))


# --- packages and mask roots -------------------------------------------------------------------------------

def unacceptable(ct):
    return ct[:-32] + bytes(32)


def packages(acc):
    run = runs.one_gone()
    other = lambda raw: raw[:-1] + flipped(raw[-1:])  # noqa: E731
    acc.forged("a package that its digest does not fit", Forged(run).part(PACKAGES, other), PACKAGES, 217, behind="all")
    acc.forged("another mask ciphertext", Forged(run).part(PACKAGES, lambda raw: flipped(raw, 100)), PACKAGES, 217)
    for dealer, holder, part, behind in ((3, 7, "mask_ct", "all"), (3, 7, "channel_ct", "nothing"), (7, 2**40, "mask_ct", "nothing")):
        ct = unacceptable(getattr(Forged(run).packages[dealer][holder], part))
        acc.forged(f"a {part} of {dealer} that is refused", Forged(run).redeal(dealer, holder, **{part: ct}), PACKAGES, 301, dealer, 211, behind)


def mask_roots(acc):
    """312."""
    for run, u in ((runs.other_key(), 2), (runs.other_ciphertext(), 1)):
        what = run.name.removeprefix("audit/")
        acc.case(run, f"{what}, and no sum", acc.bases[run.name], 312, u)
        acc.forged(what, Forged(run), PACKAGES, 312, u)
    announced = Forged(runs.other_key()).sum([1, 2, 3])
    acc.forged("other key, and a sum", announced, PACKAGES, 312, 2, behind="all")
    two = Forged(runs.enough()).drop_out(3)
    for dealer, holder in ((2, 4), (3, 5)):
        two.redeal(dealer, holder, mask_ct=other_mask_ct(runs.enough(), holder))
    acc.forged("other ciphertexts of two drop-outs", two, PACKAGES, 312, 2)


def other_mask_ct(run, holder):
    return xwing.encaps(run.server.mask_pks[holder], rnd("audit/other coins", 64))[0]


def unopened_ciphertext():
    """Of the pairs of two drop-outs nothing is in a file, and nothing depends on them."""
    run = runs.enough()
    return Forged(run).drop_out(5).redeal(2, 5, mask_ct=other_mask_ct(run, 5))


# --- chunks ------------------------------------------------------------------------------------------------

def uploads(acc):
    """506: bytes of an upload that are not under its signed root."""
    run = runs.one_gone()
    whole = acc.bases[run.name]
    start = len(recorder.File.up_to(runs.base(run), core.ANNOUNCEMENT)) + 1
    for name, raw, check in (
            ("a byte of the first chunk", flipped(whole, start), "full"), ("a byte of the last chunk", flipped(whole, -40), "full"),
            ("a byte of a chunk that is not unmasked", flipped(whole, -40), [0])):
        acc.case(run, f"another upload in {name}", raw, 506, check=check)
    opened = runs.opened_file(run, [1])
    size, first = 144, len(runs.opened_file(run, [1])) - 1 - 64 - 32 - 3 * (144 + 64)
    for name, at in (("a node of a path", first), ("a byte of an opened chunk", first + 64 + size - 1)):
        acc.case(run, f"another upload in {name}", flipped(opened, at), 506, check=[1])
    swapped = opened[:first] + opened[first + 208:first + 416] + opened[first:first + 208] + opened[first + 416:]
    acc.case(run, "two uploads in each other's place", swapped, 506)
    lattice = acc.bases[runs.lattice().name]
    acc.case(runs.lattice(), "another residue", flipped(lattice, -40), 506, check="full")


def padded(u):
    run = runs.one_gone()
    upload = run.clients[u].upload
    return Forged(run).upload(u, upload[:-1] + bytes([upload[-1] | 0x80]))


def padding(acc):
    """301(213): padding that its client has signed, where it is looked at."""
    run = runs.one_gone()
    for u, check in ((3, "full"), (2**64 - 1, "present")):
        acc.forged(f"padding in the upload of {u}, asked for {check}", padded(u), ALL_CHUNKS, 301, u, 213, "all" if check == "full" else "nothing", check)
    opened = runs.opened_file(run, [2], lambda _: padded(3))
    acc.case(run, "padding in an opened chunk", opened, 301, 3, 213)
    acc.case(run, "padding in a chunk that is not opened", runs.opened_file(run, [0], lambda _: padded(3)))
    acc.case(run, "padding in a chunk that is not unmasked", padded(3).encode(), 301, 3, 213, [0, 1])


def leaves(acc):
    """217: leaves of the sum that are not those of the announced root."""
    run = runs.one_gone()
    whole = acc.bases[run.name]
    acc.case(run, "another leaf of the sum", flipped(whole, -2), 217, check="full")
    acc.case(run, "another leaf of a chunk that is not unmasked", flipped(whole, -2), 217, check=[0])
    opened = runs.opened_file(run, [0, 2])
    acc.case(run, "another node on the path of the sum", flipped(opened, -2), 217)
    acc.case(run, "another leaf in an opened chunk", flipped(opened, -34), 217)
    forged = Forged(run)
    forged.root = bytes(32)
    acc.forged("a root that no leaves give", forged, ALL_CHUNKS, 217, behind="all")


def wrong(run, places):
    words = list(run.server.sum)
    for p in places:
        words[p] = (words[p] + 1) % 2**run.desc.modulus_bits
    return Forged(run).sum(words)


def wrong_sums(acc):
    """414, and what a spot check does not see."""
    run = runs.one_gone()
    for places, check, behind in (([0], "full", "all"), ([129], "present", "nothing"), ([64, 129], [1], "all")):
        acc.forged(f"another sum in words {places}, asked for {check}", wrong(run, places), ALL_CHUNKS, 414, "server", behind=behind, check=check)
    acc.case(run, "another sum in an opened chunk", runs.opened_file(run, [1], lambda _: wrong(run, [64])), 414, "server", check=[1])
    acc.case(run, "another sum in a chunk that is not unmasked", wrong(run, [64]).encode(), check=[0, 2])
    acc.case(run, "another sum in a chunk that is not opened", runs.opened_file(run, [2], lambda _: wrong(run, [64])), check=[2])
    acc.forged("another sum in a session of one chunk", wrong(runs.enough(), [2]), ALL_CHUNKS, 414, "server", behind="all", check="full")
    acc.forged("another sum without opened pairs", wrong(runs.every_round(), [0]), ALL_CHUNKS, 414, "server", behind="all", check="full")
    acc.forged("another sum under lattice masks", wrong(runs.lattice(), [4096]), ALL_CHUNKS, 414, "server", behind="all", check="full")
    acc.forged("a sum of lattice masks that do not cancel", unmasked(), ALL_CHUNKS, 414, "server", behind="all", check="full")
    acc.case(runs.lattice(), "the chunk whose lattice masks do not cancel", runs.opened_file(runs.lattice(), [1], lambda _: unmasked()), 414, "server")
    forged = lying(runs.enough(), [1])
    forged.sum([1, 2, 3])
    acc.forged("another sum, and a liar on the record", forged, ALL_CHUNKS, 414, "server", behind="all", check="full")
    forged = Forged(runs.one_gone())
    forged.leaves = [forged.leaves[1], forged.leaves[0], forged.leaves[2]]
    acc.forged("the sum's chunks in each other's place", forged.announce(forged.leaves), ALL_CHUNKS, 414, "server", behind="all")


def unmasked():
    """A survivor has uploaded zeros under lattice masks in the short chunk, so that the masks do not cancel."""
    forged = Forged(runs.lattice())
    upload = forged.uploads[1]
    return forged.upload(1, upload[:12288] + bytes(len(upload) - 12288))


def incomplete(acc):
    """605: chunks that the reader asks for, and the file does not have."""
    run = runs.one_gone()
    file = runs.base(run)
    bare = file.up_to(core.ANNOUNCEMENT, end=True)
    unsummed = file.up_to(PACKAGES, end=True)
    for name, raw, check in (
            ("no chunks", bare, "full"), ("no chunks", bare, [0]), ("no sum", unsummed, "full"), ("no sum", unsummed, [2]),
            ("round 0 alone", file.up_to(core.ADVERTS, end=True), "full"), ("two of three chunks", runs.opened_file(run, [0, 2]), "full"),
            ("two of three chunks", runs.opened_file(run, [0, 2]), [1, 2]), ("all chunks", file.encode(), [3])):
        acc.case(run, f"{name}, asked for {check}", raw, 605, check=check)
