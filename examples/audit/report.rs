//! What the audit says, for people and for programs.

use std::fmt::Write;

use serde_json::{Value, json};
use veilsum::{
    ClientId, Party, Session,
    audit::{Finding, Report},
};

type Outcome = Result<Report, Finding>;

/// `same`: whether the auditor's own words are the sum, if it has any.
pub(crate) fn print(session: &Session, approved: bool, outcome: &Outcome, same: Option<bool>, as_json: bool) -> String {
    if as_json { json(session, approved, outcome, same) } else { text(session, approved, outcome, same) }
}

fn text(session: &Session, approved: bool, outcome: &Outcome, same: Option<bool>) -> String {
    let mut out = String::new();
    let vouched = if approved { "the one you mean" } else { "BY THE FILE'S OWN ACCOUNT: compare it with yours" };
    let mut line = |name: &str, value: String| {
        let _ = writeln!(out, "{name:<13} {value}");
    };
    line("session", format!("{} ({vouched})", session.id()));
    let (n, t, c) = (session.clients(), session.threshold(), session.max_colluders());
    line("parties", format!("{n} clients, threshold {t}, at most {c} beside the server"));
    line("vectors", format!("{} words modulo 2^{}", session.vector_len(), session.modulus_bits()));
    match outcome {
        Ok(report) => {
            lines(report, &mut line);
            if let Some(same) = same {
                line("your sum", if same { "has this root".into() } else { "HAS ANOTHER ROOT".into() });
            }
            let unless = if approved { "" } else { ", in a session that only the file vouches for" };
            line("verdict", format!("{}{unless}", verdict(report, same)));
        }
        Err(finding) => {
            line("where", finding.part.to_string());
            line("what", finding.error.to_string());
            line("who", finding.culprit().map_or("nobody can be blamed: the file may have been changed by anyone".into(), name));
            line("verdict", format!("WRONG (error {})", finding.error.code()));
        }
    }
    out
}

fn lines(report: &Report, line: &mut impl FnMut(&str, String)) {
    line("reached", report.reached.to_string());
    line("survivors", list(&report.survivors));
    line("dropped", list(&report.dropped));
    for verdict in &report.complaints {
        line("complaint", format!("of {}: {} {}", verdict.complainer, verdict.culprit, verdict.fault));
    }
    line("agreed", list(&report.agreed));
    line("revealed", list(&report.revealed));
    line("liars", list(&report.liars));
    line("signatures", format!("{} checked, all good", report.signatures));
    line("sum root", report.sum_root.map_or("none: the session has no sum".into(), |root| hex(&root)));
    line("transcript", report.transcript.map_or("unfinished".into(), |hash| hex(&hash)));
    line("chunks", format!("{} of {} recomputed", report.chunks_checked, report.chunks));
}

fn verdict(report: &Report, same: Option<bool>) -> String {
    match (report.sum_root, report.complete()) {
        (None, _) => "nothing is wrong as far as it goes, and there is no sum".into(),
        (Some(_), _) if same == Some(false) => "the transcript is in order; YOUR SUM IS NOT ITS SUM".into(),
        (Some(_), true) if same.is_some() => "your sum is right, bit for bit".into(),
        (Some(_), true) => "the sum is right, bit for bit, if its root is that of the sum you have".into(),
        (Some(_), false) if report.chunks_checked == 0 => "everything signed is in order; the sum was not recomputed".into(),
        (Some(_), false) => {
            let (checked, all) = (report.chunks_checked, report.chunks);
            let unseen = all - checked;
            format!(
                "the chunks recomputed are right; {unseen} were not looked at: one wrong chunk is found {checked} times in {all}"
            )
        }
    }
}

fn json(session: &Session, approved: bool, outcome: &Outcome, same: Option<bool>) -> String {
    let outcome = match outcome {
        Ok(report) => good(report, same),
        Err(finding) => json!({
            "valid": false,
            "where": finding.part.to_string(),
            "what": finding.error.to_string(),
            "code": finding.error.code(),
            "culprit": finding.culprit().map(name),
        }),
    };
    format!("{:#}\n", json!({ "session": session.id().to_string(), "session_approved": approved, "outcome": outcome }))
}

fn good(report: &Report, same: Option<bool>) -> Value {
    let ids = |ids: &[ClientId]| ids.iter().map(|id| id.0).collect::<Vec<_>>();
    let complaint = |v: &veilsum::secagg::complaint::Verdict| json!({ "complainer": v.complainer.0, "culprit": v.culprit.0, "code": v.fault.code() });
    json!({
        "valid": true,
        "complete": report.complete(),
        "reached": report.reached.to_string(),
        "threshold": report.threshold,
        "advertised": ids(&report.advertised),
        "dealt": ids(&report.dealt),
        "survivors": ids(&report.survivors),
        "dropped": ids(&report.dropped),
        "complaints": report.complaints.iter().map(complaint).collect::<Vec<_>>(),
        "agreed": ids(&report.agreed),
        "revealed": ids(&report.revealed),
        "liars": ids(&report.liars),
        "signatures": report.signatures,
        "sum_root": report.sum_root.map(|root| hex(&root)),
        "own_sum_has_root": same,
        "transcript": report.transcript.map(|hash| hex(&hash)),
        "chunks": report.chunks,
        "chunks_checked": report.chunks_checked,
    })
}

fn name(party: Party) -> String {
    match party {
        Party::Server => "the server".into(),
        Party::Client(id) => id.to_string(),
    }
}

fn list(ids: &[ClientId]) -> String {
    let all: Vec<String> = ids.iter().map(|id| id.0.to_string()).collect();
    if all.is_empty() { "none".into() } else { all.join(", ") }
}

fn hex(bytes: &[u8]) -> String {
    hex::encode(bytes)
}
