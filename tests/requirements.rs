//! docs/requirements.md maps the requirements of docs/protocol.md to the functions and tests that enforce them. This keeps it true to both:
//! the words are in that section, functions and tests are in those files, and no sentence that sounds like a requirement is left out. It
//! reads texts and builds nothing. What docs/audit-guide.md points at is there, too.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    ops::Range,
    path::Path,
};

const PROTOCOL: &str = "docs/protocol.md";
const MAP: &str = "docs/requirements.md";
const GUIDE: &str = "docs/audit-guide.md";

/// Words that make a sentence a requirement, in the sections where both parties' steps are prescribed.
const OBLIGING: [&str; 6] = ["exactly", "ignored", "must", "never", "only", "refuse"];

fn obliges(section: u32) -> bool {
    (4..=15).contains(&section) || section >= 20
}

/// One space between words, and no escapes: a sentence reads the same in the document and in a cell of a table.
fn plain(text: &str) -> String {
    text.replace("\\|", "|").split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The numbered sections of the document, in plain words.
fn sections(document: &str) -> BTreeMap<u32, String> {
    let numbered = |text: &str| Some((text.split_once('.')?.0.parse().ok()?, plain(text)));
    document.split("\n## ").filter_map(numbered).collect()
}

/// The rows of all tables that begin with a number.
fn rows(map: &str) -> Vec<Vec<String>> {
    let cells = |line: &str| -> Option<Vec<String>> {
        Some(line.strip_prefix("| ")?.trim_end_matches(" |").split(" | ").map(plain).collect())
    };
    map.lines().filter_map(cells).filter(|row| row[0].parse::<u32>().is_ok()).collect()
}

/// The rows of requirements (section, words, functions, tests) and those of excuses (section, words, reason).
fn tables(map: &str) -> (Vec<Vec<String>>, Vec<Vec<String>>) {
    rows(map).into_iter().partition(|row| row.len() == 4)
}

/// Whether a file has an item: a function, one that is a test where it stands for one, or a group of vectors.
fn has(files: &mut impl FnMut(&str) -> Option<String>, item: &str, is_test: bool) -> bool {
    let Some((path, name)) = item.split_once("::") else { return false };
    let Some(text) = files(path) else { return false };
    if path.ends_with(".json") {
        return is_test && text.contains(&format!("\n \"{name}\": "));
    }
    let defined = [format!("fn {name}("), format!("fn {name}<")];
    let Some(place) = defined.iter().find_map(|definition| text.find(definition)) else { return false };
    let attributes = text[..place].rsplit("\n\n").next().unwrap();
    let scenario = text.split("over_both_maskings!").skip(1).any(|rest| {
        let list = rest.split(if rest.trim_start().starts_with('{') { "}" } else { ");" }).next().unwrap();
        list.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == name)
    });
    !is_test || attributes.contains("#[test]") || scenario
}

/// Where these words are in a text, each time.
fn places<'a>(text: &'a str, words: &'a str) -> impl Iterator<Item = Range<usize>> + 'a {
    text.match_indices(words).map(|(start, found)| start..start + found.len())
}

/// The surroundings of a place, to show.
fn around(text: &str, place: &Range<usize>) -> String {
    let before: String = text[..place.start].chars().rev().take(60).collect::<Vec<_>>().into_iter().rev().collect();
    before + &text[place.start..].chars().take(60).collect::<String>()
}

/// Everything that is wrong with a map of this document.
fn faults(document: &str, map: &str, mut files: impl FnMut(&str) -> Option<String>) -> Vec<String> {
    let (sections, (requirements, excused)) = (sections(document), tables(map));
    let (mut faults, mut covered) = (Vec::new(), BTreeMap::<u32, Vec<Range<usize>>>::new());
    faults.extend(excused.iter().filter(|row| row.len() != 3).map(|row| format!("no row of either table: {}", row.join(" | "))));
    for row in requirements.iter().chain(&excused) {
        let section = row[0].parse().unwrap();
        let found: Vec<_> = sections.get(&section).into_iter().flat_map(|text| places(text, &row[1])).collect();
        if found.is_empty() || row[1].is_empty() {
            faults.push(format!("not in section {section}: {}", row[1]));
        }
        covered.entry(section).or_default().extend(found);
    }
    for row in &requirements {
        for (items, is_test) in [(&row[2], false), (&row[3], true)] {
            let missing = items.split(", ").filter(|item| !has(&mut files, item.trim_matches('`'), is_test));
            faults.extend(missing.map(|item| format!("no {}: {item}", if is_test { "test" } else { "function" })));
        }
    }
    let mapped: BTreeSet<&str> = requirements.iter().map(|row| &row[0][..]).collect();
    for (section, text) in &sections {
        if (*section <= 16 || *section >= 20) && !mapped.contains(&section.to_string()[..]) {
            faults.push(format!("no row for section {section}"));
        }
        let spans = covered.get(section).map_or(&[][..], |spans| spans);
        let left_out = |place: &Range<usize>| !spans.iter().any(|span| span.start <= place.start && place.end <= span.end);
        let sounding = OBLIGING.iter().flat_map(|word| places(text, word)).filter(|_| obliges(*section));
        faults.extend(sounding.filter(left_out).map(|place| format!("left out in section {section}: {}", around(text, &place))));
    }
    faults
}

fn committed(path: &str) -> String {
    fs::read_to_string(path).unwrap()
}

#[test]
fn every_requirement_has_its_function_and_its_test() {
    let mut read = BTreeMap::new();
    let files = |path: &str| read.entry(path.to_owned()).or_insert_with(|| fs::read_to_string(Path::new(path)).ok()).clone();
    assert_eq!(faults(&committed(PROTOCOL), &committed(MAP), files), Vec::<String>::new());
}

#[test]
fn no_requirement_is_mapped_twice_and_no_excuse_is_without_reason() {
    let map = committed(MAP);
    let all: Vec<_> = rows(&map).into_iter().map(|row| (row[0].clone(), row[1].clone())).collect();
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
    assert!(tables(&map).1.iter().all(|row| row[2].len() > 10));
}

/// Files that a text links to, names, or runs: `](path)`, `` `src/.. ``, `--example name` and the like, each relative to `docs`.
fn mentioned(text: &str) -> BTreeSet<String> {
    let marks = [
        ("](", ""),
        ("`src/", "../src/"),
        ("`tests/", "../tests/"),
        ("`docs/", "../docs/"),
        ("`constant_time/", "../constant_time/"),
        ("`.ci/", "../.ci/"),
        (" reference/", "../reference/"),
        (" docs/", "../docs/"),
        ("--example ", "../examples/"),
        ("--test ", "../tests/"),
        ("--bench ", "../benches/"),
    ];
    let ends = |c: char| c.is_whitespace() || "`),;#:".contains(c);
    let after = |(mark, place): (&str, &str)| -> Vec<String> {
        text.split(mark).skip(1).map(|rest| [place, rest.split(ends).next().unwrap()].concat()).collect()
    };
    marks.into_iter().flat_map(after).collect()
}

#[test]
fn whatever_the_guide_points_at_is_there() {
    let paths = mentioned(&committed(GUIDE));
    let is_there = |path: &str| ["", ".rs", "/main.rs"].iter().any(|end| Path::new("docs").join([path, end].concat()).exists());
    assert!(paths.len() > 40, "{paths:?}");
    assert_eq!(paths.iter().filter(|path| !is_there(path)).collect::<Vec<_>>(), Vec::<&String>::new());
    assert!(!is_there("../src/nothing") && !is_there("../examples/nothing"));
}

/// A document of one section, a map of it, and the one file that the map names; then what is found when one of them is altered.
#[test]
fn every_fault_of_a_map_is_found() {
    const DOCUMENT: &str =
        "\n## 4. Title\n\nBytes after the\nend are refused. It never\nends \\| well.\n\n## 17. Other\n\nIt must.\n";
    const GOOD: &str =
        "| 4 | Bytes after the end are refused. | `src/a.rs::check` | `tests/a.rs::fails`, `tests/v.json::cases` |\n";
    const EXCUSE: &str = "| 4 | It never ends \\| well. | says what is absent |\n";
    let find = |document: &str, map: &str| {
        faults(document, map, |path| match path {
            "src/a.rs" => Some("fn check(".to_owned()),
            "tests/a.rs" => {
                Some("#[test]\nfn fails() {}\n\nfn helper() {}\n\nover_both_maskings! { twice, }\nfn twice(".to_owned())
            }
            "tests/v.json" => Some("{\n \"cases\": 1}".to_owned()),
            _ => None,
        })
    };
    let good = [GOOD, EXCUSE].concat();
    assert_eq!(find(DOCUMENT, &good), Vec::<String>::new());
    assert_eq!(find(DOCUMENT, &good.replace("fails", "twice")), Vec::<String>::new());
    let altered = [
        (
            good.replace("fails`, ", "fails` | "),
            "no row of either table: 4 | Bytes after the end are refused. | `src/a.rs::check` | `tests/a.rs::fails` | `tests/v.json::cases`",
        ),
        (good.replace("Bytes", "Words"), "not in section 4: Words after the end are refused."),
        (good.replace("check`", "checks`"), "no function: `src/a.rs::checks`"),
        (good.replace("src/a.rs", "src/b.rs"), "no function: `src/b.rs::check`"),
        (good.replace("::fails", "::fail"), "no test: `tests/a.rs::fail`"),
        (good.replace("::fails", "::helper"), "no test: `tests/a.rs::helper`"),
        (good.replace("::cases", "::case"), "no test: `tests/v.json::case`"),
        (EXCUSE.to_owned(), "no row for section 4"),
        (GOOD.to_owned(), "left out in section 4: 4. Title Bytes after the end are refused. It never ends | well."),
    ];
    for (map, expected) in altered {
        let found = find(DOCUMENT, &map);
        assert_eq!(found[0], expected, "{found:?}");
    }
    let longer = DOCUMENT.replace("\n\n## 17", " Both must agree.\n\n## 16. More\n\nA code.\n\n## 17");
    let left_out = "left out in section 4: Bytes after the end are refused. It never ends | well. Both must agree.";
    assert_eq!(find(&longer, &good), [left_out, "no row for section 16"]);
}
