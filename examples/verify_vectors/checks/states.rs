//! Messages in an order: what each does to a party, to the same error, culprit and end as in the second implementation.

use veilsum::{
    ClientId,
    driver::{Server, ServerStep},
};

use super::{
    context::{Context, Sessions},
    node::{At, Node, Outcome},
    play::{Play, Player, client_field, give},
    refused::Verdict,
    tally::Tally,
};

/// Sessions without a sum, which the cases lead to.
pub(crate) fn sessions(group: &Node<'_>, _: &Context<'_>, tally: &mut Tally) -> Outcome {
    for node in group.items()? {
        tally.case(&node, || one_session(&node));
    }
    Ok(())
}

fn one_session(node: &Node<'_>) -> Outcome {
    let (play, mut others) = (Play::new(node)?, 0);
    for client in node.list("clients")? {
        let id = ClientId(client.get("id")?.number()?);
        let (mut player, advert) = Player::join(&play.session, &client)?;
        if play.recorded(0x01, id)?.bytes == advert {
            player.hear_good(&client, &play.recorded(0x11, id)?.bytes)?;
        } else {
            others += 1;
        }
        client.get("input")?.same(client.get("input")?.numbers()?.len() as u64, play.session.vector_len())?;
        if let Some(upload) = client.opt("upload") {
            upload.holds(!upload.bytes()?.is_empty() && play.find(0x04, id).is_some(), "an upload with its message")?;
        }
    }
    node.holds(others <= 1, "no more than one client that is not honest, and sent another Advert than its random bytes give")?;
    play.new_server().map(drop)
}

pub(crate) fn cases(group: &Node<'_>, context: &Context<'_>, tally: &mut Tally) -> Outcome {
    let sessions = context.sessions();
    for case in group.items()? {
        tally.case(&case, || one(&case, &sessions));
    }
    Ok(())
}

fn one(case: &Node<'_>, sessions: &Sessions<'_>) -> Outcome {
    let play = sessions.named(&case.get("session")?)?;
    let (round, party) = (case.get("round")?.small()?, case.get("party")?);
    let mut party = match party.as_text() {
        Some("server") => Party::Server { server: play.server_at(round)?, play },
        _ => {
            let me = ClientId(party.number()?);
            Party::Client { player: Box::new(play.client_at(me, round)?), me, play, ended: false }
        }
    };
    case.list("steps")?.iter().try_for_each(|step| party.step(step))
}

enum Party<'a, 'b> {
    Server { server: Server, play: &'a Play<'b> },
    Client { player: Box<Player>, me: ClientId, play: &'a Play<'b>, ended: bool },
}

impl Party<'_, '_> {
    fn step(&mut self, step: &Node<'_>) -> Outcome {
        let act = step.get("do")?;
        let said = match (&mut *self, act.text()?) {
            (Self::Server { server, play }, "close") => close(server, play, step)?,
            (Self::Client { player, me, play, .. }, "input") => {
                let (wire, _) = play.give_input(player, *me)?;
                if play.client_node(*me)?.opt("upload").is_some() {
                    play.client_node(*me)?.is("upload", &wire)?;
                }
                Verdict::default()
            }
            (_, "receive") => {
                let message = step.hex("message")?;
                let upload = step.opt("upload").map(|upload| upload.bytes()).transpose()?;
                let from = client_field(&message).unwrap_or(ClientId(0));
                self.receive(step, from, &message, upload)?
            }
            (_, "recorded") => self.receive_recorded(step)?,
            (_, other) => return Err(act.fails("recorded or receive, close of a server, input of a client", other)),
        };
        Verdict::expected(step)?.compare(step, &said)?;
        step.get("ended")?.same(step.get("ended")?.flag()?, self.ended())
    }

    fn receive_recorded(&mut self, step: &Node<'_>) -> Outcome<Verdict> {
        let (Self::Server { play, .. } | Self::Client { play, .. }) = &*self;
        let recorded = play.recorded(step.get("type")?.small()?, ClientId(step.get("client")?.number()?))?;
        let upload = play.upload_of(recorded)?;
        self.receive(step, recorded.client, &recorded.bytes, upload)
    }

    fn receive(&mut self, step: &Node<'_>, from: ClientId, message: &[u8], upload: Option<Vec<u8>>) -> Outcome<Verdict> {
        let fresh = match self {
            Self::Server { server, .. } => match give(server, from, message, upload) {
                Ok(receipt) => receipt.fresh,
                Err(error) => return Ok(Verdict::of(&error)),
            },
            Self::Client { player, ended, .. } => match player.hear_or_ignore(message) {
                Ok(fresh) => fresh,
                Err(failure) => {
                    *ended |= failure.ended;
                    let complaint = step.opt("complaint").map(|complaint| complaint.bytes()).transpose()?;
                    step.same(complaint.map(hex::encode), failure.complaint.map(hex::encode))?;
                    return Ok(Verdict::of(&failure.error));
                }
            },
        };
        Ok(if fresh { Verdict::default() } else { Verdict::repeat() })
    }

    fn ended(&self) -> bool {
        match self {
            Self::Server { server, .. } => server.ended(),
            Self::Client { ended, .. } => *ended,
        }
    }
}

/// Ends the round. After the last one the sum is read, and compared with the recorded one.
fn close(server: &mut Server, play: &Play<'_>, step: &Node<'_>) -> Outcome<Verdict> {
    let mut sum = match server.close() {
        Err(error) => return Ok(Verdict::of(&error)),
        Ok(ServerStep::Sum(sum)) => sum,
        Ok(_) => return Ok(Verdict::default()),
    };
    let expected = play.node.get("sum").and_then(|sum| sum.numbers());
    let mut words = vec![0_u64; expected.as_ref().map_or(1, Vec::len)];
    if let Err(error) = sum.read(0, &mut words) {
        return Ok(Verdict::of(&error));
    }
    step.same(expected?, words)?;
    let liars = step.get("liars")?;
    liars.same(liars.numbers()?, sum.liars().iter().map(|id| id.0).collect())?;
    sum.announce().at(step)?;
    Ok(Verdict::default())
}
