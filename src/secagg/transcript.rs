//! The chained transcript (section 7), and the bitmap of survivors (section 2).

use alloc::{collections::BTreeSet, vec, vec::Vec};

use crate::{
    error::{ClientId, DecodeError},
    hash::{Hash, Hasher, hash},
    label,
    message::{Advert, Dealing, Entry, EntryBody, MaskedInput},
    session::Session,
};

pub(crate) fn h1(session: &Session, adverts: &[Entry<Advert>]) -> Hash {
    chain(label::hash::TRANSCRIPT_1, &session.h0(), &[], adverts)
}

pub(crate) fn h2(h1: &Hash, dealings: &[Entry<Dealing>]) -> Hash {
    chain(label::hash::TRANSCRIPT_2, h1, &[], dealings)
}

pub(crate) fn h3(h2: &Hash, bitmap: &[u8], inputs: &[Entry<MaskedInput>]) -> Hash {
    chain(label::hash::TRANSCRIPT_3, h2, &[bitmap], inputs)
}

pub(crate) fn h4(h3: &Hash, sum_root: &Hash) -> Hash {
    hash(label::hash::TRANSCRIPT_4, &[h3, sum_root])
}

fn chain<B: EntryBody>(label: &str, previous: &Hash, extra: &[&[u8]], entries: &[Entry<B>]) -> Hash {
    let mut hasher = Hasher::new(label);
    hasher.part(previous);
    extra.iter().for_each(|part| hasher.part(part));
    entries.iter().for_each(|entry| hasher.part(&entry.encode()));
    hasher.finish()
}

/// The canonical bitmap of some members of the roster.
pub(crate) fn bitmap(session: &Session, members: &BTreeSet<ClientId>) -> Vec<u8> {
    bits(session.roster().iter().map(|(id, _)| *id), members)
}

/// The canonical bitmap of some members of a list.
pub(crate) fn bitmap_of(list: &[ClientId], members: &BTreeSet<ClientId>) -> Vec<u8> {
    bits(list.iter().copied(), members)
}

fn bits(list: impl ExactSizeIterator<Item = ClientId>, members: &BTreeSet<ClientId>) -> Vec<u8> {
    let mut bytes = vec![0_u8; list.len().div_ceil(8)];
    for (place, id) in list.enumerate() {
        if members.contains(&id)
            && let Some(byte) = bytes.get_mut(place / 8)
        {
            *byte |= 1 << (place % 8);
        }
    }
    bytes
}

/// The members of a bitmap over the roster.
pub(crate) fn read_bitmap(session: &Session, bytes: &[u8]) -> Result<BTreeSet<ClientId>, DecodeError> {
    read_bits(session.roster().iter().map(|(id, _)| *id), bytes)
}

/// The members of a bitmap over a list.
pub(crate) fn read_bitmap_of(list: &[ClientId], bytes: &[u8]) -> Result<BTreeSet<ClientId>, DecodeError> {
    read_bits(list.iter().copied(), bytes)
}

fn read_bits(list: impl ExactSizeIterator<Item = ClientId>, bytes: &[u8]) -> Result<BTreeSet<ClientId>, DecodeError> {
    let len = list.len();
    if bytes.len() != len.div_ceil(8) {
        return Err(DecodeError::Count);
    }
    let bit = |place: usize| bytes.get(place / 8).is_some_and(|byte| byte >> (place % 8) & 1 == 1);
    if (len..bytes.len() * 8).any(bit) {
        return Err(DecodeError::Padding);
    }
    Ok(list.enumerate().filter(|(place, _)| bit(*place)).map(|(_, id)| id).collect())
}
