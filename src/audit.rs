//! Checking a session afterwards, without trusting anybody: transcripts and evidence (sections 20 and 21).
//!
//! A server records its session in a [`Transcript`] and hands it out as a file; [`verify()`] recomputes the sum from it bit for bit, checks
//! everything that was signed, and names the first thing that is wrong and who did it. [`Evidence`] proves one deviation of
//! one party.
//! Section 18 says what a transcript tells its readers beyond the sum.
//!
//! Whoever verifies brings the [`Session`](crate::Session), as a client does: a file that describes its own session proves nothing.

mod chunks;
mod evidence;
mod file;
mod report;
mod rounds;
mod transcript;
mod vectors;
mod verify;

pub use evidence::{Evidence, Statement, Verdict};
pub use file::{Sink, Source, descriptor};
pub use report::{Check, Finding, Part, Report};
pub use transcript::Transcript;
pub use vectors::Vectors;
pub use verify::verify;

pub use crate::secagg::sum_root::SumRoot;
