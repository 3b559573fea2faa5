"""What the examples `file_drop` and `tcp` agree on before a session: session files, key files, vectors of numbers.

The formats are those of examples/common; docs/integration.md section 15 describes them.
"""

import os
import stat

import lattice
import suite
from descriptor import EXACT, LATTICE, PAIRWISE, Descriptor, default_bounds
from fixed_point import FixedPoint
from suite import Fault

FIELDS = ("round", "attempt", "values", "clip", "fraction_bits", "max_dropouts", "max_colluders", "masking", "server")
DEFAULT_CHUNK_LEN = 2**16
MIN_HONEST = 3


class Failure(Exception):
    """Why a party gives up, for the person who started it."""


def fixed_point(clip, fraction_bits):
    code = FixedPoint(clip, fraction_bits, 1)
    try:
        code.check()
    except Fault as fault:
        raise Failure("clip and fraction_bits: these numbers can not be exact") from fault
    return code


class SessionFile:
    """A party's own copy of what has been agreed on, and the descriptor that follows from it."""

    def __init__(self, path):
        fields, roster = parse(path)
        number = lambda name, kind=int: kind(needed(fields, name))  # noqa: E731
        self.values, self.code = number("values"), fixed_point(number("clip", float), number("fraction_bits"))
        n, bound = len(roster), self.code.max_abs
        colluders, dropouts = default_bounds(n)
        masking = masking_code(fields.get("masking", "pairwise"))
        block = 64
        if masking != PAIRWISE:
            block = lattice.Geometry(lattice.SETS[masking - LATTICE], n, bound).block_words
        self.desc = Descriptor(
            roster=roster, server_key=hexadecimal(needed(fields, "server"), 32),
            max_colluders=int(fields.get("max_colluders", colluders)),
            max_dropouts=int(fields.get("max_dropouts", dropouts)), min_honest=MIN_HONEST,
            vector_len=self.values + 1, chunk_len=-(-DEFAULT_CHUNK_LEN // block) * block,
            modulus_bits=self.code.modulus_bits(n), bound_kind=EXACT, bound=bound, tail_log2=0,
            encoding=self.code.describe(), round=number("round"),
            attempt=hexadecimal(needed(fields, "attempt"), 16), context=bytes(32), previous=bytes(32),
            masking=masking)
        self.desc.validate()

    def read_numbers(self, path):
        """A client's words; the last one counts the client."""
        with open(path, encoding="utf-8") as file:
            values = [float(word) for word in file.read().replace(",", " ").split()]
        if len(values) != self.values:
            raise Failure(f"{path} holds {len(values)} numbers, but the session file says {self.values}")
        try:
            return self.code.words(values, 1, self.desc.modulus_bits)
        except Fault as fault:
            raise Failure(f"{path} holds a number that is not finite") from fault

    def write_numbers(self, path, words):
        """The sum, without the count at its end."""
        values = [self.code.value(word, self.desc.modulus_bits) for word in words[:-1]]
        with open(path, "x", encoding="ascii") as file:
            file.writelines(f"{value!r}\n" for value in values)


def parse(path):
    """({field: text}, [(client id, key)])."""
    fields, roster = {}, []
    with open(path, encoding="utf-8") as file:
        lines = [line.split("#")[0].strip() for line in file]
    for line in filter(None, lines):
        name, equals, value = (part.strip() for part in line.partition("="))
        if not equals:
            raise Failure(f"{path}: expected name = value, not {line!r}")
        if name.startswith("client "):
            roster.append((int(name.removeprefix("client ")), hexadecimal(value, 32)))
        elif name not in FIELDS or name in fields:
            raise Failure(f"{path}: {name} is no field, or is given twice")
        else:
            fields[name] = value
    return fields, roster


def needed(fields, name):
    if name not in fields:
        raise Failure(f"the session file has no field {name}")
    return fields[name]


def hexadecimal(text, size):
    value = bytes.fromhex(text)
    if len(value) != size:
        raise Failure(f"{2 * size} hexadecimal digits are needed, not {text!r}")
    return value


def masking_code(name):
    if name == "pairwise":
        return PAIRWISE
    for number, parameters in lattice.SETS.items():
        if parameters.name == name:
            return LATTICE + number
    raise Failure(f"masking: no set is called {name!r}")


# --- keys --------------------------------------------------------------------------------------------

def keygen(name):
    """Writes NAME.key and NAME.pub; neither may exist."""
    seed = os.urandom(32)
    with open(os.open(f"{name}.key", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(seed)
    public = suite.identity_key(seed).hex()
    with open(f"{name}.pub", "x", encoding="ascii") as file:
        file.write(public + "\n")
    print(public)


def read_key(path):
    """The seed: 32 bytes that nobody else may read."""
    if stat.S_IMODE(os.stat(path).st_mode) & 0o077:
        raise Failure(f"{path}: others can read this secret key")
    with open(path, "rb") as file:
        seed = file.read()
    if len(seed) != 32:
        raise Failure(f"{path} is no secret key file: those have 32 bytes")
    return seed


def enter(key_path, sid):
    """Notes that a key takes part in a session; refuses one that it took part in before."""
    with open(f"{key_path}.sessions", "a+", encoding="ascii") as file:
        file.seek(0)
        if sid.hex() in file.read().split():
            raise Failure("this key was in this session before; agree on another round or attempt")
        file.write(sid.hex() + "\n")
        file.flush()
        os.fsync(file.fileno())
