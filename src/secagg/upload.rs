//! Uploads: a client's packed vector as a byte stream, spooled until all of it has arrived and matches its signed root (section 12).

use alloc::{format, string::String, vec::Vec};
use core::fmt;

use crate::{
    crypto::merkle::Tree,
    error::{ClientId, EnvironmentError, Error, RoundError},
    hash::{Hash, Hasher},
    mask::Layout,
    session::SessionId,
};

/// The root of a vector's chunks, from wire bytes in order, in pieces of any size.
pub(crate) struct RootBuilder {
    layout: Layout,
    tree: Tree,
    /// The chunk that is arriving, and its bytes still to come.
    open: Option<(Hasher, u64)>,
}

impl RootBuilder {
    pub(crate) fn new(layout: Layout) -> Self {
        Self { layout, tree: Tree::default(), open: None }
    }

    pub(crate) fn update(&mut self, mut wire: &[u8]) {
        while !wire.is_empty() {
            let (mut hasher, left) = self.open.take().unwrap_or_else(|| self.begin_chunk());
            if left == 0 {
                return; // beyond the vector; whoever counts the bytes refuses it
            }
            let (now, later) = wire.split_at(wire.len().min(usize::try_from(left).unwrap_or(usize::MAX)));
            hasher.continue_part(now);
            match left - now.len() as u64 {
                0 => self.tree.push(hasher.finish()),
                left => self.open = Some((hasher, left)),
            }
            wire = later;
        }
    }

    pub(crate) fn finish(&self) -> Hash {
        self.tree.root(self.layout.vector_len(), self.layout.chunk_len())
    }

    fn begin_chunk(&self) -> (Hasher, u64) {
        let len = self.layout.wire_len(&self.layout.chunk(self.tree.leaves()));
        (self.tree.leaf(len), len)
    }
}

/// Storage that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpoolError(String);

impl SpoolError {
    /// Storage that failed, with the reason.
    #[must_use]
    pub fn new(reason: impl fmt::Display) -> Self {
        Self(format!("{reason}"))
    }
}

impl From<SpoolError> for Error {
    fn from(error: SpoolError) -> Self {
        EnvironmentError::Spool(error.0).into()
    }
}

/// Where an upload waits until it is complete: memory, a file, an object store.
pub trait Spool {
    /// Adds bytes at the end.
    ///
    /// # Errors
    /// [`SpoolError`] if they could not all be stored.
    fn append(&mut self, bytes: &[u8]) -> Result<(), SpoolError>;

    /// Fills `out` with the bytes at `offset`.
    ///
    /// # Errors
    /// [`SpoolError`] if they could not all be read.
    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), SpoolError>;
}

/// A [`Spool`] in memory.
#[derive(Debug, Default)]
pub struct MemorySpool(Vec<u8>);

impl Spool for MemorySpool {
    fn append(&mut self, bytes: &[u8]) -> Result<(), SpoolError> {
        self.0.try_reserve(bytes.len()).map_err(SpoolError::new)?;
        self.0.extend_from_slice(bytes);
        Ok(())
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), SpoolError> {
        let start = usize::try_from(offset).map_err(SpoolError::new)?;
        let stored = self.0.get(start..).and_then(|rest| rest.get(..out.len()));
        out.copy_from_slice(stored.ok_or_else(|| SpoolError::new("read beyond the end"))?);
        Ok(())
    }
}

/// One client's upload, on its way in. It is independent of the server's state, so each can have a thread of its own.
pub struct Upload<S = MemorySpool> {
    pub(crate) session: SessionId,
    pub(crate) client: ClientId,
    pub(crate) spool: S,
    layout: Layout,
    root: RootBuilder,
    received: u64,
}

impl<S: Spool> Upload<S> {
    pub(crate) fn new(session: SessionId, client: ClientId, layout: Layout, spool: S) -> Self {
        Self { session, client, spool, layout, root: RootBuilder::new(layout), received: 0 }
    }

    /// Takes the next bytes, in pieces of any size.
    ///
    /// # Errors
    /// [`RoundError::UploadMismatch`] if there are more bytes than a vector has; [`Error::Environment`] if the spool fails. The upload
    /// is then of no more use: drop it.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        if bytes.len() as u64 > self.missing() {
            return Err(RoundError::UploadMismatch(self.client).into());
        }
        self.spool.append(bytes)?;
        self.root.update(bytes);
        self.received += bytes.len() as u64;
        Ok(())
    }

    /// Bytes still to come.
    #[must_use]
    pub fn missing(&self) -> u64 {
        self.layout.wire_len(&(0..self.layout.vector_len())) - self.received
    }

    /// Whose upload this is.
    #[must_use]
    pub fn client(&self) -> ClientId {
        self.client
    }

    /// The root, if all bytes are there.
    pub(crate) fn complete_root(&self) -> Option<Hash> {
        (self.missing() == 0).then(|| self.root.finish())
    }
}

impl<S> fmt::Debug for Upload<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upload").field("client", &self.client).field("received", &self.received).finish_non_exhaustive()
    }
}
