//! A malicious server. One session is recorded with honest clients and an honest server; since every client draws from a generator of
//! its own, it can be put back in front of any of the server's messages, again and again, and be sent something else instead.
#![allow(dead_code, unreachable_pub, missing_debug_implementations, reason = "each test file uses some of it")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, LazyLock},
};

use curve25519_dalek::{RistrettoPoint, Scalar, ristretto::CompressedRistretto, traits::Identity as _};
use rand::{SeedableRng as _, rngs::StdRng};
use veilsum::{
    ClientId, Error, Masking, RoundError, ServerFault, Session, SessionBuilder, SigningIdentity,
    message::{
        Advert, Adverts, Agreement, Body, Bytes, Consistency, Dealing, Delivery, Entry, EntryBody, MaskedInput, RevealedShare,
        Survivors,
    },
    secagg::{Outbox, client, server::CollectingAdverts, upload::MemorySpool},
};

use crate::{
    common::{World, masking::LATTICE, read_all},
    dealer::{scalar, second_generator},
    forge::{ADVERTS, AGREEMENT, ANNOUNCEMENT, DELIVERY, Raw, SURVIVORS, alter, alter_body, hash, sign_entry},
    player::{Player, State, check_sum, ends},
};

pub type Per<T> = BTreeMap<ClientId, T>;

/// The server's messages that a client answers, in order.
pub const STAGES: [u8; 4] = [ADVERTS, DELIVERY, SURVIVORS, AGREEMENT];

/// A recorded session, and both sides' keys.
pub struct Scene {
    pub session: Session,
    pub clients: Per<Arc<SigningIdentity>>,
    pub server: Arc<SigningIdentity>,
    pub inputs: Per<Vec<u64>>,
    /// What the honest server sent, by recipient and type.
    pub sent: BTreeMap<(ClientId, u8), Vec<u8>>,
    /// What the recipient answered.
    pub answers: BTreeMap<(ClientId, u8), Vec<u8>>,
    pub sum: Vec<u64>,
    pub h4: [u8; 32],
    /// Clients that the server does not hear of from some round on, though they live.
    unheard: Per<u8>,
}

impl Scene {
    /// `n` clients with ids 10, 20, ..; the server does not hear of `(id, round)` from that round on.
    ///
    /// Scenes of equal `n` have the same identities, and inputs and secrets of their own.
    pub fn play(masking: Masking, n: u64, unheard: &[(u64, u8)], change: impl FnOnce(SessionBuilder) -> SessionBuilder) -> Self {
        let mut world = World::masked(n, 70 + n, masking);
        let session = change(world.builder(5, 20).min_honest(2)).build().unwrap();
        world.rng = StdRng::seed_from_u64(u64::from_le_bytes(session.id().0[..8].try_into().unwrap()));
        let inputs = world.inputs(&session);
        let World { clients, server, .. } = world;
        let mut scene = Self {
            session,
            clients,
            server,
            inputs,
            sent: BTreeMap::new(),
            answers: BTreeMap::new(),
            sum: Vec::new(),
            h4: [0; 32],
            unheard: unheard.iter().map(|(id, round)| (ClientId(*id), *round)).collect(),
        };
        scene.record();
        scene
    }

    /// A client as it joins, with a generator of its own.
    pub fn join(&self, id: ClientId, seed: u64) -> (Player, Vec<u8>) {
        let mut rng = StdRng::seed_from_u64(seed);
        let (state, advert) = client::join(&self.session, id, self.clients[&id].clone(), &mut rng).unwrap();
        let words = self.inputs[&id].clone();
        (Player { state: State::Adverts(state), rng, words, wire: Vec::new(), session: self.session.clone() }, advert)
    }

    /// The recorded client, waiting for this type of message.
    pub fn at(&self, id: ClientId, stage: u8) -> Player {
        let earlier = STAGES.into_iter().take_while(|kind| *kind < stage);
        earlier.fold(self.join(id, id.0).0, |player, kind| player.receive(&self.sent[&(id, kind)]).unwrap().0)
    }

    pub fn ids(&self) -> Vec<ClientId> {
        self.clients.keys().copied().collect()
    }

    pub fn threshold(&self) -> usize {
        self.session.threshold() as usize
    }

    /// Whom the honest server sent this type of message.
    pub fn targets(&self, kind: u8) -> Vec<ClientId> {
        self.sent.keys().filter(|(_, sent)| *sent == kind).map(|(id, _)| *id).collect()
    }

    pub fn sent<B: Body>(&self, id: ClientId) -> B {
        let raw = Raw::parse(&self.sent[&(id, B::TYPE)]);
        B::decode(id, &raw.body, &raw.attachment).unwrap()
    }

    /// The server's message to a client with other contents.
    pub fn forge<B: Body>(&self, id: ClientId, change: impl FnOnce(&mut B)) -> Vec<u8> {
        alter_body(&self.sent[&(id, B::TYPE)], &*self.server, change)
    }

    /// The server's message to a client with any field altered, and signed again.
    pub fn forge_fields(&self, id: ClientId, kind: u8, change: impl FnOnce(&mut Raw)) -> Vec<u8> {
        alter(&self.sent[&(id, kind)], &*self.server, change)
    }

    /// The server's message with another list; the rest is made to agree with it.
    pub fn forge_list<L: List>(&self, id: ClientId, change: impl FnOnce(&mut Vec<Entry<L::Item>>)) -> Vec<u8> {
        self.forge::<L>(id, |message| {
            change(message.entries());
            message.tidy(&self.session);
        })
    }

    /// The server's message to a client with other contents, and over the transcript that the client has reached.
    pub fn forge_over<B: Body>(&self, id: ClientId, prev: [u8; 32], change: impl FnOnce(&mut B)) -> Vec<u8> {
        alter(&self.forge(id, change), &*self.server, |raw| raw.prev = prev)
    }

    /// The list of these survivors, all of whom sent their recorded input.
    pub fn survivors_of(&self, members: &[ClientId]) -> Survivors {
        let entries = members.iter().map(|member| entry(&self.answers[&(*member, DELIVERY)])).collect();
        let mut message = Survivors { bitmap: Vec::new(), entries };
        message.tidy(&self.session);
        message
    }

    /// The message that tells a client of these survivors.
    pub fn survivors(&self, id: ClientId, members: &[ClientId]) -> Vec<u8> {
        self.forge::<Survivors>(id, |message| *message = self.survivors_of(members))
    }

    /// The agreement of these clients, for one that has reached `h3`, all of them having signed that.
    pub fn agreement(&self, id: ClientId, h3: [u8; 32], signers: &[ClientId]) -> Vec<u8> {
        self.agreement_of(id, h3, signers.iter().map(|signer| self.consistency(*signer, h3)).collect())
    }

    /// The agreement with these entries.
    pub fn agreement_of(&self, id: ClientId, h3: [u8; 32], entries: Vec<Entry<Consistency>>) -> Vec<u8> {
        let mut raw = Raw::new(&self.session, AGREEMENT, id, h3);
        raw.body = Agreement { entries }.body();
        raw.sign(&*self.server)
    }

    fn consistency(&self, signer: ClientId, h3: [u8; 32]) -> Entry<Consistency> {
        let (zero, attachment_hash) = (Bytes([0; 64]), Bytes(hash("attachment", &[&[]])));
        let mut entry = Entry { client: signer, prev: Bytes(h3), body: Consistency {}, attachment_hash, signature: zero };
        sign_entry(&self.session, &mut entry, &*self.clients[&signer]);
        entry
    }

    /// The message ends the client: nothing but the error comes out of it, and that blames the server.
    #[track_caller]
    pub fn ends(&self, id: ClientId, stage: u8, message: &[u8], fault: ServerFault) {
        ends(self.at(id, stage), message, fault);
    }

    /// The messages are refused, nobody is blamed, and the client goes on as if they had never come.
    #[track_caller]
    pub fn refuses(&self, id: ClientId, stage: u8, messages: &[(Vec<u8>, Error)]) {
        let mut player = self.at(id, stage);
        for (message, error) in messages {
            let Err(refused) = player.receive(message) else { panic!("{id} took it, expected {error:?}") };
            assert_eq!((&refused.error, refused.error.culprit()), (error, None), "{id}");
            assert!(refused.complaint.is_none());
            player = *refused.kept.unwrap_or_else(|| panic!("{id} ended: {}", refused.error));
        }
        self.completes(id, player, stage);
    }

    /// The client gives all recorded answers, and accepts the sum.
    #[track_caller]
    fn completes(&self, id: ClientId, mut player: Player, stage: u8) {
        for kind in STAGES.into_iter().filter(|kind| *kind >= stage) {
            let Some(message) = self.sent.get(&(id, kind)) else { return };
            match player.receive(message) {
                Ok((next, answer)) => {
                    assert_eq!(answer, self.answers[&(id, kind)], "{id} answers as recorded");
                    player = next;
                }
                Err(refused) => {
                    assert_eq!(refused.error, RoundError::NotIncluded.into());
                    assert!(!self.answers.contains_key(&(id, kind)));
                    return;
                }
            }
        }
        assert_eq!(check_sum(player, &self.sum, &self.sent[&(id, ANNOUNCEMENT)]).unwrap(), self.h4);
    }

    fn hears(&self, id: ClientId, round: u8) -> bool {
        self.unheard.get(&id).is_none_or(|from| round < *from)
    }

    fn record(&mut self) {
        let (mut server, mut players) =
            (CollectingAdverts::new(&self.session, self.server.clone()).unwrap(), Per::<Player>::new());
        for id in self.ids() {
            let (player, advert) = self.join(id, id.0);
            players.insert(id, player);
            if self.hears(id, 0) {
                server.receive(&advert).unwrap();
            }
        }
        let (mut server, outbox) = server.close().unwrap();
        self.hand_out(&outbox, &mut players, 1, |_, answer| drop(server.receive(answer).unwrap()));
        let (mut server, outbox) = server.close().unwrap();
        self.hand_out(&outbox, &mut players, 2, |player, header| {
            let mut upload = server.upload(Raw::parse(header).client, MemorySpool::default()).unwrap();
            upload.write(&player.wire).unwrap();
            server.accept(&mut upload, header).unwrap();
        });
        let (mut server, outbox) = server.close().unwrap();
        self.hand_out(&outbox, &mut players, 3, |_, answer| drop(server.receive(answer).unwrap()));
        let (mut server, outbox) = server.close().unwrap();
        self.hand_out(&outbox, &mut players, 4, |_, answer| drop(server.receive(answer).unwrap()));
        let mut sum = server.close().unwrap();
        let (outbox, h4) = sum.announce().unwrap();
        self.sent.extend(outbox.messages().map(|(id, message)| ((id, ANNOUNCEMENT), message)));
        (self.sum, self.h4) = (read_all(&sum), h4);
    }

    /// Gives everybody its message; the server takes the answers of those that it hears in `round`.
    fn hand_out(&mut self, outbox: &Outbox, players: &mut Per<Player>, round: u8, mut take: impl FnMut(&Player, &[u8])) {
        for (id, message) in outbox.messages() {
            let kind = message[35];
            let result = players.remove(&id).unwrap().receive(&message);
            self.sent.insert((id, kind), message);
            match result {
                Ok((player, answer)) => {
                    if self.hears(id, round) {
                        take(&player, &answer);
                    }
                    self.answers.insert((id, kind), answer);
                    players.insert(id, player);
                }
                Err(refused) => assert_eq!(refused.error, RoundError::NotIncluded.into()),
            }
        }
    }
}

/// A client's message as the server forwards it.
pub fn entry<B: EntryBody>(message: &[u8]) -> Entry<B> {
    let raw = Raw::parse(message);
    Entry {
        client: raw.client,
        prev: Bytes(raw.prev),
        body: B::decode(&raw.body).unwrap(),
        attachment_hash: Bytes(hash("attachment", &[&raw.attachment])),
        signature: Bytes(raw.signature),
    }
}

/// The transcript over which a message was signed: that which its sender has reached.
pub fn transcript(message: &[u8]) -> [u8; 32] {
    Raw::parse(message).prev
}

/// Sessions of every size up to five; in the last one of either masking not everybody is heard to the end. The lists do not depend on the
/// masking, so that two sessions with lattice masks will do.
fn scenes() -> Vec<Scene> {
    let of = |masking, n, c, d, unheard: &[(u64, u8)]| Scene::play(masking, n, unheard, |b| b.max_colluders(c).max_dropouts(d));
    let unheard = [(50, 1), (20, 2)];
    vec![
        of(Masking::Pairwise, 2, 0, 0, &[]),
        of(Masking::Pairwise, 3, 1, 0, &[]),
        of(Masking::Pairwise, 4, 1, 1, &[]),
        of(Masking::Pairwise, 5, 1, 1, &[]),
        of(Masking::Pairwise, 5, 0, 2, &unheard),
        of(LATTICE, 3, 1, 0, &[]),
        of(LATTICE, 5, 0, 2, &unheard),
    ]
}

pub static SCENES: LazyLock<Vec<Scene>> = LazyLock::new(scenes);

/// Every client that gets this type of message.
pub fn targets(kind: u8) -> impl Iterator<Item = (&'static Scene, ClientId)> {
    SCENES.iter().flat_map(move |scene| scene.targets(kind).into_iter().map(move |target| (scene, target)))
}

/// Every client that gets this list, with every client in it.
pub fn positions<L: List>() -> Vec<(&'static Scene, ClientId, ClientId)> {
    let listed =
        |(scene, to): (&'static Scene, ClientId)| scene.sent::<L>(to).listed().into_iter().map(move |listed| (scene, to, listed));
    let positions: Vec<_> = targets(L::TYPE).flat_map(listed).collect();
    assert!(positions.len() >= 2 * 2 + 3 * 3 + 4 * 4 + 5 * 5 + 3 * 3 + 3 * 3 + 3 * 3, "every place of every list");
    positions
}

/// The entry of one client.
pub fn of<B>(entries: &mut [Entry<B>], client: ClientId) -> &mut Entry<B> {
    entries.iter_mut().find(|entry| entry.client == client).unwrap()
}

/// A message of the server that is a list of what clients signed.
pub trait List: Body {
    type Item: EntryBody + Clone + PartialEq;

    fn entries(&mut self) -> &mut Vec<Entry<Self::Item>>;

    /// Makes the rest of the message agree with the list.
    fn tidy(&mut self, _: &Session) {}

    fn listed(&mut self) -> Vec<ClientId> {
        self.entries().iter().map(|entry| entry.client).collect()
    }
}

impl List for Adverts {
    type Item = Advert;
    fn entries(&mut self) -> &mut Vec<Entry<Advert>> {
        &mut self.entries
    }
}

impl List for Delivery {
    type Item = Dealing;
    fn entries(&mut self) -> &mut Vec<Entry<Dealing>> {
        &mut self.dealings
    }
    fn tidy(&mut self, _: &Session) {
        let listed: BTreeSet<_> = self.listed().into_iter().collect();
        self.packages.retain(|package| listed.contains(&package.peer));
    }
}

impl List for Survivors {
    type Item = MaskedInput;
    fn entries(&mut self) -> &mut Vec<Entry<MaskedInput>> {
        &mut self.entries
    }
    fn tidy(&mut self, session: &Session) {
        let listed = self.listed();
        let places = session.roster().iter().enumerate().filter(|(_, (id, _))| listed.contains(id));
        self.bitmap = places.fold(vec![0; session.clients().div_ceil(8)], |mut bits, (place, _)| {
            bits[place / 8] |= 1 << (place % 8);
            bits
        });
    }
}

impl List for Agreement {
    type Item = Consistency;
    fn entries(&mut self) -> &mut Vec<Entry<Consistency>> {
        &mut self.entries
    }
}

/// Every subset, as the members that are in it.
pub fn subsets<T: Copy>(members: &[T]) -> Vec<Vec<T>> {
    let pick = |bits: u32| members.iter().enumerate().filter(move |(place, _)| bits >> place & 1 == 1).map(|(_, member)| *member);
    (0..1 << members.len()).map(|bits| pick(bits).collect()).collect()
}

/// Whether a revealed share is good under these commitments, for the holder with this index (section 9).
pub fn admits(commitments: &[Bytes<32>], index: u32, share: &RevealedShare) -> bool {
    let point = |bytes: &Bytes<32>| CompressedRistretto(bytes.0).decompress().unwrap();
    let at = Scalar::from(index);
    let expected = commitments.iter().rev().fold(RistrettoPoint::identity(), |sum, c| sum * at + point(c));
    RistrettoPoint::mul_base(&scalar(&share.share.0)) + second_generator() * scalar(&share.blinding.0) == expected
}
