//! A session played round by round, with rogues among the clients and a hook at every door: whatever arrives anywhere can first be
//! tried in altered forms, which must be refused and change nothing.
#![allow(dead_code, unreachable_pub, reason = "each test file uses some of it")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]
#![allow(clippy::panic_in_result_fn, clippy::wrong_self_convention, reason = "a message goes to somebody")]

use std::collections::BTreeMap;

use rand::rngs::StdRng;
use veilsum::{
    ClientId, Error, RoundError, Session,
    secagg::{
        Failure, Outbox, Progress, Receipt,
        client::{AwaitingAdverts, AwaitingAgreement, AwaitingDelivery, AwaitingSurvivors, Finished, MaskingInput},
        server::{CollectingAdverts, CollectingConsistency, CollectingInputs, CollectingReveals, CollectingShares},
        sum::Sum,
        upload::{MemorySpool, Upload},
    },
};

use crate::{
    common::{World, mask_all, plain_sum, read_all},
    rogue::Rogue,
};

pub type Per<T> = BTreeMap<ClientId, T>;
pub type Inputs = Per<Vec<u64>>;

/// Where a message arrives.
pub struct Door<'a> {
    /// The client that sent it to the server, or gets it from the server.
    pub client: ClientId,
    /// The message that will be taken here, or has just been.
    pub message: &'a [u8],
    /// Whether it has been taken already; only at the server's doors.
    pub taken: bool,
    attempt: &'a mut dyn FnMut(&[u8]) -> Error,
}

impl Door<'_> {
    /// The type of the message that belongs here.
    pub fn kind(&self) -> u8 {
        self.message[35]
    }

    /// Tries other bytes: they must be refused, and change nothing.
    pub fn refusal(&mut self, bytes: &[u8]) -> Error {
        (self.attempt)(bytes)
    }

    pub fn refuses(&mut self, bytes: &[u8], expected: impl Into<Error>) {
        let expected = expected.into();
        assert_eq!(self.refusal(bytes), expected, "message of type {:#04x} at {}", self.kind(), self.client);
    }
}

/// A state of the server that takes messages.
trait Collecting {
    fn take(&mut self, message: &[u8]) -> Result<Receipt, Error>;
    fn heard(&self) -> Progress;
}

macro_rules! collecting {
    ($($state:ty),*) => {$(
        impl Collecting for $state {
            fn take(&mut self, message: &[u8]) -> Result<Receipt, Error> {
                self.receive(message)
            }
            fn heard(&self) -> Progress {
                self.progress()
            }
        }
    )*};
}
collecting!(CollectingAdverts, CollectingShares, CollectingConsistency, CollectingReveals);

impl Collecting for (&mut CollectingInputs, Upload) {
    fn take(&mut self, message: &[u8]) -> Result<Receipt, Error> {
        self.0.accept(&mut self.1, message)
    }
    fn heard(&self) -> Progress {
        self.0.progress()
    }
}

pub type Hook<'a> = &'a mut dyn FnMut(&mut Door<'_>);

/// Who plays, and what is tried on the way.
pub struct Drill<'a> {
    pub session: Session,
    pub world: &'a mut World,
    pub rogues: Per<Rogue>,
    hook: Hook<'a>,
}

impl<'a> Drill<'a> {
    pub fn new(world: &'a mut World, session: &Session, hook: Hook<'a>) -> Self {
        Self { session: session.clone(), world, rogues: Per::new(), hook }
    }

    /// Puts a rogue in a client's place.
    pub fn add_rogue(&mut self, id: ClientId) -> &mut Rogue {
        let rogue = Rogue::new(&self.session, id, self.world.clients[&id].clone(), &mut self.world.rng);
        self.rogues.entry(id).or_insert(rogue)
    }

    /// Round 0: these clients advertise.
    pub fn advertise(&mut self, who: &[ClientId]) -> (CollectingAdverts, Per<AwaitingAdverts>) {
        let mut server = CollectingAdverts::new(&self.session, self.world.server.clone()).unwrap();
        let mut states = Per::new();
        for id in who {
            let message = if let Some(rogue) = self.rogues.get(id) {
                rogue.advert()
            } else {
                let (state, message) = self.world.join(&self.session, *id);
                states.insert(*id, state);
                message
            };
            self.to_server(*id, &message, &mut server);
        }
        (server, states)
    }

    /// Round 1: everybody deals; `deal` makes the rogues' shares.
    pub fn share(
        &mut self,
        server: CollectingAdverts,
        states: Per<AwaitingAdverts>,
        mut deal: impl FnMut(&mut Rogue) -> Vec<u8>,
    ) -> (CollectingShares, Per<AwaitingDelivery>) {
        let (mut server, outbox) = server.close().unwrap();
        let (dealt, mut messages) = self.to_clients(&outbox, states, AwaitingAdverts::receive);
        for (id, rogue) in self.rogues.iter_mut().filter(|(id, _)| outbox.message_for(**id).is_some()) {
            rogue.hear_adverts(&outbox.message_for(*id).unwrap());
            messages.insert(*id, deal(rogue));
        }
        for (id, message) in messages {
            self.to_server(id, &message, &mut server);
        }
        (server, dealt)
    }

    /// The end of round 1: everybody opens its packages. Who ends there comes back with its failure.
    #[allow(clippy::type_complexity, reason = "three things come of it")]
    pub fn deliver(
        &mut self,
        server: CollectingShares,
        states: Per<AwaitingDelivery>,
    ) -> (CollectingInputs, Per<MaskingInput>, Per<Failure<AwaitingDelivery>>) {
        let (server, outbox) = server.close().unwrap();
        let (mut ready, mut ended) = (Per::new(), Per::new());
        for (id, state) in states {
            let message = outbox.message_for(id).unwrap();
            match self.to_client(id, &message, state, AwaitingDelivery::receive) {
                Ok(state) => drop(ready.insert(id, state)),
                Err(failure) => drop(ended.insert(id, failure)),
            }
        }
        for (id, rogue) in &mut self.rogues {
            outbox.message_for(*id).iter().for_each(|message| rogue.hear_delivery(message));
        }
        (server, ready, ended)
    }

    /// Round 2: these clients send their inputs; the others are never heard of again.
    pub fn input(
        &mut self,
        server: &mut CollectingInputs,
        mut states: Per<MaskingInput>,
        inputs: &Inputs,
        who: &[ClientId],
    ) -> Per<AwaitingSurvivors> {
        let mut sent = Per::new();
        for id in who {
            let (mut wire, header) = (Vec::new(), self.rogues.get(id).map(|rogue| rogue.masked_input(&inputs[id])));
            let (wire, header) = header.unwrap_or_else(|| {
                let mut state = states.remove(id).unwrap();
                mask_all(&mut state, &self.session, &inputs[id], &mut wire).unwrap();
                let (state, header) = state.finish().unwrap();
                sent.insert(*id, state);
                (wire, header)
            });
            let mut upload = server.upload(*id, MemorySpool::default()).unwrap();
            upload.write(&wire).unwrap();
            self.to_server(*id, &header, &mut (&mut *server, upload));
        }
        sent
    }

    /// Round 3: everybody whose input is in agrees.
    pub fn agree(
        &mut self,
        server: CollectingInputs,
        states: Per<AwaitingSurvivors>,
    ) -> (CollectingConsistency, Per<AwaitingAgreement>) {
        let (mut server, outbox) = server.close().unwrap();
        let (agreed, mut messages) = self.to_clients(&outbox, states, |state, message, _| state.receive(message));
        for (id, rogue) in &mut self.rogues {
            outbox.message_for(*id).iter().for_each(|message| rogue.hear_survivors(message));
            messages.extend(rogue.survivors.contains(id).then(|| (*id, rogue.consistency())));
        }
        for (id, message) in messages {
            self.to_server(id, &message, &mut server);
        }
        (server, agreed)
    }

    /// Round 4, but for the reveals themselves, which come back unsent.
    pub fn unmask(
        &mut self,
        server: CollectingConsistency,
        states: Per<AwaitingAgreement>,
    ) -> (CollectingReveals, Per<Finished>, Per<Vec<u8>>) {
        let (server, outbox) = server.close().unwrap();
        let (finished, mut reveals) = self.to_clients(&outbox, states, |state, message, _| state.receive(message));
        let survived = self.rogues.iter().filter(|(id, rogue)| rogue.survivors.contains(id));
        reveals.extend(survived.map(|(id, rogue)| (*id, rogue.reveal())));
        (server, finished, reveals)
    }

    pub fn reveal(&mut self, server: &mut CollectingReveals, id: ClientId, message: &[u8]) {
        self.to_server(id, message, server);
    }

    /// Everything from the masked inputs on, and the sum checked by everybody.
    pub fn finish(&mut self, mut server: CollectingInputs, states: Per<MaskingInput>, inputs: &Inputs, who: &[ClientId]) -> Sum {
        let sent = self.input(&mut server, states, inputs, who);
        let (server, agreed) = self.agree(server, sent);
        let (mut server, finished, reveals) = self.unmask(server, agreed);
        reveals.iter().for_each(|(id, message)| self.reveal(&mut server, *id, message));
        let mut sum = server.close().unwrap();
        assert_eq!(sum.survivors(), who);
        let words = read_all(&sum);
        assert_eq!(words, plain_sum(&self.session, inputs, who), "the sum is exact");
        self.announce(&mut sum, finished, &words);
        sum
    }

    /// A whole session of these clients; the rogues deal honestly.
    pub fn play(&mut self, inputs: &Inputs, who: &[ClientId]) -> Sum {
        let (server, states) = self.advertise(who);
        let (server, states) = self.share(server, states, |rogue| rogue.shares(rogue.honest_packages()));
        let (server, states, ended) = self.deliver(server, states);
        assert!(ended.is_empty(), "{ended:?}");
        self.finish(server, states, inputs, who)
    }

    fn announce(&mut self, sum: &mut Sum, finished: Per<Finished>, words: &[u64]) {
        let (outbox, h4) = sum.announce().unwrap();
        for (id, state) in finished {
            let message = outbox.message_for(id).unwrap();
            let mut attempt = |_: &[u8]| panic!("a sum check is used up by whatever it is given");
            (self.hook)(&mut Door { client: id, message: &message, taken: true, attempt: &mut attempt });
            let mut check = state.check_sum();
            check.update(words).unwrap();
            assert_eq!(check.finish(&message).unwrap(), h4);
        }
    }

    /// Tries what the hook wants, before and after the server takes the message.
    fn to_server(&mut self, client: ClientId, message: &[u8], server: &mut dyn Collecting) {
        for taken in [false, true] {
            let before = server.heard();
            let mut attempt = |bytes: &[u8]| {
                let result = server.take(bytes);
                assert_eq!(server.heard(), before, "a refused message changes nothing");
                match result {
                    Ok(receipt) => {
                        assert!(!receipt.fresh, "a forgery was accepted");
                        RoundError::Repeat.into()
                    }
                    Err(error) => error,
                }
            };
            (self.hook)(&mut Door { client, message, taken, attempt: &mut attempt });
            if !taken {
                assert!(server.take(message).unwrap().fresh);
                assert!(!server.heard().missing.contains(&client));
            }
        }
    }

    /// Tries what the hook wants, then gives the message to the client.
    fn to_client<S, T>(
        &mut self,
        client: ClientId,
        message: &[u8],
        state: S,
        receive: impl Fn(S, &[u8], &mut StdRng) -> Result<T, Failure<S>>,
    ) -> Result<T, Failure<S>> {
        let (mut slot, rng) = (Some(state), &mut self.world.rng);
        let mut attempt = |bytes: &[u8]| match receive(slot.take().unwrap(), bytes, rng) {
            Ok(_) => panic!("a forgery was accepted"),
            Err(Failure { error, state, .. }) => {
                slot = Some(*state.unwrap_or_else(|| panic!("{client} ended: {error}")));
                error
            }
        };
        (self.hook)(&mut Door { client, message, taken: false, attempt: &mut attempt });
        receive(slot.take().unwrap(), message, &mut self.world.rng)
    }

    fn to_clients<S, T>(
        &mut self,
        outbox: &Outbox,
        states: Per<S>,
        receive: impl Fn(S, &[u8], &mut StdRng) -> Result<(T, Vec<u8>), Failure<S>>,
    ) -> (Per<T>, Per<Vec<u8>>) {
        let (mut next, mut messages) = (Per::new(), Per::new());
        for (id, state) in states {
            let (state, message) = self.to_client(id, &outbox.message_for(id).unwrap(), state, &receive).unwrap();
            next.insert(id, state);
            messages.insert(id, message);
        }
        (next, messages)
    }
}
