"""Mutated transcripts, judged by both verifiers.

    cargo build --release --example audit
    reference/audit_mutations.py target/release/examples/audit 2000 seed

Makes that many mutations of the transcripts in tests/vectors, and exits with 1 at the first that the two verifiers judge differently,
after printing it: another error, another party, or another report. The same seed gives the same mutations. Where the keys of a session
are known, as in the vectors, some mutations are signed again by whoever signed what they change: all others end at a signature.
"""

import argparse
import collections
import functools
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
import core
import ristretto
import xwing
from descriptor import Descriptor
from suite import Reader, identity_key
from vec_common import SERVER, identity_seed

VECTORS = pathlib.Path(__file__).resolve().parent.parent / "tests" / "vectors" / "transcripts.json"


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


def remember():
    """A mutation leaves most signatures and points as they were: these functions have one result for each input."""
    for module, name in ((core, "verify"), (ristretto, "decode"), (xwing, "public_key")):
        setattr(module, name, functools.cache(getattr(module, name)))


# --- mutations -----------------------------------------------------------------------------------------

class Traced(Reader):
    """Notes where each field is that it reads."""

    def __init__(self, data):
        super().__init__(data)
        self.fields = []

    def take(self, k):
        self.fields.append((self.at, k))
        return super().take(k)


class Base:
    """A good transcript, where its fields and parts are, and who signs what in it."""

    def __init__(self, name, descriptor, transcript, seed=None):
        """seed(who): the identity seed of a client, or of "server"; None if the keys are not known."""
        self.name, self.desc, self.transcript, self.seed = name, Descriptor.decode(descriptor), transcript, seed
        r, parts = Traced(transcript), []
        verifier = audit.Verifier(self.desc, r, audit.PRESENT)
        judge = verifier.judge_part
        verifier.judge_part = lambda tag: (parts.append(r.at - 1), judge(tag))
        verifier.run(prefix=False)
        self.fields, self.parts = [f for f in r.fields if f[1]], [*parts, len(transcript) - 1, len(transcript)]
        self.count = audit_chunks.chunk_count(self.desc)

    def part(self, k):
        return self.transcript[self.parts[k]:self.parts[k + 1]]


def mutate(rng, base):
    """(what was done, the mutated transcript)."""
    if base.seed and rng.randrange(2):
        return forged(rng, base)
    how = rng.choice([flip, cut, insert, remove, exchange, overwrite, move_part])
    what, raw = how(rng, base)
    return f"{how.__name__}: {what}", raw


def forged(rng, base):
    """One change or more that are signed again, so that it matters which is found first; sometimes one besides that is not."""
    file = audit_forge.Forgery(base.desc, base.transcript, base.seed)
    what = "signed again: " + ", ".join(audit_forge.forge(rng, file) for _ in range(rng.choice([1, 1, 2, 3])))
    raw = file.encode()
    if not rng.randrange(4):
        at = rng.randrange(len(raw))
        raw = raw[:at] + bytes([raw[at] ^ 1 << rng.randrange(8)]) + raw[at + 1:]
        what += f", then byte {at}"
    return what, raw


def flip(rng, base):
    at, bit = rng.randrange(len(base.transcript)), rng.randrange(8)
    raw = bytearray(base.transcript)
    raw[at] ^= 1 << bit
    return f"bit {bit} of byte {at}", bytes(raw)


def cut(rng, base):
    """Anywhere, behind a field, or behind a part."""
    at = rng.choice([rng.randrange(len(base.transcript)), sum(rng.choice(base.fields)), rng.choice(base.parts[:-1])])
    return f"at {at}", base.transcript[:at]


def insert(rng, base):
    at, new = rng.choice([rng.randrange(len(base.transcript)), sum(rng.choice(base.fields))]), rng.randbytes(rng.randint(1, 80))
    return f"{new.hex()} at {at}", base.transcript[:at] + new + base.transcript[at:]


def remove(rng, base):
    at, size = rng.choice(base.fields)
    return f"{size} bytes at {at}", base.transcript[:at] + base.transcript[at + size:]


def exchange(rng, base):
    """Two fields of one size."""
    at, size = rng.choice(base.fields)
    other = rng.choice([field for field in base.fields if field[1] == size])[0]
    raw = bytearray(base.transcript)
    raw[at:at + size], raw[other:other + size] = raw[other:other + size], raw[at:at + size]
    return f"{size} bytes at {at} and {other}", bytes(raw)


def overwrite(rng, base):
    """A field; an integer mostly becomes one near it."""
    at, size = rng.choice([field for field in base.fields if field[1] <= 8] if rng.randrange(2) else base.fields)
    raw, mask = bytearray(base.transcript), (1 << 8 * size) - 1
    number = int.from_bytes(raw[at:at + size], "little")
    number = rng.choice([0, mask, number + 1 & mask, number - 1 & mask, rng.getrandbits(8 * size)])
    raw[at:at + size] = number.to_bytes(size, "little")
    return f"{size} bytes at {at} become {number:#x}", bytes(raw)


def move_part(rng, base):
    """Left out, twice, or somewhere else; the end counts as one."""
    order = list(range(len(base.parts) - 1))
    k = rng.choice(order)
    how = rng.choice(["left out", "twice", "moved"])
    if how != "twice":
        order.remove(k)
    if how != "left out":
        order.insert(rng.randrange(len(order) + 1), k)
    return f"{k} {how}: {order}", base.transcript[:base.parts[0]] + b"".join(map(base.part, order))


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


def known_seed(name, desc):
    """The seeds of the identities of a session of the vectors, if it is one."""
    known = identity_key(identity_seed(name, SERVER)) == desc.server_key
    return functools.partial(identity_seed, name) if known else None


def transcripts(triples):
    """triples: (name, descriptor bytes, transcript bytes), of transcripts in which nothing is wrong."""
    return [Base(name, raw, file, known_seed(name, Descriptor.decode(raw))) for name, raw, file in triples]


def of_vectors():
    """The base files of the vectors that verify."""
    vectors = json.loads(VECTORS.read_text(encoding="ascii"))
    for session in vectors["sessions"]:
        descriptor, file = bytes.fromhex(session["descriptor"]["canonical"]), bytes.fromhex(session["file"])
        try:
            audit.verify(Descriptor.decode(descriptor), file, audit.PRESENT)
        except audit.Finding:
            continue
        yield session["name"], descriptor, file


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", help="the built example audit")
    parser.add_argument("count", type=int, help="how many mutations")
    parser.add_argument("seed", help="any text")
    options = parser.parse_args()
    remember()
    with tempfile.TemporaryDirectory(prefix="mutations-") as place:
        seen = compare(transcripts(of_vectors()), Bench(options.program, place), options.count, options.seed)
    if seen is None:
        sys.exit(1)
    for (code, blames), times in sorted(seen.items(), key=str):
        print(f"{times:6} x {code or blames}{f', blames {blames}' if code and blames is not None else ''}")


if __name__ == "__main__":
    main()
