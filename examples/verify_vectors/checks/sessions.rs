//! Whole sessions: from recorded randomness, every message byte by byte, every upload, and the sum.

use std::collections::BTreeMap;

use veilsum::{
    ClientId, Identity as _, Ring, SigningIdentity,
    driver::Server,
    message::{
        Advert, Adverts, Agreement, Announcement, Body, Consistency, Delivery, MaskedInput, Message, Reveal, Shares, Survivors,
    },
    secagg::{client::Finished, sum::Sum},
};

use super::{
    context::Context,
    derived,
    node::{At, Node, Outcome},
    play::{CLIENT_TYPES, Play, Player, Recorded, SERVER_TYPES, prev_field},
    tally::Tally,
};

type Players = BTreeMap<ClientId, Player>;

pub(crate) fn sessions(group: &Node<'_>, _: &Context<'_>, tally: &mut Tally) -> Outcome {
    for node in group.items()? {
        tally.part(&node, "messages", || messages(&node));
        tally.part(&node, "derived values", || derived::session(&node));
    }
    Ok(())
}

fn messages(node: &Node<'_>) -> Outcome {
    let play = Play::new(node)?;
    play.messages.iter().try_for_each(encodes_as_it_decodes)?;
    transcript(&play)?;
    let mut replay = Replayed { play: &play, server: play.new_server()?, compared: 0 };
    let (sum, finished) = replay.rounds()?;
    let announced = replay.end(sum, finished)?;
    node.get("messages")?.same(play.messages.len(), replay.compared + announced)
}

struct Replayed<'a, 'b> {
    play: &'a Play<'b>,
    server: Server,
    /// Messages that were compared with those of the file.
    compared: usize,
}

impl Replayed<'_, '_> {
    fn rounds(&mut self) -> Outcome<(Sum, Vec<(ClientId, Finished)>)> {
        let mut players = self.join()?;
        for (round, (ours, theirs)) in SERVER_TYPES.iter().zip(CLIENT_TYPES.iter().skip(1)).enumerate() {
            let sent: Vec<_> = self.play.outbox(&mut self.server)?.messages().collect();
            self.compare_all(*ours, &sent)?;
            for (id, message) in sent {
                let player = players.get_mut(&id).at(&self.play.node)?;
                if self.play.find(*theirs, id).is_some() {
                    self.step(player, id, &message, *theirs)?;
                } else if round == 1 {
                    self.opens_and_is_gone(player, &message)?;
                }
            }
        }
        let finished = players.into_iter().filter_map(|(id, player)| Some((id, player.finished?))).collect();
        Ok((self.play.sum(&mut self.server)?, finished))
    }

    /// A drop-out after sharing: it too can open what it got.
    fn opens_and_is_gone(&self, player: &mut Player, message: &[u8]) -> Outcome {
        let answer = player.hear_good(&self.play.node, message)?;
        self.play.node.holds(answer.is_none() && player.rng.left() == 0, "a drop-out that has opened its Delivery")
    }

    fn join(&mut self) -> Outcome<Players> {
        let mut players = Players::new();
        for node in self.play.node.list("clients")? {
            let id = ClientId(node.get("id")?.number()?);
            node.get("input")?.same(node.get("input")?.numbers()?.len() as u64, self.play.session.vector_len())?;
            self.is_in_the_roster(id, &node)?;
            if node.opt("random").is_none() {
                node.holds(self.play.find(0x01, id).is_none(), "a client that never joins")?;
                continue;
            }
            let (player, advert) = Player::join(&self.play.session, &node)?;
            self.sent(0x01, id, &advert)?;
            players.insert(id, player);
        }
        Ok(players)
    }

    fn is_in_the_roster(&self, id: ClientId, node: &Node<'_>) -> Outcome {
        let key = SigningIdentity::from_seed(&node.fixed("identity_seed")?).public_key();
        node.holds(self.play.session.roster().contains(&(id, key)), "an identity of the roster")
    }

    /// One client's answer to the server, compared, and given to the server.
    fn step(&mut self, player: &mut Player, id: ClientId, message: &[u8], kind: u8) -> Outcome {
        let answer = player.hear_good(&self.play.node, message)?;
        if !player.client.awaits_input() {
            return self.sent(kind, id, &answer.at(&self.play.node)?);
        }
        let node = self.play.client_node(id)?;
        node.get("random")?.same(0, player.rng.left())?;
        let (wire, header) = self.play.give_input(player, id)?;
        node.is("upload", &wire)?;
        self.sent(kind, id, &header)
    }

    /// Compares a client's message with the file's and gives it to the server.
    fn sent(&mut self, kind: u8, id: ClientId, message: &[u8]) -> Outcome {
        let recorded = self.play.recorded(kind, id)?;
        recorded.node.is("message", message)?;
        self.compared += 1;
        self.play.give_good(&mut self.server, recorded)
    }

    fn compare_all(&mut self, kind: u8, sent: &[(ClientId, Vec<u8>)]) -> Outcome {
        let recorded: Vec<_> = self.play.of(kind).collect();
        let to = recorded.iter().map(|message| message.client.0).collect::<Vec<_>>();
        self.play.node.get("messages")?.same(to, sent.iter().map(|(client, _)| client.0).collect())?;
        recorded.iter().zip(sent).try_for_each(|(recorded, (_, bytes))| recorded.node.is("message", bytes))?;
        self.compared += sent.len();
        Ok(())
    }

    /// The sum, the announcements, and the check of every client that finished.
    fn end(&mut self, mut sum: Sum, finished: Vec<(ClientId, Finished)>) -> Outcome<usize> {
        let node = &self.play.node;
        let expected = node.get("sum")?;
        let mut words = vec![0; expected.numbers()?.len()];
        expected.same(words.len() as u64, self.play.session.vector_len())?;
        sum.read(0, &mut words).at(node)?;
        expected.same(expected.numbers()?, words.clone())?;
        let ring = Ring::new(self.play.session.modulus_bits()).at(node)?;
        let centred = node.get("sum_centred")?;
        centred.same(centred.all_signed()?, words.iter().map(|word| ring.centered(*word)).collect())?;
        let (survivors, u3): (Vec<_>, _) = (sum.survivors().iter().map(|id| id.0).collect(), node.get("u3")?);
        u3.same(&u3.numbers()?, &survivors)?;
        // Survivors that are gone before the last round finish nothing.
        let revealed: Vec<ClientId> = self.play.of(0x07).map(|message| message.client).collect();
        u3.same(revealed, finished.iter().map(|(id, _)| *id).collect())?;
        self.adds_up(ring, &words, &survivors)?;
        let (outbox, h4) = sum.announce().at(node)?;
        node.is("h4", &h4)?;
        let sent: Vec<_> = outbox.messages().collect();
        self.compare_all(0x18, &sent)?;
        for (id, state) in finished {
            let (_, message) = sent.iter().find(|(recipient, _)| *recipient == id).at(node)?;
            u3.same(&survivors, &state.survivors().map(|id| id.0).collect())?;
            announced(node, state, message, &words, h4)?;
        }
        self.compared -= sent.len();
        Ok(sent.len())
    }

    /// The sum is the sum of the survivors' inputs; the inputs of all others are in range.
    fn adds_up(&self, ring: Ring, words: &[u64], survivors: &[u64]) -> Outcome {
        let mut plain = vec![0_u64; words.len()];
        for client in self.play.node.list("clients")? {
            let input = client.get("input")?.numbers()?;
            client.holds(input.len() == words.len() && input.iter().all(|word| *word <= ring.max()), "words of the ring")?;
            if survivors.contains(&client.get("id")?.number()?) {
                plain.iter_mut().zip(&input).for_each(|(sum, word)| *sum = sum.wrapping_add(*word) & ring.max());
            }
        }
        self.play.node.get("sum")?.same(words, &plain)
    }
}

/// What a client makes of the announcement and the sum.
fn announced(node: &Node<'_>, state: Finished, message: &[u8], words: &[u64], h4: [u8; 32]) -> Outcome {
    let mut check = state.check_sum();
    check.update(words).at(node)?;
    node.same(h4, check.finish(message).at(node)?)?;
    let announced = Message::<Announcement>::decode(message).at(node)?;
    node.is("sum_root", &announced.body.sum_root.0)
}

fn encodes_as_it_decodes(message: &Recorded<'_>) -> Outcome {
    fn again<B: Body>(node: &Node<'_>, bytes: &[u8]) -> Outcome {
        node.is("message", &Message::<B>::decode(bytes).at(node)?.encode())
    }
    let again = match message.kind {
        0x01 => again::<Advert>,
        0x02 => again::<Shares>,
        0x04 => again::<MaskedInput>,
        0x06 => again::<Consistency>,
        0x07 => again::<Reveal>,
        0x11 => again::<Adverts>,
        0x12 => again::<Delivery>,
        0x14 => again::<Survivors>,
        0x16 => again::<Agreement>,
        _ => again::<Announcement>,
    };
    again(&message.node, &message.bytes)
}

/// Who is in which list, and which transcript hash each message is signed over.
fn transcript(play: &Play<'_>) -> Outcome {
    let node = &play.node;
    node.is("h0", &play.session.id().0)?;
    for message in &play.messages {
        let hash = match message.kind {
            0x01 | 0x11 => "h0",
            0x02 | 0x12 => "h1",
            0x04 | 0x14 => "h2",
            _ => "h3",
        };
        node.is(hash, &prev_field(&message.bytes).at(node)?)?;
    }
    for recorded in &play.messages {
        let (list, clients): (_, Vec<u64>) = match recorded.kind {
            0x11 => ("u1", clients(Message::<Adverts>::decode(&recorded.bytes).at(node)?.body.entries.iter(), |e| e.client)),
            0x12 => ("u2", clients(Message::<Delivery>::decode(&recorded.bytes).at(node)?.body.dealings.iter(), |e| e.client)),
            0x14 => ("u3", clients(Message::<Survivors>::decode(&recorded.bytes).at(node)?.body.entries.iter(), |e| e.client)),
            _ => continue,
        };
        node.get(list)?.same(node.get(list)?.numbers()?, clients)?;
    }
    Ok(())
}

fn clients<E>(entries: impl Iterator<Item = E>, client: impl Fn(E) -> ClientId) -> Vec<u64> {
    entries.map(|entry| client(entry).0).collect()
}
