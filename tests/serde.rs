//! Messages in other formats: JSON and postcard carry every message and nothing else, and what comes back has the same canonical bytes.
#![cfg(feature = "serde")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod common;
#[path = "common/forge.rs"]
mod forge;
#[path = "common/samples.rs"]
mod samples;

use forge::{DELIVERY, SHARES};
use samples::samples;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};
use veilsum::{
    ClientId, IdentityKey,
    message::{
        Advert, Adverts, Agreement, Announcement, Body, Bytes, Complaint, Consistency, Delivery, MaskedInput, Message, Package,
        Reveal, Shares, Survivors,
    },
};

/// A message of each type in JSON, and what reads JSON of that type: the canonical bytes, or a refusal.
struct Case {
    kind: u8,
    bytes: Vec<u8>,
    json: Value,
    read: fn(&Value) -> Result<Vec<u8>, String>,
}

fn read<B: Body + DeserializeOwned>(value: &Value) -> Result<Vec<u8>, String> {
    let text = value.to_string();
    serde_json::from_str::<Message<B>>(&text).map(|message| message.encode()).map_err(|error| error.to_string())
}

fn cases() -> Vec<Case> {
    let messages = samples().messages;
    let mut cases = Vec::new();
    macro_rules! case {
        ($body:ident, $kind:literal) => {
            let bytes = messages[&$kind].clone();
            let json = serde_json::to_value(Message::<$body>::decode(&bytes).unwrap()).unwrap();
            cases.push(Case { kind: $kind, bytes, json, read: read::<$body> });
        };
    }
    for_each_message_type!(case);
    cases
}

/// Values inside `value`, itself included.
fn count_nodes(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(count_nodes).sum::<usize>(),
        Value::Object(fields) => fields.values().map(count_nodes).sum(),
        _ => 0,
    }
}

/// The `place`-th value inside `value`, in depth-first order.
fn node(value: &mut Value, place: usize) -> &mut Value {
    fn search<'a>(value: &'a mut Value, left: &mut usize) -> Option<&'a mut Value> {
        if *left == 0 {
            return Some(value);
        }
        *left -= 1;
        match value {
            Value::Array(items) => items.iter_mut().find_map(|item| search(item, left)),
            Value::Object(fields) => fields.values_mut().find_map(|item| search(item, left)),
            _ => None,
        }
    }
    search(value, &mut { place }).unwrap()
}

/// Alters every value of every message, one at a time: `change` gives the alterations of one value.
fn alter_all(change: impl Fn(&Value) -> Vec<Value>, mut check: impl FnMut(&Case, &Value, &Value)) {
    for case in cases() {
        for place in 0..count_nodes(&case.json) {
            let mut json = case.json.clone();
            let old = node(&mut json, place).clone();
            for new in change(&old) {
                *node(&mut json, place) = new;
                check(&case, &old, &json);
            }
        }
    }
}

fn refused(case: &Case, _: &Value, json: &Value) {
    assert!((case.read)(json).is_err(), "{:#04x} {json}", case.kind);
}

fn with_text(value: &Value, change: impl Fn(&str) -> Vec<String>) -> Vec<Value> {
    value.as_str().map_or(Vec::new(), |text| change(text).into_iter().map(Value::String).collect())
}

#[test]
fn json_carries_every_message() {
    let cases = cases();
    assert_eq!(cases.len(), 11);
    for case in cases {
        assert_eq!((case.read)(&case.json).as_ref(), Ok(&case.bytes), "{:#04x}", case.kind);
    }
}

#[test]
fn postcard_carries_every_message() {
    let messages = samples().messages;
    macro_rules! check {
        ($body:ident, $kind:literal) => {
            let message = Message::<$body>::decode(&messages[&$kind]).unwrap();
            let carried = postcard::to_allocvec(&message).unwrap();
            let back: Message<$body> = postcard::from_bytes(&carried).unwrap();
            assert_eq!(back, message);
            assert_eq!(back.encode(), messages[&$kind]);
            for len in (0..carried.len()).step_by(7) {
                assert!(postcard::from_bytes::<Message<$body>>(&carried[..len]).is_err(), "{len} bytes of {:#04x}", $kind);
            }
        };
    }
    for_each_message_type!(check);
}

#[test]
fn json_of_one_type_is_not_another_type() {
    let cases = cases();
    for case in &cases {
        for other in cases.iter().filter(|other| other.kind != case.kind) {
            assert!((other.read)(&case.json).is_err(), "{:#04x} as {:#04x}", case.kind, other.kind);
        }
    }
}

#[test]
fn an_unknown_field_anywhere_is_refused() {
    let added = |value: &Value| {
        let add = |fields: &Map<String, Value>| {
            let mut fields = fields.clone();
            fields.insert("version".to_owned(), json!(1));
            Value::Object(fields)
        };
        value.as_object().map(add).into_iter().collect()
    };
    let mut tried = 0;
    alter_all(added, |case, old, json| {
        refused(case, old, json);
        tried += 1;
    });
    assert!(tried > 40);
}

#[test]
fn a_missing_field_anywhere_is_refused() {
    let without_one = |value: &Value| {
        let fields = value.as_object().cloned().unwrap_or_default();
        let without = |name: &String| {
            let mut fewer = fields.clone();
            fewer.remove(name);
            Value::Object(fewer)
        };
        fields.keys().map(without).collect()
    };
    alter_all(without_one, refused);
}

#[test]
fn a_repeated_field_is_refused() {
    let case = cases().remove(0);
    let text = case.json.to_string();
    let twice = text.replacen("\"client\":20", "\"client\":20,\"client\":20", 1);
    assert_ne!(twice, text);
    assert!(serde_json::from_str::<Message<Advert>>(&twice).is_err());
    assert!(serde_json::from_str::<Message<Advert>>(&format!("{text} 1")).is_err());
}

#[test]
fn bytes_of_another_length_are_refused() {
    alter_all(
        |value| {
            with_text(value, |text| {
                let (shorter, one_less) = (text[2..].to_owned(), text[1..].to_owned());
                vec![String::new(), shorter, one_less, format!("{text}0"), format!("{text}00"), format!("0x{text}")]
            })
        },
        refused,
    );
}

#[test]
fn bytes_that_are_not_lower_case_hexadecimal_are_refused() {
    alter_all(
        |value| {
            with_text(value, |text| {
                let replace = |with: &str| format!("{with}{}", text.chars().skip(with.chars().count()).collect::<String>());
                let mut all: Vec<String> = ["A0", "aF", "g0", " 1", "+1", "-1", "0x", "\u{fc}", "\u{0}0"].map(replace).into();
                all.extend((text.to_uppercase() != text).then(|| text.to_uppercase()));
                all
            })
        },
        refused,
    );
}

/// Two values are left out: `null` for a mask ciphertext (see below), and a list for an object, which serde reads as its fields in order.
#[test]
fn a_value_of_another_kind_is_refused() {
    let others = |value: &Value| {
        let all = [json!(null), json!(true), json!(-1), json!(1.5), json!("text"), json!([[]]), json!({ "a": 1 })];
        let optional = value.is_null() || value.as_str().is_some_and(|text| text.len() == 2 * 1120);
        let allowed = |other: &Value| optional && other.is_null() || value.is_object() && other.is_array();
        all.into_iter().filter(|other| !allowed(other)).collect()
    };
    alter_all(others, refused);
}

#[test]
fn numbers_keep_all_64_bits() {
    let samples = samples();
    let mut message = Message::<MaskedInput>::decode(&samples.messages[&0x04]).unwrap();
    message.client = ClientId(u64::MAX);
    (message.body.vector_len, message.body.chunk_len) = (u64::MAX - 1, u32::MAX);
    let text = serde_json::to_string(&message).unwrap();
    assert!(text.contains("\"client\":18446744073709551615"));
    assert_eq!(serde_json::from_str::<Message<MaskedInput>>(&text).unwrap(), message);
    let carried = postcard::to_allocvec(&message).unwrap();
    assert_eq!(postcard::from_bytes::<Message<MaskedInput>>(&carried).unwrap(), message);
}

/// `null` where the ids ask for a mask ciphertext, or the reverse, makes a message whose canonical bytes do not decode.
#[test]
fn a_mask_ciphertext_that_does_not_fit_the_ids_does_not_survive_the_canonical_encoding() {
    for kind in [SHARES, DELIVERY] {
        let case = cases().into_iter().find(|case| case.kind == kind).unwrap();
        for package in 0..2 {
            let mut json = case.json.clone();
            let mask = &mut json["body"]["packages"][package]["mask_ciphertext"];
            *mask = if mask.is_null() { json!("00".repeat(1120)) } else { json!(null) };
            let bytes = (case.read)(&json).unwrap();
            let refused = if kind == SHARES {
                Message::<Shares>::decode(&bytes).is_err()
            } else {
                Message::<Delivery>::decode(&bytes).is_err()
            };
            assert!(refused, "{kind:#04x}, package {package}");
        }
    }
}

#[test]
fn bytes_are_hexadecimal_in_json_and_plain_in_postcard() {
    let bytes = Bytes([0x00, 0x0f, 0xa5, 0xff]);
    assert_eq!(serde_json::to_string(&bytes).unwrap(), "\"000fa5ff\"");
    assert_eq!(serde_json::from_str::<Bytes<4>>("\"000fa5ff\"").unwrap(), bytes);
    assert_eq!(postcard::to_allocvec(&bytes).unwrap(), [4, 0x00, 0x0f, 0xa5, 0xff]);
    for wrong in [&[3, 1, 2, 3][..], &[5, 1, 2, 3, 4, 5], &[0], &[4, 1, 2, 3], &[0xff; 10]] {
        assert!(postcard::from_bytes::<Bytes<4>>(wrong).is_err(), "{wrong:?}");
    }
    assert!(serde_json::from_str::<Bytes<4>>("[0,15,165,255]").is_err(), "one form in JSON");
}

#[test]
fn every_type_with_serde_can_be_written_and_read() {
    fn carried<T: Serialize + for<'de> Deserialize<'de> + PartialEq + std::fmt::Debug>(value: &T) {
        let text = serde_json::to_string(value).unwrap();
        assert_eq!(serde_json::from_str::<T>(&text).unwrap(), *value);
        assert_eq!(postcard::from_bytes::<T>(&postcard::to_allocvec(value).unwrap()).unwrap(), *value);
    }
    carried(&ClientId(u64::MAX));
    carried(&IdentityKey([0xab; 32]));
    let shares = Message::<Shares>::decode(&samples().messages[&SHARES]).unwrap().body;
    shares.packages.iter().for_each(|package: &Package| carried(package));
    carried(&shares);
}
