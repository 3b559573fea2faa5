//! Encodings of real vectors as ring words.
//!
//! [`FixedPoint`] releases the exact sum. [`Encoding`] makes the sum differentially private: clip, rotate, scale, round, add integer
//! noise, wrap (docs/privacy.md, section 4). [`Encoding::plan`] chooses its parameters.
//!
//! Secure aggregation and this module do not know each other: they meet at a slice of words.

mod clip;
mod decode;
mod describe;
mod encoder;
mod encoding;
mod noise;
mod plan;
mod quantize;
mod rotate;
mod round;
mod tail;
mod values;

#[cfg(feature = "hazmat")]
pub use encoder::EncodingTrace;
pub use encoder::{Encoder, EncodingSeed};
pub use encoding::{Encoding, Mechanism, Release, Rounding, Weights};
#[cfg(feature = "hazmat")]
pub use noise::exact::ExactSampler;
#[cfg(feature = "hazmat")]
pub use noise::inspect::{NoisePart, NoiseWeights, noise_words};
pub use noise::{DISTANCE_LOG2, NOISE_BLOCK, NoiseLaw, NoiseSeed, Rational, Sampler};
pub use plan::{Plan, Planner};
pub use quantize::FixedPoint;
pub use values::{Real, Values};

/// Units of work of the private encoding, and so its memory; a power of two. A rotation over more values makes it larger.
const BLOCK: usize = NOISE_BLOCK;
