//! The server's messages, altered and signed again by the server itself: terminal for the client, and evidence against the server.

use std::fmt::Debug;

use rand::{SeedableRng, rngs::StdRng};
use veilsum::{
    ClientFault, ClientId, DecodeError, Error, Identity, Masking, Party, ServerFault, Session,
    message::{Adverts, Agreement, Body, Bytes, Delivery, Entry, EntryBody, Message, Survivors},
    secagg::{Failure, Outbox},
};

use crate::{
    common::{World, masking::over_both_maskings},
    drill::{Door, Drill, Per},
    forge::{ADVERTS, CONSISTENCY, Raw, alter, hash, label, resign},
};

over_both_maskings! {
    adverts_that_the_server_altered_end_the_client,
    a_delivery_that_the_server_altered_ends_the_client,
    survivors_that_the_server_altered_end_the_client,
    an_agreement_that_the_server_altered_ends_the_client,
}

/// The field, the server's bytes, and the evidence that they are.
type Case = (&'static str, Vec<u8>, ServerFault);

/// Clients in the roster, of whom the last is never heard of. With all cases of a list, some states are left over.
const CLIENTS: u64 = 38;
const ABSENT: ClientId = ClientId(10 * CLIENTS);
const UNKNOWN: ClientId = ClientId(15);

/// A message that is a list of entries.
trait List: Body {
    type Item: EntryBody + Clone;
    fn entries(&mut self) -> &mut Vec<Entry<Self::Item>>;
    /// Makes the rest of the message fit the entries.
    fn settle(&mut self) {}
}

macro_rules! list {
    ($($name:ident of $item:ident in $field:ident;)*) => {$(
        impl List for $name {
            type Item = veilsum::message::$item;
            fn entries(&mut self) -> &mut Vec<Entry<Self::Item>> {
                &mut self.$field
            }
        }
    )*};
}
list! { Adverts of Advert in entries; Delivery of Dealing in dealings; Agreement of Consistency in entries; }

impl List for Survivors {
    type Item = veilsum::message::MaskedInput;
    fn entries(&mut self) -> &mut Vec<Entry<Self::Item>> {
        &mut self.entries
    }
    fn settle(&mut self) {
        self.bitmap.fill(0);
        for place in self.entries.iter().map(|entry| usize::try_from(entry.client.0 / 10 - 1).unwrap()) {
            self.bitmap[place / 8] |= 1 << (place % 8);
        }
    }
}

/// Who can sign, and who gets what.
struct Forger<'a> {
    world: &'a World,
    session: &'a Session,
    me: ClientId,
    /// Another client in the list.
    other: ClientId,
    message: Vec<u8>,
    cases: Vec<Case>,
}

impl Forger<'_> {
    /// The server's message with altered fields.
    fn header(&mut self, field: &'static str, fault: ServerFault, change: impl FnOnce(&mut Raw)) {
        self.cases.push((field, alter(&self.message, &*self.world.server, change), fault));
    }

    /// The server's message with altered contents.
    fn body<L: Body>(&mut self, field: &'static str, fault: ServerFault, change: impl FnOnce(&mut L)) {
        let mut message = Message::<L>::decode(&self.message).unwrap();
        change(&mut message.body);
        self.cases.push((field, resign(&message, &*self.world.server), fault));
    }

    /// The server's message with the entry of `owner` altered.
    fn entry<L: List>(
        &mut self,
        owner: ClientId,
        field: &'static str,
        fault: ServerFault,
        change: impl FnOnce(&mut Entry<L::Item>),
    ) {
        self.body::<L>(field, fault, |list| {
            change(list.entries().iter_mut().find(|entry| entry.client == owner).unwrap());
            list.entries().sort_unstable_by_key(|entry| entry.client);
            list.settle();
        });
    }

    /// The same, with a signature by `signer` that speaks of the given names.
    fn signed<L: List>(
        &mut self,
        (owner, signer): (ClientId, ClientId),
        names: &Names,
        field: &'static str,
        fault: ServerFault,
        change: impl FnOnce(&mut Entry<L::Item>),
    ) {
        let (session, key) = (self.session.id().0, self.world.clients[&signer].clone());
        self.entry::<L>(owner, field, fault, |entry| {
            change(entry);
            entry.signature = names.sign(&session, entry, &*key);
        });
    }
}

/// What an entry's signature speaks of, but for what the entry itself holds; zero stands for what is right.
#[derive(Default)]
struct Names {
    version: u8,
    suite: u16,
    session: u8,
    kind: u8,
}

impl Names {
    fn sign<B: EntryBody>(&self, session: &[u8; 32], entry: &Entry<B>, identity: &dyn Identity) -> Bytes<64> {
        let mut out = label("signature");
        out.push(3 ^ self.version);
        out.extend((1 ^ self.suite).to_le_bytes());
        out.extend(session.map(|byte| byte ^ self.session));
        out.push(B::TYPE ^ self.kind);
        out.extend(entry.client.0.to_le_bytes());
        out.extend(entry.prev.0);
        out.extend(hash("body", &[&entry.body.body()]));
        out.extend(entry.attachment_hash.0);
        Bytes(identity.sign(&out).unwrap())
    }
}

/// The fields of the message itself.
fn header_cases(forger: &mut Forger<'_>, kind: u8) {
    forger.header("prev", ServerFault::WrongTranscript, |raw| raw.prev[31] ^= 1);
    forger.header("prev", ServerFault::WrongTranscript, |raw| raw.prev = [0; 32]);
    forger.header("body", ServerFault::Malformed(DecodeError::Trailing), |raw| raw.body.push(0));
    forger.header("body", ServerFault::Malformed(DecodeError::Truncated), |raw| raw.body.clear());
    forger.header("attachment", ServerFault::Malformed(DecodeError::Trailing), |raw| raw.attachment.push(0));
    if kind != ADVERTS {
        forger.header("type", ServerFault::Equivocation, |raw| raw.kind = ADVERTS);
    }
}

/// Every field of another client's entry, without and with that client's signature.
fn entry_cases<L: List>(forger: &mut Forger<'_>) {
    let other = forger.other;
    let (bad, split) = (ServerFault::EntrySignature(other), ServerFault::EntryTranscript(other));
    forger.entry::<L>(other, "entry prev", bad, |entry| entry.prev.0[0] ^= 1);
    forger.entry::<L>(other, "entry attachment", bad, |entry| entry.attachment_hash.0[7] ^= 1);
    forger.entry::<L>(other, "entry signature", bad, |entry| entry.signature.0[0] ^= 1);
    forger.entry::<L>(other, "entry signature", bad, |entry| entry.signature.0[63] ^= 0x10);
    let (me, same) = (forger.me, Names::default());
    forger.signed::<L>((other, me), &same, "entry sender", bad, |_| {});
    forger.signed::<L>((other, other), &same, "entry prev", split, |entry| entry.prev.0[31] ^= 0x80);
    let names = [
        ("entry version", Names { version: 3, ..Names::default() }),
        ("entry suite", Names { suite: 0x0100, ..Names::default() }),
        ("entry session", Names { session: 1, ..Names::default() }),
        ("entry type", Names { kind: 0x10, ..Names::default() }),
        ("entry type", Names { kind: L::Item::TYPE ^ CONSISTENCY ^ 1, ..Names::default() }),
    ];
    names.iter().for_each(|(field, names)| forger.signed::<L>((other, other), names, field, bad, |_| {}));
}

/// Counts and lengths in the list, from the first entry, which begins at `at`.
fn length_cases(forger: &mut Forger<'_>, at: usize) {
    let malformed = ServerFault::Malformed;
    forger.header("count", malformed(DecodeError::Trailing), |raw| raw.body[at - 4] -= 1);
    forger.header("count", malformed(DecodeError::Count), |raw| raw.body[at - 1] = 0xff);
    forger.header("entry length", malformed(DecodeError::Trailing), |raw| raw.body[at + 40] += 1);
    forger.header("entry length", malformed(DecodeError::Truncated), |raw| raw.body[at + 43] = 0xff);
}

/// This client's own entry, which it knows.
fn own_cases<L: List>(forger: &mut Forger<'_>) {
    let (me, same) = (forger.me, Names::default());
    let stray = ServerFault::EntryContents(me, ClientFault::Malformed(DecodeError::Trailing));
    let fault = if <L::Item as EntryBody>::HAS_ATTACHMENT { ServerFault::OwnEntry } else { stray };
    forger.signed::<L>((me, me), &same, "own attachment", fault, |entry| entry.attachment_hash.0[0] ^= 1);
    forger.entry::<L>(me, "own signature", ServerFault::EntrySignature(me), |entry| entry.signature.0[40] ^= 1);
    forger.signed::<L>((me, me), &same, "own prev", ServerFault::EntryTranscript(me), |entry| entry.prev.0[3] ^= 1);
}

/// Plays until all clients but the absent one wait in some state, and gives each of them one case: it ends, and the server is to blame.
fn each_ends<S: Debug, T: Debug>(
    world: &World,
    session: &Session,
    (states, outbox): (Per<S>, Outbox),
    cases: impl Fn(&mut Forger<'_>),
    mut receive: impl FnMut(S, &[u8]) -> Result<T, Failure<S>>,
) {
    let mut states = states.into_iter().enumerate();
    let mut left_over = 0;
    for (place, (me, state)) in states.by_ref() {
        let other = ClientId(if me.0 == 10 { 20 } else { 10 });
        let message = outbox.message_for(me).unwrap();
        let mut forger = Forger { world, session, me, other, message, cases: Vec::new() };
        cases(&mut forger);
        let Some((field, bytes, fault)) = forger.cases.get(place) else {
            receive(state, &forger.message).unwrap_or_else(|failure| panic!("the unaltered message: {failure}"));
            left_over += 1;
            continue;
        };
        assert_ne!(*bytes, forger.message, "{field}");
        let failure = receive(state, bytes).unwrap_err();
        assert_eq!(failure.error, Error::Server(*fault), "{field}, at {me}, which knows {other}");
        assert_eq!(failure.error.culprit(), Some(Party::Server));
        assert!(failure.state.is_none() && failure.complaint.is_none(), "{field}: the client is finished, and silent");
    }
    assert!(left_over > 0, "every case has a client of its own, and the message itself is good");
}

fn begin(masking: Masking) -> (World, Session, Vec<ClientId>) {
    let world = World::masked(CLIENTS, 5, masking);
    let session = world.builder(70, 20).build().unwrap();
    let mut present = world.ids();
    assert_eq!(present.pop(), Some(ABSENT));
    (world, session, present)
}

fn adverts_that_the_server_altered_end_the_client(masking: Masking) {
    let (mut world, session, present) = begin(masking);
    let mut rng = StdRng::seed_from_u64(9);
    let mut nothing = |_: &mut Door<'_>| {};
    let (server, states) = Drill::new(&mut world, &session, &mut nothing).advertise(&present);
    let round = (states, server.close().unwrap().1);
    let cases = |forger: &mut Forger<'_>| {
        let (me, other) = (forger.me, forger.other);
        header_cases(forger, ADVERTS);
        entry_cases::<Adverts>(forger);
        length_cases(forger, 4);
        own_cases::<Adverts>(forger);
        let (bad, contents) = (ServerFault::EntrySignature, ServerFault::EntryContents);
        forger.entry::<Adverts>(other, "entry client", ServerFault::UnknownClient(UNKNOWN), |entry| entry.client = UNKNOWN);
        forger.entry::<Adverts>(other, "entry client", bad(ABSENT), |entry| entry.client = ABSENT);
        forger.entry::<Adverts>(other, "entry body", bad(other), |entry| entry.body.channel_key.0[5] ^= 1);
        forger.entry::<Adverts>(me, "own body", bad(me), |entry| entry.body.mask_key.0[5] ^= 1);
        let fault = contents(other, ClientFault::Malformed(DecodeError::KemKey));
        let zero = |entry: &mut Entry<veilsum::message::Advert>| entry.body.mask_key.0[1184..].fill(0);
        forger.signed::<Adverts>((other, other), &Names::default(), "entry body", fault, zero);
        forger.body::<Adverts>("own entry", ServerFault::OwnEntry, |list| list.entries.retain(|entry| entry.client != me));
    };
    each_ends(&world, &session, round, cases, |state, message| state.receive(message, &mut rng));
}

fn a_delivery_that_the_server_altered_ends_the_client(masking: Masking) {
    let (mut world, session, present) = begin(masking);
    let mut rng = StdRng::seed_from_u64(9);
    let mut nothing = |_: &mut Door<'_>| {};
    let mut drill = Drill::new(&mut world, &session, &mut nothing);
    let (server, states) = drill.advertise(&present);
    let (server, states) = drill.share(server, states, |_| Vec::new());
    let round = (states, server.close().unwrap().1);
    let cases = |forger: &mut Forger<'_>| {
        let (me, other) = (forger.me, forger.other);
        header_cases(forger, 0x12);
        entry_cases::<Delivery>(forger);
        length_cases(forger, 4);
        own_cases::<Delivery>(forger);
        let unknown = ServerFault::UnknownClient;
        forger.entry::<Delivery>(other, "entry client", unknown(ABSENT), |entry| entry.client = ABSENT);
        let bad = ServerFault::EntrySignature(other);
        forger.entry::<Delivery>(other, "entry body", bad, |entry| entry.body.self_secret[0] = entry.body.mask_root[0]);
        let mismatch = ServerFault::PackageMismatch(other);
        forger.signed::<Delivery>((other, other), &Names::default(), "entry body", mismatch, |entry| {
            entry.body.digests.iter_mut().find(|digest| digest.holder == me).unwrap().digest.0[0] ^= 1;
        });
        forger.body::<Delivery>("own entry", ServerFault::OwnEntry, |list| list.dealings.retain(|entry| entry.client != me));
        package_cases(forger, mismatch);
    };
    each_ends(&world, &session, round, cases, |state, message| state.receive(message, &mut rng));
}

/// The attachment of a delivery: every field of a package.
fn package_cases(forger: &mut Forger<'_>, mismatch: ServerFault) {
    forger.body::<Delivery>("sealed", mismatch, |list| list.packages[0].sealed.0[0] ^= 1);
    forger.body::<Delivery>("commitment", mismatch, |list| list.packages[0].key_commitment.0[31] ^= 1);
    forger.body::<Delivery>("ciphertext", mismatch, |list| list.packages[0].channel_ciphertext.0[9] ^= 1);
    forger.body::<Delivery>("peer", ServerFault::WrongPackages, |list| list.packages[0].peer.0 += 1);
    forger.body::<Delivery>("package", ServerFault::WrongPackages, |list| list.packages.truncate(1));
}

fn survivors_that_the_server_altered_end_the_client(masking: Masking) {
    let (mut world, session, present) = begin(masking);
    let inputs = world.inputs(&session);
    let mut nothing = |_: &mut Door<'_>| {};
    let mut drill = Drill::new(&mut world, &session, &mut nothing);
    let (server, states) = drill.advertise(&present);
    let (server, states) = drill.share(server, states, |_| Vec::new());
    let (mut server, states, _) = drill.deliver(server, states);
    let states = drill.input(&mut server, states, &inputs, &present);
    let round = (states, server.close().unwrap().1);
    let cases = |forger: &mut Forger<'_>| {
        let (me, other) = (forger.me, forger.other);
        header_cases(forger, 0x14);
        entry_cases::<Survivors>(forger);
        length_cases(forger, 4 + 5 + 4);
        own_cases::<Survivors>(forger);
        let malformed = ServerFault::Malformed;
        forger.entry::<Survivors>(other, "entry client", ServerFault::UnknownClient(ABSENT), |entry| entry.client = ABSENT);
        forger.body::<Survivors>("entry client", malformed(DecodeError::Count), |list| list.entries[0].client = ClientId(7));
        forger.entry::<Survivors>(other, "entry body", ServerFault::EntrySignature(other), |entry| entry.body.root.0[0] ^= 1);
        let longer = |entry: &mut Entry<veilsum::message::MaskedInput>| entry.body.chunk_len *= 2;
        let fault = ServerFault::EntryContents(other, ClientFault::WrongDimensions);
        forger.signed::<Survivors>((other, other), &Names::default(), "entry body", fault, longer);
        forger.signed::<Survivors>((me, me), &Names::default(), "own body", ServerFault::OwnEntry, |e| e.body.root.0[0] ^= 1);
        forger.body::<Survivors>("bitmap", malformed(DecodeError::Count), |list| list.bitmap[1] ^= 1);
        forger.body::<Survivors>("bitmap", malformed(DecodeError::Count), |list| list.bitmap.push(0));
        forger.body::<Survivors>("bitmap", malformed(DecodeError::Padding), |list| list.bitmap[4] |= 0x80);
    };
    each_ends(&world, &session, round, cases, veilsum::secagg::client::AwaitingSurvivors::receive);
}

fn an_agreement_that_the_server_altered_ends_the_client(masking: Masking) {
    let (mut world, session, present) = begin(masking);
    let inputs = world.inputs(&session);
    let mut nothing = |_: &mut Door<'_>| {};
    let mut drill = Drill::new(&mut world, &session, &mut nothing);
    let (server, states) = drill.advertise(&present);
    let (server, states) = drill.share(server, states, |_| Vec::new());
    let (mut server, states, _) = drill.deliver(server, states);
    let states = drill.input(&mut server, states, &inputs, &present);
    let (server, states) = drill.agree(server, states);
    let round = (states, server.close().unwrap().1);
    let cases = |forger: &mut Forger<'_>| {
        let (me, other) = (forger.me, forger.other);
        header_cases(forger, 0x16);
        entry_cases::<Agreement>(forger);
        length_cases(forger, 4);
        let unknown = ServerFault::UnknownClient;
        forger.entry::<Agreement>(other, "entry client", unknown(ABSENT), |entry| entry.client = ABSENT);
        forger.entry::<Agreement>(other, "entry client", unknown(UNKNOWN), |entry| entry.client = UNKNOWN);
        let split = ServerFault::EntryTranscript(me);
        forger.signed::<Agreement>((me, me), &Names::default(), "own prev", split, |entry| entry.prev.0[3] ^= 1);
    };
    each_ends(&world, &session, round, cases, veilsum::secagg::client::AwaitingAgreement::receive);
}
