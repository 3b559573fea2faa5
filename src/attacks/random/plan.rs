//! What a run consists of: terms, sessions, and what the server does that an honest one would not.

use alloc::vec::Vec;
use core::fmt;

use super::views::Views;

/// Places in the roster, counted from 0.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Set(pub(super) u8);

impl Set {
    pub(super) fn has(self, place: usize) -> bool {
        self.0 >> place & 1 == 1
    }

    pub(super) fn places(self) -> impl Iterator<Item = usize> {
        (0..8).filter(move |place| self.has(*place))
    }

    pub(super) fn len(self) -> usize {
        self.places().count()
    }

    pub(super) fn one(place: usize) -> Self {
        Self(1 << place)
    }

    pub(super) fn of(places: Vec<usize>) -> Self {
        Self(places.into_iter().fold(0, |set, place| set | 1 << place))
    }
}

impl fmt::Debug for Set {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.places()).finish()
    }
}

/// What the application wants, and who really colludes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms {
    pub(super) clients: usize,
    pub(super) colluders: Set,
    pub(super) max_colluders: u32,
    pub(super) max_dropouts: u32,
    pub(super) min_honest: u32,
}

/// What the server shows a client for whose survivors too few have signed.
#[derive(Clone, Copy, Debug)]
pub(super) enum Filler {
    /// What others signed for other survivors.
    Others,
    /// The same with the client's own transcript written over theirs.
    Restamped,
    /// Signatures that fit, several times.
    Repeats,
    /// Signatures of its own making.
    Forged,
    /// What the same clients signed in the other session, with the client's own transcript written over theirs or not.
    Foreign { restamped: bool },
}

/// What is wrong with a message, around its contents.
#[derive(Clone, Copy, Debug)]
pub(super) enum Envelope {
    Session,
    Recipient,
    Transcript,
    Kind,
    Signer,
    /// A bit of the body, signed.
    Body(u32),
    /// A bit of anything, after signing.
    Bit(u32),
}

/// One deviation. Rounds are those of the messages that clients receive: 1 adverts, 2 dealings, 3 survivors, 4 agreements.
#[derive(Clone, Copy, Debug)]
pub(super) enum Trick {
    /// Everybody is offered this descriptor.
    Offer { max_colluders: u32, max_dropouts: u32 },
    /// Some are offered another one than the rest.
    OfferOther { to: Set, max_dropouts: u32 },
    /// A client's entry is left out of a list.
    Omit { round: u8, to: Set, whom: usize },
    /// The server plays these clients itself. It can sign for colluders, who so have second faces; for others it can not.
    Impersonate { to: Set, whom: Set },
    /// Entries from the other session.
    Foreign { round: u8, to: Set, whom: Set },
    /// The recipient's own transcript written over that of an entry.
    Restamp { round: u8, to: Set, whom: Set },
    /// Entries over other transcripts are not left out.
    Stubborn { round: u8, to: Set },
    /// An entry twice.
    Repeat { round: u8, to: Set, whom: usize },
    /// The first two entries in the wrong order.
    Swap { round: u8, to: Set },
    /// A colluder advertises an honest client's keys.
    CopyKeys { colluder: usize, whom: usize },
    /// A colluder sends a client another client's mask ciphertext as its own.
    CopyCiphertext { colluder: usize, from: usize, to: usize },
    /// A colluder deals these clients bad shares.
    BadDealing { colluder: usize, to: Set },
    /// A client gets another package than is meant for it: of another dealer, or for another holder.
    Package { to: usize, dealer: usize, other: usize, holder: bool },
    /// Survivors.
    Show(Views),
    /// The bitmap says something else than the entries about one client.
    Bitmap { to: Set, whom: usize },
    /// Agreements.
    Fill(Filler),
    /// A message spoiled.
    Spoil { round: u8, to: Set, how: Envelope },
    /// Any message seen so far, as it was or addressed to the client, before one of the rounds.
    Interject { before: u8, to: usize, pick: usize, addressed: bool },
    /// After its message of a round, another one of the same type.
    Again { round: u8, to: Set, without: usize },
    /// The client gets its messages from some round on when the others have got those of the next.
    Late { round: u8, who: usize },
}

/// A run.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) seed: u64,
    pub(super) lattice: bool,
    pub(super) terms: Terms,
    pub(super) sessions: usize,
    /// Each with the session that it is about.
    pub(super) tricks: Vec<(usize, Trick)>,
}

impl Plan {
    /// Whether the server proposes descriptors.
    pub(super) fn offers(&self) -> bool {
        self.tricks.iter().any(|(_, trick)| matches!(trick, Trick::Offer { .. } | Trick::OfferOther { .. }))
    }

    pub(super) fn tricks(&self, session: usize) -> impl Iterator<Item = &Trick> {
        self.tricks.iter().filter(move |(of, _)| *of == session).map(|(_, trick)| trick)
    }
}
