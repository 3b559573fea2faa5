//! Honest clients, their colluding neighbors, and a server that keeps everything and shows each client what it likes.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    vec,
    vec::Vec,
};

use curve25519_dalek::Scalar;
use rand::{Rng, SeedableRng, rngs::StdRng};

use crate::{
    Bound, ClientId, Error, Identity, IdentityKey, LatticeSet, Masking, ParamsError, Ring, Session, SessionBuilder,
    SigningIdentity,
    crypto::{sign::Signed, vss::Share},
    hash::{Hash, hash},
    label,
    message::{
        Advert, Adverts, Agreement, Body, Consistency, Dealing, Delivery, Entry, EntryBody, Frame, Header, MaskedInput, Package,
        Reveal, Shares, Survivors,
    },
    secagg::{
        Failure, Outbox,
        client::{self, AwaitingAdverts, AwaitingAgreement, AwaitingDelivery, AwaitingSurvivors, MaskingInput},
        transcript,
    },
};

pub(super) type Per<T> = BTreeMap<ClientId, T>;
type Roster = Vec<(ClientId, IdentityKey)>;

/// Words of a block of [`Stage::lattice`], one in each coefficient.
pub(super) const BLOCK: usize = 2048;
pub(super) const MAX_ABS: u64 = 1 << 19;

/// What reached the server.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) adverts: Per<Entry<Advert>>,
    pub(super) dealings: Per<Entry<Dealing>>,
    /// By dealer and holder.
    pub(super) packages: BTreeMap<(ClientId, ClientId), Package>,
    headers: Per<Entry<MaskedInput>>,
    /// Masked words, of pairwise masks.
    pub(super) uploads: Per<Vec<u32>>,
    /// Bytes of masked vectors.
    pub(super) wires: Per<Vec<u8>>,
    pub(super) agreed: Per<Entry<Consistency>>,
    reveals: Per<(BTreeSet<ClientId>, Reveal)>,
}

/// What the colluders know.
#[derive(Default)]
pub(super) struct Pool {
    /// Their own mask roots.
    pub(super) roots: Per<Scalar>,
    /// Shares of mask root and self secret that they hold, by owner and holder.
    pub(super) held: BTreeMap<(ClientId, ClientId), [Share; 2]>,
}

pub(super) struct Stage {
    pub(super) session: Session,
    pub(super) rng: StdRng,
    pub(super) identities: Per<Arc<dyn Identity>>,
    server: Arc<SigningIdentity>,
    /// What the honest clients want to keep to themselves.
    pub(super) inputs: Per<Vec<u32>>,
    pub(super) colluders: Vec<ClientId>,
    pub(super) seen: Seen,
    pub(super) pool: Pool,
}

/// What the adversary found, beside what it was after.
#[derive(Debug)]
pub(super) struct Loot {
    pub(super) found: Vec<u32>,
    pub(super) input: Vec<u32>,
}

/// Client ids of these tens.
pub(super) fn ids(tens: &[u64]) -> Vec<ClientId> {
    tens.iter().map(|ten| ClientId(10 * ten)).collect()
}

impl Stage {
    /// Clients 10, 20, .. with a default descriptor and words of 24 bits.
    pub(super) fn new(n: u64, colluders: &[ClientId]) -> Self {
        Self::build(n, colluders, 24, |builder| builder).unwrap()
    }

    /// With another descriptor, which may be refused.
    pub(super) fn build(
        n: u64,
        colluders: &[ClientId],
        bits: u8,
        configure: impl FnOnce(SessionBuilder) -> SessionBuilder,
    ) -> Result<Self, ParamsError> {
        let bound = Bound::Tail { max_sum: 1, log2: 40 };
        let vector = |roster: Roster, server| configure(Session::builder(roster, server, 100, bits, bound).chunk_len(64)).build();
        // A tail bound is the application's word and is not checked, so inputs may be any words.
        let max = u32::try_from(Ring::new(bits).unwrap().max()).unwrap();
        Self::of(n, colluders, vector, |rng| (0..100).map(|_| rng.next_u32() & max).collect())
    }

    /// Clients 10, 20, .. without colluders and with lattice masks: two blocks of words up to [`MAX_ABS`], those of the first zero.
    pub(super) fn lattice(n: u64) -> Self {
        let vector = |roster: Roster, server| {
            let builder = Session::builder(roster, server, 2 * BLOCK as u64, 24, Bound::Exact { max_abs: MAX_ABS });
            builder.masking(Masking::Lattice(LatticeSet::S48)).chunk_len(4096).build()
        };
        let input = |rng: &mut StdRng| {
            let word = |place: usize, drawn: u32| if place < BLOCK { 0 } else { drawn >> 13 };
            (0..2 * BLOCK).map(|place| word(place, rng.next_u32())).collect()
        };
        Self::of(n, &[], vector, input).unwrap()
    }

    fn of(
        n: u64,
        colluders: &[ClientId],
        session: impl FnOnce(Roster, IdentityKey) -> Result<Session, ParamsError>,
        input: impl Fn(&mut StdRng) -> Vec<u32>,
    ) -> Result<Self, ParamsError> {
        let mut rng = StdRng::seed_from_u64(n);
        let mut identity = || Arc::new(SigningIdentity::generate(&mut rng).unwrap());
        let identities: Per<_> = (1..=n).map(|ten| (ClientId(10 * ten), identity() as Arc<dyn Identity>)).collect();
        let server = identity();
        let roster = identities.iter().map(|(id, identity)| (*id, identity.public_key())).collect();
        let session = session(roster, server.public_key())?;
        let inputs = identities.keys().map(|id| (*id, input(&mut rng))).collect();
        let (seen, pool) = (Seen::default(), Pool::default());
        Ok(Self { session, rng, identities, server, inputs, colluders: colluders.to_vec(), seen, pool })
    }

    pub(super) fn everybody(&self) -> Vec<ClientId> {
        self.identities.keys().copied().collect()
    }

    pub(super) fn loot(&self, victim: ClientId, found: Vec<u32>) -> Loot {
        Loot { found, input: self.inputs[&victim].clone() }
    }

    /// A message from the server, whatever it says.
    fn letter<B: Body>(&self, to: ClientId, prev: &Hash, body: &B) -> Vec<u8> {
        let attachment = body.attachment();
        let attach = Arc::new(move |_| attachment.clone());
        let outbox = Outbox::sign::<B>(&self.session, &*self.server, prev, body.body(), [to], attach);
        outbox.unwrap().message_for(to).unwrap()
    }

    /// A message that a colluder signs, whatever it says.
    pub(super) fn signed<B: Body>(&self, client: ClientId, prev: &Hash, message: &B) -> Vec<u8> {
        assert!(self.colluders.contains(&client));
        let (session, kind, body, attachment) = (self.session.id(), B::TYPE, message.body(), message.attachment());
        let attachment_hash = hash(label::hash::ATTACHMENT, &[&attachment]);
        let signed = Signed { session, kind, client, prev, body: &body, attachment_hash: &attachment_hash };
        let signature = signed.sign(&*self.identities[&client]).unwrap();
        Header { session, kind, client, prev }.assemble(&body, &attachment, &signature)
    }

    /// A client's message as the server can forward it.
    pub(super) fn entry<B: EntryBody>(&self, message: &[u8]) -> Entry<B> {
        let frame = Frame::parse(message).unwrap();
        frame.to_entry(B::decode(frame.body).unwrap())
    }

    /// Round 0 of one client.
    pub(super) fn join(&mut self, id: ClientId) -> AwaitingAdverts {
        let (state, message) = client::join(&self.session, id, self.identities[&id].clone(), &mut self.rng).unwrap();
        self.seen.adverts.insert(id, self.entry(&message));
        state
    }

    pub(super) fn join_all(&mut self) -> Per<AwaitingAdverts> {
        self.everybody().into_iter().map(|id| (id, self.join(id))).collect()
    }

    /// Round 1 of one client, which is shown these adverts.
    pub(super) fn deal(
        &mut self,
        id: ClientId,
        state: AwaitingAdverts,
        view: &Per<Entry<Advert>>,
    ) -> Result<AwaitingDelivery, Error> {
        let adverts = Adverts { entries: view.values().cloned().collect() };
        let message = self.letter(id, &self.session.h0(), &adverts);
        let (state, message) = state.receive(&message, &mut self.rng)?;
        self.hear_shares(&message);
        if self.colluders.contains(&id) {
            self.pool.roots.insert(id, *state.mask_root.0.expose());
        }
        Ok(state)
    }

    /// Round 1 of everybody, with one view for all.
    pub(super) fn deal_all(&mut self, states: Per<AwaitingAdverts>) -> Per<AwaitingDelivery> {
        let view = self.seen.adverts.clone();
        states.into_iter().map(|(id, state)| (id, self.deal(id, state, &view).unwrap())).collect()
    }

    pub(super) fn hear_shares(&mut self, message: &[u8]) {
        let frame = Frame::parse(message).unwrap();
        let shares: Shares = frame.decode().unwrap();
        for package in shares.packages {
            self.seen.packages.insert((frame.client, package.peer), package);
        }
        self.seen.dealings.insert(frame.client, frame.to_entry(shares.dealing));
    }

    /// The end of round 1 for one client, which is shown these dealers.
    pub(super) fn deliver(
        &mut self,
        id: ClientId,
        state: AwaitingDelivery,
        u2: &[ClientId],
    ) -> Result<MaskingInput, Failure<AwaitingDelivery>> {
        let from = |dealer: &ClientId| Package { peer: *dealer, ..self.seen.packages[&(*dealer, id)].clone() };
        let dealings = u2.iter().map(|dealer| self.seen.dealings[dealer].clone()).collect();
        let delivery = Delivery { dealings, packages: u2.iter().filter(|dealer| **dealer != id).map(from).collect() };
        let message = self.letter(id, &self.seen.dealings[&id].prev.0, &delivery);
        state.receive(&message, &mut self.rng)
    }

    /// Round 2 of one client.
    pub(super) fn upload(&mut self, id: ClientId, mut state: MaskingInput) -> AwaitingSurvivors {
        let mut wire = Vec::new();
        state.mask(&self.inputs[&id], &mut wire).unwrap();
        let (state, message) = state.finish().unwrap();
        if self.session.geometry().is_none() {
            self.seen.uploads.insert(id, self.unpack(&wire));
        }
        self.seen.wires.insert(id, wire);
        self.seen.headers.insert(id, self.entry(&message));
        if self.colluders.contains(&id) {
            for (owner, pair) in &state.shares {
                let copy = |share: &Share| Share::new(share.value, share.blinding);
                self.pool.held.insert((*owner, id), [copy(&pair.mask_root), copy(&pair.self_secret)]);
            }
        }
        state
    }

    /// The end of round 1, and round 2, for everybody, with one view for all.
    pub(super) fn upload_all(&mut self, states: Per<AwaitingDelivery>) -> Per<AwaitingSurvivors> {
        let everybody = self.everybody();
        let one = |(id, state)| {
            let state = self.deliver(id, state, &everybody).unwrap();
            (id, self.upload(id, state))
        };
        states.into_iter().map(one).collect()
    }

    pub(super) fn unpack(&self, wire: &[u8]) -> Vec<u32> {
        let mut words = vec![0; 100];
        let ring = Ring::new(self.session.modulus_bits()).unwrap();
        ring.add_packed(wire, &mut words);
        words
    }

    /// Round 3 of one client, which is shown these survivors.
    pub(super) fn agree(&mut self, id: ClientId, state: AwaitingSurvivors, u3: &[ClientId]) -> Result<AwaitingAgreement, Error> {
        let bitmap = transcript::bitmap(&self.session, &u3.iter().copied().collect());
        let survivors = Survivors { bitmap, entries: u3.iter().map(|id| self.seen.headers[id].clone()).collect() };
        let (state, message) = state.receive(&self.letter(id, &self.seen.headers[&id].prev.0, &survivors))?;
        self.seen.agreed.insert(id, self.entry(&message));
        Ok(state)
    }

    /// Round 4 of one client, which is shown these agreements and took those for survivors.
    pub(super) fn reveal(
        &mut self,
        id: ClientId,
        state: AwaitingAgreement,
        agreed: Vec<Entry<Consistency>>,
        u3: &[ClientId],
    ) -> Result<(), Error> {
        let h3 = self.seen.agreed[&id].prev.0;
        let (_, message) = state.receive(&self.letter(id, &h3, &Agreement { entries: agreed }))?;
        let reveal = Frame::parse(&message).unwrap().decode().unwrap();
        self.seen.reveals.insert(id, (u3.iter().copied().collect(), reveal));
        Ok(())
    }

    /// Rounds 3 and 4 for these survivors, with one view for all.
    pub(super) fn finish(&mut self, mut states: Per<AwaitingSurvivors>, u3: &[ClientId]) -> Result<(), Error> {
        let mut agreed = Vec::new();
        for id in u3 {
            agreed.push((*id, self.agree(*id, states.remove(id).unwrap(), u3)?));
        }
        let entries: Vec<_> = u3.iter().map(|id| self.seen.agreed[id].clone()).collect();
        agreed.into_iter().try_for_each(|(id, state)| self.reveal(id, state, entries.clone(), u3))
    }

    /// The shares of one client's mask root and self secret that the adversary has from reveals and from its colluders, by holder.
    pub(super) fn shares_of(&self, owner: ClientId) -> [Per<Share>; 2] {
        let mut shares = [Per::new(), Per::new()];
        for (holder, (survivors, reveal)) in &self.seen.reveals {
            let kind = usize::from(survivors.contains(&owner));
            for revealed in reveal.shares.iter().filter(|share| share.owner == owner) {
                shares[kind].insert(*holder, Share::decode(&revealed.share.0, &revealed.blinding.0).unwrap());
            }
        }
        for ((_, holder), pair) in self.pool.held.iter().filter(|((of, _), _)| *of == owner) {
            for (kind, share) in pair.iter().enumerate() {
                shares[kind].insert(*holder, Share::new(share.value, share.blinding));
            }
        }
        shares
    }
}
