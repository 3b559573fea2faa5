//! Client requests of valgrind's memcheck. The only unsafe code beside the library, and in no program but this.
//!
//! A request is six words in memory, and a sequence of instructions that does nothing on a processor and that valgrind knows
//! (valgrind.h, `__SPECIAL_INSTRUCTION_PREAMBLE` for amd64).

use core::{arch::asm, mem::size_of_val};

const MAKE_UNDEFINED: u64 = 0x4d43_0001;
const MAKE_DEFINED: u64 = 0x4d43_0002;
const RUNNING_ON_VALGRIND: u64 = 0x1001;
const COUNT_ERRORS: u64 = 0x1201;

/// Bytes that mean something whatever they are: the requests below change what valgrind knows of them, not their values.
pub trait Plain {}
impl Plain for u8 {}
impl Plain for u16 {}
impl Plain for u32 {}
impl Plain for i64 {}
impl Plain for u64 {}
impl Plain for f32 {}
impl Plain for f64 {}

/// From here on, whatever branches on these values or takes an address from them is an error.
pub fn poison<T: Plain>(values: &mut [T]) {
    request(MAKE_UNDEFINED, values.as_mut_ptr() as u64, size_of_val(values) as u64);
}

/// What depended on secrets and is now public.
pub fn clear<T: Plain>(values: &mut [T]) {
    request(MAKE_DEFINED, values.as_mut_ptr() as u64, size_of_val(values) as u64);
}

/// Whether there is somebody to count.
pub fn is_watching() -> bool {
    request(RUNNING_ON_VALGRIND, 0, 0) != 0
}

/// Errors so far.
pub fn errors() -> u64 {
    request(COUNT_ERRORS, 0, 0)
}

#[inline(never)]
fn request(what: u64, first: u64, second: u64) -> u64 {
    let words = [what, first, second, 0, 0, 0];
    let mut result = 0_u64;
    // SAFETY: on a processor the rotations sum up to whole turns and the exchange is of a register with itself. Valgrind reads the six
    // words, which live until the block ends, and writes its answer into rdx.
    unsafe {
        asm!(
            "rol rdi, 3", "rol rdi, 13", "rol rdi, 61", "rol rdi, 51", "xchg rbx, rbx",
            in("rax") words.as_ptr(),
            inout("rdx") result,
            inout("rdi") 0_u64 => _,
            options(nostack),
        );
    }
    result
}
