//! The vector files, with a record of what has been read: a value that no test looks at is a failure.

use std::{
    cell::RefCell,
    collections::BTreeSet,
    format,
    string::{String, ToString},
    vec::Vec,
};

use serde_json::Value;

/// A file of vectors.
pub(crate) struct File {
    path: &'static str,
    /// Sections that are checked through the public interface alone.
    pub(crate) public: &'static [&'static str],
    /// Sections that need the inside of the crate; besides, `derived` in the sessions.
    pub(crate) internal: &'static [&'static str],
}

/// Everything but lattice masks.
#[allow(dead_code, reason = "each side uses some of it")]
pub(crate) static CORE: File = File {
    path: "tests/vectors/core.json",
    public: &["complaints", "protocol_version", "refused", "session", "sessions", "suite"],
    internal: &["ed25519", "envelope", "hash", "kdf", "merkle", "pack", "prg", "vss", "xwing"],
};

/// Lattice masks.
#[allow(dead_code, reason = "each side uses some of it")]
pub(crate) static LATTICE: File = File {
    path: "tests/vectors/lattice.json",
    public: &["descriptors", "protocol_version", "sessions", "suite"],
    internal: &["blocks", "decode", "errors", "geometry", "kdf", "keys", "pack", "public", "samples", "sets", "transform"],
};

/// Sessions with drop-outs after the input.
#[allow(dead_code, reason = "each side uses some of it")]
pub(crate) static SESSIONS: File =
    File { path: "tests/vectors/sessions.json", public: &["protocol_version", "sessions", "suite"], internal: &[] };

/// Altered messages to the server.
#[allow(dead_code, reason = "each side uses some of it")]
pub(crate) static REFUSED_SERVER: File =
    File { path: "tests/vectors/refused_server.json", public: &["protocol_version", "refused", "suite"], internal: &[] };

/// Altered messages to clients.
#[allow(dead_code, reason = "each side uses some of it")]
pub(crate) static REFUSED_CLIENT: File =
    File { path: "tests/vectors/refused_client.json", public: &["protocol_version", "refused", "suite"], internal: &[] };

/// Messages in an order, and what each does to a party.
#[allow(dead_code, reason = "each side uses some of it")]
pub(crate) static STATES: File =
    File { path: "tests/vectors/states.json", public: &["cases", "protocol_version", "sessions", "suite"], internal: &[] };

/// Encodings, and the private encoding with fixed coins.
#[allow(dead_code, reason = "each side uses some of it")]
pub(crate) static ENCODING: File = File {
    path: "tests/vectors/encoding.json",
    public: &["descriptions", "encode", "fixed_point", "long", "refused", "sums"],
    internal: &[],
};

/// Samplers of integer noise.
#[allow(dead_code, reason = "each side uses some of it")]
pub(crate) static SAMPLERS: File = File { path: "tests/vectors/samplers.json", public: &["bulk", "exact"], internal: &[] };

/// What only the inside of an implementation sees.
const DERIVED: &str = "/derived";

/// Which values of a section a test has to read.
#[derive(Clone, Copy, PartialEq, Eq)]
#[allow(dead_code, reason = "each side uses some of it")]
pub(crate) enum Part {
    All,
    Derived,
    NotDerived,
}

impl File {
    /// The whole file. Tests run in the root of the package.
    pub(crate) fn load(&self) -> Value {
        serde_json::from_str(&std::fs::read_to_string(self.path).unwrap()).unwrap()
    }

    /// Runs `test` on a section, and fails if it has left a value of `part` unread.
    pub(crate) fn check(&self, section: &str, part: Part, test: impl FnOnce(&Node<'_>)) {
        let (file, read) = (self.load(), RefCell::default());
        let node = Node { value: &file[section], path: section.to_string(), read: &read };
        test(&node);
        let mut values = Vec::new();
        leaves(&node, &mut values);
        values.retain(|path| part == Part::All || path.contains(DERIVED) == (part == Part::Derived));
        assert!(!values.is_empty(), "nothing to read in {section}");
        let unread: Vec<_> = values.iter().filter(|path| !read.borrow().contains(*path)).collect();
        assert!(unread.is_empty(), "{} of {} values are never read: {unread:?}", unread.len(), values.len());
    }

    /// Fails if the file has a section in neither list.
    pub(crate) fn has_no_other_section(&self) {
        let mut tested: Vec<_> = self.public.iter().chain(self.internal).copied().collect();
        tested.sort_unstable();
        let file = self.load();
        let mut sections: Vec<_> = file.as_object().unwrap().keys().collect();
        sections.sort_unstable();
        assert_eq!(tested, sections, "{}", self.path);
    }
}

fn leaves(node: &Node<'_>, out: &mut Vec<String>) {
    match node.value {
        Value::Object(map) => map.keys().for_each(|key| leaves(&node.get(key), out)),
        Value::Array(_) => node.items().iter().for_each(|item| leaves(item, out)),
        _ => out.push(node.path.clone()),
    }
}

/// A value and where it is.
#[derive(Clone)]
pub(crate) struct Node<'a> {
    value: &'a Value,
    path: String,
    read: &'a RefCell<BTreeSet<String>>,
}

#[allow(dead_code, reason = "each side uses some of it")]
impl<'a> Node<'a> {
    /// A value that another test checks.
    pub(crate) fn untracked(value: &'a Value, read: &'a RefCell<BTreeSet<String>>) -> Self {
        Node { value, path: String::new(), read }
    }

    pub(crate) fn get(&self, key: &str) -> Node<'a> {
        self.opt(key).unwrap_or_else(|| panic!("{} has no {key}", self.path))
    }

    pub(crate) fn opt(&self, key: &str) -> Option<Node<'a>> {
        let value = self.value.get(key)?;
        Some(Node { value, path: format!("{}/{key}", self.path), read: self.read })
    }

    pub(crate) fn items(&self) -> Vec<Node<'a>> {
        let items = self.value.as_array().unwrap_or_else(|| panic!("{} is no list", self.path)).iter().enumerate();
        items.map(|(i, value)| Node { value, path: format!("{}/{i}", self.path), read: self.read }).collect()
    }

    pub(crate) fn list(&self, key: &str) -> Vec<Node<'a>> {
        self.get(key).items()
    }

    /// The items of a list by the client id under `key`.
    pub(crate) fn by_id(&self, list: &str, key: &str, id: u64) -> Option<Node<'a>> {
        self.opt(list)?.items().into_iter().find(|item| item.get(key).number() == id)
    }

    fn leaf(&self) -> &'a Value {
        self.read.borrow_mut().insert(self.path.clone());
        self.value
    }

    pub(crate) fn is_null(&self) -> bool {
        self.leaf().is_null()
    }

    pub(crate) fn text(&self) -> &'a str {
        self.leaf().as_str().unwrap_or_else(|| panic!("{} is no string", self.path))
    }

    /// The string, if it is one.
    pub(crate) fn as_text(&self) -> Option<&'a str> {
        self.leaf().as_str()
    }

    pub(crate) fn flag(&self) -> bool {
        self.leaf().as_bool().unwrap_or_else(|| panic!("{} is no truth value", self.path))
    }

    pub(crate) fn number(&self) -> u64 {
        self.leaf().as_u64().unwrap_or_else(|| panic!("{} is no number", self.path))
    }

    pub(crate) fn signed(&self) -> i64 {
        self.leaf().as_i64().unwrap_or_else(|| panic!("{} is no number", self.path))
    }

    pub(crate) fn small<T: TryFrom<u64>>(&self) -> T {
        T::try_from(self.number()).unwrap_or_else(|_| panic!("{} is too large", self.path))
    }

    pub(crate) fn numbers(&self) -> Vec<u64> {
        self.items().iter().map(Node::number).collect()
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        hex::decode(self.text()).unwrap_or_else(|_| panic!("{} is not hexadecimal", self.path))
    }

    pub(crate) fn array<const N: usize>(&self) -> [u8; N] {
        self.bytes().try_into().unwrap_or_else(|_| panic!("{} has not {N} bytes", self.path))
    }

    /// The bytes under `key`.
    pub(crate) fn hex(&self, key: &str) -> Vec<u8> {
        self.get(key).bytes()
    }

    /// The `N` bytes under `key`.
    pub(crate) fn fixed<const N: usize>(&self, key: &str) -> [u8; N] {
        self.get(key).array()
    }

    /// Compares bytes with those under `key`.
    #[track_caller]
    pub(crate) fn is(&self, key: &str, bytes: &[u8]) {
        let node = self.get(key);
        assert_eq!(hex::encode(bytes), node.text(), "{}", node.path);
    }

    /// Compares a number with the one under `key`.
    #[track_caller]
    pub(crate) fn counts(&self, key: &str, number: impl Into<u64>) {
        let node = self.get(key);
        assert_eq!(number.into(), node.number(), "{}", node.path);
    }
}

/// A generator that gives recorded bytes (appendix A) and fails beyond them.
pub(crate) struct Replay {
    bytes: Vec<u8>,
    at: usize,
}

#[allow(dead_code, reason = "each side uses some of it")]
impl Replay {
    pub(crate) fn new(bytes: Vec<u8>) -> Self {
        Self { bytes, at: 0 }
    }

    /// Bytes not asked for yet.
    pub(crate) fn left(&self) -> usize {
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
        let next = self.bytes.get(self.at..self.at + out.len()).ok_or(std::fmt::Error)?;
        out.copy_from_slice(next);
        self.at += out.len();
        Ok(())
    }
}

impl rand_core::TryCryptoRng for Replay {}
