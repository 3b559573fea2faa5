//! Transcripts and evidence (sections 20 and 21): what anyone who has the descriptor says of a file.

use std::collections::{BTreeMap, BTreeSet};

use veilsum::{
    ClientId, Error, Session,
    audit::{self, Check, Evidence, Finding, Report, verify},
    secagg::complaint,
};

use super::{
    context::Context,
    descriptors::descriptor,
    node::{At, Mismatch, Node, Outcome},
    refused::Verdict,
    tally::Tally,
};

/// A session, and the bytes of the file that others of it are cut from.
struct Base {
    session: Session,
    file: Vec<u8>,
}

/// By name; one that is malformed fails the cases that need it.
type Bases<'a> = BTreeMap<&'a str, Outcome<Base>>;

pub(crate) fn sessions(group: &Node<'_>, _: &Context<'_>, tally: &mut Tally) -> Outcome {
    for node in group.items()? {
        tally.case(&node, || {
            let base = base(&node)?;
            let described = audit::descriptor(&mut &base.file[..]).ok();
            node.get("file")?.holds(described == Some(base.session), "a transcript of this session")
        });
    }
    Ok(())
}

pub(crate) fn transcripts(group: &Node<'_>, context: &Context<'_>, tally: &mut Tally) -> Outcome {
    let bases = bases(context);
    for node in group.items()? {
        tally.case(&node, || transcript(&node, &bases));
    }
    Ok(())
}

pub(crate) fn evidence(group: &Node<'_>, context: &Context<'_>, tally: &mut Tally) -> Outcome {
    let bases = bases(context);
    for node in group.items()? {
        tally.case(&node, || proof(&node, &bases));
    }
    Ok(())
}

fn base(node: &Node<'_>) -> Outcome<Base> {
    Ok(Base { session: descriptor(&node.get("descriptor")?)?, file: node.hex("file")? })
}

/// The sessions of all files of the directory that have a transcript. Of two with one name, that of the file itself counts.
fn bases<'a>(context: &Context<'a>) -> Bases<'a> {
    let mut bases = Bases::new();
    let sessions = context.roots().filter_map(|root| root.list("sessions").ok()).flatten();
    for node in sessions.filter(|node| node.opt("file").is_some()) {
        if let Some(name) = node.opt("name").and_then(|name| name.as_text()) {
            bases.entry(name).or_insert_with(|| base(&node));
        }
    }
    bases
}

fn transcript(node: &Node<'_>, bases: &Bases<'_>) -> Outcome {
    let (base, file) = (base_of(node, bases)?, node.get("file")?);
    let bytes = pieces(&file, &base.file)?;
    let said = verify(&base.session, &mut &bytes[..], &check(&node.get("check")?)?);
    Verdict::expected(node)?
        .compare(node, &said.as_ref().err().map(|Finding { error, .. }| Verdict::of(error)).unwrap_or_default())?;
    match said {
        Ok(report) => reported(node, &report),
        Err(_) => Ok(()),
    }
}

/// The session that a case is of.
fn base_of<'a>(node: &Node<'_>, bases: &'a Bases<'_>) -> Outcome<&'a Base> {
    let name = node.get("session")?;
    let missing = || name.fails("the name of a session with a transcript in a file of this directory", "none");
    bases.get(name.text()?).ok_or_else(missing)?.as_ref().map_err(Mismatch::clone)
}

/// Bytes of the session's file, `[from, to]`, and others between them.
fn pieces(list: &Node<'_>, base: &[u8]) -> Outcome<Vec<u8>> {
    let mut out = Vec::new();
    for piece in list.items()? {
        if piece.as_text().is_some() {
            out.extend(piece.bytes()?);
        } else if let [from, to] = piece.numbers()?[..] {
            let [from, to] = [from, to].map(|at| usize::try_from(at).unwrap_or(usize::MAX));
            out.extend_from_slice(base.get(from..to).at(&piece)?);
        } else {
            return Err(piece.fails("digits, or two positions", "another list"));
        }
    }
    Ok(out)
}

fn check(node: &Node<'_>) -> Outcome<Check> {
    match node.as_text() {
        Some("full") => Ok(Check::Full),
        Some("present") => Ok(Check::Present),
        Some(other) => Err(node.fails("full, present, or numbers of chunks", other)),
        None => Ok(Check::Chunks(node.numbers()?.into_iter().collect())),
    }
}

/// What the record of a session in which nothing is wrong says.
fn reported(node: &Node<'_>, report: &Report) -> Outcome {
    // None: the session does not get so far, and the report has none either.
    let survivors = node.get("survivors")?;
    survivors.same(if survivors.is_null() { Vec::new() } else { survivors.numbers()? }, ids(&report.survivors))?;
    let liars = node.get("liars")?;
    liars.same(liars.numbers()?, ids(&report.liars))?;
    let root = node.get("sum_root")?;
    root.same(root.as_text().map(str::to_owned), report.sum_root.map(hex::encode))?;
    // Of the chunks that were recomputed a report has the number.
    let checked = node.get("checked")?;
    let chunks: BTreeSet<u64> = checked.numbers()?.into_iter().filter(|chunk| *chunk < report.chunks).collect();
    checked.same(chunks.len() as u64, report.chunks_checked)?;
    let complaints = node.list("complaints")?;
    node.get("complaints")?.same(complaints.len(), report.complaints.len())?;
    complaints.iter().zip(&report.complaints).try_for_each(|(node, verdict)| complained(node, verdict))
}

fn complained(node: &Node<'_>, verdict: &complaint::Verdict) -> Outcome {
    node.counts("client", verdict.complainer.0)?;
    node.counts("blames", verdict.culprit.0)?;
    node.counts("code", verdict.fault.code())
}

fn proof(node: &Node<'_>, bases: &Bases<'_>) -> Outcome {
    let base = base_of(node, bases)?;
    let bytes = pieces(&node.get("file")?, &base.file)?;
    let said = Evidence::decode(&bytes).and_then(|evidence| {
        let again = evidence.encode() == bytes;
        evidence.verify(&base.session).map(|verdict| (verdict, again))
    });
    Verdict::expected(node)?
        .compare(node, &Verdict::of(&said.as_ref().map_or_else(Error::clone, |(verdict, _)| verdict.error.clone())))?;
    node.holds(said.is_err() || said.is_ok_and(|(_, again)| again), "the one form that this proof has")
}

fn ids(clients: &[ClientId]) -> Vec<u64> {
    clients.iter().map(|id| id.0).collect()
}
