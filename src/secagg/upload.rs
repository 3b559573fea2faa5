//! Uploads: a client's packed vector as a byte stream, spooled until all of it has arrived and matches its signed root (section 12).

use core::fmt;

#[cfg(feature = "std")]
pub use super::spool::FileSpool;
pub use super::spool::{MemorySpool, Spool, SpoolError};
use crate::{
    crypto::merkle::Tree,
    error::{ClientId, Error, InputError, RoundError},
    hash::{Hash, Hasher},
    mask::Layout,
    session::SessionId,
};

/// The tree over the chunks of a vector, or of a range of it, from wire bytes in order, in pieces of any size.
#[derive(Clone)]
pub(crate) struct ChunkTree {
    layout: Layout,
    tree: Tree,
    /// The chunk that is arriving, and its bytes still to come.
    open: Option<(Hasher, u64)>,
}

impl ChunkTree {
    /// The whole vector.
    pub(crate) fn new(layout: Layout) -> Self {
        Self::starting_at(layout, 0)
    }

    /// The vector from chunk `first` on.
    pub(crate) fn starting_at(layout: Layout, first: u64) -> Self {
        Self { layout, tree: Tree::starting_at(first), open: None }
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

    /// Appends the chunks that follow; `None` if `right` begins elsewhere.
    pub(crate) fn append(&mut self, right: &Self) -> Option<()> {
        self.tree.append(&right.tree)
    }

    pub(crate) fn tree(&self) -> &Tree {
        &self.tree
    }

    /// The root, of a whole vector.
    pub(crate) fn root(&self) -> Hash {
        self.tree.root(self.layout.vector_len(), self.layout.chunk_len())
    }

    fn begin_chunk(&self) -> (Hasher, u64) {
        let len = self.layout.wire_len(&self.layout.chunk(self.tree.leaves()));
        (self.tree.leaf(len), len)
    }
}

/// One client's upload, on its way in. It is independent of the server's state, so each can have a thread of its own.
pub struct Upload<S = MemorySpool> {
    pub(crate) session: SessionId,
    pub(crate) client: ClientId,
    layout: Layout,
    tree: ChunkTree,
    received: u64,
    last_byte: u8,
    /// Taken when the upload is accepted; gone when it failed.
    spool: Option<S>,
}

impl<S: Spool> Upload<S> {
    pub(crate) fn new(session: SessionId, client: ClientId, layout: Layout, spool: S) -> Self {
        let tree = ChunkTree::new(layout);
        Self { session, client, layout, tree, received: 0, last_byte: 0, spool: Some(spool) }
    }

    /// Takes the next bytes, in pieces of any size.
    ///
    /// # Errors
    /// [`RoundError::UploadMismatch`] if there are more bytes than a vector has: nothing was taken. [`Error::Environment`] if the
    /// spool fails: what it holds is then unknown, and the upload is of no more use; drop it.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        if bytes.len() as u64 > self.missing() {
            return Err(RoundError::UploadMismatch(self.client).into());
        }
        let spool = self.spool.as_mut().ok_or(InputError::WrongState)?;
        if let Err(e) = spool.append(bytes) {
            self.spool = None;
            return Err(SpoolError::new(format_args!("{}: {e}", self.client)).into());
        }
        self.tree.update(bytes);
        self.received += bytes.len() as u64;
        self.last_byte = bytes.last().copied().unwrap_or(self.last_byte);
        Ok(())
    }

    /// Takes the bytes that belong at `offset`, which must be the next ones: for transports that cut an upload into messages, or go
    /// on with one that was interrupted.
    ///
    /// # Errors
    /// [`InputError::UploadOffset`] if the bytes are repeated, overlap, or leave a gap: nothing was taken. Else as
    /// [`Upload::write`].
    pub fn write_at(&mut self, offset: u64, bytes: &[u8]) -> Result<(), Error> {
        if offset != self.received {
            return Err(InputError::UploadOffset { expected: self.received, got: offset }.into());
        }
        self.write(bytes)
    }

    /// Bytes that have arrived: where an interrupted upload goes on.
    #[must_use]
    pub fn received(&self) -> u64 {
        self.received
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

    /// The spool, unless the upload was accepted into a sum of the server's own, or failed. One that is shared ([`alloc::sync::Arc`])
    /// can be kept, for a transcript, beyond the sum.
    #[must_use]
    pub fn spool(&self) -> Option<&S> {
        self.spool.as_ref()
    }

    /// The spool, unless the upload was accepted into a sum of the server's own, or failed.
    #[must_use]
    pub fn into_spool(self) -> Option<S> {
        self.spool
    }

    /// The root, if all bytes are there.
    pub(crate) fn complete_root(&self) -> Option<Hash> {
        (self.missing() == 0 && self.spool.is_some()).then(|| self.tree.root())
    }

    /// The last byte, which may have padding.
    pub(crate) fn last_byte(&self) -> u8 {
        self.last_byte
    }

    pub(crate) fn take_spool(&mut self) -> Option<S> {
        self.spool.take()
    }
}

impl<S> fmt::Debug for Upload<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upload").field("client", &self.client).field("received", &self.received).finish_non_exhaustive()
    }
}
