//! Encodings of real vectors as ring words.
//!
//! Secure aggregation and this module do not know each other: they meet at a slice of words.

mod noise;
mod quantize;

#[cfg(feature = "hazmat")]
pub use noise::exact::ExactSampler;
pub use noise::{DISTANCE_LOG2, NOISE_BLOCK, NoiseLaw, NoiseSeed, Rational, Sampler};
pub use quantize::{FixedPoint, Real};
