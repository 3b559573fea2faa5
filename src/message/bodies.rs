//! The bodies of the messages, in the order of the rounds (section 6).

use alloc::vec::Vec;
use core::fmt;

use super::{Body, Bytes, Entry, EntryBody, put_entries, read_entries};
use crate::{
    codec::{Reader, check_ascending, put_client, put_count, put_sized},
    crypto::{
        kem::{CIPHERTEXT_LEN, PUBLIC_KEY_LEN},
        seal::SEALED_LEN,
    },
    error::{ClientId, DecodeError},
    hash::hash,
    label,
};

/// Derives what every message type derives.
macro_rules! message_type {
    ($(#[$meta:meta])* pub struct $name:ident { $($(#[$field_meta:meta])* pub $field:ident: $type:ty,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(deny_unknown_fields))]
        pub struct $name { $($(#[$field_meta])* pub $field: $type,)* }
    };
}

/// `Body` for a client's message without an attachment that is also forwarded as an entry.
macro_rules! forwarded_body {
    ($name:ident) => {
        impl Body for $name {
            const TYPE: u8 = <$name as EntryBody>::TYPE;
            fn body(&self) -> Vec<u8> {
                EntryBody::body(self)
            }
            fn decode(_: ClientId, body: &[u8], attachment: &[u8]) -> Result<Self, DecodeError> {
                no_attachment(attachment)?;
                EntryBody::decode(body)
            }
        }
    };
}

fn no_attachment(attachment: &[u8]) -> Result<(), DecodeError> {
    if attachment.is_empty() { Ok(()) } else { Err(DecodeError::Trailing) }
}

/// Reads all of `bytes` with `read`.
fn read_all<'a, T>(bytes: &'a [u8], read: impl FnOnce(&mut Reader<'a>) -> Result<T, DecodeError>) -> Result<T, DecodeError> {
    let mut reader = Reader::new(bytes);
    let value = read(&mut reader)?;
    reader.finish()?;
    Ok(value)
}

message_type! {
    /// Round 0, client: its one-time public keys.
    pub struct Advert {
        /// X-Wing key for envelopes.
        pub channel_key: Bytes<PUBLIC_KEY_LEN>,
        /// X-Wing key for pair seeds.
        pub mask_key: Bytes<PUBLIC_KEY_LEN>,
    }
}

impl EntryBody for Advert {
    const TYPE: u8 = 0x01;
    fn body(&self) -> Vec<u8> {
        [self.channel_key.0, self.mask_key.0].concat()
    }
    fn decode(body: &[u8]) -> Result<Self, DecodeError> {
        read_all(body, |r| Ok(Self { channel_key: Bytes(r.array()?), mask_key: Bytes(r.array()?) }))
    }
}
forwarded_body!(Advert);

message_type! {
    /// Round 0, server: all adverts.
    pub struct Adverts {
        /// U1, ascending.
        pub entries: Vec<Entry<Advert>>,
    }
}

impl Body for Adverts {
    const TYPE: u8 = 0x11;
    fn body(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put_entries(&mut out, &self.entries);
        out
    }
    fn decode(_: ClientId, body: &[u8], attachment: &[u8]) -> Result<Self, DecodeError> {
        no_attachment(attachment)?;
        read_all(body, |r| Ok(Self { entries: read_entries(r)? }))
    }
}

message_type! {
    /// The digest of one holder's package.
    pub struct Digest {
        /// Whom the package is for.
        pub holder: ClientId,
        /// Its digest.
        pub digest: Bytes<32>,
    }
}

message_type! {
    /// The signed part of [`Shares`]: commitments and digests.
    pub struct Dealing {
        /// Commitments of the mask root `m`: points, exactly the threshold many.
        pub mask_root: Vec<Bytes<32>>,
        /// Commitments of the self secret `b`, as many.
        pub self_secret: Vec<Bytes<32>>,
        /// One for each holder, ascending.
        pub digests: Vec<Digest>,
    }
}

impl EntryBody for Dealing {
    const TYPE: u8 = 0x02;
    const HAS_ATTACHMENT: bool = true;
    fn body(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put_count(&mut out, self.mask_root.len());
        self.mask_root.iter().chain(&self.self_secret).for_each(|point| out.extend_from_slice(&point.0));
        put_count(&mut out, self.digests.len());
        for digest in &self.digests {
            put_client(&mut out, digest.holder);
            out.extend_from_slice(&digest.digest.0);
        }
        out
    }
    fn decode(body: &[u8]) -> Result<Self, DecodeError> {
        read_all(body, |r| {
            let terms = r.count(64)?;
            let mask_root = r.items(terms, |r| r.array().map(Bytes))?;
            let self_secret = r.items(terms, |r| r.array().map(Bytes))?;
            let holders = r.count(40)?;
            let digests = r.items(holders, |r| Ok(Digest { holder: r.client()?, digest: Bytes(r.array()?) }))?;
            check_ascending(digests.iter().map(|digest| digest.holder))?;
            Ok(Self { mask_root, self_secret, digests })
        })
    }
}

message_type! {
    /// What one dealer has for one holder.
    pub struct Package {
        /// The holder where the dealer sends it, the dealer where the server delivers it.
        pub peer: ClientId,
        /// The mask encapsulation; there is one if the dealer's id is less than the holder's.
        // Present even where it is nothing: else one value would have two forms.
        #[cfg_attr(feature = "serde", serde(deserialize_with = "serde::Deserialize::deserialize"))]
        pub mask_ciphertext: Option<Bytes<CIPHERTEXT_LEN>>,
        /// The channel encapsulation.
        pub channel_ciphertext: Bytes<CIPHERTEXT_LEN>,
        /// Commits the dealer to the envelope key.
        pub key_commitment: Bytes<32>,
        /// The sealed shares.
        pub sealed: Bytes<SEALED_LEN>,
    }
}

impl Package {
    /// The least bytes of one package.
    const MIN_LEN: usize = 8 + CIPHERTEXT_LEN + 32 + SEALED_LEN;

    /// The bytes of one package with a mask encapsulation.
    pub(crate) const MASKED_LEN: usize = Self::MIN_LEN + CIPHERTEXT_LEN;

    /// Reads a package with a mask encapsulation.
    pub(crate) fn decode_masked(bytes: &[u8]) -> Result<Self, DecodeError> {
        read_all(bytes, |r| Self::read(r, |_| true))
    }

    /// The digest that the dealer signs (section 6).
    #[must_use]
    pub fn digest(&self, dealer: ClientId, holder: ClientId) -> [u8; 32] {
        let pair = [dealer.0.to_le_bytes(), holder.0.to_le_bytes()].concat();
        let parts = [&pair, self.mask_ciphertext_bytes(), &self.channel_ciphertext.0, &self.key_commitment.0, &self.sealed.0];
        hash(label::hash::PACKAGE, &parts)
    }

    /// The mask encapsulation, or the empty string.
    pub(crate) fn mask_ciphertext_bytes(&self) -> &[u8] {
        self.mask_ciphertext.as_ref().map_or(&[], |bytes| &bytes.0)
    }

    pub(crate) fn put(&self, out: &mut Vec<u8>) {
        put_client(out, self.peer);
        out.extend_from_slice(self.mask_ciphertext_bytes());
        out.extend_from_slice(&self.channel_ciphertext.0);
        out.extend_from_slice(&self.key_commitment.0);
        out.extend_from_slice(&self.sealed.0);
    }

    /// Reads a package; `has_mask` tells from the peer whether there is a mask encapsulation.
    fn read(r: &mut Reader<'_>, has_mask: impl Fn(ClientId) -> bool) -> Result<Self, DecodeError> {
        let peer = r.client()?;
        Ok(Self {
            peer,
            mask_ciphertext: if has_mask(peer) { Some(Bytes(r.array()?)) } else { None },
            channel_ciphertext: Bytes(r.array()?),
            key_commitment: Bytes(r.array()?),
            sealed: Bytes(r.array()?),
        })
    }
}

fn put_packages(packages: &[Package]) -> Vec<u8> {
    let mut out = Vec::new();
    put_count(&mut out, packages.len());
    packages.iter().for_each(|package| package.put(&mut out));
    out
}

fn read_packages(bytes: &[u8], has_mask: impl Fn(ClientId) -> bool) -> Result<Vec<Package>, DecodeError> {
    read_all(bytes, |r| {
        let count = r.count(Package::MIN_LEN)?;
        let packages = r.items(count, |r| Package::read(r, &has_mask))?;
        check_ascending(packages.iter().map(|package| package.peer))?;
        Ok(packages)
    })
}

message_type! {
    /// Round 1, client: shares of its two secrets.
    pub struct Shares {
        /// The signed part.
        pub dealing: Dealing,
        /// One for each holder, ascending.
        pub packages: Vec<Package>,
    }
}

impl Body for Shares {
    const TYPE: u8 = <Dealing as EntryBody>::TYPE;
    fn body(&self) -> Vec<u8> {
        self.dealing.body()
    }
    fn attachment(&self) -> Vec<u8> {
        put_packages(&self.packages)
    }
    fn decode(client: ClientId, body: &[u8], attachment: &[u8]) -> Result<Self, DecodeError> {
        Ok(Self { dealing: Dealing::decode(body)?, packages: read_packages(attachment, |holder| client < holder)? })
    }
}

message_type! {
    /// Round 1, server: all dealings, and the recipient's packages.
    pub struct Delivery {
        /// U2, ascending.
        pub dealings: Vec<Entry<Dealing>>,
        /// From every other member of U2, ascending.
        pub packages: Vec<Package>,
    }
}

impl Body for Delivery {
    const TYPE: u8 = 0x12;
    fn body(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put_entries(&mut out, &self.dealings);
        out
    }
    fn attachment(&self) -> Vec<u8> {
        put_packages(&self.packages)
    }
    fn decode(client: ClientId, body: &[u8], attachment: &[u8]) -> Result<Self, DecodeError> {
        let dealings = read_all(body, read_entries)?;
        Ok(Self { dealings, packages: read_packages(attachment, |dealer| dealer < client)? })
    }
}

message_type! {
    /// Instead of round 2, client: a dealer's bad dealing, with the proof (section 14).
    pub struct Complaint {
        /// Who dealt badly.
        pub dealer: ClientId,
        /// The disclosed envelope key.
        pub key: Bytes<32>,
        /// The dealer's signed dealing.
        pub entry: Entry<Dealing>,
        /// The dealer's package for the complainer.
        pub package: Package,
    }
}

impl Body for Complaint {
    const TYPE: u8 = 0x03;
    fn body(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put_client(&mut out, self.dealer);
        out.extend_from_slice(&self.key.0);
        put_sized(&mut out, &self.entry.encode());
        self.package.put(&mut out);
        out
    }
    fn decode(client: ClientId, body: &[u8], attachment: &[u8]) -> Result<Self, DecodeError> {
        no_attachment(attachment)?;
        read_all(body, |r| {
            let (dealer, key) = (r.client()?, Bytes(r.array()?));
            let entry = read_all(r.sized()?, Entry::read)?;
            let package = Package::read(r, |dealer| dealer < client)?;
            Ok(Self { dealer, key, entry, package })
        })
    }
}

message_type! {
    /// Round 2, client: what its upload must hash to.
    pub struct MaskedInput {
        /// Root of the upload's chunks.
        pub root: Bytes<32>,
        /// Words.
        pub vector_len: u64,
        /// Words in a chunk.
        pub chunk_len: u32,
    }
}

impl EntryBody for MaskedInput {
    const TYPE: u8 = 0x04;
    fn body(&self) -> Vec<u8> {
        [&self.root.0[..], &self.vector_len.to_le_bytes(), &self.chunk_len.to_le_bytes()].concat()
    }
    fn decode(body: &[u8]) -> Result<Self, DecodeError> {
        read_all(body, |r| Ok(Self { root: Bytes(r.array()?), vector_len: r.u64()?, chunk_len: r.u32()? }))
    }
}
forwarded_body!(MaskedInput);

message_type! {
    /// Round 2, server: who survived.
    pub struct Survivors {
        /// U3, over the roster.
        pub bitmap: Vec<u8>,
        /// U3, ascending.
        pub entries: Vec<Entry<MaskedInput>>,
    }
}

impl Body for Survivors {
    const TYPE: u8 = 0x14;
    fn body(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put_sized(&mut out, &self.bitmap);
        put_entries(&mut out, &self.entries);
        out
    }
    fn decode(_: ClientId, body: &[u8], attachment: &[u8]) -> Result<Self, DecodeError> {
        no_attachment(attachment)?;
        read_all(body, |r| Ok(Self { bitmap: r.sized()?.to_vec(), entries: read_entries(r)? }))
    }
}

message_type! {
    /// Round 3, client: agreement with the transcript so far; everything it says is in `prev`.
    pub struct Consistency {}
}

impl EntryBody for Consistency {
    const TYPE: u8 = 0x06;
    fn body(&self) -> Vec<u8> {
        Vec::new()
    }
    fn decode(body: &[u8]) -> Result<Self, DecodeError> {
        read_all(body, |_| Ok(Self {}))
    }
}
forwarded_body!(Consistency);

message_type! {
    /// Round 3, server: who agreed.
    pub struct Agreement {
        /// At least the threshold many, ascending.
        pub entries: Vec<Entry<Consistency>>,
    }
}

impl Body for Agreement {
    const TYPE: u8 = 0x16;
    fn body(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put_entries(&mut out, &self.entries);
        out
    }
    fn decode(_: ClientId, body: &[u8], attachment: &[u8]) -> Result<Self, DecodeError> {
        no_attachment(attachment)?;
        read_all(body, |r| Ok(Self { entries: read_entries(r)? }))
    }
}

/// One revealed share: of `b` if the owner survived, else of `m`.
#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(deny_unknown_fields))]
pub struct RevealedShare {
    /// Whose secret.
    pub owner: ClientId,
    /// The share, a scalar.
    pub share: Bytes<32>,
    /// The blinding share, a scalar.
    pub blinding: Bytes<32>,
}

/// The shares are for the server, not for its logs.
impl fmt::Debug for RevealedShare {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RevealedShare").field("owner", &self.owner).finish_non_exhaustive()
    }
}

message_type! {
    /// Round 4, client: one share of each member of U2.
    pub struct Reveal {
        /// U2, ascending.
        pub shares: Vec<RevealedShare>,
    }
}

impl Body for Reveal {
    const TYPE: u8 = 0x07;
    fn body(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put_count(&mut out, self.shares.len());
        for share in &self.shares {
            put_client(&mut out, share.owner);
            out.extend_from_slice(&share.share.0);
            out.extend_from_slice(&share.blinding.0);
        }
        out
    }
    fn decode(_: ClientId, body: &[u8], attachment: &[u8]) -> Result<Self, DecodeError> {
        no_attachment(attachment)?;
        read_all(body, |r| {
            let count = r.count(72)?;
            let read = |r: &mut Reader<'_>| {
                Ok(RevealedShare { owner: r.client()?, share: Bytes(r.array()?), blinding: Bytes(r.array()?) })
            };
            let shares = r.items(count, read)?;
            check_ascending(shares.iter().map(|share| share.owner))?;
            Ok(Self { shares })
        })
    }
}

message_type! {
    /// After round 4, server: the root of the sum.
    pub struct Announcement {
        /// Root of the sum's words.
        pub sum_root: Bytes<32>,
    }
}

impl Body for Announcement {
    const TYPE: u8 = 0x18;
    fn body(&self) -> Vec<u8> {
        self.sum_root.0.to_vec()
    }
    fn decode(_: ClientId, body: &[u8], attachment: &[u8]) -> Result<Self, DecodeError> {
        no_attachment(attachment)?;
        read_all(body, |r| Ok(Self { sum_root: Bytes(r.array()?) }))
    }
}
