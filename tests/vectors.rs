//! The vectors of the second implementation through the public interface: `tests/vectors/core.json`, which `reference/` writes.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, clippy::panic_in_result_fn, reason = "tests")]

#[path = "vectors/complaints.rs"]
mod complaints;
#[path = "vectors/descriptors.rs"]
mod descriptors;
#[path = "../src/vectors/json.rs"]
mod json;
#[path = "vectors/play.rs"]
mod play;
#[path = "vectors/refused.rs"]
mod refused;
#[path = "vectors/sessions.rs"]
mod sessions;

use json::Part;

/// One test for each section, and the list of them.
macro_rules! sections {
    ($($test:ident: $section:literal, $part:ident => $check:expr;)*) => {
        $(
            #[test]
            fn $test() {
                json::check($section, Part::$part, $check);
            }
        )*
        const TESTED: &[&str] = &[$($section),*];
    };
}

sections! {
    every_complaint_is_judged_alike: "complaints", All => complaints::complaints;
    the_protocol_version_is_the_same: "protocol_version", All => |node| assert_eq!(node.small::<u8>(), veilsum::PROTOCOL_VERSION);
    every_altered_message_is_refused_with_the_same_error: "refused", All => refused::refused;
    every_descriptor_has_the_same_bytes_or_the_same_error: "session", All => descriptors::descriptors;
    every_message_of_every_session_is_reproduced: "sessions", NotDerived => sessions::sessions;
    the_suite_is_the_same: "suite", All => |node| assert_eq!(node.small::<u16>(), veilsum::SUITE);
}

#[test]
fn every_section_of_the_file_has_a_test() {
    assert_eq!(TESTED, json::PUBLIC);
    let mut tested: Vec<_> = json::PUBLIC.into_iter().chain(json::INTERNAL).collect();
    tested.sort_unstable();
    let file = json::load();
    let mut sections: Vec<_> = file.as_object().unwrap().keys().collect();
    sections.sort_unstable();
    assert_eq!(tested, sections);
}
