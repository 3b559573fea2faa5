"""Mutated evidence, judged by both implementations.

    cargo build --release --example verify_vectors
    reference/evidence_mutations.py target/release/examples/verify_vectors 2000 seed

Makes that many mutations of the evidence in tests/vectors, writes them as vectors with what this implementation says of them, and exits
with 1 if the other one says something else, after printing where: another error, another party, or another reason. The same seed
gives the same mutations. Most are signed again by whoever signed what they change (`evidence_forge.py`); transcripts are mutated as in
`audit_mutations.py`.
"""

import collections
import json
import pathlib
import random
import subprocess
import sys
import tempfile

import audit_mutations
import evidence
import evidence_forge
import mutations
from evidence import DEALING, EQUIVOCATION, REVEAL, TRANSCRIPT
from evidence_forge import CONTENTS
from suite import Fault
from vec_forged import joined

BATCH = 500  # mutations in one file of vectors: some have 40 kB each
NAMES = {DEALING: "dealing", EQUIVOCATION: "equivocation", REVEAL: "reveal", TRANSCRIPT: "transcript"}


class Base:
    """Evidence, where its fields are, and the session that it is of, as `audit_mutations` has it."""

    ends = [16, 48, CONTENTS]

    def __init__(self, name, raw, transcript):
        self.name, self.raw, self.transcript, self.kind = name, raw, transcript, raw[CONTENTS - 1]
        self.desc, self.seed, self.session = transcript.desc, transcript.seed, transcript.raw
        self.fields = mutations.fields_read(raw, lambda: verdict(self.desc, raw))


def verdict(desc, raw):
    """(code, party, reason)."""
    try:
        found = evidence.verify(desc, raw)
    except evidence.Void as void:
        return void.code, None, void.reason
    return found.code, found.blames, found.reason


def bases(vectors):
    """By kind, of the vectors that are long enough to be of one."""
    out = {kind: [] for kind in NAMES}
    sessions = {base.name: base for base in audit_mutations.transcripts(mutations.sessions(vectors))}
    for row in vectors["evidence"]:
        of = sessions[row["session"]]
        raw = joined(of.raw, [bytes.fromhex(piece) if isinstance(piece, str) else piece for piece in row["file"]])
        if len(raw) > CONTENTS and raw[CONTENTS - 1] in out:
            out[raw[CONTENTS - 1]].append(Base(row["name"], raw, of))
    # Most vectors of a kind are of one session.
    for of in sessions.values():
        transcript = Base(f"transcript of {of.name}", evidence.of_transcript(of.desc, of.raw), of)
        out[TRANSCRIPT].append(transcript)
        if evidence_forge.has_reveals(transcript):
            out[REVEAL].append(Base(f"reveal of {of.name}", evidence_forge.honest_reveal(transcript), of))
    return out


# --- mutations -----------------------------------------------------------------------------------------

def mutate(rng, all_bases):
    """(base, what was done, the mutated evidence)."""
    kind = rng.choice([DEALING, DEALING, EQUIVOCATION, EQUIVOCATION, REVEAL, REVEAL, TRANSCRIPT])
    base = rng.choice(all_bases[kind])
    if rng.randrange(3):
        try:
            return base, *again(rng, base)
        except Fault:
            pass  # one that can not be taken apart, or of which nothing is left
    if not rng.randrange(6):
        return base, *borrow(rng, base, rng.choice(all_bases[rng.choice([kind, *NAMES])]))
    how = rng.choice(mutations.ANYWHERE)
    what, raw = how(rng, base)
    return base, f"{how.__name__}: {what}", raw


def again(rng, base):
    """Changed contents that are signed again; sometimes with a flipped bit besides."""
    if base.kind == TRANSCRIPT:
        what, contents = audit_mutations.mutate(rng, base.transcript)
    else:
        what, contents = evidence_forge.FORGED[base.kind](rng, base)
        what = f"signed again: {what}"
    raw = evidence.evidence(base.desc, base.kind, contents)
    if not rng.randrange(8):
        at = rng.randrange(len(raw))
        raw = raw[:at] + bytes([raw[at] ^ 1 << rng.randrange(8)]) + raw[at + 1:]
        what += f", then byte {at}"
    return what, raw


def borrow(rng, base, other):
    """A field of another evidence in the place of one of its size, or all of the other's contents."""
    at, size = rng.choice(base.fields)
    found = [field for field in other.fields if field[1] == size]
    if not found or not rng.randrange(8):
        start = CONTENTS - rng.randrange(2)  # with their kind, or under that of the base
        return f"from {start} on {other.name!r}", base.raw[:start] + other.raw[start:]
    there = rng.choice(found)[0]
    raw = base.raw[:at] + other.raw[there:there + size] + base.raw[at + size:]
    return f"{size} bytes at {at} from {there} in {other.name!r}", raw


# --- all together --------------------------------------------------------------------------------------

def rows(count, seed, all_bases):
    rng = random.Random(seed)
    for number in range(count):
        base, what, raw = mutate(rng, all_bases)
        name = f"mutation {number} of {base.name!r}, {what}"
        try:
            code, blames, reason = verdict(base.desc, raw)
        except Exception:
            print(f"{name}\n  {raw.hex()}")
            raise
        yield base.kind, {"session": base.transcript.name, "name": name, "file": [raw.hex()] if raw else [], "code": code, "blames": blames,
                          "reason": reason}


def by_rust(program, place, sessions, batch):
    """What it has to say of vectors in which it finds something else."""
    written = json.dumps({"sessions": sessions, "evidence": batch})
    (pathlib.Path(place) / "transcripts-mutated.json").write_text(written, encoding="ascii")
    done = subprocess.run([program, place, "--json"], capture_output=True, check=False, timeout=600)
    try:
        said = json.loads(done.stdout)
    except ValueError as error:
        raise ValueError(f"{program} printed no report: {done}") from error
    wrong = [f"{case['place']}: {case['name']}\n  Python says {case['expected']}\n  Rust says   {case['got']}" for case in said["failures"]]
    wrong += [f"not looked at: {case['what']}" for case in said["unknown_values"]]
    if not wrong and said["passed"] != len(sessions) + len(batch):
        wrong.append(f"{said['passed']} of {len(batch)} cases and {len(sessions)} sessions were judged")
    return wrong


def compare(program, count, seed):
    """How often each result came, by kind; None if the implementations differ anywhere."""
    vectors, seen, wrong = mutations.vectors(), {kind: collections.Counter() for kind in NAMES}, []
    found = list(rows(count, seed, bases(vectors)))
    for at in range(0, count, BATCH):
        batch = [row for _, row in found[at:at + BATCH]]
        with tempfile.TemporaryDirectory(prefix="mutations-") as place:
            wrong += by_rust(str(pathlib.Path(program).resolve()), place, vectors["sessions"], batch)
    for kind, row in found:
        seen[kind][row["code"], row["blames"]] += 1
    print("\n".join(wrong), end="\n" if wrong else "")
    return None if wrong else seen


def main():
    options = mutations.options(__doc__, "verify_vectors")
    mutations.remember()
    seen = compare(options.program, options.count, options.seed)
    if seen is None:
        sys.exit(1)
    for kind, counts in seen.items():
        print(f"{NAMES[kind]}:")
        mutations.tell(counts)


if __name__ == "__main__":
    main()
