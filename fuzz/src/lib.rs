//! Honest sessions, recorded, and what a fuzzer may do to them.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    sync::{Arc, LazyLock},
};

use arbitrary::Arbitrary;
use rand::{SeedableRng, rand_core::TryRng, rngs::StdRng};
use recorded::Recorded;
use veilsum::{
    Bound, ClientId, Identity, Session, SigningIdentity,
    driver::{Client, ClientStep, Server, ServerStep},
    secagg::upload::MemorySpool,
};

#[path = "../../tests/common/mod.rs"]
pub mod common;
pub mod decoders;
#[path = "../../tests/common/forge.rs"]
pub mod forge;
#[path = "../../tests/audit_evidence/forgeries.rs"]
pub mod forgeries;
pub mod proofs;
#[path = "../../tests/common/recorded.rs"]
pub mod recorded;

/// Words in a vector.
pub const LEN: usize = 70;

/// The clients of the session.
pub const IDS: [ClientId; 3] = [ClientId(10), ClientId(20), ClientId(30)];

/// Who is who, and everything that was sent.
pub struct Tape {
    pub session: Session,
    pub identities: BTreeMap<ClientId, Arc<SigningIdentity>>,
    pub host: Arc<SigningIdentity>,
    /// What each client got, in order: Adverts, Delivery, Survivors, Agreement.
    pub to_client: BTreeMap<ClientId, Vec<Vec<u8>>>,
    /// What each client sent, in order: Advert, Shares, MaskedInput, Consistency, Reveal.
    pub to_server: BTreeMap<ClientId, Vec<Vec<u8>>>,
    pub uploads: BTreeMap<ClientId, Vec<u8>>,
}

pub static TAPE: LazyLock<Tape> = LazyLock::new(Tape::record);

/// Sessions of four clients with their transcripts: see [`forgeries::games`].
pub static GAMES: LazyLock<[Recorded; 3]> = LazyLock::new(forgeries::games);

/// A generator that gives the fuzzer's bytes, and then zeros: whoever draws from it does what the fuzzer chooses.
pub struct Choices<'a>(pub &'a [u8]);

impl TryRng for Choices<'_> {
    type Error = Infallible;
    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes).map(|()| u32::from_le_bytes(bytes))
    }
    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes).map(|()| u64::from_le_bytes(bytes))
    }
    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        let (now, later) = self.0.split_at(self.0.len().min(out.len()));
        out.fill(0);
        out[..now.len()].copy_from_slice(now);
        self.0 = later;
        Ok(())
    }
}

/// The words of one client.
pub fn input(id: ClientId) -> Vec<u32> {
    (0..LEN as u32).map(|k| k + id.0 as u32).collect()
}

/// The plain sum of these clients' words.
pub fn plain_sum(ids: &[ClientId]) -> Vec<u32> {
    (0..LEN).map(|k| ids.iter().map(|id| input(*id)[k]).sum()).collect()
}

/// The generator of one client: the same bytes every time.
pub fn rng(id: ClientId) -> StdRng {
    StdRng::seed_from_u64(id.0)
}

impl Tape {
    fn record() -> Self {
        let identities: BTreeMap<_, _> =
            IDS.iter().map(|id| (*id, Arc::new(SigningIdentity::from_seed(&[id.0 as u8; 32])))).collect();
        let host = Arc::new(SigningIdentity::from_seed(&[1; 32]));
        let roster = identities.iter().map(|(id, identity)| (*id, identity.public_key()));
        let builder = Session::builder(roster, host.public_key(), LEN as u64, 20, Bound::Exact { max_abs: 1000 });
        let session = builder.chunk_len(64).max_dropouts(1).min_honest(2).build().expect("valid parameters");
        let (to_client, to_server, uploads) = Default::default();
        let mut tape = Self { session, identities, host, to_client, to_server, uploads };
        tape.play();
        tape
    }

    /// Runs the session and keeps every message.
    fn play(&mut self) {
        let mut server = Server::new(&self.session, self.host.clone()).expect("the right identity");
        let mut clients = Vec::new();
        for id in IDS {
            let mut rng = rng(id);
            let (client, advert) = self.join(id, &mut rng);
            server.receive(&advert).expect("honest");
            self.to_server.entry(id).or_default().push(advert);
            clients.push((id, client, rng));
        }
        while let ServerStep::Send(outbox) = server.close().expect("everybody is there") {
            for (id, client, rng) in &mut clients {
                let message = outbox.message_for(*id).expect("everybody is there");
                let answer = match client.receive(&message, rng).expect("honest") {
                    ClientStep::Send(answer) | ClientStep::Done(answer, _) => answer,
                    _ => {
                        let wire = self.uploads.entry(*id).or_default();
                        client.mask(&input(*id), wire).expect("within the bound");
                        let header = client.finish().expect("all words");
                        let mut upload = server.upload(*id, MemorySpool::default()).expect("it dealt");
                        upload.write(wire).expect("the right length");
                        server.accept(&mut upload, &header).expect("honest");
                        self.to_client.entry(*id).or_default().push(message);
                        self.to_server.entry(*id).or_default().push(header);
                        continue;
                    }
                };
                server.receive(&answer).expect("honest");
                self.to_client.entry(*id).or_default().push(message);
                self.to_server.entry(*id).or_default().push(answer);
            }
        }
    }

    pub fn join(&self, id: ClientId, rng: &mut StdRng) -> (Client, Vec<u8>) {
        Client::join(&self.session, id, self.identities[&id].clone(), rng).expect("in the roster")
    }
}

/// A change to a recorded message.
#[derive(Arbitrary, Clone, Debug)]
pub struct Forgery {
    /// Bytes to change, each by an exclusive or: of the body, of the attachment, of the whole.
    pub body: Vec<(u16, u8)>,
    pub attachment: Vec<(u16, u8)>,
    pub whole: Vec<(u16, u8)>,
    /// Bytes to take off the end of the body, and to put there.
    pub cut: u8,
    pub tail: Vec<u8>,
    /// Another type, where it is not zero.
    pub kind: u8,
    /// Another transcript, where it is not zero.
    pub prev: u8,
    /// Whether the sender signs the changed fields.
    pub resign: bool,
}

impl Forgery {
    /// The changed message.
    pub fn apply(&self, message: &[u8], identity: &dyn Identity) -> Vec<u8> {
        let mut raw = forge::Raw::parse(message);
        flip(&mut raw.body, &self.body);
        flip(&mut raw.attachment, &self.attachment);
        raw.body.truncate(raw.body.len().saturating_sub(self.cut.into()));
        raw.body.extend(&self.tail);
        raw.kind ^= self.kind;
        raw.prev[0] ^= self.prev;
        let mut bytes = if self.resign { raw.sign(identity) } else { raw.encode() };
        flip(&mut bytes, &self.whole);
        bytes
    }
}

/// Changes bytes, each by an exclusive or.
pub fn flip(bytes: &mut [u8], changes: &[(u16, u8)]) {
    let len = bytes.len().max(1);
    for (place, change) in changes {
        if let Some(byte) = bytes.get_mut(usize::from(*place) % len) {
            *byte ^= change;
        }
    }
}
