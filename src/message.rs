//! Control-plane messages: their canonical bytes, their signatures, and the entries that the server forwards (section 6).
//!
//! The types here are plain data, as received: nothing is verified but the form. With the feature `serde` they can be converted to
//! and from other formats; what is signed and hashed is always the canonical encoding.

use alloc::vec::Vec;
use core::fmt;

use crate::{
    codec::{Reader, check_ascending, put_client, put_count, put_sized},
    crypto::sign::Signed,
    error::{ClientId, DecodeError},
    hash::{Hash, hash},
    label::{self, PROTOCOL_VERSION, SUITE},
    mutant::{self, Mutant},
    session::{Session, SessionId},
};

mod bodies;

pub use bodies::{
    Advert, Adverts, Agreement, Announcement, Complaint, Consistency, Dealing, Delivery, Digest, MaskedInput, Package, Reveal,
    RevealedShare, Shares, Survivors,
};

/// Bytes of the header in front of the body.
pub(crate) const HEADER_LEN: usize = 84;
/// Bytes of a signature.
const SIGNATURE_LEN: usize = 64;
/// Bytes of an entry around its body.
const ENTRY_LEN: usize = 8 + 32 + 4 + 32 + SIGNATURE_LEN;

/// `N` bytes; in human-readable formats, hexadecimal.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bytes<const N: usize>(pub [u8; N]);

impl<const N: usize> fmt::Display for Bytes<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl<const N: usize> fmt::Debug for Bytes<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bytes({self})")
    }
}

/// What a message says: one of the types of section 6.
pub trait Body: Sized {
    /// The type byte. Types from `0x11` on are the server's.
    const TYPE: u8;

    /// The signed body.
    fn body(&self) -> Vec<u8>;

    /// What travels beside the body; signed by its hash.
    fn attachment(&self) -> Vec<u8> {
        Vec::new()
    }

    /// Reads body and attachment of a message from or to `client`.
    ///
    /// # Errors
    /// [`DecodeError`] if they are not canonical.
    fn decode(client: ClientId, body: &[u8], attachment: &[u8]) -> Result<Self, DecodeError>;
}

/// A body that the server forwards in an [`Entry`].
pub trait EntryBody: Sized {
    /// The type byte of the message that the entry was taken from.
    const TYPE: u8;

    /// Whether that message has an attachment, of which the entry keeps the hash.
    const HAS_ATTACHMENT: bool = false;

    /// The signed body.
    fn body(&self) -> Vec<u8>;

    /// Reads a body.
    ///
    /// # Errors
    /// [`DecodeError`] if it is not canonical.
    fn decode(body: &[u8]) -> Result<Self, DecodeError>;
}

/// A signed message.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(deny_unknown_fields))]
pub struct Message<B> {
    /// The session.
    pub session: Bytes<32>,
    /// The sender of a client's message, the recipient of the server's.
    pub client: ClientId,
    /// The transcript hash that the sender has reached.
    pub prev: Bytes<32>,
    /// What it says.
    pub body: B,
    /// The sender's signature.
    pub signature: Bytes<64>,
}

impl<B: Body> Message<B> {
    /// The canonical bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let header = Header { session: SessionId(self.session.0), kind: B::TYPE, client: self.client, prev: &self.prev.0 };
        header.assemble(&self.body.body(), &self.body.attachment(), &self.signature.0)
    }

    /// Reads canonical bytes; the signature is not checked.
    ///
    /// # Errors
    /// [`DecodeError`], in the order of section 6.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let frame = Frame::parse(bytes)?;
        if frame.kind != B::TYPE {
            return Err(DecodeError::UnexpectedType { expected: B::TYPE, got: frame.kind });
        }
        Ok(Self {
            session: Bytes(frame.session.0),
            client: frame.client,
            prev: Bytes(frame.prev),
            body: B::decode(frame.client, frame.body, frame.attachment)?,
            signature: Bytes(frame.signature),
        })
    }
}

/// The fields in front of a body.
pub(crate) struct Header<'a> {
    pub(crate) session: SessionId,
    pub(crate) kind: u8,
    pub(crate) client: ClientId,
    pub(crate) prev: &'a Hash,
}

impl Header<'_> {
    pub(crate) fn assemble(&self, body: &[u8], attachment: &[u8], signature: &[u8; SIGNATURE_LEN]) -> Vec<u8> {
        let mut out = Vec::with_capacity(HEADER_LEN + body.len() + attachment.len() + SIGNATURE_LEN);
        out.push(PROTOCOL_VERSION);
        out.extend_from_slice(&SUITE.to_le_bytes());
        out.extend_from_slice(&self.session.0);
        out.push(self.kind);
        put_client(&mut out, self.client);
        out.extend_from_slice(self.prev);
        put_count(&mut out, body.len());
        put_count(&mut out, attachment.len());
        out.extend_from_slice(body);
        out.extend_from_slice(attachment);
        out.extend_from_slice(signature);
        out
    }
}

/// A message cut into its fields; nothing about it is believed yet.
#[derive(Debug)]
pub(crate) struct Frame<'a> {
    pub(crate) session: SessionId,
    pub(crate) kind: u8,
    pub(crate) client: ClientId,
    pub(crate) prev: Hash,
    pub(crate) body: &'a [u8],
    pub(crate) attachment: &'a [u8],
    pub(crate) signature: [u8; SIGNATURE_LEN],
}

impl<'a> Frame<'a> {
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let (version, suite) = (reader.u8()?, reader.u16()?);
        let (session, kind, client) = (SessionId(reader.array()?), reader.u8()?, reader.client()?);
        let prev = reader.array()?;
        let (body_len, attachment_len) = (reader.u32()?, reader.u32()?);
        let body = reader.bytes(body_len as usize)?;
        let attachment = reader.bytes(attachment_len as usize)?;
        let signature = reader.array()?;
        reader.finish()?;
        if version != PROTOCOL_VERSION {
            return Err(DecodeError::Version { expected: PROTOCOL_VERSION, got: version });
        }
        if suite != SUITE {
            return Err(DecodeError::Suite { expected: SUITE, got: suite });
        }
        Ok(Self { session, kind, client, prev, body, attachment, signature })
    }

    /// Parses, and checks the session and the signature by the claimed sender.
    pub(crate) fn open(session: &Session, bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let frame = Self::parse(bytes)?;
        if frame.session != session.id() {
            return Err(DecodeError::Session);
        }
        let member = session.client_key(frame.client).ok_or(DecodeError::Recipient)?;
        let key = if frame.is_from_server() { session.server_key() } else { member };
        if frame.signed(&frame.attachment_hash()).verify(key, &frame.signature) { Ok(frame) } else { Err(DecodeError::Signature) }
    }

    /// The contents, of the type that the caller has looked at.
    pub(crate) fn decode<B: Body>(&self) -> Result<B, DecodeError> {
        B::decode(self.client, self.body, self.attachment)
    }

    pub(crate) fn is_from_server(&self) -> bool {
        self.kind >= Adverts::TYPE
    }

    fn attachment_hash(&self) -> Hash {
        hash(label::hash::ATTACHMENT, &[self.attachment])
    }

    fn signed<'b>(&'b self, attachment_hash: &'b Hash) -> Signed<'b> {
        Signed { session: self.session, kind: self.kind, client: self.client, prev: &self.prev, body: self.body, attachment_hash }
    }

    /// This message as the server forwards it.
    pub(crate) fn to_entry<E: EntryBody>(&self, body: E) -> Entry<E> {
        Entry {
            client: self.client,
            prev: Bytes(self.prev),
            body,
            attachment_hash: Bytes(self.attachment_hash()),
            signature: Bytes(self.signature),
        }
    }
}

/// A client's signed message as the server forwards it to other clients.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(deny_unknown_fields))]
pub struct Entry<B> {
    /// The client that signed it.
    pub client: ClientId,
    /// The transcript hash it was signed over.
    pub prev: Bytes<32>,
    /// What it says.
    pub body: B,
    /// The hash of its attachment.
    pub attachment_hash: Bytes<32>,
    /// The client's signature.
    pub signature: Bytes<64>,
}

impl<B: EntryBody> Entry<B> {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put_client(&mut out, self.client);
        out.extend_from_slice(&self.prev.0);
        put_sized(&mut out, &self.body.body());
        out.extend_from_slice(&self.attachment_hash.0);
        out.extend_from_slice(&self.signature.0);
        out
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            client: reader.client()?,
            prev: Bytes(reader.array()?),
            body: B::decode(reader.sized()?)?,
            attachment_hash: Bytes(reader.array()?),
            signature: Bytes(reader.array()?),
        })
    }

    /// Whether the client that it names signed it, in this session.
    pub(crate) fn verifies(&self, session: &Session) -> bool {
        let body = self.body.body();
        let signed = Signed {
            session: session.id(),
            kind: B::TYPE,
            client: self.client,
            prev: &self.prev.0,
            body: &body,
            attachment_hash: &self.attachment_hash.0,
        };
        session.client_key(self.client).is_some_and(|key| signed.verify(key, &self.signature.0))
    }
}

/// A list of entries: a count, then the entries, ids ascending.
pub(crate) fn put_entries<B: EntryBody>(out: &mut Vec<u8>, entries: &[Entry<B>]) {
    put_count(out, entries.len());
    entries.iter().for_each(|entry| out.extend_from_slice(&entry.encode()));
}

pub(crate) fn read_entries<B: EntryBody>(reader: &mut Reader<'_>) -> Result<Vec<Entry<B>>, DecodeError> {
    let count = reader.count(ENTRY_LEN)?;
    let entries = reader.items(count, Entry::read)?;
    if !mutant::active(Mutant::UnorderedEntries) {
        check_ascending(entries.iter().map(|entry| entry.client))?;
    }
    Ok(entries)
}

#[cfg(feature = "serde")]
mod serde_bytes {
    use super::{Bytes, fmt};
    use serde::{
        Deserialize, Deserializer, Serialize, Serializer,
        de::{Error, SeqAccess, Visitor},
    };

    impl<const N: usize> Serialize for Bytes<N> {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            if serializer.is_human_readable() { serializer.collect_str(self) } else { serializer.serialize_bytes(&self.0) }
        }
    }

    impl<'de, const N: usize> Deserialize<'de> for Bytes<N> {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            if deserializer.is_human_readable() {
                deserializer.deserialize_str(BytesVisitor)
            } else {
                deserializer.deserialize_bytes(BytesVisitor)
            }
        }
    }

    struct BytesVisitor<const N: usize>;

    impl<'de, const N: usize> Visitor<'de> for BytesVisitor<N> {
        type Value = Bytes<N>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "{N} bytes, or {} lower-case hexadecimal digits", 2 * N)
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<Bytes<N>, E> {
            let mut out = [0; N];
            let digits = text.as_bytes();
            if digits.len() != 2 * N {
                return Err(E::invalid_length(digits.len(), &self));
            }
            for (byte, pair) in out.iter_mut().zip(digits.chunks_exact(2)) {
                *byte = pair
                    .iter()
                    .try_fold(0, |sum, digit| nibble(*digit).map(|n| sum << 4 | n))
                    .ok_or_else(|| E::invalid_value(serde::de::Unexpected::Str(text), &self))?;
            }
            Ok(Bytes(out))
        }

        fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Bytes<N>, E> {
            bytes.try_into().map(Bytes).map_err(|_| E::invalid_length(bytes.len(), &self))
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Bytes<N>, A::Error> {
            let mut out = [0; N];
            for (place, byte) in out.iter_mut().enumerate() {
                *byte = seq.next_element()?.ok_or_else(|| A::Error::invalid_length(place, &self))?;
            }
            match seq.next_element::<u8>()? {
                None => Ok(Bytes(out)),
                Some(_) => Err(A::Error::invalid_length(N + 1, &self)),
            }
        }
    }

    fn nibble(digit: u8) -> Option<u8> {
        match digit {
            b'0'..=b'9' => Some(digit - b'0'),
            b'a'..=b'f' => Some(digit - b'a' + 10),
            _ => None,
        }
    }
}
