//! Frames between a process and its children, and what a process used of the machine.

use std::{
    fs,
    io::{self, Read, Write},
};

/// The longest frame that is believed.
const MAX_FRAME: u32 = 1 << 30;

/// Writes a kind, a length and the bytes.
pub(crate) fn put(out: &mut impl Write, kind: u8, bytes: &[u8]) -> io::Result<()> {
    let len = u32::try_from(bytes.len()).ok().filter(|len| *len <= MAX_FRAME);
    let len = len.ok_or_else(|| io::Error::other("a frame is too long"))?;
    out.write_all(&[kind])?;
    out.write_all(&len.to_le_bytes())?;
    out.write_all(bytes)?;
    out.flush()
}

/// Reads a frame into `bytes`, and returns its kind; `None` where the other side is done.
pub(crate) fn get(input: &mut impl Read, bytes: &mut Vec<u8>) -> io::Result<Option<u8>> {
    let mut kind = [0];
    if input.read(&mut kind)? == 0 {
        return Ok(None);
    }
    let mut len = [0; 4];
    input.read_exact(&mut len)?;
    let len = u32::from_le_bytes(len);
    if len > MAX_FRAME {
        return Err(io::Error::other("a frame is too long"));
    }
    bytes.clear();
    let read = input.take(len.into()).read_to_end(bytes)?;
    if read < len as usize {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let [kind] = kind;
    Ok(Some(kind))
}

/// The most memory that this process has had, in MiB; 0 where the system does not tell.
pub(crate) fn peak_mib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).map_or(0, |kib| kib.div_ceil(1024))
}
