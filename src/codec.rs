//! Canonical bytes: fixed-width little-endian fields, checked counts, nothing optional (section 2).

use alloc::vec::Vec;

use crate::error::{ClientId, DecodeError};

/// Reads fields from a byte string; every length is checked against what is left before anything is allocated.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(crate) fn bytes(&mut self, len: usize) -> Result<&'a [u8], DecodeError> {
        let (head, rest) = self.rest.split_at_checked(len).ok_or(DecodeError::Truncated)?;
        self.rest = rest;
        Ok(head)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let (head, rest) = self.rest.split_first_chunk::<N>().ok_or(DecodeError::Truncated)?;
        self.rest = rest;
        Ok(*head)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, DecodeError> {
        self.array::<1>().map(u8::from_le_bytes)
    }

    pub(crate) fn u16(&mut self) -> Result<u16, DecodeError> {
        self.array().map(u16::from_le_bytes)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, DecodeError> {
        self.array().map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self) -> Result<u64, DecodeError> {
        self.array().map(u64::from_le_bytes)
    }

    pub(crate) fn client(&mut self) -> Result<ClientId, DecodeError> {
        self.u64().map(ClientId)
    }

    /// A `u32` length and that many bytes.
    pub(crate) fn sized(&mut self) -> Result<&'a [u8], DecodeError> {
        let len = self.u32()?;
        self.bytes(usize::try_from(len).map_err(|_| DecodeError::Truncated)?)
    }

    /// A `u32` count of items of which each takes at least `item_len` bytes.
    pub(crate) fn count(&mut self, item_len: usize) -> Result<usize, DecodeError> {
        let count = usize::try_from(self.u32()?).map_err(|_| DecodeError::Count)?;
        match count.checked_mul(item_len.max(1)) {
            Some(need) if need <= self.rest.len() => Ok(count),
            _ => Err(DecodeError::Count),
        }
    }

    /// `count` items in a row, read by `item`.
    pub(crate) fn items<T>(
        &mut self,
        count: usize,
        mut item: impl FnMut(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<Vec<T>, DecodeError> {
        (0..count).map(|_| item(self)).collect()
    }

    /// Refuses trailing bytes.
    pub(crate) fn finish(self) -> Result<(), DecodeError> {
        if self.rest.is_empty() { Ok(()) } else { Err(DecodeError::Trailing) }
    }
}

/// Appends a `u32` length and the bytes. Nothing that is encoded here reaches 2^32 bytes.
pub(crate) fn put_sized(out: &mut Vec<u8>, bytes: &[u8]) {
    put_count(out, bytes.len());
    out.extend_from_slice(bytes);
}

/// Appends a `u32` count.
pub(crate) fn put_count(out: &mut Vec<u8>, count: usize) {
    out.extend_from_slice(&u32::try_from(count).unwrap_or(u32::MAX).to_le_bytes());
}

/// Appends a client id.
pub(crate) fn put_client(out: &mut Vec<u8>, client: ClientId) {
    out.extend_from_slice(&client.0.to_le_bytes());
}

/// Refuses ids that are not strictly ascending.
pub(crate) fn check_ascending(ids: impl IntoIterator<Item = ClientId>) -> Result<(), DecodeError> {
    let mut last = None;
    for id in ids {
        if last.is_some_and(|last| last >= id) {
            return Err(DecodeError::Order);
        }
        last = Some(id);
    }
    Ok(())
}
