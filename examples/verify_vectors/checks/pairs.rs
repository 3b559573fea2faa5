//! The table of the errors that each type of message can end with (docs/protocol.md, sections 13 to 16), held against the vectors of all
//! files of the directory: each has some, and not too many, and no vector has another.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    context::Context,
    node::{Node, Outcome},
    play::name_of,
    tally::Tally,
};

/// The most vectors of one pair.
const LIMIT: u64 = 15;

/// What the vectors of a type of message (or of one of [`OTHERS`]) and a code have: how many they are, and which codes they carry.
#[derive(Default)]
struct Found {
    count: u64,
    reasons: BTreeSet<u64>,
}

/// What else can end with an error.
const OTHERS: [&str; 4] = ["close", "descriptor", "transcript", "evidence"];

type Pairs = BTreeMap<(String, u64), Found>;

pub(crate) fn limit(group: &Node<'_>, _: &Context<'_>, tally: &mut Tally) -> Outcome {
    tally.case(group, || group.same(group.number()?, LIMIT));
    Ok(())
}

pub(crate) fn reachable(group: &Node<'_>, context: &Context<'_>, tally: &mut Tally) -> Outcome {
    let found = pairs(context);
    let rows = group.items()?;
    for row in &rows {
        tally.case(row, || {
            let count = found.get(&pair(row)?).map_or(0, |found| found.count);
            if (1..=LIMIT).contains(&count) { Ok(()) } else { Err(row.fails(format!("1 to {LIMIT} vectors"), count)) }
        });
    }
    tally.part(group, "no other error", || {
        let table = rows.iter().map(pair).collect::<Outcome<BTreeSet<_>>>()?;
        let strays: Vec<_> = found.keys().filter(|pair| !table.contains(pair)).collect();
        group.same(vec![], strays)
    });
    Ok(())
}

pub(crate) fn unreachable(group: &Node<'_>, context: &Context<'_>, tally: &mut Tally) -> Outcome {
    let found = pairs(context);
    for row in group.items()? {
        tally.case(&row, || row.same(0, found.get(&pair(&row)?).map_or(0, |found| found.count)));
    }
    Ok(())
}

/// What 301, 401 and 411 carry.
pub(crate) fn reasons(group: &Node<'_>, context: &Context<'_>, tally: &mut Tally) -> Outcome {
    let found = pairs(context);
    for row in group.items()? {
        tally.case(&row, || {
            let expected = row.get("reasons")?.numbers()?.into_iter().collect();
            row.same(&expected, found.get(&pair(&row)?).map_or(&BTreeSet::new(), |found| &found.reasons))
        });
    }
    Ok(())
}

fn pair(row: &Node<'_>) -> Outcome<(String, u64)> {
    let kind = row.get("type")?;
    let known = |name: &str| OTHERS.contains(&name) || (0..=u8::MAX).any(|kind| name_of(kind) == Some(name));
    kind.holds(known(kind.text()?), "a type of message, close, descriptor, transcript or evidence")?;
    Ok((kind.text()?.to_owned(), row.get("code")?.number()?))
}

/// The outcomes of all vectors that are well-formed; the others fail in their own group.
fn pairs(context: &Context<'_>) -> Pairs {
    let mut pairs = Pairs::new();
    for file in context.roots() {
        for (kind, outcome) in outcomes(&file) {
            let number = |key: &str| outcome.opt(key).and_then(|value| value.number().ok());
            let (Some(kind), Some(code)) = (kind, number("code")) else { continue };
            let found = pairs.entry((kind.to_owned(), code)).or_default();
            found.count += 1;
            found.reasons.extend(number("reason"));
        }
    }
    pairs
}

fn list<'a>(node: &Node<'a>, key: &str) -> Vec<Node<'a>> {
    node.list(key).unwrap_or_default()
}

/// The vectors of a file that end with an error, each with the type of message that it is about.
fn outcomes<'a>(file: &Node<'a>) -> Vec<(Option<&'static str>, Node<'a>)> {
    let mut all: Vec<_> = list(file, "refused").into_iter().map(|case| (kind_under(&case, "message"), case)).collect();
    for case in file.opt("complaints").iter().flat_map(|group| list(group, "cases")) {
        all.push((kind_under(&case, "complaint"), case.clone()));
        if case.opt("delivery").is_some_and(|delivery| delivery.as_text().is_some()) {
            all.push((Some("Delivery"), case));
        }
    }
    for group in ["session", "descriptors"].iter().filter_map(|key| file.opt(key)) {
        all.extend(list(&group, "invalid").into_iter().map(|case| (Some("descriptor"), case)));
    }
    for (group, kind) in [("transcripts", "transcript"), ("evidence", "evidence")] {
        all.extend(list(file, group).into_iter().map(|case| (Some(kind), case)));
    }
    for step in list(file, "cases").iter().flat_map(|case| list(case, "steps")) {
        let kind = match step.opt("do").and_then(|act| act.as_text()) {
            Some("close") => Some("close"),
            Some("recorded") => step.opt("type").and_then(|kind| kind.small().ok()).and_then(name_of),
            _ => kind_under(&step, "message"),
        };
        all.push((kind, step));
    }
    all
}

/// The type of the message under a key, if it has one: its byte 35 (section 6).
fn kind_under(node: &Node<'_>, key: &str) -> Option<&'static str> {
    u8::from_str_radix(node.opt(key)?.as_text()?.get(70..72)?, 16).ok().and_then(name_of)
}
