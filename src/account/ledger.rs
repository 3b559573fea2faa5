//! A record of what was released, that refuses what may not be.
//!
//! A client keeps one ledger for its data. Before the masked input of a round leaves, [`Ledger::record`] charges the event; when the survivors are
//! known and before anything that opens the sum is sent, [`Ledger::confirm`] notes whose inputs the sum holds. Both refuse and leave the ledger
//! unchanged when
//!
//! * epsilon at the budget's delta would pass the budget (by the Rényi accountant, which knows every event; [`Ledger::replay`] gives the
//!   record to any other), or
//! * sums of the recorded rounds, combined linearly, would give the sum of fewer than `min_honest` parties (where the policy is to refuse).
//!
//! Nothing is ever removed: a round that failed after its masked input left counts as released.

mod differencing;

use alloc::vec::Vec;

use crate::{
    account::{
        accountant::Accountant,
        calibrate::Target,
        event::{Event, NeighboringRelation, require},
        rdp::RdpAccountant,
        special::real,
    },
    error::PrivacyError,
};

/// What to do with a round whose set of parties, combined with earlier ones, isolates too few.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[allow(clippy::exhaustive_enums, reason = "there is nothing between them")]
pub enum DifferencingPolicy {
    /// Record it and say so in the [`Assessment`].
    Warn,
    /// Refuse it.
    Refuse,
}

/// A round as it begins.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[allow(clippy::exhaustive_structs, reason = "what a caller fills in")]
pub struct Round {
    /// The session's id.
    pub session: Vec<u8>,
    /// The round in the session.
    pub round: u64,
    /// Whose inputs may be in the sum, in ascending order.
    pub participants: Vec<u64>,
    /// Whose inputs are in the sum, in ascending order, when that is known.
    pub survivors: Option<Vec<u64>>,
    /// What the sum releases, with the noise that is certain to be in it.
    pub event: Event,
}

impl Round {
    /// Whose inputs are in the sum, as far as is known.
    #[must_use]
    pub fn summed(&self) -> &[u64] {
        self.survivors.as_deref().unwrap_or(&self.participants)
    }
}

/// What a round costs.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Assessment {
    /// Epsilon of everything recorded, with this round, at the budget's delta.
    pub epsilon: f64,
    /// What is left of the budget's epsilon.
    pub remaining: f64,
    /// Set when sums could be combined to isolate fewer than `min_honest` parties, or when that could not be decided.
    pub differencing: Option<Isolation>,
}

/// A warning about combinations of sums.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Isolation {
    /// The sum of so few parties can be computed.
    Parties(usize),
    /// There are too many rounds and parties to search all combinations.
    Undecided,
}

/// The record of all rounds, with their budget.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(into = "Export", try_from = "Export"))]
pub struct Ledger {
    relation: NeighboringRelation,
    budget: Target,
    min_honest: usize,
    policy: DifferencingPolicy,
    rounds: Vec<Round>,
    spent: RdpAccountant,
}

impl Ledger {
    /// An empty ledger.
    ///
    /// `min_honest` is the least number of parties whose sum may become known: the protocol's `min_honest`, plus the number of parties
    /// that may collude, since these can take their own inputs out of every sum.
    ///
    /// # Errors
    /// [`PrivacyError::Parameter`] unless the budget is in range and `min_honest` at least 1.
    pub fn new(
        relation: NeighboringRelation,
        budget: Target,
        min_honest: usize,
        policy: DifferencingPolicy,
    ) -> Result<Self, PrivacyError> {
        budget.validate()?;
        require(min_honest >= 1, "min_honest", "at least 1", 0.0)?;
        Ok(Self { relation, budget, min_honest, policy, rounds: Vec::new(), spent: RdpAccountant::new(relation) })
    }

    /// What [`Self::record`] would return; nothing is recorded.
    ///
    /// # Errors
    /// As [`Self::record`].
    pub fn assess(&self, round: &Round) -> Result<Assessment, PrivacyError> {
        self.after(round).map(|(assessment, _)| assessment)
    }

    /// Records a round that is about to be released.
    ///
    /// # Errors
    /// [`PrivacyError::Parameter`] if sets are not ascending or the round is not above all others of its session, or its event is
    /// invalid; [`PrivacyError::Unsupported`] if there is no theorem for the event; [`PrivacyError::Budget`] and
    /// [`PrivacyError::Differencing`] if it may not be run. The ledger is unchanged then.
    pub fn record(&mut self, round: Round) -> Result<Assessment, PrivacyError> {
        let (assessment, spent) = self.after(&round)?;
        self.spent = spent;
        self.rounds.push(round);
        Ok(assessment)
    }

    /// Notes whose inputs the sum of a recorded round holds.
    ///
    /// # Errors
    /// [`PrivacyError::Parameter`] if there is no such round, its survivors are known already, or they are not ascending and some of the
    /// participants; [`PrivacyError::Differencing`] if the sum may not be opened. The ledger is unchanged then.
    pub fn confirm(&mut self, session: &[u8], round: u64, survivors: Vec<u64>) -> Result<Assessment, PrivacyError> {
        let known = |entry: &&mut Round| entry.session == session && entry.round == round;
        let open = self.rounds.iter_mut().find(known).filter(|entry| entry.survivors.is_none());
        let entry = open.ok_or(PrivacyError::Parameter {
            knob: "round",
            expected: "recorded, with survivors not yet known",
            got: real(round),
        })?;
        check_set("survivors", &survivors)?;
        let inside = survivors.iter().all(|id| entry.participants.binary_search(id).is_ok());
        require(inside, "survivors", "some of the participants", real(survivors.len() as u64))?;
        entry.survivors = Some(survivors);
        let assessment = self.spent_so_far().and_then(|epsilon| self.judge(self.sets(), epsilon));
        if assessment.is_err() {
            self.reopen(session, round);
        }
        assessment
    }

    /// Everything recorded so far, oldest first.
    #[must_use]
    pub fn rounds(&self) -> &[Round] {
        &self.rounds
    }

    /// The budget.
    #[must_use]
    pub fn budget(&self) -> Target {
        self.budget
    }

    /// The neighbouring relation.
    #[must_use]
    pub fn relation(&self) -> NeighboringRelation {
        self.relation
    }

    /// Epsilon spent at the budget's delta.
    ///
    /// # Errors
    /// None for a ledger that was built by its own functions.
    pub fn spent(&self) -> Result<f64, PrivacyError> {
        self.spent_so_far()
    }

    /// Composes all recorded events into another accountant.
    ///
    /// # Errors
    /// [`PrivacyError::Unsupported`] if it does not know an event; [`PrivacyError::Parameter`] if its relation is another one.
    pub fn replay(&self, accountant: &mut (impl Accountant + ?Sized)) -> Result<(), PrivacyError> {
        self.replay_if(accountant, |_| true)
    }

    /// Composes the events of those rounds that a party may have taken part in: what its own data has paid.
    ///
    /// # Errors
    /// As [`Self::replay`].
    pub fn replay_party(&self, party: u64, accountant: &mut (impl Accountant + ?Sized)) -> Result<(), PrivacyError> {
        self.replay_if(accountant, |round| round.participants.binary_search(&party).is_ok())
    }

    fn replay_if(
        &self,
        accountant: &mut (impl Accountant + ?Sized),
        wanted: impl Fn(&Round) -> bool,
    ) -> Result<(), PrivacyError> {
        let same = accountant.relation() == self.relation;
        require(same, "relation", "that of the ledger", 0.0)?;
        let mut wanted = self.rounds.iter().filter(|round| wanted(round)).map(|round| &round.event).peekable();
        // Equal events in a row are composed at once.
        while let Some(event) = wanted.next() {
            let mut count = 1;
            while wanted.next_if(|next| *next == event).is_some() {
                count += 1;
            }
            accountant.compose(event, count)?;
        }
        Ok(())
    }

    fn spent_so_far(&self) -> Result<f64, PrivacyError> {
        self.spent.epsilon(self.budget.delta)
    }

    fn after(&self, round: &Round) -> Result<(Assessment, RdpAccountant), PrivacyError> {
        self.check(round)?;
        let mut spent = self.spent.clone();
        spent.compose(&round.event, 1)?;
        let epsilon = spent.epsilon(self.budget.delta)?;
        if epsilon > self.budget.epsilon {
            return Err(PrivacyError::Budget { epsilon, delta: self.budget.delta, budget: self.budget.epsilon });
        }
        let mut sets = self.sets();
        sets.push(round.summed());
        Ok((self.judge(sets, epsilon)?, spent))
    }

    fn judge(&self, sets: Vec<&[u64]>, epsilon: f64) -> Result<Assessment, PrivacyError> {
        let differencing = differencing::isolated(&sets, self.min_honest);
        let remaining = (self.budget.epsilon - epsilon).max(0.0);
        match (differencing, self.policy) {
            (Some(found), DifferencingPolicy::Refuse) => Err(PrivacyError::Differencing {
                rounds: sets.len(),
                isolated: match found {
                    Isolation::Parties(parties) => Some(parties),
                    Isolation::Undecided => None,
                },
                min_honest: self.min_honest,
            }),
            _ => Ok(Assessment { epsilon, remaining, differencing }),
        }
    }

    fn sets(&self) -> Vec<&[u64]> {
        self.rounds.iter().map(Round::summed).collect()
    }

    fn check(&self, round: &Round) -> Result<(), PrivacyError> {
        check_set("participants", &round.participants)?;
        if let Some(survivors) = &round.survivors {
            check_set("survivors", survivors)?;
            let inside = survivors.iter().all(|id| round.participants.binary_search(id).is_ok());
            require(inside, "survivors", "some of the participants", real(survivors.len() as u64))?;
        }
        let earlier = self.rounds.iter().rev().find(|known| known.session == round.session);
        let later = earlier.is_none_or(|known| known.round < round.round);
        require(later, "round", "above the recorded rounds of the session", real(round.round))
    }

    fn reopen(&mut self, session: &[u8], round: u64) {
        let known = |entry: &&mut Round| entry.session == session && entry.round == round;
        if let Some(entry) = self.rounds.iter_mut().find(known) {
            entry.survivors = None;
        }
    }
}

fn check_set(knob: &'static str, ids: &[u64]) -> Result<(), PrivacyError> {
    require(!ids.is_empty(), knob, "not empty", 0.0)?;
    let ascending = ids.is_sorted_by(|a, b| a < b);
    require(ascending, knob, "ascending, each id once", real(ids.len() as u64))
}

/// How a ledger is stored: everything but the sums, which are computed again.
#[cfg(feature = "serde")]
#[derive(serde::Serialize, serde::Deserialize)]
struct Export {
    relation: NeighboringRelation,
    budget: Target,
    min_honest: usize,
    policy: DifferencingPolicy,
    rounds: Vec<Round>,
}

#[cfg(feature = "serde")]
impl From<Ledger> for Export {
    fn from(ledger: Ledger) -> Self {
        let Ledger { relation, budget, min_honest, policy, rounds, .. } = ledger;
        Self { relation, budget, min_honest, policy, rounds }
    }
}

/// Checks every round; what has been released stays recorded even where it would be refused now.
#[cfg(feature = "serde")]
impl TryFrom<Export> for Ledger {
    type Error = PrivacyError;

    fn try_from(export: Export) -> Result<Self, PrivacyError> {
        let mut ledger = Self::new(export.relation, export.budget, export.min_honest, export.policy)?;
        for round in export.rounds {
            ledger.check(&round)?;
            ledger.rounds.push(round);
        }
        let mut spent = RdpAccountant::new(ledger.relation);
        ledger.replay(&mut spent)?;
        ledger.spent = spent;
        Ok(ledger)
    }
}
