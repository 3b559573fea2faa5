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

    /// Code, culprit, and what the error carries.
    fn compare(&self, said: Option<&Error>) -> Result<(), String> {
        let blames = self.node.get("blames");
        let expected = (
            self.code,
            if blames.is_null() {
                None
            } else {
                Some(blames.as_text().map_or_else(|| blames.number().to_string(), str::to_owned))
            },
            {
                let reason = self.node.get("reason");
                (!reason.is_null()).then(|| reason.number())
            },
        );
        let culprit = |error: &Error| match error.culprit()? {
            Party::Client(id) => Some(id.0.to_string()),
            Party::Server => Some("server".to_owned()),
        };
        let got = (said.map(|error| error.code().into()), said.and_then(culprit), said.and_then(reason));
        if got == expected { Ok(()) } else { Err(format!("round {}, {}: {got:?}, expected {expected:?}", self.round, self.name)) }
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
