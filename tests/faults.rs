//! What fails around the data plane, storage and threads: the error names the client, the session goes on, the sum stays exact, and no
//! file is left behind.
#![cfg(feature = "std")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod common;
#[path = "common/faulty.rs"]
mod faulty;
#[path = "common/forge.rs"]
mod forge;
#[path = "common/plane.rs"]
mod plane;

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

use common::{Feed, World, mask_in_pieces, masking::over_both_maskings, pieces, until_inputs};
use faulty::{Fault, Faulty, Plan};
use plane::Plane;
use veilsum::{
    ClientFault, ClientId, EnvironmentError, Error, InputError, Masking, RoundError,
    message::MaskedInput,
    secagg::upload::{FileSpool, MemorySpool, Spool, SpoolError, Upload},
};

over_both_maskings! {
    whichever_read_fails_the_client_is_named_and_can_upload_again,
    a_session_goes_on_without_the_client_whose_storage_failed,
    a_client_whose_storage_failed_can_come_back_with_the_same_header_only,
    bytes_that_were_not_stored_are_noticed,
    a_file_that_became_shorter_is_noticed,
    whichever_append_fails_the_upload_is_over_and_another_counts,
    a_full_disk_stops_the_upload_that_filled_it_and_no_other,
    a_panic_while_the_sum_is_made_leaves_no_file,
    a_panic_in_the_thread_of_an_upload_touches_only_that_upload,
    a_panic_in_the_thread_of_a_lane_makes_the_client_a_dropout,
}

const ALL: [ClientId; 4] = [ClientId(10), ClientId(20), ClientId(30), ClientId(40)];

/// Four clients, of whom one may drop out; a vector is read back in three pieces.
fn plane(masking: Masking) -> Plane {
    Plane::new(World::masked(4, 1, masking), (2 << 16) + 37, 13, 1 << 14)
}

/// The one error for storage, with the client's name and the reason.
fn assert_spool_error(error: &Error, client: ClientId, reason: &str) {
    let Error::Environment(EnvironmentError::Spool(text)) = error else { panic!("{error:?}") };
    assert!(text.contains(&client.to_string()) && text.contains(reason), "{text}");
    assert_eq!((error.code(), error.culprit()), (703, None), "nobody is to blame");
}

fn files(directory: &Path) -> usize {
    std::fs::read_dir(directory).unwrap().count()
}

/// Closes the round, which fails; the state comes back without this client.
fn close_fails(plane: Plane, client: ClientId, reason: &str) -> Plane {
    let failure = plane.server.close().unwrap_err();
    assert_spool_error(&failure.error, client, reason);
    let server = *failure.state.unwrap();
    assert_eq!(server.progress().missing, [client], "it is out");
    Plane { server, ..plane }
}

/// Every read of every client's upload, in turn: once, and from then on. Each time the client uploads again.
fn whichever_read_fails_the_client_is_named_and_can_upload_again(masking: Masking) {
    for id in ALL {
        let mut plane = plane(masking);
        plane.send_all_but(&[id]);
        for (from, forever) in [(0, false), (1, false), (2, false), (0, true), (1, true), (2, true)] {
            let read = Plan { fault: Fault::Error, from, forever };
            plane.send(id, Faulty::new(MemorySpool::default(), Plan::NEVER, read));
            plane = close_fails(plane, id, "the disk is on fire");
        }
        plane.send(id, Faulty::new(MemorySpool::default(), Plan::NEVER, Plan { from: 3, ..Plan::NEVER }));
        // What was added before each failure left no trace, and there was no fourth read.
        plane.check_sum_of(&ALL);
    }
}

fn a_session_goes_on_without_the_client_whose_storage_failed(masking: Masking) {
    for (id, from) in [(ALL[0], 0), (ALL[2], 1), (ALL[3], 2)] {
        let mut plane = plane(masking);
        let read = Plan { fault: Fault::Error, from, forever: true };
        plane.send(id, Faulty::new(MemorySpool::default(), Plan::NEVER, read));
        plane.send_all_but(&[]);
        plane = close_fails(plane, id, "the disk is on fire");
        let others: Vec<_> = ALL.into_iter().filter(|other| *other != id).collect();
        plane.check_sum_of(&others);
    }
}

fn a_client_whose_storage_failed_can_come_back_with_the_same_header_only(masking: Masking) {
    for id in ALL {
        let mut plane = plane(masking);
        plane.send_all_but(&[id]);
        let read = Plan { fault: Fault::Error, from: 0, forever: true };
        plane.send(id, Faulty::new(MemorySpool::default(), Plan::NEVER, read));
        plane = close_fails(plane, id, "the disk is on fire");
        let change = |input: &mut MaskedInput| input.root.0[0] ^= 1;
        let other = forge::alter_body(&plane.headers[&id], &*plane.world.clients[&id], change);
        let mut upload = plane.upload(id, MemorySpool::default());
        let refused = plane.server.accept(&mut upload, &other).unwrap_err();
        assert_eq!(refused, Error::Client { culprit: id, fault: ClientFault::Equivocation });
        assert!(plane.accept(&mut upload).unwrap().fresh);
        plane.check_sum_of(&ALL);
    }
}

/// Foreign bytes can be told from the stored ones by their padding only; the trait says who answers for the rest. Lattice masks do not
/// cancel on them.
fn bytes_that_were_not_stored_are_noticed(masking: Masking) {
    let mut plane = plane(masking);
    let read = Plan { fault: Fault::Foreign, from: 2, forever: true };
    plane.send(ALL[1], Faulty::new(MemorySpool::default(), Plan::NEVER, read));
    plane.send_all_but(&[]);
    if masking != Masking::Pairwise {
        let (sum, _) = plane.close();
        let (mut words, last) = (vec![0_u64; 1 << 17], RoundError::CorruptBlock((2 << 16) / 4096));
        sum.read(0, &mut words).unwrap();
        assert_eq!(sum.read(1 << 17, &mut words[..1]), Err(last.into()));
        return;
    }
    plane = close_fails(plane, ALL[1], "other bytes");
    plane.send(ALL[1], MemorySpool::default());
    plane.check_sum_of(&ALL);
}

fn a_file_that_became_shorter_is_noticed(masking: Masking) {
    let (mut plane, directory) = (plane(masking), tempfile::tempdir().unwrap());
    let path = directory.path().join("20");
    plane.send(ALL[1], FileSpool::create(&path).unwrap());
    plane.send_all_but(&[]);
    let len = std::fs::metadata(&path).unwrap().len();
    std::fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(len - 1).unwrap();
    plane = close_fails(plane, ALL[1], "20: ");
    assert_eq!(files(directory.path()), 0, "the file went with the input");
    plane.send(ALL[1], FileSpool::create(&path).unwrap());
    plane.check_sum_of(&ALL);
    assert_eq!(files(directory.path()), 0);
}

/// Writes until a write fails; returns how many bytes were taken.
fn write_until_error<S: Spool>(upload: &mut Upload<S>, wire: &[u8], size: usize) -> (u64, Error) {
    let mut results = pieces(wire, &[size]).into_iter().map(|piece| upload.write(piece));
    let error = results.find_map(Result::err).unwrap();
    drop(results);
    (upload.received(), error)
}

fn whichever_append_fails_the_upload_is_over_and_another_counts(masking: Masking) {
    let (mut plane, directory) = (plane(masking), tempfile::tempdir().unwrap());
    let (id, path) = (ALL[2], directory.path().join("upload"));
    let size = plane.wires[&id].len() / 5;
    for from in 0..5 {
        for forever in [false, true] {
            let append = Plan { fault: Fault::Error, from, forever };
            let spool = Faulty::new(FileSpool::create(&path).unwrap(), append, Plan::NEVER);
            let mut upload = plane.server.upload(id, spool).unwrap();
            let (received, error) = write_until_error(&mut upload, &plane.wires[&id], size);
            assert_spool_error(&error, id, "the disk is on fire");
            assert_eq!(received, (from * size) as u64, "what failed does not count");
            assert_eq!(files(directory.path()), 0, "half an upload is of no use");
            // Even if the storage works again: nobody knows what it holds.
            assert_eq!(upload.write(&[1]), Err(InputError::WrongState.into()));
            assert!(plane.accept(&mut upload).is_err());
            assert!(upload.into_spool().is_none());
        }
    }
    plane.send(id, FileSpool::create(&path).unwrap());
    plane.send_all_but(&[]);
    plane.check_sum_of(&ALL);
    assert_eq!(files(directory.path()), 0);
}

/// A disk with room for so many bytes, shared by all uploads.
struct Disk<S> {
    room: Arc<AtomicUsize>,
    inner: S,
}

impl<S: Spool> Spool for Disk<S> {
    fn append(&mut self, bytes: &[u8]) -> Result<(), SpoolError> {
        let take = |room: usize| room.checked_sub(bytes.len());
        self.room.fetch_update(Relaxed, Relaxed, take).map_err(|_| SpoolError::new("no space left on device"))?;
        self.inner.append(bytes)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), SpoolError> {
        self.inner.read(offset, out)
    }
}

fn a_full_disk_stops_the_upload_that_filled_it_and_no_other(masking: Masking) {
    let (mut plane, directory) = (plane(masking), tempfile::tempdir().unwrap());
    let len = plane.wires[&ALL[0]].len();
    let room = Arc::new(AtomicUsize::new(3 * len + len / 2));
    let disk = |id: ClientId| {
        let inner = FileSpool::create(directory.path().join(id.0.to_string())).unwrap();
        Disk { room: room.clone(), inner }
    };
    plane.send(ALL[0], disk(ALL[0]));
    plane.send(ALL[1], disk(ALL[1]));
    plane.send(ALL[2], disk(ALL[2]));
    let mut upload = plane.server.upload(ALL[3], disk(ALL[3])).unwrap();
    let (_, error) = write_until_error(&mut upload, &plane.wires[&ALL[3]], 10_000);
    assert_spool_error(&error, ALL[3], "no space left");
    assert_eq!(files(directory.path()), 3);
    room.store(len, Relaxed);
    plane.send(ALL[3], disk(ALL[3]));
    plane.check_sum_of(&ALL);
    assert_eq!(files(directory.path()), 0);
}

#[test]
fn files_are_made_new_and_only_those_are_written_or_removed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("upload");
    std::fs::write(&path, b"somebody else's").unwrap();
    assert!(FileSpool::create(&path).is_err(), "a file that exists is left alone");
    assert!(FileSpool::create(directory.path().join("no such directory").join("x")).is_err());
    assert!(FileSpool::open(directory.path().join("nothing")).is_err());
    let mut opened = FileSpool::open(&path).unwrap();
    assert!(opened.append(b"more").is_err(), "opened to be read");
    let mut out = [0; 8];
    opened.read(9, &mut out[..6]).unwrap();
    assert_eq!(&out[..6], b"else's");
    assert!(opened.read(9, &mut out).is_err(), "beyond the end");
    drop(opened);
    assert_eq!(std::fs::read(&path).unwrap(), b"somebody else's");
    let mut kept = FileSpool::create(directory.path().join("kept")).unwrap();
    kept.append(b"abc").unwrap();
    assert_eq!(std::fs::read(kept.keep()).unwrap(), b"abc");
    assert!(MemorySpool::default().read(0, &mut [0]).is_err());
    assert!(MemorySpool::default().read(u64::MAX, &mut []).is_err());
}

/// Workers of several shards in one process may share an opened file.
#[test]
fn a_file_read_by_several_threads_gives_each_of_them_its_own_bytes() {
    let directory = tempfile::tempdir().unwrap();
    let mut file = FileSpool::create(directory.path().join("upload")).unwrap();
    (0..64_u8).for_each(|block| file.append(&[block; 512]).unwrap());
    let together = std::sync::Barrier::new(4);
    std::thread::scope(|scope| {
        for thread in 0..4_u8 {
            let (file, together) = (&file, &together);
            scope.spawn(move || {
                let mut out = [0; 512];
                together.wait();
                for turn in 0..20_000_u32 {
                    let block = turn.to_le_bytes()[0].wrapping_add(16 * thread) % 64;
                    file.read(512 * u64::from(block), &mut out).unwrap();
                    assert!(out == [block; 512], "block {block} has bytes of {}", out[0]);
                }
            });
        }
    });
}

/// The state is gone with its thread, and so are its files.
fn a_panic_while_the_sum_is_made_leaves_no_file(masking: Masking) {
    for from in 0..3 {
        let (mut plane, directory) = (plane(masking), tempfile::tempdir().unwrap());
        let file = |id: ClientId| FileSpool::create(directory.path().join(id.0.to_string())).unwrap();
        let read = Plan { fault: Fault::Panic, from, forever: false };
        plane.send(ALL[1], Faulty::new(file(ALL[1]), Plan::NEVER, read));
        [ALL[0], ALL[2], ALL[3]].into_iter().for_each(|id| plane.send(id, file(id)));
        assert_eq!(files(directory.path()), 4);
        let server = plane.server;
        assert!(std::thread::spawn(move || server.close().map(|_| ()).map_err(|failure| failure.error)).join().is_err());
        assert_eq!(files(directory.path()), 0);
    }
}

fn a_panic_in_the_thread_of_an_upload_touches_only_that_upload(masking: Masking) {
    let (mut plane, directory) = (plane(masking), tempfile::tempdir().unwrap());
    let path = directory.path().join("upload");
    let append = Plan { fault: Fault::Panic, from: 2, forever: false };
    let mut upload = plane.server.upload(ALL[0], Faulty::new(FileSpool::create(&path).unwrap(), append, Plan::NEVER)).unwrap();
    let wire = plane.wires[&ALL[0]].clone();
    let thread = std::thread::spawn(move || pieces(&wire, &[50_000]).into_iter().for_each(|piece| upload.write(piece).unwrap()));
    assert!(thread.join().is_err());
    assert_eq!(files(directory.path()), 0);
    plane.send(ALL[0], FileSpool::create(&path).unwrap());
    plane.send_all_but(&[]);
    plane.check_sum_of(&ALL);
}

/// The client can not finish, and is a drop-out like any other.
fn a_panic_in_the_thread_of_a_lane_makes_the_client_a_dropout(masking: Masking) {
    let mut world = World::masked(4, 1, masking);
    let session = world.builder((2 << 16) + 37, 13).chunk_len(1 << 14).build().unwrap();
    let inputs = world.inputs(&session);
    let mut round = until_inputs(&mut world, &session);
    let mut state = round.clients.remove(&ALL[1]).unwrap();
    let lanes = state.lanes(2).unwrap();
    let missing = lanes[1].remaining();
    let done = std::thread::scope(|scope| {
        let masks = |(place, mut lane): (usize, veilsum::secagg::client::Lane)| {
            scope.spawn(move || {
                let words = vec![0_u64; usize::try_from(lane.remaining()).unwrap()];
                lane.mask(&words[..100], &mut Vec::new()).unwrap();
                assert!(place != 1, "planned");
                lane.mask(&words[100..], &mut Vec::new()).unwrap();
                lane
            })
        };
        let threads: Vec<_> = lanes.into_iter().enumerate().map(masks).collect();
        threads.into_iter().filter_map(|thread| thread.join().ok()).collect::<Vec<_>>()
    });
    done.into_iter().for_each(|lane| state.join(lane).unwrap());
    assert!(state.lanes(1).unwrap().is_empty(), "the lost masks are not given out again");
    let failure = state.finish().unwrap_err();
    assert_eq!(failure.error, InputError::Incomplete { missing }.into());
    let mut server = round.server;
    let mut sent = std::collections::BTreeMap::new();
    for (id, state) in round.clients {
        let (state, wire, header) = mask_in_pieces(state, &session, &inputs[&id], &Feed::default());
        let mut upload = server.upload(id, MemorySpool::default()).unwrap();
        upload.write(&wire).unwrap();
        server.accept(&mut upload, &header).unwrap();
        sent.insert(id, state);
    }
    let (sum, _) = common::agree_and_reveal(server, sent, &mut Vec::new());
    let survivors = [ALL[0], ALL[2], ALL[3]];
    assert_eq!(sum.survivors(), survivors);
    assert!(common::read_all(&sum) == common::plain_sum(&session, &inputs, &survivors));
}
