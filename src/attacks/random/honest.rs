//! An honest client: the real state machine, and what the oracle has to know about it.

use alloc::{sync::Arc, vec, vec::Vec};

use rand::{Rng, SeedableRng, rngs::StdRng};

use super::{super::stage::Per, oracle::Source};
use crate::{
    ClientId, Identity, Ring, Session,
    crypto::{
        kdf,
        kem::Ciphertext,
        secret::{Secret, SecretScalar},
        vss::Share,
    },
    hash::{Hash, hash},
    label,
    mask::pairwise,
    message::{
        Advert, Adverts, Consistency, Dealing, Delivery, Entry, EntryBody, Frame, MaskedInput, Package, Shares, Survivors,
    },
    secagg::{
        Failure,
        client::{self, AwaitingAdverts, AwaitingAgreement, AwaitingDelivery, AwaitingSurvivors, Finished, MaskingInput},
        keys::{MaskRoot, pair_seed},
        transcript,
    },
};

#[allow(clippy::large_enum_variant, reason = "there are a handful, and each is as large as the largest some time")]
enum State {
    Adverts(AwaitingAdverts),
    Delivery(AwaitingDelivery),
    Survivors(AwaitingSurvivors),
    Agreement(AwaitingAgreement),
    Finished(Finished),
    Ended,
}

/// What the client has sent.
#[derive(Default)]
pub(super) struct Sent {
    pub(super) advert: Option<Entry<Advert>>,
    pub(super) dealing: Option<Entry<Dealing>>,
    /// By holder.
    pub(super) packages: Per<Package>,
    pub(super) header: Option<Entry<MaskedInput>>,
    pub(super) consistency: Option<Entry<Consistency>>,
    pub(super) messages: Vec<Vec<u8>>,
}

/// What the client has accepted.
#[derive(Default)]
pub(super) struct Accepted {
    pub(super) adverts: Vec<Entry<Advert>>,
    pub(super) dealings: Vec<Entry<Dealing>>,
    pub(super) survivors: Vec<ClientId>,
}

/// A seed, whether its mask is subtracted, and where it is from.
pub(super) type Mask = (Hash, bool, Source);

/// What left the client in a step.
pub(super) enum Event {
    Dealt,
    /// A masked vector with these masks.
    Uploaded(Vec<Mask>),
    Agreed,
    /// Shares, by owner, and which of the two the client holds it was: 0 of the mask root, 1 of the self secret.
    Revealed(Vec<(ClientId, usize)>),
    Complained(Vec<u8>),
}

pub(super) struct Honest {
    pub(super) session: Session,
    pub(super) id: ClientId,
    pub(super) sent: Sent,
    pub(super) accepted: Accepted,
    state: State,
    rng: StdRng,
    root: Option<MaskRoot>,
    /// Copies of the shares that it holds, by owner: of the mask root and of the self secret.
    shares: Per<[[u8; 32]; 2]>,
}

/// A client's message as the server can forward it.
fn entry<B: EntryBody>(message: &[u8]) -> Entry<B> {
    let frame = Frame::parse(message).unwrap();
    frame.to_entry(B::decode(frame.body).unwrap())
}

pub(super) fn key_hash(key: &[u8]) -> Hash {
    hash(label::hash::MASK_KEY, &[key])
}

pub(super) fn ciphertext_hash(ciphertext: &[u8]) -> Hash {
    hash(label::hash::MASK_CIPHERTEXT, &[ciphertext])
}

impl Honest {
    pub(super) fn join(session: &Session, id: ClientId, identity: Arc<dyn Identity>, seed: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed ^ id.0);
        let (state, message) = client::join(session, id, identity, &mut rng).unwrap();
        let sent = Sent { advert: Some(entry(&message)), messages: vec![message], ..Sent::default() };
        let (state, session) = (State::Adverts(state), session.clone());
        Self { session, id, sent, accepted: Accepted::default(), state, rng, root: None, shares: Per::new() }
    }

    /// The round of the message that it waits for.
    pub(super) fn awaits(&self) -> Option<u8> {
        match &self.state {
            State::Adverts(_) => Some(1),
            State::Delivery(_) => Some(2),
            State::Survivors(_) => Some(3),
            State::Agreement(_) => Some(4),
            State::Finished(_) | State::Ended => None,
        }
    }

    pub(super) fn ended(&self) -> bool {
        matches!(self.state, State::Ended)
    }

    /// Takes any message; returns what leaves the client.
    pub(super) fn receive(&mut self, message: &[u8]) -> Vec<Event> {
        match core::mem::replace(&mut self.state, State::Ended) {
            State::Adverts(state) => match state.receive(message, &mut self.rng) {
                Ok((state, sent)) => self.dealt(message, state, &sent),
                Err(failure) => self.failed(failure, State::Adverts),
            },
            State::Delivery(state) => self.receive_delivery(message, state),
            State::Survivors(state) => match state.receive(message) {
                Ok((state, sent)) => self.agreed(message, state, &sent),
                Err(failure) => self.failed(failure, State::Survivors),
            },
            State::Agreement(state) => match state.receive(message) {
                Ok((state, sent)) => self.revealed(state, &sent),
                Err(failure) => self.failed(failure, State::Agreement),
            },
            State::Finished(state) => {
                drop(state.memory().refuse(message));
                self.state = State::Finished(state);
                Vec::new()
            }
            State::Ended => Vec::new(),
        }
    }

    fn failed<S>(&mut self, failure: Failure<S>, same: fn(S) -> State) -> Vec<Event> {
        if let Some(state) = failure.state {
            self.state = same(*state);
        }
        failure.complaint.map(Event::Complained).into_iter().collect()
    }

    fn dealt(&mut self, message: &[u8], state: AwaitingDelivery, sent: &[u8]) -> Vec<Event> {
        self.accepted.adverts = Frame::parse(message).unwrap().decode::<Adverts>().unwrap().entries;
        let frame = Frame::parse(sent).unwrap();
        let shares: Shares = frame.decode().unwrap();
        self.sent.packages = shares.packages.into_iter().map(|package| (package.peer, package)).collect();
        self.sent.dealing = Some(frame.to_entry(shares.dealing));
        self.sent.messages.push(sent.to_vec());
        self.root = Some(MaskRoot(SecretScalar::new(*state.mask_root.0.expose())));
        self.state = State::Delivery(state);
        vec![Event::Dealt]
    }

    fn receive_delivery(&mut self, message: &[u8], state: AwaitingDelivery) -> Vec<Event> {
        let self_seed = kdf::self_seed(self.session.id(), &state.self_secret, self.id);
        let outgoing: Per<_> = state.pair_seeds.iter().map(|(peer, seed)| (*peer, seed.duplicate())).collect();
        let keys: Per<_> = state.keys.iter().map(|(peer, keys)| (*peer, keys.mask.clone())).collect();
        let state = match state.receive(message, &mut self.rng) {
            Ok(state) => state,
            Err(failure) => return self.failed(failure, State::Delivery),
        };
        let delivery: Delivery = Frame::parse(message).unwrap().decode().unwrap();
        let own_key = &keys[&self.id];
        let decapsulation_key = self.root.as_ref().unwrap().kem_key(self.session.id(), self.id);
        let pair = |package: &Package| match outgoing.get(&package.peer) {
            Some(seed) => (*seed.expose(), false, Source::To(key_hash(keys[&package.peer].as_bytes()))),
            None => {
                let ciphertext = Ciphertext::decode(package.mask_ciphertext_bytes().try_into().unwrap()).unwrap();
                let shared = decapsulation_key.decapsulate(&ciphertext);
                let seed = pair_seed(self.session.id(), &shared, package.peer, self.id, &ciphertext, own_key);
                let source = Source::From(ciphertext_hash(ciphertext.as_bytes()), key_hash(own_key.as_bytes()));
                (*seed.expose(), true, source)
            }
        };
        let own = (*self_seed.expose(), false, Source::Own);
        let masks = core::iter::once(own).chain(delivery.packages.iter().map(pair)).collect();
        self.accepted.dealings = delivery.dealings;
        self.upload(state, masks)
    }

    /// Round 2, right away; and again, if the state can.
    fn upload(&mut self, mut state: MaskingInput, masks: Vec<Mask>) -> Vec<Event> {
        let (mut wire, mut events) = (Vec::new(), Vec::new());
        let max = if self.session.geometry().is_some() { 3 } else { u32::MAX >> (32 - self.session.modulus_bits()) };
        loop {
            wire.clear();
            let words: Vec<u32> = (0..self.session.vector_len()).map(|_| self.rng.next_u32() & max).collect();
            state.mask(&words, &mut wire).unwrap();
            self.check_masks(&masks, &wire, &words);
            events.push(Event::Uploaded(masks.clone()));
            match state.finish() {
                Ok((state, message)) => {
                    let bytes = |share: &Share| share.value.to_bytes();
                    let pairs = state.shares.iter();
                    self.shares =
                        pairs.map(|(owner, pair)| (*owner, [bytes(&pair.mask_root), bytes(&pair.self_secret)])).collect();
                    self.sent.header = Some(entry(&message));
                    self.sent.messages.push(message);
                    self.state = State::Survivors(state);
                    return events;
                }
                // The application tries once more.
                Err(_) if events.len() > 1 => return events,
                Err(failure) => state = *failure.state.unwrap(),
            }
        }
    }

    /// The masks that the oracle reckons with are those of the vector that left.
    fn check_masks(&self, masks: &[Mask], wire: &[u8], words: &[u32]) {
        if self.session.geometry().is_some() {
            return;
        }
        let mut sum = pairwise::Masks::with_capacity(self.session.id(), masks.len());
        masks.iter().for_each(|(seed, negative, _)| sum.push(&Secret::take(&mut seed.clone()), !negative));
        let (mut plain, ring) = (vec![0_u32; words.len()], Ring::new(self.session.modulus_bits()).unwrap());
        ring.add_packed(wire, &mut plain);
        sum.add_to(0, &mut plain, &mut None);
        let max = u32::try_from(ring.max()).unwrap();
        assert!(plain.iter().zip(words).all(|(a, b)| a & max == *b), "the upload has other masks");
    }

    fn agreed(&mut self, message: &[u8], state: AwaitingAgreement, sent: &[u8]) -> Vec<Event> {
        let survivors: Survivors = Frame::parse(message).unwrap().decode().unwrap();
        self.accepted.survivors = transcript::read_bitmap(&self.session, &survivors.bitmap).unwrap().into_iter().collect();
        self.sent.consistency = Some(entry(sent));
        self.sent.messages.push(sent.to_vec());
        self.state = State::Agreement(state);
        vec![Event::Agreed]
    }

    /// Reads the shares as they lie, for a mutant's message is not canonical.
    fn revealed(&mut self, state: Finished, sent: &[u8]) -> Vec<Event> {
        self.state = State::Finished(state);
        let items = Frame::parse(sent).unwrap().body[4..].as_chunks::<72>().0;
        let which = |item: &[u8; 72]| {
            let owner = ClientId(u64::from_le_bytes(*item.first_chunk().unwrap()));
            (owner, self.shares[&owner].iter().position(|share| *share == item[8..40]).unwrap())
        };
        vec![Event::Revealed(items.iter().map(which).collect())]
    }
}
