//! Messages in an order: what each does to a party, to the same error, culprit and end as in the second implementation.

use std::collections::BTreeMap;

use veilsum::{
    ClientId,
    driver::{Server, ServerStep},
};

use crate::{
    json::{CORE, File, LATTICE, Node, SESSIONS, STATES},
    play::{CLIENT_TYPES, Play, Player, client_field, give},
    refused::{Outcome, with_plays},
};

/// The code of a repeat, which the parties report without an error.
const REPEAT: u64 = 507;

/// Sessions without a sum, which the cases lead to.
pub(crate) fn sessions(section: &Node<'_>) {
    for node in section.items() {
        assert!(!node.get("name").text().is_empty());
        let play = Play::new(&node);
        for client in node.list("clients") {
            let id = ClientId(client.get("id").number());
            let (mut player, advert) = Player::join(&play.session, &client);
            // A client that is not honest has other keys, and some more than the recorded messages to itself.
            let recorded = play.find(CLIENT_TYPES[0], id).unwrap();
            let honest = recorded.bytes == advert;
            assert!(honest || node.get("name").text() == "other key", "the Advert of {id}");
            if honest {
                player.hear(&play.find(0x11, id).unwrap().bytes).unwrap();
            }
            assert_eq!(client.get("input").numbers().len() as u64, play.session.vector_len());
            if client.opt("upload").is_some() {
                assert!(play.find(CLIENT_TYPES[2], id).is_some() && !client.hex("upload").is_empty());
            }
        }
        play.new_server();
    }
}

pub(crate) fn cases(section: &Node<'_>) {
    let files = [&CORE, &LATTICE, &SESSIONS, &STATES].map(File::load);
    with_plays(&files, |plays| {
        let wrong: Vec<String> = section.items().iter().filter_map(|case| one(case, plays).err()).collect();
        assert!(wrong.is_empty(), "{} cases:\n{}", wrong.len(), wrong.join("\n"));
    });
}

fn one(case: &Node<'_>, plays: &BTreeMap<String, Play<'_>>) -> Result<(), String> {
    let (play, name) = (&plays[case.get("session").text()], case.get("name").text());
    let (round, party) = (case.get("round").small(), case.get("party"));
    let mut party = match party.as_text() {
        Some(server) => {
            assert_eq!(server, "server");
            Party::Server { server: play.server_at(round), play }
        }
        None => {
            let me = ClientId(party.number());
            Party::Client { player: Box::new(play.client_at(me, round)), me, play, ended: false }
        }
    };
    for (place, step) in case.list("steps").iter().enumerate() {
        party.step(step).map_err(|difference| format!("{name}, step {place}: {difference}"))?;
    }
    Ok(())
}

enum Party<'a, 'b> {
    Server { server: Server, play: &'a Play<'b> },
    Client { player: Box<Player>, me: ClientId, play: &'a Play<'b>, ended: bool },
}

impl Party<'_, '_> {
    fn step(&mut self, step: &Node<'_>) -> Result<(), String> {
        let expected = Outcome::expected(step);
        let got = match (&mut *self, step.get("do").text()) {
            (Self::Server { server, play }, "close") => close(server, play, step),
            (Self::Client { player, me, play, .. }, "input") => {
                let (wire, _) = play.give_input(player, *me);
                if let Some(upload) = play.client_node(*me).opt("upload") {
                    assert_eq!(wire, upload.bytes(), "the upload of {me}");
                }
                Outcome::default()
            }
            (_, act @ ("receive" | "recorded")) => self.receive(step, act),
            (_, other) => panic!("{other}"),
        };
        if got != expected {
            return Err(format!("{got:?}, expected {expected:?}"));
        }
        let (ended, expected) = (self.ended(), step.get("ended").flag());
        if ended == expected { Ok(()) } else { Err(format!("ended: {ended}, expected {expected}")) }
    }

    fn receive(&mut self, step: &Node<'_>, act: &str) -> Outcome {
        let recorded = (act == "recorded").then(|| (step.get("type").small(), ClientId(step.get("client").number())));
        match self {
            Self::Server { server, play } => {
                let said = match recorded {
                    Some((kind, client)) => play.give(server, play.find(kind, client).unwrap()),
                    None => {
                        let message = step.hex("message");
                        let upload = step.opt("upload").map(|upload| upload.bytes());
                        give(server, client_field(&message).unwrap_or(ClientId(0)), &message, upload)
                    }
                };
                said.map_or_else(|error| Outcome::of(&error), |receipt| if receipt.fresh { Outcome::default() } else { repeat() })
            }
            Self::Client { player, play, ended, .. } => {
                let message = match recorded {
                    Some((kind, client)) => play.find(kind, client).unwrap().bytes.clone(),
                    None => step.hex("message"),
                };
                let took = player.hear_or_ignore(&message);
                if let Err(failure) = &took {
                    *ended |= failure.ended;
                    let complaint = step.opt("complaint").map(|complaint| complaint.bytes());
                    assert_eq!(failure.complaint, complaint, "the complaint that it sends");
                }
                match took {
                    Ok(true) => Outcome::default(),
                    Ok(false) => repeat(),
                    Err(failure) => Outcome::of(&failure.error),
                }
            }
        }
    }

    fn ended(&self) -> bool {
        match self {
            Self::Server { server, .. } => server.ended(),
            Self::Client { ended, .. } => *ended,
        }
    }
}

fn repeat() -> Outcome {
    Outcome { code: Some(REPEAT), ..Outcome::default() }
}

/// Ends the round. After the last one the sum is read, and compared with the recorded one.
fn close(server: &mut Server, play: &Play<'_>, step: &Node<'_>) -> Outcome {
    match server.close() {
        Err(error) => Outcome::of(&error),
        Ok(ServerStep::Sum(sum)) => {
            let mut words = vec![0_u64; usize::try_from(play.session.vector_len()).unwrap()];
            if let Err(error) = sum.read(0, &mut words) {
                return Outcome::of(&error);
            }
            assert_eq!(words, play.node.get("sum").numbers());
            let liars: Vec<u64> = sum.liars().iter().map(|id| id.0).collect();
            assert_eq!(liars, step.get("liars").numbers());
            Outcome::default()
        }
        Ok(_) => Outcome::default(),
    }
}
