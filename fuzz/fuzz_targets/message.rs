//! Any bytes as any message: no panic, and whatever decodes is canonical.
#![no_main]

use libfuzzer_sys::fuzz_target;
use veilsum::{
    PROTOCOL_VERSION, SUITE,
    message::{
        Advert, Adverts, Agreement, Announcement, Body, Complaint, Consistency, Delivery, MaskedInput, Message, Reveal, Shares,
        Survivors,
    },
};

fn check<B: Body>(bytes: &[u8]) {
    if let Ok(message) = Message::<B>::decode(bytes) {
        assert_eq!(message.encode(), bytes);
    }
}

fuzz_target!(|bytes: &[u8]| {
    // The type is in byte 35, and the version and suite in front: spare the fuzzer finding them.
    let mut bytes = bytes.to_vec();
    if let Some(head) = bytes.first_chunk_mut::<3>() {
        let [low, high] = SUITE.to_le_bytes();
        *head = [PROTOCOL_VERSION, low, high];
    }
    check::<Advert>(&bytes);
    check::<Adverts>(&bytes);
    check::<Shares>(&bytes);
    check::<Delivery>(&bytes);
    check::<Complaint>(&bytes);
    check::<MaskedInput>(&bytes);
    check::<Survivors>(&bytes);
    check::<Consistency>(&bytes);
    check::<Agreement>(&bytes);
    check::<Reveal>(&bytes);
    check::<Announcement>(&bytes);
});
