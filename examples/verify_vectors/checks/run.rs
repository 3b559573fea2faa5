//! Runs the checks over the files of a directory.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use serde_json::{Map, Value};

use super::{
    KINDS, Kind,
    context::Context,
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

/// A file that was read.
pub(crate) struct File {
    pub(crate) name: String,
    pub(crate) value: Result<Value, Mismatch>,
}

/// Checks every `.json` file of a directory, in the order of names; a file that is a JSON schema holds no vectors and is left out.
pub(crate) fn directory(path: &Path) -> Vec<Group> {
    let whole = |tally| vec![Group { file: path.display().to_string(), name: WHOLE.to_owned(), tally }];
    match load(path) {
        Err(e) => whole(Tally::failed(WHOLE, mismatch("a directory of vector files", e))),
        Ok(files) if files.is_empty() => whole(Tally::unknown("no .json file is there".to_owned())),
        Ok(files) => files.iter().flat_map(|file| check(file, &files)).collect(),
    }
}

/// The `.json` files of a directory, in the order of names.
pub(crate) fn load(path: &Path) -> std::io::Result<Vec<File>> {
    Ok(json_files(path)?.iter().map(|path| read(path)).collect())
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

fn read(path: &Path) -> File {
    let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let bytes = fs::read(path).map_err(|e| mismatch("a file", e));
    File { name, value: bytes.and_then(|bytes| serde_json::from_slice(&bytes).map_err(|e| mismatch("a JSON file", e))) }
}

/// Checks one file; its cases may begin in sessions of the others.
pub(crate) fn check(file: &File, all: &[File]) -> Vec<Group> {
    let whole = |tally| vec![Group { file: file.name.clone(), name: WHOLE.to_owned(), tally }];
    let value = match &file.value {
        Ok(value) => value,
        Err(mismatch) => return whole(Tally::failed(WHOLE, mismatch.clone())),
    };
    let Value::Object(groups) = value else {
        return whole(Tally::failed(WHOLE, mismatch("an object with the groups as fields", "something else")));
    };
    if groups.contains_key("$schema") {
        return Vec::new();
    }
    let Some(kind) = KINDS.iter().find(|kind| file.name.split(['.', '-']).next() == Some(kind.name)) else {
        let known = KINDS.iter().map(|kind| format!("{}*.json", kind.name)).collect::<Vec<_>>().join(", ");
        return whole(Tally::unknown(format!("the file is of no kind that is known: {known}")));
    };
    let others = all.iter().filter_map(|file| Some((&file.name[..], file.value.as_ref().ok()?)));
    all_groups(kind, groups, &Context::new((&file.name, value), others))
        .into_iter()
        .map(|(name, tally)| Group { file: file.name.clone(), name, tally })
        .collect()
}

/// Checks the groups of a file, on all processors.
fn all_groups(kind: &Kind, groups: &Map<String, Value>, context: &Context<'_>) -> Vec<(String, Tally)> {
    let waiting: Vec<(&String, &Value)> = groups.iter().collect();
    let (next, done) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let work = || {
        while let Some((name, group)) = waiting.get(next.fetch_add(1, Ordering::Relaxed)) {
            let found = ((*name).clone(), one_group(kind, name, group, context));
            done.lock().unwrap_or_else(PoisonError::into_inner).push(found);
        }
    };
    thread::scope(|scope| {
        let threads = thread::available_parallelism().map_or(1, usize::from);
        (0..threads).for_each(|_| drop(scope.spawn(work)));
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by(|(a, _), (b, _)| a.cmp(b));
    done
}

fn one_group(kind: &Kind, name: &str, group: &Value, context: &Context<'_>) -> Tally {
    let Some((_, check)) = kind.groups.iter().find(|(group, _)| *group == name) else {
        return Tally::unknown(format!("no check is known for {name:?} in a {} file", kind.name));
    };
    let reads = Reads::default();
    let group = Node::root(group, name, Some(&reads));
    Tally::of(&group, |leaf| reads.borrow().contains(leaf), |tally| check(&group, context, tally))
}
