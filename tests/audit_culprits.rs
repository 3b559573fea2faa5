//! Every way to tamper with a session or its transcript has its finding, and the right culprit or none (section 20.2).
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

#[path = "audit_culprits/collusion.rs"]
mod collusion;
mod common;
#[path = "common/dealer.rs"]
mod dealer;
#[path = "common/forge.rs"]
mod forge;
#[path = "audit_culprits/lists.rs"]
mod lists;
#[path = "common/recorded.rs"]
mod recorded;
#[path = "common/rogue.rs"]
mod rogue;

use common::{World, masking::over_both_maskings};
use forge::{ADVERTS, AGREEMENT, ANNOUNCEMENT, COMPLAINT, DELIVERY, REVEAL, SURVIVORS, alter, alter_body, false_complaint, hash};
use recorded::{ALL, Contents, File, Imposter, Letter, OPENED, PACKAGES, Recorded, Script};
use rogue::Rogue;
use veilsum::{
    ClientFault, ClientId, DecodeError, Error, Masking, Party, RoundError, ServerFault, Session,
    audit::{Check, Evidence, Part, verify},
    message::{Adverts, Agreement, Body, Bytes, Reveal, Survivors},
};

over_both_maskings!(
    a_wrong_sum_is_the_servers_and_one_opened_chunk_proves_it,
    an_upload_or_a_leaf_that_was_changed_blames_nobody,
    a_drop_out_whose_mask_key_does_not_fit_is_named,
    a_bad_dealing_is_named_and_a_false_complaint_is_on_the_record,
);

const SERVER: Option<Party> = Some(Party::Server);

fn client(id: u64) -> Option<Party> {
    Some(Party::Client(ClientId(id)))
}

fn game() -> Recorded {
    Script::new(Masking::Pairwise, 4, &[(20, 2)]).play()
}

/// The tags of the part that a finding is in.
fn tags(part: Part) -> &'static [u8] {
    match part {
        Part::Adverts => &[ADVERTS],
        Part::Delivery => &[DELIVERY],
        Part::Complaints => &[COMPLAINT],
        Part::Survivors => &[SURVIVORS],
        Part::Agreement => &[AGREEMENT],
        Part::Reveals => &[REVEAL],
        Part::Packages => &[PACKAGES],
        Part::Announcement => &[ANNOUNCEMENT],
        Part::Chunk(_) => &[ALL, OPENED],
        other => panic!("{other} convicts nobody"),
    }
}

/// The file is refused there, for that; and if somebody is to blame, it is evidence, whatever stands behind that part, and otherwise none.
#[track_caller]
fn finds(game: &Recorded, file: &File, part: Part, error: impl Into<Error>, culprit: Option<Party>) {
    let (bytes, error) = (file.encode(), error.into());
    let finding = verify(&game.session, &mut &bytes[..], &Check::Full).unwrap_err();
    assert_eq!((finding.part, &finding.error), (part, &error), "{finding}");
    assert_eq!(finding.culprit(), culprit);
    if culprit.is_some() {
        let cut = file.cut_after(tags(part));
        assert_eq!(verify(&game.session, &mut &cut[..], &Check::Present).unwrap_err(), finding, "nothing follows that part");
    }
    match Evidence::transcript(&game.session, bytes) {
        Ok(evidence) => {
            let verdict = evidence.verify(&game.session).unwrap();
            assert_eq!((Some(verdict.culprit), verdict.error), (culprit, error));
            assert_eq!(Evidence::decode(&evidence.encode()).unwrap(), evidence);
        }
        Err(void) => assert_eq!((void, culprit), (error, None)),
    }
}

/// A body altered by the server, which signs it again.
fn altered<B: Body>(game: &Recorded, prev: [u8; 32], change: impl FnOnce(&mut B)) -> File {
    let mut file = File::parse(&game.transcript());
    let no_packages: &[u8] = if B::TYPE == DELIVERY { &[0; 4] } else { &[] };
    let mut message = B::decode(ClientId(0), file.body(B::TYPE), no_packages).unwrap();
    change(&mut message);
    *file.body(B::TYPE) = message.body();
    file.resign(&game.session, B::TYPE, prev, &*game.world.server);
    file
}

/// `prev` of a server message of this type.
fn prev(game: &Recorded, kind: u8) -> [u8; 32] {
    let raw = game.messages.iter().map(|message| forge::Raw::parse(message)).find(|raw| raw.kind == kind);
    raw.unwrap().prev
}

#[test]
fn a_bad_list_that_the_server_signed_is_the_servers() {
    let game = game();
    let h0 = game.session.id().0;
    let file = altered::<Adverts>(&game, h0, |m| m.entries[2].signature.0[5] ^= 1);
    finds(&game, &file, Part::Adverts, ServerFault::EntrySignature(ClientId(30)), SERVER);
    let file = altered::<Adverts>(&game, h0, |m| m.entries.truncate(2));
    finds(&game, &file, Part::Adverts, ServerFault::BelowThreshold { got: 2, threshold: 3 }, SERVER);
    let file = altered::<Adverts>(&game, h0, |m| m.entries[1].prev.0[0] ^= 1);
    finds(&game, &file, Part::Adverts, ServerFault::EntrySignature(ClientId(20)), SERVER);
    let mut file = File::parse(&game.transcript());
    file.body(ADVERTS).push(0);
    file.resign(&game.session, ADVERTS, h0, &*game.world.server);
    finds(&game, &file, Part::Adverts, ServerFault::Malformed(DecodeError::Trailing), SERVER);
    let h3 = prev(&game, AGREEMENT);
    let file = altered::<Agreement>(&game, h3, |m| m.entries.truncate(2));
    finds(&game, &file, Part::Agreement, ServerFault::BelowThreshold { got: 2, threshold: 3 }, SERVER);
}

#[test]
fn an_input_that_the_server_leaves_out_or_adds_is_seen_by_what_the_clients_agreed_to() {
    let game = Script::new(Masking::Pairwise, 5, &[(20, 4)]).play();
    let h2 = prev(&game, SURVIVORS);
    let mut changed = None;
    let mut file = altered::<Survivors>(&game, h2, |m| {
        m.entries.remove(1);
        m.bitmap[0] &= !2;
        changed = Some((m.bitmap.clone(), m.entries.clone()));
    });
    let (bitmap, entries) = changed.unwrap();
    let h3 = forge::extend_survivors(&h2, &bitmap, &entries);
    for kind in [AGREEMENT, ANNOUNCEMENT] {
        if let Contents::Sent { letters, .. } = file.part(kind) {
            letters.retain(|letter| letter.recipient != 20);
        }
        file.resign(&game.session, kind, h3, &*game.world.server);
    }
    let first = ServerFault::EntryTranscript(ClientId(10));
    finds(&game, &file, Part::Agreement, first, SERVER);
    let file = altered::<Survivors>(&game, h2, |m| m.bitmap[0] &= !2);
    finds(&game, &file, Part::Survivors, ServerFault::Malformed(DecodeError::Count), SERVER);
    let mut file = altered::<Survivors>(&game, h2, |m| m.entries[0].body.vector_len += 1);
    finds(&game, &file, Part::Survivors, ServerFault::EntrySignature(ClientId(10)), SERVER);
    // Changed by anybody but the server, it is nobody's.
    file.resign(&game.session, SURVIVORS, h2, &*game.world.clients[&ClientId(10)]);
    finds(&game, &file, Part::Survivors, DecodeError::Signature, None);
}

/// The root over one chunk of the sum.
fn sum_root(session: &Session, leaf: &[u8]) -> [u8; 32] {
    hash("root", &[&session.vector_len().to_le_bytes(), &session.chunk_len().to_le_bytes(), leaf])
}

/// Announces another sum, with all that belongs to it.
fn announce(game: &Recorded, file: &mut File, leaf: [u8; 32]) {
    let chunks = file.bytes(ALL);
    let end = chunks.len();
    chunks[end - 32..].copy_from_slice(&leaf);
    *file.body(ANNOUNCEMENT) = sum_root(&game.session, &leaf).to_vec();
    file.resign(&game.session, ANNOUNCEMENT, prev(game, ANNOUNCEMENT), &*game.world.server);
}

fn a_wrong_sum_is_the_servers_and_one_opened_chunk_proves_it(masking: Masking) {
    let game = Script::new(masking, 4, &[(20, 2)]).play();
    let mut file = File::parse(&game.transcript());
    let mut words = common::read_all(game.sum.as_ref().unwrap());
    words[3] ^= 1;
    let leaf = hash("leaf", &[&0_u64.to_le_bytes(), &forge_words(&words)]);
    announce(&game, &mut file, leaf);
    finds(&game, &file, Part::Chunk(0), ServerFault::WrongSum, SERVER);
    // As one opened chunk: there is only one, so that its paths are empty.
    let mut opened = file.clone();
    let bytes = opened.bytes(ALL).clone();
    opened.remove(ALL);
    opened.parts.push((recorded::OPENED, Contents::Bytes([&1_u32.to_le_bytes()[..], &0_u64.to_le_bytes(), &bytes].concat())));
    finds(&game, &opened, Part::Chunk(0), ServerFault::WrongSum, SERVER);
    // Without the chunk it proves nothing.
    file.remove(ALL);
    assert_eq!(Evidence::transcript(&game.session, file.encode()).unwrap_err(), RoundError::Unproven.into());
}

/// Words of 20 bits that are fewer than 64: densely packed (section 12).
fn forge_words(words: &[u64]) -> Vec<u8> {
    let mut bytes = vec![0; (words.len() * 20).div_ceil(8)];
    for bit in (0..words.len() * 20).filter(|bit| words[bit / 20] >> (bit % 20) & 1 == 1) {
        bytes[bit / 8] |= 1 << (bit % 8);
    }
    bytes
}

fn an_upload_or_a_leaf_that_was_changed_blames_nobody(masking: Masking) {
    let game = Script::new(masking, 4, &[(20, 2)]).play();
    let mut file = File::parse(&game.transcript());
    file.bytes(ALL)[0] ^= 1;
    finds(&game, &file, Part::Chunks, RoundError::UploadMismatch(ClientId(10)), None);
    let mut file = File::parse(&game.transcript());
    let last = file.bytes(ALL).len() - 1;
    file.bytes(ALL)[last] ^= 1;
    finds(&game, &file, Part::Chunks, DecodeError::Mismatch, None);
    let mut file = File::parse(&game.transcript());
    file.bytes(PACKAGES)[1000] ^= 1;
    finds(&game, &file, Part::Packages, DecodeError::Mismatch, None);
}

#[test]
fn a_client_that_reveals_what_can_not_be_is_named() {
    let game = game();
    let key = game.world.clients[&ClientId(30)].clone();
    let reveal = |change: &dyn Fn(&mut Reveal)| {
        let mut file = File::parse(&game.transcript());
        let messages = file.received(REVEAL);
        messages[1] = alter_body::<Reveal>(&messages[1], &*key, change);
        file
    };
    let blamed = |fault| Error::Client { culprit: ClientId(30), fault };
    let file = reveal(&|reveal| reveal.shares.truncate(3));
    finds(&game, &file, Part::Reveals, blamed(ClientFault::WrongOwners), client(30));
    let file = reveal(&|reveal| reveal.shares[0].blinding = Bytes([255; 32]));
    finds(&game, &file, Part::Reveals, blamed(ClientFault::Malformed(DecodeError::Scalar)), client(30));
    // Three of four revealed, three are needed: a lie ends it.
    let file = reveal(&|reveal| reveal.shares[0].blinding = Bytes([1; 32]));
    finds(&game, &file, Part::Reveals, blamed(ClientFault::BadReveal), client(30));
    // Over another transcript it is no one's: the server may have shown it another one.
    let mut file = File::parse(&game.transcript());
    let messages = file.received(REVEAL);
    messages[1] = alter(&messages[1], &*key, |raw| raw.prev[0] ^= 1);
    finds(&game, &file, Part::Reveals, DecodeError::Mismatch, None);
    let mut file = File::parse(&game.transcript());
    file.received(REVEAL).pop();
    finds(&game, &file, Part::Reveals, RoundError::TooFewClients { remaining: 2, threshold: 3 }, None);
}

fn a_drop_out_whose_mask_key_does_not_fit_is_named(masking: Masking) {
    let spoils: [fn(&mut Rogue); 2] = [|rogue| rogue.mask_key_material[0] ^= 1, |rogue| rogue.mask_coin_material[0] ^= 1];
    for spoil in spoils {
        let imposter: &Imposter<'_> = &|world: &mut World, session: &Session| {
            let identity = world.clients[&ClientId(20)].clone();
            let mut rogue = Rogue::new(session, ClientId(20), identity, &mut world.rng);
            spoil(&mut rogue);
            Box::new(move |adverts| match adverts {
                None => rogue.advert(),
                Some(message) => {
                    rogue.hear_adverts(message);
                    rogue.shares(rogue.honest_packages())
                }
            })
        };
        let mut script = Script::new(masking, 4, &[(20, 2)]);
        (script.imposter, script.until) = (Some((ClientId(20), imposter)), 4);
        let game = script.play();
        let fault = Error::Client { culprit: ClientId(20), fault: ClientFault::MaskKeyMismatch };
        finds(&game, &File::parse(&game.control()), Part::Packages, fault, client(20));
    }
}

fn a_bad_dealing_is_named_and_a_false_complaint_is_on_the_record(masking: Masking) {
    let imposter: &Imposter<'_> = &|world: &mut World, session: &Session| {
        let identity = world.clients[&ClientId(20)].clone();
        let mut rogue = Rogue::new(session, ClientId(20), identity, &mut world.rng);
        Box::new(move |adverts| match adverts {
            None => rogue.advert(),
            Some(message) => {
                rogue.hear_adverts(message);
                rogue.shares(rogue.packages(|parcel| parcel.contents[0] ^= 1))
            }
        })
    };
    let mut script = Script::new(masking, 4, &[]);
    script.imposter = Some((ClientId(20), imposter));
    let game = script.play();
    let fault = Error::Client { culprit: ClientId(20), fault: ClientFault::BadDealing };
    finds(&game, &File::parse(&game.control()), Part::Complaints, fault.clone(), client(20));
    let evidence = Evidence::dealing(&game.session, game.messages.last().unwrap()).unwrap();
    assert_eq!(evidence.verify(&game.session).unwrap().error, fault);

    let mut script = Script::new(masking, 4, &[]);
    script.complaint =
        &|world, session, id, delivery| (id.0 == 40).then(|| false_complaint(session, id, delivery, &*world.clients[&id]));
    let game = script.play();
    let bytes = game.transcript();
    let report = verify(&game.session, &mut &bytes[..], &Check::Full).unwrap();
    let [verdict] = report.complaints[..] else { panic!("{:?}", report.complaints) };
    assert_eq!((verdict.culprit, verdict.fault), (ClientId(40), ClientFault::FalseComplaint));
    assert!(report.complete() && report.dropped == [ClientId(40)]);
}

#[test]
fn a_client_that_complains_and_gives_its_input_is_named() {
    let game = game();
    let delivery = game.messages.iter().find(|m| m[35] == DELIVERY && forge::Raw::parse(m).client == ClientId(40)).unwrap();
    let complaint = false_complaint(&game.session, ClientId(40), delivery, &*game.world.clients[&ClientId(40)]);
    let mut file = File::parse(&game.transcript());
    file.parts.insert(2, (COMPLAINT, Contents::Received(vec![complaint])));
    let fault = Error::Client { culprit: ClientId(40), fault: ClientFault::NotInRound };
    finds(&game, &file, Part::Survivors, fault, client(40));
}

#[test]
fn parts_that_are_missing_doubled_or_swapped_are_refused() {
    let game = game();
    let whole = File::parse(&game.transcript());
    let accepted = |file: &File| verify(&game.session, &mut &file.encode()[..], &Check::Full).is_ok();
    for first in 0..whole.parts.len() {
        let mut file = whole.clone();
        let part = file.parts.remove(first);
        assert!(!accepted(&file), "without {:#04x}", part.0);
        for place in 0..=file.parts.len() {
            let mut file = whole.clone();
            file.parts.insert(place, part.clone());
            assert!(!accepted(&file), "with two of {:#04x}", part.0);
        }
        for second in first + 1..whole.parts.len() {
            let mut file = whole.clone();
            file.parts.swap(first, second);
            assert!(!accepted(&file), "{first} and {second} swapped");
        }
    }
}

type Tamper = fn(&mut Vec<Letter>);

#[test]
fn letters_and_messages_come_in_one_order_and_none_is_missing() {
    let game = game();
    let whole = File::parse(&game.transcript());
    for (kind, part) in [(ADVERTS, Part::Adverts), (DELIVERY, Part::Delivery), (AGREEMENT, Part::Agreement)] {
        let tamper: [(Tamper, DecodeError); 6] = [
            (|letters| letters.truncate(2), DecodeError::Count),
            (|letters| letters.clear(), DecodeError::Count),
            (|letters| letters.swap(0, 1), DecodeError::Order),
            (|letters| letters[1] = letters[0].clone(), DecodeError::Order),
            // Known before any signature is looked at.
            (|letters| letters[0].recipient = 5, DecodeError::Recipient),
            (|letters| letters.resize(5, letters[0].clone()), DecodeError::Count),
        ];
        for (change, error) in tamper {
            let mut file = whole.clone();
            if let Contents::Sent { letters, .. } = file.part(kind) {
                change(letters);
            }
            finds(&game, &file, part, error, None);
        }
    }
    let mut file = whole.clone();
    file.received(REVEAL).swap(0, 2);
    finds(&game, &file, Part::Reveals, DecodeError::Order, None);
}

/// A colluder that gets such messages recorded does not spoil the file of an honest server.
#[test]
fn no_transcript_takes_what_does_not_follow_what_was_sent() {
    let mut script = Script::new(Masking::Pairwise, 4, &[(20, 2), (40, 4)]);
    script.until = 4;
    let mut game = script.play();
    let before = game.control();
    let reveal = game.messages.iter().find(|message| message[35] == REVEAL).unwrap().clone();
    let key = |id| game.world.clients[&ClientId(id)].clone();
    let (first, dropped, late) = (key(10), key(20), key(40));
    let other = alter(&reveal, &*first, |raw| raw.client = ClientId(10));
    assert_eq!(game.record.received(&other), Ok(()), "the same message again");
    let another = alter(&reveal, &*first, |raw| raw.body[0] ^= 1);
    let twice = Error::Client { culprit: ClientId(10), fault: ClientFault::Equivocation };
    assert_eq!(game.record.received(&another), Err(twice), "one reveal of each client");
    let of = |id, prev: u8, key: &dyn veilsum::Identity| {
        alter(&reveal, key, |raw| {
            raw.client = ClientId(id);
            raw.prev[0] ^= prev;
        })
    };
    assert_eq!(game.record.received(&of(20, 0, &*dropped)), Err(DecodeError::Recipient.into()));
    assert_eq!(game.record.received(&of(40, 1, &*late)), Err(DecodeError::Mismatch.into()));
    let delivery = game.messages.iter().find(|m| m[35] == DELIVERY && forge::Raw::parse(m).client == ClientId(40)).unwrap();
    let complaint = false_complaint(&game.session, ClientId(40), delivery, &*game.world.clients[&ClientId(40)]);
    assert_eq!(game.record.received(&complaint), Err(veilsum::InputError::WrongState.into()), "there are survivors already");
    assert_eq!(game.control(), before);
    assert_eq!(game.record.received(&of(40, 0, &*late)), Ok(()));
    assert_ne!(game.control(), before);
}
