//! Uploads, whole and broken.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod common;
#[path = "common/forge.rs"]
mod forge;
#[path = "common/plane.rs"]
mod plane;

use common::{
    World,
    masking::{over_both_maskings, wire_len},
    pieces,
};
use plane::Plane;
use veilsum::{
    ClientFault, ClientId, Error, InputError, Masking, RoundError,
    message::MaskedInput,
    secagg::upload::{MemorySpool, Upload},
};

over_both_maskings! {
    an_upload_with_any_byte_changed_is_refused_and_a_good_one_still_counts,
    an_upload_that_ends_early_is_refused_and_goes_on_where_it_was,
    chunks_in_another_order_or_repeated_or_shifted_are_refused,
    more_bytes_than_a_vector_has_are_refused_and_nothing_of_them_is_taken,
    an_upload_goes_on_only_at_its_next_byte,
    a_resumed_upload_must_be_that_of_the_signed_root,
    a_header_takes_only_the_upload_of_its_own_client_and_session,
    a_repeated_header_is_ignored_and_takes_no_second_upload,
    an_accepted_upload_takes_no_more_bytes,
    an_upload_that_is_not_accepted_is_in_no_sum,
}

const FIRST: ClientId = ClientId(10);
const SECOND: ClientId = ClientId(20);
const THIRD: ClientId = ClientId(30);
const ALL: [ClientId; 4] = [FIRST, SECOND, THIRD, ClientId(40)];

/// Four clients, of whom one may drop out; three chunks and a tail of 5 words.
fn plane(masking: Masking) -> Plane {
    Plane::of_chunks(World::masked(4, 1, masking), 13, 3, 5)
}

/// Bytes of an upload, of a chunk, and how far places in it are apart that are tried: with pairwise masks all of its 321 bytes are.
fn sizes(plane: &Plane) -> (usize, usize, usize) {
    let [wire, chunk] = [plane.session.vector_len(), u64::from(plane.session.chunk_len())]
        .map(|words| usize::try_from(wire_len(&plane.session, words)).unwrap());
    (wire, chunk, wire / 321)
}

/// Places in an upload: about 321, with both ends of every chunk.
fn places(plane: &Plane) -> Vec<usize> {
    let (wire, chunk, step) = sizes(plane);
    let mut places: Vec<_> =
        (0..wire).step_by(step).chain((1..4).flat_map(|k| [k * chunk - 1, k * chunk])).chain([wire - 1]).collect();
    places.sort_unstable();
    places.dedup();
    places
}

fn mismatch(client: ClientId) -> Error {
    RoundError::UploadMismatch(client).into()
}

/// An upload of these bytes is refused, and stays as it was.
fn refuses(plane: &mut Plane, bytes: &[u8]) {
    let mut upload = plane.server.upload(FIRST, MemorySpool::default()).unwrap();
    upload.write(bytes).unwrap();
    assert_eq!(plane.accept(&mut upload), Err(mismatch(FIRST)));
    assert_eq!(upload.received(), bytes.len() as u64);
    assert!(upload.into_spool().is_some());
}

fn an_upload_with_any_byte_changed_is_refused_and_a_good_one_still_counts(masking: Masking) {
    let mut plane = plane(masking);
    assert_eq!(plane.wires[&FIRST].len(), sizes(&plane).0);
    for place in places(&plane) {
        for change in [0x01, 0x80] {
            let mut bytes = plane.wires[&FIRST].clone();
            bytes[place] ^= change;
            refuses(&mut plane, &bytes);
        }
    }
    assert!(plane.server.progress().missing.contains(&FIRST), "until then it is a drop-out");
    plane.send_all_but(&[]);
    plane.check_sum_of(&ALL);
}

fn an_upload_that_ends_early_is_refused_and_goes_on_where_it_was(masking: Masking) {
    let mut plane = plane(masking);
    let wire = plane.wires[&FIRST].clone();
    let mut upload = plane.server.upload(FIRST, MemorySpool::default()).unwrap();
    for place in places(&plane) {
        let received = usize::try_from(upload.received()).unwrap();
        upload.write(&wire[received..place]).unwrap();
        assert_eq!(plane.accept(&mut upload), Err(mismatch(FIRST)), "{place} bytes");
        assert_eq!((upload.received(), upload.missing()), (place as u64, (wire.len() - place) as u64));
    }
    upload.write(&wire[wire.len() - 1..]).unwrap();
    plane.accept(&mut upload).unwrap();
    plane.send_all_but(&[]);
    plane.check_sum_of(&ALL);
}

fn chunks_in_another_order_or_repeated_or_shifted_are_refused(masking: Masking) {
    let mut plane = plane(masking);
    let (whole, chunk_bytes, _) = sizes(&plane);
    let own = plane.wires[&FIRST].clone();
    let chunks: Vec<&[u8]> = own.chunks(chunk_bytes).collect();
    let mut tried = 0;
    for order in 0..256_usize {
        let order = [order % 4, order / 4 % 4, order / 16 % 4, order / 64];
        let bytes = order.map(|chunk| chunks[chunk]).concat();
        if order != [0, 1, 2, 3] && bytes.len() <= whole {
            refuses(&mut plane, &bytes);
            tried += 1;
        }
    }
    assert!(tried > 100);
    for shift in [1, chunk_bytes - 1, chunk_bytes, chunk_bytes + 96] {
        let mut bytes = own.clone();
        bytes.rotate_left(shift);
        refuses(&mut plane, &bytes);
    }
    plane.send(FIRST, MemorySpool::default());
    plane.send_all_but(&[]);
    plane.check_sum_of(&ALL);
}

fn more_bytes_than_a_vector_has_are_refused_and_nothing_of_them_is_taken(masking: Masking) {
    let mut plane = plane(masking);
    let wire = [&plane.wires[&FIRST][..], &[0]].concat();
    let mut upload = plane.server.upload(FIRST, MemorySpool::default()).unwrap();
    let (len, chunk, _) = sizes(&plane);
    for received in [0, 1, chunk, len - 1, len] {
        let next = usize::try_from(upload.received()).unwrap();
        upload.write(&wire[next..received]).unwrap();
        for more in [&wire[received..], &vec![0; wire.len()]] {
            assert_eq!(upload.write(more), Err(mismatch(FIRST)));
            assert_eq!(upload.write_at(received as u64, more), Err(mismatch(FIRST)));
        }
        assert_eq!(upload.received(), received as u64);
    }
    plane.accept(&mut upload).unwrap();
    plane.send_all_but(&[]);
    plane.check_sum_of(&ALL);
}

/// An interrupted transport: the client asks where to go on, and whatever arrives from elsewhere is refused.
fn an_upload_goes_on_only_at_its_next_byte(masking: Masking) {
    let mut plane = plane(masking);
    let (len, chunk, step) = sizes(&plane);
    for (id, size) in ALL.into_iter().zip([step, 50 * step, chunk, len - 1]) {
        let wire = plane.wires[&id].clone();
        let mut upload = plane.server.upload(id, MemorySpool::default()).unwrap();
        for piece in pieces(&wire, &[size]) {
            let expected = upload.received();
            let ends = [expected.saturating_sub(1), expected + 1, len as u64, len as u64 + 1, u64::MAX];
            for got in (0..=len as u64 + 1).step_by(step).chain(ends).filter(|got| *got != expected) {
                let refused = InputError::UploadOffset { expected, got };
                assert_eq!(upload.write_at(got, piece), Err(refused.into()));
            }
            assert_eq!(upload.received(), expected);
            upload.write_at(expected, piece).unwrap();
        }
        assert!(upload.write_at(0, &wire).is_err(), "all of it once more");
        plane.accept(&mut upload).unwrap();
    }
    plane.check_sum_of(&ALL);
}

fn a_resumed_upload_must_be_that_of_the_signed_root(masking: Masking) {
    let mut plane = plane(masking);
    let (own, other) = (plane.wires[&FIRST].clone(), plane.wires[&SECOND].clone());
    let mut tried = 0;
    for cut in places(&plane).into_iter().filter(|cut| *cut > 0) {
        // The other half of the chunk, or of the vector, is another's.
        for mixed in [[&own[..cut], &other[cut..]].concat(), [&other[..cut], &own[cut..]].concat()] {
            // The last byte has one bit that is not padding, and may be the same.
            if mixed != own {
                refuses(&mut plane, &mixed);
                tried += 1;
            }
        }
    }
    assert!(tried > 600);
    plane.send_all_but(&[]);
    plane.check_sum_of(&ALL);
}

fn a_header_takes_only_the_upload_of_its_own_client_and_session(masking: Masking) {
    let (mut plane, other) = (plane(masking), Plane::of_chunks(World::masked(4, 2, masking), 13, 3, 5));
    // The bytes are the right ones; the upload was begun for somebody else.
    let mut others: Vec<Upload> = vec![
        plane.server.upload(SECOND, MemorySpool::default()).unwrap(),
        other.server.upload(FIRST, MemorySpool::default()).unwrap(),
    ];
    let header = plane.headers[&FIRST].clone();
    for upload in &mut others {
        upload.write(&plane.wires[&FIRST]).unwrap();
        assert_eq!(plane.server.accept(upload, &header), Err(mismatch(FIRST)));
    }
    // And the right upload with another client's header, which that client then still can use.
    let mut upload = plane.upload(FIRST, MemorySpool::default());
    let second = plane.headers[&SECOND].clone();
    assert_eq!(plane.server.accept(&mut upload, &second), Err(mismatch(SECOND)));
    plane.accept(&mut upload).unwrap();
    plane.send_all_but(&[]);
    plane.check_sum_of(&ALL);
}

fn a_repeated_header_is_ignored_and_takes_no_second_upload(masking: Masking) {
    let mut plane = plane(masking);
    let (mut first, mut second) = (plane.upload(FIRST, MemorySpool::default()), plane.upload(FIRST, MemorySpool::default()));
    assert!(plane.accept(&mut first).unwrap().fresh);
    assert!(first.into_spool().is_none(), "it waits for the sum");
    assert!(!plane.accept(&mut second).unwrap().fresh);
    assert!(second.into_spool().is_some());
    assert_eq!(plane.server.upload(FIRST, MemorySpool::default()).err(), Some(RoundError::Late(FIRST).into()));
    let stranger = InputError::NotInRoster(ClientId(11)).into();
    assert_eq!(plane.server.upload(ClientId(11), MemorySpool::default()).err(), Some(stranger));
    plane.send_all_but(&[]);
    plane.check_sum_of(&ALL);
}

fn an_accepted_upload_takes_no_more_bytes(masking: Masking) {
    let mut plane = plane(masking);
    let mut upload = plane.upload(FIRST, MemorySpool::default());
    plane.accept(&mut upload).unwrap();
    assert_eq!(upload.write(&[0]), Err(mismatch(FIRST)));
    assert_eq!(upload.write(&[]), Err(InputError::WrongState.into()));
    plane.send_all_but(&[]);
    plane.check_sum_of(&ALL);
}

fn an_upload_that_is_not_accepted_is_in_no_sum(masking: Masking) {
    let (len, chunk, _) = sizes(&plane(masking));
    for cut in [0, 1, chunk, len - 1, len] {
        let mut plane = plane(masking);
        let mut upload = plane.server.upload(THIRD, MemorySpool::default()).unwrap();
        upload.write(&plane.wires[&THIRD][..cut]).unwrap();
        plane.send_all_but(&[THIRD]);
        // Still open when the round is closed, with all its bytes or not.
        plane.check_sum_of(&[FIRST, SECOND, ClientId(40)]);
        drop(upload);
    }
}

/// The root is right and signed, so it is the client that deviates. (In uploads under lattice masks padding means nothing.)
#[test]
fn a_set_padding_bit_under_a_signed_root_is_the_clients_fault() {
    let mut plane = plane(Masking::Pairwise);
    let mut wire = plane.wires[&FIRST].clone();
    *wire.last_mut().unwrap() |= 0x80;
    let (root, identity) = (root_of(&wire), plane.world.clients[&FIRST].clone());
    let header = forge::alter_body(&plane.headers[&FIRST], &*identity, |input: &mut MaskedInput| input.root.0 = root);
    let mut upload = plane.server.upload(FIRST, MemorySpool::default()).unwrap();
    upload.write(&wire).unwrap();
    let fault = ClientFault::Malformed(veilsum::DecodeError::Padding);
    assert_eq!(plane.server.accept(&mut upload, &header), Err(Error::Client { culprit: FIRST, fault }));
    plane.send_all_but(&[FIRST]);
    plane.check_sum_of(&ALL[1..]);
}

/// The root of four chunks (section 12).
fn root_of(wire: &[u8]) -> [u8; 32] {
    use forge::hash;
    let leaves: Vec<_> = (0_u64..).zip(wire.chunks(104)).map(|(i, chunk)| hash("leaf", &[&i.to_le_bytes(), chunk])).collect();
    let node = |left: &[u8; 32], right: &[u8; 32]| hash("node", &[left, right]);
    let top = node(&node(&leaves[0], &leaves[1]), &node(&leaves[2], &leaves[3]));
    hash("root", &[&197_u64.to_le_bytes(), &64_u32.to_le_bytes(), &top])
}
