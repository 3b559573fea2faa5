//! Every pattern of drop-outs in small sessions: the sum over the right clients, or a refusal at the right round.
//!
//! A pattern says for each client before which round it is gone, or that it stays. What a session sees of it is one set of clients a
//! round, each within the one before, so a pattern is such a chain; and a chain whose set of some round is below the threshold ends
//! there, so all patterns with that beginning are one case. Each chain that never falls below is a session of its own. Each that
//! does is tried on a server of its own, which is given the recorded messages of the clients up to that round.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::panic_in_result_fn,
    clippy::result_large_err,
    reason = "tests"
)]

mod common;

use std::{collections::BTreeMap, thread};

use common::{Leaves, World, mask_all, masking::over_both_maskings, plain_sum, read_all, run};
use veilsum::{
    ClientId, Error, Masking, RoundError, Session,
    secagg::{
        Outbox,
        client::{AwaitingAdverts, AwaitingAgreement, AwaitingDelivery, AwaitingSurvivors},
        server::{CollectingAdverts, CollectingConsistency, CollectingInputs, CollectingReveals, CollectingShares},
        sum::Sum,
        upload::MemorySpool,
    },
};

over_both_maskings! {
    three_clients_of_whom_none_may_drop_out_give_a_sum_only_together,
    four_clients_survive_every_loss_of_one_and_no_loss_of_two,
    five_clients_of_whom_one_may_collude_survive_every_loss_of_one_and_no_loss_of_two,
    five_clients_without_colluders_survive_every_loss_of_two_and_no_loss_of_three,
    a_client_that_is_gone_after_its_header_still_counts_in_the_sum,
    a_survivor_whose_agreement_was_lost_can_still_reveal,
}

const ROUNDS: usize = 5;

/// A set of clients, as bits in the order of the roster.
type Members = u8;

/// Who takes part in each round.
type Chain = [Members; ROUNDS];

type Inputs = BTreeMap<ClientId, Vec<u64>>;

/// One session's parameters, and what everybody has.
struct Case {
    world: World,
    session: Session,
    inputs: Inputs,
}

impl Case {
    fn new(masking: Masking, n: u64, colluders: u32, dropouts: u32) -> Self {
        let mut world = World::masked(n, 9, masking);
        let session = world.builder(3, 20).max_colluders(colluders).max_dropouts(dropouts).build().unwrap();
        let inputs = world.inputs(&session);
        Self { world, session, inputs }
    }

    fn everybody(&self) -> Members {
        Members::MAX >> (8 - self.session.clients())
    }

    fn ids(&self, members: Members) -> Vec<ClientId> {
        self.world.ids().into_iter().enumerate().filter(|(place, _)| members >> place & 1 == 1).map(|(_, id)| id).collect()
    }

    fn enough(&self, members: Members) -> bool {
        members.count_ones() >= self.session.threshold()
    }
}

/// All subsets, the empty one and the whole included.
fn subsets_of(members: Members) -> impl Iterator<Item = Members> {
    (0..=members).filter(move |subset| subset & !members == 0)
}

/// What clients sent, by round; and their uploads.
#[derive(Default)]
struct Tape {
    messages: [BTreeMap<ClientId, Vec<u8>>; ROUNDS],
    uploads: BTreeMap<ClientId, Vec<u8>>,
}

/// A server at any round.
enum Server {
    Adverts(CollectingAdverts),
    Shares(CollectingShares),
    Inputs(CollectingInputs),
    Consistency(CollectingConsistency),
    Reveals(CollectingReveals),
    Done(Box<Sum>),
}

/// Why a round could not be closed, and the state if it was given back.
type Refused = (Error, Option<Server>);

/// Closes a round that has messages to send.
macro_rules! close {
    ($state:expr, $this:ident -> $next:ident) => {
        match $state.close() {
            Ok((state, outbox)) => Ok((Server::$next(state), Some(outbox))),
            Err(failure) => Err((failure.error, failure.state.map(|state| Server::$this(*state)))),
        }
    };
}

impl Server {
    fn new(case: &Case) -> Self {
        Self::Adverts(CollectingAdverts::new(&case.session, case.world.server.clone()).unwrap())
    }

    /// Gives it the messages of this round.
    fn hear(&mut self, tape: &Tape, ids: &[ClientId]) {
        for id in ids {
            let receipt = match self {
                Self::Adverts(state) => state.receive(&tape.messages[0][id]),
                Self::Shares(state) => state.receive(&tape.messages[1][id]),
                Self::Inputs(state) => {
                    let mut upload = state.upload(*id, MemorySpool::default()).unwrap();
                    upload.write(&tape.uploads[id]).unwrap();
                    state.accept(&mut upload, &tape.messages[2][id])
                }
                Self::Consistency(state) => state.receive(&tape.messages[3][id]),
                Self::Reveals(state) => state.receive(&tape.messages[4][id]),
                Self::Done(_) => panic!("the session is over"),
            };
            assert!(receipt.unwrap().fresh);
        }
    }

    fn close(self) -> Result<(Self, Option<Outbox>), Refused> {
        match self {
            Self::Adverts(state) => close!(state, Adverts -> Shares),
            Self::Shares(state) => close!(state, Shares -> Inputs),
            Self::Inputs(state) => close!(state, Inputs -> Consistency),
            Self::Consistency(state) => close!(state, Consistency -> Reveals),
            Self::Reveals(state) => match state.close() {
                Ok(sum) => Ok((Self::Done(Box::new(sum)), None)),
                Err(failure) => Err((failure.error, failure.state.map(|state| Self::Reveals(*state)))),
            },
            Self::Done(_) => panic!("the session is over"),
        }
    }

    /// Hears the members and closes the round, which must succeed.
    fn advance(mut self, case: &Case, tape: &Tape, members: Members) -> (Self, Option<Outbox>) {
        self.hear(tape, &case.ids(members));
        self.close().unwrap_or_else(|(error, _)| panic!("{members:#b} are enough: {error}"))
    }
}

/// Clients of one session, each as far as it came.
#[derive(Default)]
struct Clients {
    adverts: BTreeMap<ClientId, AwaitingAdverts>,
    delivery: BTreeMap<ClientId, AwaitingDelivery>,
    survivors: BTreeMap<ClientId, AwaitingSurvivors>,
    agreement: BTreeMap<ClientId, AwaitingAgreement>,
}

impl Clients {
    /// Everybody that the server can hear in `round` acts on the message before it, if it has one.
    fn act(&mut self, case: &mut Case, round: usize, outbox: Option<&Outbox>, tape: &mut Tape, chain: &Chain) {
        let could = if round == 0 { case.everybody() } else { chain[round - 1] };
        for id in case.ids(could) {
            let message = outbox.map(|outbox| outbox.message_for(id).unwrap()).unwrap_or_default();
            let sent = self.step(case, round, id, &message, tape);
            tape.messages[round].insert(id, sent);
        }
    }

    fn step(&mut self, case: &mut Case, round: usize, id: ClientId, message: &[u8], tape: &mut Tape) -> Vec<u8> {
        let Case { world, session, inputs } = case;
        if round == 0 {
            return world.join(session, id).keep(&mut self.adverts, id);
        }
        let rng = &mut world.rng;
        match round {
            1 => self.adverts.remove(&id).unwrap().receive(message, rng).unwrap().keep(&mut self.delivery, id),
            2 => {
                let mut state = self.delivery.remove(&id).unwrap().receive(message, rng).unwrap();
                mask_all(&mut state, session, &inputs[&id], tape.uploads.entry(id).or_default()).unwrap();
                state.finish().unwrap().keep(&mut self.survivors, id)
            }
            3 => self.survivors.remove(&id).unwrap().receive(message).unwrap().keep(&mut self.agreement, id),
            _ => self.agreement.remove(&id).unwrap().receive(message).unwrap().1,
        }
    }

    /// Clients whose upload never arrived but that live: each hears that it is not in the sum, and that is its end.
    fn check_left_out(&mut self, survivors: &Outbox, left_out: &[ClientId]) {
        for id in left_out {
            let failure = self.survivors.remove(id).unwrap().receive(&survivors.message_for(*id).unwrap()).unwrap_err();
            assert_eq!(failure.error, RoundError::NotIncluded.into());
            assert!(failure.state.is_none());
        }
    }
}

/// Keeps the state of a step and gives what is to be sent.
trait Keep<S> {
    fn keep(self, states: &mut BTreeMap<ClientId, S>, id: ClientId) -> Vec<u8>;
}

impl<S> Keep<S> for (S, Vec<u8>) {
    fn keep(self, states: &mut BTreeMap<ClientId, S>, id: ClientId) -> Vec<u8> {
        states.insert(id, self.0);
        self.1
    }
}

/// Runs a session whose chain never falls below the threshold, checks the sum, and gives the messages of its clients.
fn check_sum_of(case: &mut Case, chain: &Chain) -> Tape {
    let (mut tape, mut clients) = (Tape::default(), Clients::default());
    let (mut server, mut outbox) = (Server::new(case), None);
    for round in 0..ROUNDS {
        clients.act(case, round, outbox.as_ref(), &mut tape, chain);
        (server, outbox) = server.advance(case, &tape, chain[round]);
        let recipients = outbox.iter().flat_map(Outbox::recipients).collect::<Vec<_>>();
        // Survivors go to everybody that dealt, the Agreement to all survivors, whether they agreed or not.
        assert_eq!(recipients, case.ids([chain[0], chain[1], chain[1], chain[2], 0][round]));
        if round == 2 {
            clients.check_left_out(outbox.as_ref().unwrap(), &case.ids(chain[1] & !chain[2]));
        }
    }
    let Server::Done(sum) = server else { panic!("five rounds") };
    let survivors = case.ids(chain[2]);
    assert_eq!(sum.survivors(), survivors);
    assert!(sum.liars().is_empty());
    assert_eq!(read_all(&sum), plain_sum(&case.session, &case.inputs, &survivors), "{chain:?}");
    tape
}

/// The recorded session again, but only `heard` are heard in `round`: it can not be closed, until the others are heard too.
fn check_refusal(case: &Case, tape: &Tape, chain: &Chain, round: usize, heard: Members) {
    let mut server = Server::new(case);
    for earlier in &chain[..round] {
        (server, _) = server.advance(case, tape, *earlier);
    }
    server.hear(tape, &case.ids(heard));
    let Err((error, state)) = server.close() else { panic!("{heard:#b} in round {round} of {chain:?} are too few") };
    let threshold = case.session.threshold();
    assert_eq!(error, RoundError::TooFewClients { remaining: heard.count_ones(), threshold }.into());
    let mut server = state.unwrap_or_else(|| panic!("the state comes back: {heard:#b} in round {round} of {chain:?}"));
    server.hear(tape, &case.ids(chain[round] & !heard));
    assert!(server.close().is_ok(), "nothing has changed: {heard:#b} in round {round} of {chain:?}");
}

/// Every chain that never falls below the threshold.
fn chains(case: &Case) -> Vec<Chain> {
    let mut chains = vec![(case.everybody(), Chain::default())];
    for round in 0..ROUNDS {
        let longer = |(last, chain): (Members, Chain)| {
            let next = subsets_of(last).filter(|subset| case.enough(*subset));
            next.map(move |subset| {
                let mut chain = chain;
                chain[round] = subset;
                (subset, chain)
            })
        };
        chains = chains.into_iter().flat_map(longer).collect::<Vec<_>>();
    }
    chains.into_iter().map(|(_, chain)| chain).collect()
}

/// Checks a chain, and every one that leaves it for a set below the threshold. Returns how many patterns these are.
///
/// Many chains share a beginning; where to leave it is tried on the one that goes on without another loss.
fn check_chain(case: &mut Case, chain: &Chain) -> usize {
    let tape = check_sum_of(case, chain);
    let mut patterns = 1;
    for round in 0..ROUNDS {
        let last = if round == 0 { case.everybody() } else { chain[round - 1] };
        if chain[round..].iter().any(|members| *members != last) {
            continue;
        }
        for heard in subsets_of(last).filter(|subset| !case.enough(*subset)) {
            check_refusal(case, &tape, chain, round, heard);
            // Whoever is heard in this round may be gone before any later one, or never.
            patterns += (ROUNDS - round).pow(heard.count_ones());
        }
    }
    patterns
}

/// Checks every pattern, on two threads; and that their number is that of all patterns.
fn check_every_pattern(masking: Masking, n: u64, colluders: u32, dropouts: u32) -> usize {
    let all = chains(&Case::new(masking, n, colluders, dropouts));
    let half = |first: usize| {
        let mut case = Case::new(masking, n, colluders, dropouts);
        all.iter().skip(first).step_by(2).map(|chain| check_chain(&mut case, chain)).sum::<usize>()
    };
    let patterns = thread::scope(|scope| {
        let threads = [0, 1].map(|first| scope.spawn(move || half(first)));
        threads.into_iter().map(|thread| thread.join().unwrap()).sum::<usize>()
    });
    assert_eq!(patterns, 6_usize.pow(u32::try_from(n).unwrap()), "every pattern once");
    all.len()
}

fn three_clients_of_whom_none_may_drop_out_give_a_sum_only_together(masking: Masking) {
    assert_eq!(check_every_pattern(masking, 3, 0, 0), 1);
}

fn four_clients_survive_every_loss_of_one_and_no_loss_of_two(masking: Masking) {
    assert_eq!(check_every_pattern(masking, 4, 0, 1), 1 + 4 * 5);
}

fn five_clients_of_whom_one_may_collude_survive_every_loss_of_one_and_no_loss_of_two(masking: Masking) {
    assert_eq!(check_every_pattern(masking, 5, 1, 1), 1 + 5 * 5);
}

fn five_clients_without_colluders_survive_every_loss_of_two_and_no_loss_of_three(masking: Masking) {
    assert_eq!(check_every_pattern(masking, 5, 0, 2), 1 + 5 * 5 + 10 * 5 * 5);
}

fn a_client_that_is_gone_after_its_header_still_counts_in_the_sum(masking: Masking) {
    for round in [3, 4] {
        let Case { mut world, session, inputs } = Case::new(masking, 5, 1, 1);
        let (sum, finished) = run(&mut world, &session, &inputs, &Leaves::from([(ClientId(20), round)])).unwrap();
        assert_eq!(sum.survivors(), world.ids());
        assert_eq!(finished.len(), 4);
        assert_eq!(read_all(&sum), plain_sum(&session, &inputs, &world.ids()));
    }
}

fn a_survivor_whose_agreement_was_lost_can_still_reveal(masking: Masking) {
    let mut case = Case::new(masking, 5, 1, 1);
    let everybody = case.everybody();
    let tape = check_sum_of(&mut case, &[everybody; ROUNDS]);
    let mut server = Server::new(&case);
    for members in [everybody, everybody, everybody, 0b01111] {
        (server, _) = server.advance(&case, &tape, members);
    }
    let (server, _) = server.advance(&case, &tape, 0b11110);
    let Server::Done(sum) = server else { panic!("five rounds") };
    assert_eq!(read_all(&sum), plain_sum(&case.session, &case.inputs, &case.world.ids()));
}
