//! Plays a session of the file with recorded randomness, up to any round.

use std::sync::Arc;

use veilsum::{
    ClientId, Error, Session, SigningIdentity,
    driver::{Client, ClientFailure, ClientStep, Server, ServerStep},
    secagg::{Outbox, Receipt, client::Finished, sum::Sum, upload::MemorySpool},
};

use crate::{
    descriptors,
    json::{Node, Replay},
};

/// Types of the messages of each round, of clients and of the server.
pub(crate) const CLIENT_TYPES: [u8; 5] = [0x01, 0x02, 0x04, 0x06, 0x07];
pub(crate) const SERVER_TYPES: [u8; 5] = [0x11, 0x12, 0x14, 0x16, 0x18];

pub(crate) struct Recorded {
    pub(crate) client: ClientId,
    pub(crate) kind: u8,
    pub(crate) bytes: Vec<u8>,
}

pub(crate) struct Play<'a> {
    pub(crate) session: Session,
    pub(crate) node: Node<'a>,
    /// All messages, in the order of the file.
    pub(crate) messages: Vec<Recorded>,
}

/// A client between two messages.
pub(crate) struct Player {
    pub(crate) client: Client,
    pub(crate) rng: Replay,
    /// After round 4.
    pub(crate) finished: Option<Finished>,
}

impl Player {
    /// Joins with the recorded randomness of a client in the file.
    pub(crate) fn join(session: &Session, node: &Node<'_>) -> (Self, Vec<u8>) {
        let identity = Arc::new(SigningIdentity::from_seed(&node.fixed("identity_seed")));
        let weights = node.opt("weights").map(|weights| weights.bytes()).unwrap_or_default();
        let mut rng = Replay::new([node.hex("random"), weights].concat());
        let (client, advert) = Client::join(session, ClientId(node.get("id").number()), identity, &mut rng).unwrap();
        (Self { client, rng, finished: None }, advert)
    }

    /// Takes a message; whether it is new.
    pub(crate) fn hear_or_ignore(&mut self, message: &[u8]) -> Result<bool, ClientFailure> {
        Ok(match self.client.receive(message, &mut self.rng)? {
            ClientStep::Ignored => false,
            ClientStep::Done(_, finished) => {
                self.finished = Some(finished);
                true
            }
            _ => true,
        })
    }

    /// Takes a message and returns what the client sends, if anything.
    pub(crate) fn hear(&mut self, message: &[u8]) -> Result<Option<Vec<u8>>, ClientFailure> {
        Ok(match self.client.receive(message, &mut self.rng)? {
            ClientStep::Send(sent) => Some(sent),
            ClientStep::Done(sent, finished) => {
                self.finished = Some(finished);
                Some(sent)
            }
            ClientStep::GiveInput => None,
            other => panic!("{other:?}"),
        })
    }
}

impl<'a> Play<'a> {
    pub(crate) fn new(node: &Node<'a>) -> Self {
        let session = descriptors::descriptor(&node.get("descriptor"));
        let messages = node.list("messages").iter().map(recorded).collect();
        Self { session, node: node.clone(), messages }
    }

    pub(crate) fn client_node(&self, id: ClientId) -> Node<'a> {
        self.node.by_id("clients", "id", id.0).unwrap()
    }

    pub(crate) fn find(&self, kind: u8, client: ClientId) -> Option<&Recorded> {
        self.of(kind).find(|message| message.client == client)
    }

    pub(crate) fn of(&self, kind: u8) -> impl Iterator<Item = &Recorded> {
        self.messages.iter().filter(move |message| message.kind == kind)
    }

    /// A client that awaits the server's message of this round.
    pub(crate) fn client_at(&self, id: ClientId, round: usize) -> Player {
        let (mut player, _) = Player::join(&self.session, &self.client_node(id));
        for kind in &SERVER_TYPES[..round] {
            player.hear(&self.find(*kind, id).unwrap().bytes).unwrap();
            if player.client.awaits_input() {
                self.give_input(&mut player, id);
            }
        }
        player
    }

    /// Masks the recorded input; returns the wire bytes and the header.
    pub(crate) fn give_input(&self, player: &mut Player, id: ClientId) -> (Vec<u8>, Vec<u8>) {
        let mut wire = Vec::new();
        player.client.mask(&self.client_node(id).get("input").numbers(), &mut wire).unwrap();
        (wire, player.client.finish().unwrap())
    }

    pub(crate) fn new_server(&self) -> Server {
        let identity = Arc::new(SigningIdentity::from_seed(&self.node.fixed("server_identity_seed")));
        Server::new(&self.session, identity).unwrap()
    }

    /// A server in this round, before any message of it.
    pub(crate) fn server_at(&self, round: usize) -> Server {
        let mut server = self.new_server();
        for kind in &CLIENT_TYPES[..round] {
            for message in self.of(*kind) {
                assert!(self.give(&mut server, message).unwrap().fresh);
            }
            outbox(&mut server);
        }
        server
    }

    /// Gives the server a recorded message, with its upload if it has one.
    pub(crate) fn give(&self, server: &mut Server, message: &Recorded) -> Result<Receipt, Error> {
        let upload = || self.client_node(message.client).hex("upload");
        give(server, message.client, &message.bytes, (message.kind == CLIENT_TYPES[2]).then(upload))
    }
}

/// Gives the server a message, as a whole upload if there is one.
pub(crate) fn give(server: &mut Server, client: ClientId, message: &[u8], upload: Option<Vec<u8>>) -> Result<Receipt, Error> {
    let Some(wire) = upload else { return server.receive(message) };
    // No upload is begun for a client that can not have one; its message is judged all the same.
    let Ok(mut upload) = server.upload(client, MemorySpool::default()) else { return server.receive(message) };
    upload.write(&wire)?;
    server.accept(&mut upload, message)
}

/// Closes a round of which the end is messages.
pub(crate) fn outbox(server: &mut Server) -> Outbox {
    match server.close().unwrap() {
        ServerStep::Send(outbox) => outbox,
        other => panic!("{other:?}"),
    }
}

/// Closes the last round.
pub(crate) fn sum(server: &mut Server) -> Sum {
    match server.close().unwrap() {
        ServerStep::Sum(sum) => *sum,
        other => panic!("{other:?}"),
    }
}

/// The client field of a message (section 6).
pub(crate) fn client_field(message: &[u8]) -> Option<ClientId> {
    message.get(36..44).map(|field| ClientId(u64::from_le_bytes(field.try_into().unwrap())))
}

fn recorded(node: &Node<'_>) -> Recorded {
    let bytes = node.hex("message");
    let (kind, client) = (bytes[35], client_field(&bytes).unwrap());
    node.counts("type", kind);
    node.counts("client", client.0);
    assert_eq!(node.get("from").text(), if kind < 0x11 { "client" } else { "server" });
    let name = match kind {
        0x01 => "Advert",
        0x02 => "Shares",
        0x04 => "MaskedInput",
        0x06 => "Consistency",
        0x07 => "Reveal",
        0x11 => "Adverts",
        0x12 => "Delivery",
        0x14 => "Survivors",
        0x16 => "Agreement",
        0x18 => "Announcement",
        other => panic!("type {other:#04x}"),
    };
    assert_eq!(node.get("name").text(), name);
    Recorded { client, kind, bytes }
}
