//! The vectors of the second implementation, checked as the example `verify_vectors` checks any directory of them; and that those
//! checks find what is wrong.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

#[path = "../examples/verify_vectors/checks/mod.rs"]
mod checks;

use std::{collections::BTreeSet, fs, path::Path, sync::OnceLock};

use checks::{
    Failure, KINDS,
    run::{File, Group, check, directory, load},
};
use serde_json::{Value, json};

const VECTORS: &str = "tests/vectors";

fn all_committed() -> &'static [File] {
    static FILES: OnceLock<Vec<File>> = OnceLock::new();
    FILES.get_or_init(|| load(Path::new(VECTORS)).unwrap())
}

fn committed(kind: &str) -> &'static Value {
    let name = format!("{kind}.json");
    all_committed().iter().find(|file| file.name == name).unwrap().value.as_ref().unwrap()
}

/// What the checks say of a directory with these files.
fn verdict(files: &[(&str, &str)]) -> Vec<Group> {
    let place = tempfile::tempdir().unwrap();
    files.iter().for_each(|(name, text)| fs::write(place.path().join(name), text).unwrap());
    directory(place.path())
}

/// What they say of a file with one group of a committed file, altered, among the committed ones.
fn altered(kind: &str, group: &str, alter: impl FnOnce(&mut Value)) -> Group {
    let mut value = json!({ group: committed(kind)[group] });
    if let (Value::Array(cases), "refused" | "cases" | "transcripts" | "evidence") = (&mut value[group], group) {
        cases.truncate(25);
    }
    alter(&mut value);
    let found = check(&File { name: format!("{kind}-altered.json"), value: Ok(value) }, all_committed());
    let [found] = <[Group; 1]>::try_from(found).unwrap();
    found
}

#[test]
fn every_committed_vector_passes_and_no_value_is_left_unread() {
    let found = directory(Path::new(VECTORS));
    for Group { file, name, tally } in &found {
        assert_eq!((&tally.failures[..], &tally.unknown[..]), (&[][..], &[][..]), "{file}: {name}");
        assert!(tally.passed > 0, "{file}: {name}");
    }
    let expected = KINDS.iter().flat_map(|kind| kind.groups.iter().map(|(group, _)| (format!("{}.json", kind.name), *group)));
    let mut expected: Vec<_> = expected.collect();
    expected.sort_unstable();
    let mut names: Vec<_> = found.iter().map(|group| (group.file.clone(), &group.name[..])).collect();
    names.sort_unstable();
    assert_eq!(names, expected, "every group that is known is there");
}

#[test]
fn every_label_of_section_5_has_a_derivation() {
    let labels =
        |kind| committed(kind)["kdf"]["rows"].as_array().unwrap().iter().map(|row| row["label"].clone()).collect::<Vec<_>>();
    let core = [
        "mask-root",
        "self-secret",
        "channel-kem",
        "channel-coins",
        "vss",
        "mask-kem",
        "mask-coins",
        "pair-seed",
        "self-seed",
        "envelope-key",
        "seal-key",
        "key-commit",
        "prg-block",
    ];
    assert_eq!(labels("core"), core);
    assert_eq!(labels("lattice"), ["error-seed", "lattice-key", "lattice-error"]);
}

/// One value of every group; the vectors with it must fail when it is another.
const TOUCHSTONES: [(&str, &str); 89] = [
    ("core", "/complaints/cases/0/blames"),
    ("core", "/complaints/cases/0/code"),
    ("core", "/complaints/cases/1/complaint"),
    ("core", "/ed25519/signature"),
    ("core", "/envelope/cases/0/ad"),
    ("core", "/envelope/cases/0/sealed"),
    ("core", "/envelope/cases/1/package"),
    ("core", "/hash/0/output"),
    ("core", "/kdf/rows/3/output"),
    ("core", "/merkle/0/root"),
    ("core", "/merkle/1/leaves/0"),
    ("core", "/pack/0/words/1"),
    ("core", "/prg/block_keys/0/keystream_start"),
    ("core", "/prg/cases/0/words/1"),
    ("core", "/protocol_version"),
    ("core", "/refused/0/code"),
    ("core", "/session/exact/sid"),
    ("core", "/session/defaults/2/threshold"),
    ("core", "/session/invalid/4/code"),
    ("core", "/sessions/1/derived/recovered/0/value"),
    ("core", "/sessions/1/messages/5/message"),
    ("core", "/sessions/1/sum/0"),
    ("core", "/sessions/1/clients/0/derived/coefficients/m/g/1"),
    ("core", "/suite"),
    ("core", "/vss/P"),
    ("core", "/vss/cases/0/recoveries/0/secret"),
    ("core", "/vss/cases/1/bad_share/share"),
    ("core", "/xwing/shared_secret"),
    ("core", "/xwing/spoilt_shared_secret"),
    ("encoding", "/descriptions/refused/0/parameter"),
    ("encoding", "/descriptions/valid/0/rotation_seed"),
    ("encoding", "/encode/3/words/0"),
    ("encoding", "/encode/3/derived/scaled"),
    ("encoding", "/encode/3/derived/coins/1"),
    ("encoding", "/encode/3/derived/norms/0"),
    ("encoding", "/fixed_point/cases/1/mean"),
    ("encoding", "/fixed_point/refused/2/code"),
    ("encoding", "/long/1/words/2"),
    ("encoding", "/refused/0/position"),
    ("encoding", "/sums/0/decoded"),
    ("lattice", "/blocks/cases/0/sum/sha256"),
    ("lattice", "/decode/cases/0/sum/0"),
    ("lattice", "/descriptors/valid/0/threshold"),
    ("lattice", "/errors/cases/0/errors/sha256"),
    ("lattice", "/geometry/0/lanes"),
    ("lattice", "/kdf/rows/0/hkdf_info"),
    ("lattice", "/keys/cases/0/slots/0/first/0"),
    ("lattice", "/pack/cases/0/errors/0"),
    ("lattice", "/protocol_version"),
    ("lattice", "/public/cases/0/slots/0/sha256"),
    ("lattice", "/samples/7/error"),
    ("lattice", "/sessions/1/clients/0/upload"),
    ("lattice", "/sets/0/roots/0"),
    ("lattice", "/suite"),
    ("lattice", "/transform/0/slots/last/0"),
    ("noise", "/draws/cases/0/draws/0"),
    ("noise", "/laws/0/probabilities/0/1"),
    ("pairs", "/limit"),
    ("pairs", "/reachable/0/code"),
    ("pairs", "/reasons/0/reasons/0"),
    ("pairs", "/unreachable/0/type"),
    ("pairs", "/unreachable/24/code"),
    ("refused_client", "/protocol_version"),
    ("refused_client", "/refused/20/code"),
    ("refused_client", "/suite"),
    ("refused_server", "/protocol_version"),
    ("refused_server", "/refused/20/code"),
    ("refused_server", "/suite"),
    ("samplers", "/bulk/cases/2/places/0/noise/3"),
    ("samplers", "/bulk/cases/2/places/0/derived/key"),
    ("samplers", "/exact/0/draws/4/1"),
    ("samplers", "/ties/3/parts/0/2/2"),
    ("sessions", "/protocol_version"),
    ("sessions", "/sessions/0/h4"),
    ("sessions", "/suite"),
    ("states", "/cases/0/steps/0/code"),
    ("states", "/cases/1/steps/0/ended"),
    ("states", "/protocol_version"),
    ("states", "/sessions/0/clients/0/identity_seed"),
    ("states", "/suite"),
    ("transcripts", "/evidence/3/code"),
    ("transcripts", "/protocol_version"),
    ("transcripts", "/sessions/0/descriptor/threshold"),
    ("transcripts", "/sessions/1/file"),
    ("transcripts", "/suite"),
    ("transcripts", "/transcripts/0/checked/0"),
    ("transcripts", "/transcripts/0/file/0/1"),
    ("transcripts", "/transcripts/0/sum_root"),
    ("transcripts", "/transcripts/1/survivors/1"),
];

/// Another value of the same form.
fn spoil(value: &mut Value) {
    *value = match value {
        Value::String(digits) => {
            let other = if digits.starts_with('0') { "1" } else { "0" };
            json!(format!("{other}{}", &digits[1..]))
        }
        Value::Number(number) => json!(number.as_i64().unwrap() + 1),
        Value::Bool(flag) => json!(!*flag),
        Value::Null => json!(1),
        other => panic!("{other}"),
    }
}

#[test]
fn one_changed_value_fails_its_vector_and_no_other() {
    for (kind, pointer) in TOUCHSTONES {
        let group = pointer.split('/').nth(1).unwrap();
        let found = altered(kind, group, |file| spoil(file.pointer_mut(pointer).unwrap()));
        assert_eq!(found.tally.unknown, [""; 0], "{kind}: {pointer}");
        let mut places: Vec<_> = found.tally.failures.iter().map(|failure| failure.name.split(", ").next().unwrap()).collect();
        places.dedup();
        let [place] = places[..] else { panic!("{kind}: {pointer}: {:?}", found.tally.failures) };
        assert!(pointer[1..].starts_with(place), "{kind}: {pointer}: {place}");
    }
}

#[test]
fn every_group_has_a_touchstone() {
    for kind in KINDS {
        for (group, _) in kind.groups {
            let begins = |(of, pointer): &(&str, &str)| *of == kind.name && pointer.split('/').nth(1) == Some(group);
            assert!(TOUCHSTONES.iter().any(begins), "{}: {group}", kind.name);
        }
    }
}

/// The mismatch of the only failure.
fn only_failure(found: &[Group]) -> (&str, &str, &str) {
    let [group] = found else { panic!("{found:?}") };
    let [Failure { mismatch, .. }] = &group.tally.failures[..] else { panic!("{found:?}") };
    (&mismatch.place, &mismatch.expected, &mismatch.got)
}

#[test]
fn a_file_or_directory_that_can_not_be_read_is_a_failure() {
    let missing = directory(Path::new("/nonexistent/vectors"));
    assert_eq!((only_failure(&missing).1, &missing[0].file[..]), ("a directory of vector files", "/nonexistent/vectors"));
    let truncated = fs::read_to_string(format!("{VECTORS}/noise.json")).unwrap();
    let found = verdict(&[("noise.json", &truncated[..truncated.len() / 2])]);
    assert_eq!((only_failure(&found).1, &found[0].file[..]), ("a JSON file", "noise.json"));
    assert!(only_failure(&found).2.contains("EOF"));
    assert_eq!(only_failure(&verdict(&[("core.json", "[1, 2]")])).1, "an object with the groups as fields");
}

#[test]
fn a_value_of_another_form_is_a_failure_that_names_it() {
    let wrong = [
        ("/hash/0/output", json!(7), "a string", "7"),
        ("/kdf/rows/0/ikm", json!("0g"), "hexadecimal digits", "\"0g\""),
        ("/hash/0/items", json!({"0": ""}), "a list", "{\"0\":\"\"}"),
        ("/prg/cases/0/modulus_bits", json!(300), "an integer of 8 bits", "300"),
        ("/prg/cases/0/modulus_bits", json!(65), "accepted", "refused"),
        ("/prg/cases/0/start", json!(-1), "an integer from 0 to 2^64 - 1", "-1"),
        ("/prg/cases/0/start", json!(1.5), "an integer from 0 to 2^64 - 1", "1.5"),
        ("/prg/seed", json!("00"), "32 bytes", "1 bytes"),
        ("/kdf/rows/0/len", json!(48), "32 or 64 bytes, as the protocol derives them", "48"),
    ];
    for (pointer, value, expected, got) in wrong {
        let group = pointer.split('/').nth(1).unwrap();
        let found = altered("core", group, |file| *file.pointer_mut(pointer).unwrap() = value);
        let (place, wanted, said) = only_failure(std::slice::from_ref(&found));
        assert_eq!((wanted, said), (expected, got), "{pointer}");
        assert!(pointer[1..].starts_with(place), "{pointer}: {place}");
    }
}

#[test]
fn a_missing_field_is_a_failure_that_names_it() {
    for (pointer, field) in [("/hash/0", "output"), ("/kdf", "salt"), ("/vss/cases/0", "bad_share"), ("/merkle/0", "chunk_bytes")]
    {
        let group = pointer.split('/').nth(1).unwrap();
        let found =
            altered("core", group, |file| drop(file.pointer_mut(pointer).unwrap().as_object_mut().unwrap().remove(field)));
        let expected = format!("a field {field:?}");
        assert_eq!(only_failure(std::slice::from_ref(&found)), (&pointer[1..], &expected[..], "none"));
    }
}

#[test]
fn what_no_check_knows_is_reported_and_does_not_pass() {
    let unknown = |found: &[Group]| found.iter().flat_map(|group| group.tally.unknown.clone()).collect::<Vec<_>>();
    let whole = verdict(&[("mine.json", "{}")]);
    assert!(unknown(&whole)[0].contains("of no kind that is known: core*.json"), "{whole:?}");
    assert!(unknown(&verdict(&[]))[0].contains("no .json file"));
    let group = verdict(&[("core.json", r#"{"novelty": [1]}"#)]);
    assert_eq!(
        (unknown(&group), group[0].tally.passed),
        (vec!["no check is known for \"novelty\" in a core file".to_owned()], 0)
    );
    let value = altered("core", "hash", |file| file["hash"][0]["comment"] = json!("looks good"));
    assert_eq!((value.tally.unknown, value.tally.failures), (vec!["hash/0/comment".to_owned()], vec![]));
    let empty = verdict(&[("core.json", r#"{"hash": []}"#)]);
    assert_eq!(unknown(&empty), ["hash is empty"]);
}

#[test]
fn every_pair_of_a_type_of_message_and_an_error_is_in_the_table_once() {
    let table = committed("pairs");
    let pair = |row: &Value| (row["type"].as_str().unwrap().to_owned(), row["code"].as_u64().unwrap());
    let rows: Vec<_> = ["reachable", "unreachable"].iter().flat_map(|part| table[part].as_array().unwrap()).map(pair).collect();
    let pairs: BTreeSet<_> = rows.iter().cloned().collect();
    assert_eq!(pairs.len(), rows.len(), "a pair is there twice");
    let document = fs::read_to_string("docs/protocol.md").unwrap();
    let (_, errors) = document.split_once("## 16. Errors").unwrap();
    let (errors, _) = errors.split_once("## 17. Versions").unwrap();
    let code = |line: &str| line.strip_prefix("| ")?.split(" | ").next()?.parse::<u64>().ok();
    let codes =
        errors.lines().filter(|line| !line.contains("(retired)")).filter_map(code).filter(|code| *code < 600 || *code == 605);
    let kinds = [
        "Advert",
        "Shares",
        "Complaint",
        "MaskedInput",
        "Consistency",
        "Reveal",
        "Adverts",
        "Delivery",
        "Survivors",
        "Agreement",
        "Announcement",
        "close",
        "descriptor",
        "transcript",
        "evidence",
    ];
    let expected: BTreeSet<_> = codes.flat_map(|code| kinds.map(move |kind| (kind.to_owned(), code))).collect();
    assert_eq!(pairs, expected);
}

#[test]
fn a_session_that_no_file_has_is_a_failure() {
    let value = json!({ "refused": [committed("refused_client")["refused"][0]] });
    let found = check(&File { name: "refused_client.json".to_owned(), value: Ok(value) }, &[]);
    assert_eq!(only_failure(&found).1, "the name of a session in a file of this directory");
}

#[test]
fn a_schema_holds_no_vectors() {
    let found =
        verdict(&[("core.schema.json", r#"{"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object"}"#)]);
    assert_eq!(found, []);
}
