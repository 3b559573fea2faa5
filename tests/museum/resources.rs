//! Memory and stack that a stranger's bytes may take.

use std::thread;

use allocation_counter::measure;
use veilsum::{
    ClientId, Error, Session,
    message::{
        Advert, Adverts, Agreement, Announcement, Complaint, Consistency, Delivery, MaskedInput, Message, Reveal, Shares,
        Survivors,
    },
    secagg::shard::{PartialSum, ShardDescriptor, ShardRoot, UnmaskPlan},
};

use crate::{common::World, descriptors::unusual_bytes, for_each_message_type, forge::Raw};

/// What a decoder may hold for a message of a few hundred bytes.
const LITTLE: u64 = 4096;

fn session() -> Session {
    World::new(3, 1).builder(3, 20).build().unwrap()
}

/// celo#171: a length prefix made the decoder ask for exabytes. Lesson: a length from the wire allocates nothing: it is
/// compared with what has arrived.
#[test]
fn a_length_from_the_wire_allocates_nothing() {
    let session = session();
    let mut refused = 0;
    macro_rules! refuse {
        ($body:ident, $kind:literal) => {
            let mut raw = Raw::new(&session, $kind, ClientId(20), [0; 32]);
            for count in [1 << 16, u32::MAX / 72, u32::MAX] {
                // As a count at the beginning of either part, and as the length of either part.
                raw.body = [&count.to_le_bytes()[..], &[0; 60]].concat();
                raw.attachment = raw.body.clone();
                let whole = raw.encode();
                for at in [0, 76, 80] {
                    let mut bytes = whole.clone();
                    if at > 0 {
                        bytes[at..at + 4].copy_from_slice(&count.to_le_bytes());
                    }
                    let mut result = None;
                    let spent = measure(|| result = Some(Message::<$body>::decode(&bytes).is_err()));
                    assert!(result.unwrap() && spent.bytes_max <= LITTLE, "{} bytes", spent.bytes_max);
                    refused += 1;
                }
            }
        };
    }
    for_each_message_type!(refuse);
    assert_eq!(refused, 11 * 9);
}

/// The decoder takes the bytes or refuses them, and holds at most so much.
fn frugal<T>(most: u64, decode: impl FnOnce() -> Result<T, Error>) -> bool {
    let mut result = None;
    let spent = measure(|| result = Some(decode().is_err()));
    assert!(spent.bytes_max <= most, "{} bytes", spent.bytes_max);
    result.unwrap()
}

/// bincode RUSTSEC-2025-0141: a codec for everything, without limits, and without anybody to mend it. Lesson: a stored object can not ask
/// for memory either: the codec is a few lines, and every count in it is checked.
#[test]
fn a_count_in_a_stored_object_allocates_nothing() {
    let (session, descriptor) = (session(), unusual_bytes());
    let most = LITTLE + 20 * descriptor.len() as u64;
    let mut refused = 0;
    for at in 0..=descriptor.len() - 4 {
        let mut bytes = descriptor.clone();
        bytes[at..at + 4].fill(0xff);
        refused += usize::from(frugal(most, || Session::decode(&bytes)));
    }
    assert!(refused > 100, "counts, lengths, keys, and numbers that break a rule");
    for (byte, len) in [(0xff, 300), (0xff, 4), (0x7f, 300), (0, 4), (0x01, 300)] {
        let bytes = vec![byte; len];
        assert!(frugal(LITTLE, || ShardDescriptor::decode(&bytes)));
        assert!(frugal(LITTLE, || PartialSum::decode(&session, &bytes)));
        assert!(frugal(LITTLE, || UnmaskPlan::decode(&bytes)));
        assert!(frugal(LITTLE, || ShardRoot::decode(&bytes)));
    }
}

/// serde_cbor RUSTSEC-2019-0025 and prost RUSTSEC-2020-0002: objects nested in objects overflowed the stack. Lesson: no type holds itself, so
/// that there is no depth to fall into.
#[test]
fn a_message_in_a_message_in_a_message_takes_no_stack() {
    let session = session();
    let mut refused = 0;
    macro_rules! refuse {
        ($body:ident, $kind:literal) => {
            let mut raw = Raw::new(&session, $kind, ClientId(20), [0; 32]);
            for _ in 0..1500 {
                raw.body = raw.encode();
            }
            let bytes = raw.encode();
            let small = thread::Builder::new().stack_size(128 << 10);
            refused += u32::from(small.spawn(move || Message::<$body>::decode(&bytes).is_err()).unwrap().join().unwrap());
        };
    }
    for_each_message_type!(refuse);
    assert_eq!(refused, 11);
}
