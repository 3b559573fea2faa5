//! A [`Spool`] in an anonymous temporary file, which disappears with the process. What it holds is masked.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom, Write},
};

use veilsum::secagg::upload::{Spool, SpoolError};

#[derive(Debug)]
pub(crate) struct FileSpool(File);

impl FileSpool {
    pub(crate) fn new() -> io::Result<Self> {
        tempfile::tempfile().map(Self)
    }
}

impl Spool for FileSpool {
    fn append(&mut self, bytes: &[u8]) -> Result<(), SpoolError> {
        let end = self.0.seek(SeekFrom::End(0));
        end.and_then(|_| self.0.write_all(bytes)).map_err(SpoolError::new)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), SpoolError> {
        let mut file = &self.0;
        let start = file.seek(SeekFrom::Start(offset));
        start.and_then(|_| file.read_exact(out)).map_err(SpoolError::new)
    }
}
