//! The vectors of the second implementation, as far as they need the inside of the crate; `tests/vectors.rs` has the rest.
//!
//! `tests/vectors/core.json` is written by `reference/`, never by the code that it tests. What its fields are:
//! `tests/vectors/README.md`.

mod derived;
mod envelopes;
pub(crate) mod json;
mod parts;
mod sharing;

use std::vec::Vec;

use json::Part;

/// One test for each section, and the list of them.
macro_rules! sections {
    ($($test:ident: $section:literal => $check:path;)*) => {
        $(
            #[test]
            fn $test() {
                json::check($section, Part::All, $check);
            }
        )*
        const TESTED: &[&str] = &[$($section),*];
    };
}

sections! {
    every_ed25519_vector_passes: "ed25519" => parts::ed25519;
    every_envelope_vector_passes: "envelope" => envelopes::envelopes;
    every_hash_vector_passes: "hash" => parts::hashes;
    every_kdf_vector_passes: "kdf" => parts::kdf;
    every_merkle_vector_passes: "merkle" => parts::merkle;
    every_packing_vector_passes: "pack" => parts::pack;
    every_generator_vector_passes: "prg" => parts::prg;
    every_sharing_vector_passes: "vss" => sharing::sharing;
    every_x_wing_vector_passes: "xwing" => envelopes::xwing;
}

#[test]
fn every_derived_value_of_every_session_is_reproduced() {
    json::check("sessions", Part::Derived, |sessions| sessions.items().iter().for_each(derived::session));
}

#[test]
fn every_section_of_the_file_has_a_test() {
    assert_eq!(TESTED, json::INTERNAL);
    let mut tested: Vec<_> = json::PUBLIC.into_iter().chain(json::INTERNAL).collect();
    tested.sort_unstable();
    let file = json::load();
    let mut sections: Vec<_> = file.as_object().unwrap().keys().collect();
    sections.sort_unstable();
    assert_eq!(tested, sections);
}
