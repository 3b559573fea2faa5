//! Which instructions kernels are compiled for, chosen at run time.

use multiversion::{multiversion, target::match_target};

/// The instructions that a kernel is compiled for. All give the same results, bit for bit. In the order of their speed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Isa {
    /// 64-bit integers, and nothing else.
    Portable,
    /// AVX2 and fused multiply-add, in floating point.
    Fma,
    /// AVX-512 with multiply-add of 52-bit integers.
    Ifma,
}

#[multiversion(targets("x86_64+avx512f+avx512dq+avx512ifma+avx512vbmi2", "x86_64+avx2+fma"))]
fn best() -> Isa {
    match_target! {
        "x86_64+avx512f+avx512dq+avx512ifma+avx512vbmi2" => Isa::Ifma,
        "x86_64+avx2+fma" => Isa::Fma,
        _ => Isa::Portable,
    }
}

impl Isa {
    /// The fastest that this machine has.
    pub(crate) fn best() -> Self {
        best()
    }

    /// All that this machine has.
    #[cfg(any(test, feature = "hazmat"))]
    pub(crate) fn available() -> impl Iterator<Item = Self> {
        [Self::Portable, Self::Fma, Self::Ifma].into_iter().filter(|isa| *isa <= Self::best())
    }
}

/// Defines a function that runs a kernel written for one instruction set, where the machine has it, and the portable one elsewhere.
///
/// The function is compiled once with these instructions and once without, and the right one is chosen at run time: so the call of
/// the kernel, which demands them, is safe.
macro_rules! kernel {
    ($name:ident, $target:tt => $kernel:path, _ => $portable:path, ($($argument:ident: $type:ty),*) $(-> $result:ty)?) => {
        #[multiversion::multiversion(targets($target))]
        fn $name($($argument: $type),*) $(-> $result)? {
            multiversion::target::match_target! {
                $target => $kernel($($argument),*),
                _ => $portable($($argument),*),
            }
        }
    };
}

/// Defines a function that has one source, is compiled for every instruction set, and takes the one to use as its first argument.
macro_rules! compiled_for_each_isa {
    ($(#[$attribute:meta])* $visibility:vis fn $name:ident$(<$word:ident: $bound:path>)?($($argument:ident: $type:ty),* $(,)?) $(-> $result:ty)? $body:block) => {
        $(#[$attribute])*
        $visibility fn $name$(<$word: $bound>)?(isa: $crate::math::isa::Isa, $($argument: $type),*) $(-> $result)? {
            #[inline(always)]
            fn portable$(<$word: $bound>)?($($argument: $type),*) $(-> $result)? $body

            #[multiversion::multiversion(targets("x86_64+avx2+bmi1+bmi2+fma"))]
            fn fma$(<$word: $bound>)?($($argument: $type),*) $(-> $result)? {
                portable($($argument),*)
            }

            #[multiversion::multiversion(targets("x86_64+avx2+bmi1+bmi2+fma+avx512f+avx512bw+avx512dq+avx512vl"))]
            fn ifma$(<$word: $bound>)?($($argument: $type),*) $(-> $result)? {
                portable($($argument),*)
            }

            match isa {
                $crate::math::isa::Isa::Portable => portable($($argument),*),
                $crate::math::isa::Isa::Fma => fma($($argument),*),
                $crate::math::isa::Isa::Ifma => ifma($($argument),*),
            }
        }
    };
}

pub(crate) use {compiled_for_each_isa, kernel};
