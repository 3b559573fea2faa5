//! The client: one type a state, in the order of the rounds (sections 13 and 15).
//!
//! [`join`] -> [`AwaitingAdverts`] -> [`AwaitingDelivery`] -> [`MaskingInput`] -> [`AwaitingSurvivors`] -> [`AwaitingAgreement`] ->
//! [`Finished`]. Every step takes the state by value, so no step can be done twice:
//!
//! ```compile_fail,E0382
//! # use veilsum::{secagg::client::AwaitingAgreement, Error};
//! fn reveal_twice(state: AwaitingAgreement, first: &[u8], second: &[u8]) -> Result<(), Error> {
//!     state.receive(first)?;
//!     state.receive(second)?; // use of moved value
//!     Ok(())
//! }
//! ```

mod advertise;
mod agree;
mod deal;
mod lane;
mod mask;
mod open;

pub(crate) use advertise::distinct_keys;
pub use advertise::{AwaitingAdverts, join};
pub use agree::{AwaitingAgreement, AwaitingSurvivors, Finished, SumCheck};
pub(crate) use agree::{check_dimensions, read_survivors};
pub use deal::AwaitingDelivery;
pub use lane::Lane;
pub use mask::MaskingInput;
pub(crate) use open::{check_holders, decode_commitments, decode_shares};
