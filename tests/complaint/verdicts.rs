//! The table of section 14, row by row, for every dealer and complainer; and what a complaint does to a session.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

use veilsum::{
    ClientFault, ClientId, DecodeError, RoundError, Session,
    message::{Bytes, Complaint},
    secagg::{complaint::judge, upload::MemorySpool},
};

use crate::{
    common::{World, plain_sum, read_all},
    forge::{alter, sign, sign_entry},
    villain::{Dealt, Opened, named, others, pairs, quiet, upload},
    worlds,
};

/// A complaint in the making, and everybody who could sign something of it.
struct Case<'a> {
    world: &'a World,
    session: &'a Session,
    h1: [u8; 32],
    complainer: ClientId,
    complaint: Complaint,
}

impl Case<'_> {
    fn sign(&self) -> Vec<u8> {
        sign(self.session, self.complainer, self.h1, &self.complaint, &*self.world.clients[&self.complainer])
    }

    /// The dealer signs its dealing as it is now.
    fn sign_dealing(&mut self) {
        let dealer = &self.world.clients[&self.complaint.dealer];
        sign_entry(self.session, &mut self.complaint.entry, &**dealer);
    }

    /// A client that is neither dealer nor complainer.
    fn third(&self) -> ClientId {
        *self.world.clients.keys().find(|id| **id != self.complainer && **id != self.complaint.dealer).unwrap()
    }

    #[track_caller]
    fn blames(&self, culprit: ClientId, fault: ClientFault, what: &str) {
        let verdict = judge(self.session, &self.sign()).unwrap();
        assert_eq!((verdict.culprit, verdict.fault, verdict.complainer), (culprit, fault, self.complainer), "{what}");
    }
}

/// The complaint of a client that has these packages, true or not.
fn case<'a>(world: &'a World, session: &'a Session, dealt: &Dealt, dealer: ClientId, complainer: ClientId) -> Case<'a> {
    let (delivery, rogue) = (dealt.delivery(complainer), &dealt.rogues[&complainer]);
    let package = delivery.packages.into_iter().find(|package| package.peer == dealer).unwrap();
    let entry = delivery.dealings.into_iter().find(|entry| entry.client == dealer).unwrap();
    let complaint = Complaint { dealer, key: Bytes(rogue.key_of(&package)), entry, package };
    Case { world, session, h1: rogue.h1, complainer, complaint }
}

/// Everybody deals; the dealer's shares for everybody are good or not.
fn dealt(world: &mut World, session: &Session, dealer: ClientId, complainer: ClientId, good: bool) -> Dealt {
    Dealt::new(world, session, &[dealer, complainer], |rogue| {
        let spoil = rogue.id == dealer && !good;
        let packages = rogue.packages(|parcel| parcel.contents[96] ^= u8::from(spoil));
        rogue.shares(packages)
    })
}

type Change = fn(&mut Case<'_>);

/// What a complainer does that makes rows 2 or 4 apply.
const FALSIFIED: [(&str, Change); 18] = [
    ("2: the dealer is the complainer", |c| c.complaint.dealer = c.complainer),
    ("2: the dealer is not in the roster", |c| c.complaint.dealer = ClientId(11)),
    ("2: another dealer", |c| c.complaint.dealer = c.third()),
    ("2: the entry is of another client", |c| c.complaint.entry.client = c.third()),
    ("2: entry and dealer are another's", |c| (c.complaint.dealer, c.complaint.entry.client) = (c.third(), c.third())),
    ("2: the entry has another signature", |c| c.complaint.entry.signature.0[40] ^= 1),
    ("2: the entry has another attachment", |c| c.complaint.entry.attachment_hash.0[0] ^= 1),
    ("2: the entry has another prev", |c| c.complaint.entry.prev.0[0] ^= 1),
    ("2: the entry has another commitment", |c| c.complaint.entry.body.mask_root.swap(0, 1)),
    ("2: the complaint has another prev", |c| c.h1[31] ^= 1),
    ("4: another digest, signed by the dealer", |c| {
        c.complaint.entry.body.digests.iter_mut().for_each(|digest| digest.digest.0[0] ^= 1);
        c.sign_dealing();
    }),
    ("4: not a holder", |c| {
        let complainer = c.complainer;
        c.complaint.entry.body.digests.retain(|digest| digest.holder != complainer);
        c.sign_dealing();
    }),
    ("4: no holder at all", |c| {
        c.complaint.entry.body.digests.clear();
        c.sign_dealing();
    }),
    ("4: another key commitment", |c| c.complaint.package.key_commitment.0[0] ^= 1),
    ("4: another envelope", |c| c.complaint.package.sealed.0[0] ^= 1),
    ("4: another mask encapsulation, or key where there is none", |c| {
        *c.complaint.package.mask_ciphertext.as_mut().map_or(&mut c.complaint.key.0[31], |bytes| &mut bytes.0[0]) ^= 1;
    }),
    ("4: another channel encapsulation", |c| c.complaint.package.channel_ciphertext.0[0] ^= 1),
    ("4: another key", |c| c.complaint.key.0[0] ^= 1),
];

#[test]
fn whoever_falsifies_the_proof_is_blamed_whatever_the_dealer_did() {
    for (mut world, session) in worlds() {
        for ((dealer, complainer), good) in pairs(&world.ids()).flat_map(|pair| [(pair, true), (pair, false)]) {
            let dealt = dealt(&mut world, &session, dealer, complainer, good);
            let fresh = || case(&world, &session, &dealt, dealer, complainer);
            let (culprit, fault) =
                if good { (complainer, ClientFault::FalseComplaint) } else { (dealer, ClientFault::BadDealing) };
            fresh().blames(culprit, fault, "rows 5 and 6");
            for (what, change) in FALSIFIED {
                let mut case = fresh();
                change(&mut case);
                case.blames(complainer, ClientFault::FalseComplaint, what);
            }
        }
    }
}

/// Dealings that row 3 calls malformed, and the dealer's fault.
fn malformed(t: u32) -> Vec<(Change, ClientFault)> {
    let wrong = |got| ClientFault::WrongThreshold { expected: t, got };
    vec![
        (|c| resize(c, 0), wrong(0)),
        (|c| resize(c, c.session.threshold() - 1), wrong(t - 1)),
        (|c| resize(c, c.session.threshold() + 1), wrong(t + 1)),
        (|c| resize(c, 1 << 16), wrong(1 << 16)),
        (|c| c.complaint.entry.body.mask_root[0] = Bytes([0xff; 32]), ClientFault::Malformed(DecodeError::Point)),
        (|c| c.complaint.entry.body.self_secret[2] = Bytes([1; 32]), ClientFault::Malformed(DecodeError::Point)),
    ]
}

fn resize(case: &mut Case<'_>, len: u32) {
    let (body, identity) = (&mut case.complaint.entry.body, Bytes([0; 32]));
    body.mask_root.resize(len as usize, identity);
    body.self_secret.resize(len as usize, identity);
}

#[test]
fn a_malformed_dealing_that_the_dealer_signed_convicts_it_whatever_the_complainer_adds() {
    for (mut world, session) in worlds() {
        for (dealer, complainer) in pairs(&world.ids()) {
            let dealt = dealt(&mut world, &session, dealer, complainer, true);
            for (change, fault) in malformed(session.threshold()) {
                let mut case = case(&world, &session, &dealt, dealer, complainer);
                change(&mut case);
                case.blames(complainer, ClientFault::FalseComplaint, "row 2 before row 3: the dealer did not sign this");
                case.sign_dealing();
                case.blames(dealer, fault, "row 3");
                case.complaint.key.0[0] ^= 1;
                case.complaint.entry.body.digests.clear();
                case.sign_dealing();
                case.blames(dealer, fault, "row 3 before row 4");
            }
        }
    }
}

#[test]
fn what_is_not_the_complainers_is_refused_and_blames_nobody_and_what_it_signed_blames_it() {
    for (mut world, session) in worlds() {
        for (dealer, complainer) in pairs(&world.ids()) {
            let dealt = dealt(&mut world, &session, dealer, complainer, false);
            let mut case = case(&world, &session, &dealt, dealer, complainer);
            let (message, identity) = (case.sign(), &*world.clients[&complainer]);
            let third = &*world.clients[&case.third()];
            let refused = [
                (message[..message.len() - 1].to_vec(), DecodeError::Truncated),
                ([&message[..], &[0]].concat(), DecodeError::Trailing),
                (alter(&message, third, |_| {}), DecodeError::Signature),
                (alter(&message, identity, |raw| raw.session[0] ^= 1), DecodeError::Session),
                (alter(&message, identity, |raw| raw.client = ClientId(11)), DecodeError::Recipient),
            ];
            let mut server = dealt.server;
            for (bytes, reason) in refused {
                assert_eq!(judge(&session, &bytes), Err(reason));
                let failure = server.complain(&bytes).unwrap_err();
                assert_eq!(failure.error, reason.into());
                server = *failure.state.unwrap();
            }
            case.complaint.entry.body.digests.reverse();
            case.sign_dealing();
            let malformed = [
                (alter(&message, identity, |raw| raw.body.push(0)), DecodeError::Trailing),
                (alter(&message, identity, |raw| raw.attachment.push(0)), DecodeError::Trailing),
                (alter(&message, identity, |raw| raw.body.truncate(100)), DecodeError::Truncated),
                // No honest client complains of a dealing that is none: it came with the server's Delivery.
                (case.sign(), DecodeError::Order),
            ];
            for (bytes, reason) in malformed {
                let verdict = judge(&session, &bytes).unwrap();
                let expected = (complainer, ClientFault::Malformed(reason), complainer);
                assert_eq!((verdict.culprit, verdict.fault, verdict.complainer), expected);
            }
            let verdict = server.complain(&message).unwrap();
            assert_eq!((verdict.culprit, verdict.complainer), (dealer, complainer), "nothing has changed");
        }
    }
}

#[test]
fn a_false_complaint_makes_its_complainer_a_drop_out_and_the_sum_goes_on_without_it() {
    for (mut world, session) in worlds() {
        let inputs = world.inputs(&session);
        for (dealer, complainer) in pairs(&world.ids()) {
            let dealt = Dealt::new(&mut world, &session, &[complainer], |rogue| rogue.shares(rogue.honest_packages()));
            let complaint = case(&world, &session, &dealt, dealer, complainer).sign();
            let Opened { mut server, ready, rogues, .. } = dealt.open(&mut world);
            let expected = [named(complainer, ClientFault::FalseComplaint), RoundError::Repeat.into()];
            for error in expected {
                let failure = server.complain(&complaint).unwrap_err();
                assert_eq!(failure.error, error);
                server = *failure.state.unwrap();
                assert_eq!(server.progress().missing, others(&world.ids(), complainer), "it is not waited for any more");
            }
            let refused = server.upload(complainer, MemorySpool::default()).unwrap_err();
            assert_eq!(refused, RoundError::Late(complainer).into());
            let (_, header) = rogues[&complainer].masked_input(&inputs[&complainer]);
            let mut other = server.upload(dealer, MemorySpool::default()).unwrap();
            assert_eq!(server.accept(&mut other, &header).unwrap_err(), named(complainer, ClientFault::NotInRound));
            let who = others(&world.ids(), complainer);
            if session.max_dropouts() > 0 {
                quiet(&mut world, &session, |drill| drill.finish(server, ready, &inputs, &who));
            } else {
                let sent = quiet(&mut world, &session, |drill| drill.input(&mut server, ready, &inputs, &who));
                let (remaining, threshold) = (u32::try_from(sent.len()).unwrap(), session.threshold());
                let failure = server.close().unwrap_err();
                assert_eq!(failure.error, RoundError::TooFewClients { remaining, threshold }.into());
                assert!(failure.state.is_some());
            }
        }
    }
}

#[test]
fn a_second_complaint_of_one_client_is_equivocation_and_changes_nothing() {
    let (mut world, session) = worlds().last().unwrap();
    for (dealer, complainer) in pairs(&world.ids()) {
        let dealt = dealt(&mut world, &session, dealer, complainer, false);
        let mut false_one = case(&world, &session, &dealt, dealer, complainer);
        let true_one = false_one.sign();
        false_one.complaint.key = Bytes([0; 32]);
        let failure = dealt.server.complain(&false_one.sign()).unwrap_err();
        assert_eq!(failure.error, named(complainer, ClientFault::FalseComplaint));
        let failure = failure.state.unwrap().complain(&true_one).unwrap_err();
        assert_eq!(failure.error, named(complainer, ClientFault::Equivocation));
        assert!(failure.state.is_some());
    }
}

#[test]
fn a_complaint_about_an_envelope_that_can_not_be_opened_blames_whoever_complains() {
    let (mut world, session) = worlds().last().unwrap();
    for (dealer, complainer) in pairs(&world.ids()) {
        let dealt = Dealt::new(&mut world, &session, &[dealer, complainer], |rogue| {
            let packages = rogue.packages(|parcel| parcel.commitment[0] ^= u8::from(parcel.dealer == dealer));
            rogue.shares(packages)
        });
        let case = case(&world, &session, &dealt, dealer, complainer);
        case.blames(complainer, ClientFault::FalseComplaint, "row 4");
    }
}

#[test]
fn who_has_sent_its_input_complains_too_late_and_its_input_counts() {
    for (mut world, session) in worlds() {
        let (ids, inputs) = (world.ids(), world.inputs(&session));
        for (dealer, complainer) in pairs(&ids) {
            let dealt = Dealt::new(&mut world, &session, &[complainer], |rogue| rogue.shares(rogue.honest_packages()));
            let complaint = case(&world, &session, &dealt, dealer, complainer).sign();
            let Opened { mut server, ready, mut rogues, .. } = dealt.open(&mut world);
            let (wire, header) = rogues[&complainer].masked_input(&inputs[&complainer]);
            upload(&mut server, complainer, &wire, &header);
            let failure = server.complain(&complaint).unwrap_err();
            assert_eq!(failure.error, RoundError::Late(complainer).into());
            let mut server = *failure.state.unwrap();
            let rest = others(&ids, complainer);
            let sum = quiet(&mut world, &session, |drill| {
                drill.rogues.append(&mut rogues);
                let sent = drill.input(&mut server, ready, &inputs, &rest);
                let (mut server, agreed) = drill.agree(server, sent);
                let refused = server.receive(&complaint).unwrap_err();
                assert_eq!(refused, RoundError::Late(complainer).into(), "nor in a later round");
                let (mut server, _, reveals) = drill.unmask(server, agreed);
                reveals.iter().for_each(|(id, message)| drill.reveal(&mut server, *id, message));
                server.close().unwrap()
            });
            assert_eq!(read_all(&sum), plain_sum(&session, &inputs, &ids));
        }
    }
}

#[test]
fn who_accuses_itself_proves_nothing_and_does_not_end_the_session() {
    for (mut world, session) in worlds() {
        for (dealer, complainer) in pairs(&world.ids()) {
            let dealt = dealt(&mut world, &session, dealer, complainer, true);
            let mut case = case(&world, &session, &dealt, dealer, complainer);
            // A dealing of its own that row 3 would call malformed, and a package of its own.
            (case.complaint.dealer, case.complaint.entry.client, case.complaint.package.peer) =
                (complainer, complainer, complainer);
            case.complaint.package.mask_ciphertext = None;
            resize(&mut case, 0);
            case.sign_dealing();
            case.blames(complainer, ClientFault::FalseComplaint, "row 2");
            let failure = dealt.server.complain(&case.sign()).unwrap_err();
            assert_eq!(failure.error, named(complainer, ClientFault::FalseComplaint));
            assert!(failure.state.is_some());
        }
    }
}
