//! The protocol: typed states of client and server that consume themselves, and the data plane between them.
//!
//! Each round is a type. Finishing it consumes it and returns what to keep and what to send. Nothing here opens a socket, reads a
//! clock or keeps a global; randomness is an argument. States are `Send + 'static`: asynchronous code may own them.

pub mod client;
pub mod complaint;
pub(crate) mod keys;
mod participant;
pub mod server;
pub mod shard;
mod spool;
mod step;
pub mod sum;
pub(crate) mod sum_root;
mod total;
pub(crate) mod transcript;
pub(crate) mod unmask;
pub mod upload;

pub(crate) use participant::{Memory, check_each, check_threshold};
pub use step::{Counters, Failure, Outbox, Progress, Receipt, Round};
