//! What comes of a verification.

use alloc::{collections::BTreeSet, vec::Vec};
use core::fmt;

use rand_core::TryCryptoRng;

use crate::{
    error::{ClientId, EnvironmentError, Error, Party},
    mask::Layout,
    secagg::complaint,
    session::{Session, SessionId},
};

/// How much of the sum is recomputed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Check {
    /// All chunks; a transcript without them, or of a session without a sum, is refused.
    Full,
    /// These chunks, all of which the transcript must have; draw them with [`Check::spot`], when the transcript is fixed. None: only what
    /// was signed is checked.
    Chunks(BTreeSet<u64>),
    /// Whatever chunks the transcript has, and none if the session has no sum: see [`Report::chunks_checked`].
    Present,
}

impl Check {
    /// A spot check of `count` different chunks, drawn uniformly; of all of them if there are not more.
    ///
    /// # Errors
    /// [`EnvironmentError::Rng`] if the generator fails.
    pub fn spot(session: &Session, count: u64, rng: &mut impl TryCryptoRng) -> Result<Self, Error> {
        let chunks = Layout::new(session).chunks();
        if count >= chunks {
            return Ok(Self::Full);
        }
        let mut chosen = BTreeSet::new();
        while (chosen.len() as u64) < count {
            let mut bytes = [0; 8];
            rng.try_fill_bytes(&mut bytes).map_err(|_| EnvironmentError::Rng)?;
            // The low bits that a chunk's number can have, and again if it has not: exactly uniform.
            let drawn = u64::from_le_bytes(bytes) & (u64::MAX >> (chunks - 1).leading_zeros());
            if drawn < chunks {
                chosen.insert(drawn);
            }
        }
        Ok(Self::Chunks(chosen))
    }

    pub(super) fn wants(&self, chunk: u64) -> bool {
        match self {
            Self::Full | Self::Present => true,
            Self::Chunks(chosen) => chosen.contains(&chunk),
        }
    }
}

/// A place in a transcript.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Part {
    /// What stands before the first part.
    Head,
    /// Round 0, as the server sent it.
    Adverts,
    /// Round 1.
    Delivery,
    /// Complaints that the server took.
    Complaints,
    /// Round 2.
    Survivors,
    /// Round 3.
    Agreement,
    /// Round 4, as the clients sent it.
    Reveals,
    /// Packages between survivors and drop-outs.
    Packages,
    /// The end of round 4.
    Announcement,
    /// One chunk of the uploads and the sum.
    Chunk(u64),
    /// All chunks together, or which of them are there.
    Chunks,
    /// The end.
    End,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Chunk(index) => write!(f, "chunk {index}"),
            Self::Head => f.write_str("head"),
            Self::Adverts => f.write_str("adverts"),
            Self::Delivery => f.write_str("delivery"),
            Self::Complaints => f.write_str("complaints"),
            Self::Survivors => f.write_str("survivors"),
            Self::Agreement => f.write_str("agreement"),
            Self::Reveals => f.write_str("reveals"),
            Self::Packages => f.write_str("packages"),
            Self::Announcement => f.write_str("announcement"),
            Self::Chunks => f.write_str("chunks"),
            Self::End => f.write_str("end"),
        }
    }
}

/// The first thing that is wrong with a transcript.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// Where.
    pub part: Part,
    /// What. [`Error::Client`] and [`Error::Server`] name a party that certainly deviated. Anything else blames nobody: an honest server
    /// does not record such a file, but anyone may have changed it.
    pub error: Error,
}

impl Finding {
    /// Puts a place to an error.
    pub(super) fn at<E: Into<Error>>(part: Part) -> impl Fn(E) -> Self {
        move |error| Self { part, error: error.into() }
    }

    /// Who certainly deviated.
    #[must_use]
    pub fn culprit(&self) -> Option<Party> {
        self.error.culprit()
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.part, self.error)
    }
}

impl core::error::Error for Finding {}

impl From<Finding> for Error {
    fn from(finding: Finding) -> Self {
        finding.error
    }
}

/// What a transcript in which nothing is wrong says. Lists of clients are ascending.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// Which session.
    pub session: SessionId,
    /// Shares that recover a secret, and signatures that a round needs.
    pub threshold: u32,
    /// The last part of the rounds that is there: [`Part::Announcement`] if the session has a sum.
    pub reached: Part,
    /// Whose keys were distributed: U1.
    pub advertised: Vec<ClientId>,
    /// Who dealt: U2.
    pub dealt: Vec<ClientId>,
    /// Whose input is in the sum: U3.
    pub survivors: Vec<ClientId>,
    /// Who dealt, but did not survive.
    pub dropped: Vec<ClientId>,
    /// Verdicts on the complaints that the server took.
    pub complaints: Vec<complaint::Verdict>,
    /// Who agreed to the survivors.
    pub agreed: Vec<ClientId>,
    /// Who revealed shares, liars included.
    pub revealed: Vec<ClientId>,
    /// Who revealed wrong shares.
    pub liars: Vec<ClientId>,
    /// Signatures checked.
    pub signatures: u64,
    /// The signed root of the sum, if the session has one: what [`crate::audit::SumRoot`] gives for its words.
    pub sum_root: Option<[u8; 32]>,
    /// `h4`, which is `previous` in the next round's descriptor.
    ///
    /// It is what [`crate::secagg::client::SumCheck::finish`] returns to a client that holds the words of the sum: only if a client's is equal,
    /// the sum that it holds is the one that was checked. A server may announce one sum to this file and another to its clients, or publish
    /// other words than it signed.
    pub transcript: Option<[u8; 32]>,
    /// Chunks that the vectors have.
    pub chunks: u64,
    /// Chunks of the sum that were recomputed.
    pub chunks_checked: u64,
}

impl Report {
    pub(super) fn new(session: &Session) -> Self {
        Self {
            session: session.id(),
            threshold: session.threshold(),
            reached: Part::Head,
            advertised: Vec::new(),
            dealt: Vec::new(),
            survivors: Vec::new(),
            dropped: Vec::new(),
            complaints: Vec::new(),
            agreed: Vec::new(),
            revealed: Vec::new(),
            liars: Vec::new(),
            signatures: 0,
            sum_root: None,
            transcript: None,
            chunks: Layout::new(session).chunks(),
            chunks_checked: 0,
        }
    }

    /// Whether the whole sum was recomputed, and is the one announced.
    #[must_use]
    pub fn complete(&self) -> bool {
        self.sum_root.is_some() && self.chunks_checked == self.chunks
    }
}
