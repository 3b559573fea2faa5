//! Every error that a message of each type can end with has test vectors, and not too many: `tests/vectors/pairs.json` is the table,
//! from sections 13 to 16 of docs/protocol.md.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// Files with refusals.
const FILES: [&str; 6] = ["core", "lattice", "sessions", "refused_server", "refused_client", "states"];
/// Names of the types of section 6.
const TYPES: [(u8, &str); 11] = [
    (0x01, "Advert"),
    (0x02, "Shares"),
    (0x03, "Complaint"),
    (0x04, "MaskedInput"),
    (0x06, "Consistency"),
    (0x07, "Reveal"),
    (0x11, "Adverts"),
    (0x12, "Delivery"),
    (0x14, "Survivors"),
    (0x16, "Agreement"),
    (0x18, "Announcement"),
];

/// What a message is, or `"close"` or `"descriptor"`, and a code.
type Pair = (String, u64);

fn file(name: &str) -> Value {
    serde_json::from_slice(&std::fs::read(format!("tests/vectors/{name}.json")).unwrap()).unwrap()
}

fn list<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    value.pointer(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn name_of(kind: u64) -> Option<String> {
    TYPES.iter().find(|(number, _)| u64::from(*number) == kind).map(|(_, name)| (*name).to_owned())
}

/// The type of a message, if it has one.
fn kind_of(message: &str) -> Option<String> {
    u64::from_str_radix(message.get(70..72)?, 16).ok().and_then(name_of)
}

/// Adds the outcomes of a file: a type, a code, and the code that it carries.
fn outcomes(file: &Value, add: &mut impl FnMut(Option<String>, &Value)) {
    for case in list(file, "/refused") {
        add(kind_of(case["message"].as_str().unwrap()), case);
    }
    for case in list(file, "/complaints/cases") {
        add(kind_of(case["complaint"].as_str().unwrap()), case);
        if case["delivery"].is_string() {
            add(Some("Delivery".to_owned()), case);
        }
    }
    for case in list(file, "/session/invalid").iter().chain(list(file, "/descriptors/invalid")) {
        add(Some("descriptor".to_owned()), case);
    }
    for step in list(file, "/cases").iter().flat_map(|case| list(case, "/steps")) {
        let kind = match step["do"].as_str().unwrap() {
            "close" => Some("close".to_owned()),
            "recorded" => name_of(step["type"].as_u64().unwrap()),
            _ => step["message"].as_str().and_then(kind_of),
        };
        add(kind, step);
    }
}

fn pair(row: &Value) -> Pair {
    (row["type"].as_str().unwrap().to_owned(), row["code"].as_u64().unwrap())
}

/// How many vectors have each pair, and what 301, 401 and 411 carry in them.
fn found() -> (BTreeMap<Pair, u64>, BTreeMap<Pair, BTreeSet<u64>>) {
    let (mut counts, mut reasons) = (BTreeMap::new(), BTreeMap::<_, BTreeSet<_>>::new());
    for name in FILES {
        outcomes(&file(name), &mut |kind, outcome| {
            let (Some(kind), Some(code)) = (kind, outcome["code"].as_u64()) else { return };
            *counts.entry((kind.clone(), code)).or_default() += 1;
            reasons.entry((kind, code)).or_default().extend(outcome["reason"].as_u64());
        });
    }
    (counts, reasons)
}

#[test]
fn every_error_that_a_message_can_end_with_has_vectors_and_no_more_than_the_limit() {
    let (table, (counts, _)) = (file("pairs"), found());
    let limit = table["limit"].as_u64().unwrap();
    for row in list(&table, "/reachable") {
        let count = counts.get(&pair(row)).copied().unwrap_or(0);
        assert!((1..=limit).contains(&count), "{row} has {count} vectors");
    }
}

#[test]
fn no_vector_ends_with_an_error_that_the_table_does_not_have() {
    let (table, (counts, _)) = (file("pairs"), found());
    let reachable: BTreeSet<Pair> = list(&table, "/reachable").iter().map(pair).collect();
    let strays: Vec<_> = counts.keys().filter(|pair| !reachable.contains(*pair)).collect();
    assert!(strays.is_empty(), "{strays:?}");
}

#[test]
fn every_reason_that_an_error_can_carry_has_a_vector() {
    let (table, (_, reasons)) = (file("pairs"), found());
    for row in list(&table, "/reasons") {
        let expected: BTreeSet<u64> = list(row, "/reasons").iter().map(|reason| reason.as_u64().unwrap()).collect();
        assert_eq!(reasons[&pair(row)], expected, "{row}");
    }
}

#[test]
fn every_pair_of_a_type_and_a_code_is_in_the_table_once() {
    let table = file("pairs");
    let rows: Vec<Pair> = ["/reachable", "/unreachable"].iter().flat_map(|part| list(&table, part)).map(pair).collect();
    let pairs: BTreeSet<Pair> = rows.iter().cloned().collect();
    assert_eq!(pairs.len(), rows.len(), "a pair is there twice");
    let document = std::fs::read_to_string("docs/protocol.md").unwrap();
    let (_, errors) = document.split_once("## 16. Errors").unwrap();
    let (errors, _) = errors.split_once("## 17. Versions").unwrap();
    let code = |line: &str| line.strip_prefix("| ")?.split(" | ").next()?.parse::<u64>().ok();
    let codes = errors.lines().filter(|line| !line.contains("(retired)")).filter_map(code).filter(|code| *code < 600);
    let kinds = TYPES.iter().map(|(_, name)| *name).chain(["close", "descriptor"]);
    let expected: BTreeSet<Pair> = codes.flat_map(|code| kinds.clone().map(move |kind| (kind.to_owned(), code))).collect();
    assert_eq!(pairs, expected);
}
