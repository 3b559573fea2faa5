//! What a run consists of: terms, sessions, and what the server does that an honest one would not.

use alloc::vec::Vec;
use core::fmt;

use rand::{RngExt, SeedableRng, rngs::StdRng};

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
    pub(super) fn new(seed: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let terms = Terms::any(&mut rng);
        let lattice = rng.random_range(0..40) == 0;
        let sessions = if rng.random_range(0..5) == 0 { 2 } else { 1 };
        let mut draw = Draw { rng, terms };
        let count = [0, 1, 1, 1, 2, 2, 2, 3, 3, 4][draw.below(10)];
        let tricks = (0..count).flat_map(|_| draw.tricks(sessions)).collect();
        Self { seed, lattice, terms, sessions, tricks }
    }

    /// With as few tricks and sessions as still fail.
    pub(super) fn shrink(mut self, fails: impl Fn(&Self) -> bool) -> Self {
        loop {
            let fewer = (0..self.tricks.len()).map(|place| {
                let mut tricks = self.tricks.clone();
                tricks.remove(place);
                Self { tricks, ..self.clone() }
            });
            let single = Self { sessions: 1, ..self.clone() };
            let Some(smaller) = fewer.chain((self.sessions > 1).then_some(single)).find(&fails) else { return self };
            self = smaller;
        }
    }

    /// Whether the server proposes descriptors.
    pub(super) fn offers(&self) -> bool {
        self.tricks.iter().any(|(_, trick)| matches!(trick, Trick::Offer { .. } | Trick::OfferOther { .. }))
    }

    pub(super) fn tricks(&self, session: usize) -> impl Iterator<Item = &Trick> {
        self.tricks.iter().filter(move |(of, _)| *of == session).map(|(_, trick)| trick)
    }
}

impl Terms {
    /// Any that a descriptor admits, with mostly few clients: they cost time.
    fn any(rng: &mut StdRng) -> Self {
        let clients = [4, 4, 5, 5, 5, 5, 6, 6, 7, 7][rng.random_range(0..10)];
        let n = u32::try_from(clients).unwrap();
        let pairs = (0..n - 2).flat_map(|c| (0..n).map(move |d| (c, d)));
        let good: Vec<(u32, u32)> = pairs.filter(|(c, d)| 2 * (n - d) > n + c && n - d >= c + 2).collect();
        // The more may drop out, the more the server can choose.
        let (max_colluders, max_dropouts) = [rng.random_range(0..good.len()), rng.random_range(0..good.len())]
            .map(|at| good[at])
            .into_iter()
            .max_by_key(|(_, d)| *d)
            .unwrap();
        let min_honest = rng.random_range(2..=3).min(n - max_dropouts - max_colluders);
        let real = if rng.random_range(0..4) == 0 { rng.random_range(0..=max_colluders) } else { max_colluders };
        let mut colluders = Set(0);
        while colluders.len() < real as usize {
            colluders.0 |= 1 << rng.random_range(0..clients);
        }
        Self { clients, colluders, max_colluders, max_dropouts, min_honest }
    }
}

/// Draws tricks.
pub(super) struct Draw {
    pub(super) rng: StdRng,
    pub(super) terms: Terms,
}

impl Draw {
    pub(super) fn below(&mut self, end: usize) -> usize {
        self.rng.random_range(0..end)
    }

    pub(super) fn place(&mut self) -> usize {
        self.below(self.terms.clients)
    }

    /// A place among the colluders, if there are any.
    fn colluder(&mut self) -> usize {
        let chosen = self.below(self.terms.colluders.len().max(1));
        self.terms.colluders.places().nth(chosen).unwrap_or(0)
    }

    pub(super) fn any_set(&mut self) -> Set {
        Set(self.rng.random_range(0..1 << self.terms.clients))
    }

    /// One client, some, or all.
    fn targets(&mut self) -> Set {
        match self.below(4) {
            0 | 1 => Set::one(self.place()),
            2 => self.any_set(),
            _ => Set(u8::MAX),
        }
    }

    /// One, some, or everybody but one.
    fn others(&mut self) -> Set {
        match self.below(3) {
            0 => Set::one(self.place()),
            1 => self.any_set(),
            _ => Set(!(1 << self.place())),
        }
    }

    fn round(&mut self) -> u8 {
        self.rng.random_range(1..=4)
    }

    /// A trick, and what makes it worth while.
    fn tricks(&mut self, sessions: usize) -> Vec<(usize, Trick)> {
        let session = self.below(sessions);
        let trick = self.trick();
        let company = match trick {
            Trick::Show(Views::Without(_)) => None,
            Trick::Show(_) => (self.below(4) > 0).then(|| Trick::Fill(self.filler(sessions))),
            Trick::Offer { .. } if self.below(3) > 0 => Some(Trick::Show(Views::Sides(self.any_set()))),
            Trick::Offer { .. } => Some(Trick::Show(Views::Without(Set::one(self.place())))),
            _ => None,
        };
        core::iter::once(trick).chain(company).map(|trick| (session, trick)).collect()
    }

    fn trick(&mut self) -> Trick {
        match self.below(100) {
            0..33 => Trick::Show(self.views()),
            33..41 => self.offer(),
            41..51 => Trick::Omit { round: self.round(), to: self.targets(), whom: self.place() },
            51..58 => Trick::Impersonate { to: self.targets(), whom: self.others() },
            58..69 => self.entries(),
            69..77 => self.dealing(),
            77..79 => Trick::Bitmap { to: self.targets(), whom: self.place() },
            79..81 => Trick::Fill(self.filler(2)),
            81..87 => Trick::Spoil { round: self.round(), to: self.targets(), how: self.envelope() },
            87..92 => {
                let (before, to, pick) = (self.round(), self.place(), self.rng.random_range(0..1 << 16));
                Trick::Interject { before, to, pick, addressed: self.below(2) == 0 }
            }
            92..96 => Trick::Again { round: self.round(), to: self.targets(), without: self.place() },
            _ => Trick::Late { round: self.round(), who: self.place() },
        }
    }

    fn filler(&mut self, sessions: usize) -> Filler {
        match self.below(if sessions > 1 { 6 } else { 4 }) {
            0 => Filler::Others,
            1 => Filler::Restamped,
            2 => Filler::Repeats,
            3 => Filler::Forged,
            kind => Filler::Foreign { restamped: kind == 4 },
        }
    }

    /// Mostly the lowest threshold that leaves enough honest inputs, or the next one.
    fn offer(&mut self) -> Trick {
        let number = |place: usize| u32::try_from(place).unwrap();
        let (n, colluders) = (self.terms.clients, self.terms.colluders.len());
        let lowest = number(n - colluders) - self.terms.min_honest;
        match self.below(6) {
            0 => Trick::OfferOther { to: self.targets(), max_dropouts: number(self.below(n)) },
            1 => Trick::Offer { max_colluders: number(self.below(n)), max_dropouts: number(self.below(n)) },
            2 | 3 => Trick::Offer { max_colluders: number(colluders), max_dropouts: lowest + 1 },
            _ => Trick::Offer { max_colluders: number(colluders), max_dropouts: lowest },
        }
    }

    fn entries(&mut self) -> Trick {
        let (round, to) = (self.round(), self.targets());
        match self.below(5) {
            0 => Trick::Foreign { round, to, whom: self.others() },
            1 => Trick::Restamp { round, to, whom: self.others() },
            2 => Trick::Stubborn { round, to },
            3 => Trick::Repeat { round, to, whom: self.place() },
            _ => Trick::Swap { round, to },
        }
    }

    fn dealing(&mut self) -> Trick {
        let colluder = self.colluder();
        match self.below(4) {
            0 => Trick::CopyKeys { colluder, whom: self.place() },
            1 => Trick::CopyCiphertext { colluder, from: self.place(), to: self.place() },
            2 => Trick::BadDealing { colluder, to: self.others() },
            _ => Trick::Package { to: self.place(), dealer: self.place(), other: self.place(), holder: self.below(2) == 0 },
        }
    }

    fn envelope(&mut self) -> Envelope {
        let bit = self.rng.random_range(0..1 << 20);
        match self.below(7) {
            0 => Envelope::Session,
            1 => Envelope::Recipient,
            2 => Envelope::Transcript,
            3 => Envelope::Kind,
            4 => Envelope::Signer,
            5 => Envelope::Body(bit),
            _ => Envelope::Bit(bit),
        }
    }
}
