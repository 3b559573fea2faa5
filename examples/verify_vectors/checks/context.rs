//! The other files of a directory: a case may begin in a session of another one.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    node::{Mismatch, Node, Outcome},
    play::Play,
};

/// The files of a directory, and the one that is being checked.
pub(crate) struct Context<'a> {
    files: Vec<(&'a str, &'a Value)>,
}

impl<'a> Context<'a> {
    /// The file that is being checked comes first.
    pub(super) fn new(own: (&'a str, &'a Value), all: impl Iterator<Item = (&'a str, &'a Value)>) -> Self {
        Self { files: [own].into_iter().chain(all.filter(|(name, _)| *name != own.0)).collect() }
    }

    /// The roots of all files, without a record of what is read in them.
    pub(super) fn roots(&self) -> impl Iterator<Item = Node<'a>> + '_ {
        self.files.iter().map(|(name, value)| Node::root(value, name, None))
    }

    /// All sessions. Of two with one name, that of the file itself counts.
    pub(super) fn sessions(&self) -> Sessions<'a> {
        let mut sessions = BTreeMap::new();
        for node in self.roots().filter_map(|root| root.list("sessions").ok()).flatten() {
            if let Some(name) = node.opt("name").and_then(|name| name.as_text()) {
                sessions.entry(name).or_insert_with(|| Play::new(&node));
            }
        }
        Sessions(sessions)
    }
}

/// Sessions by name; one that is malformed fails the cases that begin in it.
pub(super) struct Sessions<'a>(BTreeMap<&'a str, Outcome<Play<'a>>>);

impl<'a> Sessions<'a> {
    /// The session that a node names.
    pub(super) fn named(&self, name: &Node<'_>) -> Outcome<&Play<'a>> {
        let missing = || name.fails("the name of a session in a file of this directory", name.as_text().unwrap_or("none"));
        self.0.get(name.text()?).ok_or_else(missing)?.as_ref().map_err(Mismatch::clone)
    }
}
