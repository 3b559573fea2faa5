//! Privacy accounting.

pub mod accountant;
pub mod analytic;
pub mod calibrate;
pub mod convert;
pub mod distributed;
pub mod event;
pub mod ledger;
pub mod pld;
pub mod pure;
pub mod rdp;
mod special;
pub mod zcdp;

pub use accountant::Accountant;
pub use event::{Event, NeighboringRelation};
pub use ledger::Ledger;
pub use pld::PldAccountant;
pub use pure::PureAccountant;
pub use rdp::RdpAccountant;
pub use zcdp::ZCdpAccountant;
