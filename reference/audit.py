"""The verifier of transcripts (docs/protocol.md section 20): checks what the server of a session recorded, and names who deviated.

The first check that fails is the result, since nothing behind it is looked at: letters, messages of clients, packages and opened chunks are judged one by
one, each before the next is read; a body when its letters have passed; all reveals together, and all chunks, when they have been read.
"""

from dataclasses import dataclass, field

import audit_chunks
import audit_file
import core
from audit_checks import Rounds
from audit_file import ALL_CHUNKS, CHUNKS, END, FOLLOWS, HEAD, OPENED_CHUNKS, PACKAGES
from suite import Fault, Reader, require

FULL, PRESENT = "full", "present"


class Finding(Exception):
    """The first check that failed: its code, whom it blames (a client id, "server" or None), and the code that it carries."""

    def __init__(self, code, blames, reason, consumed):
        super().__init__(f"error {code}, blames {blames}, reason {reason}")
        self.code, self.blames, self.reason, self.consumed = code, blames, reason, consumed


@dataclass
class Report:
    """What a file without fault says."""

    survivors: list | None  # None: the file does not get so far
    liars: list
    sum_root: bytes | None
    complaints: list  # (client, whom it blames, code) of those that prove nothing against a dealing that counts
    checked: list = field(default_factory=list)  # the chunks that were unmasked
    sum: list = field(default_factory=list)  # their words
    consumed: int = 0  # bytes read


def verify(descriptor, data, check=FULL, prefix=False):
    """check: "full", "present" (whatever chunks the file has), or a list of chunks, for a spot check.

    prefix: the data only begins with a file; what is behind its end is not looked at.
    """
    r = Reader(data)
    try:
        return Verifier(descriptor, r, check).run(prefix)
    except Fault as fault:
        raise Finding(fault.code, fault.blames, fault.reason, r.at) from fault


class Verifier:
    def __init__(self, desc, r, check):
        self.desc, self.r, self.check = desc, r, check
        self.rounds = Rounds(desc)
        self.chunks = audit_chunks.Chunks(self.rounds)

    def run(self, prefix):
        audit_file.read_head(self.r, self.desc)
        tag = HEAD
        while (tag := self._next(tag)) != END:
            self.judge_part(tag)
        if not prefix:
            self.r.end()
        return self._report()

    def _next(self, after):
        """The next tag; where it shows that no chunks come, whoever asked for chunks gets none."""
        tag = self.r.uint(1)
        if after == core.ANNOUNCEMENT and tag not in CHUNKS:
            self._complete()
        require(tag in FOLLOWS[after], 206)
        if tag == END:
            self._complete()
        return tag

    def judge_part(self, tag):
        """Reads a part, and judges it before anything behind it."""
        r, rounds, n = self.r, self.rounds, self.desc.n
        if tag in core.FROM_SERVER:
            sent = {core.ADVERTS: rounds.on_adverts, core.DELIVERY: rounds.on_delivery, core.SURVIVORS: rounds.on_survivors,
                    core.AGREEMENT: rounds.on_agreement, core.ANNOUNCEMENT: rounds.on_announcement}
            sent[tag](audit_file.read_sent(r, tag, n))
        elif tag in (core.COMPLAINT, core.REVEAL):
            received = {core.COMPLAINT: rounds.on_complaints, core.REVEAL: rounds.on_reveals}
            received[tag](audit_file.read_received(r))
        elif tag == PACKAGES:
            rounds.on_packages(audit_file.read_packages(r, rounds.opened_pairs()))
        elif tag == ALL_CHUNKS:
            self.chunks.on_all(r, None if self.check in (FULL, PRESENT) else set(self.check))
        elif tag == OPENED_CHUNKS:
            self.chunks.on_opened(r)
        if tag in CHUNKS:
            self._complete()

    def _complete(self):
        """Whoever asked for chunks has got them."""
        if self.check == FULL:
            require(len(self.chunks.sums) == audit_chunks.chunk_count(self.desc), 605)
        elif self.check != PRESENT:
            require(set(self.check) <= set(self.chunks.sums), 605)

    def _report(self):
        rounds, sums = self.rounds, self.chunks.sums
        return Report(rounds.u3, rounds.liars, rounds.sum_root, rounds.complaints, list(sums), list(sums.values()), self.r.at)
