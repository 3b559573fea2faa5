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
import audit_forge
import complaint
import core
import ristretto
import sharing
from descriptor import Descriptor
from suite import Reader

VECTORS = pathlib.Path(__file__).resolve().parent.parent / "tests" / "vectors" / "transcripts.json"
COLUMNS = ("survivors", "liars", "sum_root", "complaints", "checked")


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
    for module, name in ((core, "verify"), (ristretto, "decode"), (sharing, "recover"), (complaint, "judge")):
        setattr(module, name, Memory(getattr(module, name)))
    sharing.share_good = Memory(sharing.share_good)


class Memory:
    def __init__(self, function):
        self.function, self.known = function, {}

    def __call__(self, *inputs):
        key = repr(inputs)
        if key not in self.known:
            self.known[key] = self.function(*inputs)
        return self.known[key]
