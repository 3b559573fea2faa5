//! Privacy accounting: what a series of releases has cost, and how much noise a target needs (docs/privacy.md, sections 10 to 12).
//!
//! An [`Event`] says what was done to the data, an [`Accountant`] adds events up, [`calibrate`] searches the other way, and a [`Ledger`]
//! refuses the round that would pass a budget. All results are upper bounds, with what floating point rounds away added back.
//!
//! ```
//! use veilsum::{
//!     account::{Accountant, Event, NeighboringRelation, RdpAccountant},
//!     dp::Encoding,
//! };
//!
//! // 100 clients, at least 67 of which answer and at most 33 of which tell their noise; 2^16 values clipped to norm 1; 20-bit words.
//! let plan = Encoding::plan(100, 67, 33, 1 << 16, 1.0, 4.0, 20)?;
//! let mut accountant = RdpAccountant::new(NeighboringRelation::ReplaceSpecial);
//! accountant.compose(&Event::release(&plan.release())?, 10)?;
//! assert!(accountant.epsilon(1e-6)? < 4.2);
//! # Ok::<(), veilsum::PrivacyError>(())
//! ```

pub mod accountant;
pub mod analytic;
pub mod calibrate;
pub mod convert;
mod distance;
pub mod distributed;
pub mod event;
pub mod ledger;
pub mod pld;
pub mod pure;
pub mod rdp;
mod release;
mod special;
pub mod zcdp;

pub use accountant::Accountant;
pub use event::{Event, NeighboringRelation};
pub use ledger::Ledger;
pub use pld::PldAccountant;
pub use pure::PureAccountant;
pub use rdp::RdpAccountant;
pub use zcdp::ZCdpAccountant;
