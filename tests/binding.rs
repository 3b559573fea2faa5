//! The binding matrix: in every message, and in every entry that the server forwards, each signed field is altered, without the
//! sender's key and with it. Each time the receiver says what is wrong, in the words of section 16, and blames whom the signature blames.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod common;
#[path = "binding/complaints.rs"]
mod complaints;
#[path = "common/dealer.rs"]
mod dealer;
#[path = "common/drill.rs"]
mod drill;
#[path = "common/forge.rs"]
mod forge;
#[path = "binding/lists.rs"]
mod lists;
#[path = "common/rogue.rs"]
mod rogue;

use std::collections::{BTreeMap, BTreeSet};

use common::{Leaves, World, masking::over_both_maskings, read_all, run};
use drill::{Door, Drill};
use forge::{
    ADVERT, ADVERTS, AGREEMENT, ANNOUNCEMENT, COMPLAINT, CONSISTENCY, DELIVERY, MASKED_INPUT, REVEAL, Raw, SHARES, SURVIVORS,
    alter, alter_body, flips,
};
use veilsum::{
    ClientFault, ClientId, DecodeError, Error, Identity, Masking, PROTOCOL_VERSION, RoundError, ServerFault,
    message::{Advert, MaskedInput, Reveal, Shares},
};

over_both_maskings! {
    no_field_can_be_altered_without_the_senders_key,
    a_signature_is_good_for_its_signer_only,
    a_client_that_signs_an_altered_message_is_named,
    what_the_server_signs_for_another_client_session_or_step_changes_nothing,
    no_field_of_the_announcement_can_be_altered,
}

/// The field that was altered, the bytes, and what the receiver must say.
type Cell = (&'static str, Vec<u8>, Error);

const CLIENT_TYPES: [u8; 5] = [ADVERT, SHARES, MASKED_INPUT, CONSISTENCY, REVEAL];
const SERVER_TYPES: [u8; 5] = [ADVERTS, DELIVERY, SURVIVORS, AGREEMENT, ANNOUNCEMENT];

/// Ids that the roster (10, 20, ..) does not have.
const UNKNOWN: [ClientId; 3] = [ClientId(0), ClientId(11), ClientId(u64::MAX)];

/// Places in a string of `len` bytes: both ends, and some between.
fn places(len: usize) -> impl Iterator<Item = usize> {
    (0..len).step_by((len / 8).max(1)).chain(len.checked_sub(1))
}

fn drop_last(bytes: &mut Vec<u8>) {
    bytes.truncate(bytes.len() - 1);
}

/// `s + l` instead of `s`: the same signature equation, another encoding.
fn with_larger_s(signature: &[u8; 64]) -> [u8; 64] {
    let order = hex::decode("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010").unwrap();
    let (mut out, mut carry) = (*signature, 0_u16);
    for (byte, add) in out[32..].iter_mut().zip(order) {
        carry += u16::from(*byte) + u16::from(add);
        *byte = u8::try_from(carry & 0xff).unwrap();
        carry >>= 8;
    }
    out
}

/// A table of alterations of one message.
struct Table {
    original: Raw,
    cells: Vec<Cell>,
}

impl Table {
    fn of(message: &[u8]) -> Self {
        Self { original: Raw::parse(message), cells: Vec::new() }
    }

    /// An alteration under the old signature.
    fn add(&mut self, field: &'static str, expected: impl Into<Error>, change: impl FnOnce(&mut Raw)) {
        let mut raw = self.original.clone();
        change(&mut raw);
        self.cells.push((field, raw.encode(), expected.into()));
    }

    /// An alteration under a new signature by `identity`.
    fn sign(&mut self, identity: &dyn Identity, field: &'static str, expected: impl Into<Error>, change: impl FnOnce(&mut Raw)) {
        self.cells.push((field, alter(&self.original.encode(), identity, change), expected.into()));
    }

    /// Version, suite and session, signed or not: they are looked at before the signature.
    fn names(&mut self, identity: Option<&dyn Identity>) {
        let mut add = |field, expected: DecodeError, change: &dyn Fn(&mut Raw)| match identity {
            Some(identity) => self.sign(identity, field, expected, change),
            None => self.add(field, expected, change),
        };
        for got in [0, 1, 2, 0x81, 255] {
            add("version", DecodeError::Version { expected: PROTOCOL_VERSION, got }, &|raw| raw.version = got);
        }
        for got in [0, 2, 0x0101, 0xffff] {
            add("suite", DecodeError::Suite { expected: 1, got }, &|raw| raw.suite = got);
        }
        for (at, bit) in flips() {
            add("session", DecodeError::Session, &|raw| raw.session[at] ^= bit);
        }
        for id in UNKNOWN {
            add("client", DecodeError::Recipient, &|raw| raw.client = id);
        }
    }

    /// Both length fields of the header, bit by bit.
    fn lengths(&mut self) {
        let message = self.original.encode();
        for bit in 0..64 {
            let (mut altered, at) = (message.clone(), 76 + bit / 8);
            let grows = message[at] >> (bit % 8) & 1 == 0;
            altered[at] ^= 1 << (bit % 8);
            let expected = if grows { DecodeError::Truncated } else { DecodeError::Trailing };
            self.cells.push((["body length", "attachment length"][bit / 32], altered, expected.into()));
        }
    }

    /// Body and attachment, and the border between them.
    fn contents(&mut self) {
        let (body, attachment) = (self.original.body.len(), self.original.attachment.len());
        places(body).for_each(|at| self.add("body", DecodeError::Signature, |raw| raw.body[at] ^= 1));
        places(attachment).for_each(|at| self.add("attachment", DecodeError::Signature, |raw| raw.attachment[at] ^= 0x80));
        self.add("body", DecodeError::Signature, |raw| raw.body.push(0));
        self.add("attachment", DecodeError::Signature, |raw| raw.attachment.push(0));
        if body > 0 {
            self.add("body", DecodeError::Signature, |raw| drop_last(&mut raw.body));
            self.add("border", DecodeError::Signature, |raw| raw.attachment.insert(0, raw.body.pop().unwrap()));
        }
        if attachment > 0 {
            self.add("attachment", DecodeError::Signature, |raw| raw.attachment.clear());
            self.add("border", DecodeError::Signature, |raw| raw.body.push(raw.attachment.remove(0)));
        }
    }

    fn signatures(&mut self) {
        for byte in 0..64 {
            self.add("signature", DecodeError::Signature, |raw| raw.signature[byte] ^= 1 << (byte % 8));
        }
        self.add("signature", DecodeError::Signature, |raw| raw.signature = with_larger_s(&raw.signature));
        self.add("signature", DecodeError::Signature, |raw| raw.signature = [0; 64]);
    }
}

/// Every field, altered by somebody without the sender's key.
fn unsigned(message: &[u8], other: ClientId) -> Vec<Cell> {
    let mut table = Table::of(message);
    table.names(None);
    for kind in (0..=255).filter(|kind| *kind != message[35]) {
        table.add("type", DecodeError::Signature, |raw| raw.kind = kind);
    }
    table.add("client", DecodeError::Signature, |raw| raw.client = other);
    flips().for_each(|(at, bit)| table.add("prev", DecodeError::Signature, |raw| raw.prev[at] ^= bit));
    table.lengths();
    table.contents();
    table.signatures();
    table.cells
}

/// The fields that [`unsigned`] has to alter in every message; the others are there if the message has contents.
const FIELDS: [&str; 8] = ["version", "suite", "session", "client", "type", "prev", "body length", "signature"];

fn check(door: &mut Door<'_>, cells: Vec<Cell>) {
    for (field, bytes, expected) in cells {
        let said = door.refusal(&bytes);
        assert_eq!(said, expected, "{field} of type {:#04x} at {}, taken: {}", door.kind(), door.client, door.taken);
    }
}

fn other_than(id: ClientId) -> ClientId {
    if id == ClientId(10) { ClientId(20) } else { ClientId(10) }
}

/// Plays a session of four with `hook` at every door but the last, whose state is used up by any message.
fn play(world: &mut World, mut hook: impl FnMut(&mut Door<'_>)) {
    let session = world.builder(70, 20).build().unwrap();
    let (inputs, ids) = (world.inputs(&session), world.ids());
    let mut at_door = |door: &mut Door<'_>| {
        if door.kind() != ANNOUNCEMENT {
            hook(door);
        }
    };
    Drill::new(world, &session, &mut at_door).play(&inputs, &ids);
}

fn no_field_can_be_altered_without_the_senders_key(masking: Masking) {
    let mut tried = BTreeSet::new();
    play(&mut World::masked(4, 1, masking), |door| {
        let cells = unsigned(door.message, other_than(door.client));
        tried.extend(cells.iter().map(|(field, ..)| (door.kind(), *field)));
        check(door, cells);
    });
    let kinds = CLIENT_TYPES.into_iter().chain(SERVER_TYPES).filter(|kind| *kind != ANNOUNCEMENT);
    for (kind, field) in kinds.flat_map(|kind| FIELDS.map(|field| (kind, field))) {
        assert!(tried.contains(&(kind, field)), "{field} of {kind:#04x}");
    }
    assert!([SHARES, DELIVERY].into_iter().all(|kind| tried.contains(&(kind, "border"))));
}

fn a_signature_is_good_for_its_signer_only(masking: Masking) {
    let mut world = World::masked(4, 2, masking);
    let (clients, server) = (world.clients.clone(), world.server.clone());
    play(&mut world, |door| {
        let sent_by_client = CLIENT_TYPES.contains(&door.kind());
        let sender = if sent_by_client { &clients[&door.client] } else { &server };
        for identity in clients.values().chain([&server]).filter(|identity| identity.public_key() != sender.public_key()) {
            door.refuses(&alter(door.message, &**identity, |_| {}), DecodeError::Signature);
        }
    });
}

/// What the server says to contents that their sender signed, before it has taken the right ones.
fn signed_contents(table: &mut Table, identity: &dyn Identity) {
    let (kind, id, message) = (table.original.kind, table.original.client, table.original.encode());
    let blame = |fault| Error::Client { culprit: id, fault };
    let malformed = |reason| blame(ClientFault::Malformed(reason));
    table.sign(identity, "body", malformed(DecodeError::Trailing), |raw| raw.body.push(0));
    table.sign(identity, "attachment", malformed(DecodeError::Trailing), |raw| raw.attachment.push(0));
    if kind != CONSISTENCY {
        table.sign(identity, "body", malformed(DecodeError::Truncated), |raw| raw.body.clear());
    }
    let (field, bytes, expected) = match kind {
        ADVERT => {
            let zero_point = |advert: &mut Advert| advert.mask_key.0[1184..].fill(0);
            ("body", alter_body(&message, identity, zero_point), malformed(DecodeError::KemKey))
        }
        SHARES => {
            table.sign(identity, "body", blame(ClientFault::PackageMismatch), |raw| *raw.body.last_mut().unwrap() ^= 1);
            table.sign(identity, "attachment", malformed(DecodeError::Truncated), |raw| raw.attachment.clear());
            let alter_sealed = |shares: &mut Shares| shares.packages[1].sealed.0[17] ^= 4;
            ("attachment", alter_body(&message, identity, alter_sealed), blame(ClientFault::PackageMismatch))
        }
        MASKED_INPUT => {
            let longer = |input: &mut MaskedInput| input.vector_len += 1;
            table.cells.push(("body", alter_body(&message, identity, longer), blame(ClientFault::WrongDimensions)));
            let other_root = |input: &mut MaskedInput| input.root.0[31] ^= 1;
            ("body", alter_body(&message, identity, other_root), RoundError::UploadMismatch(id).into())
        }
        REVEAL => {
            let other_owner = |reveal: &mut Reveal| reveal.shares[0].owner.0 += 1;
            ("body", alter_body(&message, identity, other_owner), blame(ClientFault::WrongOwners))
        }
        _ => return,
    };
    table.cells.push((field, bytes, expected));
}

/// Every field of a client's message, altered and signed again by that client.
fn signed_by_client(door: &Door<'_>, identity: &dyn Identity) -> Vec<Cell> {
    let (current, id, taken) = (door.kind(), door.client, door.taken);
    let blame = |fault| Error::Client { culprit: id, fault };
    let mut table = Table::of(door.message);
    table.names(Some(identity));
    table.sign(identity, "client", DecodeError::Signature, |raw| raw.client = other_than(id));
    for kind in (0..=255).filter(|kind| *kind != current) {
        let sent_before = CLIENT_TYPES.contains(&kind) && kind < current;
        let expected = match kind {
            ADVERTS.. => DecodeError::Signature.into(),
            _ if sent_before => blame(ClientFault::Equivocation),
            COMPLAINT if current > MASKED_INPUT => RoundError::Late(id).into(),
            got => DecodeError::UnexpectedType { expected: current, got }.into(),
        };
        table.sign(identity, "type", expected, |raw| raw.kind = kind);
    }
    let fault = if taken { ClientFault::Equivocation } else { ClientFault::WrongTranscript };
    flips().for_each(|(at, bit)| table.sign(identity, "prev", blame(fault), |raw| raw.prev[at] ^= bit));
    let contents = table.cells.len();
    signed_contents(&mut table, identity);
    if taken {
        table.cells[contents..].iter_mut().for_each(|(.., expected)| *expected = blame(ClientFault::Equivocation));
    }
    table.cells
}

fn a_client_that_signs_an_altered_message_is_named(masking: Masking) {
    let mut world = World::masked(4, 3, masking);
    let (clients, server) = (world.clients.clone(), world.server.clone());
    play(&mut world, |door| {
        if SERVER_TYPES.contains(&door.kind()) {
            return;
        }
        check(door, signed_by_client(door, &*clients[&door.client]));
        for got in SERVER_TYPES {
            let back = alter(door.message, &*server, |raw| raw.kind = got);
            door.refuses(&back, DecodeError::UnexpectedType { expected: door.kind(), got });
        }
    });
}

fn what_the_server_signs_for_another_client_session_or_step_changes_nothing(masking: Masking) {
    let mut world = World::masked(4, 4, masking);
    let server = world.server.clone();
    play(&mut world, |door| {
        let current = door.kind();
        if CLIENT_TYPES.contains(&current) {
            return;
        }
        let mut table = Table::of(door.message);
        table.names(Some(&*server));
        table.sign(&*server, "client", DecodeError::Recipient, |raw| raw.client = other_than(door.client));
        let earlier = |kind: u8| SERVER_TYPES.contains(&kind) && kind <= current;
        for kind in (0..=255).filter(|kind| !earlier(*kind)) {
            let unexpected = DecodeError::UnexpectedType { expected: current, got: kind };
            let expected = if kind < ADVERTS { DecodeError::Signature } else { unexpected };
            table.sign(&*server, "type", expected, |raw| raw.kind = kind);
        }
        check(door, table.cells);
    });
}

/// A sum check is used up by any announcement; each cell takes another finished client's.
fn no_field_of_the_announcement_can_be_altered(masking: Masking) {
    let mut world = World::masked(40, 6, masking);
    let session = world.builder(70, 20).build().unwrap();
    let inputs = world.inputs(&session);
    let (mut sum, finished) = run(&mut world, &session, &inputs, &Leaves::new()).unwrap();
    let (words, (outbox, h4)) = (read_all(&sum), sum.announce().unwrap());
    let (server, mut good) = (world.server, 0);
    for (place, (state, (me, message))) in finished.into_iter().zip(outbox.messages()).enumerate() {
        let mut check = state.check_sum();
        check.update(&words).unwrap();
        let cells = announcement_cells(&message, other_than(me), &*server);
        let Some((field, bytes, expected)) = cells.get(place) else {
            assert_eq!(check.finish(&message).unwrap(), h4);
            good += 1;
            continue;
        };
        assert_eq!(check.finish(bytes).unwrap_err().error, *expected, "{field}");
    }
    assert!(good > 0, "every cell has a client of its own");
}

fn announcement_cells(message: &[u8], other: ClientId, server: &dyn Identity) -> Vec<Cell> {
    let mut table = Table::of(message);
    table.sign(server, "prev", ServerFault::WrongTranscript, |raw| raw.prev[0] ^= 1);
    table.sign(server, "body", RoundError::SumMismatch, |raw| raw.body[31] ^= 1);
    table.sign(server, "body", ServerFault::Malformed(DecodeError::Truncated), |raw| drop_last(&mut raw.body));
    table.sign(server, "body", ServerFault::Malformed(DecodeError::Trailing), |raw| raw.body.push(0));
    table.sign(server, "attachment", ServerFault::Malformed(DecodeError::Trailing), |raw| raw.attachment.push(0));
    table.sign(server, "type", ServerFault::Equivocation, |raw| raw.kind = AGREEMENT);
    let unexpected = DecodeError::UnexpectedType { expected: ANNOUNCEMENT, got: 0x19 };
    table.sign(server, "type", unexpected, |raw| raw.kind = 0x19);
    table.sign(server, "client", DecodeError::Recipient, |raw| raw.client = other);
    // One of each field of the unsigned matrix, the last that is tried there.
    let mut last = BTreeMap::new();
    last.extend(unsigned(message, other).into_iter().map(|cell| (cell.0, cell)));
    assert!(FIELDS.iter().all(|field| last.contains_key(field)));
    table.cells.extend(last.into_values());
    table.add("client", DecodeError::Signature, |raw| raw.client = other);
    table.cells
}
