//! Altered messages: whoever receives one says the same as the second implementation, blames the same party, and is in the state
//! that section 15 wants.

use std::fmt;

use veilsum::{ClientFault, ClientId, Error, Party, ServerFault, driver::ClientFailure};

use super::{
    context::{Context, Sessions},
    node::{At, Node, Outcome},
    play::{CLIENT_TYPES, Play, client_field, give},
    tally::Tally,
};

/// What a receiver says: the code, whom it blames, and the code inside (section 16); no code if it accepts.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Verdict {
    code: Option<u64>,
    blames: Option<String>,
    reason: Option<u64>,
}

impl Verdict {
    /// What a case or a step expects.
    pub(super) fn expected(node: &Node<'_>) -> Outcome<Self> {
        let blames = node.get("blames")?;
        let culprit = match blames.as_text() {
            Some(text) => Some(text.to_owned()),
            None => blames.number_or_null()?.map(|id| id.to_string()),
        };
        Ok(Self { code: node.get("code")?.number_or_null()?, blames: culprit, reason: node.get("reason")?.number_or_null()? })
    }

    pub(super) fn of(error: &Error) -> Self {
        let blames = error.culprit().map(|party| match party {
            Party::Client(id) => id.0.to_string(),
            Party::Server => "server".to_owned(),
        });
        Self { code: Some(error.code().into()), blames, reason: reason(error) }
    }

    /// A message that was there before, which parties report without an error.
    pub(super) fn repeat() -> Self {
        Self { code: Some(REPEAT), ..Self::default() }
    }

    /// Compares what a vector expects with what this library says.
    pub(super) fn compare(&self, node: &Node<'_>, said: &Self) -> Outcome {
        if self == said { Ok(()) } else { Err(node.fails(self, said)) }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(code) = self.code else { return f.write_str("accepted") };
        match self.blames.as_deref() {
            None => write!(f, "code {code}, blames nobody")?,
            Some("server") => write!(f, "code {code}, blames the server")?,
            Some(client) => write!(f, "code {code}, blames client {client}")?,
        }
        self.reason.map_or(Ok(()), |reason| write!(f, ", reason {reason}"))
    }
}

/// The code of a repeat.
const REPEAT: u64 = 507;

/// One altered message.
struct Case<'a, 'b> {
    node: &'a Node<'b>,
    message: Vec<u8>,
    round: usize,
    expected: Verdict,
}

pub(crate) fn refused(group: &Node<'_>, context: &Context<'_>, tally: &mut Tally) -> Outcome {
    let sessions = context.sessions();
    for node in group.items()? {
        tally.case(&node, || one(&node, &sessions));
    }
    Ok(())
}

fn one(node: &Node<'_>, sessions: &Sessions<'_>) -> Outcome {
    let expected = Verdict::expected(node)?;
    let case = Case { node, message: node.hex("message")?, round: node.get("round")?.small()?, expected };
    let play = sessions.named(&node.get("session")?)?;
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
        self.node.same((self.expected.code > Some(300), None), (ended, complaint))
    }

    fn compare(&self, said: Option<&Error>) -> Outcome {
        self.expected.compare(self.node, &said.map(Verdict::of).unwrap_or_default())
    }
}

/// The code inside an error (section 16).
fn reason(error: &Error) -> Option<u64> {
    Some(u64::from(match error {
        Error::Client { fault: ClientFault::Malformed(inner), .. } | Error::Server(ServerFault::Malformed(inner)) => inner.code(),
        Error::Server(ServerFault::EntryContents(_, inner)) => inner.code(),
        _ => return None,
    }))
}
