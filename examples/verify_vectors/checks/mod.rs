//! Every check of the test vectors (`tests/vectors/README.md`), over the public interface and [`veilsum::hazmat`].
//!
//! The tests of this crate and the example `verify_vectors` run the same checks. A new group is a function and a line in one of the
//! tables below.

mod complaints;
mod context;
mod derived;
mod descriptors;
mod envelopes;
mod fixed_point;
mod lattice;
mod node;
mod noise;
mod pairs;
mod parts;
mod play;
mod private;
mod refused;
pub(crate) mod run;
mod samplers;
mod sessions;
mod sharing;
mod states;
mod tally;
mod transcripts;
mod values;

use context::Context;
use node::{Node, Outcome};
pub(crate) use tally::Failure;
use tally::Tally;

/// Checks one group: the group, the files around it, and where results go. What it returns fails the group as a whole.
type Check = fn(&Node<'_>, &Context<'_>, &mut Tally) -> Outcome;

/// A kind of file, and the groups that it may have.
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    pub(crate) groups: &'static [(&'static str, Check)],
}

/// Altered messages, which begin in sessions of other files.
const REFUSALS: &[(&str, Check)] =
    &[("protocol_version", parts::protocol_version), ("refused", refused::refused), ("suite", parts::suite)];

/// A file is of the kind that its name begins with, up to the first dot or hyphen: `core.json`, `core-mine.json`.
pub(crate) static KINDS: &[Kind] = &[
    Kind {
        name: "core",
        groups: &[
            ("complaints", complaints::complaints),
            ("ed25519", parts::ed25519),
            ("envelope", envelopes::envelopes),
            ("hash", parts::hashes),
            ("kdf", parts::kdf),
            ("merkle", parts::merkle),
            ("pack", parts::pack),
            ("prg", parts::prg),
            ("protocol_version", parts::protocol_version),
            ("refused", refused::refused),
            ("session", descriptors::descriptors),
            ("sessions", sessions::sessions),
            ("suite", parts::suite),
            ("vss", sharing::sharing),
            ("xwing", envelopes::xwing),
        ],
    },
    Kind {
        name: "lattice",
        groups: &[
            ("blocks", lattice::blocks::blocks),
            ("decode", lattice::blocks::decode),
            ("descriptors", descriptors::lattice),
            ("errors", lattice::errors),
            ("geometry", lattice::geometry),
            ("kdf", parts::kdf),
            ("keys", lattice::keys),
            ("pack", lattice::blocks::pack),
            ("protocol_version", parts::protocol_version),
            ("public", lattice::public),
            ("samples", lattice::samples),
            ("sessions", sessions::sessions),
            ("sets", lattice::sets),
            ("suite", parts::suite),
            ("transform", lattice::transform),
        ],
    },
    Kind { name: "noise", groups: &[("draws", noise::draws), ("laws", noise::laws)] },
    Kind {
        name: "encoding",
        groups: &[
            ("descriptions", private::descriptions),
            ("encode", private::encode),
            ("fixed_point", fixed_point::fixed_point),
            ("long", private::long),
            ("refused", private::refused),
            ("sums", private::sums),
        ],
    },
    Kind {
        name: "sessions",
        groups: &[("protocol_version", parts::protocol_version), ("sessions", sessions::sessions), ("suite", parts::suite)],
    },
    Kind { name: "refused_client", groups: REFUSALS },
    Kind { name: "refused_server", groups: REFUSALS },
    Kind {
        name: "states",
        groups: &[
            ("cases", states::cases),
            ("protocol_version", parts::protocol_version),
            ("sessions", states::sessions),
            ("suite", parts::suite),
        ],
    },
    Kind {
        name: "pairs",
        groups: &[
            ("limit", pairs::limit),
            ("reachable", pairs::reachable),
            ("reasons", pairs::reasons),
            ("unreachable", pairs::unreachable),
        ],
    },
    Kind {
        name: "transcripts",
        groups: &[
            ("evidence", transcripts::evidence),
            ("protocol_version", parts::protocol_version),
            ("sessions", transcripts::sessions),
            ("suite", parts::suite),
            ("transcripts", transcripts::transcripts),
        ],
    },
    Kind { name: "samplers", groups: &[("bulk", samplers::bulk), ("exact", samplers::exact), ("ties", samplers::ties)] },
];
