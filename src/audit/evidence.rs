//! Proof that one party deviated, for whoever has the descriptor (section 21).

mod reveal;
mod statement;

use alloc::{boxed::Box, vec::Vec};
use core::fmt;

use reveal::RevealProof;
pub use statement::Statement;

use super::{Transcript, report::Check, vectors::Vectors, verify};
use crate::{
    codec::Reader,
    error::{DecodeError, Error, Party, RoundError},
    secagg::complaint::judge,
    session::{Session, SessionId},
};

const MAGIC: &[u8; 16] = b"veilsum/3/proof\n";

/// Kinds of evidence.
mod kind {
    pub(crate) const DEALING: u8 = 0x01;
    pub(crate) const EQUIVOCATION: u8 = 0x02;
    pub(crate) const REVEAL: u8 = 0x03;
    pub(crate) const TRANSCRIPT: u8 = 0x04;
}

/// Who deviated, and how: certain for everybody who trusts the signatures and has the descriptor.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verdict {
    /// Who.
    pub culprit: Party,
    /// What: [`Error::Client`] or [`Error::Server`].
    pub error: Error,
}

impl Verdict {
    /// What an error proves, if it blames somebody.
    fn of(error: Error) -> Result<Self, Error> {
        match error.culprit() {
            Some(culprit) => Ok(Self { culprit, error }),
            None => Err(error),
        }
    }
}

/// Evidence against one party of one session. It says nothing until [`Evidence::verify`] has; nobody can make any that blames a party that
/// kept to the protocol, whoever else works together.
#[derive(Clone, PartialEq, Eq)]
pub struct Evidence {
    session: SessionId,
    kind: Kind,
}

#[derive(Clone, PartialEq, Eq)]
enum Kind {
    Dealing(Vec<u8>),
    Equivocation(Box<[Statement; 2]>),
    Reveal(Box<RevealProof>),
    Transcript(Vec<u8>),
}

/// Evidence holds revealed shares, a disclosed key, or a whole transcript: none of it is printed.
impl fmt::Debug for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match &self.kind {
            Kind::Dealing(_) => "dealing",
            Kind::Equivocation(_) => "equivocation",
            Kind::Reveal(_) => "reveal",
            Kind::Transcript(_) => "transcript",
        };
        f.debug_struct("Evidence").field("session", &self.session).field("kind", &kind).finish_non_exhaustive()
    }
}

impl Evidence {
    /// A complaint: proves a bad dealing, or that the complaint is false.
    ///
    /// # Errors
    /// As [`Evidence::verify`]: there is no evidence that proves nothing.
    pub fn dealing(session: &Session, complaint: &[u8]) -> Result<Self, Error> {
        Self::new(session, Kind::Dealing(complaint.to_vec()))
    }

    /// Two statements of one party that no honest party makes both.
    ///
    /// # Errors
    /// As [`Evidence::verify`].
    pub fn equivocation(session: &Session, one: Statement, other: Statement) -> Result<Self, Error> {
        let mut both = Box::new([one, other]);
        both.sort_unstable_by_key(Statement::encode);
        Self::new(session, Kind::Equivocation(both))
    }

    /// A message with revealed shares, recorded or refused, that does not fit what was dealt and agreed on.
    ///
    /// # Errors
    /// As [`Evidence::verify`]; [`crate::InputError::WrongState`] if the survivors are not recorded.
    pub fn reveal(record: &Transcript, message: &[u8]) -> Result<Self, Error> {
        Self::new(record.session(), Kind::Reveal(Box::new(RevealProof::new(record, message)?)))
    }

    /// A transcript that [`verify()`] blames somebody for, for instance a server that announced a wrong sum. The wrong chunk has to be among
    /// its chunks; opened, it is enough.
    ///
    /// # Errors
    /// As [`Evidence::verify`].
    pub fn transcript(session: &Session, transcript: Vec<u8>) -> Result<Self, Error> {
        Self::new(session, Kind::Transcript(transcript))
    }

    /// As [`Evidence::transcript`], from what was recorded.
    ///
    /// # Errors
    /// As [`Evidence::verify`] and [`Transcript::write`].
    pub fn recorded(record: &Transcript, vectors: Option<&Vectors<'_>>) -> Result<Self, Error> {
        let mut transcript = Vec::new();
        record.write(&mut transcript, vectors)?;
        Self::transcript(record.session(), transcript)
    }

    fn new(session: &Session, kind: Kind) -> Result<Self, Error> {
        let evidence = Self { session: session.id(), kind };
        evidence.verify(session)?;
        Ok(evidence)
    }

    /// Which session it is about, by its own account.
    #[must_use]
    pub fn session(&self) -> SessionId {
        self.session
    }

    /// Judges the evidence by the reader's own `session`.
    ///
    /// # Errors
    /// [`RoundError::Unproven`] if everything is in order; [`Error::Decode`] and others that blame nobody if it is void.
    pub fn verify(&self, session: &Session) -> Result<Verdict, Error> {
        if self.session != session.id() {
            return Err(DecodeError::Session.into());
        }
        match &self.kind {
            Kind::Dealing(message) => {
                let verdict = judge(session, message)?;
                Verdict::of(Error::client(verdict.culprit, verdict.fault))
            }
            Kind::Equivocation(both) => statement::judge_both(session, both).and_then(Verdict::of),
            Kind::Reveal(proof) => proof.judge(session).and_then(Verdict::of),
            Kind::Transcript(bytes) => match verify(session, &mut &bytes[..], &Check::Present) {
                Ok(_) => Err(RoundError::Unproven.into()),
                Err(finding) => Verdict::of(finding.error),
            },
        }
    }

    /// The canonical bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let (kind, contents) = match &self.kind {
            Kind::Dealing(message) => (kind::DEALING, message.clone()),
            Kind::Equivocation(both) => (kind::EQUIVOCATION, both.iter().flat_map(Statement::encode).collect()),
            Kind::Reveal(proof) => (kind::REVEAL, proof.encode()),
            Kind::Transcript(bytes) => (kind::TRANSCRIPT, bytes.clone()),
        };
        [&MAGIC[..], &self.session.0, &[kind], &contents].concat()
    }

    /// Reads canonical bytes; nothing is judged.
    ///
    /// # Errors
    /// [`Error::Decode`] if these are not the bytes of evidence.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(bytes);
        if reader.array()? != *MAGIC {
            return Err(DecodeError::Value.into());
        }
        let (session, kind) = (SessionId(reader.array()?), reader.u8()?);
        let contents = bytes.get(MAGIC.len() + 33..).unwrap_or_default();
        let kind = match kind {
            kind::DEALING => Kind::Dealing(contents.to_vec()),
            kind::EQUIVOCATION => Kind::Equivocation(Box::new(statement::read_both(contents)?)),
            kind::REVEAL => Kind::Reveal(Box::new(RevealProof::decode(contents)?)),
            kind::TRANSCRIPT => Kind::Transcript(contents.to_vec()),
            _ => return Err(DecodeError::Value.into()),
        };
        Ok(Self { session, kind })
    }
}
