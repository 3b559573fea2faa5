//! Proof that the library needs no standard library: a static library with a panic handler of its own links against it. If
//! anything below pulled `std` in, there would be two.
#![no_std]

use core::{
    alloc::{GlobalAlloc, Layout},
    panic::PanicInfo,
    ptr::null_mut,
};

struct Nothing;

unsafe impl GlobalAlloc for Nothing {
    unsafe fn alloc(&self, _: Layout) -> *mut u8 {
        null_mut()
    }
    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
}

#[global_allocator]
static ALLOCATOR: Nothing = Nothing;

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    loop {}
}

/// Something of the library, so that it is linked.
#[unsafe(no_mangle)]
pub extern "C" fn protocol_version() -> u8 {
    veilsum::PROTOCOL_VERSION
}
