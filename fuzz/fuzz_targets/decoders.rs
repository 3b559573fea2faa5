//! Any bytes in one of the smaller decoders, which the first byte chooses: no panic, and whatever decodes is canonical.
#![no_main]

use libfuzzer_sys::fuzz_target;
use veilsum_fuzz::decoders::DECODERS;

fuzz_target!(|bytes: &[u8]| {
    if let Some((choice, bytes)) = bytes.split_first() {
        (DECODERS[usize::from(*choice) % DECODERS.len()].check)(bytes);
    }
});
