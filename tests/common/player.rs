//! One honest client of the library that can be sent anything, and tells what became of it.
#![allow(dead_code, unreachable_pub, reason = "each test file uses some of it")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::panic_in_result_fn, clippy::large_enum_variant, reason = "tests")]

use rand::rngs::StdRng;
use veilsum::{
    Error, Party, ServerFault, Session,
    secagg::{
        Failure,
        client::{AwaitingAdverts, AwaitingAgreement, AwaitingDelivery, AwaitingSurvivors, Finished},
    },
};

use crate::common::mask_all;

/// A client in any state that waits for the server.
#[derive(Debug)]
pub enum State {
    Adverts(AwaitingAdverts),
    Delivery(AwaitingDelivery),
    Survivors(AwaitingSurvivors),
    Agreement(AwaitingAgreement),
    Finished(Finished),
}

/// A library client with all that it needs to go on by itself.
#[derive(Debug)]
pub struct Player {
    pub state: State,
    pub rng: StdRng,
    pub words: Vec<u64>,
    /// Its masked vector, once it has left.
    pub wire: Vec<u8>,
    pub session: Session,
}

/// Why a player did not take a message.
#[derive(Debug)]
pub struct Refused {
    pub error: Error,
    /// The player, if the message changed nothing.
    pub kept: Option<Box<Player>>,
    pub complaint: Option<Vec<u8>>,
}

impl Player {
    /// Takes a message and gives the answer; an answer to a delivery is the header of the masked input.
    pub fn receive(self, message: &[u8]) -> Result<(Self, Vec<u8>), Refused> {
        let Self { state, mut rng, words, mut wire, session } = self;
        let result = match state {
            State::Adverts(state) => sort(state.receive(message, &mut rng), State::Delivery, State::Adverts),
            State::Delivery(state) => match state.receive(message, &mut rng) {
                Ok(mut state) => {
                    mask_all(&mut state, &session, &words, &mut wire).unwrap();
                    let (state, header) = state.finish().unwrap();
                    Ok((State::Survivors(state), header))
                }
                Err(failure) => Err(back(failure, State::Delivery)),
            },
            State::Survivors(state) => sort(state.receive(message), State::Agreement, State::Survivors),
            State::Agreement(state) => sort(state.receive(message), State::Finished, State::Agreement),
            State::Finished(_) => panic!("a finished client takes no message"),
        };
        match result {
            Ok((state, answer)) => Ok((Self { state, rng, words, wire, session }, answer)),
            Err((error, state, complaint)) => {
                let kept = state.map(|state| Box::new(Self { state: *state, rng, words, wire, session }));
                Err(Refused { error, kept, complaint })
            }
        }
    }
}

type Parts = (Error, Option<Box<State>>, Option<Vec<u8>>);

fn sort<S, T>(
    result: Result<(T, Vec<u8>), Failure<S>>,
    next: impl FnOnce(T) -> State,
    same: impl FnOnce(S) -> State,
) -> Result<(State, Vec<u8>), Parts> {
    result.map(|(state, answer)| (next(state), answer)).map_err(|failure| back(failure, same))
}

fn back<S>(failure: Failure<S>, same: impl FnOnce(S) -> State) -> Parts {
    (failure.error, failure.state.map(|state| Box::new(same(*state))), failure.complaint)
}

/// The message ends the player, and the error blames the server.
#[track_caller]
pub fn ends(player: Player, message: &[u8], fault: ServerFault) {
    let Err(refused) = player.receive(message) else { panic!("taken, expected {fault:?}") };
    assert_eq!(refused.error, fault.into());
    assert_eq!((refused.error.culprit(), refused.error.code()), (Some(Party::Server), fault.code()));
    assert!(refused.kept.is_none(), "goes on after {fault:?}");
    assert!(refused.complaint.is_none());
}

/// Gives a finished client a sum, and the announcement.
pub fn check_sum(player: Player, words: &[u64], message: &[u8]) -> Result<[u8; 32], Error> {
    let State::Finished(state) = player.state else { panic!("not finished") };
    let mut check = state.check_sum();
    check.update(words)?;
    Ok(check.finish(message)?)
}
