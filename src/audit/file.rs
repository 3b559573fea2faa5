//! Bytes of a transcript, from anywhere and to anywhere (section 20.1).

use alloc::{vec, vec::Vec};

use super::report::{Finding, Part};
use crate::{
    error::{ClientId, DecodeError, Error},
    message::{Body, Package},
    secagg::upload::SpoolError,
    session::Session,
};

pub(super) const MAGIC: &[u8; 16] = b"veilsum/3/audit\n";
pub(super) const FORMAT: u8 = 0x01;

/// Tags of parts that are not message types.
pub(super) mod tag {
    pub(crate) const END: u8 = 0x00;
    pub(crate) const PACKAGES: u8 = 0x21;
    pub(crate) const ALL_CHUNKS: u8 = 0x22;
    pub(crate) const OPENED_CHUNKS: u8 = 0x23;
}

/// Bytes that are read before memory is taken for more.
const PIECE: usize = 1 << 16;

/// Where a transcript is read from.
pub trait Source {
    /// Fills `out` from the beginning and says how far; 0 only at the end, or if `out` is empty.
    ///
    /// # Errors
    /// [`SpoolError`] if reading fails.
    fn read(&mut self, out: &mut [u8]) -> Result<usize, SpoolError>;
}

impl Source for &[u8] {
    fn read(&mut self, out: &mut [u8]) -> Result<usize, SpoolError> {
        let (now, later) = self.split_at(self.len().min(out.len()));
        out.iter_mut().zip(now).for_each(|(to, from)| *to = *from);
        *self = later;
        Ok(now.len())
    }
}

/// Where a transcript is written to.
pub trait Sink {
    /// Writes all of `bytes`.
    ///
    /// # Errors
    /// [`SpoolError`] if they could not all be written.
    fn write(&mut self, bytes: &[u8]) -> Result<(), SpoolError>;
}

impl Sink for Vec<u8> {
    fn write(&mut self, bytes: &[u8]) -> Result<(), SpoolError> {
        self.try_reserve(bytes.len()).map_err(SpoolError::new)?;
        self.extend_from_slice(bytes);
        Ok(())
    }
}

/// The session that a transcript is of, by its own account: to look at, and to decide whether it is the one that one means.
///
/// # Errors
/// [`Finding`] if the file does not begin as a transcript.
pub fn descriptor(source: &mut dyn Source) -> Result<Session, Finding> {
    let bytes = Reader::new(source).head();
    bytes.and_then(|bytes| Session::decode(&bytes)).map_err(Finding::at(Part::Head))
}

/// Reads fields, and knows the tag of the next part.
pub(super) struct Reader<'a> {
    source: &'a mut dyn Source,
    /// Of the part that comes, once somebody has asked: a part is judged before anything behind it is looked at.
    tag: Option<u8>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(source: &'a mut dyn Source) -> Self {
        Self { source, tag: None }
    }

    /// Everything before the first part; returns the descriptor.
    pub(super) fn head(&mut self) -> Result<Vec<u8>, Error> {
        if self.array()? != *MAGIC || self.array()? != [FORMAT] {
            return Err(DecodeError::Value.into());
        }
        self.sized()
    }

    /// The tag of the part that comes.
    pub(super) fn tag(&mut self) -> Result<u8, Error> {
        match self.tag {
            Some(tag) => Ok(tag),
            None => {
                let [tag] = self.array()?;
                self.tag = Some(tag);
                Ok(tag)
            }
        }
    }

    /// The part that comes was read.
    pub(super) fn next(&mut self) {
        self.tag = None;
    }

    /// The part that comes is this one, or the file is no transcript.
    pub(super) fn expect(&mut self, tag: u8) -> Result<(), Error> {
        let got = self.tag()?;
        if got == tag { Ok(()) } else { Err(DecodeError::UnexpectedType { expected: tag, got }.into()) }
    }

    /// Nothing follows.
    pub(super) fn finish(&mut self) -> Result<(), Error> {
        self.expect(tag::END)?;
        match self.source.read(&mut [0])? {
            0 => Ok(()),
            _ => Err(DecodeError::Trailing.into()),
        }
    }

    pub(super) fn fill(&mut self, mut out: &mut [u8]) -> Result<(), Error> {
        while !out.is_empty() {
            let got = self.source.read(out)?;
            out = out.get_mut(got..).filter(|_| got > 0).ok_or(DecodeError::Truncated)?;
        }
        Ok(())
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let mut out = [0; N];
        self.fill(&mut out)?;
        Ok(out)
    }

    pub(super) fn u32(&mut self) -> Result<u32, Error> {
        self.array().map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Result<u64, Error> {
        self.array().map(u64::from_le_bytes)
    }

    pub(super) fn client(&mut self) -> Result<ClientId, Error> {
        self.u64().map(ClientId)
    }

    /// A `u32` length and that many bytes. Memory is taken as they come.
    pub(super) fn sized(&mut self) -> Result<Vec<u8>, Error> {
        let (len, mut out) = (self.u32()? as usize, Vec::new());
        while out.len() < len {
            let have = out.len();
            out.resize(len.min(have + PIECE), 0);
            self.fill(out.get_mut(have..).unwrap_or_default())?;
        }
        Ok(out)
    }

    /// A package between an opened pair: the dealer, and the holder as the package's peer.
    pub(super) fn package(&mut self) -> Result<(ClientId, Package), Error> {
        let (dealer, mut bytes) = (self.client()?, vec![0; Package::MASKED_LEN]);
        self.fill(&mut bytes)?;
        Ok((dealer, Package::decode_masked(&bytes)?))
    }
}

/// The attachment that a list is decoded with, since a transcript has none: no packages.
pub(super) fn no_attachment(kind: u8) -> &'static [u8] {
    if kind == crate::message::Delivery::TYPE { &[0; 4] } else { &[] }
}
