//! The attacks that the protocol's checks close, played against the state machines of this crate.
//!
//! Each test plays its attack twice. As the crate stands the attack fails, at the check or for the reason named; with that check taken out
//! ([`crate::mutant`]) the same code succeeds, which shows that the check is what stops it.
//!
//! The adversary is a server and its colluders. It has what [`stage::Seen`] holds (every message that reached the server) and what
//! [`stage::Pool`] holds (what colluders know from their own part), and does arithmetic on that. Honest clients are the real ones.

#![allow(clippy::panic_in_result_fn, reason = "an attack that is refused is an error, a stage that falls down is a panic")]

mod arithmetic;
mod coefficients;
mod coins;
mod commitment;
mod complaints;
mod copies;
mod errors;
mod random;
mod redeal;
mod retry;
mod split_adverts;
mod split_agreement;
mod split_survivors;
mod stage;
mod substitution;
mod threshold;
