//! A museum of bugs that other projects had and that could exist here: one test for each, named after its lesson. The table is in
//! tests/museum/README.md; every source in it is public.
#![cfg(feature = "std")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

#[path = "museum/arithmetic.rs"]
mod arithmetic;
mod common;
#[path = "common/dealer.rs"]
mod dealer;
#[path = "common/descriptors.rs"]
mod descriptors;
#[path = "common/drill.rs"]
mod drill;
#[path = "common/evil.rs"]
mod evil;
#[path = "common/forge.rs"]
mod forge;
#[path = "museum/frameworks.rs"]
mod frameworks;
#[path = "museum/keys.rs"]
mod keys;
#[path = "museum/messages.rs"]
mod messages;
#[path = "common/plane.rs"]
mod plane;
#[path = "common/player.rs"]
mod player;
#[path = "museum/resources.rs"]
mod resources;
#[path = "common/rogue.rs"]
mod rogue;
#[path = "common/samples.rs"]
mod samples;
#[path = "museum/seeds.rs"]
mod seeds;
#[path = "museum/sharing.rs"]
mod sharing;
#[path = "museum/tools.rs"]
mod tools;
#[path = "museum/types.rs"]
mod types;
#[path = "museum/views.rs"]
mod views;
#[path = "common/villain.rs"]
mod villain;
#[cfg(target_os = "linux")]
#[path = "museum/wiping.rs"]
mod wiping;

use std::{
    fs,
    path::{Path, PathBuf},
};

/// One test, and what its doc comment says.
struct Exhibit {
    bug: String,
    lesson: String,
    test: String,
}

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/museum")
}

/// The tests of a file. A doc comment reads: the source, a colon, the bug; then "Lesson:" and the lesson.
fn exhibits_of(file: &str, text: &str) -> Vec<Exhibit> {
    let (mut exhibits, mut comment, mut is_test) = (Vec::new(), Vec::new(), false);
    for line in text.lines() {
        if let Some(text) = line.strip_prefix("/// ") {
            comment.push(text);
        } else if line.starts_with("#[") {
            is_test |= line == "#[test]";
        } else {
            if is_test {
                let name = line.strip_prefix("fn ").and_then(|rest| rest.strip_suffix("() {")).unwrap();
                let (bug, lesson) = comment.join(" ").split_once(" Lesson: ").map(|(b, l)| (b.to_owned(), l.to_owned())).unwrap();
                exhibits.push(Exhibit { bug, lesson, test: format!("{file}::{name}") });
            }
            (comment, is_test) = (Vec::new(), false);
        }
    }
    exhibits
}

fn exhibits() -> Vec<Exhibit> {
    let files = fs::read_dir(directory()).unwrap().map(|entry| entry.unwrap().path());
    let mut sources: Vec<_> = files.filter(|path| path.extension().is_some_and(|extension| extension == "rs")).collect();
    sources.sort();
    let read = |path: PathBuf| exhibits_of(path.file_stem().unwrap().to_str().unwrap(), &fs::read_to_string(&path).unwrap());
    sources.into_iter().flat_map(read).collect()
}

/// The table of tests/museum/README.md.
fn table(exhibits: &[Exhibit]) -> String {
    let row = |Exhibit { bug, lesson, test }: &Exhibit| format!("| {bug} | {lesson} | `{test}` |\n");
    let head = "| Bug | Lesson | Test |\n| --- | --- | --- |\n";
    exhibits.iter().map(row).fold(head.to_owned(), |table, row| table + &row)
}

#[test]
fn the_table_has_every_exhibit_and_every_row_is_one() {
    let exhibits = exhibits();
    assert!(exhibits.len() >= 40, "{} exhibits", exhibits.len());
    let readme = fs::read_to_string(directory().join("README.md")).unwrap();
    let rows: String = readme.lines().filter(|line| line.starts_with('|')).map(|line| format!("{line}\n")).collect();
    let expected = table(&exhibits);
    assert!(rows == expected, "the table should be:\n{expected}");
}

/// A file without tests would pass unseen, and so would a test that the parser does not see.
#[test]
fn every_test_of_the_museum_is_an_exhibit() {
    for file in
        fs::read_dir(directory()).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.extension().unwrap() == "rs")
    {
        let text = fs::read_to_string(&file).unwrap();
        let tests = text.lines().filter(|line| line.trim() == "#[test]").count();
        assert_eq!(exhibits_of("x", &text).len(), tests, "{}", file.display());
        assert_eq!(tests == 0, file.ends_with("tools.rs"), "{}", file.display());
    }
}
