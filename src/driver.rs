//! One enum over the states of each party, for callers that can not hold a type for each state. Dispatch only.

use alloc::{boxed::Box, sync::Arc, vec::Vec};
use core::fmt;

use rand_core::TryCryptoRng;

use crate::{
    crypto::sign::Identity,
    error::{ClientId, Error, InputError, RoundError},
    math::ring::Word,
    message::{Body, Complaint, Frame},
    secagg::{
        Failure, Memory, Outbox, Progress, Receipt,
        client::{self, AwaitingAdverts, AwaitingAgreement, AwaitingDelivery, AwaitingSurvivors, Finished, MaskingInput},
        server::{CollectingAdverts, CollectingConsistency, CollectingInputs, CollectingReveals, CollectingShares},
        sum::Sum,
        upload::{Spool, Upload},
    },
    session::Session,
};

/// A client in any state.
#[derive(Debug)]
pub struct Client(Option<ClientState>);

#[derive(Debug)]
enum ClientState {
    Adverts(Box<AwaitingAdverts>),
    Delivery(Box<AwaitingDelivery>),
    Masking(Box<MaskingInput>),
    Survivors(Box<AwaitingSurvivors>),
    Agreement(Box<AwaitingAgreement>),
    /// The caller has the [`Finished`].
    Done(Memory),
}

/// What the caller has to do next.
#[derive(Debug)]
#[non_exhaustive]
pub enum ClientStep {
    /// Send this to the server, and wait.
    Send(Vec<u8>),
    /// Give the input with [`Client::mask`], then [`Client::finish`].
    GiveInput,
    /// Send this; the client's part is done.
    Done(Vec<u8>, Finished),
    /// Nothing: the message was a repeat.
    Ignored,
}

/// A message that was not taken.
#[derive(Debug)]
pub struct ClientFailure {
    /// What happened.
    pub error: Error,
    /// Whether the client is finished; if not, it still waits for the same message.
    pub ended: bool,
    /// A message that must still be sent: the proof of a bad dealing.
    pub complaint: Option<Vec<u8>>,
}

impl ClientFailure {
    fn ended(error: Error) -> Self {
        Self { error, ended: true, complaint: None }
    }
}

impl fmt::Display for ClientFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl core::error::Error for ClientFailure {}

impl From<ClientFailure> for Error {
    fn from(failure: ClientFailure) -> Self {
        failure.error
    }
}

impl Client {
    /// Joins a session; see [`client::join`].
    ///
    /// # Errors
    /// As [`client::join`].
    pub fn join(
        session: &Session,
        id: ClientId,
        identity: Arc<dyn Identity>,
        rng: &mut impl TryCryptoRng,
    ) -> Result<(Self, Vec<u8>), Error> {
        let (state, advert) = client::join(session, id, identity, rng)?;
        Ok((Self(Some(ClientState::Adverts(Box::new(state)))), advert))
    }

    /// Takes the server's next message. Repeats are ignored, also while the client waits for its input and after its end.
    ///
    /// # Errors
    /// [`ClientFailure`]: look at `ended`, and send `complaint` if there is one. The announcement of the sum is not taken here but by
    /// [`client::SumCheck`]: [`InputError::WrongState`].
    pub fn receive(&mut self, message: &[u8], rng: &mut impl TryCryptoRng) -> Result<ClientStep, ClientFailure> {
        match self.0.take() {
            Some(ClientState::Adverts(state)) => {
                self.sent(state.receive(message, rng), ClientState::Delivery, ClientState::Adverts)
            }
            Some(ClientState::Delivery(state)) => {
                let masking = state.receive(message, rng).map(|state| (state, ()));
                self.next(masking, ClientState::Masking, ClientState::Delivery)
                    .map(|done| done.map_or(ClientStep::Ignored, |()| ClientStep::GiveInput))
            }
            Some(ClientState::Survivors(state)) => {
                self.sent(state.receive(message), ClientState::Agreement, ClientState::Survivors)
            }
            Some(ClientState::Agreement(state)) => match state.receive(message) {
                Ok((finished, reveal)) => {
                    self.0 = Some(ClientState::Done(finished.memory()));
                    Ok(ClientStep::Done(reveal, finished))
                }
                Err(failure) => self.failed(failure, ClientState::Agreement).map(|()| ClientStep::Ignored),
            },
            Some(ClientState::Masking(state)) => {
                self.failed(state.receive(message), ClientState::Masking).map(|()| ClientStep::Ignored)
            }
            Some(ClientState::Done(memory)) => {
                let error = memory.refuse(message);
                self.0 = Some(ClientState::Done(memory));
                if error == Error::Round(RoundError::Repeat) { Ok(ClientStep::Ignored) } else { Err(ClientFailure::ended(error)) }
            }
            None => Err(ClientFailure::ended(InputError::WrongState.into())),
        }
    }

    /// Masks the next words of the input; see [`MaskingInput::mask`].
    ///
    /// # Errors
    /// As [`MaskingInput::mask`]; [`InputError::WrongState`] if the client does not wait for input.
    pub fn mask<W: Word>(&mut self, words: &[W], wire: &mut Vec<u8>) -> Result<(), Error> {
        match &mut self.0 {
            Some(ClientState::Masking(state)) => state.mask(words, wire),
            _ => Err(InputError::WrongState.into()),
        }
    }

    /// Ends the input; see [`MaskingInput::finish`]. The returned message releases the input.
    ///
    /// # Errors
    /// As [`MaskingInput::finish`]; [`InputError::WrongState`] if the client does not wait for input.
    pub fn finish(&mut self) -> Result<Vec<u8>, Error> {
        match self.0.take() {
            Some(ClientState::Masking(state)) => {
                let done = self.next(state.finish(), ClientState::Survivors, ClientState::Masking)?;
                done.ok_or_else(|| InputError::WrongState.into())
            }
            state => {
                self.0 = state;
                Err(InputError::WrongState.into())
            }
        }
    }

    /// Whether the client waits for its caller to give the input.
    #[must_use]
    pub fn awaits_input(&self) -> bool {
        matches!(self.0, Some(ClientState::Masking(_)))
    }

    /// Whether the client can do nothing more: it is done, or a step failed for good.
    #[must_use]
    pub fn ended(&self) -> bool {
        matches!(self.0, None | Some(ClientState::Done(_)))
    }

    fn sent<S, N>(
        &mut self,
        step: Result<(N, Vec<u8>), Failure<S>>,
        next: fn(Box<N>) -> ClientState,
        same: fn(Box<S>) -> ClientState,
    ) -> Result<ClientStep, ClientFailure> {
        Ok(self.next(step, next, same)?.map_or(ClientStep::Ignored, ClientStep::Send))
    }

    /// Keeps the next state, or the same one; `None` for a repeat.
    fn next<S, N, T>(
        &mut self,
        step: Result<(N, T), Failure<S>>,
        next: fn(Box<N>) -> ClientState,
        same: fn(Box<S>) -> ClientState,
    ) -> Result<Option<T>, ClientFailure> {
        match step {
            Ok((state, sent)) => {
                self.0 = Some(next(Box::new(state)));
                Ok(Some(sent))
            }
            Err(failure) => self.failed(failure, same).map(|()| None),
        }
    }

    fn failed<S>(&mut self, failure: Failure<S>, same: fn(Box<S>) -> ClientState) -> Result<(), ClientFailure> {
        let ended = failure.state.is_none();
        self.0 = failure.state.map(same);
        if !ended && failure.error == Error::Round(RoundError::Repeat) {
            return Ok(());
        }
        Err(ClientFailure { error: failure.error, ended, complaint: failure.complaint })
    }
}

/// The server in any state.
#[derive(Debug)]
pub struct Server(Option<ServerState>);

#[derive(Debug)]
enum ServerState {
    Adverts(Box<CollectingAdverts>),
    Shares(Box<CollectingShares>),
    Inputs(Box<CollectingInputs>),
    Consistency(Box<CollectingConsistency>),
    Reveals(Box<CollectingReveals>),
}

/// What closing a round gives.
#[derive(Debug)]
#[non_exhaustive]
pub enum ServerStep {
    /// Send these, and collect the next round.
    Send(Outbox),
    /// The session is done.
    Sum(Box<Sum>),
}

impl Server {
    /// Begins a session; see [`CollectingAdverts::new`].
    ///
    /// # Errors
    /// As [`CollectingAdverts::new`].
    pub fn new(session: &Session, identity: Arc<dyn Identity>) -> Result<Self, Error> {
        Ok(Self(Some(ServerState::Adverts(Box::new(CollectingAdverts::new(session, identity)?)))))
    }

    /// Takes a message of a client. In round 2 that is a complaint; inputs go through [`Server::upload`] and [`Server::accept`].
    ///
    /// # Errors
    /// As the states' `receive`. A proven bad dealing ends the session: see [`Server::ended`].
    pub fn receive(&mut self, message: &[u8]) -> Result<Receipt, Error> {
        match &mut self.0 {
            Some(ServerState::Adverts(state)) => state.receive(message),
            Some(ServerState::Shares(state)) => state.receive(message),
            Some(ServerState::Inputs(_)) => self.receive_in_inputs(message),
            Some(ServerState::Consistency(state)) => state.receive(message),
            Some(ServerState::Reveals(state)) => state.receive(message),
            None => Err(InputError::WrongState.into()),
        }
    }

    fn receive_in_inputs(&mut self, message: &[u8]) -> Result<Receipt, Error> {
        let complaint = Frame::parse(message).is_ok_and(|frame| frame.kind == Complaint::TYPE);
        match self.0.take() {
            Some(ServerState::Inputs(state)) if complaint => match state.complain(message) {
                Ok(verdict) => Err(Error::client(verdict.culprit, verdict.fault)),
                Err(failure) => self.complained(failure),
            },
            Some(ServerState::Inputs(mut state)) => {
                let receipt = state.receive(message);
                self.0 = Some(ServerState::Inputs(state));
                receipt
            }
            state => {
                self.0 = state;
                Err(InputError::WrongState.into())
            }
        }
    }

    /// A complaint that did not end the session.
    fn complained(&mut self, failure: Failure<CollectingInputs>) -> Result<Receipt, Error> {
        let receipt = failure.state.as_ref().map(|state| state.repeated());
        self.0 = failure.state.map(ServerState::Inputs);
        match receipt {
            Some(receipt) if failure.error == Error::Round(RoundError::Repeat) => Ok(receipt),
            _ => Err(failure.error),
        }
    }

    /// Begins an upload; see [`CollectingInputs::upload`].
    ///
    /// # Errors
    /// As [`CollectingInputs::upload`]; [`InputError::WrongState`] outside round 2.
    pub fn upload<S: Spool>(&self, client: ClientId, spool: S) -> Result<Upload<S>, Error> {
        match &self.0 {
            Some(ServerState::Inputs(state)) => state.upload(client, spool),
            _ => Err(InputError::WrongState.into()),
        }
    }

    /// Takes a complete upload; see [`CollectingInputs::accept`].
    ///
    /// # Errors
    /// As [`CollectingInputs::accept`]; [`InputError::WrongState`] outside round 2.
    pub fn accept<S: Spool + Send + 'static>(&mut self, upload: &mut Upload<S>, message: &[u8]) -> Result<Receipt, Error> {
        match &mut self.0 {
            Some(ServerState::Inputs(state)) => state.accept(upload, message),
            _ => Err(InputError::WrongState.into()),
        }
    }

    /// Where the round stands; `None` after the session.
    #[must_use]
    pub fn progress(&self) -> Option<Progress> {
        Some(match self.0.as_ref()? {
            ServerState::Adverts(state) => state.progress(),
            ServerState::Shares(state) => state.progress(),
            ServerState::Inputs(state) => state.progress(),
            ServerState::Consistency(state) => state.progress(),
            ServerState::Reveals(state) => state.progress(),
        })
    }

    /// Ends the round.
    ///
    /// # Errors
    /// As the states' `close`; the round stays open if it can.
    pub fn close(&mut self) -> Result<ServerStep, Error> {
        match self.0.take() {
            Some(ServerState::Adverts(state)) => self.closed(state.close(), ServerState::Shares, ServerState::Adverts),
            Some(ServerState::Shares(state)) => self.closed(state.close(), ServerState::Inputs, ServerState::Shares),
            Some(ServerState::Inputs(state)) => self.closed(state.close(), ServerState::Consistency, ServerState::Inputs),
            Some(ServerState::Consistency(state)) => self.closed(state.close(), ServerState::Reveals, ServerState::Consistency),
            Some(ServerState::Reveals(state)) => match state.close() {
                Ok(sum) => Ok(ServerStep::Sum(Box::new(sum))),
                Err(failure) => {
                    self.0 = failure.state.map(ServerState::Reveals);
                    Err(failure.error)
                }
            },
            None => Err(InputError::WrongState.into()),
        }
    }

    /// Whether the session is over.
    #[must_use]
    pub fn ended(&self) -> bool {
        self.0.is_none()
    }

    fn closed<S, N>(
        &mut self,
        step: Result<(N, Outbox), Failure<S>>,
        next: fn(Box<N>) -> ServerState,
        same: fn(Box<S>) -> ServerState,
    ) -> Result<ServerStep, Error> {
        match step {
            Ok((state, outbox)) => {
                self.0 = Some(next(Box::new(state)));
                Ok(ServerStep::Send(outbox))
            }
            Err(failure) => {
                self.0 = failure.state.map(same);
                Err(failure.error)
            }
        }
    }
}
