//! Honest clients and an honest server, and a network that delivers what it likes, as often and as late as it likes, damaged if it
//! likes: nobody is blamed, nobody ends but for whom the sum went on without, and a sum is that of the survivors' inputs.
#![no_main]

use std::collections::BTreeMap;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use rand::rngs::StdRng;
use veilsum::{
    ClientId, Error, RoundError,
    driver::{Client, ClientStep, Server, ServerStep},
    message::{Message, Survivors},
    secagg::{Outbox, client::Finished, upload::MemorySpool},
};
use veilsum_fuzz::{IDS, LEN, TAPE, flip, input, plain_sum, rng};

#[derive(Arbitrary, Debug)]
enum Operation {
    /// What this client sent, so many messages ago.
    ToServer { from: u8, back: u8, damage: Vec<(u16, u8)> },
    /// What the server sent to `of`, so many messages ago, comes to `to`.
    ToClient { to: u8, of: Option<u8>, back: u8, damage: Vec<(u16, u8)> },
    /// The server's patience ends.
    Close,
}

struct Peer {
    client: Client,
    rng: StdRng,
    /// What it sent, each with the upload that belongs to it.
    sent: Vec<(Vec<u8>, Vec<u8>)>,
    /// What the server sent to it.
    mail: Vec<Vec<u8>>,
    finished: Option<Finished>,
}

struct Network {
    server: Server,
    peers: BTreeMap<ClientId, Peer>,
}

/// The one so many before the last.
fn back<T: Clone>(items: &[T], back: u8) -> Option<T> {
    items.iter().rev().nth(usize::from(back)).cloned()
}

/// Damages some bytes, and says whether any is another one now.
fn damaged(bytes: &mut [u8], damage: &[(u16, u8)]) -> bool {
    let before = bytes.to_vec();
    flip(bytes, damage);
    before != bytes
}

/// Whether a client ends because its input came too late, and it did.
fn left_out(client: ClientId, error: &Error, message: &[u8]) -> bool {
    let survivors = Message::<Survivors>::decode(message).map(|message| message.body.entries);
    *error == RoundError::NotIncluded.into() && survivors.is_ok_and(|list| list.iter().all(|entry| entry.client != client))
}

impl Network {
    fn new() -> Self {
        let server = Server::new(&TAPE.session, TAPE.host.clone()).expect("the right identity");
        let join = |id| {
            let mut rng = rng(id);
            let (client, advert) = TAPE.join(id, &mut rng);
            (id, Peer { client, rng, sent: vec![(advert, Vec::new())], mail: Vec::new(), finished: None })
        };
        Self { server, peers: IDS.into_iter().map(join).collect() }
    }

    /// Plays one operation; `false` after the session.
    fn play(&mut self, operation: &Operation) -> bool {
        match operation {
            Operation::ToServer { from, back, damage } => self.to_server(IDS[usize::from(*from) % IDS.len()], *back, damage),
            Operation::ToClient { to, of, back, damage } => {
                let to = usize::from(*to) % IDS.len();
                let of = of.map_or(to, |of| usize::from(of) % IDS.len());
                self.to_client(IDS[to], IDS[of], *back, damage);
            }
            Operation::Close => return self.close(),
        }
        true
    }

    fn to_server(&mut self, from: ClientId, age: u8, damage: &[(u16, u8)]) {
        let Some((mut message, mut wire)) = back(&self.peers[&from].sent, age) else { return };
        // The upload first, then the message.
        let split = damage.len() / 2;
        let spoiled = damaged(&mut wire, &damage[..split]) | damaged(&mut message, &damage[split..]);
        let result = match self.server.upload(from, MemorySpool::default()) {
            Ok(mut upload) if message.get(35) == Some(&4) => {
                upload.write(&wire).and_then(|()| self.server.accept(&mut upload, &message))
            }
            _ => self.server.receive(&message),
        };
        match result {
            Ok(receipt) => assert!(!receipt.fresh || !spoiled, "damage goes unseen"),
            Err(error) => assert_eq!(error.culprit(), None, "{error}"),
        }
        assert!(!self.server.ended());
    }

    fn to_client(&mut self, to: ClientId, of: ClientId, age: u8, damage: &[(u16, u8)]) {
        let Some(mut message) = back(&self.peers[&of].mail, age) else { return };
        let strange = damaged(&mut message, damage) | (of != to);
        let peer = self.peers.get_mut(&to).expect("a peer");
        let before = peer.client.ended();
        match peer.client.receive(&message, &mut peer.rng) {
            Ok(ClientStep::Ignored) => {}
            Ok(step) => {
                assert!(!strange, "damage goes unseen");
                peer.answer(to, step);
            }
            Err(failure) => {
                assert_eq!((failure.error.culprit(), &failure.complaint), (None, &None), "{}", failure.error);
                assert!(!failure.ended || before || left_out(to, &failure.error, &message), "{}", failure.error);
            }
        }
    }

    fn close(&mut self) -> bool {
        match self.server.close() {
            Ok(ServerStep::Send(outbox)) => {
                self.post(&outbox);
                true
            }
            Ok(ServerStep::Sum(mut sum)) => {
                let mut words = [0_u32; LEN];
                sum.read(0, &mut words).expect("the right length");
                assert_eq!((&words[..], sum.liars()), (&plain_sum(sum.survivors())[..], &[][..]));
                let (outbox, _) = sum.announce().expect("not announced yet");
                self.check_sum(&outbox, &words);
                false
            }
            Ok(_) => false,
            Err(error) => {
                assert_eq!(error.culprit(), None, "{error}");
                !self.server.ended()
            }
        }
    }

    fn post(&mut self, outbox: &Outbox) {
        for (id, message) in outbox.messages() {
            self.peers.get_mut(&id).expect("a peer").mail.push(message);
        }
    }

    /// Every client that is done convinces itself of the sum.
    fn check_sum(&mut self, outbox: &Outbox, words: &[u32]) {
        for (id, peer) in &mut self.peers {
            if let (Some(finished), Some(announcement)) = (peer.finished.take(), outbox.message_for(*id)) {
                let mut check = finished.check_sum();
                check.update(words).expect("the right length");
                check.finish(&announcement).expect("the announced sum");
            }
        }
    }
}

impl Peer {
    /// Does what the client is asked for.
    fn answer(&mut self, id: ClientId, step: ClientStep) {
        match step {
            ClientStep::Send(message) => self.sent.push((message, Vec::new())),
            ClientStep::Done(message, finished) => {
                self.sent.push((message, Vec::new()));
                self.finished = Some(finished);
            }
            _ => {
                let mut wire = Vec::new();
                self.client.mask(&input(id), &mut wire).expect("within the bound");
                self.sent.push((self.client.finish().expect("all words"), wire));
            }
        }
    }
}

fuzz_target!(|operations: Vec<Operation>| {
    let mut network = Network::new();
    for operation in operations.iter().take(64) {
        if !network.play(operation) {
            return;
        }
    }
});
