//! The vectors of encodings and noise through the public interface: `tests/vectors/encoding.json` and `samplers.json`, which
//! `reference/` writes from docs/privacy.md.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, clippy::panic_in_result_fn, reason = "tests")]

#[path = "encoding_vectors/fixed_point.rs"]
mod fixed_point;
#[path = "../src/vectors/json.rs"]
mod json;
#[path = "encoding_vectors/private.rs"]
mod private;
#[path = "encoding_vectors/samplers.rs"]
mod samplers;

use half::{bf16, f16};
use json::{ENCODING, File, Node, Part, SAMPLERS};
use veilsum::dp::Values;

#[test]
fn every_vector_of_fixed_point_is_reproduced() {
    ENCODING.check("fixed_point", Part::All, fixed_point::all);
}

#[test]
fn every_description_is_read_or_refused_alike() {
    ENCODING.check("descriptions", Part::All, private::descriptions);
}

#[test]
fn every_vector_has_the_same_words() {
    ENCODING.check("encode", Part::NotDerived, private::encode);
}

#[test]
fn long_vectors_have_the_same_words() {
    ENCODING.check("long", Part::All, private::long);
}

#[test]
fn every_sum_decodes_to_the_same_values() {
    ENCODING.check("sums", Part::All, private::sums);
}

#[test]
fn every_bad_input_is_refused_with_the_same_error() {
    ENCODING.check("refused", Part::All, private::refused);
}

#[test]
fn bulk_samplers_draw_the_same() {
    SAMPLERS.check("bulk", Part::NotDerived, samplers::bulk);
}

#[test]
fn exact_samplers_take_the_same_words_for_the_same_draws() {
    SAMPLERS.check("exact", Part::All, samplers::exact);
}

#[test]
fn every_section_of_the_files_has_a_test() {
    [&ENCODING, &SAMPLERS].into_iter().for_each(File::has_no_other_section);
}

/// Little-endian numbers of 8 bytes.
pub(crate) fn doubles(bytes: &[u8]) -> Vec<f64> {
    bytes.as_chunks::<8>().0.iter().map(|chunk| f64::from_le_bytes(*chunk)).collect()
}

/// The values under `values`, in the type under `type`.
pub(crate) fn values(kind: &str, bytes: &[u8]) -> Box<dyn Values> {
    let pairs = bytes.as_chunks::<2>().0;
    match kind {
        "f64" => Box::new(doubles(bytes)),
        "f32" => Box::new(bytes.as_chunks::<4>().0.iter().map(|chunk| f32::from_le_bytes(*chunk)).collect::<Vec<_>>()),
        "f16" => Box::new(pairs.iter().map(|chunk| f16::from_le_bytes(*chunk)).collect::<Vec<_>>()),
        "bf16" => Box::new(pairs.iter().map(|chunk| bf16::from_le_bytes(*chunk)).collect::<Vec<_>>()),
        other => panic!("{other}"),
    }
}

/// The bits of numbers, as the file has them.
pub(crate) fn are_doubles(node: &Node<'_>, key: &str, values: &[f64]) {
    node.is(key, &values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<_>>());
}
