//! Where the numbers come from.

use multiversion::multiversion;

use crate::error::InputError;

mod private {
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for f64 {}
    #[cfg(feature = "half")]
    impl Sealed for half::f16 {}
    #[cfg(feature = "half")]
    impl Sealed for half::bf16 {}
}

/// A floating-point type that can be encoded: `f32`, `f64`, and with the feature `half` that crate's `f16` and `bf16`. All of them are
/// exact in `f64`.
pub trait Real: private::Sealed + Copy + Sync {
    #[doc(hidden)]
    fn to_f64(self) -> f64;

    /// Converts as many as there are on both sides.
    #[doc(hidden)]
    fn widen(from: &[Self], to: &mut [f64]) {
        to.iter_mut().zip(from).for_each(|(to, from)| *to = from.to_f64());
    }
}

impl Real for f32 {
    #[inline(always)]
    fn to_f64(self) -> f64 {
        f64::from(self)
    }

    fn widen(from: &[Self], to: &mut [f64]) {
        widen_f32(from, to);
    }
}

#[multiversion(targets("x86_64+avx+avx2+bmi1+bmi2+fma+avx512f+avx512bw+avx512dq+avx512vl", "x86_64+avx+avx2+bmi1+bmi2+fma"))]
fn widen_f32(from: &[f32], to: &mut [f64]) {
    to.iter_mut().zip(from).for_each(|(to, from)| *to = f64::from(*from));
}

impl Real for f64 {
    fn to_f64(self) -> f64 {
        self
    }

    fn widen(from: &[Self], to: &mut [f64]) {
        let len = from.len().min(to.len());
        if let (Some(to), Some(from)) = (to.get_mut(..len), from.get(..len)) {
            to.copy_from_slice(from);
        }
    }
}

#[cfg(feature = "half")]
impl Real for half::f16 {
    fn to_f64(self) -> f64 {
        half::f16::to_f64(self)
    }
}

#[cfg(feature = "half")]
impl Real for half::bf16 {
    fn to_f64(self) -> f64 {
        half::bf16::to_f64(self)
    }
}

/// A vector of real numbers that can be read more than once, at any place: the norm has to be known before the first word.
///
/// Slices of [`Real`] are such vectors. Implement it for what is too large for memory. A source that does not read the same every
/// time can not weaken the privacy of an encoding; it is refused when its norm passes the bound.
pub trait Values: Sync {
    /// How many values there are.
    fn len(&self) -> u64;

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Writes values `start ..` into `out`, all of it; `start + out.len()` is at most [`Values::len`].
    ///
    /// # Errors
    /// What the source can not give; encoding stops with it.
    fn read(&self, start: u64, out: &mut [f64]) -> Result<(), InputError>;
}

impl<R: Real> Values for [R] {
    fn len(&self) -> u64 {
        <[R]>::len(self) as u64
    }

    fn read(&self, start: u64, out: &mut [f64]) -> Result<(), InputError> {
        let from = usize::try_from(start).ok().and_then(|start| self.get(start..)).and_then(|rest| rest.get(..out.len()));
        let end = start.saturating_add(out.len() as u64);
        R::widen(from.ok_or(InputError::Range { start, end })?, out);
        Ok(())
    }
}

impl<R: Real> Values for alloc::vec::Vec<R> {
    fn len(&self) -> u64 {
        Values::len(self.as_slice())
    }

    fn read(&self, start: u64, out: &mut [f64]) -> Result<(), InputError> {
        self.as_slice().read(start, out)
    }
}
