//! Encodings of real vectors as ring words.
//!
//! Secure aggregation and this module do not know each other: they meet at a slice of words.

mod quantize;

pub use quantize::{FixedPoint, Real};
