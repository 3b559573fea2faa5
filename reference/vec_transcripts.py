"""Vectors of transcript files (docs/protocol.md section 20): files that verify, and what puts all together."""

from dataclasses import replace

import audit
import core
import recorder
import vec_evidence
import vec_transcript_form
import vec_transcript_lists
import vec_transcript_order
import vec_transcript_sums
import vec_states
from recorder import PACKAGES
from vec_common import descriptor_json, hexed
from vec_forged import Forged, joined, pieces
from vec_refused import Cases
from vec_refused_bodies import redealt
from vec_transcript_runs import base, enough, every_round, lattice, one_gone, opened_file, runs


# --- cases -------------------------------------------------------------------------------------------------

class Transcripts:
    """Files by session, each held against what the verifier says."""

    def __init__(self):
        self.rows, self.bases = [], {run.name: base(run).encode() for run in runs()}

    def case(self, run, name, raw, code=None, blames=None, reason=None, check="present"):
        expected = (code, blames, reason)
        try:
            report, got = audit.verify(run.desc, raw, check), (None, None, None)
        except audit.Finding as found:
            report, got = None, (found.code, found.blames, found.reason)
        assert got == expected, (run.name, name, got, expected)
        row = {"session": run.name, "name": name, "file": self.pieces(run, raw), "check": check, "code": code, "blames": blames, "reason": reason}
        self.rows.append(row | (self.report(report) if report else {}))
        return report

    def forged(self, name, forged, tag, code, blames=None, reason=None, behind="nothing", check="present"):
        """A file whose fault is in the part with this tag; behind it is nothing, the end, or everything."""
        file = forged.file()
        raw = file.encode() if behind == "all" else file.up_to(tag, end=behind == "the end")
        self.case(forged.run, f"{name}; behind it {behind}", raw, code, blames, reason, check)

    def pieces(self, run, raw):
        out = pieces(self.bases[run.name], raw)
        assert joined(self.bases[run.name], out) == raw
        return out

    @staticmethod
    def report(report):
        return {"survivors": report.survivors, "liars": report.liars, "sum_root": report.sum_root, "checked": report.checked,
                "complaints": [{"client": u, "blames": blames, "code": code} for u, blames, code in report.complaints]}


# --- files that verify -------------------------------------------------------------------------------------

def honest(acc):
    for run, chunks in ((one_gone(), 3), (enough(), 1), (every_round(), 1), (lattice(), 2)):
        report = acc.case(run, "all chunks", acc.bases[run.name], check="full")
        assert (report.survivors, report.sum_root, report.checked) == (run.server.u3, run.server.sum_root, list(range(chunks)))
        assert Forged(run).encode() == acc.bases[run.name]
    run = one_gone()
    whole = acc.bases[run.name]
    acc.case(run, "all chunks, whatever there is", whole)
    for check in ([0], [2], [0, 2], [0, 1, 2]):
        assert acc.case(run, f"all chunks, of which {check} are unmasked", whole, check=check).checked == check
    acc.case(run, "no chunks", base(run).up_to(core.ANNOUNCEMENT, end=True))
    for opened in ([0], [1, 2], [2], [0, 1, 2]):
        raw = opened_file(run, opened)
        acc.case(run, f"opened chunks {opened}", raw, check="full" if len(opened) == 3 else "present")
        acc.case(run, f"opened chunks {opened}, all asked for", raw, check=opened)
    acc.case(run, "two chunks opened, one asked for", opened_file(run, [0, 2]), check=[2])
    acc.case(lattice(), "an opened chunk", opened_file(lattice(), [1]), check=[1])
    acc.case(enough(), "an opened chunk of one", opened_file(enough(), [0]), check="full")


def early_ends(acc):
    """What a server records of a session that it gives up, in each round."""
    run = one_gone()
    whole = base(run)
    acc.case(run, "no round closed", recorder.head(run.desc.encode()) + b"\x00")
    for tag, what in ((core.ADVERTS, "round 0"), (core.DELIVERY, "round 1"), (core.SURVIVORS, "round 2"), (core.AGREEMENT, "round 3"),
                      (PACKAGES, "reveals, and no sum")):
        acc.case(run, f"ended after {what}", whole.up_to(tag, end=True))
    acc.case(lattice(), "no sum, since a block is corrupt", unmasked(announced=False))


def unmasked(announced):
    """A survivor has uploaded zeros under lattice masks, so that the masks do not cancel."""
    forged = Forged(lattice())
    forged.upload(1, bytes(len(forged.uploads[1])))
    return forged.file().encode() if announced else forged.file().up_to(PACKAGES, end=True)


def fewer_heard(acc):
    """Survivors of whom nothing is heard after their input: there is enough without them."""
    acc.case(enough(), "a survivor that does not agree", Forged(enough()).drop(core.CONSISTENCY, 4).encode(), check="full")
    acc.case(enough(), "a survivor that does not reveal", Forged(enough()).drop(core.REVEAL, 1).encode(), check="full")


def records(acc):
    """Complaints and liars that change nothing."""
    run = one_gone()
    false = vec_states.complaint_about(run, 7, 3)
    forged = Forged(run)
    forged.messages[core.COMPLAINT][7] = false
    assert acc.case(run, "a false complaint of a drop-out", forged.encode(), check="full").complaints == [(7, 7, 310)]
    acc.case(run, "a false complaint, and no more", forged.file().up_to(core.COMPLAINT, end=True))
    malformed = Forged(run)
    malformed.messages[core.COMPLAINT][7] = replace(false, body=false.body[:-1])
    acc.case(run, "a complaint that does not decode", malformed.encode())
    acc.case(run, "a complaint about a dealing that does not count", other_dealing().encode(), check="full")
    for name, liars in (("one liar among the first", [1]), ("one liar behind the first", [5])):
        report = acc.case(enough(), name, vec_transcript_sums.lying(enough(), liars).encode(), check="full")
        assert report.liars == liars
    cancelling = vec_transcript_sums.cancelling(Forged(enough()).drop(core.REVEAL, 5))
    assert acc.case(enough(), "lies that cancel", cancelling.encode(), check="full").liars == [1, 3]
    unread = vec_transcript_sums.unopened_ciphertext()
    acc.case(enough(), "a drop-out's encapsulation to another drop-out does not fit", unread.encode(), check="full")


def other_dealing():
    """The complaint is about a dealing that the dealer has signed, and not sent."""
    run = one_gone()
    forged = Forged(run)
    entry, package = redealt(Cases(run), 3, 7, sealed=bytes(144))
    forged.messages[core.COMPLAINT][7] = vec_states.complaint_about(run, 7, 3, entry, replace(package, peer=3))
    return forged


# --- the file ----------------------------------------------------------------------------------------------

def build():
    acc = Transcripts()
    for part in (honest, early_ends, fewer_heard, records):
        part(acc)
    vec_transcript_form.build(acc)
    vec_transcript_lists.build(acc)
    vec_transcript_sums.build(acc)
    vec_transcript_order.build(acc)
    return hexed({
        "sessions": [{"name": run.name, "descriptor": descriptor_json(run.desc), "file": acc.bases[run.name]} for run in runs()],
        "transcripts": acc.rows, "evidence": vec_evidence.build(acc)})
