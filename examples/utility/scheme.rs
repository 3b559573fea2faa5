//! A mechanism with its noise: calibrated by the accountant, planned by the planner, or refused.

use serde::Serialize;
use veilsum::{
    PrivacyError,
    account::{
        Accountant, Event, NeighboringRelation, RdpAccountant, analytic,
        calibrate::{Target, least_noise_multiplier},
    },
    dp::{Encoding, Mechanism, Plan, Planner},
};

/// L2 norm to which vectors are clipped: all errors are in its units.
const CLIP: f64 = 1.0;
/// Where the description of an encoding has the binary logarithm of the block (docs/privacy.md, section 9).
const LOG2_BLOCK_AT: usize = 26;

/// What all schemes have in common.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Rules {
    /// Values of a vector.
    pub(crate) length: u64,
    /// Delta of the guarantee.
    pub(crate) delta: f64,
    /// Binary logarithm of the probability that any word of the sum wraps.
    pub(crate) log2_wrap: i32,
}

/// What is done against data that sits in few coordinates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Rotation {
    /// The default of the planner.
    On,
    /// The planner knows that there is none, and leaves room for all data in one coordinate.
    Off,
    /// None, and the scale that is right with one: what the planner never returns.
    Unplanned,
}

impl Rotation {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::On => "on",
            Self::Off => "off",
            Self::Unplanned => "unplanned",
        }
    }
}

/// One point of the experiment. All clients are honest and answer, as in the papers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Scheme {
    pub(crate) mechanism: Mechanism,
    pub(crate) rotation: Rotation,
    pub(crate) clients: u32,
    pub(crate) epsilon: f64,
    pub(crate) bits: u8,
}

/// A scheme that holds its promises.
#[derive(Clone, Debug)]
pub(crate) struct Planned {
    pub(crate) plan: Plan,
    /// What runs; differs from the plan's for [`Rotation::Unplanned`].
    pub(crate) encoding: Encoding,
    pub(crate) noise_multiplier: f64,
}

/// The continuous Gaussian mechanism of a trusted curator, with the same epsilon and delta: its noise multipliers.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Central {
    pub(crate) epsilon: f64,
    /// By the Rényi accountant, which also counts the distributed mechanisms: what is compared with.
    pub(crate) noise_multiplier: f64,
    /// The least there is (Balle and Wang, 2018): what a tighter accountant could still gain.
    pub(crate) least_noise_multiplier: f64,
}

impl Central {
    pub(crate) fn new(rules: &Rules, epsilon: f64) -> Result<Self, PrivacyError> {
        let target = Target::new(epsilon, rules.delta)?;
        let noise_multiplier = least_noise_multiplier(target, |noise| {
            let mut accountant = RdpAccountant::new(NeighboringRelation::ReplaceSpecial);
            accountant.compose(&Event::gaussian(noise)?, 1)?;
            Ok(accountant)
        })?;
        Ok(Self { epsilon, noise_multiplier, least_noise_multiplier: analytic::noise_multiplier(epsilon, rules.delta)? })
    }

    /// Mean squared error of a coordinate of the sum: exactly the variance, for the curator rounds nothing.
    pub(crate) fn squared_error(&self) -> f64 {
        (self.noise_multiplier * CLIP).powi(2)
    }
}

impl Scheme {
    /// The plan with the least noise that keeps (epsilon, delta), or why there is none.
    pub(crate) fn plan(&self, rules: &Rules, central: &Central) -> Result<Planned, PrivacyError> {
        let target = Target::new(self.epsilon, rules.delta)?;
        let noise_of = |knob: f64| knob * central.noise_multiplier;
        let knob = least_noise_multiplier(target, |knob| {
            // A refused plan has too much noise for its words: it counts as cheap, so that the search goes on below it.
            let event = match self.planner(rules, noise_of(knob)).plan() {
                Ok(plan) => Event::release(&plan.release())?,
                Err(_) => Event::gaussian(2.0 * central.noise_multiplier)?,
            };
            let mut accountant = RdpAccountant::new(NeighboringRelation::ReplaceSpecial);
            accountant.compose(&event, 1)?;
            Ok(accountant)
        })?;
        let noise_multiplier = noise_of(knob);
        // The search ends at the border of what is refused; the reason is the one for the noise that would be needed.
        let needed = || self.planner(rules, noise_multiplier.max(central.noise_multiplier)).plan();
        let plan = self.planner(rules, noise_multiplier).plan().or_else(|_| needed())?;
        let encoding = match self.rotation {
            Rotation::Unplanned => without_rotation(plan.encoding())?,
            _ => plan.encoding().clone(),
        };
        Ok(Planned { plan, encoding, noise_multiplier })
    }

    fn planner(&self, rules: &Rules, noise_multiplier: f64) -> Planner {
        let (clients, all) = (self.clients, self.clients);
        let planner = Encoding::planner(clients, all, 0, rules.length, CLIP, noise_multiplier, self.bits);
        let planner = planner.mechanism(self.mechanism).log2_wrap(rules.log2_wrap);
        if self.rotation == Rotation::Off { planner.rotation(None) } else { planner }
    }
}

impl Planned {
    /// What the plan says that the mean squared error of a coordinate of the sum is at most, if nothing wraps.
    pub(crate) fn squared_error(&self) -> f64 {
        self.plan.error(self.plan.release().clients).powi(2)
    }
}

/// The same encoding with blocks of one value.
fn without_rotation(encoding: &Encoding) -> Result<Encoding, PrivacyError> {
    let mut description = encoding.describe();
    description[LOG2_BLOCK_AT] = 0;
    Encoding::from_description(&description)
}
