//! The session descriptor, which every client builds or approves itself, and the session id (section 4).

mod masking;

use alloc::{format, sync::Arc, vec::Vec};
use core::fmt;

use ed25519_dalek::VerifyingKey;
pub(crate) use masking::Geometry;
pub use masking::{LatticeSet, Masking};

use crate::{
    codec::{Reader, put_client, put_count, put_sized},
    error::{ClientId, DecodeError, Error, ParamsError},
    hash::{Hash, hash},
    label::{self, PROTOCOL_VERSION, SUITE},
    mutant::{self, Mutant},
};

/// The largest roster.
pub const MAX_CLIENTS: usize = 4096;
/// The longest vector, in words.
pub const MAX_VECTOR_LEN: u64 = 1 << 40;
/// The chunk length used unless [`SessionBuilder::chunk_len`] says otherwise, in words.
pub const DEFAULT_CHUNK_LEN: u32 = 1 << 16;

const GRAPH_COMPLETE: u8 = 0x01;
const BOUND_EXACT: u8 = 0x01;
const BOUND_TAIL: u8 = 0x02;

/// The public half of an identity: a 32-byte Ed25519 key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct IdentityKey(pub [u8; 32]);

/// Names one session: the hash of its descriptor.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(pub [u8; 32]);

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionId({self})")
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Why the sum can not wrap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Bound {
    /// Every input word has an absolute value of at most `max_abs`; clients check their own.
    Exact {
        /// Largest absolute value of a centred input word.
        max_abs: u64,
    },
    /// The application states that the absolute value of the centred sum is at most `max_sum`, except with probability `2^-log2`.
    Tail {
        /// Largest absolute value of a word of the centred sum.
        max_sum: u64,
        /// Minus the base-2 logarithm of the probability that this fails.
        log2: u32,
    },
}

/// What all parties of one session agree on. It is valid by construction, cheap to clone, and identified by [`Session::id`].
#[derive(Clone)]
pub struct Session(Arc<Inner>);

struct Inner {
    fields: SessionBuilder,
    geometry: Option<Geometry>,
    threshold: u32,
    clients: Vec<(ClientId, VerifyingKey)>,
    server: VerifyingKey,
    id: SessionId,
}

/// Collects the fields of a [`Session`]; every field that is not set has the default named at its setter.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct SessionBuilder {
    roster: Vec<(ClientId, IdentityKey)>,
    server: IdentityKey,
    max_colluders: u32,
    max_dropouts: u32,
    min_honest: u32,
    vector_len: u64,
    masking: Masking,
    /// `None` until it is built.
    chunk_len: Option<u32>,
    modulus_bits: u8,
    bound: Bound,
    encoding: Vec<u8>,
    round: u64,
    attempt: [u8; 16],
    context: [u8; 32],
    previous: [u8; 32],
}

impl SessionBuilder {
    /// `max_colluders`, clients that may collude with the server. Default: `(n - 1) / 3`, and 0 for n = 4.
    pub fn max_colluders(mut self, clients: u32) -> Self {
        self.max_colluders = clients;
        self
    }

    /// `max_dropouts`: dropped, silent, lying and complaining clients together. Default: `(n - 1) / 3`.
    pub fn max_dropouts(mut self, clients: u32) -> Self {
        self.max_dropouts = clients;
        self
    }

    /// Honest inputs that every released sum contains. Default 3, never below 2.
    pub fn min_honest(mut self, clients: u32) -> Self {
        self.min_honest = clients;
        self
    }

    /// How inputs are masked. Default [`Masking::Pairwise`]; [`Masking::recommended`] says which is faster.
    pub fn masking(mut self, masking: Masking) -> Self {
        self.masking = masking;
        self
    }

    /// Words in a chunk of an upload: a multiple of 64 and, with lattice masks, of their block. Default [`DEFAULT_CHUNK_LEN`], or the next such
    /// multiple.
    pub fn chunk_len(mut self, words: u32) -> Self {
        self.chunk_len = Some(words);
        self
    }

    /// What the words mean: canonical bytes, at most 1024, never parsed here. Default empty.
    pub fn encoding(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.encoding = bytes.into();
        self
    }

    /// The application's round number. Default 0.
    pub fn round(mut self, round: u64) -> Self {
        self.round = round;
        self
    }

    /// A nonce that differs for every attempt at a round. Default zero.
    pub fn attempt(mut self, nonce: [u8; 16]) -> Self {
        self.attempt = nonce;
        self
    }

    /// A hash of all that clients must agree on: global model, task, hyper-parameters. Default zero.
    pub fn context(mut self, hash: [u8; 32]) -> Self {
        self.context = hash;
        self
    }

    /// The transcript hash `h4` of the previous round. Default zero.
    pub fn previous(mut self, hash: [u8; 32]) -> Self {
        self.previous = hash;
        self
    }

    /// Checks every rule of section 4.
    ///
    /// # Errors
    /// [`ParamsError`], which names the field to change.
    pub fn build(mut self) -> Result<Session, ParamsError> {
        self.check_roster()?;
        let threshold = self.check_thresholds()?;
        self.check_dimensions()?;
        self.check_bound()?;
        let geometry = self.geometry()?;
        let block = geometry.map_or(64, Geometry::block_len);
        let default = u32::try_from(u64::from(DEFAULT_CHUNK_LEN).next_multiple_of(block)).unwrap_or(u32::MAX);
        check_chunk_len(*self.chunk_len.get_or_insert(default), block)?;
        let clients = self.identity_keys()?;
        let server = verifying_key(&self.server).ok_or(ParamsError::InvalidIdentity(None))?;
        let id = SessionId(hash(label::hash::SESSION, &[&self.encode()]));
        Ok(Session(Arc::new(Inner { fields: self, geometry, threshold, clients, server, id })))
    }

    fn check_roster(&self) -> Result<(), ParamsError> {
        let n = self.roster.len();
        if !(2..=MAX_CLIENTS).contains(&n) {
            return Err(ParamsError::RosterSize { n });
        }
        for pair in self.roster.windows(2) {
            if let [(first, _), (second, _)] = pair
                && first >= second
            {
                return Err(ParamsError::RosterOrder(*second));
            }
        }
        let mut keys: Vec<_> = self.roster.iter().map(|(id, key)| (*key, *id)).collect();
        keys.sort_unstable();
        let repeated = keys.windows(2).find_map(|pair| match pair {
            [(first, _), (second, id)] if first == second => Some(*id),
            _ => None,
        });
        let servers = keys.iter().find(|(key, _)| *key == self.server).map(|(_, id)| *id);
        repeated.or(servers).map_or(Ok(()), |id| Err(ParamsError::DuplicateIdentity(id)))
    }

    /// Section 1; returns the threshold.
    fn check_thresholds(&self) -> Result<u32, ParamsError> {
        let (n, c, d) = (client_count(&self.roster), self.max_colluders, self.max_dropouts);
        if d >= n {
            return Err(ParamsError::Dropouts { d, n });
        }
        let t = n - d;
        if 2 * u64::from(t) <= u64::from(n) + u64::from(c) && !mutant::active(Mutant::AnyThreshold) {
            return Err(ParamsError::Consistency { n, c, d, t });
        }
        let honest = t.saturating_sub(c);
        if (self.min_honest < 2 || honest < self.min_honest) && !mutant::active(Mutant::FewHonest) {
            return Err(ParamsError::TooFewHonest { t, c, min_honest: self.min_honest });
        }
        Ok(t)
    }

    fn check_dimensions(&self) -> Result<(), ParamsError> {
        if !(1..=MAX_VECTOR_LEN).contains(&self.vector_len) {
            return Err(ParamsError::VectorLen(self.vector_len));
        }
        if !(2..=64).contains(&self.modulus_bits) {
            return Err(ParamsError::ModulusBits(self.modulus_bits));
        }
        if self.encoding.len() > 1024 {
            return Err(ParamsError::EncodingLen(self.encoding.len()));
        }
        Ok(())
    }

    /// How words lie in coefficients, if masks are lattice masks.
    fn geometry(&self) -> Result<Option<Geometry>, ParamsError> {
        match (self.masking, self.bound) {
            (Masking::Pairwise, _) => Ok(None),
            (Masking::Lattice(set), Bound::Exact { max_abs }) => Geometry::new(set, self.roster.len(), max_abs).map(Some),
            (Masking::Lattice(_), Bound::Tail { .. }) => Err(ParamsError::LatticeBound),
        }
    }

    /// The overflow inequality.
    fn check_bound(&self) -> Result<(), ParamsError> {
        let n = self.roster.len();
        let (largest, what) = match self.bound {
            Bound::Exact { max_abs: 0 } | Bound::Tail { max_sum: 0, .. } | Bound::Tail { log2: 0, .. } => {
                return Err(ParamsError::Bound);
            }
            Bound::Exact { max_abs } => (u128::from(max_abs) * n as u128, format!("{n} clients of max_abs {max_abs}")),
            Bound::Tail { max_sum, .. } => (u128::from(max_sum), format!("sums up to {max_sum}")),
        };
        let holds = (1_u64 << (self.modulus_bits - 1)) - 1;
        if largest <= u128::from(holds) {
            return Ok(());
        }
        let need = u8::try_from(u128::BITS - largest.leading_zeros() + 1).unwrap_or(u8::MAX);
        Err(ParamsError::Overflow { bits: self.modulus_bits, holds, what, need })
    }

    fn identity_keys(&self) -> Result<Vec<(ClientId, VerifyingKey)>, ParamsError> {
        let parse = |(id, key): &(ClientId, IdentityKey)| {
            verifying_key(key).map(|key| (*id, key)).ok_or(ParamsError::InvalidIdentity(Some(*id)))
        };
        let mut keys = Vec::with_capacity(self.roster.len());
        for member in &self.roster {
            keys.push(parse(member)?);
        }
        Ok(keys)
    }

    fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        out.push(PROTOCOL_VERSION);
        out.extend_from_slice(&SUITE.to_le_bytes());
        out.extend_from_slice(&[self.masking.code(), GRAPH_COMPLETE]);
        put_count(&mut out, self.roster.len());
        for (id, key) in &self.roster {
            put_client(&mut out, *id);
            out.extend_from_slice(&key.0);
        }
        out.extend_from_slice(&self.server.0);
        for number in [self.max_colluders, self.max_dropouts, self.min_honest] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        out.extend_from_slice(&self.vector_len.to_le_bytes());
        out.extend_from_slice(&self.chunk_len.unwrap_or(DEFAULT_CHUNK_LEN).to_le_bytes());
        out.push(self.modulus_bits);
        let (kind, bound, log2) = match self.bound {
            Bound::Exact { max_abs } => (BOUND_EXACT, max_abs, 0),
            Bound::Tail { max_sum, log2 } => (BOUND_TAIL, max_sum, log2),
        };
        out.push(kind);
        out.extend_from_slice(&bound.to_le_bytes());
        out.extend_from_slice(&log2.to_le_bytes());
        put_sized(&mut out, &self.encoding);
        out.extend_from_slice(&self.round.to_le_bytes());
        out.extend_from_slice(&self.attempt);
        out.extend_from_slice(&self.context);
        out.extend_from_slice(&self.previous);
        out
    }
}

impl Session {
    /// Begins a descriptor with defaults for everything else; the roster need not be sorted.
    ///
    /// `vector_len` is in words, and words are integers modulo `2^modulus_bits`.
    pub fn builder(
        roster: impl IntoIterator<Item = (ClientId, IdentityKey)>,
        server: IdentityKey,
        vector_len: u64,
        modulus_bits: u8,
        bound: Bound,
    ) -> SessionBuilder {
        let mut roster: Vec<_> = roster.into_iter().collect();
        roster.sort_unstable_by_key(|(id, _)| *id);
        let third = client_count(&roster).saturating_sub(1) / 3;
        SessionBuilder {
            max_colluders: if roster.len() == 4 { 0 } else { third },
            max_dropouts: third,
            min_honest: 3,
            roster,
            server,
            vector_len,
            masking: Masking::Pairwise,
            chunk_len: None,
            modulus_bits,
            bound,
            encoding: Vec::new(),
            round: 0,
            attempt: [0; 16],
            context: [0; 32],
            previous: [0; 32],
        }
    }

    /// Reads the canonical encoding of a descriptor. The reader still has to decide whether it approves of it.
    ///
    /// # Errors
    /// [`Error::Decode`] if these are not the canonical bytes of a descriptor, [`Error::Params`] if it breaks a rule.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        Ok(read_descriptor(bytes)?.build()?)
    }

    /// The canonical encoding of the descriptor (section 4).
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        self.0.fields.encode()
    }

    /// The session id.
    #[must_use]
    pub fn id(&self) -> SessionId {
        self.0.id
    }

    /// `n`, the number of clients in the roster.
    #[must_use]
    pub fn clients(&self) -> usize {
        self.0.clients.len()
    }

    /// Ids and identity keys, ascending by id.
    #[must_use]
    pub fn roster(&self) -> &[(ClientId, IdentityKey)] {
        &self.0.fields.roster
    }

    /// The server's identity key.
    #[must_use]
    pub fn server(&self) -> IdentityKey {
        self.0.fields.server
    }

    /// `t = n - max_dropouts`.
    #[must_use]
    pub fn threshold(&self) -> u32 {
        self.0.threshold
    }

    /// Clients that may collude with the server.
    #[must_use]
    pub fn max_colluders(&self) -> u32 {
        self.0.fields.max_colluders
    }

    /// Clients that may fail to take part to the end.
    #[must_use]
    pub fn max_dropouts(&self) -> u32 {
        self.0.fields.max_dropouts
    }

    /// Honest inputs that every released sum contains.
    #[must_use]
    pub fn min_honest(&self) -> u32 {
        self.0.fields.min_honest
    }

    /// Words in a vector.
    #[must_use]
    pub fn vector_len(&self) -> u64 {
        self.0.fields.vector_len
    }

    /// How inputs are masked.
    #[must_use]
    pub fn masking(&self) -> Masking {
        self.0.fields.masking
    }

    /// How words lie in coefficients, if masks are lattice masks.
    pub(crate) fn geometry(&self) -> Option<Geometry> {
        self.0.geometry
    }

    /// Words in a chunk.
    #[must_use]
    pub fn chunk_len(&self) -> u32 {
        self.0.fields.chunk_len.unwrap_or(DEFAULT_CHUNK_LEN)
    }

    /// Bits of a word.
    #[must_use]
    pub fn modulus_bits(&self) -> u8 {
        self.0.fields.modulus_bits
    }

    /// Why the sum can not wrap.
    #[must_use]
    pub fn bound(&self) -> Bound {
        self.0.fields.bound
    }

    /// What the words mean, as opaque bytes.
    #[must_use]
    pub fn encoding(&self) -> &[u8] {
        &self.0.fields.encoding
    }

    /// The application's round number.
    #[must_use]
    pub fn round(&self) -> u64 {
        self.0.fields.round
    }

    /// The nonce of this attempt at the round.
    #[must_use]
    pub fn attempt(&self) -> &[u8; 16] {
        &self.0.fields.attempt
    }

    /// The transcript hash of the previous round.
    #[must_use]
    pub fn previous(&self) -> &[u8; 32] {
        &self.0.fields.previous
    }

    /// The application's context hash.
    #[must_use]
    pub fn context(&self) -> &[u8; 32] {
        &self.0.fields.context
    }

    pub(crate) fn h0(&self) -> Hash {
        self.0.id.0
    }

    /// Place in the roster, counted from 1: the x-coordinate of this client's shares.
    pub(crate) fn index(&self, client: ClientId) -> Option<u32> {
        let place = self.0.clients.binary_search_by_key(&client, |(id, _)| *id).ok()?;
        u32::try_from(place + 1).ok()
    }

    pub(crate) fn client_key(&self, client: ClientId) -> Option<&VerifyingKey> {
        let place = self.0.clients.binary_search_by_key(&client, |(id, _)| *id).ok()?;
        self.0.clients.get(place).map(|(_, key)| key)
    }

    pub(crate) fn server_key(&self) -> &VerifyingKey {
        &self.0.server
    }

    pub(crate) fn threshold_len(&self) -> usize {
        self.0.threshold as usize
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("id", &self.id()).field("descriptor", &self.0.fields).finish()
    }
}

impl PartialEq for Session {
    fn eq(&self, other: &Self) -> bool {
        self.id() == other.id()
    }
}

impl Eq for Session {}

fn client_count(roster: &[(ClientId, IdentityKey)]) -> u32 {
    u32::try_from(roster.len()).unwrap_or(u32::MAX)
}

/// A canonical encoding of a point that is not of small order.
fn verifying_key(key: &IdentityKey) -> Option<VerifyingKey> {
    let parsed = VerifyingKey::from_bytes(&key.0).ok()?;
    let canonical = parsed.to_edwards().compress().to_bytes() == key.0;
    (canonical && !parsed.is_weak()).then_some(parsed)
}

fn check_chunk_len(chunk_len: u32, block: u64) -> Result<(), ParamsError> {
    if !(64..=1 << 24).contains(&chunk_len) || !chunk_len.is_multiple_of(64) {
        return Err(ParamsError::ChunkLen(chunk_len));
    }
    if u64::from(chunk_len).is_multiple_of(block) { Ok(()) } else { Err(ParamsError::LatticeChunk { chunk_len, block }) }
}

fn read_descriptor(bytes: &[u8]) -> Result<SessionBuilder, DecodeError> {
    let mut reader = Reader::new(bytes);
    let masking = read_versions(&mut reader)?;
    let n = reader.count(40)?;
    let roster = reader.items(n, |r| Ok((r.client()?, IdentityKey(r.array()?))))?;
    let builder = SessionBuilder {
        roster,
        server: IdentityKey(reader.array()?),
        max_colluders: reader.u32()?,
        max_dropouts: reader.u32()?,
        min_honest: reader.u32()?,
        vector_len: reader.u64()?,
        masking,
        chunk_len: Some(reader.u32()?),
        modulus_bits: reader.u8()?,
        bound: read_bound(&mut reader)?,
        encoding: reader.sized()?.to_vec(),
        round: reader.u64()?,
        attempt: reader.array()?,
        context: reader.array()?,
        previous: reader.array()?,
    };
    reader.finish()?;
    Ok(builder)
}

fn read_versions(reader: &mut Reader<'_>) -> Result<Masking, DecodeError> {
    match reader.u8()? {
        PROTOCOL_VERSION => {}
        got => return Err(DecodeError::Version { expected: PROTOCOL_VERSION, got }),
    }
    match reader.u16()? {
        SUITE => {}
        got => return Err(DecodeError::Suite { expected: SUITE, got }),
    }
    match (Masking::from_code(reader.u8()?), reader.u8()?) {
        (Some(masking), GRAPH_COMPLETE) => Ok(masking),
        _ => Err(DecodeError::Value),
    }
}

fn read_bound(reader: &mut Reader<'_>) -> Result<Bound, DecodeError> {
    match (reader.u8()?, reader.u64()?, reader.u32()?) {
        (BOUND_EXACT, max_abs, 0) => Ok(Bound::Exact { max_abs }),
        (BOUND_TAIL, max_sum, log2) => Ok(Bound::Tail { max_sum, log2 }),
        _ => Err(DecodeError::Value),
    }
}
