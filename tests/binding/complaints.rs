//! Complaints: whoever alters one proves nothing.

use veilsum::{
    ClientFault, ClientId, DecodeError, Error, Identity, Session,
    message::{Complaint, Message},
    secagg::{complaint::judge, server::CollectingInputs},
};

use crate::{
    Cell, Table,
    common::World,
    dealer,
    drill::{Door, Drill},
    drop_last,
    forge::{self, ADVERT, COMPLAINT, CONSISTENCY, MASKED_INPUT, REVEAL, Raw, SHARES, alter},
    unsigned,
};

/// A round 2 with a complaint by client 30 about client 20, which sealed a wrong share for it.
fn complaint(world: &mut World) -> (Session, CollectingInputs, Vec<u8>) {
    let session = world.builder(70, 20).build().unwrap();
    let (ids, mut nothing) = (world.ids(), |_: &mut Door<'_>| {});
    let mut drill = Drill::new(world, &session, &mut nothing);
    drill.add_rogue(ClientId(20));
    let (server, states) = drill.advertise(&ids);
    let spoil = |parcel: &mut dealer::Parcel| parcel.contents[0] ^= u8::from(parcel.holder == ClientId(30));
    let (server, states) = drill.share(server, states, |rogue| rogue.shares(rogue.packages(spoil)));
    let (server, _, mut ended) = drill.deliver(server, states);
    let failure = ended.remove(&ClientId(30)).unwrap();
    assert_eq!(failure.error, Error::Client { culprit: ClientId(20), fault: ClientFault::BadDealing });
    (session, server, failure.complaint.unwrap())
}

/// The cells that blame nobody: without the complainer's key, and with it what is looked at before the signature, and the type.
fn unattributed_complaints(message: &[u8], complainer: &dyn Identity) -> Vec<Cell> {
    let mut table = Table::of(message);
    table.cells = unsigned(message, ClientId(10));
    table.names(Some(complainer));
    table.sign(complainer, "client", DecodeError::Signature, |raw| raw.client = ClientId(10));
    for got in [0, ADVERT, SHARES, MASKED_INPUT, CONSISTENCY, REVEAL] {
        table.sign(complainer, "type", DecodeError::UnexpectedType { expected: COMPLAINT, got }, |raw| raw.kind = got);
    }
    table.cells
}

type Change = fn(&mut Message<Complaint>);

/// Everything that a complainer can alter and sign; none of it proves anything against the dealer.
const FALSE_COMPLAINTS: [(&str, Change); 18] = [
    ("prev", |m| m.prev.0[0] ^= 1),
    ("dealer, another", |m| m.body.dealer = ClientId(10)),
    ("dealer, itself", |m| m.body.dealer = ClientId(30)),
    ("dealer, unknown", |m| m.body.dealer = ClientId(21)),
    ("envelope key", |m| m.body.key.0[31] ^= 1),
    ("entry client", |m| m.body.entry.client = ClientId(10)),
    ("entry prev", |m| m.body.entry.prev.0[31] ^= 1),
    ("entry and message prev", |m| (m.prev.0[31], m.body.entry.prev.0[31]) = (m.prev.0[31] ^ 1, m.prev.0[31] ^ 1)),
    ("entry commitment", |m| m.body.entry.body.mask_root[0] = m.body.entry.body.self_secret[0]),
    ("entry digest", |m| m.body.entry.body.digests[0].digest.0[0] ^= 1),
    ("entry digest removed", |m| m.body.entry.body.digests.truncate(1)),
    ("entry attachment", |m| m.body.entry.attachment_hash.0[0] ^= 1),
    ("entry signature", |m| m.body.entry.signature.0[0] ^= 1),
    ("package peer", |m| m.body.package.peer = ClientId(19)),
    ("package mask ciphertext", |m| m.body.package.mask_ciphertext.as_mut().unwrap().0[0] ^= 1),
    ("package channel ciphertext", |m| m.body.package.channel_ciphertext.0[0] ^= 1),
    ("package commitment", |m| m.body.package.key_commitment.0[0] ^= 1),
    ("package sealed", |m| m.body.package.sealed.0[143] ^= 1),
];

/// What a server says of a complaint that the complainer signed, and that proves nothing: the session goes on.
fn signed_by_the_complainer(field: &str, bytes: &[u8], expected: &Error) {
    let (_, server, _) = complaint(&mut World::new(4, 7));
    let failure = server.complain(bytes).unwrap_err();
    assert_eq!(failure.error, *expected, "{field}");
    assert!(failure.state.is_some(), "{field}");
}

#[test]
fn no_field_of_a_complaint_can_be_altered() {
    let mut world = World::new(4, 7);
    let (session, server, message) = complaint(&mut world);
    let complainer = world.clients[&ClientId(30)].clone();
    let mut state = Some(server);
    let mut refuse = |field: &str, bytes: &[u8], expected: Error| {
        let server: CollectingInputs = state.take().unwrap();
        let before = server.progress();
        let failure = server.complain(bytes).unwrap_err();
        assert_eq!(failure.error, expected, "{field}");
        let server = *failure.state.unwrap();
        assert_eq!(server.progress(), before);
        state = Some(server);
    };
    for (field, bytes, expected) in unattributed_complaints(&message, &*complainer) {
        assert_eq!(judge(&session, &bytes).map_err(Error::from), Err(expected.clone()), "{field}");
        // Of the types of rounds 0 and 1 the server has another message of this client already.
        let known = [ADVERT, SHARES].map(|got| Error::from(DecodeError::UnexpectedType { expected: COMPLAINT, got }));
        let equivocation = Error::Client { culprit: ClientId(30), fault: ClientFault::Equivocation };
        refuse(field, &bytes, if known.contains(&expected) { equivocation } else { expected });
    }
    let mut table = Table::of(&message);
    table.sign(&*complainer, "body", DecodeError::Trailing, |raw| raw.body.push(0));
    table.sign(&*complainer, "body", DecodeError::Truncated, |raw| drop_last(&mut raw.body));
    table.sign(&*complainer, "attachment", DecodeError::Trailing, |raw| raw.attachment.push(0));
    for (field, bytes, expected) in table.cells {
        let Error::Decode(reason) = expected else { panic!("{field}") };
        let (verdict, culprit) = (judge(&session, &bytes).unwrap(), ClientId(30));
        assert_eq!((verdict.culprit, verdict.fault), (culprit, ClientFault::Malformed(reason)), "{field}");
        signed_by_the_complainer(field, &bytes, &Error::Client { culprit, fault: verdict.fault });
    }
    let (culprit, fault) = (ClientId(30), ClientFault::FalseComplaint);
    for (field, change) in FALSE_COMPLAINTS {
        let mut altered = Message::decode(&message).unwrap();
        change(&mut altered);
        let bytes = forge::resign(&altered, &*complainer);
        assert_ne!(bytes, message, "{field}");
        let verdict = judge(&session, &bytes).unwrap();
        assert_eq!((verdict.culprit, verdict.fault, verdict.complainer), (culprit, fault, culprit), "{field}");
        // Over another transcript it is not even judged.
        let fault = if altered.prev.0 == Raw::parse(&message).prev { fault } else { ClientFault::WrongTranscript };
        signed_by_the_complainer(field, &bytes, &Error::Client { culprit, fault });
    }
    let verdict = judge(&session, &message).unwrap();
    assert_eq!((verdict.culprit, verdict.fault), (ClientId(20), ClientFault::BadDealing), "the unaltered complaint");
}

#[test]
fn a_complaint_is_no_other_clients() {
    let mut world = World::new(4, 8);
    let (session, server, message) = complaint(&mut world);
    for id in [10, 20, 40].map(ClientId) {
        let stolen = alter(&message, &*world.clients[&id], |raw| raw.client = id);
        let blamed = judge(&session, &stolen).map(|verdict| (verdict.culprit, verdict.fault));
        // From a client that is not above the dealer, a complaint has no place for the mask ciphertext.
        let fault = if id.0 <= 20 { ClientFault::Malformed(DecodeError::Trailing) } else { ClientFault::FalseComplaint };
        let expected = Ok((id, fault));
        assert_eq!(blamed, expected, "{id}");
    }
    let verdict = server.complain(&message).unwrap();
    assert_eq!((verdict.culprit, verdict.complainer), (ClientId(20), ClientId(30)));
}
