//! Storage that goes wrong as planned.
#![allow(dead_code, unreachable_pub, missing_debug_implementations, reason = "each test file uses some of it")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use veilsum::secagg::upload::{Spool, SpoolError};

/// What happens at a call.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fault {
    Error,
    Panic,
    /// Only a read: another last byte than was stored.
    Foreign,
}

/// Which calls go wrong: number `from`, and those after it.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    pub fault: Fault,
    pub from: usize,
    pub forever: bool,
}

impl Plan {
    pub const NEVER: Self = Self { fault: Fault::Error, from: usize::MAX, forever: false };

    fn strikes(self, calls: &AtomicUsize) -> bool {
        let call = calls.fetch_add(1, Relaxed);
        call == self.from || self.forever && call > self.from
    }
}

/// Storage that goes wrong as planned.
pub struct Faulty<S> {
    inner: S,
    append: Plan,
    read: Plan,
    appends: AtomicUsize,
    reads: AtomicUsize,
}

impl<S> Faulty<S> {
    pub fn new(inner: S, append: Plan, read: Plan) -> Self {
        Self { inner, append, read, appends: AtomicUsize::new(0), reads: AtomicUsize::new(0) }
    }
}

impl<S: Spool> Spool for Faulty<S> {
    fn append(&mut self, bytes: &[u8]) -> Result<(), SpoolError> {
        if !self.append.strikes(&self.appends) {
            return self.inner.append(bytes);
        }
        if self.append.fault == Fault::Panic {
            panic_quietly();
        }
        // As a full disk does: a part is stored.
        self.inner.append(&bytes[..bytes.len() / 2])?;
        Err(SpoolError::new("the disk is on fire"))
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), SpoolError> {
        self.inner.read(offset, out)?;
        if !self.read.strikes(&self.reads) {
            return Ok(());
        }
        match self.read.fault {
            Fault::Panic => panic_quietly(),
            Fault::Error => Err(SpoolError::new("the disk is on fire")),
            Fault::Foreign => {
                *out.last_mut().unwrap() ^= 0x80;
                Ok(())
            }
        }
    }
}

/// Unwinds without a message: what a test harness keeps of one would count as memory held.
fn panic_quietly() -> ! {
    std::panic::resume_unwind(Box::new("planned"))
}
