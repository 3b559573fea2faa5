//! Messages as a forger sees them: every field can be altered and signed again (section 6), for clients and for the server.
//!
//! Written from docs/protocol.md alone, so that a defect in the library's own signing code does not hide itself here.
#![allow(dead_code, unreachable_pub, reason = "each test file uses some of it")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

use sha2::{Digest as _, Sha512_256};
use veilsum::{
    ClientId, Identity, Session,
    message::{Body, Bytes, Complaint, Delivery, Entry, EntryBody, Message},
};

pub const ADVERT: u8 = 0x01;
pub const SHARES: u8 = 0x02;
pub const COMPLAINT: u8 = 0x03;
pub const MASKED_INPUT: u8 = 0x04;
pub const CONSISTENCY: u8 = 0x06;
pub const REVEAL: u8 = 0x07;
pub const ADVERTS: u8 = 0x11;
pub const DELIVERY: u8 = 0x12;
pub const SURVIVORS: u8 = 0x14;
pub const AGREEMENT: u8 = 0x16;
pub const ANNOUNCEMENT: u8 = 0x18;

/// `LV(x)` of section 2.
pub fn lv(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u64).to_le_bytes()[..], bytes].concat()
}

/// `LV("veilsum/3/" || label)`.
pub fn label(name: &str) -> Vec<u8> {
    lv(format!("veilsum/3/{name}").as_bytes())
}

/// `H(label; parts)` of section 2.
pub fn hash(name: &str, parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = Sha512_256::new();
    hasher.update(label(name));
    parts.iter().for_each(|part| hasher.update(lv(part)));
    hasher.finalize().into()
}

/// The fields of any message, unchecked (section 6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Raw {
    pub version: u8,
    pub suite: u16,
    pub session: [u8; 32],
    pub kind: u8,
    pub client: ClientId,
    pub prev: [u8; 32],
    pub body: Vec<u8>,
    pub attachment: Vec<u8>,
    pub signature: [u8; 64],
}

impl Raw {
    /// An unsigned message of this version and suite.
    pub fn new(session: &Session, kind: u8, client: ClientId, prev: [u8; 32]) -> Self {
        let (body, attachment) = (Vec::new(), Vec::new());
        Self { version: 3, suite: 1, session: session.id().0, kind, client, prev, body, attachment, signature: [0; 64] }
    }

    /// Cuts well-formed bytes into fields.
    pub fn parse(bytes: &[u8]) -> Self {
        let number = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
        let (body_end, attachment_end) = (84 + number(76), 84 + number(76) + number(80));
        assert_eq!(bytes.len(), attachment_end + 64);
        Self {
            version: bytes[0],
            suite: u16::from_le_bytes([bytes[1], bytes[2]]),
            session: bytes[3..35].try_into().unwrap(),
            kind: bytes[35],
            client: ClientId(u64::from_le_bytes(bytes[36..44].try_into().unwrap())),
            prev: bytes[44..76].try_into().unwrap(),
            body: bytes[84..body_end].to_vec(),
            attachment: bytes[body_end..attachment_end].to_vec(),
            signature: bytes[attachment_end..].try_into().unwrap(),
        }
    }

    pub fn encode(&self) -> Vec<u8> {
        let mut out = vec![self.version];
        out.extend(self.suite.to_le_bytes());
        out.extend(self.session);
        out.push(self.kind);
        out.extend(self.client.0.to_le_bytes());
        out.extend(self.prev);
        out.extend(u32::try_from(self.body.len()).unwrap().to_le_bytes());
        out.extend(u32::try_from(self.attachment.len()).unwrap().to_le_bytes());
        [&out[..], &self.body, &self.attachment, &self.signature].concat()
    }

    /// Signs the fields as they are now and gives the bytes.
    pub fn sign(&mut self, identity: &dyn Identity) -> Vec<u8> {
        self.signature = self.sign_beside(&hash("attachment", &[&self.attachment]), identity);
        self.encode()
    }

    /// The signature beside an attachment of which only the hash is at hand.
    pub fn sign_beside(&self, attachment_hash: &[u8; 32], identity: &dyn Identity) -> [u8; 64] {
        let mut out = label("signature");
        out.push(self.version);
        out.extend(self.suite.to_le_bytes());
        out.extend(self.session);
        out.push(self.kind);
        out.extend(self.client.0.to_le_bytes());
        out.extend(self.prev);
        out.extend(hash("body", &[&self.body]));
        out.extend(attachment_hash);
        identity.sign(&out).unwrap()
    }

    /// This message as the server forwards it.
    pub fn entry(&self) -> Vec<u8> {
        let mut out = self.client.0.to_le_bytes().to_vec();
        out.extend(self.prev);
        out.extend(u32::try_from(self.body.len()).unwrap().to_le_bytes());
        out.extend(&self.body);
        out.extend(hash("attachment", &[&self.attachment]));
        out.extend(self.signature);
        out
    }
}

/// Alters a message's fields and signs it again; `identity` is the sender's.
pub fn alter(message: &[u8], identity: &dyn Identity, change: impl FnOnce(&mut Raw)) -> Vec<u8> {
    let mut raw = Raw::parse(message);
    change(&mut raw);
    raw.sign(identity)
}

/// Alters a message's contents and signs it again.
pub fn alter_body<B: Body>(message: &[u8], identity: &dyn Identity, change: impl FnOnce(&mut B)) -> Vec<u8> {
    let mut typed = Message::<B>::decode(message).unwrap();
    change(&mut typed.body);
    resign(&typed, identity)
}

/// Signs a typed message as it is now and gives the bytes.
pub fn resign<B: Body>(message: &Message<B>, identity: &dyn Identity) -> Vec<u8> {
    Raw::parse(&message.encode()).sign(identity)
}

/// A message of this session, from nothing.
pub fn sign<B: Body>(session: &Session, client: ClientId, prev: [u8; 32], body: &B, identity: &dyn Identity) -> Vec<u8> {
    let mut raw = Raw::new(session, B::TYPE, client, prev);
    (raw.body, raw.attachment) = (body.body(), body.attachment());
    raw.sign(identity)
}

/// A complaint against the last dealer in a delivery, with a key that is none.
pub fn false_complaint(session: &Session, complainer: ClientId, delivery: &[u8], identity: &dyn Identity) -> Vec<u8> {
    let Message { prev, body: Delivery { dealings, packages }, .. } = Message::decode(delivery).unwrap();
    let package = packages.last().unwrap().clone();
    let entry = dealings.into_iter().find(|entry| entry.client == package.peer).unwrap();
    let complaint = Complaint { dealer: entry.client, key: Bytes([7; 32]), entry, package };
    sign(session, complainer, prev.0, &complaint, identity)
}

/// Signs an entry as it is now, as its client would have; its attachment hash is taken as it stands.
pub fn sign_entry<B: EntryBody>(session: &Session, entry: &mut Entry<B>, identity: &dyn Identity) {
    let mut raw = Raw::new(session, B::TYPE, entry.client, entry.prev.0);
    raw.body = entry.body.body();
    entry.signature = Bytes(raw.sign_beside(&entry.attachment_hash.0, identity));
}

/// The canonical bytes of an entry.
pub fn encode_entry<B: EntryBody>(entry: &Entry<B>) -> Vec<u8> {
    let body = entry.body.body();
    let len = u32::try_from(body.len()).unwrap().to_le_bytes();
    [&entry.client.0.to_le_bytes()[..], &entry.prev.0, &len, &body, &entry.attachment_hash.0, &entry.signature.0].concat()
}

/// `h1`, `h2`: the transcript `prev` extended by entries (section 7).
pub fn extend<B: EntryBody>(step: u8, prev: &[u8; 32], entries: &[Entry<B>]) -> [u8; 32] {
    let encoded: Vec<Vec<u8>> = entries.iter().map(encode_entry).collect();
    let parts: Vec<&[u8]> = core::iter::once(&prev[..]).chain(encoded.iter().map(Vec::as_slice)).collect();
    hash(&format!("transcript-{step}"), &parts)
}

/// `h3`: `h2` extended by the bitmap and the survivors' entries.
pub fn extend_survivors<B: EntryBody>(h2: &[u8; 32], bitmap: &[u8], entries: &[Entry<B>]) -> [u8; 32] {
    let encoded: Vec<Vec<u8>> = entries.iter().map(encode_entry).collect();
    let parts: Vec<&[u8]> = [&h2[..], bitmap].into_iter().chain(encoded.iter().map(Vec::as_slice)).collect();
    hash("transcript-3", &parts)
}

/// The wrong values of a 32-byte field that a table of alterations should try.
pub fn flips() -> impl Iterator<Item = (usize, u8)> {
    [(0, 1), (0, 128), (15, 16), (31, 1), (31, 8)].into_iter()
}
