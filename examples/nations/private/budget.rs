//! How much noise a target needs, and what has been spent.

use veilsum::{
    PrivacyError,
    account::{
        Accountant, Event, Ledger, NeighboringRelation, RdpAccountant, analytic,
        calibrate::{self, Target},
        ledger::{DifferencingPolicy, Round},
    },
    dp::{Encoding, Plan},
};

use super::Setting;
use crate::{code::max_absent, linear::LINEAR_PARAMETERS};

/// The data of one nation against none of it; that the nation takes part is public.
const RELATION: NeighboringRelation = NeighboringRelation::ReplaceSpecial;
/// Of a word; with little privacy they hold sums of fine levels, with much the plan takes coarser ones.
const BITS: u8 = 20;
/// Of the protocol's default.
const MIN_HONEST: u32 = 3;
/// The name of the training in the ledger.
pub(crate) const SESSION: &[u8] = b"nations";

/// The noise for a target, over all rounds.
pub(crate) struct Budget {
    pub(crate) plan: Plan,
    /// Standard deviation of the noise that is certain to be in a sum, over the sensitivity.
    pub(crate) noise_multiplier: f64,
    /// The same for a trusted curator who adds continuous Gaussian noise.
    pub(crate) central: f64,
    /// What all rounds cost at that delta: the target, or less where the encoder's own failures allow no more.
    pub(crate) epsilon: f64,
    /// What all rounds may cost, with the delta for what the encoder may fail to do.
    target: Target,
    /// The honest inputs that every sum of a session contains, and those that colluders may take out of it.
    least: usize,
}

impl Budget {
    /// The least noise with which all rounds together meet the target, by the Rényi accountant: the one that knows vectors of distributed noise.
    pub(crate) fn calibrate(nations: usize, setting: &Setting, target: Target) -> Result<Self, PrivacyError> {
        let rounds = setting.rounds as u64;
        let plan = |noise_multiplier| plan(nations, setting, noise_multiplier);
        let accountant = |noise_multiplier| {
            let mut accountant = RdpAccountant::new(RELATION);
            accountant.compose(&Event::release(&plan(noise_multiplier)?.release())?, rounds)?;
            Ok(accountant)
        };
        let noise_multiplier = calibrate::least_noise_multiplier(target, accountant)?;
        let epsilon = accountant(noise_multiplier)?.epsilon(target.delta)?;
        // Releases of a Gaussian add up to one whose noise is smaller by the root of their number.
        #[allow(clippy::cast_precision_loss, reason = "few rounds")]
        let central = analytic::noise_multiplier(target.epsilon, target.delta)? * (rounds as f64).sqrt();
        let least = (MIN_HONEST + max_absent(nations)) as usize;
        Ok(Self { plan: plan(noise_multiplier)?, noise_multiplier, central, epsilon, target, least })
    }

    /// Sums over different survivors can be combined to single nations out. That is what the noise is for: the ledger says so, and goes on.
    pub(crate) fn ledger(&self) -> Result<Ledger, PrivacyError> {
        Ledger::new(RELATION, self.target, self.least, DifferencingPolicy::Warn)
    }

    /// A round of all nations, for the ledger.
    pub(crate) fn round(&self, round: u64, nations: usize) -> Result<Round, PrivacyError> {
        let (session, participants) = (SESSION.to_vec(), (0..nations as u64).collect());
        Ok(Round { session, round, participants, survivors: None, event: Event::release(&self.plan.release())? })
    }
}

fn plan(nations: usize, setting: &Setting, noise_multiplier: f64) -> Result<Plan, PrivacyError> {
    let (clients, absent) = (u32::try_from(nations).unwrap_or(u32::MAX), max_absent(nations));
    let length = LINEAR_PARAMETERS as u64;
    let planner = Encoding::planner(clients, clients - absent, absent, length, setting.clip, noise_multiplier, BITS);
    planner.rounds(setting.rounds as u64).plan()
}
