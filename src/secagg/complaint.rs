//! Judging a complaint about a bad dealing; anyone with the descriptor can (section 14).

use super::client::{decode_commitments, decode_shares};
use crate::{
    crypto::{
        kem::Ciphertext,
        seal::{Binding, EnvelopeKey},
    },
    error::{ClientFault, ClientId, DecodeError},
    hash::{Hash, hash},
    label,
    message::{Body, Complaint, Dealing, Entry, Frame},
    session::Session,
};

/// Who lied: the dealer, or the client that complained about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verdict {
    /// Who is to blame.
    pub culprit: ClientId,
    /// The dealer's: [`ClientFault::BadDealing`], or what is wrong with its commitments. The complainer's:
    /// [`ClientFault::FalseComplaint`], or [`ClientFault::Malformed`].
    pub fault: ClientFault,
    /// Who complained.
    pub complainer: ClientId,
}

/// Judges a complaint. Whether the dealing in it is the one that the server accepted is for those to say who know that.
///
/// # Errors
/// [`DecodeError`] if this is not a complaint that a client of the roster signed in this session; then it blames nobody.
pub fn judge(session: &Session, message: &[u8]) -> Result<Verdict, DecodeError> {
    let frame = Frame::open(session, message)?;
    if frame.kind != Complaint::TYPE {
        return Err(DecodeError::UnexpectedType { expected: Complaint::TYPE, got: frame.kind });
    }
    Ok(judge_frame(session, &frame).0)
}

/// Judges an authentic complaint; if the dealer is to blame, the dealing that proves it comes along.
pub(crate) fn judge_frame(session: &Session, frame: &Frame<'_>) -> (Verdict, Option<Entry<Dealing>>) {
    let complainer = frame.client;
    let complaint: Complaint = match frame.decode() {
        Ok(complaint) => complaint,
        Err(e) => return (Verdict { culprit: complainer, fault: ClientFault::Malformed(e), complainer }, None),
    };
    match dealers_fault(session, complainer, &frame.prev, &complaint) {
        Some(fault) => (Verdict { culprit: complaint.dealer, fault, complainer }, Some(complaint.entry)),
        None => (Verdict { culprit: complainer, fault: ClientFault::FalseComplaint, complainer }, None),
    }
}

/// What the dealer provably did, or nothing. The numbers are the rows of the table in section 14.
fn dealers_fault(session: &Session, complainer: ClientId, h1: &Hash, complaint: &Complaint) -> Option<ClientFault> {
    let (dealer, entry, package) = (complaint.dealer, &complaint.entry, &complaint.package);
    // 2
    let named = dealer != complainer && entry.client == dealer && package.peer == dealer && entry.prev.0 == *h1;
    if !named || !entry.verifies(session) {
        return None;
    }
    // 3
    let (mask_root, self_secret) = match decode_commitments(&entry.body, session.threshold()) {
        Ok(commitments) => commitments,
        Err(fault) => return Some(fault),
    };
    // 4
    let digest = entry.body.digests.iter().find(|digest| digest.holder == complainer)?;
    let ciphertext = Ciphertext::decode(&package.channel_ciphertext.0).ok()?;
    let binding = Binding {
        session: session.id(),
        h1,
        dealer,
        holder: complainer,
        mask_ciphertext: hash(label::hash::MASK_CIPHERTEXT, &[package.mask_ciphertext_bytes()]),
        channel_ciphertext: hash(label::hash::CHANNEL_CIPHERTEXT, &[ciphertext.as_bytes()]),
    };
    let key = EnvelopeKey::disclosed(complaint.key.0);
    if digest.digest.0 != package.digest(dealer, complainer) || !key.commits_to(&package.key_commitment.0, &binding) {
        return None;
    }
    // 5
    let index = session.index(complainer)?;
    let shares = key.open(&binding, &package.sealed.0).and_then(|contents| decode_shares(&contents));
    let good = shares.is_some_and(|s| mask_root.admits(index, &s.mask_root) && self_secret.admits(index, &s.self_secret));
    (!good).then_some(ClientFault::BadDealing)
}
