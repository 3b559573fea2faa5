//! Whole sessions: from recorded randomness, every message byte by byte, every upload, and the sum.

use std::collections::BTreeMap;

use veilsum::{
    ClientId, Identity as _, Ring, SigningIdentity,
    driver::Server,
    message::{
        Advert, Adverts, Agreement, Announcement, Body, Bytes, Consistency, Delivery, MaskedInput, Message, Reveal, Shares,
        Survivors,
    },
    secagg::{client::Finished, sum::Sum},
};

use crate::{
    json::Node,
    play::{CLIENT_TYPES, Play, Player, SERVER_TYPES, outbox, sum},
};

type Players = BTreeMap<ClientId, Player>;

pub(crate) fn sessions(section: &Node<'_>) {
    for node in section.items() {
        assert!(!node.get("name").text().is_empty());
        let play = Play::new(&node);
        play.messages.iter().for_each(|message| encodes_as_it_decodes(message.kind, &message.bytes));
        transcript(&play);
        let mut replay = Replayed { play: &play, server: play.new_server(), compared: 0 };
        let (sum, finished) = replay.rounds();
        let announced = replay.end(sum, finished);
        assert_eq!(replay.compared + announced, play.messages.len(), "every message has been made again");
    }
}

struct Replayed<'a, 'b> {
    play: &'a Play<'b>,
    server: Server,
    /// Messages that were compared with those of the file.
    compared: usize,
}

impl Replayed<'_, '_> {
    fn rounds(&mut self) -> (Sum, Vec<(ClientId, Finished)>) {
        let mut players = self.join();
        for round in 0..4 {
            let sent: Vec<_> = outbox(&mut self.server).messages().collect();
            self.compare_all(SERVER_TYPES[round], &sent);
            for (id, message) in sent {
                if self.play.find(CLIENT_TYPES[round + 1], id).is_some() {
                    self.step(players.get_mut(&id).unwrap(), id, &message, round + 1);
                } else if round == 1 {
                    // A drop-out after sharing: it too can open what it got.
                    assert!(players.get_mut(&id).unwrap().hear(&message).unwrap().is_none());
                    assert_eq!(players[&id].rng.left(), 0);
                }
            }
        }
        let finished = players.into_iter().filter_map(|(id, player)| Some((id, player.finished?))).collect();
        (sum(&mut self.server), finished)
    }

    fn join(&mut self) -> Players {
        let mut players = Players::new();
        for node in self.play.node.list("clients") {
            let id = ClientId(node.get("id").number());
            assert_eq!(node.get("input").numbers().len(), self.words());
            self.is_in_the_roster(id, &node);
            if node.opt("random").is_none() {
                assert!(self.play.find(CLIENT_TYPES[0], id).is_none(), "it never joins");
                continue;
            }
            let (player, advert) = Player::join(&self.play.session, &node);
            self.sent(CLIENT_TYPES[0], id, &advert);
            players.insert(id, player);
        }
        players
    }

    fn is_in_the_roster(&self, id: ClientId, node: &Node<'_>) {
        let key = SigningIdentity::from_seed(&node.fixed("identity_seed")).public_key();
        assert!(self.play.session.roster().contains(&(id, key)));
    }

    fn words(&self) -> usize {
        usize::try_from(self.play.session.vector_len()).unwrap()
    }

    /// One client's answer to the server, compared, and given to the server.
    fn step(&mut self, player: &mut Player, id: ClientId, message: &[u8], round: usize) {
        let answer = player.hear(message).unwrap();
        if round != 2 {
            return self.sent(CLIENT_TYPES[round], id, &answer.unwrap());
        }
        assert_eq!(player.rng.left(), 0, "all recorded randomness is used, and no more");
        let (wire, header) = self.play.give_input(player, id);
        self.play.client_node(id).is("upload", &wire);
        self.sent(CLIENT_TYPES[2], id, &header);
    }

    /// Compares a client's message with the file's and gives it to the server.
    fn sent(&mut self, kind: u8, id: ClientId, message: &[u8]) {
        let recorded = self.play.find(kind, id).unwrap();
        assert!(recorded.bytes == message, "type {kind:#04x} of {id}");
        assert!(self.play.give(&mut self.server, recorded).unwrap().fresh);
        self.compared += 1;
    }

    fn compare_all(&mut self, kind: u8, sent: &[(ClientId, Vec<u8>)]) {
        let recorded: Vec<_> = self.play.of(kind).map(|message| (message.client, message.bytes.clone())).collect();
        assert!(recorded == sent, "type {kind:#04x}");
        self.compared += sent.len();
    }

    /// The sum, the announcements, and the check of every client that finished.
    fn end(&mut self, mut sum: Sum, finished: Vec<(ClientId, Finished)>) -> usize {
        let node = &self.play.node;
        let mut words = vec![0; self.words()];
        sum.read(0, &mut words).unwrap();
        assert_eq!(words, node.get("sum").numbers());
        let ring = Ring::new(self.play.session.modulus_bits()).unwrap();
        let centred: Vec<_> = node.list("sum_centred").iter().map(Node::signed).collect();
        assert_eq!(words.iter().map(|word| ring.centered(*word)).collect::<Vec<_>>(), centred);
        let survivors: Vec<_> = sum.survivors().iter().map(|id| id.0).collect();
        assert_eq!(survivors, node.get("u3").numbers());
        // Survivors that are gone before the last round finish nothing.
        let revealed = self.play.of(CLIENT_TYPES[4]).map(|message| message.client);
        assert!(finished.iter().map(|(id, _)| *id).eq(revealed));
        self.adds_up(ring, &words, &survivors);
        let (outbox, h4) = sum.announce().unwrap();
        node.is("h4", &h4);
        let sent: Vec<_> = outbox.messages().collect();
        self.compare_all(SERVER_TYPES[4], &sent);
        for (id, state) in finished {
            let (_, message) = sent.iter().find(|(recipient, _)| *recipient == id).unwrap();
            assert!(state.survivors().map(|id| id.0).eq(survivors.iter().copied()));
            let mut check = state.check_sum();
            check.update(&words).unwrap();
            assert_eq!(check.finish(message).unwrap(), h4);
            let announced = Message::<Announcement>::decode(message).unwrap();
            node.is("sum_root", &announced.body.sum_root.0);
        }
        self.compared -= sent.len();
        sent.len()
    }

    /// The sum is the sum of the survivors' inputs; the inputs of all others are in range.
    fn adds_up(&self, ring: Ring, words: &[u64], survivors: &[u64]) {
        let mut plain = vec![0_u64; words.len()];
        for client in self.play.node.list("clients") {
            let input = client.get("input").numbers();
            assert!(input.len() == words.len() && input.iter().all(|word| *word <= ring.max()));
            if survivors.contains(&client.get("id").number()) {
                plain.iter_mut().zip(&input).for_each(|(sum, word)| *sum = sum.wrapping_add(*word) & ring.max());
            }
        }
        assert_eq!(plain, words);
    }
}

fn encodes_as_it_decodes(kind: u8, bytes: &[u8]) {
    fn check<B: Body>(kind: u8, bytes: &[u8]) {
        assert_eq!(kind, B::TYPE);
        assert!(Message::<B>::decode(bytes).unwrap().encode() == bytes, "type {kind:#04x}");
    }
    match kind {
        0x01 => check::<Advert>(kind, bytes),
        0x02 => check::<Shares>(kind, bytes),
        0x04 => check::<MaskedInput>(kind, bytes),
        0x06 => check::<Consistency>(kind, bytes),
        0x07 => check::<Reveal>(kind, bytes),
        0x11 => check::<Adverts>(kind, bytes),
        0x12 => check::<Delivery>(kind, bytes),
        0x14 => check::<Survivors>(kind, bytes),
        0x16 => check::<Agreement>(kind, bytes),
        _ => check::<Announcement>(kind, bytes),
    }
}

/// Who is in which list, and which transcript hash each message is signed over.
fn transcript(play: &Play<'_>) {
    let hash = |name: &str| Bytes(play.node.fixed::<32>(name));
    let [h0, h1, h2, h3] = ["h0", "h1", "h2", "h3"].map(hash);
    assert_eq!(h0.0, play.session.id().0);
    for message in &play.messages {
        let expected = match message.kind {
            0x01 | 0x11 => h0,
            0x02 | 0x12 => h1,
            0x04 | 0x14 => h2,
            _ => h3,
        };
        assert_eq!(message.bytes[44..76], expected.0, "prev of type {:#04x}", message.kind);
    }
    for recorded in play.of(0x11) {
        let adverts = Message::<Adverts>::decode(&recorded.bytes).unwrap().body;
        assert!(adverts.entries.iter().map(|entry| entry.client.0).eq(play.node.get("u1").numbers()));
    }
    for recorded in play.of(0x12) {
        let delivery = Message::<Delivery>::decode(&recorded.bytes).unwrap().body;
        assert!(delivery.dealings.iter().map(|entry| entry.client.0).eq(play.node.get("u2").numbers()));
    }
    for recorded in play.of(0x14) {
        let survivors = Message::<Survivors>::decode(&recorded.bytes).unwrap().body;
        assert!(survivors.entries.iter().map(|entry| entry.client.0).eq(play.node.get("u3").numbers()));
    }
}
