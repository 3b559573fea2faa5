"""The JSON Schemas of the vector files (2020-12, no field that is not named), and the checks of the files and of their README.md against them."""

import collections
import json
import pathlib
import re

import jsonschema

import core
import lattice
from suite import SUITE, VERSION

VECTORS = pathlib.Path(__file__).resolve().parent.parent / "tests" / "vectors"
DIALECT = "https://json-schema.org/draft/2020-12/schema"


# --- a few words to write schemas in ------------------------------------------------------------------------

def obj(required, **optional):
    """An object with exactly these fields."""
    return {"type": "object", "properties": required | optional, "required": sorted(required), "additionalProperties": False}


def ref(name):
    return {"$ref": f"#/$defs/{name}"}


def items(of, least=0):
    return {"type": "array", "items": of} | ({"minItems": least} if least else {})


def some(of):
    """A list that is not empty."""
    return items(of, 1)


def tuple_of(*of):
    return {"type": "array", "prefixItems": list(of), "items": False, "minItems": len(of)}


def integer(least, most):
    return {"type": "integer", "minimum": least, "maximum": most}


def unsigned(bits):
    return integer(0, 2**bits - 1)


def one_of(*values):
    return {"enum": list(values)}


def either(*schemas):
    return {"anyOf": list(schemas)}


def octets(*sizes):
    """Hexadecimal digits of one of these numbers of bytes; of any, if none is given."""
    if not sizes:
        return {"type": "string", "pattern": "^([0-9a-f]{2})*$"}
    return {"type": "string", "pattern": "^(" + "|".join("[0-9a-f]{%d}" % (2 * size) for size in sizes) + ")$"}


TEXT = {"type": "string", "minLength": 1}
NOTHING = {"type": "null"}
U8, U16, U32, U64 = (unsigned(bits) for bits in (8, 16, 32, 64))
I64, FLAG = integer(-2**63, 2**63 - 1), {"type": "boolean"}
HASH, SCALAR, POINT, KEY, SEED = (octets(32) for _ in range(5))
ID, IDS = U64, items(U64)
VERSIONS = {"protocol_version": {"const": VERSION}, "suite": {"const": SUITE}}
CODE = integer(101, 799)
CIPHERTEXT, PUBLIC_KEY = octets(1120), octets(1216)
TYPES = sorted(core.NAMES)

DESCRIPTOR = obj({
    "protocol_version": {"const": VERSION}, "suite": {"const": SUITE}, "masking": one_of(1, *(0x10 + k for k in lattice.SETS)), "graph": {"const": 1},
    "n": integer(2, 4096), "roster": some(obj({"id": ID, "key": KEY})), "server_key": KEY, "max_colluders": U32, "max_dropouts": U32,
    "min_honest": integer(2, 4096), "vector_len": integer(1, 2**40), "chunk_len": integer(64, 2**24), "modulus_bits": integer(2, 64),
    "bound_kind": one_of(1, 2), "bound": integer(1, 2**64 - 1), "tail_log2": U32, "encoding": octets(), "round": U64, "attempt": octets(16),
    "context": HASH, "previous": HASH, "threshold": integer(1, 4096), "canonical": octets(), "sid": HASH})

COEFFICIENTS = obj({"f": some(SCALAR), "g": some(SCALAR)})
CLIENT_DERIVED = obj(
    {"index": integer(1, 4096), "m": SCALAR, "b": SCALAR, "channel_sk": SEED, "mask_sk": SEED}, error_seed=SEED,
    coefficients=obj({"m": COEFFICIENTS, "b": COEFFICIENTS}),
    envelopes=some(obj({"holder": ID, "coins": octets(64), "shared_secret": SEED, "key": SEED, "kc": HASH, "plaintext": octets(128)})),
    mask_encapsulations=items(obj({"peer": ID, "coins": octets(64), "ciphertext": CIPHERTEXT, "shared_secret": SEED, "pair_seed": SEED})),
    self_seed=SEED, pair_seeds=some(obj({"peer": ID, "seed": SEED})),
    shares_held=some(obj({"dealer": ID, "scalars": tuple_of(SCALAR, SCALAR, SCALAR, SCALAR)})), root=HASH)


def client(**derived):
    return obj({"id": ID, "identity_seed": SEED, "input": some(U64)}, random=octets(), weights=octets(), upload=octets(), **derived)


MESSAGE = obj({"from": one_of("client", "server"), "client": ID, "type": one_of(*TYPES), "name": one_of(*(core.NAMES[k] for k in TYPES)),
               "message": octets()})
BEGINNING = {"name": TEXT, "descriptor": ref("descriptor"), "server_identity_seed": SEED, "messages": some(MESSAGE)}
SESSION = obj(BEGINNING | {
    "clients": some(client(derived=CLIENT_DERIVED)), "u1": IDS, "u2": IDS, "u3": IDS, "h0": HASH, "h1": HASH, "h2": HASH, "h3": HASH, "h4": HASH,
    "derived": obj({"recovered": some(obj({"id": ID, "secret": one_of("m", "b"), "value": SCALAR})),
                    "self_seeds": some(obj({"id": ID, "seed": SEED})),
                    "dropped_pairs": items(obj({"survivor": ID, "dropped": ID, "seed": SEED})), "sum_packed": octets()}),
    "sum": some(U64), "sum_centred": some(I64), "sum_root": HASH})
INVALID = some(obj({"name": TEXT, "code": CODE, "canonical": octets()}))

OUTCOME = {"code": either(NOTHING, CODE), "blames": either(NOTHING, ID, {"const": "server"}), "reason": either(NOTHING, CODE)}
REFUSED = obj({"session": TEXT, "receiver": either(ID, {"const": "server"}), "round": integer(0, 4), "name": TEXT, "message": octets()} | OUTCOME,
              accepted=IDS, upload=octets())


def kdf(*optional):
    row = obj({"label": TEXT, "ikm": octets(32, 64), "info": octets(), "hkdf_info": octets(), "len": one_of(32, 64), "output": octets(32, 64)},
              **dict.fromkeys(optional, SCALAR))
    return obj({"salt": HASH, "rows": some(row)})


# --- the files -------------------------------------------------------------------------------------------

def core_file():
    share = {"index": integer(1, 4096), "share": SCALAR, "blinding": SCALAR}
    vss = obj({"kind": one_of(1, 2), "f": some(SCALAR), "g": some(SCALAR), "commitments": some(POINT), "shares": some(obj(share)),
               "bad_share": obj(share),
               "recoveries": some(obj({"indices": some(integer(1, 4096)), "lambda": some(SCALAR), "secret": SCALAR, "blinding": SCALAR}))})
    envelope = obj({"dealer": ID, "holder": ID, "mask_ct": octets(0, 1120), "coins": octets(64), "channel_ct": CIPHERTEXT, "shared_secret": SEED,
                    "key": SEED, "kc": HASH, "seal_key": SEED, "plaintext": octets(128), "ad": octets(), "sealed": octets(144),
                    "package": octets(1304, 2424), "digest": HASH})
    complaint = obj({"name": TEXT, "complaint": octets(), "row": integer(1, 6), "blames": either(NOTHING, ID), "code": CODE,
                     "delivery": either(NOTHING, octets())})
    bits = integer(2, 64)
    return obj(VERSIONS | {
        "session": obj({"exact": ref("descriptor"), "tail": ref("descriptor"), "invalid": INVALID, "defaults": some(obj(
            {"n": integer(3, 4096), "max_colluders": U32, "max_dropouts": U32, "min_honest": U32, "threshold": U32}))}),
        "hash": some(obj({"label": TEXT, "items": items(octets()), "output": HASH})), "kdf": kdf("scalar"),
        "prg": obj({"sid": HASH, "seed": SEED, "block_keys": some(obj({"block": U64, "key": SEED, "keystream_start": octets(32)})),
                    "cases": some(obj({"modulus_bits": bits, "start": U64, "words": some(U64)}))}),
        "pack": some(obj({"modulus_bits": bits, "words": some(U64), "packed": octets()}, refused=octets())),
        "merkle": some(obj({"modulus_bits": bits, "vector_len": U64, "chunk_len": U32, "packed": octets(), "chunk_bytes": some(U32),
                            "leaves": some(HASH), "top": HASH, "root": HASH})),
        "vss": obj({"G": POINT, "P": POINT, "sid": HASH, "id": ID, "threshold": U32, "draw": octets(64), "cases": some(vss),
                    "scalars_refused": some(octets(32))}),
        "xwing": obj({"secret_key": SEED, "public_key": PUBLIC_KEY, "coins": octets(64), "ciphertext": CIPHERTEXT, "shared_secret": SEED,
                      "spoilt_ciphertext": CIPHERTEXT, "spoilt_shared_secret": SEED, "x25519_refused": some(octets(32)),
                      "public_keys_refused": some(PUBLIC_KEY)}),
        "ed25519": obj({"keys_refused": some(octets(32)), "seed": SEED, "key": KEY, "message": octets(), "signature": octets(64),
                        "signatures_refused": some(obj({"why": TEXT, "signature": octets(64)}))}),
        "envelope": obj({"sid": HASH, "h1": HASH, "channel_sk": SEED, "channel_pk": PUBLIC_KEY, "cases": some(envelope)}),
        "sessions": some(ref("session")), "refused": some(ref("refused")),
        "complaints": obj({"descriptor": ref("descriptor"), "cases": some(complaint), "clients": some(obj(
            {"id": ID, "identity_seed": SEED, "random": octets(), "adverts": octets()}))})})


def brief(of):
    return obj({"count": U32, "first": items(of), "last": items(of), "sha256": HASH})


BRIEF_BYTES = obj({"bytes": U32, "first": octets(), "last": octets(), "sha256": HASH})


def lattice_file():
    set_, slots, terms = integer(1, len(lattice.SETS)), some(brief(U64)), some(obj({"seed": SEED, "sign": one_of(1, -1)}))
    place = {"set": set_, "n": integer(2, 4096), "bound": integer(1, 2**64 - 1)}
    words = {"modulus_bits": integer(2, 64), "words": U32}
    decoded = place | words | {"survivors": U32, "error": I64, "wire": octets()}
    return obj(VERSIONS | {
        "descriptors": obj({"valid": some(ref("descriptor")), "invalid": INVALID}), "sessions": some(ref("session")), "kdf": kdf(),
        "sets": some(obj({"number": set_, "name": TEXT, "degree": one_of(2048, 4096, 8192), "primes": some(U64), "prime_bits": U8, "roots": some(U64),
                          "plain_bits": some(obj({"n": integer(2, 4096), "bits": U8}))})),
        "transform": some(obj({"set": set_, "prime": U64, "exponents": some(U16), "slots": brief(U64)})),
        "public": obj({"sid": HASH, "cases": some(obj({"set": set_, "block": U64, "slots": slots}))}),
        "keys": obj({"sid": HASH, "cases": some(obj({"set": set_, "epoch": U64, "terms": terms, "slots": slots}))}),
        "errors": obj({"sid": HASH, "seed": SEED, "cases": some(obj({"set": set_, "block": U64, "errors": brief(integer(-84, 84))}))}),
        "samples": some(obj({"first": U64, "second": U64, "error": integer(-84, 84)})),
        "geometry": some(either(obj(place | {"code": CODE}), obj(place | {
            "plain_bits": U8, "lane_bits": U8, "lanes": integer(1, 64), "block_words": U32, "lengths": some(tuple_of(U64, U64, U64))}))),
        "pack": obj({"sid": HASH, "cases": some(obj(place | {
            "words": some(I64), "block": U64, "error_seed": SEED, "errors": some(integer(-84, 84)), "coefficients": some(octets()),
            "wire": octets()}))}),
        "blocks": obj({"sid": HASH, "cases": some(obj(place | words | {
            "block": U64, "clients": some(obj({"terms": terms, "error_seed": SEED, "words": brief(I64), "wire": BRIEF_BYTES}, wire_whole=octets())),
            "sum_wire": BRIEF_BYTES, "sum_terms": terms, "sum": brief(I64)}))}),
        "decode": obj({"sid": HASH, "cases": some(either(obj(decoded | {"code": CODE}), obj(decoded | {"sum": some(U64)})))})})


def states_file():
    def step(do, required, **optional):
        return obj({"do": {"const": do}, "ended": FLAG} | required | OUTCOME, **optional)
    steps = either(step("recorded", {"type": one_of(*TYPES), "client": ID}, complaint=octets()), step("receive", {"message": octets()}, upload=octets()),
                   step("close", {}, liars=IDS), step("input", {}))
    unfinished = obj(BEGINNING | {"clients": some(client())})
    return obj(VERSIONS | {"sessions": some(unfinished), "cases": some(obj(
        {"session": TEXT, "name": TEXT, "party": either(ID, {"const": "server"}), "round": integer(0, 4), "steps": some(steps)}))})


def transcripts_file():
    case = {"session": TEXT, "name": TEXT, "file": items(either(octets(), tuple_of(U32, U32)))}
    checked = case | {"check": either(one_of("full", "present"), some(U64))}
    good = {"code": NOTHING, "blames": NOTHING, "reason": NOTHING, "survivors": either(NOTHING, IDS), "liars": IDS, "sum_root": either(NOTHING, HASH),
            "checked": items(U64), "complaints": items(obj({"client": ID, "blames": ID, "code": CODE}))}
    return obj(VERSIONS | {
        "sessions": some(obj({"name": TEXT, "descriptor": ref("descriptor"), "file": octets()})),
        "transcripts": some(either(obj(checked | good), obj(checked | OUTCOME | {"code": CODE}))), "evidence": some(obj(case | OUTCOME | {"code": CODE}))})


def pairs_file():
    kind = one_of(*(core.NAMES[k] for k in TYPES), "close", "descriptor", "transcript", "evidence")
    pair = {"type": kind, "code": CODE}
    return obj({"limit": U8, "reachable": some(obj(pair)), "unreachable": some(obj(pair | {"why": TEXT})),
                "reasons": some(obj(pair | {"reasons": some(CODE)}))})


DOUBLE, DOUBLES = octets(8), {"type": "string", "pattern": "^([0-9a-f]{16})*$"}
KIND = one_of("f64", "f32", "f16", "bf16")
DESCRIPTION = octets(121)


def encoding_file():
    vector = {"weight": U32, "values": octets(), "words": some(U64)}
    derived = obj({"usual": DOUBLE, "reduced": DOUBLE, "unit": DOUBLE, "gain": DOUBLE, "loaded": DOUBLES, "clipped": DOUBLES, "signs": octets(),
                   "scaled": DOUBLES, "norms": some(U64), "coins": some(U32), "noise": some(I64)})
    fixed = obj({"description": octets(14), "clip": DOUBLE, "fraction_bits": integer(0, 50), "max_weight": U32, "clients": U32, "max_abs": U64,
                 "modulus_bits": integer(2, 64), "type": KIND, "vectors": some(obj(vector)), "sum": some(U64), "mean": DOUBLES})
    valid = obj({"description": DESCRIPTION, "length": U64, "vector_len": U64, "clip": DOUBLE, "scale": DOUBLE, "bits": integer(2, 64), "block": U32,
                 "conditional": FLAG, "l2_squared": U64, "law": one_of("skellam", "gaussian", "laplace_share"), "numerator": U64, "denominator": U64, "clients": U32,
                 "honest": U32, "max_weight": U32, "weight_unit": DOUBLE, "max_abs": U64, "round": U64, "rotation_seed": SEED})
    one = {"name": TEXT, "description": DESCRIPTION, "type": KIND, "seed": octets(64), "attempts": integer(1, 90)}
    return obj({
        "fixed_point": obj({"cases": some(fixed), "refused": some(obj({"name": TEXT, "description": octets(), "code": CODE}))}),
        "descriptions": obj({"valid": some(valid), "refused": some(obj(
            {"name": TEXT, "description": octets(), "parameter": either(NOTHING, TEXT), "code": either(NOTHING, CODE)}))}),
        "encode": some(obj(one | vector | {"rounded": some(I64), "integers": some(I64), "derived": derived})),
        "long": some(either(obj(one | vector), obj(one | {"places": some(U64), "values": DOUBLES, "start": U64, "words": some(U64)}))),
        "sums": some(obj({"name": TEXT, "description": DESCRIPTION, "type": KIND, "vectors": some(obj(vector | {"seed": octets(64)})),
                          "sum": some(U64), "centred": some(I64), "decoded": DOUBLES, "total_weight": either(NOTHING, DOUBLE)})),
        "refused": some(obj({"name": TEXT, "description": DESCRIPTION, "weight": U32, "values": DOUBLES, "code": CODE,
                             "position": either(NOTHING, U64)}))})


def samplers_file():
    law = {"law": one_of("skellam", "gaussian", "laplace", "laplace_share"), "numerator": U64, "denominator": U64, "shares": either(NOTHING, U32)}
    place = obj({"block": U64, "offset": integer(0, 4095), "noise": some(I64), "derived": obj(
        {"key": SEED, "first_words": some(some(U64)), "second_words": some(some(U64)), "draws": some(some(I64))})})
    return obj({
        "bulk": obj({"seed": SEED, "cases": some(obj(law | {
            "sampler": one_of("fast", "constant_time"), "places": some(place),
            "derived": obj({"parts": some(obj({"factor": I64, "magnitudes": U32}))})}))}),
        "ties": some(obj(law | {"sampler": one_of("fast", "constant_time"), "parts": some(some(tuple_of(U64, U64, I64)))})),
        "exact": some(obj(law | {"words": some(U64), "draws": some(tuple_of(I64, U32))}))})


def noise_file():
    ratio, weight = {"numerator": U64, "denominator": U64}, {"type": "string", "pattern": "^[0-9a-f]{1,32}$"}
    law = obj(ratio | {"law": one_of("skellam", "gaussian", "laplace", "polya", "digits"), "probabilities": some(tuple_of(U64, weight))},
              step=U64, shares=U32, base=U32)
    return obj({"laws": some(law), "draws": obj({
        "seed": SEED, "cases": some(obj(ratio | {"law": one_of("skellam", "gaussian", "laplace", "polya"), "block": U64, "draws": some(I64)}, shares=U32)),
        "derived": obj({"purpose": octets(), "number": U64, "seed": SEED})})})


def refused_file():
    return obj(VERSIONS | {"refused": some(ref("refused"))})


def sessions_file():
    return obj(VERSIONS | {"sessions": some(ref("session"))})


DEFINITIONS = {"descriptor": DESCRIPTOR, "session": SESSION, "refused": REFUSED}
FILES = {"core": core_file, "lattice": lattice_file, "sessions": sessions_file, "refused_server": refused_file, "refused_client": refused_file,
         "states": states_file, "transcripts": transcripts_file, "pairs": pairs_file, "encoding": encoding_file, "samplers": samplers_file, "noise": noise_file}


def used(schema, names=()):
    """The definitions that a schema refers to, those that they refer to included."""
    text = json.dumps(schema)
    found = sorted(name for name in DEFINITIONS if f"#/$defs/{name}\"" in text and name not in names)
    for name in found:
        names = used(DEFINITIONS[name], (*names, name))
    return names


def schema(name):
    body = FILES[name]()
    defs = {key: DEFINITIONS[key] for key in sorted(set(used(body)))}
    return {"$schema": DIALECT, "title": f"{name}.json"} | body | ({"$defs": defs} if defs else {})


def check(expect):
    for name in FILES:
        file = json.loads((VECTORS / f"{name}.json").read_text(encoding="ascii"))
        stored = json.loads((VECTORS / f"{name}.schema.json").read_text(encoding="ascii"))
        jsonschema.Draft202012Validator.check_schema(stored)
        error = jsonschema.exceptions.best_match(jsonschema.Draft202012Validator(stored).iter_errors(file))
        expect(error is None, error and f"{name}.json is not as its schema says: {error.json_path}: {error.message[:200]}")
        expect(all(not loose(part) for part in walk(stored)), f"{name}.schema.json takes fields that it does not name")
    print("every file is as its schema says")
    check_described(expect, (VECTORS / "README.md").read_text(encoding="utf-8"))
    print("README.md names every field")


# --- README.md -----------------------------------------------------------------------------------------

COMMON = "Common"


def check_described(expect, readme):
    """Every field is named in `code` in the section of its file; where an object stands in several files, that of Common will do."""
    named = named_by_section(readme)
    shapes = {name: {frozenset(part["properties"]) for part in walk(schema(name)) if is_object(part)} for name in FILES}
    count = collections.Counter(shape for of_file in shapes.values() for shape in of_file)
    for name, of_file in shapes.items():
        for shape in of_file:
            common = named[COMMON] if count[shape] > 1 else named[COMMON] & set(VERSIONS)
            missing = sorted(shape - named.get(name, set()) - common)
            expect(not missing, f"README.md does not name {missing} of {name}.json")


def named_by_section(readme):
    """{section: what it has in `code`}: a section is of the files in its heading, or has that for a name."""
    text, out = re.sub(r"^```.*?^```$", "", readme, flags=re.M | re.S), {}
    for section in re.split(r"^## ", text, flags=re.M)[1:]:
        heading, _, body = section.partition("\n")
        for name in re.findall(r"`(\w+)\.json`", heading) or [heading]:
            out[name] = set(re.findall(r"`([^`\n]+)`", body))
    return out


def walk(part):
    yield part
    for inner in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        yield from walk(inner)


def is_object(part):
    return isinstance(part, dict) and part.get("type") == "object"


def loose(part):
    return is_object(part) and part.get("additionalProperties") is not False
