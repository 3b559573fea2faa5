//! What the checks of a group found.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
};

use super::node::{Mismatch, Node, Outcome};

/// One vector that does not come out as it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) name: String,
    pub(crate) mismatch: Mismatch,
}

/// The vectors of one group of one file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) passed: usize,
    pub(crate) failures: Vec<Failure>,
    /// What nobody checked: a group or values that this program does not know.
    pub(crate) unknown: Vec<String>,
    /// Paths of cases that failed: the rest of them was not looked at.
    given_up: Vec<String>,
}

impl Tally {
    /// A group, or a file, that can not be read at all.
    pub(crate) fn failed(name: &str, mismatch: Mismatch) -> Self {
        let mut tally = Self::default();
        tally.fail(name.to_owned(), mismatch);
        tally
    }

    /// A group that this program has no check for.
    pub(crate) fn unknown(what: String) -> Self {
        Self { unknown: vec![what], ..Self::default() }
    }

    /// Checks one vector. `name` and `why` in it are for the reader.
    pub(crate) fn case(&mut self, node: &Node<'_>, check: impl FnOnce() -> Outcome) {
        self.part(node, "", check);
    }

    /// Checks one aspect of a vector that has several.
    pub(crate) fn part(&mut self, node: &Node<'_>, aspect: &str, check: impl FnOnce() -> Outcome) {
        let titles = ["name", "why"].into_iter().filter_map(|key| node.opt(key)?.as_text());
        let aspect = Some(aspect).filter(|aspect| !aspect.is_empty());
        let name = [node.path()].into_iter().chain(titles).chain(aspect).collect::<Vec<_>>().join(", ");
        let caught = catch_unwind(AssertUnwindSafe(check));
        match caught.unwrap_or_else(|panic| Err(node.fails("a verdict", format!("a panic: {}", message(panic.as_ref()))))) {
            Ok(()) => self.passed += 1,
            Err(mismatch) => {
                self.given_up.push(format!("{}/", node.path()));
                self.fail(name, mismatch);
            }
        }
    }

    fn fail(&mut self, name: String, mismatch: Mismatch) {
        self.failures.push(Failure { name, mismatch });
    }

    /// Runs the checks of a group, then looks for values that none of them has read.
    pub(crate) fn of(node: &Node<'_>, was_read: impl Fn(&str) -> bool, check: impl FnOnce(&mut Self) -> Outcome) -> Self {
        let mut tally = Self::default();
        if let Err(mismatch) = check(&mut tally) {
            tally.fail(node.path().to_owned(), mismatch);
            return tally;
        }
        let given_up = |leaf: &str| tally.given_up.iter().any(|path| format!("{leaf}/").starts_with(path));
        let unread = node.leaves().into_iter().filter(|leaf| !was_read(leaf) && !given_up(leaf)).collect();
        tally.unknown = unread;
        if tally.passed == 0 && tally.failures.is_empty() && tally.unknown.is_empty() {
            tally.unknown.push(format!("{} is empty", node.path()));
        }
        tally
    }
}

fn message(panic: &(dyn Any + Send)) -> &str {
    let owned = panic.downcast_ref::<String>().map(String::as_str);
    owned.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("without a message")
}

#[cfg(test)]
#[allow(clippy::panic, reason = "what is tested")]
mod tests {
    use super::*;

    #[test]
    fn a_check_that_panics_fails_its_vector() {
        let (value, mut tally) = (serde_json::json!({"name": "odd"}), Tally::default());
        let node = Node::root(&value, "group/3", None);
        tally.case(&node, || panic!("at the disco"));
        tally.case(&node, || Ok(()));
        let found: Vec<_> = tally.failures.iter().map(|failure| (&failure.name[..], &failure.mismatch.got[..])).collect();
        assert_eq!((found, tally.passed), (vec![("group/3, odd", "a panic: at the disco")], 1));
    }
}
