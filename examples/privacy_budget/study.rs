//! The numbers behind the table and the plots.
#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts of rounds, clients and bits"
)]

use serde::Serialize;
use serde_json::{Value, json};
use veilsum::{
    PrivacyError,
    account::{
        Accountant, Event,
        NeighboringRelation::AddOrRemoveOne,
        PldAccountant, RdpAccountant, ZCdpAccountant,
        calibrate::{self, Target},
        distributed::{DistributedSkellam, Sensitivity},
    },
};

use crate::{
    Arguments, broken,
    chart::{Chart, Line},
    cli::Failure,
};

/// Accountants in the order of the columns.
pub(crate) const ACCOUNTANTS: [&str; 3] = ["zCDP", "RDP", "PLD"];
/// Probability of a wrap in any coordinate of any round.
const WRAP: f64 = 1e-9;

pub(crate) struct Study {
    clients: f64,
    rounds: u64,
    sampling: f64,
    target: Target,
    clip: f64,
    dimension: u32,
    scale: f64,
}

/// A line of the table.
#[derive(Serialize)]
pub(crate) struct Row {
    pub(crate) calibrated_by: &'static str,
    pub(crate) noise_multiplier: f64,
    /// One for each of [`ACCOUNTANTS`].
    pub(crate) epsilons: [f64; 3],
    /// Epsilon if the noise is the sum of Skellam shares, rounding included, by the Rényi accountant.
    pub(crate) skellam: f64,
    /// Bits of the modulus.
    pub(crate) bits: u32,
    /// Expected L2 error of the mean, in units of the clip norm.
    pub(crate) error: f64,
}

fn accountant(name: &str) -> Box<dyn Accountant> {
    match name {
        "zCDP" => Box::new(ZCdpAccountant::new(AddOrRemoveOne)),
        "RDP" => Box::new(RdpAccountant::new(AddOrRemoveOne)),
        _ => Box::new(PldAccountant::new(AddOrRemoveOne)),
    }
}

impl Study {
    pub(crate) fn new(arguments: &Arguments) -> Result<Self, Failure> {
        let counts = [u64::from(arguments.clients), arguments.rounds, arguments.dimension.into()];
        let sizes = [arguments.clip, arguments.scale, arguments.epsilon];
        if counts.contains(&0) || !sizes.iter().all(|size| *size > 0.0 && size.is_finite()) {
            return Err(Failure::Usage(
                "--clients, --rounds, --dimension, --clip, --scale and --epsilon must be positive".into(),
            ));
        }
        if !(arguments.delta > 0.0 && arguments.delta < 1.0 && arguments.sampling > 0.0 && arguments.sampling <= 1.0) {
            return Err(Failure::Usage("--delta must be between 0 and 1, --sampling above 0 and at most 1".into()));
        }
        Ok(Self {
            clients: f64::from(arguments.clients),
            rounds: arguments.rounds,
            sampling: arguments.sampling,
            target: Target::new(arguments.epsilon, arguments.delta).map_err(broken)?,
            clip: arguments.clip,
            dimension: arguments.dimension,
            scale: arguments.scale,
        })
    }

    pub(crate) fn parameters(&self) -> Value {
        json!({
            "relation": AddOrRemoveOne, "clients": self.clients, "rounds": self.rounds, "sampling": self.sampling, "target": self.target,
            "clip": self.clip, "dimension": self.dimension, "scale": self.scale,
        })
    }

    pub(crate) fn describe(&self) -> String {
        format!(
            "{} rounds, each of {} clients with probability {}; target epsilon {} at delta {:e}; add or remove one client\n",
            self.rounds, self.clients, self.sampling, self.target.epsilon, self.target.delta
        )
    }

    /// The Gaussian mechanism on a sample.
    fn event(&self, noise_multiplier: f64) -> Result<Event, PrivacyError> {
        Event::gaussian(noise_multiplier)?.poisson_sampled(self.sampling)
    }

    fn epsilon(&self, name: &str, noise: f64, rounds: u64, delta: f64) -> Result<f64, PrivacyError> {
        let mut accountant = accountant(name);
        accountant.compose(&self.event(noise)?, rounds)?;
        accountant.epsilon(delta)
    }

    fn calibrate(&self, name: &str, epsilon: f64) -> Result<f64, PrivacyError> {
        let target = Target::new(epsilon, self.target.delta)?;
        let event = |noise| self.event(noise);
        match name {
            "zCDP" => calibrate::least_noise_multiplier(target, |noise| {
                self.composed(ZCdpAccountant::new(AddOrRemoveOne), event(noise)?)
            }),
            "RDP" => calibrate::least_noise_multiplier(target, |noise| {
                self.composed(RdpAccountant::new(AddOrRemoveOne), event(noise)?)
            }),
            _ => calibrate::least_noise_multiplier(target, |noise| {
                self.composed(PldAccountant::new(AddOrRemoveOne), event(noise)?)
            }),
        }
    }

    fn composed<A: Accountant>(&self, mut accountant: A, event: Event) -> Result<A, PrivacyError> {
        accountant.compose(&event, self.rounds)?;
        Ok(accountant)
    }

    /// Clients in a round, on average.
    fn cohort(&self) -> f64 {
        (self.clients * self.sampling).max(1.0)
    }

    /// Variance of the whole noise on an integer coordinate.
    fn variance(&self, noise: f64) -> f64 {
        (noise * self.clip * self.scale).powi(2)
    }

    /// Skellam shares of the cohort in place of Gaussian noise, with the sensitivity after rounding.
    fn skellam(&self, noise: f64) -> Result<f64, PrivacyError> {
        let sensitivity = Sensitivity::rounded(self.clip * self.scale, (-0.5_f64).exp(), self.dimension.into())?;
        let clients = whole(self.cohort());
        let event = DistributedSkellam::new(sensitivity, self.variance(noise) / clients as f64, clients)?;
        let event = Event::DistributedSkellam(event).poisson_sampled(self.sampling)?;
        self.composed(RdpAccountant::new(AddOrRemoveOne), event)?.epsilon(self.target.delta)
    }

    /// Bits that hold the sum of all clients' coordinates, each at most the clip norm, and the noise: Skellam's tail is below
    /// `2 exp(-t^2 / (2 (variance + t / 3)))`.
    fn bits(&self, noise: f64) -> u32 {
        let exponent = (2.0 * f64::from(self.dimension) * self.rounds as f64 / WRAP).ln();
        let tail = exponent / 3.0 + (exponent * exponent / 9.0 + 2.0 * exponent * self.variance(noise)).sqrt();
        let largest = self.clients * (self.clip * self.scale + 1.0) + tail;
        whole((2.0 * largest + 1.0).log2().ceil()) as u32
    }

    fn error(&self, noise: f64) -> f64 {
        f64::from(self.dimension).sqrt() * noise / self.cohort()
    }

    pub(crate) fn table(&self) -> Result<Vec<Row>, PrivacyError> {
        ACCOUNTANTS.iter().map(|name| self.row(name, self.calibrate(name, self.target.epsilon)?)).collect()
    }

    fn row(&self, calibrated_by: &'static str, noise: f64) -> Result<Row, PrivacyError> {
        let mut epsilons = [0.0; 3];
        for (epsilon, name) in epsilons.iter_mut().zip(ACCOUNTANTS) {
            *epsilon = self.epsilon(name, noise, self.rounds, self.target.delta)?;
        }
        let (skellam, bits, error) = (self.skellam(noise)?, self.bits(noise), self.error(noise));
        Ok(Row { calibrated_by, noise_multiplier: noise, epsilons, skellam, bits, error })
    }

    pub(crate) fn by_round(&self) -> Result<Chart, PrivacyError> {
        let noise = self.calibrate("PLD", self.target.epsilon)?;
        let rounds = steps(1.0, self.rounds as f64, 24).into_iter().map(f64::round).collect::<Vec<f64>>();
        let value = |name: &str, round: f64| self.epsilon(name, noise, whole(round), self.target.delta);
        self.chart("epsilon_by_round", "rounds", "epsilon", &rounds, value)
    }

    pub(crate) fn by_noise(&self) -> Result<Chart, PrivacyError> {
        let noise = self.calibrate("PLD", self.target.epsilon)?;
        let value = |name: &str, noise: f64| self.epsilon(name, noise, self.rounds, self.target.delta);
        self.chart("epsilon_by_noise", "noise multiplier", "epsilon", &steps(0.5 * noise, 4.0 * noise, 20), value)
    }

    pub(crate) fn curves(&self) -> Result<Chart, PrivacyError> {
        let noise = self.calibrate("PLD", self.target.epsilon)?;
        let value = |name: &str, delta: f64| self.epsilon(name, noise, self.rounds, delta);
        self.chart("accountants", "delta", "epsilon", &steps(1e-12, 1e-2, 20), value)
    }

    pub(crate) fn frontier(&self) -> Result<Chart, PrivacyError> {
        let value = |name: &str, epsilon: f64| Ok(self.error(self.calibrate(name, epsilon)?));
        self.chart("frontier", "epsilon", "error of the mean / clip norm", &steps(0.5, 10.0, 12), value)
    }

    fn chart(
        &self,
        name: &'static str,
        across: &'static str,
        up: &'static str,
        places: &[f64],
        value: impl Fn(&str, f64) -> Result<f64, PrivacyError>,
    ) -> Result<Chart, PrivacyError> {
        let line = |name: &'static str| {
            let points = places.iter().map(|&place| Ok((place, value(name, place)?)));
            Ok(Line { name, points: points.collect::<Result<_, PrivacyError>>()? })
        };
        Ok(Chart { name, across, up, lines: ACCOUNTANTS.into_iter().map(line).collect::<Result<_, PrivacyError>>()? })
    }
}

/// From one number to another in equal ratios.
fn steps(from: f64, to: f64, count: u32) -> Vec<f64> {
    (0..=count).map(|step| from * (to / from).powf(f64::from(step) / f64::from(count))).collect()
}

fn whole(x: f64) -> u64 {
    x.round() as u64
}
