//! The checks whose absence is a known attack, so that tests can take one out and see the attack succeed (`src/attacks`).
//!
//! Outside `cfg(test)` every question is answered "no" at compile time.

/// One protection, removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mutant {
    /// The error seed derived from the self secret.
    ErrorsFromSelfSecret,
    /// Channel coins derived from the mask root.
    CoinsFromMaskRoot,
    /// Channel coins derived from the self secret.
    CoinsFromSelfSecret,
    /// Pair seeds that do not bind clients, ciphertext and key.
    UnboundPairSeed,
    /// Polynomial coefficients derived from the mask root.
    CoefficientsFromMaskRoot,
    /// Polynomial coefficients derived from the self secret.
    CoefficientsFromSelfSecret,
    /// Forwarded entries accepted with any signature.
    UnsignedEntries,
    /// Round-1 headers accepted over any h1.
    AnyFirstTranscript,
    /// A complaint that discloses every envelope key.
    DiscloseAllKeys,
    /// Survivors accepted outside U2.
    SurvivorsOutsideU2,
    /// Round-2 headers accepted over any h2.
    AnySecondTranscript,
    /// An h3 that does not continue h2.
    UnchainedThirdTranscript,
    /// Agreement accepted over any h3.
    AnyThirdTranscript,
    /// A client that can mask again after its header left: `finish` gives the state back, and the header in `complaint`.
    RetryAfterRelease,
    /// Descriptors without `2t > n + c`.
    AnyThreshold,
    /// Key commitments that are not compared.
    UncommittedKey,
    /// Descriptors that promise fewer than `min_honest` honest inputs.
    FewHonest,
    /// Lists of any length.
    AnyCount,
    /// Forwarded lists in any order, repeats included.
    UnorderedEntries,
    /// Signatures that do not cover the transcript reached.
    UnsignedTranscript,
    /// Signatures that do not cover the session.
    UnsignedSession,
    /// A reveal that takes a second list for who dropped out: members of U2 whose agreement the server does not show.
    TwoLists,
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
        static ACTIVE: Cell<u32> = const { Cell::new(0) };
    }

    pub(crate) fn active(mutant: Mutant) -> bool {
        ACTIVE.get() >> mutant as u32 & 1 == 1
    }

    /// Runs `test` on this thread with these protections removed.
    pub(crate) fn with<T>(mutants: &[Mutant], test: impl FnOnce() -> T) -> T {
        struct Reset(u32);
        impl Drop for Reset {
            fn drop(&mut self) {
                ACTIVE.set(self.0);
            }
        }
        let _reset = Reset(ACTIVE.get());
        ACTIVE.set(mutants.iter().fold(ACTIVE.get(), |bits, mutant| bits | 1 << *mutant as u32));
        test()
    }
}
