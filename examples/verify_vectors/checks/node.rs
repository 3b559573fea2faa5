//! A value of a vector file, where it is, and a record of what has been read: a value that no check looks at is reported. Whatever is
//! missing or of another form is a mismatch, never a panic.

use std::{
    cell::RefCell,
    collections::BTreeSet,
    fmt::{Debug, Display},
};

use serde_json::Value;

/// What a vector says, and what this library says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mismatch {
    /// The path of the value in its file.
    pub(crate) place: String,
    pub(crate) expected: String,
    pub(crate) got: String,
}

pub(crate) type Outcome<T = ()> = Result<T, Mismatch>;

/// Paths of values that have been read.
pub(crate) type Reads = RefCell<BTreeSet<String>>;

/// A value and where it is.
#[derive(Clone)]
pub(crate) struct Node<'a> {
    value: &'a Value,
    path: String,
    /// None for a value that another check reads.
    read: Option<&'a Reads>,
}

impl<'a> Node<'a> {
    pub(crate) fn root(value: &'a Value, path: &str, read: Option<&'a Reads>) -> Self {
        Self { value, path: path.to_owned(), read }
    }

    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// The paths of all values below that are neither lists nor objects.
    pub(crate) fn leaves(&self) -> Vec<String> {
        match self.value {
            Value::Object(map) => map.keys().filter_map(|key| self.opt(key)).flat_map(|node| node.leaves()).collect(),
            Value::Array(_) => self.items().unwrap_or_default().iter().flat_map(Node::leaves).collect(),
            _ => vec![self.path.clone()],
        }
    }

    pub(crate) fn get(&self, key: &str) -> Outcome<Node<'a>> {
        self.opt(key).ok_or_else(|| self.fails(format!("a field {key:?}"), "none"))
    }

    pub(crate) fn opt(&self, key: &str) -> Option<Node<'a>> {
        Some(self.child(self.value.get(key)?, key))
    }

    fn child(&self, value: &'a Value, key: impl Display) -> Node<'a> {
        Node { value, path: format!("{}/{key}", self.path), read: self.read }
    }

    pub(crate) fn items(&self) -> Outcome<Vec<Node<'a>>> {
        let items = self.value.as_array().ok_or_else(|| self.malformed("a list"))?.iter().enumerate();
        Ok(items.map(|(i, value)| self.child(value, i)).collect())
    }

    pub(crate) fn list(&self, key: &str) -> Outcome<Vec<Node<'a>>> {
        self.get(key)?.items()
    }

    /// The item of a list that has this number under `key`.
    pub(crate) fn find(&self, list: &str, key: &str, number: u64) -> Outcome<Option<Node<'a>>> {
        let Some(list) = self.opt(list) else { return Ok(None) };
        for item in list.items()? {
            if item.get(key)?.number()? == number {
                return Ok(Some(item));
            }
        }
        Ok(None)
    }

    /// The same of an item that has to be there.
    pub(crate) fn by_id(&self, list: &str, key: &str, number: u64) -> Outcome<Node<'a>> {
        let missing = || self.fails(format!("an item of {list:?} with {key} = {number}"), "none");
        self.find(list, key, number)?.ok_or_else(missing)
    }

    fn leaf(&self) -> &'a Value {
        if let Some(read) = self.read {
            read.borrow_mut().insert(self.path.clone());
        }
        self.value
    }

    pub(crate) fn is_null(&self) -> bool {
        self.leaf().is_null()
    }

    pub(crate) fn text(&self) -> Outcome<&'a str> {
        self.as_text().ok_or_else(|| self.malformed("a string"))
    }

    /// The string, if it is one.
    pub(crate) fn as_text(&self) -> Option<&'a str> {
        self.leaf().as_str()
    }

    pub(crate) fn number(&self) -> Outcome<u64> {
        self.leaf().as_u64().ok_or_else(|| self.malformed("an integer from 0 to 2^64 - 1"))
    }

    pub(crate) fn flag(&self) -> Outcome<bool> {
        self.leaf().as_bool().ok_or_else(|| self.malformed("true or false"))
    }

    /// The number, or nothing for `null`.
    pub(crate) fn number_or_null(&self) -> Outcome<Option<u64>> {
        if self.is_null() { Ok(None) } else { self.number().map(Some) }
    }

    pub(crate) fn signed(&self) -> Outcome<i64> {
        self.leaf().as_i64().ok_or_else(|| self.malformed("an integer of 64 bits"))
    }

    /// A number that fits into less than 64 bits.
    pub(crate) fn small<T: TryFrom<u64>>(&self) -> Outcome<T> {
        T::try_from(self.number()?).map_err(|_| self.malformed(format!("an integer of {} bits", 8 * size_of::<T>())))
    }

    pub(crate) fn numbers(&self) -> Outcome<Vec<u64>> {
        self.items()?.iter().map(Node::number).collect()
    }

    pub(crate) fn all_signed(&self) -> Outcome<Vec<i64>> {
        self.items()?.iter().map(Node::signed).collect()
    }

    pub(crate) fn bytes(&self) -> Outcome<Vec<u8>> {
        hex::decode(self.text()?).map_err(|_| self.malformed("hexadecimal digits"))
    }

    pub(crate) fn array<const N: usize>(&self) -> Outcome<[u8; N]> {
        let bytes = self.bytes()?;
        let len = bytes.len();
        bytes.try_into().map_err(|_| self.fails(format!("{N} bytes"), format!("{len} bytes")))
    }

    pub(crate) fn arrays<const N: usize>(&self) -> Outcome<Vec<[u8; N]>> {
        self.items()?.iter().map(Node::array).collect()
    }

    /// The bytes under `key`.
    pub(crate) fn hex(&self, key: &str) -> Outcome<Vec<u8>> {
        self.get(key)?.bytes()
    }

    /// The `N` bytes under `key`.
    pub(crate) fn fixed<const N: usize>(&self, key: &str) -> Outcome<[u8; N]> {
        self.get(key)?.array()
    }

    /// Compares bytes of this library with those under `key`.
    pub(crate) fn is(&self, key: &str, bytes: &[u8]) -> Outcome {
        let node = self.get(key)?;
        node.same(node.text()?, &hex::encode(bytes)[..])
    }

    /// Compares a number of this library with the one under `key`.
    pub(crate) fn counts(&self, key: &str, number: impl Into<u64>) -> Outcome {
        let node = self.get(key)?;
        node.same(node.number()?, number.into())
    }

    /// Compares what this value says with what this library says.
    pub(crate) fn same<T: PartialEq + Debug>(&self, expected: T, got: T) -> Outcome {
        if expected == got { Ok(()) } else { Err(self.fails(shown(&expected), shown(&got))) }
    }

    /// Something that has to be true of this value.
    pub(crate) fn holds(&self, condition: bool, what: &str) -> Outcome {
        if condition { Ok(()) } else { Err(self.fails(what, "not so")) }
    }

    pub(crate) fn fails(&self, expected: impl Display, got: impl Display) -> Mismatch {
        Mismatch { place: self.path.clone(), expected: expected.to_string(), got: got.to_string() }
    }

    fn malformed(&self, expected: impl Display) -> Mismatch {
        self.fails(expected, self.value)
    }
}

fn shown(value: &impl Debug) -> String {
    format!("{value:?}").trim_matches('"').to_owned()
}

/// Turns what this library refuses, or does not have, into a mismatch.
pub(crate) trait At<T> {
    /// Expected was a success.
    fn at(self, node: &Node<'_>) -> Outcome<T>;
}

impl<T, E: Display> At<T> for Result<T, E> {
    fn at(self, node: &Node<'_>) -> Outcome<T> {
        self.map_err(|error| node.fails("accepted", error))
    }
}

impl<T> At<T> for Option<T> {
    fn at(self, node: &Node<'_>) -> Outcome<T> {
        self.ok_or_else(|| node.fails("accepted", "refused"))
    }
}
