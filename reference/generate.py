"""Writes the files of tests/vectors, the same bytes every time; with --check, compares instead.

What the fields are: tests/vectors/README.md.
"""

import functools
import json
import pathlib
import re
import sys

import noise
import pairs
import schemas
import suite
import vec_encoding
import vec_frames
import vec_lattice
import vec_parts
import vec_runs
import vec_samplers
import vec_session
import vec_states
import vec_transcripts
from vec_common import descriptor_json
from vec_complaints import complaint_vectors
from vec_refused_client import refused_by_client
from vec_refused_server import refused_by_server
from vec_sessions import session_json

OUT = pathlib.Path(__file__).resolve().parent.parent / "tests" / "vectors"


VERSIONS = {"protocol_version": suite.VERSION, "suite": suite.SUITE}


def lattice():
    return vec_lattice.build(vec_runs.lattice().desc, [session_json(run) for run in (vec_runs.lattice(), vec_runs.lattice_default())])


def core():
    first, second, third = vec_runs.first(), vec_runs.second(), vec_runs.third()
    sid = first.desc.sid
    return VERSIONS | {
        "session": {"exact": descriptor_json(first.desc), "tail": descriptor_json(second.desc),
                    "defaults": vec_session.defaults(), "invalid": vec_session.invalid_descriptors(first.desc)},
        "hash": vec_parts.hash_vectors(), "kdf": vec_parts.kdf_vectors(sid), "prg": vec_parts.prg_vectors(sid),
        "pack": vec_parts.pack_vectors(), "merkle": vec_parts.merkle_vectors(), "vss": vec_parts.vss_vectors(sid),
        "xwing": vec_parts.xwing_vectors(), "ed25519": vec_parts.ed25519_vectors(),
        "envelope": vec_parts.envelope_vector(sid),
        "sessions": [session_json(run) for run in (first, second, third)],
        "refused": refused_by_server(first, second, third) + refused_by_client(first, third),
        "complaints": complaint_vectors()}


def sessions():
    return VERSIONS | {"sessions": [session_json(run) for run in vec_runs.more()]}


def refused_server():
    return VERSIONS | {"refused": vec_frames.to_server(vec_runs.second(), vec_runs.third(), vec_runs.lattice())}


def refused_client():
    return VERSIONS | {"refused": vec_frames.to_client(vec_runs.second(), vec_runs.third())}


def states():
    return VERSIONS | vec_states.build()


def transcripts():
    return VERSIONS | vec_transcripts.build()


FILES = {"core.json": core, "lattice.json": lattice, "sessions.json": sessions, "refused_server.json": refused_server,
         "refused_client.json": refused_client, "states.json": states, "transcripts.json": transcripts, "pairs.json": pairs.build,
         "encoding.json": vec_encoding.build, "samplers.json": vec_samplers.build, "noise.json": noise.build}


FILES |= {f"{name}.schema.json": functools.partial(schemas.schema, name) for name in schemas.FILES}


def text(build):
    """As JSON; numbers in a list stand on one line."""
    out = json.dumps(build(), sort_keys=True, indent=1) + "\n"
    return re.sub(r"(?<=[\[,])\n *(-?\d+)(?=,?\n)", r" \1", out)


def difference(expected, found):
    """None, or where two texts first differ: \"line 3, column 7\"."""
    if expected == found:
        return None
    at = next((i for i, (a, b) in enumerate(zip(expected, found)) if a != b), min(len(expected), len(found)))
    line = expected.count("\n", 0, at) + 1
    return f"line {line}, column {at - expected.rfind(chr(10), 0, at)}"


def check():
    """Exits with 1 if a committed file is not what this program writes."""
    for name, build in FILES.items():
        if not (OUT / name).exists():
            sys.exit(f"{name} is missing")
        where = difference(text(build), (OUT / name).read_bytes().decode("ascii", "replace"))
        if where is not None:
            sys.exit(f"{name} is not what this program writes; the first difference is at {where}")
        print(f"{name} is what this program writes")


def main():
    if sys.argv[1:] == ["--check"]:
        check()
    elif sys.argv[1:]:
        sys.exit(__doc__)
    else:
        OUT.mkdir(parents=True, exist_ok=True)
        for name, build in FILES.items():
            (OUT / name).write_bytes(text(build).encode("ascii"))


if __name__ == "__main__":
    main()
