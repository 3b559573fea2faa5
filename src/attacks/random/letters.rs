//! What the server sends: what an honest server would, but for the plan's tricks.

use alloc::{collections::BTreeSet, vec::Vec};

use rand::{SeedableRng, rngs::StdRng};

use super::{
    super::stage::Per,
    honest::{Sent, ciphertext_hash, key_hash},
    oracle::Owner,
    plan::{Envelope, Filler, Set, Trick},
    play::{Run, id, identity, server},
    puppet,
};
use crate::{
    ClientId, SessionId,
    crypto::sign::Signed,
    hash::{Hash, hash},
    label,
    message::{
        Adverts, Agreement, Body, Bytes, Consistency, Delivery, Entry, EntryBody, Frame, Header, MaskedInput, Package, Survivors,
    },
    secagg::transcript,
};

/// A message before it is signed.
struct Draft {
    session: SessionId,
    kind: u8,
    client: ClientId,
    prev: Hash,
    body: Vec<u8>,
    attachment: Vec<u8>,
}

impl Draft {
    fn sign(&self, place: usize) -> Vec<u8> {
        let Self { session, kind, client, prev, body, attachment } = self;
        let attachment_hash = hash(label::hash::ATTACHMENT, &[attachment]);
        let signed = Signed { session: *session, kind: *kind, client: *client, prev, body, attachment_hash: &attachment_hash };
        let signature = signed.sign(&*identity(place)).unwrap();
        Header { session: *session, kind: *kind, client: *client, prev }.assemble(body, attachment, &signature)
    }
}

/// The server's place in the list of identities.
const SERVER: usize = 7;

fn flip(bytes: &mut [u8], bit: u32) {
    let len = bytes.len().max(1);
    if let Some(byte) = bytes.get_mut(bit as usize / 8 % len) {
        *byte ^= 1 << (bit % 8);
    }
}

impl Run<'_> {
    /// The server's message of a round to a client, perhaps with an entry left out.
    pub(super) fn message(&mut self, session: usize, place: usize, round: u8, without: Option<usize>) -> Vec<u8> {
        let without = without.map(id);
        match round {
            1 => {
                let mut adverts = self.adverts(session, place);
                adverts.entries.retain(|entry| Some(entry.client) != without);
                self.letter(session, place, round, &adverts)
            }
            2 => {
                let mut delivery = self.delivery(session, place);
                delivery.dealings.retain(|entry| Some(entry.client) != without);
                delivery.packages.retain(|package| Some(package.peer) != without);
                self.letter(session, place, round, &delivery)
            }
            3 => {
                let survivors = self.survivors(session, place, without);
                self.letter(session, place, round, &survivors)
            }
            _ => {
                let mut agreement = self.agreement(session, place);
                agreement.entries.retain(|entry| Some(entry.client) != without);
                self.letter(session, place, round, &agreement)
            }
        }
    }

    /// The transcript that a client has reached when it waits for the message of a round.
    fn reached(&self, session: usize, place: usize, round: u8) -> Hash {
        let client = self.client(session, place);
        let prev = match round {
            2 => client.sent.dealing.as_ref().map(|entry| entry.prev.0),
            3 => client.sent.header.as_ref().map(|entry| entry.prev.0),
            4 => client.sent.consistency.as_ref().map(|entry| entry.prev.0),
            _ => None,
        };
        prev.unwrap_or_else(|| client.session.h0())
    }

    fn letter<B: Body>(&self, session: usize, place: usize, round: u8, body: &B) -> Vec<u8> {
        let client = self.client(session, place);
        let prev = self.reached(session, place, round);
        let (sid, client) = (client.session.id(), client.id);
        let draft = Draft { session: sid, kind: B::TYPE, client, prev, body: body.body(), attachment: body.attachment() };
        self.spoil(session, place, round, draft)
    }

    fn spoil(&self, session: usize, place: usize, round: u8, mut draft: Draft) -> Vec<u8> {
        let (mut signer, mut bits) = (SERVER, Vec::new());
        for trick in self.plan.tricks(session) {
            match *trick {
                Trick::Spoil { round: of, to, how } if of == round && to.has(place) => match how {
                    Envelope::Session => draft.session.0[0] ^= 1,
                    Envelope::Recipient => draft.client = id((place + 1) % self.plan.terms.clients),
                    Envelope::Transcript => draft.prev[0] ^= 1,
                    Envelope::Kind => draft.kind ^= 1,
                    Envelope::Signer => signer = self.plan.terms.colluders.places().next().unwrap_or(SERVER),
                    Envelope::Body(bit) => flip(&mut draft.body, bit),
                    Envelope::Bit(bit) => bits.push(bit),
                },
                _ => {}
            }
        }
        let mut message = draft.sign(signer);
        bits.into_iter().for_each(|bit| flip(&mut message, bit));
        message
    }

    /// Any message seen so far.
    pub(super) fn interjection(&self, session: usize, place: usize, pick: usize, addressed: bool) -> Option<Vec<u8>> {
        let sent = self.honest.iter().flatten().flatten().flat_map(|client| &client.sent.messages);
        let pool: Vec<&Vec<u8>> = self.letters.iter().chain(sent).collect();
        let message = *pool.get(pick % pool.len().max(1))?;
        if !addressed {
            return Some(message.clone());
        }
        let frame = Frame::parse(message).ok()?;
        let client = self.client(session, place);
        let prev = self.reached(session, place, client.awaits()?);
        let (body, attachment) = (frame.body.to_vec(), frame.attachment.to_vec());
        let draft = Draft { session: client.session.id(), kind: frame.kind, client: client.id, prev, body, attachment };
        Some(draft.sign(SERVER))
    }

    fn stubborn(&self, session: usize, place: usize, round: u8) -> bool {
        let stubborn = |trick: &Trick| matches!(trick, Trick::Stubborn { round: of, to } if *of == round && to.has(place));
        self.plan.tricks(session).any(stubborn)
    }

    /// What the plan does to a list of entries.
    fn tamper<B: EntryBody + Clone>(
        &self,
        (session, place, round): (usize, usize, u8),
        list: &mut Vec<Entry<B>>,
        field: fn(&Sent) -> Option<&Entry<B>>,
    ) {
        let prev = self.reached(session, place, round);
        for trick in self.plan.tricks(session) {
            match *trick {
                Trick::Omit { round: of, to, whom } if of == round && to.has(place) => {
                    list.retain(|entry| entry.client != id(whom));
                }
                Trick::Foreign { round: of, to, whom } if of == round && to.has(place) => {
                    let clients = self.honest.get(1 - session).into_iter().flatten().flatten();
                    let chosen = clients.filter(|client| whom.places().any(|other| other != place && id(other) == client.id));
                    for foreign in chosen.filter_map(|client| field(&client.sent)) {
                        list.iter_mut().filter(|entry| entry.client == foreign.client).for_each(|entry| *entry = foreign.clone());
                    }
                }
                Trick::Restamp { round: of, to, whom } if of == round && to.has(place) => {
                    let chosen = |entry: &&mut Entry<B>| whom.places().any(|other| id(other) == entry.client);
                    list.iter_mut().filter(chosen).for_each(|entry| entry.prev = Bytes(prev));
                }
                Trick::Repeat { round: of, to, whom } if of == round && to.has(place) => {
                    if let Some(at) = list.iter().position(|entry| entry.client == id(whom)) {
                        list.insert(at, list[at].clone());
                    }
                }
                Trick::Swap { round: of, to } if of == round && to.has(place) && list.len() > 1 => list.swap(0, 1),
                _ => {}
            }
        }
    }

    fn adverts(&mut self, session: usize, place: usize) -> Adverts {
        let own = self.client(session, place).session.clone();
        let stubborn = self.stubborn(session, place, 1);
        let mut entries = Vec::new();
        for other in 0..self.plan.terms.clients {
            match self.face(session, place, other) {
                Some(face) => entries.push(self.puppet(session, &own, other, face).advert.clone()),
                None => {
                    let real = self.honest[session][other].as_ref().filter(|c| stubborn || c.session == own);
                    entries.extend(real.and_then(|client| client.sent.advert.clone()));
                }
            }
        }
        self.tamper((session, place, 1), &mut entries, |sent| sent.advert.as_ref());
        Adverts { entries }
    }

    fn delivery(&mut self, session: usize, place: usize) -> Delivery {
        let (me, h1) = (id(place), self.reached(session, place, 2));
        let stubborn = self.stubborn(session, place, 2);
        let (mut dealings, mut packages) = (Vec::new(), Per::new());
        for other in self.listed(session, place, |client| client.accepted.adverts.iter().map(|entry| entry.client).collect()) {
            if let Some(face) = self.face(session, place, other) {
                let (dealing, package) = self.puppets_dealing(session, place, other, face, &h1);
                dealings.push(dealing);
                packages.extend(package.map(|package| (id(other), package)));
            } else if let Some(client) = &self.honest[session][other]
                && let Some(dealing) = client.sent.dealing.clone().filter(|dealing| stubborn || dealing.prev.0 == h1)
            {
                dealings.push(dealing);
                packages.extend(client.sent.packages.get(&me).map(|package| (id(other), package.clone())));
            }
        }
        self.tamper((session, place, 2), &mut dealings, |sent| sent.dealing.as_ref());
        self.swap_packages(session, place, &mut packages);
        let others = dealings.iter().filter(|dealing| dealing.client != me);
        let from = |dealer: ClientId| packages.get(&dealer).map(|package| Package { peer: dealer, ..package.clone() });
        let packages = others.filter_map(|dealing| from(dealing.client)).collect();
        Delivery { dealings, packages }
    }

    /// The places of clients in a list that a client has accepted.
    fn listed(&self, session: usize, place: usize, list: fn(&super::honest::Honest) -> Vec<ClientId>) -> Vec<usize> {
        let list = list(self.client(session, place));
        (0..self.plan.terms.clients).filter(|other| list.contains(&id(*other))).collect()
    }

    fn puppets_dealing(
        &mut self,
        session: usize,
        place: usize,
        other: usize,
        face: u8,
        h1: &Hash,
    ) -> (Entry<crate::message::Dealing>, Option<Package>) {
        let (view, own) = {
            let client = self.client(session, place);
            (client.accepted.adverts.clone(), client.session.clone())
        };
        let (malice, mut rng) = (self.malice(session, other), StdRng::from_rng(&mut self.rng));
        let (dealing, packages) = self.puppet(session, &own, other, face).deal(h1, &view, &malice, &mut rng).clone();
        for (holder, package) in &packages {
            let key = view.iter().find(|entry| entry.client == *holder).map(|entry| key_hash(&entry.body.mask_key.0));
            if let (Some(key), Some(ciphertext)) = (key, &package.mask_ciphertext) {
                self.knowledge.ciphertexts.entry(ciphertext_hash(&ciphertext.0)).or_insert((Owner::Adversary, key));
            }
        }
        (dealing, packages.get(&id(place)).cloned())
    }

    fn swap_packages(&self, session: usize, place: usize, packages: &mut Per<Package>) {
        for trick in self.plan.tricks(session) {
            if let Trick::Package { to, dealer, other, holder } = *trick
                && to == place
            {
                let found =
                    if holder { self.package(session, dealer, id(other)) } else { self.package(session, other, id(place)) };
                if let (Some(package), Some(found)) = (packages.get_mut(&id(dealer)), found) {
                    *package = found.clone();
                }
            }
        }
    }

    fn survivors(&mut self, session: usize, place: usize, without: Option<ClientId>) -> Survivors {
        let h2 = self.reached(session, place, 3);
        let stubborn = self.stubborn(session, place, 3);
        let dealt = self.listed(session, place, |client| client.accepted.dealings.iter().map(|entry| entry.client).collect());
        let view = self.view(session, place);
        let mut entries: Vec<Entry<MaskedInput>> = Vec::new();
        for other in (0..self.plan.terms.clients).filter(|other| view.has(*other) && (stubborn || dealt.contains(other))) {
            if let Some(face) = self.face(session, place, other) {
                let own = self.client(session, place).session.clone();
                entries.push(self.puppet(session, &own, other, face).header(&h2));
            } else if let Some(client) = &self.honest[session][other] {
                entries.extend(client.sent.header.clone().filter(|header| stubborn || header.prev.0 == h2));
            }
        }
        self.tamper((session, place, 3), &mut entries, |sent| sent.header.as_ref());
        entries.retain(|entry| Some(entry.client) != without);
        let mut members: BTreeSet<ClientId> = entries.iter().map(|entry| entry.client).collect();
        for trick in self.plan.tricks(session) {
            if let Trick::Bitmap { to, whom } = *trick
                && to.has(place)
                && !members.remove(&id(whom))
            {
                members.insert(id(whom));
            }
        }
        Survivors { bitmap: transcript::bitmap(&self.client(session, place).session, &members), entries }
    }

    /// Whom a client is told of: by default everybody.
    fn view(&self, session: usize, place: usize) -> Set {
        let shown = self.plan.tricks(session).filter_map(|trick| if let Trick::Show(views) = trick { Some(views) } else { None });
        shown.fold(Set(u8::MAX), |set, views| Set(set.0 & self.plan.terms.view(place, *views).0))
    }

    fn agreement(&mut self, session: usize, place: usize) -> Agreement {
        let h3 = self.reached(session, place, 4);
        let (mut entries, mut missing) = (Vec::new(), Vec::new());
        for other in self.listed(session, place, |client| client.accepted.survivors.clone()) {
            if let Some(face) = self.face(session, place, other) {
                let own = self.client(session, place).session.clone();
                entries.push(self.puppet(session, &own, other, face).consistency(&h3));
            } else {
                let real = self.honest[session][other].as_ref().and_then(|client| client.sent.consistency.clone());
                let fits = real.filter(|entry| entry.prev.0 == h3);
                if fits.is_none() {
                    missing.push(other);
                }
                entries.extend(fits);
            }
        }
        let fillers: Vec<Filler> =
            self.plan.tricks(session).filter_map(|t| if let Trick::Fill(f) = t { Some(*f) } else { None }).collect();
        for filler in fillers {
            self.fill(session, place, &h3, &missing, filler, &mut entries);
        }
        entries.sort_by_key(|entry| entry.client);
        self.tamper((session, place, 4), &mut entries, |sent| sent.consistency.as_ref());
        Agreement { entries }
    }

    /// Makes up for those who have not signed.
    fn fill(
        &self,
        session: usize,
        place: usize,
        h3: &Hash,
        missing: &[usize],
        filler: Filler,
        entries: &mut Vec<Entry<Consistency>>,
    ) {
        let threshold = self.client(session, place).session.threshold_len();
        if entries.len() >= threshold {
            return;
        }
        let signed_in = |number: usize, other: usize| self.honest.get(number)?.get(other)?.as_ref()?.sent.consistency.clone();
        let restamped = |entry: Entry<Consistency>| Entry { prev: Bytes(*h3), ..entry };
        let own = &self.client(session, place).session;
        let made = missing.iter().filter_map(|other| match filler {
            Filler::Others => signed_in(session, *other),
            Filler::Restamped => signed_in(session, *other).map(restamped),
            Filler::Forged => Some(puppet::signed(own, id(*other), &*server(), h3, Consistency {}, &[])),
            Filler::Foreign { restamped: true } => signed_in(1 - session, *other).map(restamped),
            Filler::Foreign { restamped: false } => signed_in(1 - session, *other),
            Filler::Repeats => None,
        });
        entries.extend(made);
        if let (Filler::Repeats, Some(first)) = (filler, entries.first().cloned()) {
            entries.resize(threshold, first);
        }
    }
}
