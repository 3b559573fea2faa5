//! Accounting with privacy loss distributions (docs/privacy.md, section 12).
//!
//! The privacy loss of an output `x` is `L = ln(P(x) / Q(x))`, `x` drawn from `P`; `P` and `Q` are the output laws on two neighbouring
//! databases. `delta(epsilon) = E (1 - e^(epsilon - L))_+`, and under composition losses add up, so that the law of their sum is a
//! convolution (Sommer, Meiser and Mohammadi, 2019; Koskela, Jälkö and Honkela, 2020). Everything here is a bound: losses are rounded to
//! a grid so that the result is certainly more or certainly less than the truth, and tails cut off and round-off are added or taken away.

mod accountant;
mod compose;
mod events;
mod gaussian_law;
mod laplace_law;
mod law;
mod normal;
mod pair;
mod plan;
mod pmf;
mod profile;
mod search;
#[cfg(test)]
mod tests;
mod trade_off;
mod transform;

pub use accountant::{Bracket, PldAccountant};
pub use events::DiscretePair;
pub use trade_off::TradeOff;
