"""Mutated transcripts, judged by both verifiers.

    cargo build --release --example audit
    reference/audit_mutations.py target/release/examples/audit 2000 seed

Makes that many mutations of the transcripts in tests/vectors, and exits with 1 at the first that the two verifiers judge differently,
after printing it: another error, another party, or another report. The same seed gives the same mutations. Three of the seven
convict a dealer or a drop-out: a change decides whether they still do. Where the keys of a session are known, as in the vectors, some
mutations are signed again by whoever signed what they change: all others end at a signature.
"""

import collections
import json
import pathlib
import random
import re
import subprocess
import sys
import tempfile

import audit
import audit_chunks
import audit_forge
import mutations
from descriptor import Descriptor
from suite import Fault, Reader


# --- both verifiers ------------------------------------------------------------------------------------

def by_python(desc, transcript, check):
    """(code, party), or (None, what the report says)."""
    try:
        report = audit.verify(desc, transcript, check)
    except audit.Finding as finding:
        return finding.code, finding.blames
    root = report.sum_root and report.sum_root.hex()
    return None, (report.survivors or [], report.liars, root, report.complaints, len(report.checked))


def by_rust(program, place, check):
    command = [program, "transcript.bin", "--session", "session.bin", "--json"]
    if check == audit.PRESENT:
        command.append("--present")
    elif check != audit.FULL:
        command += ["--chunks", ",".join(map(str, check))]
    done = subprocess.run(command, cwd=place, capture_output=True, check=False, timeout=60)
    try:
        outcome = json.loads(done.stdout)["outcome"]
    except ValueError as error:
        raise ValueError(f"{command} printed no report: {done}") from error
    if not outcome["valid"]:
        return outcome["code"], party(outcome["culprit"])
    complaints = [(c["complainer"], c["culprit"], c["code"]) for c in outcome["complaints"]]
    return None, (outcome["survivors"], outcome["liars"], outcome["sum_root"], complaints, outcome["chunks_checked"])


def party(name):
    """As `audit.Finding` names it."""
    if name is None or name == "the server":
        return name and "server"
    return int(re.search(r"\d+$", name)[0])


class Bench:
    """A directory in which the Rust verifier finds its files."""

    def __init__(self, program, place):
        self.program, self.place = str(pathlib.Path(program).resolve()), pathlib.Path(place)

    def judge(self, desc, transcript, check):
        """(what Python says, what Rust says)."""
        (self.place / "session.bin").write_bytes(desc.encode())
        (self.place / "transcript.bin").write_bytes(transcript)
        return by_python(desc, transcript, check), by_rust(self.program, self.place, check)


# --- mutations -----------------------------------------------------------------------------------------

class Base:
    """A transcript, where its fields and parts are, and who signs what in it."""

    def __init__(self, name, descriptor, transcript, seed=None):
        """seed(who): the identity seed of a client, or of "server"; None if the keys are not known."""
        self.name, self.desc, self.raw, self.seed, self.parts = name, Descriptor.decode(descriptor), transcript, seed, []
        self.fields = mutations.fields_read(transcript, self._judge)
        self.ends = [*self.parts, len(transcript) - 1]
        self.parts = [*self.ends, len(transcript)]
        self.count = audit_chunks.chunk_count(self.desc)

    def _judge(self):
        """Of one that convicts, the parts up to the last: nothing but the end is behind it."""
        r = Reader(self.raw)
        verifier = audit.Verifier(self.desc, r, audit.PRESENT)
        judge = verifier.judge_part
        verifier.judge_part = lambda tag: (self.parts.append(r.at - 1), judge(tag))
        try:
            verifier.run(prefix=False)
        except Fault as fault:
            if fault.blames is None:
                raise

    def part(self, k):
        return self.raw[self.parts[k]:self.parts[k + 1]]


def mutate(rng, base):
    """(what was done, the mutated transcript)."""
    if base.seed and rng.randrange(2):
        return forged(rng, base)
    how = rng.choice([*mutations.ANYWHERE, move_part])
    what, raw = how(rng, base)
    return f"{how.__name__}: {what}", raw


def forged(rng, base):
    """One change or more that are signed again, so that it matters which is found first; sometimes one besides that is not."""
    file = audit_forge.Forgery(base.desc, base.raw, base.seed)
    what = "signed again: " + ", ".join(audit_forge.forge(rng, file) for _ in range(rng.choice([1, 1, 2, 3])))
    raw = file.encode()
    if not rng.randrange(4):
        at = rng.randrange(len(raw))
        raw = raw[:at] + bytes([raw[at] ^ 1 << rng.randrange(8)]) + raw[at + 1:]
        what += f", then byte {at}"
    return what, raw


def move_part(rng, base):
    """Left out, twice, or somewhere else; the end counts as one."""
    order = list(range(len(base.parts) - 1))
    k = rng.choice(order)
    how = rng.choice(["left out", "twice", "moved"])
    if how != "twice":
        order.remove(k)
    if how != "left out":
        order.insert(rng.randrange(len(order) + 1), k)
    return f"{k} {how}: {order}", base.raw[:base.parts[0]] + b"".join(map(base.part, order))


# --- all together --------------------------------------------------------------------------------------

def some_check(rng, base):
    return rng.choice([audit.FULL, audit.PRESENT, audit.PRESENT, sorted(rng.sample(range(base.count), rng.randint(1, base.count)))])


def compare(bases, bench, count, seed):
    """How often each result came; None after a mutation that the verifiers judge differently."""
    rng, seen = random.Random(seed), collections.Counter()
    for number in range(count):
        base = rng.choice(bases)
        what, raw = mutate(rng, base)
        check = some_check(rng, base)
        python, rust = bench.judge(base.desc, raw, check)
        if python != rust:
            print(f"mutation {number} of {base.name!r}, {what}; check {check}\n  Python says {python}\n  Rust says   {rust}")
            return None
        seen[python if python[0] else (None, "nothing wrong")] += 1
    return seen


def transcripts(triples):
    """triples: (name, descriptor bytes, transcript bytes), of transcripts in which nothing is wrong, or that end with what convicts."""
    return [Base(name, raw, file, mutations.known_seed(name, raw)) for name, raw, file in triples]


def main():
    options = mutations.options(__doc__, "audit")
    mutations.remember()
    with tempfile.TemporaryDirectory(prefix="mutations-") as place:
        seen = compare(transcripts(mutations.sessions(mutations.vectors())), Bench(options.program, place), options.count, options.seed)
    if seen is None:
        sys.exit(1)
    mutations.tell(seen)


if __name__ == "__main__":
    main()
