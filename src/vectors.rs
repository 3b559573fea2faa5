//! The vectors of the second implementation, as far as they need the inside of the crate; `tests/vectors.rs` has the rest.
//!
//! `tests/vectors/core.json` and `lattice.json` are written by `reference/`, never by the code that they test. What their fields are:
//! `tests/vectors/README.md`.

mod derived;
mod envelopes;
pub(crate) mod json;
mod lattice;
mod parts;
mod sharing;

use json::{CORE, LATTICE, Part, SESSIONS};

/// One test for each section of a file, and the list of them.
macro_rules! sections {
    ($file:path, $tested:ident; $($test:ident: $section:literal => $check:path;)*) => {
        $(
            #[test]
            fn $test() {
                $file.check($section, Part::All, $check);
            }
        )*
        const $tested: &[&str] = &[$($section),*];
    };
}

sections! {
    CORE, TESTED;
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

sections! {
    LATTICE, LATTICE_TESTED;
    every_masked_block_passes: "blocks" => lattice::blocks::blocks;
    every_decoding_passes: "decode" => lattice::blocks::decode;
    every_error_passes: "errors" => lattice::errors;
    every_geometry_passes: "geometry" => lattice::geometry;
    every_kdf_vector_of_lattice_masks_passes: "kdf" => parts::lattice_kdf;
    every_epoch_key_passes: "keys" => lattice::keys;
    every_packed_block_passes: "pack" => lattice::blocks::pack;
    every_public_polynomial_passes: "public" => lattice::public;
    every_sample_passes: "samples" => lattice::samples;
    every_parameter_set_passes: "sets" => lattice::sets;
    every_transform_passes: "transform" => lattice::transform;
}

#[test]
fn every_derived_value_of_every_session_is_reproduced() {
    for file in [&CORE, &LATTICE, &SESSIONS] {
        file.check("sessions", Part::Derived, |sessions| sessions.items().iter().for_each(derived::session));
    }
}

#[test]
fn every_section_of_the_files_has_a_test() {
    assert_eq!((TESTED, LATTICE_TESTED), (CORE.internal, LATTICE.internal));
    [&CORE, &LATTICE].into_iter().for_each(json::File::has_no_other_section);
}
