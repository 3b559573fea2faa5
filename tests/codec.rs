//! The canonical encoding (section 2): whatever is encoded decodes to itself, and whatever decodes was encoded like this.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

#[path = "common/descriptors.rs"]
mod descriptors;

use descriptors::{of_five, unusual_bytes};
use proptest::{collection::btree_set, prelude::*, test_runner::RngSeed};
use rand::{Rng, SeedableRng, rngs::StdRng};
use veilsum::{
    Bound, ClientId, Session, SessionBuilder,
    message::{
        Advert, Adverts, Agreement, Announcement, Body, Bytes, Complaint, Consistency, Dealing, Delivery, Digest, Entry,
        MaskedInput, Message, Package, Reveal, RevealedShare, Shares, Survivors,
    },
};

/// Arbitrary values of everything that is sent, from a seed: decoders look at lengths, counts and ids, never at what bytes say.
struct Source(StdRng);

impl Source {
    fn bytes<const N: usize>(&mut self) -> Bytes<N> {
        let mut bytes = [0; N];
        self.0.fill_bytes(&mut bytes);
        Bytes(bytes)
    }

    fn entry<B>(&mut self, client: u64, body: B) -> Entry<B> {
        let client = ClientId(client);
        Entry { client, prev: self.bytes(), body, attachment_hash: self.bytes(), signature: self.bytes() }
    }

    fn entries<B>(&mut self, ids: &[u64], mut body: impl FnMut(&mut Self) -> B) -> Vec<Entry<B>> {
        let mut entry = |id: &u64| {
            let body = body(self);
            self.entry(*id, body)
        };
        ids.iter().map(&mut entry).collect()
    }

    fn advert(&mut self) -> Advert {
        Advert { channel_key: self.bytes(), mask_key: self.bytes() }
    }

    fn masked_input(&mut self) -> MaskedInput {
        MaskedInput { root: self.bytes(), vector_len: self.0.next_u64(), chunk_len: self.0.next_u32() }
    }

    fn dealing(&mut self, terms: usize, holders: &[u64]) -> Dealing {
        let mut points = || (0..terms).map(|_| self.bytes()).collect();
        let (mask_root, self_secret) = (points(), points());
        let digests = holders.iter().map(|id| Digest { holder: ClientId(*id), digest: self.bytes() }).collect();
        Dealing { mask_root, self_secret, digests }
    }

    fn package(&mut self, peer: u64, has_mask: bool) -> Package {
        Package {
            peer: ClientId(peer),
            mask_ciphertext: has_mask.then(|| self.bytes()),
            channel_ciphertext: self.bytes(),
            key_commitment: self.bytes(),
            sealed: self.bytes(),
        }
    }

    fn shares(&mut self, client: u64, terms: usize, ids: &[u64]) -> Shares {
        let packages = ids.iter().map(|holder| self.package(*holder, client < *holder)).collect();
        Shares { dealing: self.dealing(terms, ids), packages }
    }

    fn delivery(&mut self, client: u64, terms: usize, ids: &[u64]) -> Delivery {
        let packages = ids.iter().map(|dealer| self.package(*dealer, *dealer < client)).collect();
        Delivery { dealings: self.entries(ids, |source| source.dealing(terms, ids)), packages }
    }

    fn complaint(&mut self, client: u64, dealer: u64, terms: usize, ids: &[u64]) -> Complaint {
        let body = self.dealing(terms, ids);
        let (key, entry) = (self.bytes(), self.entry(dealer, body));
        Complaint { dealer: ClientId(dealer), key, entry, package: self.package(dealer, dealer < client) }
    }

    fn reveal(&mut self, ids: &[u64]) -> Reveal {
        let share = |owner: &u64| RevealedShare { owner: ClientId(*owner), share: self.bytes(), blinding: self.bytes() };
        Reveal { shares: ids.iter().map(share).collect() }
    }

    fn survivors(&mut self, bitmap: usize, ids: &[u64]) -> Survivors {
        let mut bytes = vec![0; bitmap];
        self.0.fill_bytes(&mut bytes);
        Survivors { bitmap: bytes, entries: self.entries(ids, Self::masked_input) }
    }

    fn message<B>(&mut self, client: u64, body: B) -> Message<B> {
        Message { session: self.bytes(), client: ClientId(client), prev: self.bytes(), body, signature: self.bytes() }
    }
}

/// What a message is made of: seed, client, an id that may be on either side of it, a size, and a list of ids.
type Recipe = (u64, u64, u64, usize, Vec<u64>);

fn recipe() -> impl Strategy<Value = Recipe> {
    let id = || prop_oneof![Just(0), 0..40_u64, any::<u64>(), Just(u64::MAX)];
    (any::<u64>(), id(), id(), 0..9_usize, btree_set(id(), 0..7).prop_map(|ids| ids.into_iter().collect()))
}

/// `decode(encode(x)) = x`, and the bytes for `check`.
fn round_trip<B: Body + Clone + PartialEq + std::fmt::Debug>(message: &Message<B>) -> Vec<u8> {
    let bytes = message.encode();
    assert_eq!(Message::<B>::decode(&bytes).as_ref(), Ok(message));
    assert_eq!(B::decode(message.client, &message.body.body(), &message.body.attachment()).as_ref(), Ok(&message.body));
    bytes
}

/// The encoding of one message of every type, each having been decoded again.
fn every_message((seed, client, other, size, ids): &Recipe) -> Vec<Vec<u8>> {
    let (mut source, client, ids) = (Source(StdRng::seed_from_u64(*seed)), *client, &ids[..]);
    let s = &mut source;
    macro_rules! encode {
        ($($body:expr),* $(,)?) => {
            vec![$({
                let body = $body;
                round_trip(&s.message(client, body))
            }),*]
        };
    }
    encode![
        s.advert(),
        Adverts { entries: s.entries(ids, Source::advert) },
        s.shares(client, *size, ids),
        s.delivery(client, *size, ids),
        s.complaint(client, *other, *size, ids),
        s.masked_input(),
        s.survivors(*size, ids),
        Consistency {},
        Agreement { entries: s.entries(ids, |_| Consistency {}) },
        s.reveal(ids),
        Announcement { sum_root: s.bytes() },
    ]
}

/// `encode(decode(y)) = y` for every type that `bytes` decode as; how many that are.
fn decoded_as(bytes: &[u8]) -> usize {
    fn check<B: Body>(bytes: &[u8]) -> usize {
        Message::<B>::decode(bytes).map_or(0, |message| {
            assert_eq!(message.encode(), bytes, "two encodings of one message of type {:#04x}", B::TYPE);
            1
        })
    }
    let of_clients = [check::<Advert>, check::<Shares>, check::<Complaint>, check::<MaskedInput>, check::<Consistency>];
    let of_server = [check::<Adverts>, check::<Delivery>, check::<Survivors>, check::<Agreement>, check::<Announcement>];
    of_clients.iter().chain(&of_server).chain([&(check::<Reveal> as fn(&[u8]) -> usize)]).map(|check| check(bytes)).sum()
}

/// One thing that can happen to bytes on their way.
#[derive(Clone, Debug)]
enum Damage {
    Set(prop::sample::Index, u8),
    Flip(prop::sample::Index, u8),
    /// A small number where a length or a count may be.
    Number(prop::sample::Index, u32),
    Insert(prop::sample::Index, u8),
    Remove(prop::sample::Index),
    Repeat(prop::sample::Index, u8),
}

fn damage() -> impl Strategy<Value = Damage> {
    let at = any::<prop::sample::Index>;
    prop_oneof![
        (at(), any::<u8>()).prop_map(|(at, byte)| Damage::Set(at, byte)),
        (at(), 0..8_u8).prop_map(|(at, bit)| Damage::Flip(at, bit)),
        (at(), 0..300_u32).prop_map(|(at, number)| Damage::Number(at, number)),
        (at(), any::<u8>()).prop_map(|(at, byte)| Damage::Insert(at, byte)),
        at().prop_map(Damage::Remove),
        (at(), any::<u8>()).prop_map(|(at, count)| Damage::Repeat(at, count)),
    ]
}

/// Damages bytes; half of the places are in the first 128 bytes, where most lengths are.
fn apply(bytes: &mut Vec<u8>, damage: &Damage) {
    if bytes.is_empty() {
        return;
    }
    let len = bytes.len();
    let place = |at: &prop::sample::Index| {
        let anywhere = at.index(2 * len);
        if anywhere < len { anywhere } else { anywhere % len.min(128) }
    };
    match damage {
        Damage::Set(at, byte) => bytes[place(at)] = *byte,
        Damage::Flip(at, bit) => bytes[place(at)] ^= 1 << bit,
        Damage::Number(at, number) => {
            let at = place(at);
            bytes.iter_mut().skip(at).zip(number.to_le_bytes()).for_each(|(byte, new)| *byte = new);
        }
        Damage::Insert(at, byte) => bytes.insert(place(at), *byte),
        Damage::Remove(at) => drop(bytes.drain(place(at)..=place(at))),
        Damage::Repeat(at, count) => {
            let (at, count) = (place(at), usize::from(*count));
            let again = bytes[at..bytes.len().min(at + count)].to_vec();
            bytes.splice(at..at, again);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, rng_seed: RngSeed::Fixed(1), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_message_decodes_to_itself_and_to_no_other_type(recipe in recipe()) {
        for bytes in every_message(&recipe) {
            prop_assert_eq!(decoded_as(&bytes), 1);
        }
    }

    #[test]
    fn damaged_bytes_that_decode_are_the_encoding_of_what_they_decode_to(
        recipe in recipe(),
        damages in prop::collection::vec(prop::collection::vec(damage(), 1..3), 12),
    ) {
        for bytes in every_message(&recipe) {
            for some in &damages {
                let mut damaged = bytes.clone();
                some.iter().for_each(|damage| apply(&mut damaged, damage));
                decoded_as(&damaged);
            }
        }
    }

    #[test]
    fn arbitrary_contents_that_decode_are_the_encoding_of_what_they_decode_to(
        header in prop::collection::vec(any::<u8>(), 3 + 32 + 1 + 8 + 32),
        body in contents(),
        attachment in contents(),
        kind in prop::sample::select(vec![1_u8, 2, 3, 4, 6, 7, 0x11, 0x12, 0x14, 0x16, 0x18]),
    ) {
        let mut bytes = header;
        bytes[..3].copy_from_slice(&[2, 1, 0]);
        bytes[35] = kind;
        bytes.extend(u32::try_from(body.len()).unwrap().to_le_bytes());
        bytes.extend(u32::try_from(attachment.len()).unwrap().to_le_bytes());
        let bytes = [bytes, body, attachment, vec![7; 64]].concat();
        prop_assert!(decoded_as(&bytes) <= 1);
    }

    #[test]
    fn a_descriptor_decodes_to_itself(builder in descriptor()) {
        let session = builder.build().unwrap();
        let decoded = Session::decode(&session.encode()).unwrap();
        prop_assert_eq!(decoded.encode(), session.encode());
        prop_assert_eq!(format!("{decoded:?}"), format!("{session:?}"));
    }

    #[test]
    fn damaged_descriptors_that_decode_are_the_encoding_of_what_they_decode_to(
        damages in prop::collection::vec(prop::collection::vec(damage(), 1..3), 20),
    ) {
        for some in damages {
            let mut bytes = unusual_bytes();
            some.iter().for_each(|damage| apply(&mut bytes, damage));
            if let Ok(session) = Session::decode(&bytes) {
                prop_assert_eq!(session.encode(), bytes);
            }
        }
    }
}

/// Arbitrary bytes behind a small count, or none.
fn contents() -> impl Strategy<Value = Vec<u8>> {
    let counted =
        (0..4_u8, prop::collection::vec(any::<u8>(), 0..400)).prop_map(|(count, rest)| [vec![count, 0, 0, 0], rest].concat());
    prop_oneof![Just(Vec::new()), prop::collection::vec(any::<u8>(), 0..80), counted]
}

fn descriptor() -> impl Strategy<Value = SessionBuilder> {
    let bits = 4..=64_u8;
    let numbers = (1..=1_u64 << 40, 1..=1_u32 << 18, any::<u64>(), 0..=1_u32, 0..=1_u32, 2..=3_u32);
    let texts = (prop::collection::vec(any::<u8>(), 0..=1024), any::<[u8; 16]>(), any::<[u8; 32]>(), any::<[u8; 32]>());
    (bits, any::<u64>(), any::<Option<u32>>(), numbers, texts).prop_map(|(bits, bound, log2, numbers, texts)| {
        let (len, chunks, round, c, d, honest) = numbers;
        let holds = u64::MAX >> (65 - bits);
        let bound = match log2 {
            Some(log2) => Bound::Tail { max_sum: bound % holds + 1, log2: log2.max(1) },
            None => Bound::Exact { max_abs: bound % (holds / 5) + 1 },
        };
        let builder = of_five(len, bits, bound).chunk_len(64 * chunks).round(round).encoding(texts.0);
        builder.max_colluders(c).max_dropouts(d).min_honest(honest).attempt(texts.1).context(texts.2).previous(texts.3)
    })
}

/// The properties above say nothing if nothing decodes: some damage leaves a message a message.
#[test]
fn some_damage_leaves_a_message_that_decodes() {
    let recipe = (1, 20, 10, 3, vec![10, 20, 30]);
    let (mut same_length, mut other_length) = (0, 0);
    for bytes in every_message(&recipe) {
        let mut flipped = bytes.clone();
        let last = bytes.len() - 1;
        flipped[last] ^= 1;
        same_length += decoded_as(&flipped);
        let mut longer = bytes.clone();
        let body_len = usize::try_from(u32::from_le_bytes(bytes[76..80].try_into().unwrap())).unwrap();
        longer.splice(84 + body_len..84 + body_len, [0, 0, 0, 0]);
        longer[80] = longer[80].wrapping_add(4);
        other_length += decoded_as(&longer);
    }
    assert_eq!((same_length, other_length), (11, 0));
}
