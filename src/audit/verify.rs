//! The whole check of a transcript (section 20.2).

use super::{
    chunks,
    file::{Reader, Source},
    report::{Check, Finding, Part, Report},
    rounds,
};
use crate::{
    error::{DecodeError, Error},
    session::Session,
};

/// Checks a transcript against the reader's own `session`: every signature, list, commitment, complaint and share, who survived, and, of
/// as many chunks as `check` says, that the sum announced is the sum of what the survivors uploaded. Memory: the control plane, and one
/// chunk of some uploads.
///
/// # Errors
/// [`Finding`], the first thing that is wrong. It names a party only if that party certainly deviated, whoever made the file.
/// [`crate::InputError::Incomplete`] if the transcript does not have the chunks that `check` needs, for instance because the session has no
/// sum: nothing is then wrong as far as it goes, but what was asked for was not checked.
pub fn verify(session: &Session, source: &mut dyn Source, check: &Check) -> Result<Report, Finding> {
    let (mut file, mut report) = (Reader::new(source), Report::new(session));
    check_head(session, &mut file).map_err(Finding::at(Part::Head))?;
    match rounds::settle(session, &mut file, &mut report)? {
        Some(settled) => chunks::recompute(session, &settled, &mut file, check, &mut report)?,
        None => chunks::none(session, check)?,
    }
    file.finish().map_err(Finding::at(Part::End))?;
    Ok(report)
}

fn check_head(session: &Session, file: &mut Reader<'_>) -> Result<(), Error> {
    if file.head()? == session.encode() { Ok(()) } else { Err(DecodeError::Session.into()) }
}
