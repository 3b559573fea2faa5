"""Which errors a message of each type, a transcript and evidence can end with: a table from sections 13 to 16, 20 and 21 of docs/protocol.md, and
the vectors held against it.

Every pair of a type and a code is in the table, as one that can be reached or with the reason why not. Each that can has at least one vector and at most
LIMIT; one that can not has none.
"""

import collections
import json
import pathlib
import re

import core

ROOT = pathlib.Path(__file__).resolve().parent.parent
VECTORS = ROOT / "tests" / "vectors"
LIMIT = 15
CLOSE, DESCRIPTOR, TRANSCRIPT, EVIDENCE = "close", "descriptor", "transcript", "evidence"
FILES = ("core", "lattice", "sessions", "refused_server", "refused_client", "states", "transcripts")
INCOMPLETE = 605  # of what is a caller's, the one that a file can end with

CLIENTS = ["Advert", "Shares", "Complaint", "MaskedInput", "Consistency", "Reveal"]
LISTS = ["Adverts", "Delivery", "Survivors", "Agreement"]
SERVERS = [*LISTS, "Announcement"]
MESSAGES = CLIENTS + SERVERS

# What can be reached: (types, codes).
REACHABLE = [
    (MESSAGES, [201, 202, 203, 204, 205, 206, 215, 216]),  # section 6, the frame
    (CLIENTS, [301, 302, 303, 507]),
    (CLIENTS[1:], [313]), (CLIENTS[:-1], [505]),
    (["Advert"], [504]), (["Shares"], [304, 305, 306]), (["MaskedInput"], [307, 506]), (["Reveal"], [308]),
    (["Complaint"], [305, 309, 310]),
    (SERVERS, [401, 402]),
    (LISTS, [403, 404, 405, 407, 411, 412, 507]), (LISTS[:-1], [406]),
    (["Adverts"], [408]), (["Delivery"], [309, 409, 410, 503]), (["Survivors"], [502]), (["Announcement"], [508]),
    ([CLOSE], [311, 312, 501, 509]),
    ([DESCRIPTOR], [*range(101, 114), 115, 116, 117, 201, 202, 203, 204, 207, 214]),
    ([TRANSCRIPT, EVIDENCE], [*range(201, 208), 212, 214, 215, 216, 217, 301, 308, 309, 311, 312, 313, 401, 403, 404, 405, 407, 408, 411, 414, 501, 506]),
    ([TRANSCRIPT], [INCOMPLETE]), ([EVIDENCE], [209, 303, 305, 310, 412, 510])]

# What can not: (types, codes, why). The first that applies counts.
INSIDE = "only inside a signed message, where 301 or 401 carries it"
UNREACHABLE = [
    ([*MESSAGES, CLOSE, DESCRIPTOR], [217, 414, 510, INCOMPLETE], "of transcripts and evidence, which are checked after a session"),
    ([TRANSCRIPT, EVIDENCE], range(101, 118), "the descriptor is the reader's own; of another one it is 205"),
    ([TRANSCRIPT], [208, 209, 210, 211, 213], "only in a signed body, a package or an upload, where 301, 401 or 411 carries it"),
    ([EVIDENCE], [208, 210, 211, 213], "only in a signed body, a package or an upload, where 301, 401 or 411 carries it"),
    ([TRANSCRIPT, EVIDENCE], [302, 402], "another hash than the round's blames nobody: 217 of a client's message, 215 of a letter, 404 of an entry"),
    ([TRANSCRIPT], [303, 412], "ids ascend, and a round has one body: nobody signs twice in a file"),
    ([TRANSCRIPT], [305], "of a dealing that counts: its Delivery, which is judged before, is 411(305)"),
    ([TRANSCRIPT, EVIDENCE], [304, 307], "of a forwarded entry: 411 carries it"),
    ([TRANSCRIPT, EVIDENCE], [306, 409], "of a package that its digest does not fit: 217"),
    ([TRANSCRIPT], [310], "a complaint that proves nothing goes on the record, and changes nothing"),
    ([TRANSCRIPT, EVIDENCE], [406, 410], "a reader has no entry of its own, and no Delivery's packages"),
    ([TRANSCRIPT, EVIDENCE], [502, 503, 504, 505, 507], "of a party in a session"),
    ([TRANSCRIPT, EVIDENCE], [508], "of words beside a transcript"),
    ([TRANSCRIPT, EVIDENCE], [509], "of a session without a sum; where one is announced all the same it is 414"),
    ([TRANSCRIPT], [510], "of evidence"),
    ([EVIDENCE], [INCOMPLETE], "nobody asks it for chunks"),
    ([DESCRIPTOR], [114], "parameters of fixed point, which a descriptor carries unread: encoding.json"),
    ([DESCRIPTOR], None, "no message, and no party to blame"),
    (MESSAGES, range(101, 200), "of descriptors"),
    ([CLOSE], range(101, 300), "nothing is decoded"),
    (MESSAGES, range(207, 215), INSIDE),
    (["Advert"], [313], "every member of the roster may advertise"),
    (["Reveal"], [505], "there is no later round"),
    (["Announcement"], [412, 507], "it is compared once; what comes after it is for the application to compare"),
    (["Announcement"], [403, 404, 405, 406, 407, 408, 409, 410, 411], "it has no entries"),
    (["Agreement"], [406], "an Agreement needs t of the survivors, whichever"),
    (LISTS, [408, 409, 410], "keys are in Adverts alone, packages in a Delivery alone"),
    (["Delivery"], [301, 304, 305], "of a forwarded entry: 411 carries it"),
    (SERVERS, range(301, 314), "a message of the server blames no client"),
    ([*CLIENTS, CLOSE], range(401, 413), "the server accuses nobody but clients"),
    (MESSAGES, [311, 312], "known at the close of the last round only"),
    (MESSAGES, [501, 509], "known at a close only"),
    (["Shares", "Complaint", "MaskedInput", "Consistency", "Reveal"], [504], "keys are in Adverts alone"),
    (MESSAGES, [502], "of a client that sees Survivors"),
    (MESSAGES, [503], "of a client that opens a Delivery"),
    (MESSAGES, [504, 505, 506, 508], "of another type of message"),
    (CLIENTS, range(304, 311), "of another type of message"),
    ([CLOSE], None, "closing takes no message")]

# What 301, 401 and 411 can carry.
REASONS = [
    ("Advert", 301, [201, 202, 210]), ("Shares", 301, [201, 202, 207, 209, 211, 212]), ("MaskedInput", 301, [201, 202, 213]),
    ("Consistency", 301, [202]), ("Reveal", 301, [201, 202, 207, 208, 212]),
    ("Adverts", 401, [201, 202, 207, 212]), ("Delivery", 401, [201, 202, 207, 212]), ("Survivors", 401, [201, 202, 207, 212, 213]),
    ("Agreement", 401, [201, 202, 207, 212]), ("Announcement", 401, [201, 202]),
    ("transcript", 301, [201, 202, 207, 208, 211, 212, 213]), ("transcript", 401, [201, 202, 207, 212, 213]),
    ("transcript", 411, [301, 304, 305, 307]), ("evidence", 301, [201, 202, 207, 208, 209, 211, 212, 213]), ("evidence", 401, [201, 202, 207, 212, 213]),
    ("evidence", 411, [301, 304, 305, 307]),
    ("Adverts", 411, [301]), ("Delivery", 411, [301, 304, 305]), ("Survivors", 411, [301, 307]), ("Agreement", 411, [301])]


def codes():
    """Those of section 16 that messages, descriptors and files can have; 6xx are a caller's but for 605, and 7xx its machine's."""
    text = (ROOT / "docs" / "protocol.md").read_text(encoding="utf-8")
    table = text[text.index("## 16. Errors"):text.index("## 17. Versions")]
    rows = re.findall(r"^\| (\d{3}) \| (.*?) \|", table, re.M)
    return sorted(int(code) for code, name in rows if (int(code) < 600 or int(code) == INCOMPLETE) and name != "(retired)")


def table():
    """{(type, code): None, or why it can not be reached}."""
    reachable = {(kind, code) for kinds, numbers in REACHABLE for kind in kinds for code in numbers}
    out = {}
    for kind in [*MESSAGES, CLOSE, DESCRIPTOR, TRANSCRIPT, EVIDENCE]:
        for code in codes():
            why = next((why for kinds, numbers, why in UNREACHABLE if kind in kinds and (numbers is None or code in numbers)), None)
            if (kind, code) in reachable:
                out[kind, code] = None
            else:
                assert why, f"{kind}, {code} is in neither list"
                out[kind, code] = why
    assert reachable <= set(out)
    return out


def build():
    """pairs.json."""
    pairs = table()
    return {"limit": LIMIT, "reachable": [{"type": kind, "code": code} for (kind, code), why in pairs.items() if why is None],
            "unreachable": [{"type": kind, "code": code, "why": why} for (kind, code), why in pairs.items() if why],
            "reasons": [{"type": kind, "code": code, "reasons": reasons} for kind, code, reasons in REASONS]}


# --- the vectors ---------------------------------------------------------------------------------------

def kind_of(message):
    """The type that a message has, or would have; None if it is none of the table or too short to have one."""
    return core.NAMES.get(bytes.fromhex(message)[35] if len(message) > 70 else None)


def outcomes():
    """(file, type, code, reason) of every refusal in the files; the type is None where there is none."""
    for name in FILES:
        file = json.loads((VECTORS / f"{name}.json").read_text(encoding="ascii"))
        messages = {(s["name"], m["type"], m["client"]): m["message"] for s in all_sessions() for m in s["messages"]}
        for row in file.get("refused", []):
            yield name, kind_of(row["message"]), row["code"], row["reason"]
        for case in file.get("complaints", {}).get("cases", []):
            yield name, kind_of(case["complaint"]), case["code"], None
            if case["delivery"]:
                yield name, "Delivery", case["code"], None
        for case in file.get("session", file.get("descriptors", {})).get("invalid", []):
            yield name, DESCRIPTOR, case["code"], None
        for kind, rows in ((TRANSCRIPT, file.get("transcripts", [])), (EVIDENCE, file.get("evidence", []))):
            for row in rows:
                yield name, kind, row["code"], row["reason"]
        for case in file.get("cases", []):
            for step in case["steps"]:
                message = step.get("message") or messages.get((case["session"], step.get("type"), step.get("client")))
                yield name, CLOSE if step["do"] == "close" else message and kind_of(message), step["code"], step["reason"]


def all_sessions():
    for name in ("core", "lattice", "sessions", "states"):
        yield from json.loads((VECTORS / f"{name}.json").read_text(encoding="ascii"))["sessions"]


def check(expect):
    pairs, found, reasons = table(), collections.Counter(), set()
    for _, kind, code, reason in outcomes():
        if kind and code:
            found[kind, code] += 1
            reasons.add((kind, code, reason))
    for pair, why in pairs.items():
        count = found.pop(pair, 0)
        expect(count == 0 if why else 1 <= count <= LIMIT, f"{pair} has {count} vectors" + (f", though {why}" if why else ""))
    expect(not found, f"pairs that are not in the table: {dict(found)}")
    for kind, code, carried in REASONS:
        expect({r for k, c, r in reasons if (k, c) == (kind, code)} == set(carried), f"{kind}, {code} does not carry {carried}")
    good, bad = (sum(counts.values()) for counts in by_file())
    text = " ".join((VECTORS / "README.md").read_text(encoding="utf-8").split())
    expect(f"{good} vectors of what has to come out" in text and f"{bad} of refusals" in text, f"README.md counts {good} and {bad} vectors")


# Lists whose items are vectors of something that has to come out, or, with a code, of a refusal.
GOOD = {
    "core": ["session/defaults", "hash", "kdf/rows", "prg/block_keys", "prg/cases", "pack", "merkle", "vss/cases", "envelope/cases", "sessions"],
    "sessions": ["sessions"],
    "lattice": ["descriptors/valid", "sessions", "kdf/rows", "sets", "transform", "public/cases", "keys/cases", "errors/cases", "samples",
                "geometry", "pack/cases", "blocks/cases", "decode/cases"],
    "encoding": ["fixed_point/cases", "descriptions/valid", "encode", "long", "sums"], "samplers": ["bulk/cases", "ties", "exact"],
    "noise": ["laws", "draws/cases"]}
BAD = {"lattice": ["geometry", "decode/cases"], "encoding": ["fixed_point/refused", "descriptions/refused", "refused"]}


def at(file, path):
    for key in path.split("/"):
        file = file[key]
    return file


def by_file():
    """How many vectors each file has of what has to come out, and of refusals."""
    bad = collections.Counter(name for name, _, code, _ in outcomes() if code)
    good = collections.Counter(name for name, _, code, _ in outcomes() if not code)
    for name in {**GOOD, **BAD}:
        file = json.loads((VECTORS / f"{name}.json").read_text(encoding="ascii"))
        good[name] += sum("code" not in row for path in GOOD.get(name, []) for row in at(file, path))
        bad[name] += sum("code" in row for path in BAD.get(name, []) for row in at(file, path))
    return good, bad


def count():
    """Prints how many vectors there are: refusals by type and code, then all by file."""
    found = collections.Counter((kind or "no type", code) for _, kind, code, _ in outcomes() if code)
    for (kind, code), number in sorted(found.items(), key=str):
        print(f"{kind:14} {code} {number:3}")
    good, bad = by_file()
    for name in sorted({**good, **bad}):
        print(f"{name:14} positive {good[name]:4} negative {bad[name]:4}")
    print(f"all            positive {sum(good.values()):4} negative {sum(bad.values()):4}")


if __name__ == "__main__":
    count()
