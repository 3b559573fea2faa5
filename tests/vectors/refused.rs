//! Altered messages: whoever receives one says the same as the second implementation, blames the same party, and is in the state
//! that section 15 wants.

use std::{cell::RefCell, collections::BTreeMap};

use serde_json::Value;
use veilsum::{ClientFault, ClientId, Error, Party, ServerFault, driver::ClientFailure};

use crate::{
    json::{CORE, File, LATTICE, Node},
    play::{CLIENT_TYPES, Play, client_field, give},
};

/// What a case expects, under the name that it is reported with.
struct Case<'a> {
    node: &'a Node<'a>,
    name: String,
    message: Vec<u8>,
    round: usize,
    code: Option<u64>,
}

pub(crate) fn refused(section: &Node<'_>) {
    let files = [&CORE, &LATTICE].map(File::load);
    with_plays(&files, |plays| {
        let cases = section.items();
        let wrong: Vec<String> = cases.iter().filter_map(|node| one(node, plays).err()).collect();
        assert!(wrong.is_empty(), "{} of {} cases:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
    });
}

/// Gives `test` the sessions of some files by name, none of which it has to read whole.
pub(crate) fn with_plays(files: &[Value], test: impl FnOnce(&BTreeMap<String, Play<'_>>)) {
    let read = RefCell::default();
    let nodes = files.iter().flat_map(|file| Node::untracked(&file["sessions"], &read).items());
    test(&nodes.map(|node| (node.get("name").text().to_owned(), Play::new(&node))).collect());
}

/// The error of a case that does not come out as expected.
fn one(node: &Node<'_>, plays: &BTreeMap<String, Play<'_>>) -> Result<(), String> {
    let code = node.get("code");
    let case = Case {
        node,
        name: node.get("name").text().to_owned(),
        message: node.hex("message"),
        round: node.get("round").small(),
        code: (!code.is_null()).then(|| code.number()),
    };
    let play = &plays[node.get("session").text()];
    match node.get("receiver").as_text() {
        Some(receiver) => {
            assert_eq!(receiver, "server");
            case.to_server(play)
        }
        None => case.to_client(play, ClientId(node.get("receiver").number())),
    }
}

impl Case<'_> {
    fn to_server(&self, play: &Play<'_>) -> Result<(), String> {
        let mut server = play.server_at(self.round);
        let kind = CLIENT_TYPES[self.round];
        for id in self.node.get("accepted").numbers() {
            play.give(&mut server, play.find(kind, ClientId(id)).unwrap()).unwrap();
        }
        let sender = client_field(&self.message);
        let upload = self.node.opt("upload").map(|upload| upload.bytes());
        let said = give(&mut server, sender.unwrap_or(ClientId(0)), &self.message, upload);
        self.compare(said.as_ref().err())?;
        // The refusal has changed nothing: the true message of that sender still counts.
        if let (Err(_), Some(genuine)) = (said, sender.and_then(|id| play.find(kind, id))) {
            assert!(play.give(&mut server, genuine).unwrap().fresh, "{}", self.name);
        }
        Ok(())
    }

    fn to_client(&self, play: &Play<'_>, me: ClientId) -> Result<(), String> {
        let mut player = play.client_at(me, self.round);
        if let Some(finished) = player.finished.take() {
            let mut check = finished.check_sum();
            check.update(&play.node.get("sum").numbers()).unwrap();
            return self.compare(check.finish(&self.message).err().map(Error::from).as_ref());
        }
        let failure = player.hear(&self.message).err();
        self.compare(failure.as_ref().map(|failure| &failure.error))?;
        let ClientFailure { ended, complaint, .. } = failure.unwrap();
        assert_eq!((ended, complaint), (self.code > Some(300), None), "{}", self.name);
        Ok(())
    }

    fn compare(&self, said: Option<&Error>) -> Result<(), String> {
        let (got, expected) = (said.map(Outcome::of).unwrap_or_default(), Outcome::expected(self.node));
        if got == expected { Ok(()) } else { Err(format!("round {}, {}: {got:?}, expected {expected:?}", self.round, self.name)) }
    }
}

/// Code, culprit, and the code that the error carries (section 16).
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Outcome {
    pub(crate) code: Option<u64>,
    pub(crate) blames: Option<String>,
    pub(crate) reason: Option<u64>,
}

impl Outcome {
    pub(crate) fn of(error: &Error) -> Self {
        let blames = error.culprit().map(|party| match party {
            Party::Client(id) => id.0.to_string(),
            Party::Server => "server".to_owned(),
        });
        Self { code: Some(error.code().into()), blames, reason: reason(error) }
    }

    /// What a case or a step expects.
    pub(crate) fn expected(node: &Node<'_>) -> Self {
        let [code, blames, reason] = ["code", "blames", "reason"].map(|key| node.get(key));
        let number = |node: Node<'_>| (!node.is_null()).then(|| node.number());
        let blames = (!blames.is_null()).then(|| blames.as_text().map_or_else(|| blames.number().to_string(), str::to_owned));
        Self { code: number(code), blames, reason: number(reason) }
    }
}

fn reason(error: &Error) -> Option<u64> {
    Some(u64::from(match error {
        Error::Client { fault: ClientFault::Malformed(inner), .. } | Error::Server(ServerFault::Malformed(inner)) => inner.code(),
        Error::Server(ServerFault::EntryContents(_, inner)) => inner.code(),
        _ => return None,
    }))
}
