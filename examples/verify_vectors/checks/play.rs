//! Plays a session of the file with recorded randomness, up to any round.

use std::sync::Arc;

use veilsum::{
    ClientId, Error, Session, SigningIdentity,
    driver::{Client, ClientFailure, ClientStep, Server, ServerStep},
    secagg::{Outbox, Receipt, client::Finished, sum::Sum, upload::MemorySpool},
};

use super::{
    descriptors,
    node::{At, Node, Outcome},
};

/// Types of the messages of each round, of clients and of the server.
pub(super) const CLIENT_TYPES: [u8; 5] = [0x01, 0x02, 0x04, 0x06, 0x07];
pub(super) const SERVER_TYPES: [u8; 5] = [0x11, 0x12, 0x14, 0x16, 0x18];
/// The type of a MaskedInput.
const INPUT_TYPE: u8 = 0x04;

pub(super) struct Recorded<'a> {
    pub(super) node: Node<'a>,
    pub(super) client: ClientId,
    pub(super) kind: u8,
    pub(super) bytes: Vec<u8>,
}

pub(super) struct Play<'a> {
    pub(super) session: Session,
    pub(super) node: Node<'a>,
    /// All messages, in the order of the file.
    pub(super) messages: Vec<Recorded<'a>>,
}

/// A client between two messages.
pub(super) struct Player {
    pub(super) client: Client,
    pub(super) rng: Replay,
    /// After round 4.
    pub(super) finished: Option<Finished>,
}

impl Player {
    /// Joins with the recorded randomness of a client in the file.
    pub(super) fn join(session: &Session, node: &Node<'_>) -> Outcome<(Self, Vec<u8>)> {
        let identity = Arc::new(SigningIdentity::from_seed(&node.fixed("identity_seed")?));
        let weights = node.opt("weights").map_or(Ok(Vec::new()), |weights| weights.bytes())?;
        let mut rng = Replay::new([node.hex("random")?, weights].concat());
        let (client, advert) = Client::join(session, ClientId(node.get("id")?.number()?), identity, &mut rng).at(node)?;
        Ok((Self { client, rng, finished: None }, advert))
    }

    /// Takes a message and returns what the client sends, if anything.
    pub(super) fn hear(&mut self, message: &[u8]) -> Result<Option<Vec<u8>>, ClientFailure> {
        Ok(match self.client.receive(message, &mut self.rng)? {
            ClientStep::Send(sent) => Some(sent),
            ClientStep::Done(sent, finished) => {
                self.finished = Some(finished);
                Some(sent)
            }
            _ => None,
        })
    }

    /// Takes a message; whether it is new.
    pub(super) fn hear_or_ignore(&mut self, message: &[u8]) -> Result<bool, ClientFailure> {
        Ok(match self.client.receive(message, &mut self.rng)? {
            ClientStep::Ignored => false,
            ClientStep::Done(_, finished) => {
                self.finished = Some(finished);
                true
            }
            _ => true,
        })
    }

    /// Takes a message that is good, and returns what the client sends.
    pub(super) fn hear_good(&mut self, node: &Node<'_>, message: &[u8]) -> Outcome<Option<Vec<u8>>> {
        self.hear(message).map_err(|failure| node.fails("a message that is accepted", failure.error))
    }
}

impl<'a> Play<'a> {
    pub(super) fn new(node: &Node<'a>) -> Outcome<Self> {
        let session = descriptors::descriptor(&node.get("descriptor")?)?;
        let messages = node.list("messages")?.iter().map(recorded).collect::<Outcome<_>>()?;
        Ok(Self { session, node: node.clone(), messages })
    }

    pub(super) fn client_node(&self, id: ClientId) -> Outcome<Node<'a>> {
        self.node.by_id("clients", "id", id.0)
    }

    pub(super) fn find(&self, kind: u8, client: ClientId) -> Option<&Recorded<'a>> {
        self.of(kind).find(|message| message.client == client)
    }

    /// A message that has to be there.
    pub(super) fn recorded(&self, kind: u8, client: ClientId) -> Outcome<&Recorded<'a>> {
        let missing = || self.node.fails(format!("a message of type {kind:#04x} of or to client {client}"), "none");
        self.find(kind, client).ok_or_else(missing)
    }

    pub(super) fn of(&self, kind: u8) -> impl Iterator<Item = &Recorded<'a>> {
        self.messages.iter().filter(move |message| message.kind == kind)
    }

    /// A client that awaits the server's message of this round.
    pub(super) fn client_at(&self, id: ClientId, round: usize) -> Outcome<Player> {
        let (mut player, _) = Player::join(&self.session, &self.client_node(id)?)?;
        for kind in SERVER_TYPES.iter().take(round) {
            player.hear_good(&self.node, &self.recorded(*kind, id)?.bytes)?;
            if player.client.awaits_input() {
                self.give_input(&mut player, id)?;
            }
        }
        Ok(player)
    }

    /// Masks the recorded input; returns the wire bytes and the header.
    pub(super) fn give_input(&self, player: &mut Player, id: ClientId) -> Outcome<(Vec<u8>, Vec<u8>)> {
        let (mut wire, node) = (Vec::new(), self.client_node(id)?);
        player.client.mask(&node.get("input")?.numbers()?, &mut wire).at(&node)?;
        Ok((wire, player.client.finish().at(&node)?))
    }

    pub(super) fn new_server(&self) -> Outcome<Server> {
        let identity = Arc::new(SigningIdentity::from_seed(&self.node.fixed("server_identity_seed")?));
        Server::new(&self.session, identity).at(&self.node)
    }

    /// A server in this round, before any message of it.
    pub(super) fn server_at(&self, round: usize) -> Outcome<Server> {
        let mut server = self.new_server()?;
        for kind in CLIENT_TYPES.iter().take(round) {
            for message in self.of(*kind) {
                self.give_good(&mut server, message)?;
            }
            self.outbox(&mut server)?;
        }
        Ok(server)
    }

    /// Gives the server a recorded message, with its upload if it has one.
    pub(super) fn give_good(&self, server: &mut Server, message: &Recorded<'_>) -> Outcome {
        let receipt = give(server, message.client, &message.bytes, self.upload_of(message)?).at(&message.node)?;
        message.node.holds(receipt.fresh, "a message that is not a repeat")
    }

    /// The upload that belongs to a recorded message, if it is a MaskedInput.
    pub(super) fn upload_of(&self, message: &Recorded<'_>) -> Outcome<Option<Vec<u8>>> {
        match message.kind {
            INPUT_TYPE => Ok(Some(self.client_node(message.client)?.hex("upload")?)),
            _ => Ok(None),
        }
    }

    /// Closes a round of which the end is messages.
    pub(super) fn outbox(&self, server: &mut Server) -> Outcome<Outbox> {
        match server.close().at(&self.node)? {
            ServerStep::Send(outbox) => Ok(outbox),
            other => Err(self.node.fails("messages at the end of a round", format!("{other:?}"))),
        }
    }

    /// Closes the last round.
    pub(super) fn sum(&self, server: &mut Server) -> Outcome<Sum> {
        match server.close().at(&self.node)? {
            ServerStep::Sum(sum) => Ok(*sum),
            other => Err(self.node.fails("a sum at the end of the last round", format!("{other:?}"))),
        }
    }
}

/// Gives the server a message, as a whole upload if there is one.
pub(super) fn give(server: &mut Server, client: ClientId, message: &[u8], upload: Option<Vec<u8>>) -> Result<Receipt, Error> {
    let Some(wire) = upload else { return server.receive(message) };
    // No upload is begun for a client that can not have one; its message is judged all the same.
    let Ok(mut upload) = server.upload(client, MemorySpool::default()) else { return server.receive(message) };
    upload.write(&wire)?;
    server.accept(&mut upload, message)
}

/// The client field of a message (section 6).
pub(super) fn client_field(message: &[u8]) -> Option<ClientId> {
    Some(ClientId(u64::from_le_bytes(*message.get(36..)?.first_chunk()?)))
}

/// The hash that a message is signed over (section 6).
pub(super) fn prev_field(message: &[u8]) -> Option<[u8; 32]> {
    message.get(44..)?.first_chunk().copied()
}

fn recorded<'a>(node: &Node<'a>) -> Outcome<Recorded<'a>> {
    let bytes = node.hex("message")?;
    let (kind, client) = bytes.get(35).copied().zip(client_field(&bytes)).at(node)?;
    node.counts("type", kind)?;
    node.counts("client", client.0)?;
    let (from, name) = (node.get("from")?, node.get("name")?);
    from.same(from.text()?, if kind < 0x11 { "client" } else { "server" })?;
    name.same(name.text()?, name_of(kind).at(node)?)?;
    Ok(Recorded { node: node.clone(), client, kind, bytes })
}

/// The name of a type of message (section 6).
pub(super) fn name_of(kind: u8) -> Option<&'static str> {
    Some(match kind {
        0x01 => "Advert",
        0x02 => "Shares",
        0x03 => "Complaint",
        0x04 => "MaskedInput",
        0x06 => "Consistency",
        0x07 => "Reveal",
        0x11 => "Adverts",
        0x12 => "Delivery",
        0x14 => "Survivors",
        0x16 => "Agreement",
        0x18 => "Announcement",
        _ => return None,
    })
}

/// A generator that gives recorded bytes (appendix A) and fails beyond them.
pub(super) struct Replay {
    bytes: Vec<u8>,
    at: usize,
}

impl Replay {
    pub(super) fn new(bytes: Vec<u8>) -> Self {
        Self { bytes, at: 0 }
    }

    /// Bytes not asked for yet.
    pub(super) fn left(&self) -> usize {
        self.bytes.len() - self.at
    }
}

impl rand_core::TryRng for Replay {
    type Error = std::fmt::Error;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        Err(std::fmt::Error)
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        Err(std::fmt::Error)
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Self::Error> {
        out.copy_from_slice(self.bytes.get(self.at..self.at + out.len()).ok_or(std::fmt::Error)?);
        self.at += out.len();
        Ok(())
    }
}

impl rand_core::TryCryptoRng for Replay {}
