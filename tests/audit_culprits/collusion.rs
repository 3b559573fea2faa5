//! What an honest server takes from nobody, taken by one that colludes with the client: that client is named for what it signed, the
//! server for what it announced, and nobody else for either (section 20.2).
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use veilsum::{
    ClientFault, ClientId, DecodeError, Error, Identity, LatticeSet, Masking, RoundError, ServerFault,
    audit::{Check, Part, verify},
    message::{Agreement, Body as _, Bytes, Dealing, Delivery, Entry, MaskedInput, Survivors},
};

use crate::{
    SERVER, client, finds,
    forge::{
        AGREEMENT, ANNOUNCEMENT, COMPLAINT, DELIVERY, MASKED_INPUT, REVEAL, Raw, SURVIVORS, alter, extend, extend_survivors,
        false_complaint, hash, sign_entry,
    },
    game, prev,
    recorded::{ALL, Contents, File, OPENED, PACKAGES, Recorded, Script},
    rogue, sum_root,
};

fn key(game: &Recorded, client: ClientId) -> &dyn Identity {
    &*game.world.clients[&client]
}

/// The session once more with other dealings and inputs: everybody signs again whatever follows.
fn again(
    game: &Recorded,
    mut file: File,
    dealings: impl FnOnce(&mut Vec<Entry<Dealing>>),
    inputs: impl FnOnce(&mut Vec<Entry<MaskedInput>>),
) -> File {
    let (session, server, h1) = (&game.session, &*game.world.server, prev(game, DELIVERY));
    let mut delivery = Delivery::decode(ClientId(0), file.body(DELIVERY), &[0; 4]).unwrap();
    dealings(&mut delivery.dealings);
    delivery.dealings.iter_mut().for_each(|entry| sign_entry(session, entry, key(game, entry.client)));
    *file.body(DELIVERY) = delivery.body();
    file.resign(session, DELIVERY, h1, server);

    let h2 = extend(2, &h1, &delivery.dealings);
    let mut survivors = Survivors::decode(ClientId(0), file.body(SURVIVORS), &[]).unwrap();
    inputs(&mut survivors.entries);
    for entry in &mut survivors.entries {
        entry.prev = Bytes(h2);
        sign_entry(session, entry, key(game, entry.client));
    }
    *file.body(SURVIVORS) = survivors.body();
    file.resign(session, SURVIVORS, h2, server);

    let h3 = extend_survivors(&h2, &survivors.bitmap, &survivors.entries);
    let mut agreement = Agreement::decode(ClientId(0), file.body(AGREEMENT), &[]).unwrap();
    for entry in &mut agreement.entries {
        entry.prev = Bytes(h3);
        sign_entry(session, entry, key(game, entry.client));
    }
    *file.body(AGREEMENT) = agreement.body();
    for message in file.received(REVEAL) {
        *message = alter(message, key(game, Raw::parse(message).client), |raw| raw.prev = h3);
    }
    [AGREEMENT, ANNOUNCEMENT].into_iter().for_each(|kind| file.resign(session, kind, h3, server));
    file
}

#[test]
fn a_session_that_is_signed_again_unchanged_is_the_same() {
    let game = game();
    let file = File::parse(&game.transcript());
    assert_eq!(again(&game, file.clone(), |_| {}, |_| {}), file);
}

/// Bytes of a package in a transcript, from its dealer to what is sealed.
const RECORD: usize = 8 + 8 + 1120 + 1120 + 32 + 144;
const MASK: usize = 16;
const CHANNEL: usize = MASK + 1120;
const COMMITMENT: usize = CHANNEL + 1120;
const SEALED: usize = COMMITMENT + 32;

fn record(file: &mut File, place: usize) -> &mut [u8] {
    &mut file.bytes(PACKAGES)[4 + place * RECORD..][..RECORD]
}

/// The digest that a dealer signs (section 6).
fn digest(record: &[u8]) -> [u8; 32] {
    let parts = [&record[..MASK], &record[MASK..CHANNEL], &record[CHANNEL..COMMITMENT], &record[COMMITMENT..SEALED]];
    hash("package", &[parts[0], parts[1], parts[2], parts[3], &record[SEALED..]])
}

/// A package altered by its dealer, who signed its digest.
fn repacked(game: &Recorded, place: usize, change: impl FnOnce(&mut [u8])) -> File {
    let mut file = File::parse(&game.transcript());
    let package = record(&mut file, place);
    let id = |at: usize| ClientId(u64::from_le_bytes(package[at..at + 8].try_into().unwrap()));
    let (dealer, holder) = (id(0), id(8));
    change(package);
    let digest = Bytes(digest(package));
    let sign_digest = |dealings: &mut Vec<Entry<Dealing>>| {
        let entry = dealings.iter_mut().find(|entry| entry.client == dealer).unwrap();
        entry.body.digests.iter_mut().find(|own| own.holder == holder).unwrap().digest = digest;
    };
    again(game, file, sign_digest, |_| {})
}

/// The pairs of the drop-out 20 with 10, 30 and 40, by their dealers.
const DEALERS: [u64; 3] = [10, 20, 20];

#[test]
fn a_ciphertext_that_can_not_be_is_its_dealers_and_never_the_drop_outs() {
    let game = game();
    let zero = [0; 32];
    let mut one = zero;
    one[0] = 1;
    // 2^255 - 19 + 9, the base point in another form.
    let mut unreduced = [255; 32];
    (unreduced[0], unreduced[31]) = (0xed + 9, 0x7f);
    for (place, dealer) in DEALERS.into_iter().enumerate() {
        let fault = Error::Client { culprit: ClientId(dealer), fault: ClientFault::Malformed(DecodeError::KemCiphertext) };
        for (end, point) in [(CHANNEL, zero), (CHANNEL, one), (CHANNEL, unreduced), (COMMITMENT, zero), (COMMITMENT, unreduced)] {
            let file = repacked(&game, place, |package| package[end - 32..end].copy_from_slice(&point));
            finds(&game, &file, Part::Packages, fault.clone(), client(dealer));
        }
    }
}

/// A survivor's encapsulation that is none gives a mask that nobody knows: the server, who announced what the plain mask gives, is wrong.
/// A drop-out's is not what its mask root gives.
#[test]
fn an_encapsulation_to_a_drop_out_that_is_none_does_not_name_the_drop_out() {
    let game = game();
    let file = repacked(&game, 0, |package| package[MASK + 500] ^= 1);
    finds(&game, &file, Part::Chunk(0), ServerFault::WrongSum, SERVER);
    for place in [1, 2] {
        let file = repacked(&game, place, |package| package[MASK + 500] ^= 1);
        let fault = Error::Client { culprit: ClientId(20), fault: ClientFault::MaskKeyMismatch };
        finds(&game, &file, Part::Packages, fault, client(20));
    }
    // The other fields decide no sum.
    for at in [CHANNEL + 500, COMMITMENT, SEALED] {
        let file = repacked(&game, 0, |package| package[at] ^= 1);
        assert!(verify(&game.session, &mut &file.encode()[..], &Check::Full).unwrap().complete());
    }
}

#[test]
fn packages_that_are_missing_superfluous_or_others_blame_nobody() {
    let game = game();
    let whole = File::parse(&game.transcript());
    let refused = |change: &dyn Fn(&mut Vec<u8>), error| {
        let mut file = whole.clone();
        change(file.bytes(PACKAGES));
        finds(&game, &file, Part::Packages, error, None);
    };
    let delivery = game.messages.iter().map(|message| Raw::parse(message)).find(|raw| raw.kind == DELIVERY && raw.client.0 == 30);
    // Behind the count: from 10, who survived too.
    let unopened =
        [&10_u64.to_le_bytes()[..], &30_u64.to_le_bytes(), &delivery.unwrap().attachment[12..][..RECORD - 16]].concat();
    assert_eq!(digest(&unopened), digest_of(&game, 10, 30), "the one that was dealt");
    for place in 0..3 {
        let at = 4 + place * RECORD;
        let own = at..at + RECORD;
        let missing = |bytes: &mut Vec<u8>| {
            bytes[0] -= 1;
            bytes.drain(own.clone());
        };
        refused(&missing, DecodeError::Count);
        let twice = |bytes: &mut Vec<u8>| {
            bytes[0] += 1;
            bytes.extend_from_within(own.clone());
        };
        refused(&twice, DecodeError::Count);
        refused(&|bytes| bytes[at..][..RECORD].copy_from_slice(&unopened), DecodeError::Count);
        refused(&|bytes| bytes[at..][..16].rotate_left(8), DecodeError::Count);
        refused(&|bytes| bytes[at] = 99, DecodeError::Count);
        for field in [MASK, CHANNEL - 1, CHANNEL, COMMITMENT - 1, COMMITMENT, SEALED - 1, SEALED, RECORD - 1] {
            refused(&|bytes| bytes[at + field] ^= 1, DecodeError::Mismatch);
        }
    }
    refused(&|bytes| drop(bytes.splice(.., [0; 4])), DecodeError::Count);
    let swap = |bytes: &mut Vec<u8>| {
        let (first, second) = bytes[4 + RECORD..].split_at_mut(RECORD);
        first.swap_with_slice(second);
    };
    refused(&swap, DecodeError::Count);
}

/// The digest that a dealer signed for a holder.
fn digest_of(game: &Recorded, dealer: u64, holder: u64) -> [u8; 32] {
    let delivery = Delivery::decode(ClientId(0), File::parse(&game.control()).body(DELIVERY), &[0; 4]).unwrap();
    let entry = delivery.dealings.iter().find(|entry| entry.client.0 == dealer).unwrap();
    entry.body.digests.iter().find(|digest| digest.holder.0 == holder).unwrap().digest.0
}

/// Uploads altered by their clients, who signed their roots.
fn uploaded(game: &Recorded, file: File, owners: &[u64], change: impl Fn(&mut [u8])) -> File {
    let (mut file, mut roots) = (file, Vec::new());
    let survivors = game.sum.as_ref().unwrap().survivors();
    let chunks = file.bytes(ALL);
    let len = (chunks.len() - 32) / survivors.len();
    for (place, id) in survivors.iter().enumerate().filter(|(_, id)| owners.contains(&id.0)) {
        let wire = &mut chunks[place * len..][..len];
        change(wire);
        roots.push((*id, Bytes(rogue::root(&game.session, wire))));
    }
    let sign_root = |inputs: &mut Vec<Entry<MaskedInput>>| {
        for (id, root) in roots {
            inputs.iter_mut().find(|entry| entry.client == id).unwrap().body.root = root;
        }
    };
    again(game, file, |_| {}, sign_root)
}

/// The same with its only chunk opened, by paths that are empty.
fn opened(file: &File) -> File {
    let mut opened = file.clone();
    let chunk = opened.bytes(ALL).clone();
    opened.remove(ALL);
    opened.parts.push((OPENED, Contents::Bytes([&1_u32.to_le_bytes()[..], &0_u64.to_le_bytes(), &chunk].concat())));
    opened
}

fn padded(id: u64) -> Error {
    Error::Client { culprit: ClientId(id), fault: ClientFault::Malformed(DecodeError::Padding) }
}

/// Five words of 20 bits end within a byte, of which four bits are padding.
#[test]
fn padding_that_a_client_signed_is_that_clients() {
    let game = game();
    let whole = File::parse(&game.transcript());
    for bit in [0x10, 0x80] {
        for owners in [&[10][..], &[30], &[40], &[30, 40]] {
            let file = uploaded(&game, whole.clone(), owners, |wire| *wire.last_mut().unwrap() |= bit);
            finds(&game, &file, Part::Chunk(0), padded(owners[0]), client(owners[0]));
            finds(&game, &opened(&file), Part::Chunk(0), padded(owners[0]), client(owners[0]));
        }
    }
    // Of another sum, too, the client is the first cause; and of padding that it did not sign, nobody.
    let mut file = whole.clone();
    let last = file.bytes(ALL).len() - 32;
    file.bytes(ALL)[last] ^= 1;
    let leaf = file.bytes(ALL)[last..].to_vec();
    *file.body(ANNOUNCEMENT) = sum_root(&game.session, &leaf).to_vec();
    let file = uploaded(&game, file, &[30], |wire| *wire.last_mut().unwrap() |= 0x80);
    finds(&game, &file, Part::Chunk(0), padded(30), client(30));
    let mut file = whole;
    file.bytes(ALL)[12] |= 0x80;
    finds(&game, &file, Part::Chunks, RoundError::UploadMismatch(ClientId(10)), None);
    finds(&game, &opened(&file), Part::Chunk(0), RoundError::UploadMismatch(ClientId(10)), None);
}

/// Three coefficients of 36 bits for each prime, and four bits of padding behind them: section 11.2 has it ignored.
#[test]
fn padding_of_lattice_masks_is_nobodys() {
    let mut script = Script::new(Masking::Lattice(LatticeSet::L108), 4, &[(20, 2)]);
    script.len = 9;
    let game = script.play();
    let file = uploaded(&game, File::parse(&game.transcript()), &[10, 30, 40], |wire| {
        assert_eq!((wire.len(), wire[13] & 0xf0, wire[41] & 0xf0), (3 * 14, 0, 0));
        wire[13] |= 0xf0;
        wire[41] |= 0x80;
    });
    for file in [opened(&file), file] {
        assert!(verify(&game.session, &mut &file.encode()[..], &Check::Full).unwrap().complete());
    }
}

/// Whose upload it is nobody can tell; but an honest server announces nothing then.
#[test]
fn a_sum_that_can_not_be_unmasked_is_the_servers() {
    let game = Script::new(crate::common::masking::LATTICE, 4, &[(20, 2)]).play();
    let whole = File::parse(&game.transcript());
    for owners in [&[10][..], &[40], &[10, 30]] {
        let file = uploaded(&game, whole.clone(), owners, |wire| wire.iter_mut().for_each(|byte| *byte ^= 0x55));
        for file in [opened(&file), file] {
            finds(&game, &file, Part::Chunk(0), ServerFault::WrongSum, SERVER);
        }
    }
}

fn sent_to(game: &Recorded, kind: u8, id: u64) -> &[u8] {
    let is = |message: &&Vec<u8>| message[35] == kind && Raw::parse(message).client.0 == id;
    game.messages.iter().find(is).unwrap()
}

/// Whoever made the file may have put them there.
#[test]
fn messages_of_others_or_of_another_type_or_round_blame_nobody() {
    let game = Script::new(Masking::Pairwise, 5, &[(50, 1)]).play();
    let refused = |kind, part, messages: &[Vec<u8>], error: DecodeError| {
        let mut file = File::parse(&game.transcript());
        file.parts.retain(|(tag, _)| *tag != kind);
        let behind = if kind == COMPLAINT { DELIVERY } else { AGREEMENT };
        let place = file.parts.iter().position(|(tag, _)| *tag == behind).unwrap() + 1;
        file.parts.insert(place, (kind, Contents::Received(messages.to_vec())));
        finds(&game, &file, part, error, None);
    };
    let signed = |message: &[u8], id: u64, change: fn(&mut Raw)| {
        alter(message, key(&game, ClientId(id)), |raw| {
            raw.client = ClientId(id);
            change(raw);
        })
    };
    let complaint = false_complaint(&game.session, ClientId(10), sent_to(&game, DELIVERY, 10), key(&game, ClientId(10)));
    let kinds = [(COMPLAINT, Part::Complaints, complaint), (REVEAL, Part::Reveals, sent_to(&game, REVEAL, 10).to_vec())];
    for (kind, part, good) in kinds {
        let other = sent_to(&game, MASKED_INPUT, 10).to_vec();
        refused(kind, part, &[other], DecodeError::UnexpectedType { expected: kind, got: MASKED_INPUT });
        refused(kind, part, &[signed(&good, 50, |_| {})], DecodeError::Recipient);
        refused(kind, part, &[signed(&good, 10, |raw| raw.prev[0] ^= 1)], DecodeError::Mismatch);
        refused(kind, part, &[signed(&good, 10, |raw| raw.session[0] ^= 1)], DecodeError::Session);
        refused(kind, part, &[alter(&good, key(&game, ClientId(20)), |_| {})], DecodeError::Signature);
        refused(kind, part, &[good.clone(), good.clone()], DecodeError::Order);
        refused(kind, part, &[], DecodeError::Count);
    }
}
