//! Complaints as the server takes them: who may complain, when, how often, and which verdict ends a session (section 14).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod common;
#[path = "common/dealer.rs"]
mod dealer;
#[path = "common/drill.rs"]
mod drill;
#[path = "common/forge.rs"]
mod forge;
#[path = "common/rogue.rs"]
mod rogue;

use common::{Feed, World, agree_and_reveal, mask_in_pieces, plain_sum, read_all};
use drill::{Drill, Inputs, Per};
use rogue::Rogue;
use veilsum::{
    ClientFault, ClientId, DecodeError, Error, Party, RoundError, Session,
    driver::{self, ClientStep, ServerStep},
    message::{Body, Bytes, Complaint, Delivery, Entry, Message, Package, Shares},
    secagg::{
        client::MaskingInput,
        complaint::judge,
        server::CollectingInputs,
        upload::{MemorySpool, Upload},
    },
};

/// The two rogues, of six clients.
const COMPLAINER: ClientId = ClientId(10);
const DEALER: ClientId = ClientId(40);

/// Round 2 as it begins.
struct Scene {
    session: Session,
    /// Until a complaint ends the session.
    server: Option<CollectingInputs>,
    honest: Per<MaskingInput>,
    rogues: Per<Rogue>,
    inputs: Inputs,
    /// What the complainer got.
    delivery: Delivery,
}

fn bad_shares(dealer: &Rogue) -> Vec<Package> {
    dealer.packages(|parcel| parcel.contents[0] ^= u8::from(parcel.holder == COMPLAINER))
}

/// `deals_badly` for the complainer and nobody else.
fn scene(deals_badly: bool) -> Scene {
    let mut world = World::new(6, 11);
    let session = world.builder(3, 20).max_colluders(0).max_dropouts(2).build().unwrap();
    let (inputs, ids) = (world.inputs(&session), world.ids());
    let mut hook = |_: &mut drill::Door<'_>| {};
    let mut drill = Drill::new(&mut world, &session, &mut hook);
    drill.add_rogue(COMPLAINER);
    drill.add_rogue(DEALER);
    let (server, states) = drill.advertise(&ids);
    let (server, states) = drill.share(server, states, |rogue| {
        let bad = deals_badly && rogue.id == DEALER;
        rogue.shares(if bad { bad_shares(rogue) } else { rogue.honest_packages() })
    });
    let mut rogues = core::mem::take(&mut drill.rogues);
    let (server, outbox) = server.close().unwrap();
    rogues.iter_mut().for_each(|(id, rogue)| rogue.hear_delivery(&outbox.message_for(*id).unwrap()));
    let honest =
        states.into_iter().map(|(id, state)| (id, state.receive(&outbox.message_for(id).unwrap(), &mut world.rng).unwrap()));
    let honest = honest.collect();
    let delivery = Message::<Delivery>::decode(&outbox.message_for(COMPLAINER).unwrap()).unwrap().body;
    Scene { session, server: Some(server), honest, rogues, inputs, delivery }
}

impl Scene {
    /// The complaint of the complainer about a dealer, from what it got.
    fn complaint(&self, dealer: ClientId) -> Complaint {
        let package = self.delivery.packages.iter().find(|package| package.peer == dealer).unwrap().clone();
        let entry = self.delivery.dealings.iter().find(|entry| entry.client == dealer).unwrap().clone();
        Complaint { dealer, key: Bytes(self.rogues[&COMPLAINER].key_of(&package)), entry, package }
    }

    fn signed(&self, complaint: &Complaint) -> Vec<u8> {
        let complainer = &self.rogues[&COMPLAINER];
        forge::sign(&self.session, COMPLAINER, complainer.h1, complaint, &*complainer.identity)
    }

    /// A second dealing, signed by the dealer, that is bad for the complainer; and a sound proof of that.
    fn complaint_about_another_dealing(&self) -> Complaint {
        let dealer = &self.rogues[&DEALER];
        let packages = bad_shares(dealer);
        let package = packages.iter().find(|package| package.peer == COMPLAINER).unwrap().clone();
        let message = forge::sign(&self.session, DEALER, dealer.h1, &dealer.dealing(packages), &*dealer.identity);
        let attachment_hash = Bytes(forge::hash("attachment", &[&forge::Raw::parse(&message).attachment]));
        let Message { client, prev, body: Shares { dealing, .. }, signature, .. } = Message::decode(&message).unwrap();
        let entry = Entry { client, prev, body: dealing, attachment_hash, signature };
        Complaint {
            dealer: DEALER,
            key: Bytes(dealer.parcel(COMPLAINER).key),
            entry,
            package: Package { peer: DEALER, ..package },
        }
    }

    fn server(&mut self) -> &mut CollectingInputs {
        self.server.as_mut().unwrap()
    }

    /// Complains; the session must go on.
    fn refused(&mut self, message: &[u8]) -> Error {
        let failure = self.server.take().unwrap().complain(message).expect_err("the session goes on");
        self.server = Some(*failure.state.expect("the session goes on"));
        failure.error
    }

    /// The four honest clients give the exact sum.
    fn finish(mut self) {
        let mut sent = Per::new();
        for (id, state) in core::mem::take(&mut self.honest) {
            let (state, wire, header) = mask_in_pieces(state, &self.session, &self.inputs[&id], &Feed::default());
            let mut upload = self.server().upload(id, MemorySpool::default()).unwrap();
            upload.write(&wire).unwrap();
            self.server().accept(&mut upload, &header).unwrap();
            sent.insert(id, state);
        }
        let survivors: Vec<_> = sent.keys().copied().collect();
        let (sum, _) = agree_and_reveal(self.server.unwrap(), sent, &mut Vec::new());
        assert_eq!(sum.survivors(), survivors);
        assert_eq!(read_all(&sum), plain_sum(&self.session, &self.inputs, &survivors));
    }
}

fn upload(scene: &mut Scene, id: ClientId) -> (Upload, Vec<u8>) {
    let (wire, header) = scene.rogues[&id].masked_input(&scene.inputs[&id]);
    let mut upload = scene.server().upload(id, MemorySpool::default()).unwrap();
    upload.write(&wire).unwrap();
    (upload, header)
}

fn blames(culprit: ClientId, fault: ClientFault) -> Error {
    Error::Client { culprit, fault }
}

#[test]
fn a_bad_dealing_that_the_server_accepted_ends_the_session() {
    let mut scene = scene(true);
    let message = scene.signed(&scene.complaint(DEALER));
    let verdict = scene.server.take().unwrap().complain(&message).unwrap();
    assert_eq!((verdict.culprit, verdict.fault, verdict.complainer), (DEALER, ClientFault::BadDealing, COMPLAINER));
}

#[test]
fn a_dealer_that_signed_a_second_dealing_for_an_accomplice_is_named_and_the_session_goes_on() {
    let mut scene = scene(false);
    let message = scene.signed(&scene.complaint_about_another_dealing());
    let verdict = judge(&scene.session, &message).unwrap();
    assert_eq!((verdict.culprit, verdict.fault), (DEALER, ClientFault::BadDealing), "the proof is sound");
    assert_eq!(scene.refused(&message), blames(DEALER, ClientFault::BadDealing));
    assert!(!scene.server().progress().missing.contains(&COMPLAINER), "whoever complained is a drop-out");
    assert!(scene.server().progress().missing.contains(&DEALER), "the dealing that counts is good");
    scene.finish();
}

#[test]
fn a_false_complaint_makes_its_sender_a_drop_out() {
    let mut scene = scene(false);
    let (mut upload, header) = upload(&mut scene, COMPLAINER);
    let message = scene.signed(&scene.complaint(DEALER));
    let before = scene.server().receive(&header).unwrap_err();
    assert_eq!(before, RoundError::UploadMismatch(COMPLAINER).into());
    assert_eq!(scene.refused(&message), blames(COMPLAINER, ClientFault::FalseComplaint));
    assert_eq!(scene.server().progress().missing, [20, 30, 40, 50, 60].map(ClientId));
    assert_eq!(scene.server().progress().expected, 5);
    let late = scene.server().upload(COMPLAINER, MemorySpool::default()).unwrap_err();
    assert_eq!(late, RoundError::Late(COMPLAINER).into());
    let refused = scene.server().accept(&mut upload, &header).unwrap_err();
    assert_eq!(refused, blames(COMPLAINER, ClientFault::NotInRound), "a client complains or sends its input");
    scene.finish();
}

/// A change to a message's fields.
type Change<'a> = &'a dyn Fn(&mut forge::Raw);

#[test]
fn a_signed_complaint_that_does_not_decode_blames_its_sender() {
    let mut scene = scene(true);
    let genuine = scene.signed(&scene.complaint(DEALER));
    let identity = scene.rogues[&COMPLAINER].identity.clone();
    // The dealing within the entry: the two commitment lists come first, then the holders, of which two are swapped.
    let holders = 8 + 32 + 4 + 8 + 32 + 4 + 4 + 64 * scene.session.threshold() as usize + 4;
    let swap = |raw: &mut forge::Raw| {
        let (first, second) = (raw.body[holders..holders + 40].to_vec(), raw.body[holders + 40..holders + 80].to_vec());
        raw.body[holders..holders + 80].copy_from_slice(&[second, first].concat());
    };
    let cases: [(Change<'_>, DecodeError); 4] = [
        (&|raw| raw.body.push(0), DecodeError::Trailing),
        (&|raw| raw.body.truncate(100), DecodeError::Truncated),
        (&|raw| raw.attachment.push(0), DecodeError::Trailing),
        (&swap, DecodeError::Order),
    ];
    for (change, reason) in cases {
        let message = forge::alter(&genuine, &*identity, change);
        let verdict = judge(&scene.session, &message).unwrap();
        assert_eq!((verdict.culprit, verdict.fault), (COMPLAINER, ClientFault::Malformed(reason)));
    }
    let message = forge::alter(&genuine, &*identity, |raw| raw.body.push(0));
    assert_eq!(scene.refused(&message), blames(COMPLAINER, ClientFault::Malformed(DecodeError::Trailing)));
    assert!(!scene.server().progress().missing.contains(&COMPLAINER));
}

#[test]
fn what_is_wrong_with_a_dealings_points_is_the_dealers_fault_and_what_is_wrong_with_a_package_is_not() {
    let scene = scene(true);
    let genuine = scene.complaint(DEALER);
    let identity = scene.rogues[&DEALER].identity.clone();
    let judged = |change: &dyn Fn(&mut Complaint)| {
        let mut complaint = genuine.clone();
        change(&mut complaint);
        forge::sign_entry(&scene.session, &mut complaint.entry, &*identity);
        let verdict = judge(&scene.session, &scene.signed(&complaint)).unwrap();
        (verdict.culprit, verdict.fault)
    };
    let t = scene.session.threshold();
    let few = judged(&|c| {
        c.entry.body.mask_root.pop();
        c.entry.body.self_secret.pop();
    });
    assert_eq!(few, (DEALER, ClientFault::WrongThreshold { expected: t, got: t - 1 }));
    let no_point = judged(&|c| c.entry.body.self_secret[1] = Bytes([0xff; 32]));
    assert_eq!(no_point, (DEALER, ClientFault::Malformed(DecodeError::Point)));
    let falsely = (COMPLAINER, ClientFault::FalseComplaint);
    assert_eq!(judged(&|c| c.entry.prev.0[0] ^= 1), falsely, "another transcript than the complaint's");
    assert_eq!(judged(&|c| c.entry.body.digests.retain(|digest| digest.holder != COMPLAINER)), falsely);
    let low_order = |c: &mut Complaint| {
        c.package.channel_ciphertext.0[1088..].fill(0);
        let place = c.entry.body.digests.iter().position(|digest| digest.holder == COMPLAINER).unwrap();
        c.entry.body.digests[place].digest = Bytes(dealer::digest(&c.package, DEALER, COMPLAINER));
    };
    assert_eq!(judged(&low_order), falsely, "a ciphertext that is not acceptable");
    assert_eq!(judged(&|_| {}), (DEALER, ClientFault::BadDealing), "signing again changes nothing");
}

#[test]
fn a_repeated_complaint_is_ignored_and_a_second_one_is_equivocation() {
    let mut scene = scene(false);
    let (first, second) = (scene.signed(&scene.complaint(DEALER)), scene.signed(&scene.complaint(ClientId(20))));
    assert_eq!(scene.refused(&first), blames(COMPLAINER, ClientFault::FalseComplaint));
    let before = scene.server().progress();
    assert_eq!(scene.refused(&first), RoundError::Repeat.into());
    assert_eq!(scene.refused(&second), blames(COMPLAINER, ClientFault::Equivocation));
    assert_eq!(scene.server().progress(), before);
    scene.finish();
}

#[test]
fn a_complaint_after_the_input_is_late_and_not_judged() {
    let mut scene = scene(true);
    let (mut upload, header) = upload(&mut scene, COMPLAINER);
    scene.server().accept(&mut upload, &header).unwrap();
    let proof = scene.signed(&scene.complaint(DEALER));
    assert_eq!(scene.refused(&proof), RoundError::Late(COMPLAINER).into());
    assert_eq!(scene.server().progress().received, 1, "its input stays in");
}

#[test]
fn a_complaint_over_another_transcript_or_from_outside_names_its_sender_and_excludes_nobody() {
    let mut scene = scene(true);
    let genuine = scene.signed(&scene.complaint(DEALER));
    let identity = scene.rogues[&COMPLAINER].identity.clone();
    let elsewhere = forge::alter(&genuine, &*identity, |raw| raw.prev[0] ^= 1);
    assert_eq!(scene.refused(&elsewhere), blames(COMPLAINER, ClientFault::WrongTranscript));
    let unsigned = forge::alter(&genuine, &*scene.rogues[&DEALER].identity.clone(), |_| {});
    assert_eq!(scene.refused(&unsigned), DecodeError::Signature.into());
    assert_eq!(scene.server().progress().missing.len(), 6);
    assert!(scene.server.take().unwrap().complain(&genuine).is_ok(), "nothing has changed");
}

#[test]
fn a_complaint_given_as_an_input_is_a_message_of_another_type() {
    let mut scene = scene(true);
    let proof = scene.signed(&scene.complaint(DEALER));
    let unexpected = DecodeError::UnexpectedType { expected: forge::MASKED_INPUT, got: forge::COMPLAINT };
    assert_eq!(scene.server().receive(&proof), Err(unexpected.into()));
    let (_, header) = upload(&mut scene, COMPLAINER);
    let unexpected = DecodeError::UnexpectedType { expected: forge::COMPLAINT, got: forge::MASKED_INPUT };
    assert_eq!(scene.refused(&header), unexpected.into());
}

#[test]
fn a_client_that_did_not_deal_can_not_complain() {
    let mut world = World::new(6, 12);
    let session = world.builder(3, 20).max_colluders(0).max_dropouts(2).build().unwrap();
    let ids = world.ids();
    let mut hook = |_: &mut drill::Door<'_>| {};
    let mut drill = Drill::new(&mut world, &session, &mut hook);
    let mut rogue = Rogue::new(&session, COMPLAINER, drill.world.clients[&COMPLAINER].clone(), &mut drill.world.rng);
    drill.add_rogue(DEALER);
    let (server, states) = drill.advertise(&ids[1..]);
    let (server, _) = drill.share(server, states, |rogue| rogue.shares(rogue.honest_packages()));
    let (server, outbox) = server.close().unwrap();
    let delivery = Message::<Delivery>::decode(&outbox.message_for(DEALER).unwrap()).unwrap();
    rogue.h1 = delivery.prev.0;
    let (entry, package) = (delivery.body.dealings[0].clone(), delivery.body.packages[0].clone());
    let complaint =
        Complaint { dealer: entry.client, key: Bytes([0; 32]), entry, package: Package { mask_ciphertext: None, ..package } };
    let message = forge::sign(&session, COMPLAINER, rogue.h1, &complaint, &*rogue.identity);
    assert_eq!(server.complain(&message).unwrap_err().error, blames(COMPLAINER, ClientFault::NotInRound));
}

#[test]
fn the_driver_ignores_a_repeated_complaint() {
    let mut world = World::new(5, 13);
    let session = world.builder(3, 20).max_colluders(0).max_dropouts(2).build().unwrap();
    let mut server = driver::Server::new(&session, world.server.clone()).unwrap();
    let mut clients = Vec::new();
    for id in world.ids() {
        let (client, advert) = driver::Client::join(&session, id, world.clients[&id].clone(), &mut world.rng).unwrap();
        server.receive(&advert).unwrap();
        clients.push((id, client));
    }
    let ServerStep::Send(outbox) = server.close().unwrap() else { panic!("adverts") };
    for (id, client) in &mut clients {
        let step = client.receive(&outbox.message_for(*id).unwrap(), &mut world.rng).unwrap();
        let ClientStep::Send(shares) = step else { panic!("shares") };
        server.receive(&shares).unwrap();
    }
    let ServerStep::Send(outbox) = server.close().unwrap() else { panic!("deliveries") };
    let delivery = Message::<Delivery>::decode(&outbox.message_for(COMPLAINER).unwrap()).unwrap();
    let (entry, package) = (delivery.body.dealings[1].clone(), delivery.body.packages[0].clone());
    let complaint = Complaint { dealer: entry.client, key: Bytes([0; 32]), entry, package };
    assert_eq!(Complaint::TYPE, forge::COMPLAINT);
    let message = forge::sign(&session, COMPLAINER, delivery.prev.0, &complaint, &*world.clients[&COMPLAINER]);
    let error = server.receive(&message).unwrap_err();
    assert_eq!(error.culprit(), Some(Party::Client(COMPLAINER)));
    assert!(!server.receive(&message).unwrap().fresh);
    assert!(!server.ended());
}
