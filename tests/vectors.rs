//! The vectors of the second implementation through the public interface: `tests/vectors/core.json` and `lattice.json`, which
//! `reference/` writes.
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
#[path = "vectors/states.rs"]
mod states;

use json::{CORE, LATTICE, Part, REFUSED_CLIENT, REFUSED_SERVER, SESSIONS, STATES};

/// One test for each section of a file, and the list of them.
macro_rules! sections {
    ($file:path, $tested:ident; $($test:ident: $section:literal, $part:ident => $check:expr;)*) => {
        $(
            #[test]
            fn $test() {
                $file.check($section, Part::$part, $check);
            }
        )*
        const $tested: &[&str] = &[$($section),*];
    };
}

sections! {
    CORE, TESTED;
    every_complaint_is_judged_alike: "complaints", All => complaints::complaints;
    the_protocol_version_is_the_same: "protocol_version", All => |node| assert_eq!(node.small::<u8>(), veilsum::PROTOCOL_VERSION);
    every_altered_message_is_refused_with_the_same_error: "refused", All => refused::refused;
    every_descriptor_has_the_same_bytes_or_the_same_error: "session", All => descriptors::descriptors;
    every_message_of_every_session_is_reproduced: "sessions", NotDerived => sessions::sessions;
    the_suite_is_the_same: "suite", All => |node| assert_eq!(node.small::<u16>(), veilsum::SUITE);
}

sections! {
    LATTICE, LATTICE_TESTED;
    every_descriptor_with_lattice_masks_has_the_same_bytes_or_the_same_error: "descriptors", All => descriptors::lattice;
    the_protocol_version_of_lattice_masks_is_the_same: "protocol_version", All => |node| assert_eq!(node.small::<u8>(), veilsum::PROTOCOL_VERSION);
    every_message_of_every_session_with_lattice_masks_is_reproduced: "sessions", NotDerived => sessions::sessions;
    the_suite_of_lattice_masks_is_the_same: "suite", All => |node| assert_eq!(node.small::<u16>(), veilsum::SUITE);
}

sections! {
    SESSIONS, SESSIONS_TESTED;
    the_protocol_version_of_more_sessions_is_the_same: "protocol_version", All => |node| assert_eq!(node.small::<u8>(), veilsum::PROTOCOL_VERSION);
    every_message_of_every_session_with_late_dropouts_is_reproduced: "sessions", NotDerived => sessions::sessions;
    the_suite_of_more_sessions_is_the_same: "suite", All => |node| assert_eq!(node.small::<u16>(), veilsum::SUITE);
}

sections! {
    REFUSED_SERVER, REFUSED_SERVER_TESTED;
    the_protocol_version_of_the_server_s_refusals_is_the_same: "protocol_version", All => |node| assert_eq!(node.small::<u8>(), veilsum::PROTOCOL_VERSION);
    every_altered_field_of_a_client_s_message_is_refused_with_the_same_error: "refused", All => refused::refused;
    the_suite_of_the_server_s_refusals_is_the_same: "suite", All => |node| assert_eq!(node.small::<u16>(), veilsum::SUITE);
}

sections! {
    REFUSED_CLIENT, REFUSED_CLIENT_TESTED;
    the_protocol_version_of_the_clients_refusals_is_the_same: "protocol_version", All => |node| assert_eq!(node.small::<u8>(), veilsum::PROTOCOL_VERSION);
    every_altered_field_of_a_server_s_message_is_refused_with_the_same_error: "refused", All => refused::refused;
    the_suite_of_the_clients_refusals_is_the_same: "suite", All => |node| assert_eq!(node.small::<u16>(), veilsum::SUITE);
}

sections! {
    STATES, STATES_TESTED;
    every_step_of_every_party_is_taken_alike: "cases", All => states::cases;
    the_protocol_version_of_the_states_is_the_same: "protocol_version", All => |node| assert_eq!(node.small::<u8>(), veilsum::PROTOCOL_VERSION);
    every_dishonest_session_begins_as_recorded: "sessions", All => states::sessions;
    the_suite_of_the_states_is_the_same: "suite", All => |node| assert_eq!(node.small::<u16>(), veilsum::SUITE);
}

#[test]
fn every_section_of_the_files_has_a_test() {
    let tested = [TESTED, LATTICE_TESTED, SESSIONS_TESTED, REFUSED_SERVER_TESTED, REFUSED_CLIENT_TESTED, STATES_TESTED];
    for (file, tested) in [&CORE, &LATTICE, &SESSIONS, &REFUSED_SERVER, &REFUSED_CLIENT, &STATES].into_iter().zip(tested) {
        assert_eq!(file.public, tested);
        file.has_no_other_section();
    }
}
