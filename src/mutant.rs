//! The checks whose absence is a known attack, so that tests can take one out and see the attack succeed.
//!
//! Outside `cfg(test)` every question is answered "no" at compile time.

/// One protection, removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mutant {
    /// Channel coins derived from the mask root.
    CoinsFromMaskRoot,
    /// Pair seeds that do not bind ciphertext and key.
    UnboundPairSeed,
    /// Polynomial coefficients derived from the self secret.
    CoefficientsFromSelfSecret,
    /// Round-1 headers accepted over any h1.
    AnyFirstTranscript,
    /// A complaint that discloses every envelope key.
    DiscloseAllKeys,
    /// Survivors accepted outside U2.
    SurvivorsOutsideU2,
    /// Round-2 headers accepted over any h2.
    AnySecondTranscript,
    /// A client that can mask again after its header left.
    RetryAfterRelease,
}

#[cfg(not(test))]
#[inline(always)]
pub(crate) const fn active(_: Mutant) -> bool {
    false
}

#[cfg(test)]
pub(crate) use switch::{active, with};

#[cfg(test)]
mod switch {
    use core::cell::Cell;

    use super::Mutant;

    std::thread_local! {
        static ACTIVE: Cell<Option<Mutant>> = const { Cell::new(None) };
    }

    pub(crate) fn active(mutant: Mutant) -> bool {
        ACTIVE.get() == Some(mutant)
    }

    /// Runs `test` on this thread with `mutant` in place.
    pub(crate) fn with<T>(mutant: Mutant, test: impl FnOnce() -> T) -> T {
        struct Reset;
        impl Drop for Reset {
            fn drop(&mut self) {
                ACTIVE.set(None);
            }
        }
        ACTIVE.set(Some(mutant));
        let _reset = Reset;
        test()
    }
}
