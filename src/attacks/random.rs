//! A random adversary against a privacy oracle.
mod honest;
mod letters;
mod oracle;
mod plan;
mod play;
mod puppet;

use alloc::vec::Vec;
use core::sync::atomic::{AtomicU64, Ordering};
use std::{
    panic::{self, AssertUnwindSafe},
    println, thread,
};

use self::{
    plan::Plan,
    play::{Outcome, play},
};
use crate::mutant::{
    self,
    Mutant::{
        self, AnyCount, AnyThirdTranscript, AnyThreshold, FewHonest, TwoLists, UnorderedEntries, UnsignedEntries,
        UnsignedTranscript,
    },
};

/// Plays a plan with these protections removed. A panic of the stage itself is reported with the plan that led to it.
fn outcome(plan: &Plan, mutants: &[Mutant]) -> Outcome {
    let played = panic::catch_unwind(AssertUnwindSafe(|| mutant::with(mutants, || play(plan))));
    played.unwrap_or_else(|cause| {
        println!("this plan breaks the stage: {plan:?}");
        panic::resume_unwind(cause)
    })
}

/// Sums over runs.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    runs: u64,
    steps: u64,
    unmasked: u64,
    equivocated: u64,
}

impl Tally {
    fn add(&mut self, outcome: &Outcome) {
        self.runs += 1;
        self.steps += outcome.steps;
        self.unmasked += u64::from(outcome.unmasked);
        self.equivocated += u64::from(outcome.equivocated);
    }

    fn join(self, other: Self) -> Self {
        Self {
            runs: self.runs + other.runs,
            steps: self.steps + other.steps,
            unmasked: self.unmasked + other.unmasked,
            equivocated: self.equivocated + other.equivocated,
        }
    }
}

/// Runs with seeds `first ..` on all cores until they have taken so many steps together, or one leaks: then its seed.
fn hunt(first: u64, steps: u64, mutants: &[Mutant]) -> (Tally, Option<u64>) {
    let (next, taken, found) = (AtomicU64::new(first), AtomicU64::new(0), AtomicU64::new(u64::MAX));
    let work = || {
        let mut tally = Tally::default();
        while taken.load(Ordering::Relaxed) < steps {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed > found.load(Ordering::Relaxed) {
                break;
            }
            let outcome = outcome(&Plan::new(seed), mutants);
            taken.fetch_add(outcome.steps, Ordering::Relaxed);
            tally.add(&outcome);
            if outcome.leak.is_some() {
                found.fetch_min(seed, Ordering::Relaxed);
            }
        }
        tally
    };
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let tally = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers.into_iter().map(|worker| worker.join().unwrap()).fold(Tally::default(), Tally::join)
    });
    let found = found.into_inner();
    (tally, (found != u64::MAX).then_some(found))
}

/// What a leaking run comes down to.
fn report(seed: u64, mutants: &[Mutant]) -> alloc::string::String {
    let plan = Plan::new(seed).shrink(|plan| outcome(plan, mutants).leak.is_some());
    alloc::format!("{plan:?} determines {:?}", outcome(&plan, mutants).leak)
}

#[test]
fn a_random_adversary_learns_nothing_but_one_sum_of_enough_inputs() {
    let setting = |name, default| std::env::var(name).map_or(default, |value| value.parse().expect(name));
    let (steps, first) = (setting("VEILSUM_ADVERSARY_STEPS", 5_000), setting("VEILSUM_ADVERSARY_SEED", 0));
    let start = std::time::Instant::now();
    let (tally, found) = hunt(first, steps, &[]);
    println!("{tally:?} in {:.1?}", start.elapsed());
    if let Some(seed) = found {
        panic!("{}", report(seed, &[]));
    }
    assert!(tally.unmasked * 5 >= tally.runs, "too few runs reach unmasking: {tally:?}");
    assert!(tally.equivocated * 20 >= tally.runs, "too few equivocations pass a check: {tally:?}");
}

#[test]
fn controls() {
    for mutants in [
        &[AnyThirdTranscript][..],
        &[TwoLists],
        &[UnorderedEntries],
        &[AnyThreshold],
        &[UnsignedEntries],
        &[AnyCount],
        &[FewHonest],
        &[UnsignedTranscript],
    ] {
        let start = std::time::Instant::now();
        let (tally, found) = hunt(0, 30_000, mutants);
        println!("{mutants:?} {tally:?} {found:?} {:.1?}", start.elapsed());
        if let Some(seed) = found {
            println!("   {}", report(seed, mutants));
        }
    }
}
