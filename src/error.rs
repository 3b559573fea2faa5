//! The one error type, sorted by who must act (docs/protocol.md, section 16).

mod privacy;

use alloc::string::String;
use core::fmt;

pub use privacy::PrivacyError;

/// A client, by the number that the application gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct ClientId(pub u64);

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "client {}", self.0)
    }
}

/// Who must have deviated from the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums, reason = "the protocol has these two roles")]
pub enum Party {
    /// One of the clients.
    Client(ClientId),
    /// The server.
    Server,
}

/// Everything that can go wrong. The variant says who must act, [`Error::culprit`] who is to blame, [`Error::code`] the number in
/// section 16 of the protocol.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// These parameters can not be secure, or can not work. Change the descriptor.
    #[error("bad parameters: {0}")]
    Params(#[from] ParamsError),
    /// Not a message of this protocol, session and sender. Nobody is to blame: anyone may have made these bytes. Nothing has changed.
    #[error("refused message: {0}")]
    Decode(#[from] DecodeError),
    /// A client sent what no honest client sends.
    #[error("{culprit} deviates: {fault}")]
    Client {
        /// Who.
        culprit: ClientId,
        /// What.
        fault: ClientFault,
    },
    /// The server sent what no honest server sends. Never continue, never retry with this server.
    #[error("the server deviates: {0}")]
    Server(#[from] ServerFault),
    /// The session can not go on, or not with this message, and nobody can be blamed.
    #[error("{0}")]
    Round(#[from] RoundError),
    /// The caller gave something wrong. Nothing has changed.
    #[error("bad input: {0}")]
    Input(#[from] InputError),
    /// Something outside this library failed.
    #[error("{0}")]
    Environment(#[from] EnvironmentError),
}

impl Error {
    /// The party that must have deviated, where that is certain.
    #[must_use]
    pub fn culprit(&self) -> Option<Party> {
        match self {
            Self::Client { culprit, .. } => Some(Party::Client(*culprit)),
            Self::Server(_) => Some(Party::Server),
            Self::Params(_) | Self::Decode(_) | Self::Round(_) | Self::Input(_) | Self::Environment(_) => None,
        }
    }

    /// The stable number of this error (docs/protocol.md, section 16).
    #[must_use]
    pub fn code(&self) -> u16 {
        match self {
            Self::Params(e) => e.code(),
            Self::Decode(e) => e.code(),
            Self::Client { fault, .. } => fault.code(),
            Self::Server(e) => e.code(),
            Self::Round(e) => e.code(),
            Self::Input(e) => e.code(),
            Self::Environment(e) => e.code(),
        }
    }

    pub(crate) fn client(culprit: ClientId, fault: ClientFault) -> Self {
        Self::Client { culprit, fault }
    }
}

/// A descriptor that is refused; the text names the knob to turn.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParamsError {
    /// The number of clients is outside what the protocol supports.
    #[error("roster has {n} clients; between 2 and 4096 are supported")]
    RosterSize {
        /// Clients given.
        n: usize,
    },
    /// Ids must be strictly ascending.
    #[error("roster: {0} is repeated or out of order; sort the roster by id and give each client one entry")]
    RosterOrder(ClientId),
    /// Two parties share an identity key.
    #[error("roster: {0} has the identity key of another party; every party needs its own")]
    DuplicateIdentity(ClientId),
    /// An identity key that is no valid point, or of small order. `None` is the server.
    #[error("{}: not a valid Ed25519 identity key", WhoseKey(.0))]
    InvalidIdentity(Option<ClientId>),
    /// Two sets of survivors could both be confirmed.
    #[error(
        "threshold {t} = {n} clients - max_dropouts {d} must satisfy 2t > n + max_colluders = {}; \
         lower max_dropouts or max_colluders", u64::from(*.n) + u64::from(*.c)
    )]
    Consistency {
        /// Clients.
        n: u32,
        /// `max_colluders`.
        c: u32,
        /// `max_dropouts`.
        d: u32,
        /// Threshold.
        t: u32,
    },
    /// A sum could contain too few honest inputs.
    #[error(
        "threshold {t} - max_colluders {c} leaves fewer than min_honest {min_honest} (which must be at least 2); \
         add clients, or lower max_colluders or max_dropouts"
    )]
    TooFewHonest {
        /// Threshold.
        t: u32,
        /// `max_colluders`.
        c: u32,
        /// What was asked for.
        min_honest: u32,
    },
    /// The word size is outside 2..=64.
    #[error("modulus_bits {0}: between 2 and 64 are supported")]
    ModulusBits(u8),
    /// The sum could wrap.
    #[error("modulus_bits {bits} holds sums up to {holds}; {what} need {need}")]
    Overflow {
        /// `modulus_bits` given.
        bits: u8,
        /// Largest centred sum.
        holds: u64,
        /// The demand, in words.
        what: String,
        /// The least `modulus_bits` that would do; more than 64 if none does.
        need: u8,
    },
    /// The length is outside 1..=2^40.
    #[error("vector_len {0}: between 1 and 2^40 words are supported")]
    VectorLen(u64),
    /// The chunk length is not a multiple of 64 in 64..=2^24.
    #[error("chunk_len {0}: must be a multiple of 64 between 64 and 2^24")]
    ChunkLen(u32),
    /// The description of the encoding is too long.
    #[error("encoding has {0} bytes; at most 1024 are allowed")]
    EncodingLen(usize),
    /// A bound of zero, or a tail bound without a probability.
    #[error("bound: the largest absolute value must be at least 1, and a tail bound needs a probability of at most 2^-1")]
    Bound,
    /// A quantizer that can not be exact.
    #[error(
        "quantizer: clip must be positive and finite, fraction_bits at most 50, clip * 2^fraction_bits at least 1 and below 2^50, \
         max_weight at least 1"
    )]
    Quantizer,
    /// A sum that does not fit into a coefficient.
    #[error(
        "lattice masks: sums of {clients} words up to {max_abs} need {need} bits, and this set holds {holds}; \
         lower the bound, or take a larger set"
    )]
    LatticeWidth {
        /// Clients.
        clients: u32,
        /// The bound on a word.
        max_abs: u64,
        /// Bits of the largest sum, offset and all.
        need: u32,
        /// Bits of a coefficient for words.
        holds: u32,
    },
    /// Lattice masks hold exact sums only.
    #[error("lattice masks need an exact bound; give Bound::Exact, or take pairwise masks")]
    LatticeBound,
    /// Chunks of a vector that blocks of lattice masks do not fill.
    #[error("chunk_len {chunk_len} must be a multiple of {block}, the words of one block of these lattice masks")]
    LatticeChunk {
        /// Words in a chunk.
        chunk_len: u32,
        /// Words in a block.
        block: u64,
    },
    /// Everybody may drop out.
    #[error("max_dropouts {d} must be less than the number of clients, {n}")]
    Dropouts {
        /// `max_dropouts`.
        d: u32,
        /// Clients.
        n: u32,
    },
}

struct WhoseKey<'a>(&'a Option<ClientId>);

impl fmt::Display for WhoseKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(id) => id.fmt(f),
            None => f.write_str("server"),
        }
    }
}

/// Bytes that are not a message of this protocol, session and sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// Ends before a field.
    #[error("ends before a field is complete")]
    Truncated,
    /// Goes on after the end.
    #[error("bytes after the end")]
    Trailing,
    /// Another protocol version.
    #[error("protocol version {got}, expected {expected}")]
    Version {
        /// This crate's.
        expected: u8,
        /// The message's.
        got: u8,
    },
    /// Another suite.
    #[error("suite {got:#06x}, expected {expected:#06x}")]
    Suite {
        /// The session's.
        expected: u16,
        /// The message's.
        got: u16,
    },
    /// Another session.
    #[error("belongs to another session")]
    Session,
    /// A type that this state does not accept.
    #[error("message type {got:#04x}, expected {expected:#04x}")]
    UnexpectedType {
        /// What this state waits for.
        expected: u8,
        /// The message's.
        got: u8,
    },
    /// A count or length that is not the one required.
    #[error("a count or length is not the one required")]
    Count,
    /// A scalar that is not canonical.
    #[error("a scalar is not canonical")]
    Scalar,
    /// Not the encoding of a ristretto255 element.
    #[error("not a ristretto255 element")]
    Point,
    /// A KEM public key that is refused.
    #[error("a KEM public key is invalid")]
    KemKey,
    /// A KEM ciphertext that is refused.
    #[error("a KEM ciphertext is invalid")]
    KemCiphertext,
    /// Ids that are not strictly ascending.
    #[error("ids are not strictly ascending")]
    Order,
    /// A padding bit is set.
    #[error("a padding bit is not zero")]
    Padding,
    /// A field holds a reserved value.
    #[error("a field holds a reserved value")]
    Value,
    /// The signature is not the claimed sender's.
    #[error("the signature is not that of the claimed sender")]
    Signature,
    /// For another client, or from one that is not in the roster.
    #[error("addressed to another client, or from one that is not in the roster")]
    Recipient,
    /// In a transcript: not what a signed digest, root or transcript hash says.
    #[error("not what a signed digest, root or transcript hash says")]
    Mismatch,
}

/// What a client did that no honest client does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ClientFault {
    /// Signed contents that do not decode.
    #[error("signed contents that do not decode: {0}")]
    Malformed(DecodeError),
    /// Signed over another transcript than the one it was given.
    #[error("signed over another transcript than this round's")]
    WrongTranscript,
    /// Two different signed messages of one type.
    #[error("signed two different messages of one type")]
    Equivocation,
    /// Dealt to others than the clients of round 0.
    #[error("dealt to others than the advertised clients")]
    WrongHolders,
    /// Not exactly `t` commitments.
    #[error("expected exactly {expected} commitments, got {got}")]
    WrongThreshold {
        /// The threshold.
        expected: u32,
        /// What came.
        got: u32,
    },
    /// Packages that do not match the signed digests.
    #[error("packages that do not match their signed digests")]
    PackageMismatch,
    /// Another length or chunk length than the descriptor's.
    #[error("an input of other dimensions than the session's")]
    WrongDimensions,
    /// Reveals for others than the clients that dealt.
    #[error("revealed shares of others than the clients that dealt")]
    WrongOwners,
    /// Bad contents in an envelope under a matching key commitment.
    #[error("dealt a bad share")]
    BadDealing,
    /// A complaint that proves nothing.
    #[error("complained about a dealer that dealt correctly")]
    FalseComplaint,
    /// A revealed share that does not fit its owner's commitments.
    #[error("revealed a wrong share")]
    BadReveal,
    /// The recovered mask root does not reproduce the signed key and ciphertexts.
    #[error("advertised a mask key or ciphertext that its mask root does not give")]
    MaskKeyMismatch,
    /// Took no part in the step before.
    #[error("sent a message for a step that it is not part of")]
    NotInRound,
}

/// What the server did that no honest server does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ServerFault {
    /// Signed contents that do not decode.
    #[error("signed contents that do not decode: {0}")]
    Malformed(DecodeError),
    /// Signed over another transcript than this client's.
    #[error("signed over another transcript than this client's")]
    WrongTranscript,
    /// A forwarded entry whose signature is bad.
    #[error("forwarded an entry of {0} with a bad signature")]
    EntrySignature(ClientId),
    /// A forwarded entry over another transcript: a split view.
    #[error("forwarded an entry of {0} that was signed over another transcript: a split view")]
    EntryTranscript(ClientId),
    /// An entry of a client that can not be in this list.
    #[error("listed {0}, which can not take part in this step")]
    UnknownClient(ClientId),
    /// This client's own entry is missing or changed.
    #[error("left out or changed this client's own entry")]
    OwnEntry,
    /// A list shorter than the threshold.
    #[error("listed {got} clients, fewer than the threshold {threshold}")]
    BelowThreshold {
        /// Clients listed.
        got: u32,
        /// The threshold.
        threshold: u32,
    },
    /// One KEM key twice.
    #[error("listed one KEM key twice, the second time for {0}")]
    DuplicateKey(ClientId),
    /// A package that does not match its dealer's signed digest.
    #[error("delivered a package of {0} that does not match its signed digest")]
    PackageMismatch(ClientId),
    /// Packages from other dealers than the listed ones.
    #[error("delivered packages of other dealers than the listed ones")]
    WrongPackages,
    /// A forwarded entry that an honest server refuses.
    #[error("forwarded an entry of {0} that an honest server refuses: {1}")]
    EntryContents(ClientId, ClientFault),
    /// Two different signed messages of one type.
    #[error("signed two different messages of one type")]
    Equivocation,
    /// Announced another sum than the one that its transcript gives.
    #[error("announced another sum than the one that the transcript gives")]
    WrongSum,
}

/// The session can not go on, or not with this message; nobody can be blamed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RoundError {
    /// Fewer than the threshold.
    #[error("{remaining} clients remain, {threshold} are needed")]
    TooFewClients {
        /// Clients heard so far.
        remaining: u32,
        /// The threshold.
        threshold: u32,
    },
    /// This client's input is not in the sum.
    #[error("this client is not among the survivors")]
    NotIncluded,
    /// A package whose key commitment differs: dealer or holder lies.
    #[error("the package from {0} can not be opened: its key commitment differs (a dispute, nobody is blamed)")]
    Unopenable(ClientId),
    /// Two adverts with the same KEM key; nobody can tell who copied.
    #[error("{second} advertises a KEM key already advertised by {first}")]
    SharedKey {
        /// Whose advert came first.
        first: ClientId,
        /// Whose was refused.
        second: ClientId,
    },
    /// For a step that is closed.
    #[error("message of {0} for a step that is closed")]
    Late(ClientId),
    /// An upload that does not match its signed root: a drop-out.
    #[error("the upload of {0} does not match its signed root")]
    UploadMismatch(ClientId),
    /// A byte-identical repeat, ignored.
    #[error("a repeat of a message already accepted")]
    Repeat,
    /// Words that are not the announced sum. Whoever handed the words over may have changed them: no evidence against anybody.
    #[error("these words are not the sum that the server announced")]
    SumMismatch,
    /// A block of lattice masks that do not cancel: some client's upload is not what the protocol makes, and nobody can tell whose.
    #[error("block {0} of the sum can not be unmasked: some upload is not a masked vector")]
    CorruptBlock(u64),
    /// Evidence in which everything is in order.
    #[error("this evidence proves nothing against anybody")]
    Unproven,
}

/// What the caller got wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InputError {
    /// The roster does not have this id.
    #[error("{0} is not in the roster")]
    NotInRoster(ClientId),
    /// The identity's key is not the roster's.
    #[error("this identity's public key is not the one in the descriptor")]
    IdentityMismatch,
    /// A word that can not be an input.
    #[error("word at position {position} is outside the range that the descriptor allows")]
    WordOutOfRange {
        /// Where, counted in words from the beginning of the vector.
        position: u64,
    },
    /// More words than the vector has.
    #[error("{given} more words given, {expected} expected")]
    TooManyWords {
        /// Words still expected.
        expected: u64,
        /// Words given.
        given: u64,
    },
    /// Finished before every word was given.
    #[error("{missing} words are still missing")]
    Incomplete {
        /// Words still expected.
        missing: u64,
    },
    /// `u32` words for a modulus above 2^32.
    #[error("modulus_bits {0} needs u64 words")]
    WordWidth(u8),
    /// Positions outside the vector.
    #[error("positions {start}..{end} are outside the vector or not aligned")]
    Range {
        /// First position.
        start: u64,
        /// End, exclusive.
        end: u64,
    },
    /// The party can not do this now, or is finished.
    #[error("the party can not do this in its present state")]
    WrongState,
    /// A value that is no number.
    #[error("value at position {position} is not finite")]
    NotFinite {
        /// Where, in the slice given.
        position: u64,
    },
    /// A weight outside the public range, or a total of zero.
    #[error("weight {weight} is not allowed: each is in 0..={max}, and their sum is above 0")]
    Weight {
        /// The weight.
        weight: u64,
        /// The largest.
        max: u64,
    },
    /// Bytes of an upload that are not the next ones.
    #[error("an upload goes on at byte {expected}, not at {got}")]
    UploadOffset {
        /// Where it goes on.
        expected: u64,
        /// Where the bytes given belong.
        got: u64,
    },
    /// Partial sums, plans or leaves of different shards.
    #[error("belongs to another shard, or is counted already")]
    Shard,
    /// Two slices that must have the same length.
    #[error("expected {expected} items, got {got}")]
    Length {
        /// Items expected.
        expected: u64,
        /// Items given.
        got: u64,
    },
    /// No rounding within the norm bound: a chance below 2^-64 that is accounted for (docs/privacy.md, section 8).
    #[error("no rounding within the norm bound in {attempts} attempts; nothing was encoded, this client can not take part")]
    Rounding {
        /// Attempts made.
        attempts: u32,
    },
    /// A draw of noise beyond `max_abs`: a chance below 2^-64 that is accounted for (docs/privacy.md, section 8).
    #[error("the noise at position {position} passes max_abs; this client can not take part")]
    Truncated {
        /// Where, counted in words from the beginning of the vector.
        position: u64,
    },
    /// The source of values did not read the same twice.
    #[error("the values changed while they were encoded: their norm passes the bound")]
    Changed,
}

/// Something outside this library failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EnvironmentError {
    /// The random generator.
    #[error("the random generator failed")]
    Rng,
    /// The identity, for instance a hardware module.
    #[error("the identity could not sign")]
    Signer,
    /// Storage for an upload.
    #[error("storage for an upload failed: {0}")]
    Spool(String),
    /// A sum does not fit into memory.
    #[error("no memory for a sum of {words} words; aggregate in shards")]
    Memory {
        /// Its length.
        words: u64,
    },
}

/// `code()` from a table; exhaustive, so a new variant needs a number.
macro_rules! codes {
    ($($type:ident { $($variant:pat => $code:literal),* $(,)? })*) => {$(
        impl $type {
            /// The stable number of this error (docs/protocol.md, section 16).
            #[must_use]
            pub fn code(&self) -> u16 {
                use $type::*;
                match self { $($variant => $code),* }
            }
        }
    )*};
}

codes! {
    ParamsError {
        RosterSize { .. } => 101, RosterOrder(_) => 102, DuplicateIdentity(_) => 103, InvalidIdentity(_) => 104,
        Consistency { .. } => 105, TooFewHonest { .. } => 106, ModulusBits(_) => 107, Overflow { .. } => 108,
        VectorLen(_) => 109, ChunkLen(_) => 110, EncodingLen(_) => 111, Bound => 112, Dropouts { .. } => 113,
        Quantizer => 114, LatticeWidth { .. } => 115,
        LatticeBound => 116, LatticeChunk { .. } => 117,
    }
    DecodeError {
        Truncated => 201, Trailing => 202, Version { .. } => 203, Suite { .. } => 204, Session => 205,
        UnexpectedType { .. } => 206, Count => 207, Scalar => 208, Point => 209, KemKey => 210, KemCiphertext => 211,
        Order => 212, Padding => 213, Value => 214, Signature => 215, Recipient => 216, Mismatch => 217,
    }
    ClientFault {
        Malformed(_) => 301, WrongTranscript => 302, Equivocation => 303, WrongHolders => 304, WrongThreshold { .. } => 305,
        PackageMismatch => 306, WrongDimensions => 307, WrongOwners => 308, BadDealing => 309, FalseComplaint => 310,
        BadReveal => 311, MaskKeyMismatch => 312, NotInRound => 313,
    }
    ServerFault {
        Malformed(_) => 401, WrongTranscript => 402, EntrySignature(_) => 403, EntryTranscript(_) => 404,
        UnknownClient(_) => 405, OwnEntry => 406, BelowThreshold { .. } => 407, DuplicateKey(_) => 408,
        PackageMismatch(_) => 409, WrongPackages => 410, EntryContents(..) => 411, Equivocation => 412,
        WrongSum => 414,
    }
    RoundError {
        TooFewClients { .. } => 501, NotIncluded => 502, Unopenable(_) => 503, SharedKey { .. } => 504, Late(_) => 505,
        UploadMismatch(_) => 506, Repeat => 507, SumMismatch => 508, CorruptBlock(_) => 509,
        Unproven => 510,
    }
    InputError {
        NotInRoster(_) => 601, IdentityMismatch => 602, WordOutOfRange { .. } => 603, TooManyWords { .. } => 604,
        Incomplete { .. } => 605, WordWidth(_) => 606, Range { .. } => 607, WrongState => 608, NotFinite { .. } => 609,
        Weight { .. } => 610, Length { .. } => 611,
        UploadOffset { .. } => 612, Shard => 613,
        Rounding { .. } => 614, Truncated { .. } => 615, Changed => 616,
    }
    EnvironmentError { Rng => 701, Signer => 702, Spool(_) => 703, Memory { .. } => 704 }
}
