//! Altered messages: whoever receives one says the same as the second implementation, blames the same party, and is in the state
//! that section 15 wants.

use std::collections::BTreeMap;

use veilsum::{ClientFault, ClientId, Error, Party, ServerFault, driver::ClientFailure};

use super::{
    node::{At, Node, Outcome},
    play::{CLIENT_TYPES, Play, client_field, give},
    tally::Tally,
};

/// What a receiver says: the code, whom it blames, and the code inside.
type Verdict = (Option<u64>, Option<String>, Option<u64>);

/// One altered message.
struct Case<'a, 'b> {
    node: &'a Node<'b>,
    message: Vec<u8>,
    round: usize,
    expected: Verdict,
}

pub(crate) fn refused(group: &Node<'_>, file: &Node<'_>, tally: &mut Tally) -> Outcome {
    let mut plays = BTreeMap::new();
    for node in file.list("sessions")? {
        plays.insert(node.get("name")?.text()?, Play::new(&node)?);
    }
    for node in group.items()? {
        tally.case(&node, || one(&node, &plays));
    }
    Ok(())
}

fn one(node: &Node<'_>, plays: &BTreeMap<&str, Play<'_>>) -> Outcome {
    let blames = node.get("blames")?;
    let culprit = match blames.as_text() {
        Some(text) => Some(text.to_owned()),
        None => blames.number_or_null()?.map(|id| id.to_string()),
    };
    let expected = (node.get("code")?.number_or_null()?, culprit, node.get("reason")?.number_or_null()?);
    let case = Case { node, message: node.hex("message")?, round: node.get("round")?.small()?, expected };
    let play = plays.get(node.get("session")?.text()?).at(&node.get("session")?)?;
    let receiver = node.get("receiver")?;
    match receiver.as_text() {
        Some("server") => case.to_server(play),
        _ => case.to_client(play, ClientId(receiver.number()?)),
    }
}

impl Case<'_, '_> {
    fn to_server(&self, play: &Play<'_>) -> Outcome {
        let mut server = play.server_at(self.round)?;
        let kind = *CLIENT_TYPES.get(self.round).at(self.node)?;
        for id in self.node.get("accepted")?.numbers()? {
            play.give_good(&mut server, play.recorded(kind, ClientId(id))?)?;
        }
        let sender = client_field(&self.message);
        let upload = self.node.opt("upload").map(|upload| upload.bytes()).transpose()?;
        let said = give(&mut server, sender.unwrap_or(ClientId(0)), &self.message, upload);
        self.compare(said.as_ref().err())?;
        // The refusal has changed nothing: the true message of that sender still counts.
        match (said, sender.and_then(|id| play.find(kind, id))) {
            (Err(_), Some(genuine)) => play.give_good(&mut server, genuine),
            _ => Ok(()),
        }
    }

    fn to_client(&self, play: &Play<'_>, me: ClientId) -> Outcome {
        let mut player = play.client_at(me, self.round)?;
        if let Some(finished) = player.finished.take() {
            let mut check = finished.check_sum();
            check.update(&play.node.get("sum")?.numbers()?).at(self.node)?;
            return self.compare(check.finish(&self.message).err().map(Error::from).as_ref());
        }
        let failure = player.hear(&self.message).err();
        self.compare(failure.as_ref().map(|failure| &failure.error))?;
        let Some(ClientFailure { ended, complaint, .. }) = failure else { return Ok(()) };
        self.node.same((self.expected.0 > Some(300), None), (ended, complaint))
    }

    fn compare(&self, said: Option<&Error>) -> Outcome {
        let culprit = |error: &Error| match error.culprit()? {
            Party::Client(id) => Some(id.0.to_string()),
            Party::Server => Some("server".to_owned()),
        };
        let got: Verdict = (said.map(|error| error.code().into()), said.and_then(culprit), said.and_then(reason));
        if got == self.expected { Ok(()) } else { Err(self.node.fails(shown(&self.expected), shown(&got))) }
    }
}

fn shown((code, blames, reason): &Verdict) -> String {
    let Some(code) = code else { return "accepted".to_owned() };
    let blames =
        blames.as_deref().map_or("nobody".to_owned(), |who| if who == "server" { who.into() } else { format!("client {who}") });
    let reason = reason.map_or_else(String::new, |reason| format!(", reason {reason}"));
    format!("code {code}, blames {blames}{reason}")
}

/// The code inside an error (section 16).
fn reason(error: &Error) -> Option<u64> {
    Some(u64::from(match error {
        Error::Client { fault: ClientFault::Malformed(inner), .. } | Error::Server(ServerFault::Malformed(inner)) => inner.code(),
        Error::Server(ServerFault::EntryContents(_, inner)) => inner.code(),
        _ => return None,
    }))
}
