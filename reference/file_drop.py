"""A party of the example `file_drop`: the same directory, the same files, the same commands (docs/integration.md section 15).

    file_drop.py keygen --out NAME
    file_drop.py server --session FILE --key FILE --dir DIRECTORY --out FILE [--transcript FILE] [--deadline SECONDS]
    file_drop.py client --session FILE --key FILE --dir DIRECTORY --input FILE [--out FILE] [--deadline SECONDS]

For tests of the two implementations against each other. It is not constant-time and must never handle a secret.
"""

import argparse
import contextlib
import os
import pathlib
import sys
import tempfile
import time

import client
import core
import recorder
import server
import session_file
import suite
from session_file import Failure, SessionFile
from state import ServerState, digest
from suite import Fault, require

POLL = 0.05
OPEN, FAILED, SUM = "server.open", "server.failed", "server.sum"


class Fresh:
    """A client's random bytes."""

    take = staticmethod(os.urandom)


class Directory:
    """Messages as files that appear whole, and are never changed."""

    def __init__(self, path):
        self.path = pathlib.Path(path)
        if not self.path.is_dir():
            raise Failure(f"{path} is no directory")

    def publish(self, name, data):
        with tempfile.NamedTemporaryFile(dir=self.path, prefix=".incomplete-", delete=False) as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(file.name, 0o644)
        try:
            os.link(file.name, self.path / name)
        except FileExistsError as error:
            raise Failure(f"{name} is there already; a session needs an empty directory of its own") from error
        finally:
            os.unlink(file.name)

    def has(self, name):
        return os.path.lexists(self.path / name)

    def read(self, name):
        """The file's bytes, or None if it is not there."""
        path = self.path / name
        if not self.has(name):
            return None
        if path.is_symlink() or not path.is_file():
            raise Failure(f"{name} is not a regular file")
        return path.read_bytes()

    def wait(self, name, patience):
        """Waits for a message of the server."""
        end = time.monotonic() + patience
        while (data := self.read(name)) is None:
            if self.has(FAILED):
                raise Failure("the server gave this session up")
            if time.monotonic() >= end:
                raise Failure(f"{name} did not come within {patience} s")
            time.sleep(POLL)
        return data


def say(text):
    sys.stderr.write(text + "\n")


# --- the client --------------------------------------------------------------------------------------

def run_client(kind, session, key_path, directory, input_path, out, patience):
    seed, desc = session_file.read_key(key_path), session.desc
    me = own_id(desc, seed)
    words = session.read_numbers(input_path)
    wait = lambda message: directory.wait(f"server-{me}.{message}", patience)  # noqa: E731
    send = lambda message, data: directory.publish(f"client-{me}.{message}", data)  # noqa: E731
    if directory.wait(OPEN, patience) != desc.sid.hex().encode():
        raise Failure("the server runs another session; compare its session file with this one")
    session_file.enter(key_path, desc.sid)
    party = kind(desc, me, seed, Fresh)
    send("advert", party.join().encode())
    send("shares", party.on_adverts(wait("adverts")).encode())
    complains = party.on_delivery(wait("delivery"))
    if complains is not None:
        send("complaint", complains.encode())
        raise Failure("a dealer sent bad shares")
    upload, message = party.mask(words)
    send("vector", upload)
    send("input", message.encode())
    send("consistency", party.on_survivors(wait("survivors")).encode())
    send("reveal", party.on_agreement(wait("agreement")).encode())
    say(f"client {me}: done; the sum is over clients {', '.join(map(str, party.u3))}")
    if out:
        announcement = wait("announcement")
        words = read_sum(directory, desc)
        party.on_announcement(announcement, words)
        session.write_numbers(out, words)


def own_id(desc, seed):
    key = suite.identity_key(seed)
    for member, other in desc.roster:
        if other == key:
            return member
    raise Failure("the public key of this key is not in the session file")


def read_sum(directory, desc):
    """The words of the sum, which come before the announcement; nothing about them is believed yet."""
    data = directory.read(SUM)
    if data is None or len(data) != 8 * desc.vector_len:
        raise Failure(f"{SUM} is missing, or has another length than the session's vectors")
    return [int.from_bytes(data[at:at + 8], "little") for at in range(0, len(data), 8)]


# --- the server --------------------------------------------------------------------------------------

class Collection:
    """The server's five steps."""

    def __init__(self, party, directory, patience):
        self.party, self.directory, self.patience = party, directory, patience
        self.state, self.messages, self.uploads = ServerState(party, 0, []), [], {}

    def run(self):
        party = self.party
        steps = (("advert", "adverts", lambda: party.desc.ids), ("shares", "delivery", lambda: party.u1),
                 ("input", "survivors", lambda: party.u2), ("consistency", "agreement", lambda: party.u3),
                 ("reveal", "announcement", lambda: party.u3))
        for theirs, ours, members in steps:
            self.collect(theirs, members())
            to_each = self.state.close()
            self.messages += to_each.values()
            if ours == "announcement":
                self.directory.publish(SUM, b"".join(word.to_bytes(8, "little") for word in party.sum))
            for member, sent in to_each.items():
                self.directory.publish(f"server-{member}.{ours}", sent.encode())

    def collect(self, message, members):
        """Takes messages of one step until all are there or the deadline has passed."""
        end, waiting, heard = time.monotonic() + self.patience, set(members), 0
        while waiting and time.monotonic() < end:
            for member in sorted(waiting):
                taken = self.look(member, message)
                if taken is not None:
                    waiting.discard(member)
                    heard += taken
            time.sleep(POLL if waiting else 0)
        say(f"server: {message}: {heard} of {len(members)}")

    def look(self, member, message):
        """Whether a client's message was taken; None if there is none yet. A fault concerns that client, unless it ends the session."""
        if message == "input" and self.directory.has(f"client-{member}.complaint"):
            message = "complaint"
        name = f"client-{member}.{message}"
        try:
            data = self.directory.read(name)
            if data is None:
                return None
            require(core.authenticate(self.party.desc, data).client == member, 216)
            self.take(data, self.directory.read(f"client-{member}.vector") if message == "input" else None)
        except (Fault, Failure) as failure:
            if self.state.ended:
                raise
            say(f"server: refused {name}: {failure}")
            return False
        return True


    def take(self, data, upload):
        """Keeps what the transcript needs, complaints included, whose verdict is a fault."""
        message = core.authenticate(self.party.desc, data)
        try:
            self.state.receive(data, upload)
        finally:
            if self.state.seen.get((message.kind, message.client)) == digest(data):
                self.messages.append(message)
                self.uploads |= {message.client: upload} if message.kind == core.MASKED_INPUT else {}

    def transcript(self):
        return recorder.record(self.party, self.messages, self.uploads).encode()


def run_server(session, key_path, directory, out, patience, transcript=None):
    seed, desc = session_file.read_key(key_path), session.desc
    if suite.identity_key(seed) != desc.server_key:
        raise Failure("this key is not the server's in the session file")
    party = server.Server(desc, seed)
    directory.publish(OPEN, desc.sid.hex().encode())
    collection = Collection(party, directory, patience)
    try:
        collection.run()
    except BaseException:
        with contextlib.suppress(Failure):
            directory.publish(FAILED, b"")
        raise
    finally:
        if transcript:
            pathlib.Path(transcript).write_bytes(collection.transcript())
    session.write_numbers(out, party.sum)
    say(f"server: done; the sum over clients {', '.join(map(str, party.u3))} is in {out}")


# --- the command line --------------------------------------------------------------------------------

def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("keygen").add_argument("--out", required=True)
    for name, deadline in (("server", 30), ("client", 120)):
        command = commands.add_parser(name)
        for option in ("--session", "--key", "--dir"):
            command.add_argument(option, required=True)
        command.add_argument("--out", required=name == "server")
        command.add_argument("--deadline", type=float, default=deadline, help="seconds to wait in each step")
        if name == "client":
            command.add_argument("--input", required=True)
        else:
            command.add_argument("--transcript", help="also of a session that fails")
    return parser.parse_args()


def main(kind=client.Client):
    """`kind` is the class of the client, for tests."""
    given = arguments()
    try:
        if given.command == "keygen":
            session_file.keygen(given.out)
            return
        session, directory = SessionFile(given.session), Directory(given.dir)
        if given.command == "server":
            run_server(session, given.key, directory, given.out, given.deadline, given.transcript)
        else:
            run_client(kind, session, given.key, directory, given.input, given.out, given.deadline)
    except (Failure, Fault, OSError, ValueError) as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
