//! The same training with differential privacy: `--dp`.
//!
//! The unit is a whole nation: what is released is about as likely with all of a nation's data as with none of it. Every nation clips what training
//! added to the common model and adds its share of the noise before it masks; the server sees the noisy sum only. Noise grows with the
//! number of parameters, so the model is small, and the sum of few clipped updates is small beside noise that hides one of them: private
//! training needs many nations, and [`report::verdicts`] says where there are too few.

#![allow(clippy::indexing_slicing, reason = "all vectors have one place for each nation")]

mod budget;
mod frontier;
mod plot;
mod report;
mod training;

use std::{error::Error, path::Path, time::Instant};

use budget::Budget;
use rand::{SeedableRng, rngs::StdRng};
use training::{curated, updates};
use veilsum::{
    PrivacyError,
    account::{calibrate::Target, ledger::Isolation},
};

use crate::{
    cli,
    code::Private,
    data::{NATIONS, World},
    draw_dropouts, last,
    learn::{Learner, Model, ROUNDS, accuracy, test_curve},
    linear::Linear,
    names, progress_bar,
    round::{Federation, STEPS},
};

/// Rounds of private training: each one more means more noise in all.
pub(crate) const PRIVATE_ROUNDS: usize = 10;
/// Nations among which the same data are split once more.
const MANY: usize = 195;

/// What was asked for.
#[derive(Clone, Copy)]
pub(crate) struct Setting {
    pub(crate) seed: u64,
    pub(crate) protocol_seed: [u8; 32],
    pub(crate) rounds: usize,
    /// Largest L2 norm of what a nation adds to the model in a round.
    pub(crate) clip: f64,
    /// For all rounds together.
    pub(crate) target: Target,
}

/// The training through sessions, beside two that are trained in the clear with the same nations. All by round.
struct History {
    private: Vec<f32>,
    /// A trusted curator clips and adds continuous noise, once to each sum.
    central: Vec<f32>,
    /// Clipped, no noise.
    clipped: Vec<f32>,
    /// Epsilon spent.
    spent: Vec<f64>,
    dropouts: usize,
    difference: u64,
    /// How few nations the sums single out, if combined.
    isolated: Option<Isolation>,
}

/// What the training is measured against.
struct References {
    /// The training of this example without `--dp`, averaged in the clear.
    open: f32,
    /// Of the twelve, with all the models of this example.
    best_alone: f32,
}

pub(crate) fn run(setting: &Setting, path: &Path) -> Result<(), Box<dyn Error>> {
    let started = Instant::now();
    let world = World::new(setting.seed, NATIONS.len())?;
    cli::print(&crate::report::world(&world));
    let budget = Budget::calibrate(NATIONS.len(), setting, setting.target).map_err(|e| no_plan(setting, &e))?;
    cli::print(&report::setting(setting, &budget));
    let history = train(setting, &world, &budget)?;
    let references = References { open: open_training(setting, &world), best_alone: best_alone(setting, &world) };
    cli::print(&report::accuracy(setting, &history, &references));
    let many = World::new(setting.seed, MANY)?;
    let alone = [references.best_alone, best_alone(setting, &many)];
    let frontiers = frontier::compute(setting, [&world, &many], alone)?;
    cli::print(&report::frontiers(setting, &frontiers));
    cli::print(&report::verdicts(&frontiers));
    let chart = plot::chart(setting, &history, &references, &frontiers)?;
    crate::write_file(path, &chart).map_err(|e| format!("{}: {e}", path.display()))?;
    let path = std::path::absolute(path)?;
    cli::print(&format!("\nchart: {}\ndone in {:.1} s\n", path.display(), started.elapsed().as_secs_f64()));
    if history.difference != 0 {
        return Err("the secure sum differs from the plain sum".into());
    }
    Ok(())
}

fn no_plan(setting: &Setting, error: &PrivacyError) -> String {
    let Target { epsilon, delta } = setting.target;
    format!("epsilon {epsilon} at delta {delta:e} in {} rounds: {error}", setting.rounds)
}

/// Trains through real sessions. No masked update leaves before the ledger has agreed to its round.
fn train(setting: &Setting, world: &World, budget: &Budget) -> Result<History, Box<dyn Error>> {
    let nations = world.nations.len();
    let (mut private, mut central, mut clipped) = (Linear::new(), Linear::new(), Linear::new());
    let mut federation = Federation::new(nations, setting.protocol_seed, private.parameters(), Private::new(&budget.plan)?)?;
    let mut ledger = budget.ledger()?;
    let (mut accidents, mut noise) = (StdRng::seed_from_u64(setting.seed), noise_of(setting));
    let mut history = History::new();
    let bar = progress_bar("round", setting.rounds);
    for round in 0..setting.rounds {
        let leaves = draw_dropouts(&mut accidents, nations);
        ledger.record(budget.round(round as u64, nations)?)?;
        let outcome = federation.round(round as u64, &updates(world, &private, setting.seed, round), &leaves)?;
        // This ledger refuses no set of survivors, so it may hear of them after the sum is open.
        let survivors = outcome.survivors.iter().map(|place| *place as u64).collect();
        let assessment = ledger.confirm(budget::SESSION, round as u64, survivors)?;
        private = Linear::from_parameters(outcome.model);
        let mut curate = |model: &mut Linear, multiplier: f64| {
            let contributions = updates(world, model, setting.seed, round);
            *model = curated(model, &contributions, &outcome.survivors, setting.clip, multiplier, &mut noise);
            accuracy(model, &world.test)
        };
        history.central.push(curate(&mut central, budget.central));
        history.clipped.push(curate(&mut clipped, 0.0));
        history.private.push(accuracy(&private, &world.test));
        history.spent.push(assessment.epsilon);
        history.dropouts += leaves.iter().filter(|step| **step < STEPS.len()).count();
        history.difference = history.difference.max(outcome.difference);
        history.isolated = assessment.differencing;
        bar.set_message(describe(&history, setting.target, &leaves));
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(history)
}

impl History {
    fn new() -> Self {
        let (private, central, clipped) = (Vec::new(), Vec::new(), Vec::new());
        Self { private, central, clipped, spent: Vec::new(), dropouts: 0, difference: 0, isolated: None }
    }
}

/// Randomness of the curator, and of what runs without sessions: apart from that of the sessions.
fn noise_of(setting: &Setting) -> StdRng {
    let mut seed = setting.protocol_seed;
    seed[31] ^= 1;
    StdRng::from_seed(seed)
}

fn describe(history: &History, target: Target, leaves: &[usize]) -> String {
    let (accuracy, spent) = (100.0 * last(&history.private), history.spent.last().copied().unwrap_or(0.0));
    format!("accuracy {accuracy:.1} %  epsilon {spent:.2} of {}  dropped out: {}", target.epsilon, names(leaves))
}

/// What the example reaches without `--dp`, computed without sessions: the sums are the same.
fn open_training(setting: &Setting, world: &World) -> f32 {
    let mut accidents = StdRng::seed_from_u64(setting.seed);
    let mut model = Model::new(setting.seed);
    for round in 0..ROUNDS {
        let survivors = training::survivors(&draw_dropouts(&mut accidents, world.nations.len()));
        model = crate::average_in_the_clear(world, &model, setting.seed, round, &survivors);
    }
    accuracy(&model, &world.test)
}

/// The best that a nation reaches with its own data, with either model.
fn best_alone(setting: &Setting, world: &World) -> f32 {
    let (network, linear) = (Model::new(setting.seed), Linear::new());
    let alone = |data| {
        let network = test_curve(&network, data, &world.test, setting.seed, ROUNDS);
        let linear = test_curve(&linear, data, &world.test, setting.seed, ROUNDS);
        last(&network).max(last(&linear))
    };
    world.nations.iter().map(|nation| alone(&nation.data)).fold(0.0, f32::max)
}
