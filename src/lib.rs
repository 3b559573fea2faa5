#![doc = include_str!("../README.md")]
//! # Modules
//!
//! In the order of `docs/protocol.md`: [`Session`] (section 4), [`message`] (6), [`secagg`] (13 to 15), [`Error`] (16),
//! [`audit`] (20, 21). [`driver`] is a façade over `secagg`; [`dp`] turns real numbers into words and knows nothing of the protocol; `account` (feature `std`) says what
//! privacy a series of releases has cost.
#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]

extern crate alloc;
#[cfg(any(feature = "std", test))]
extern crate std;

#[cfg(feature = "std")]
#[cfg_attr(docsrs, doc(cfg(feature = "std")))]
pub mod account;
pub mod audit;
mod codec;
mod crypto;
pub mod dp;
pub mod driver;
mod error;
mod hash;
#[cfg(feature = "hazmat")]
pub mod hazmat;
mod label;
mod mask;
mod math;
pub mod message;
mod mutant;
pub mod secagg;
mod session;

#[cfg(test)]
mod attacks;

pub use crypto::sign::{Identity, SigningIdentity};
pub use error::{
    ClientFault, ClientId, DecodeError, EnvironmentError, Error, InputError, ParamsError, Party, PrivacyError, RoundError,
    ServerFault,
};
pub use label::{PROTOCOL_VERSION, SUITE};
pub use mask::Layout;
pub use math::ring::{Ring, Word};
pub use session::{
    Bound, DEFAULT_CHUNK_LEN, IdentityKey, LatticeSet, MAX_CLIENTS, MAX_VECTOR_LEN, Masking, Session, SessionBuilder, SessionId,
};
