//! A random adversary against a privacy oracle.
//!
//! **The adversary** is the server and up to `c` colluders. It has the server's identity key and the colluders'; it plays colluders by hand
//! ([`puppet`]), so they say whatever suits it, to each client something else. It proposes descriptors, chooses who is told of which adverts,
//! dealings, survivors and agreements, puts in entries of its own making, of other transcripts, of another session of the same clients, repeats
//! or reorders or spoils them, sends any message that it has ever seen at any time, and sends messages twice. A run is a [`plan::Plan`], drawn
//! by proptest from its [`strategy`]; all of it follows from a seed. It is an honest server's work but for some tricks ([`letters`]). Tricks
//! that need each other come together more often than chance would have it: clients that are each told of other survivors are then shown what
//! others have signed, say, and the views are mostly those that would leave one honest input less in a sum than is allowed.
//!
//! **Honest clients** are the real state machines ([`honest`]), each with a generator of its own.
//!
//! **The oracle** ([`oracle`]) keeps a row for each masked vector that has left an honest client, as soon as it has left:
//! `y = x + PRG(b) + sum of ±PRG(s)`. The seeds are the real ones, by value: two clients share an unknown if they derived the same bytes, so a
//! substituted key or a copied ciphertext is seen for what it does. For pairwise masks every row is compared with the vector that left. The
//! adversary knows a seed
//! - from the client's self secret or mask root, of which it has as many different holders' shares as the threshold says: shares that honest
//!   clients revealed, compared by value with the two that they hold; shares in envelopes that are sealed to a key of its own; shares in
//!   envelopes whose key a complaint disclosed, and which open with it;
//! - from the mask root of the other client of the pair, if the key or ciphertext that was used is really that client's;
//! - if the key or the ciphertext was its own.
//!
//! All other seeds are unknowns, independent and uniform. Elimination gives all combinations of rows in which every unknown cancels. They must
//! be spanned by one vector for each session: the plain sum of at least `max(t - |colluders|, min_honest)` honest inputs. That is what the
//! protocol promises, whatever its checks are. It is computed twice. Modulo two: a combination modulo `2^b` that is not
//! zero, divided by the largest power of two in it, is one modulo two, so what is determined modulo two says all about words modulo `2^b`, even about
//! their lowest bits. And modulo a large prime, for combinations as of rational numbers, and for lattice masks, whose keys are the same sums
//! of seeds and whose errors count as known.
//!
//! **What it does not see.** Primitives are perfect: a secret of which there are too few shares is unknown, and so is what is sealed or
//! encapsulated to a key that is not the adversary's. So it is blind to a derivation that makes one secret predictable from another (`coins.rs`,
//! `coefficients.rs` and `errors.rs` are about those), to side channels, and to what a client gives away without sending it.
//!
//! **Redundant checks.** Some attacks are stopped by several checks, each alone sufficient; taking one out then shows nothing. That a
//! signature covers the session is one: every transcript continues the session's, and is covered too, so that
//! [`Mutant::UnsignedSession`] alone leaves the adversary without an attack; replay is shown with [`Mutant::UnsignedTranscript`]. That `U3` has `t`
//! members is another: `t` of them must have signed. The two counts are one check in the code, taken out as one.
//!
//! `cargo test` plays some thousand steps. `VEILSUM_ADVERSARY_STEPS=100000 cargo test --lib attacks::random -- --nocapture` plays as many as it
//! says, a step being a message that an honest client receives, from `VEILSUM_ADVERSARY_SEED` on (0 unless given). A failure prints its plan
//! as proptest shrinks it; the same seed gives the same run.

mod honest;
mod letters;
mod oracle;
mod plan;
mod play;
mod puppet;
mod strategy;
mod views;

use alloc::{format, string::String, vec::Vec};
use core::sync::atomic::{AtomicU64, Ordering};
use std::{
    env,
    panic::{self, AssertUnwindSafe},
    println, thread,
    time::Instant,
};

use proptest::{
    strategy::{Strategy, ValueTree},
    test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner},
};

use self::{
    plan::Plan,
    play::{Outcome, play},
};
use crate::mutant::{self, Mutant};

/// The run with this seed, as a case that proptest can shrink.
fn case(seed: u64) -> (TestRunner, impl ValueTree<Value = Plan>) {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let config = Config { failure_persistence: None, max_shrink_iters: 200, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
    let tree = strategy::plans(seed).new_tree(&mut runner).unwrap();
    (runner, tree)
}

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

/// Runs with seeds `first ..` on all cores until they have taken so many steps together, or one leaks: then the first that does. Where only
/// the rules for descriptors are removed, runs without a descriptor from the server are skipped: nothing is different in them.
fn hunt(first: u64, steps: u64, mutants: &[Mutant]) -> (Tally, Option<u64>) {
    let (next, taken, found) = (AtomicU64::new(first), AtomicU64::new(0), AtomicU64::new(u64::MAX));
    let descriptors = |mutant: &Mutant| matches!(mutant, Mutant::AnyThreshold | Mutant::FewHonest);
    let about_offers = !mutants.is_empty() && mutants.iter().all(descriptors);
    let work = || {
        let mut tally = Tally::default();
        while taken.load(Ordering::Relaxed) < steps {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed > found.load(Ordering::Relaxed) {
                break;
            }
            let plan = case(seed).1.current();
            if about_offers && !plan.offers() {
                continue;
            }
            let outcome = outcome(&plan, mutants);
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

/// The least that leaks of a run that does.
fn shrunk(seed: u64, mutants: &[Mutant]) -> Plan {
    let (mut runner, tree) = case(seed);
    let shrunk = runner.run_one(tree, |plan| match outcome(&plan, mutants).leak {
        Some(leak) => Err(TestCaseError::fail(format!("{leak:?}"))),
        None => Ok(()),
    });
    let Err(TestError::Fail(_, plan)) = shrunk else { panic!("seed {seed} does not leak again: {shrunk:?}") };
    plan
}

fn told(plan: &Plan, mutants: &[Mutant]) -> String {
    format!("{plan:?} determines {:?}", outcome(plan, mutants).leak)
}

#[test]
fn a_random_adversary_learns_nothing_but_one_sum_of_enough_inputs() {
    let setting = |name, default| env::var(name).map_or(default, |value| value.parse().expect(name));
    let (steps, first) = (setting("VEILSUM_ADVERSARY_STEPS", 4_000), setting("VEILSUM_ADVERSARY_SEED", 0));
    let start = Instant::now();
    let (tally, found) = hunt(first, steps, &[]);
    println!("{tally:?} in {:.1?}", start.elapsed());
    if let Some(seed) = found {
        panic!("seed {seed}: {}", told(&shrunk(seed, &[]), &[]));
    }
    assert!(tally.unmasked * 5 >= tally.runs, "too few runs reach unmasking: {tally:?}");
    assert!(tally.equivocated * 20 >= tally.runs, "too few runs with an equivocation that passes a check: {tally:?}");
}

/// With these protections removed the same adversary finds a leak, and with them in place the same run has none.
///
/// It begins at 0, or not far before the first seed that leaks where that takes more than a hundred runs.
fn finds(mutants: &[Mutant], first: u64) {
    let (tally, found) = hunt(first, 20_000, mutants);
    let seed = found.unwrap_or_else(|| panic!("no leak without {mutants:?}: {tally:?}"));
    let plan = shrunk(seed, mutants);
    println!("without {mutants:?}, from seed {first}: {}", told(&plan, mutants));
    assert_eq!(outcome(&plan, &[]).leak, None, "{plan:?}");
}

#[test]
fn views_of_the_survivors_that_differ_leak_without_the_consistency_check() {
    finds(&[Mutant::AnyThirdTranscript], 400);
}

#[test]
fn an_id_both_alive_and_dead_leaks_where_there_are_two_lists() {
    finds(&[Mutant::TwoLists], 0);
}

#[test]
fn repeated_signatures_leak_where_they_fill_the_threshold() {
    finds(&[Mutant::UnorderedEntries], 0);
}

#[test]
fn a_threshold_that_the_server_chooses_leaks_where_any_is_admitted() {
    finds(&[Mutant::AnyThreshold], 0);
}

#[test]
fn substituted_keys_leak_without_their_owners_signatures() {
    finds(&[Mutant::UnsignedEntries], 0);
}

#[test]
fn tiny_sets_leak_where_lists_are_not_counted() {
    finds(&[Mutant::AnyCount], 0);
}

#[test]
fn tiny_sets_leak_where_descriptors_may_promise_too_few_honest_inputs() {
    finds(&[Mutant::FewHonest], 1_000);
}

#[test]
fn agreements_replayed_over_another_transcript_leak_where_signatures_do_not_cover_it() {
    finds(&[Mutant::UnsignedTranscript], 0);
}

#[test]
fn a_second_upload_leaks_where_masks_can_be_used_again() {
    finds(&[Mutant::RetryAfterRelease], 0);
}
