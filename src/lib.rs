//! Secure aggregation.
#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]
extern crate alloc;
#[cfg(any(feature = "std", test))]
extern crate std;

mod codec;
mod crypto;
mod error;
mod hash;
mod label;
mod mask;
mod math;
pub mod message;
mod mutant;
pub mod secagg;
mod session;

pub use crypto::sign::{Identity, SigningIdentity};
pub use error::{
    ClientFault, ClientId, DecodeError, EnvironmentError, Error, InputError, ParamsError, Party, RoundError, ServerFault,
};
pub use label::{PROTOCOL_VERSION, SUITE};
pub use mask::Layout;
pub use math::ring::{Ring, Word};
pub use session::{Bound, DEFAULT_CHUNK_LEN, IdentityKey, MAX_CLIENTS, MAX_VECTOR_LEN, Session, SessionBuilder, SessionId};
