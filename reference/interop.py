"""Sessions between both implementations, each party a process of its own, over the directory of the example `file_drop`.

    cargo build --release --example file_drop --example audit
    reference/interop.py target/release/examples/file_drop --audit target/release/examples/audit

Plays a Rust server with Rust and Python clients, and a Python server with Rust clients and a Python one, each with pairwise and with
lattice masks, and each with one client that is killed after it has dealt its shares. Exits with 1 unless every sum is the plain sum of the
survivors' inputs, every party that was not killed ends well, and every server's transcript proves that sum to the Python verifier and, with
--audit, to the Rust one. In two more sessions a Python dealer cheats: a Python client has to complain to a Rust server, and a Rust client
to a Python one, which have to blame the dealer; and so do their transcripts. Nothing outlives it: whatever is not done at --timeout is
killed. It takes little longer than one --deadline.
"""

import argparse
import concurrent.futures
import contextlib
import os
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import time

import audit
from session_file import SessionFile

HERE = pathlib.Path(__file__).resolve().parent
VALUES, CLIP, FRACTION_BITS = 200, 8, 16
RUST, PYTHON, CHEAT = "rust", "python", "cheat"
TRANSCRIPT = "transcript.bin"
FIRST, SECOND, THIRD, FOURTH, LAST = 1, 4, 9, 2**40, 2**64 - 1
# Who runs the server, who the clients by id, which client is killed, and the masks. The last client holds the others up until that has
# happened.
DROPOUTS = [(*scene, masking) for masking in ("pairwise", "L96") for scene in (
    (RUST, {FIRST: RUST, SECOND: PYTHON, THIRD: PYTHON, FOURTH: PYTHON, LAST: RUST}, THIRD),
    (PYTHON, {FIRST: RUST, SECOND: RUST, THIRD: RUST, FOURTH: RUST, LAST: PYTHON}, SECOND))]
# Who runs the server, who the clients, and which of them gets a bad share.
CHEATS = ((RUST, {FIRST: RUST, SECOND: CHEAT, THIRD: PYTHON, FOURTH: RUST}, THIRD),
          (PYTHON, {FIRST: RUST, SECOND: CHEAT, THIRD: PYTHON, FOURTH: RUST}, FIRST))


class Wrong(Exception):
    """What is not as it should be."""


class Session:
    """One session: its files, and the processes of its parties."""

    def __init__(self, place, program, server_kind, kinds, masking, options):
        self.place, self.program, self.options = pathlib.Path(place), program, options
        self.server_kind, self.kinds, self.masking = server_kind, kinds, masking
        self.parties, self.end = {}, time.monotonic() + options.timeout
        self.generator = random.Random(f"{server_kind} {masking}")

    @property
    def title(self):
        kinds = [kind for kind in self.kinds.values() if kind != CHEAT]
        return (f"{self.server_kind} server, {kinds.count(RUST)} Rust and {kinds.count(PYTHON)} Python clients, "
                f"{self.masking}")

    def command(self, kind):
        if kind == RUST:
            return [self.program]
        return [sys.executable, str(HERE / ("cheat.py" if kind == CHEAT else "file_drop.py"))]

    def prepare(self):
        """Keys, the session file, and everybody's input."""
        for who, kind in [("server", self.server_kind), *self.kinds.items()]:
            keygen = [*self.command(RUST if kind == RUST else PYTHON), "keygen", "--out", str(who)]
            subprocess.run(keygen, cwd=self.place, check=True, stdout=subprocess.DEVNULL, timeout=30)
        public = lambda who: (self.place / f"{who}.pub").read_text(encoding="ascii").strip()  # noqa: E731
        lines = ["round = 7", f"attempt = {os.urandom(16).hex()}", f"values = {VALUES}", f"clip = {CLIP}",
                 f"fraction_bits = {FRACTION_BITS}", f"masking = {self.masking}", f"server = {public('server')}",
                 *(f"client {who} = {public(who)}" for who in self.kinds)]
        (self.place / "session.txt").write_text("\n".join(lines) + "\n", encoding="ascii")
        (self.place / "drop").mkdir()
        for who in self.kinds:
            numbers = [self.generator.uniform(-CLIP, CLIP) for _ in range(VALUES - 2)] + [-CLIP, 2 * CLIP]
            (self.place / f"{who}.txt").write_text(" ".join(map(repr, numbers)), encoding="ascii")

    def start(self, who, kind, role, *more):
        log = open(self.place / f"{who}.log", "wb")  # noqa: SIM115, closed with the process
        command = [*self.command(kind), role, "--session", "session.txt", "--key", f"{who}.key", "--dir", "drop",
                   "--out", f"sum-{who}.txt", *more]
        self.parties[who] = subprocess.Popen(command, cwd=self.place, stdout=log, stderr=log)
        log.close()

    def start_server(self):
        self.start("server", self.server_kind, "server", "--transcript", TRANSCRIPT, "--deadline", str(self.options.deadline))

    def start_client(self, who, *more):
        self.start(who, self.kinds[who], "client", "--input", f"{who}.txt", "--deadline", str(self.options.timeout), *more)

    def await_file(self, name):
        while not (self.place / "drop" / name).exists():
            if time.monotonic() > self.end:
                raise Wrong(f"{name} did not come in time")
            for who, party in self.parties.items():
                if party.poll() not in (None, 0):
                    raise Wrong(f"party {who} ended with {party.returncode}")
            time.sleep(0.02)

    def codes(self):
        """The exit codes of all parties, which have to end in time."""
        codes = {}
        for who, party in self.parties.items():
            try:
                codes[who] = party.wait(max(self.end - time.monotonic(), 0))
            except subprocess.TimeoutExpired as error:
                raise Wrong(f"party {who} was not done in time") from error
        return codes

    def audited(self, code):
        """The exit code of the Rust verifier, if there is one: 0 for a session without fault, 1 for a finding. What it prints."""
        if not self.options.audit:
            return ""
        (self.place / "descriptor.bin").write_bytes(SessionFile(self.place / "session.txt").desc.encode())
        command = [self.options.audit, "--session", "descriptor.bin", *(["--present"] if code else []), TRANSCRIPT]
        done = subprocess.run(command, cwd=self.place, capture_output=True, text=True, timeout=self.options.timeout)
        if done.returncode != code:
            raise Wrong(f"the Rust verifier ends with {done.returncode}: {done.stdout}{done.stderr}")
        return done.stdout + done.stderr

    def stop(self):
        for party in list(self.parties.values()):
            with contextlib.suppress(ProcessLookupError):
                party.kill()  # also one that is asleep
            party.wait()

    def logs(self):
        return "".join(f"--- {path.stem}\n{path.read_text(errors='replace')}" for path in sorted(self.place.glob("*.log")))


class Dropout(Session):
    """A session with one client that is killed after it has dealt its shares."""

    def __init__(self, place, program, scene, options):
        server_kind, kinds, self.killed, masking = scene
        super().__init__(place, program, server_kind, kinds, masking, options)

    def play(self):
        """Every client advertises; one is killed after its shares, while another, asleep, holds the step open."""
        self.prepare()
        *others, gate = self.kinds
        self.start_server()
        self.start_client(gate)
        self.await_file(f"client-{gate}.advert")
        self.parties[gate].send_signal(signal.SIGSTOP)
        for who in others:
            self.start_client(who)
        self.await_file(f"client-{self.killed}.shares")
        self.parties[self.killed].kill()
        self.parties[self.killed].wait()
        self.parties[gate].send_signal(signal.SIGCONT)
        for who, code in self.codes().items():
            if (code != 0) != (who == self.killed):
                raise Wrong(f"party {who} ended with {code}")
        self.check()
        return f"the plain sum, without client {self.killed}, which was killed"

    def check(self):
        """The sum, to the last bit, against the plain sum of the survivors' inputs; and what every party wrote."""
        session = SessionFile(self.place / "session.txt")
        bits = session.desc.modulus_bits
        survivors = [who for who in self.kinds if who != self.killed]
        inputs = [session.read_numbers(self.place / f"{who}.txt") for who in survivors]
        plain = [sum(column) % 2**bits for column in zip(*inputs)]
        raw = (self.place / "drop" / "server.sum").read_bytes()
        found = [int.from_bytes(raw[at:at + 8], "little") for at in range(0, len(raw), 8)]
        if found != plain:
            raise Wrong("the sum is not the plain sum")
        values = [session.code.value(word, bits) for word in plain[:-1]]
        self.check_transcript(session, plain, survivors)
        for who in ["server", *survivors]:
            written = (self.place / f"sum-{who}.txt").read_text(encoding="ascii").split()
            if [float(number) for number in written] != values:
                raise Wrong(f"party {who} wrote another sum")

    def check_transcript(self, session, plain, survivors):
        """A full check, which has to find the same sum of the same clients."""
        report = audit.verify(session.desc, (self.place / TRANSCRIPT).read_bytes(), "full")
        if [word for chunk in report.sum for word in chunk] != plain or report.survivors != survivors:
            raise Wrong("the transcript's sum is not the plain sum of the survivors")
        self.audited(0)


class Cheated(Session):
    """A session with a dealer whose share for one holder is bad: the holder complains, and the server ends the session."""

    def __init__(self, place, program, scene, options):
        server_kind, kinds, self.victim = scene
        super().__init__(place, program, server_kind, kinds, "pairwise", options)

    def play(self):
        self.prepare()
        self.start_server()
        for who, kind in self.kinds.items():
            self.start_client(who, *(("--victim", str(self.victim)) if kind == CHEAT else ()))
        for who, code in self.codes().items():
            if code != 1:
                raise Wrong(f"party {who} ended with {code}, and not because of the complaint")
        cheat = next(who for who, kind in self.kinds.items() if kind == CHEAT)
        found = {path.name for path in (self.place / "drop").iterdir()}
        if {f"client-{self.victim}.complaint", "server.failed"} - found or "server.sum" in found:
            raise Wrong(f"the files are not those of a complaint: {sorted(found)}")
        last = (self.place / "server.log").read_text(encoding="utf-8").splitlines()[-1]
        if f"client {cheat}" not in last:
            raise Wrong(f"the server does not blame client {cheat}: {last}")
        self.check_transcript(cheat)
        return f"client {self.victim} complains, and client {cheat} is blamed"

    def check_transcript(self, cheat):
        session = SessionFile(self.place / "session.txt")
        try:
            audit.verify(session.desc, (self.place / TRANSCRIPT).read_bytes(), "present")
        except audit.Finding as found:
            if (found.code, found.blames) != (309, cheat):
                raise Wrong(f"the transcript shows another fault: {found}") from found
        else:
            raise Wrong("the transcript blames nobody")
        if self.options.audit and f"client {cheat}" not in self.audited(1):
            raise Wrong(f"the Rust verifier does not blame client {cheat}")


def run(session):
    """Whether one session went well."""
    begun = time.monotonic()
    try:
        found = session.play()
    except (Wrong, subprocess.SubprocessError, OSError, ValueError) as error:
        print(f"{session.title}: FAILED: {error}\n{session.logs()}", end="", flush=True)
        return False
    finally:
        session.stop()
    print(f"{session.title}: {found} ({time.monotonic() - begun:.1f} s)", flush=True)
    return True


def run_all(program, options):
    """All sessions at once: most of the time a server waits for the client that was killed."""
    with contextlib.ExitStack() as stack:
        sessions = []
        for kind, scene in [(Dropout, scene) for scene in DROPOUTS] + [(Cheated, scene) for scene in CHEATS]:
            place = stack.enter_context(tempfile.TemporaryDirectory(prefix="interop-"))
            sessions.append(kind(place, program, scene, options))
        with concurrent.futures.ThreadPoolExecutor(len(sessions)) as pool:
            try:
                return all(list(pool.map(run, sessions)))
            finally:
                for session in sessions:
                    session.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", help="the built example file_drop")
    parser.add_argument("--deadline", type=int, default=30, help="seconds that a server waits in each step")
    parser.add_argument("--timeout", type=int, default=180, help="seconds for each session")
    parser.add_argument("--audit", help="the built example audit")
    options = parser.parse_args()
    options.audit = options.audit and str(pathlib.Path(options.audit).resolve())
    program = str(pathlib.Path(options.program).resolve())
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("terminated"))
    sys.exit(not run_all(program, options))


if __name__ == "__main__":
    main()
