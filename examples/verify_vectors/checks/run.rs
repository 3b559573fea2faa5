//! Runs the checks over the files of a directory.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use serde_json::{Map, Value};

use super::{
    KINDS, Kind,
    node::{Mismatch, Node, Reads},
    tally::Tally,
};

/// What became of one group of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Group {
    pub(crate) file: String,
    pub(crate) name: String,
    pub(crate) tally: Tally,
}

/// What stands in place of a group where the file as a whole is meant.
const WHOLE: &str = "(file)";

/// Checks every `.json` file of a directory, in the order of names; a file that is a JSON schema holds no vectors and is left out.
pub(crate) fn directory(path: &Path) -> Vec<Group> {
    let whole = |tally| vec![Group { file: path.display().to_string(), name: WHOLE.to_owned(), tally }];
    let files = match json_files(path) {
        Err(e) => return whole(Tally::failed(WHOLE, mismatch("a directory of vector files", e))),
        Ok(files) if files.is_empty() => return whole(Tally::unknown("no .json file is there".to_owned())),
        Ok(files) => files,
    };
    files.iter().flat_map(|path| file(path)).collect()
}

fn json_files(path: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(path)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn mismatch(expected: &str, got: impl std::fmt::Display) -> Mismatch {
    Mismatch { place: WHOLE.to_owned(), expected: expected.to_owned(), got: got.to_string() }
}

/// Checks one file.
fn file(path: &Path) -> Vec<Group> {
    let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let whole = |tally| vec![Group { file: name.clone(), name: WHOLE.to_owned(), tally }];
    let parsed = fs::read(path).map_err(|e| mismatch("a file", e));
    let value = match parsed.and_then(|bytes| serde_json::from_slice(&bytes).map_err(|e| mismatch("a JSON file", e))) {
        Ok(value) => value,
        Err(mismatch) => return whole(Tally::failed(WHOLE, mismatch)),
    };
    let Value::Object(groups) = &value else {
        return whole(Tally::failed(WHOLE, mismatch("an object with the groups as fields", "something else")));
    };
    if groups.contains_key("$schema") {
        return Vec::new();
    }
    match KINDS.iter().find(|kind| name.split(['.', '-']).next() == Some(kind.name)) {
        Some(kind) => all_groups(&name, kind, &value, groups),
        None => {
            let known = KINDS.iter().map(|kind| format!("{}*.json", kind.name)).collect::<Vec<_>>().join(", ");
            whole(Tally::unknown(format!("the file is of no kind that is known: {known}")))
        }
    }
}

/// Checks the groups of a file, on all processors.
fn all_groups(file: &str, kind: &Kind, value: &Value, groups: &Map<String, Value>) -> Vec<Group> {
    let names: Vec<&String> = groups.keys().collect();
    let (next, done) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let work = || {
        while let Some(name) = names.get(next.fetch_add(1, Ordering::Relaxed)) {
            let tally = one_group(kind, name, value);
            let group = Group { file: file.to_owned(), name: (*name).clone(), tally };
            done.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(group);
        }
    };
    thread::scope(|scope| {
        let threads = thread::available_parallelism().map_or(1, usize::from);
        (0..threads).for_each(|_| drop(scope.spawn(work)));
    });
    let mut done = done.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    done.sort_by(|a, b| a.name.cmp(&b.name));
    done
}

fn one_group(kind: &Kind, name: &str, file: &Value) -> Tally {
    let Some((_, check)) = kind.groups.iter().find(|(group, _)| *group == name) else {
        return Tally::unknown(format!("no check is known for {name:?} in a {} file", kind.name));
    };
    let (reads, root) = (Reads::default(), Node::root(file, "", None));
    let group = Node::root(file.get(name).unwrap_or(&Value::Null), name, Some(&reads));
    Tally::of(&group, |leaf| reads.borrow().contains(leaf), |tally| check(&group, &root, tally))
}
