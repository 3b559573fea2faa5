//! What was found, as a table and as JSON.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::checks::{Failure, run::Group};

/// The most characters of a value in the table; the JSON has all of it.
const SHOWN: usize = 120;
/// Characters that are shown in front of the first difference.
const BEFORE: usize = 16;

pub(crate) struct Report {
    groups: Vec<Group>,
    passed: usize,
    failed: usize,
    unknown: usize,
}

impl Report {
    pub(crate) fn new(groups: Vec<Group>) -> Self {
        let count = |of: fn(&Group) -> usize| groups.iter().map(of).sum();
        let (passed, failed, unknown) = (count(passed), count(failed), count(unknown));
        Self { groups, passed, failed, unknown }
    }

    /// An error unless everything passed.
    pub(crate) fn verdict(&self) -> Result<(), String> {
        match (self.failed, self.unknown, self.passed) {
            (0, 0, 0) => Err("there is no vector".to_owned()),
            (0, 0, _) => Ok(()),
            (failed, unknown, passed) => Err(format!("{passed} passed, {failed} failed, {unknown} unknown to every check")),
        }
    }

    pub(crate) fn table(&self) -> String {
        let width = |of: fn(&Group) -> &str, title: &str| {
            self.groups.iter().map(|group| of(group).len()).max().unwrap_or(0).max(title.len())
        };
        let (file, group) = (width(|group| &group.file, "file"), width(|group| &group.name, "group"));
        let mut out = String::new();
        let mut line = |a: &str, b: &str, [passed, failed, unknown]: [&str; 3]| {
            let _ = writeln!(out, "{a:file$}  {b:group$}  {passed:>6}  {failed:>6}  {unknown:>7}");
        };
        line("file", "group", ["passed", "failed", "unknown"]);
        for group in &self.groups {
            line(&group.file, &group.name, [passed, failed, unknown].map(|of| of(group).to_string()).each_ref().map(|s| &s[..]));
        }
        let totals = [self.passed, self.failed, self.unknown].map(|count| count.to_string());
        line("total", "", totals.each_ref().map(|s| &s[..]));
        self.groups.iter().for_each(|group| details(&mut out, group));
        out
    }

    pub(crate) fn json(&self) -> String {
        let group = |group: &Group| {
            json!({"file": group.file, "group": group.name, "passed": passed(group), "failed": failed(group),
                "unknown": unknown(group)})
        };
        let failures = |group: &Group| {
            let failure = |failure: &Failure| {
                json!({"file": group.file, "group": group.name, "name": failure.name, "place": failure.mismatch.place,
                    "expected": failure.mismatch.expected, "got": failure.mismatch.got})
            };
            group.tally.failures.iter().map(failure).collect::<Vec<Value>>()
        };
        let unknown = |group: &Group| {
            let what = |what: &String| json!({"file": group.file, "group": group.name, "what": what});
            group.tally.unknown.iter().map(what).collect::<Vec<Value>>()
        };
        let report = json!({
            "passed": self.passed,
            "failed": self.failed,
            "unknown": self.unknown,
            "groups": self.groups.iter().map(group).collect::<Vec<_>>(),
            "failures": self.groups.iter().flat_map(failures).collect::<Vec<_>>(),
            "unknown_values": self.groups.iter().flat_map(unknown).collect::<Vec<_>>(),
        });
        format!("{report:#}\n")
    }
}

fn passed(group: &Group) -> usize {
    group.tally.passed
}

fn failed(group: &Group) -> usize {
    group.tally.failures.len()
}

fn unknown(group: &Group) -> usize {
    group.tally.unknown.len()
}

/// Every failure of a group, and everything in it that is unknown.
fn details(out: &mut String, group: &Group) {
    for failure in &group.tally.failures {
        let (expected, got) = excerpts(&failure.mismatch.expected, &failure.mismatch.got);
        let _ = write!(
            out,
            "\nFAILED   {}: {}\n  at       {}\n  expected {expected}\n  got      {got}\n",
            group.file, failure.name, failure.mismatch.place
        );
    }
    for what in &group.tally.unknown {
        let _ = write!(out, "\nUNKNOWN  {}: {what}\n", group.file);
    }
}

/// Two long values from shortly before where they differ.
fn excerpts(expected: &str, got: &str) -> (String, String) {
    let same = expected.chars().zip(got.chars()).take_while(|(a, b)| a == b).count();
    let start = if expected.chars().count().max(got.chars().count()) > SHOWN { same.saturating_sub(BEFORE) } else { 0 };
    (excerpt(expected, start), excerpt(got, start))
}

fn excerpt(text: &str, start: usize) -> String {
    let rest = text.chars().count().saturating_sub(start + SHOWN);
    let shown: String = text.chars().skip(start).take(SHOWN).collect();
    let before = if start > 0 { format!("({start} characters) ") } else { String::new() };
    if rest > 0 { format!("{before}{shown} ({rest} more)") } else { format!("{before}{shown}") }
}
