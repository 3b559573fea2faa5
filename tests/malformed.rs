//! Bytes that are no message: cut, lengthened, with impossible lengths and counts, and lists out of order. They are refused with the
//! error that section 16 names, without a panic, and without more memory than the bytes themselves justify.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod common;
#[path = "common/dealer.rs"]
mod dealer;
#[path = "common/descriptors.rs"]
mod descriptors;
#[path = "common/drill.rs"]
mod drill;
#[path = "common/forge.rs"]
mod forge;
#[path = "common/rogue.rs"]
mod rogue;
#[path = "common/samples.rs"]
mod samples;
#[path = "malformed/states.rs"]
mod states;

use descriptors::{ENCODING_LEN, unusual_bytes};
use forge::{ADVERTS, AGREEMENT, COMPLAINT, DELIVERY, REVEAL, Raw, SHARES, SURVIVORS};
use samples::{Samples, samples};
use veilsum::{
    ClientId, DecodeError, Session,
    message::{
        Advert, Adverts, Agreement, Announcement, Body, Bytes, Complaint, Consistency, Dealing, Delivery, Entry, MaskedInput,
        Message, Package, Reveal, Shares, Survivors,
    },
};

/// A decoder holds at most `FACTOR` times its input, and `ALLOWANCE` for what does not depend on it: 4 KiB for one byte.
const FACTOR: u64 = 8;
const ALLOWANCE: u64 = 4096 - FACTOR;

/// A session keeps every identity key as a curve point: 208 bytes for 40 in the descriptor, in a vector that grows by doubling.
const DESCRIPTOR_FACTOR: u64 = 20;

fn frugally<T>(input: &[u8], read: impl FnOnce(&[u8]) -> T) -> T {
    within(FACTOR, input, read)
}

/// Runs `read` and checks what it holds at most.
fn within<T>(factor: u64, input: &[u8], read: impl FnOnce(&[u8]) -> T) -> T {
    let mut result = None;
    let spent = allocation_counter::measure(|| result = Some(read(input)));
    let limit = factor * input.len() as u64 + ALLOWANCE;
    assert!(spent.bytes_max <= limit, "{} bytes held at once for an input of {}", spent.bytes_max, input.len());
    result.unwrap()
}

/// The error of the decoder for this type; `None` if it decodes.
fn refusal(kind: u8, message: &[u8]) -> Option<DecodeError> {
    macro_rules! decode {
        ($body:ident, $kind:literal) => {
            if kind == $kind {
                return frugally(message, |bytes| Message::<$body>::decode(bytes).err());
            }
        };
    }
    for_each_message_type!(decode);
    panic!("{kind:#04x}")
}

/// All messages of [`samples`], as type and bytes.
fn all() -> impl Iterator<Item = (u8, Vec<u8>)> {
    samples().messages.into_iter()
}

#[test]
fn the_samples_decode() {
    all().for_each(|(kind, message)| assert_eq!(refusal(kind, &message), None, "{kind:#04x}"));
}

#[test]
fn every_message_that_is_cut_short_is_truncated() {
    for (kind, message) in all() {
        for len in 0..message.len() {
            assert_eq!(refusal(kind, &message[..len]), Some(DecodeError::Truncated), "{kind:#04x}, {len} bytes");
        }
    }
}

#[test]
fn every_message_with_bytes_behind_it_is_refused() {
    for (kind, message) in all() {
        for tail in [&[0][..], &[1], &[0; 64], &message] {
            assert_eq!(refusal(kind, &[&message, tail].concat()), Some(DecodeError::Trailing), "{kind:#04x}");
        }
    }
}

#[test]
fn contents_that_end_early_or_late_are_refused_though_the_header_fits_them() {
    let short = |kind, raw: &Raw| {
        let refused = refusal(kind, &raw.encode());
        assert!(matches!(refused, Some(DecodeError::Truncated | DecodeError::Count)), "{kind:#04x}: {refused:?}");
    };
    for (kind, message) in all() {
        let whole = Raw::parse(&message);
        for len in 0..whole.body.len() {
            short(kind, &Raw { body: whole.body[..len].to_vec(), ..whole.clone() });
        }
        for len in 0..whole.attachment.len() {
            short(kind, &Raw { attachment: whole.attachment[..len].to_vec(), ..whole.clone() });
        }
        for tail in [&[0][..], &[0; 140], &whole.body] {
            let body = [&whole.body, tail].concat();
            let attachment = [&whole.attachment, tail].concat();
            for raw in [Raw { body, ..whole.clone() }, Raw { attachment, ..whole.clone() }] {
                let expected = (raw != whole).then_some(DecodeError::Trailing);
                assert_eq!(refusal(kind, &raw.encode()), expected, "{kind:#04x}");
            }
        }
    }
}

/// Where the `u32` lengths and counts of a message are.
struct Numbers<'a> {
    message: &'a [u8],
    places: Vec<usize>,
}

impl<'a> Numbers<'a> {
    fn of(message: &'a [u8]) -> Vec<usize> {
        let mut numbers = Self { message, places: vec![76, 80] };
        let attachment = 84 + numbers.read(76);
        match message[35] {
            ADVERTS | AGREEMENT => numbers.list(84, false),
            SHARES => numbers.dealing(84),
            DELIVERY => numbers.list(84, true),
            COMPLAINT => {
                numbers.places.extend([84 + 40, 84 + 44 + 40]);
                numbers.dealing(84 + 44 + 44);
            }
            SURVIVORS => {
                numbers.places.push(84);
                numbers.list(88 + numbers.read(84), false);
            }
            REVEAL => numbers.places.push(84),
            _ => {}
        }
        numbers.places.extend([SHARES, DELIVERY].contains(&message[35]).then_some(attachment));
        numbers.places
    }

    fn read(&self, at: usize) -> usize {
        u32::from_le_bytes(self.message[at..at + 4].try_into().unwrap()) as usize
    }

    fn list(&mut self, at: usize, dealings: bool) {
        self.places.push(at);
        let mut entry = at + 4;
        for _ in 0..self.read(at) {
            self.places.push(entry + 40);
            if dealings {
                self.dealing(entry + 44);
            }
            entry += 140 + self.read(entry + 40);
        }
    }

    fn dealing(&mut self, at: usize) {
        self.places.extend([at, at + 4 + 64 * self.read(at)]);
    }
}

/// Values that are wrong where `right` is right: one off, and such that a product with the size of an item wraps in 32 bits.
fn wrong_numbers(right: u32) -> Vec<u32> {
    let wrapping = [40, 64, 72, 140, 1304].map(|item| u32::MAX / item + 1);
    let around = [right.wrapping_sub(1), right + 1, 0, 1 << 31, (1 << 31) - 1, u32::MAX];
    around.into_iter().chain(wrapping).filter(|number| *number != right).collect()
}

/// The message with every wrong number in every place.
fn wrongly_numbered(message: &[u8]) -> Vec<Vec<u8>> {
    let put = |(at, number): (usize, u32)| {
        let mut altered = message.to_vec();
        altered[at..at + 4].copy_from_slice(&number.to_le_bytes());
        altered
    };
    let right = |at: usize| u32::from_le_bytes(message[at..at + 4].try_into().unwrap());
    let places = Numbers::of(message).into_iter();
    places.flat_map(|at| wrong_numbers(right(at)).into_iter().map(move |number| (at, number))).map(put).collect()
}

#[test]
fn every_wrong_length_and_count_is_refused() {
    let expected = |kind| match kind {
        ADVERTS | AGREEMENT => 2 + 1 + 3,
        SHARES => 2 + 2 + 1,
        DELIVERY => 2 + 1 + 3 * 3 + 1,
        COMPLAINT => 2 + 4,
        SURVIVORS => 2 + 2 + 3,
        REVEAL => 2 + 1,
        _ => 2,
    };
    for (kind, message) in all() {
        assert_eq!(Numbers::of(&message).len(), expected(kind), "{kind:#04x}");
        for altered in wrongly_numbered(&message) {
            let refused = refusal(kind, &altered);
            let fitting = [DecodeError::Truncated, DecodeError::Trailing, DecodeError::Count, DecodeError::Order];
            assert!(refused.is_some_and(|error| fitting.contains(&error)), "{kind:#04x}: {refused:?}");
        }
    }
}

#[test]
fn an_empty_list_with_a_huge_count_is_refused_before_anything_is_allocated() {
    for (kind, message) in all() {
        for count in [1, 1000, u32::MAX / 140, u32::MAX] {
            let count = count.to_le_bytes().to_vec();
            let raw = Raw { attachment: Vec::new(), body: count.clone(), ..Raw::parse(&message) };
            assert!(refusal(kind, &raw.encode()).is_some(), "{kind:#04x}");
            if [SHARES, DELIVERY].contains(&kind) {
                let raw = Raw { attachment: count, ..Raw::parse(&message) };
                assert_eq!(refusal(kind, &raw.encode()), Some(DecodeError::Count), "{kind:#04x}");
            }
        }
    }
}

/// Alters one list of a message: repeats its first item, or swaps the first two.
fn unordered<B: Body, T: Clone>(samples: &Samples, list: impl Fn(&mut B) -> &mut Vec<T>) {
    let message = Message::<B>::decode(&samples.messages[&B::TYPE]).unwrap();
    let alter = |change: &dyn Fn(&mut Vec<T>)| {
        let mut altered = Message::<B>::decode(&message.encode()).unwrap();
        change(list(&mut altered.body));
        assert_eq!(refusal(B::TYPE, &altered.encode()), Some(DecodeError::Order), "{:#04x}", B::TYPE);
    };
    alter(&|list| list.insert(0, list[0].clone()));
    alter(&|list| list.push(list.last().unwrap().clone()));
    alter(&|list| list.swap(0, 1));
    alter(&|list| list.rotate_left(1));
}

#[test]
fn every_list_with_ids_that_are_repeated_or_out_of_order_is_refused() {
    let s = &samples();
    unordered(s, |body: &mut Adverts| &mut body.entries);
    unordered(s, |body: &mut Shares| &mut body.dealing.digests);
    unordered(s, |body: &mut Shares| &mut body.packages);
    unordered(s, |body: &mut Delivery| &mut body.dealings);
    unordered(s, |body: &mut Delivery| &mut body.dealings[1].body.digests);
    unordered(s, |body: &mut Delivery| &mut body.packages);
    unordered(s, |body: &mut Complaint| &mut body.entry.body.digests);
    unordered(s, |body: &mut Survivors| &mut body.entries);
    unordered(s, |body: &mut Agreement| &mut body.entries);
    unordered(s, |body: &mut Reveal| &mut body.shares);
}

/// A message with this body, which nobody signed.
fn unsigned<B: Body>(client: u64, body: B) -> Vec<u8> {
    let client = ClientId(client);
    Message { session: Bytes([1; 32]), client, prev: Bytes([2; 32]), body, signature: Bytes([3; 64]) }.encode()
}

/// `count` entries with these contents.
fn entries<B: Clone>(count: u64, body: &B) -> Vec<Entry<B>> {
    let zero = Bytes([0; 32]);
    let entry =
        |id| Entry { client: ClientId(id), prev: zero, body: body.clone(), attachment_hash: zero, signature: Bytes([0; 64]) };
    (0..count).map(entry).collect()
}

/// Lists of the smallest items, where what is held is largest beside the input.
#[test]
fn long_lists_of_small_items_take_no_more_memory_than_their_bytes_justify() {
    let empty = Dealing { mask_root: Vec::new(), self_secret: Vec::new(), digests: Vec::new() };
    let package = |peer| Package {
        peer: ClientId(peer),
        mask_ciphertext: None,
        channel_ciphertext: Bytes([0; 1120]),
        key_commitment: Bytes([0; 32]),
        sealed: Bytes([0; 144]),
    };
    for count in [1, 2, 3, 5, 33, 64, 65, 257, 1025] {
        let packages: Vec<Package> = (1..=count).map(package).collect();
        let input = MaskedInput { root: Bytes([0; 32]), vector_len: 1, chunk_len: 64 };
        let points = vec![Bytes([0; 32]); usize::try_from(count).unwrap()];
        let commitments = Dealing { mask_root: points.clone(), self_secret: points, digests: Vec::new() };
        let messages = [
            (SHARES, unsigned(u64::MAX, Shares { dealing: commitments, packages: packages.clone() })),
            (DELIVERY, unsigned(0, Delivery { dealings: entries(count, &empty), packages: Vec::new() })),
            (DELIVERY, unsigned(0, Delivery { dealings: Vec::new(), packages })),
            (SURVIVORS, unsigned(0, Survivors { bitmap: Vec::new(), entries: entries(count, &input) })),
            (AGREEMENT, unsigned(0, Agreement { entries: entries(count, &Consistency {}) })),
        ];
        messages.iter().for_each(|(kind, message)| assert_eq!(refusal(*kind, message), None, "{kind:#04x}, {count} items"));
    }
}

#[test]
fn a_descriptor_is_read_without_much_memory() {
    let bytes = unusual_bytes();
    let read = |bytes: &[u8]| within(DESCRIPTOR_FACTOR, bytes, Session::decode);
    assert!(read(&bytes).is_ok());
    for len in 0..bytes.len() {
        assert!(frugally(&bytes[..len], Session::decode).is_err());
    }
    for (at, number) in [5, ENCODING_LEN].into_iter().flat_map(|at| wrong_numbers(5).into_iter().map(move |number| (at, number)))
    {
        let mut altered = bytes.clone();
        altered[at..at + 4].copy_from_slice(&number.to_le_bytes());
        assert!(frugally(&altered, Session::decode).is_err(), "{number} at {at}");
    }
    // Just above a power of two, where a vector has grown last.
    for n in [65, 257, 1025] {
        let (roster, server) = descriptors::parties(n);
        let large = Session::builder(roster, server, 1000, 24, descriptors::BOUND).build().unwrap().encode();
        assert!(read(&large).is_ok());
        let mut none = large;
        none[5..9].fill(0xff);
        assert_eq!(frugally(&none, Session::decode).unwrap_err(), DecodeError::Count.into());
    }
}
