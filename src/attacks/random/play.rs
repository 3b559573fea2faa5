//! One run: the server and its colluders against the honest clients, by a plan.

use alloc::{collections::BTreeMap, sync::Arc, vec::Vec};
use std::sync::LazyLock;

use rand::{RngExt, SeedableRng, rngs::StdRng};

use super::{
    super::{arithmetic::binding, complaints::disclosed},
    honest::{Event, Honest, Sent, ciphertext_hash, key_hash},
    oracle::{Knowledge, Leak, Owner, Row, Who},
    plan::{Plan, Set, Terms, Trick},
    puppet::Puppet,
};
use crate::{
    Bound, ClientId, Identity, LatticeSet, Masking, ParamsError, Session, SessionId, SigningIdentity,
    crypto::{seal::EnvelopeKey, vss::Kind},
    hash::Hash,
    message::{Advert, Package},
};

/// Those of the clients, and the server's.
static IDENTITIES: LazyLock<Vec<Arc<SigningIdentity>>> =
    LazyLock::new(|| (1..=8).map(|seed| Arc::new(SigningIdentity::from_seed(&[seed; 32]))).collect());

pub(super) fn id(place: usize) -> ClientId {
    ClientId(10 * (place as u64 + 1))
}

pub(super) fn identity(place: usize) -> Arc<dyn Identity> {
    IDENTITIES[place].clone()
}

pub(super) fn server() -> Arc<dyn Identity> {
    IDENTITIES[7].clone()
}

/// What came of a run.
pub(super) struct Outcome {
    /// Messages that honest clients received.
    pub(super) steps: u64,
    /// Whether an honest client revealed shares.
    pub(super) unmasked: bool,
    /// Whether two honest clients accepted different lists of one round.
    pub(super) equivocated: bool,
    pub(super) leak: Option<Leak>,
}

pub(super) struct Run<'a> {
    pub(super) plan: &'a Plan,
    /// By session and place; colluders are puppets.
    pub(super) honest: Vec<Vec<Option<Honest>>>,
    /// By session, client, and face.
    pub(super) puppets: BTreeMap<(SessionId, usize, u8), Puppet>,
    pub(super) knowledge: Knowledge,
    pub(super) letters: Vec<Vec<u8>>,
    pub(super) rng: StdRng,
    steps: u64,
    unmasked: bool,
}

impl Terms {
    /// The descriptor that the application has in mind, with these thresholds.
    fn session(&self, round: usize, max_colluders: u32, max_dropouts: u32, lattice: bool) -> Result<Session, ParamsError> {
        let roster: Vec<_> = (0..self.clients).map(|place| (id(place), identity(place).public_key())).collect();
        let server = server().public_key();
        let builder = if lattice {
            let bound = Bound::Exact { max_abs: 4 };
            Session::builder(roster, server, 4, 24, bound).masking(Masking::Lattice(LatticeSet::S48))
        } else {
            Session::builder(roster, server, 4, 24, Bound::Tail { max_sum: 1, log2: 40 }).chunk_len(64)
        };
        builder.round(round as u64).max_colluders(max_colluders).max_dropouts(max_dropouts).min_honest(self.min_honest).build()
    }

    /// What a client makes of the server's proposal: it approves of what the constructor admits, if that reckons with as many colluders
    /// as there are.
    fn approve(&self, round: usize, max_colluders: u32, max_dropouts: u32, lattice: bool) -> Option<Session> {
        let enough = max_colluders as usize >= self.colluders.len();
        self.session(round, max_colluders, max_dropouts, lattice).ok().filter(|_| enough)
    }
}

/// Plays a plan to its end.
pub(super) fn play(plan: &Plan) -> Outcome {
    let mut run = Run {
        plan,
        honest: Vec::new(),
        puppets: BTreeMap::new(),
        knowledge: Knowledge::default(),
        letters: Vec::new(),
        rng: StdRng::seed_from_u64(!plan.seed),
        steps: 0,
        unmasked: false,
    };
    (0..plan.sessions).for_each(|session| run.join(session));
    let mut slots = alloc::vec![1_u8; plan.sessions];
    while let Some(session) = run.next_session(&slots) {
        run.slot(session, slots[session]);
        slots[session] += 1;
    }
    let (steps, unmasked, equivocated) = (run.steps, run.unmasked, run.equivocated());
    Outcome { steps, unmasked, equivocated, leak: run.knowledge.leak() }
}

impl Run<'_> {
    fn join(&mut self, session: usize) {
        let (terms, lattice) = (self.plan.terms, self.plan.lattice);
        let offered = self.plan.tricks(session).find_map(|trick| match trick {
            Trick::Offer { max_colluders, max_dropouts } => terms.approve(session, *max_colluders, *max_dropouts, lattice),
            _ => None,
        });
        let agreed = offered.unwrap_or_else(|| terms.session(session, terms.max_colluders, terms.max_dropouts, lattice).unwrap());
        let join = |place: usize| {
            let other = self.plan.tricks(session).find_map(|trick| match trick {
                Trick::OfferOther { to, max_dropouts } if to.has(place) => {
                    terms.approve(session, terms.max_colluders, *max_dropouts, lattice)
                }
                _ => None,
            });
            let seed = self.plan.seed.wrapping_mul(2 * self.plan.sessions as u64 + 1) ^ (session as u64) << 32;
            let client = || Honest::join(other.as_ref().unwrap_or(&agreed), id(place), identity(place), seed);
            (!terms.colluders.has(place)).then(client)
        };
        let clients: Vec<_> = (0..terms.clients).map(join).collect();
        for client in clients.iter().flatten() {
            let key = client.sent.advert.as_ref().unwrap().body.mask_key;
            self.knowledge.keys.insert(key_hash(&key.0), Owner::Honest((client.session.id(), client.id)));
            self.knowledge.thresholds.insert(client.session.id(), client.session.threshold_len());
        }
        self.honest.push(clients);
    }

    /// Any session that is not over.
    fn next_session(&mut self, slots: &[u8]) -> Option<usize> {
        let open: Vec<usize> = (0..slots.len()).filter(|session| slots[*session] <= 5).collect();
        (!open.is_empty()).then(|| open[self.rng.random_range(0..open.len())])
    }

    /// Everybody's message of one round, and the late ones' of the round before.
    fn slot(&mut self, session: usize, slot: u8) {
        let (n, first) = (self.plan.terms.clients, self.rng.random_range(0..8));
        for place in (0..n).map(|place| (place + first) % n) {
            let late =
                self.plan.tricks(session).any(|t| matches!(t, Trick::Late { round, who } if *who == place && *round <= slot));
            let round = if late { slot - 1 } else { slot };
            if self.honest[session][place].is_some() && !(late && round > 4) && (1..=4).contains(&round) {
                self.step(session, place, round);
            }
        }
    }

    fn step(&mut self, session: usize, place: usize, round: u8) {
        let tricks: Vec<Trick> = self.plan.tricks(session).copied().collect();
        for trick in &tricks {
            if let Trick::Interject { before, to, pick, addressed } = *trick
                && (before, to) == (round, place)
                && let Some(message) = self.interjection(session, place, pick, addressed)
            {
                self.deliver(session, place, &message);
            }
        }
        if self.client(session, place).awaits() != Some(round) {
            return;
        }
        let message = self.message(session, place, round, None);
        self.deliver(session, place, &message);
        for trick in &tricks {
            if let Trick::Again { round: of, to, without } = *trick
                && of == round
                && to.has(place)
            {
                let message = self.message(session, place, round, Some(without));
                self.deliver(session, place, &message);
            }
        }
    }

    pub(super) fn client(&self, session: usize, place: usize) -> &Honest {
        self.honest[session][place].as_ref().unwrap()
    }

    /// Hands a message to a client, and takes what leaves it.
    fn deliver(&mut self, session: usize, place: usize, message: &[u8]) {
        self.letters.push(message.to_vec());
        let client = self.honest[session][place].as_mut().unwrap();
        if client.ended() {
            return;
        }
        self.steps += 1;
        let (events, who) = (client.receive(message), (client.session.id(), client.id));
        for event in events {
            match event {
                Event::Dealt => self.hear_dealing(session, place, who),
                Event::Uploaded(masks) => {
                    let threshold = self.client(session, place).session.threshold_len();
                    let terms = self.plan.terms;
                    let least = threshold.saturating_sub(terms.colluders.len()).max(terms.min_honest as usize);
                    self.knowledge.rows.push(Row { of: who, least, masks });
                }
                Event::Agreed => {}
                Event::Revealed(shares) => self.hear_shares(session, place, &shares),
                Event::Complained(complaint) => self.hear_complaint(session, who, &complaint),
            }
        }
    }

    /// Who encapsulated what, and which envelopes the adversary can open right away.
    fn hear_dealing(&mut self, session: usize, place: usize, who: Who) {
        let client = self.honest[session][place].as_ref().unwrap();
        for entry in &client.accepted.adverts {
            let Some(package) = client.sent.packages.get(&entry.client) else { continue };
            if let Some(ciphertext) = &package.mask_ciphertext {
                let made = (Owner::Honest(who), key_hash(&entry.body.mask_key.0));
                self.knowledge.ciphertexts.insert(ciphertext_hash(&ciphertext.0), made);
            }
            if self.knowledge.keys.get(&key_hash(&entry.body.channel_key.0)) == Some(&Owner::Adversary) {
                self.knowledge.both_shares(who, entry.client);
            }
        }
    }

    /// Shares count if they are of the dealing that their owner really made.
    fn hear_shares(&mut self, session: usize, place: usize, shares: &[(ClientId, usize)]) {
        self.unmasked = true;
        let holder = self.honest[session][place].as_ref().unwrap();
        for (owner, which) in shares {
            let dealt = holder.accepted.dealings.iter().find(|entry| entry.client == *owner);
            let honest = self.honest[session].iter().flatten().find(|client| client.id == *owner);
            if let Some(honest) = honest.filter(|honest| dealt.is_some() && dealt == honest.sent.dealing.as_ref()) {
                let kind = [Kind::MaskRoot, Kind::SelfSecret][*which];
                self.knowledge.share((honest.session.id(), *owner), kind, holder.id);
            }
        }
    }

    /// Every disclosed key is tried on every envelope for the client that complains.
    fn hear_complaint(&mut self, session: usize, (sid, holder): Who, complaint: &[u8]) {
        let keys = disclosed(complaint);
        for dealer in self.honest[session].iter().flatten().filter(|dealer| dealer.session.id() == sid) {
            let (Some(package), Some(dealing)) = (dealer.sent.packages.get(&holder), &dealer.sent.dealing) else { continue };
            let h1 = dealing.prev.0;
            let ciphertexts = (package.mask_ciphertext_bytes(), &package.channel_ciphertext.0);
            let binding = binding(sid, &h1, [dealer.id, holder], ciphertexts.0, ciphertexts.1);
            if keys.iter().any(|key| EnvelopeKey::disclosed(*key).open(&binding, &package.sealed.0).is_some()) {
                self.knowledge.both_shares((sid, dealer.id), holder);
            }
        }
    }

    /// Two clients of one session that got on, but not with the same list.
    fn equivocated(&self) -> bool {
        let reached: [fn(&Sent) -> Option<Hash>; 3] = [
            |sent| sent.dealing.as_ref().map(|entry| entry.prev.0),
            |sent| sent.header.as_ref().map(|entry| entry.prev.0),
            |sent| sent.consistency.as_ref().map(|entry| entry.prev.0),
        ];
        let clients = || self.honest.iter().flatten().flatten();
        reached.into_iter().any(|transcript| {
            let hashes: Vec<_> = clients().filter_map(|client| Some((client.session.id(), transcript(&client.sent)?))).collect();
            hashes.iter().any(|(session, hash)| hashes.iter().any(|(of, other)| session == of && hash != other))
        })
    }

    /// The puppet that plays a client, in the session of those who see it.
    pub(super) fn puppet(&mut self, number: usize, session: &Session, place: usize, face: u8) -> &mut Puppet {
        let key = (session.id(), place, face);
        if !self.puppets.contains_key(&key) {
            let colluder = self.plan.terms.colluders.has(place);
            let borrowed = self.borrowed_keys(number, place, face);
            let identity = if colluder { identity(place) } else { server() };
            let puppet = Puppet::new(session, id(place), identity, borrowed.as_ref(), &mut self.rng);
            for key in [puppet.keys.mask.as_bytes(), puppet.keys.channel.as_bytes()] {
                self.knowledge.keys.insert(key_hash(key), Owner::Adversary);
            }
            self.puppets.insert(key, puppet);
        }
        self.puppets.get_mut(&key).unwrap()
    }

    fn borrowed_keys(&self, session: usize, place: usize, face: u8) -> Option<Advert> {
        self.plan.tricks(session).find_map(|trick| match trick {
            Trick::CopyKeys { colluder, whom } if *colluder == place && face == 0 => {
                Some(self.honest[session].get(*whom)?.as_ref()?.sent.advert.as_ref()?.body.clone())
            }
            _ => None,
        })
    }

    /// Which face a client is shown instead of another one; nothing if that is the real one.
    pub(super) fn face(&self, session: usize, viewer: usize, other: usize) -> Option<u8> {
        let played = |trick: &Trick| matches!(trick, Trick::Impersonate { to, whom } if to.has(viewer) && whom.has(other));
        match other {
            _ if other == viewer => None,
            _ if self.plan.tricks(session).any(played) => Some(1),
            _ => self.plan.terms.colluders.has(other).then_some(0),
        }
    }

    /// What a puppet does to its packages.
    pub(super) fn malice(&self, session: usize, place: usize) -> super::puppet::Malice {
        let mut malice = super::puppet::Malice::default();
        let clients = |set: Set| (0..self.plan.terms.clients).filter(move |other| set.has(*other)).map(id);
        malice.readers = self.honest[session].iter().flatten().map(|client| client.id).collect();
        for trick in self.plan.tricks(session) {
            match *trick {
                Trick::BadDealing { colluder, to } if colluder == place => malice.bad.extend(clients(to)),
                Trick::CopyCiphertext { colluder, from, to } if colluder == place => {
                    malice.copies.extend(self.package(session, from, id(to)).map(|package| (id(to), package.clone())));
                }
                _ => {}
            }
        }
        malice
    }

    pub(super) fn package(&self, session: usize, dealer: usize, holder: ClientId) -> Option<&Package> {
        self.honest[session].get(dealer)?.as_ref()?.sent.packages.get(&holder)
    }
}
