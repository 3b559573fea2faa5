//! The memory that vectors take on either side, and that nothing is left of what ends half-way.
#![cfg(feature = "std")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod common;
#[path = "common/faulty.rs"]
mod faulty;
#[path = "common/plane.rs"]
mod plane;

use std::{
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
};

use allocation_counter::measure;
use common::{Round2, World, agree_and_reveal, masking::over_both_maskings, pieces, plain_sum, until_inputs};
use faulty::{Fault, Faulty, Plan};
use plane::Plane;
use veilsum::{
    ClientId, Masking,
    secagg::upload::{FileSpool, MemorySpool},
};

over_both_maskings! {
    a_client_needs_memory_for_a_piece_of_its_vector_however_long_it_is,
    each_lane_needs_memory_for_a_piece_however_long_the_vector_is,
    whatever_stops_half_way_leaves_no_file_and_no_memory,
    clients_and_lanes_that_are_given_up_hold_no_memory,
    a_close_that_fails_holds_no_memory,
}

/// Runs on one thread, so that every allocation is counted.
fn alone<T: Send>(run: impl FnOnce() -> T + Send) -> T {
    #[cfg(feature = "parallel")]
    return rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap().install(run);
    #[cfg(not(feature = "parallel"))]
    run()
}

/// The most bytes that were held at one time while this ran.
fn peak(run: impl FnOnce()) -> u64 {
    measure(run).bytes_max
}

/// Three clients with vectors of `len` words of 20 bits in chunks of 2^14.
fn long(masking: Masking, len: u64) -> (World, Round2, veilsum::Session) {
    let mut world = World::masked(3, 3, masking);
    let session = world.builder(len, 20).chunk_len(1 << 14).build().unwrap();
    let round = until_inputs(&mut world, &session);
    (world, round, session)
}

const CHUNK: usize = 1 << 14;

/// Bytes of a chunk on the wire: lattice masks have 48 bits for each word.
fn chunk_bytes(masking: Masking) -> u64 {
    (1 << 14) * if masking == Masking::Pairwise { 20 } else { 48 } / 8
}

const LENGTHS: [u64; 2] = [1 << 18, 1 << 20];

fn a_client_needs_memory_for_a_piece_of_its_vector_however_long_it_is(masking: Masking) {
    let words = vec![5_u32; CHUNK];
    // In whole chunks, and in pieces that leave words waiting.
    for size in [CHUNK, 4095] {
        let peaks = LENGTHS.map(|len| {
            let mut state = long(masking, len).1.clients.remove(&ClientId(20)).unwrap();
            alone(|| {
                peak(|| {
                    let mut wire = Vec::new();
                    while state.remaining() > 0 {
                        wire.clear();
                        let take = size.min(usize::try_from(state.remaining()).unwrap());
                        state.mask(&words[..take], &mut wire).unwrap();
                    }
                })
            })
        });
        let chunk = chunk_bytes(masking);
        assert!(peaks.iter().all(|peak| *peak > chunk / 5 && *peak < 3 * chunk), "{size}: {peaks:?}");
        assert!(peaks[1] < peaks[0] + 1024, "{size}: {peaks:?}");
    }
}

fn each_lane_needs_memory_for_a_piece_however_long_the_vector_is(masking: Masking) {
    let words = vec![5_u32; CHUNK];
    let peaks = LENGTHS.map(|len| {
        let mut state = long(masking, len).1.clients.remove(&ClientId(20)).unwrap();
        alone(|| {
            peak(|| {
                let (mut lanes, mut wire) = (state.lanes(4).unwrap(), Vec::new());
                while lanes[3].remaining() > 0 {
                    wire.clear();
                    lanes.iter_mut().for_each(|lane| lane.mask(&words, &mut wire).unwrap());
                }
                lanes.into_iter().for_each(|lane| state.join(lane).unwrap());
            })
        })
    });
    assert!(peaks.iter().all(|peak| *peak < 12 * chunk_bytes(masking)), "{peaks:?}");
    assert!(peaks[1] < peaks[0] + 1024, "{peaks:?}");
}

/// The server needs next to nothing until the round is closed, then one vector; a part of the sum needs its own length only.
#[test]
fn the_server_needs_memory_for_one_vector_and_only_from_the_close_on() {
    let (mut world, Round2 { mut server, clients, .. }, session) = long(Masking::Pairwise, 1 << 20);
    let inputs = world.inputs(&session);
    let directory = tempfile::tempdir().unwrap();
    let mut sent = BTreeMap::new();
    for (id, mut state) in clients {
        let (mut wire, path) = (Vec::new(), directory.path().join(id.0.to_string()));
        common::mask_all(&mut state, &session, &inputs[&id], &mut wire).unwrap();
        let (state, header) = state.finish().unwrap();
        sent.insert(id, state);
        let uploading = peak(|| {
            let mut upload = server.upload(id, FileSpool::create(path).unwrap()).unwrap();
            wire.chunks(100_000).for_each(|piece| upload.write(piece).unwrap());
            server.accept(&mut upload, &header).unwrap();
        });
        assert!(uploading < 1 << 14, "{uploading}");
    }
    let vector = 4 << 20;
    let (sum, closing) = alone(|| {
        let mut result = None;
        let closing = peak(|| result = Some(agree_and_reveal(server, sent, &mut Vec::new()).0));
        (result.unwrap(), closing)
    });
    assert!(closing > vector && closing < vector + (1 << 19), "{closing}");
    let expected = plain_sum(&session, &inputs, sum.survivors());
    for (position, len, most) in
        [(0, 1, 1 << 13), ((1 << 18) - 32, 64, 1 << 13), (12_345, 1 << 12, 1 << 15), (0, 1 << 20, 9 << 18)]
    {
        let mut out = vec![0_u64; len];
        let reading = alone(|| peak(|| sum.read(position, &mut out).unwrap()));
        assert!(reading < most, "{len} words at {position}: {reading}");
        let start = usize::try_from(position).unwrap();
        assert!(out == expected[start..start + len]);
    }
}

#[test]
fn a_server_that_leaves_its_sum_to_shards_needs_no_memory_for_vectors() {
    let mut plane = Plane::new(World::new(3, 5), 1 << 18, 20, 1 << 14);
    plane.server.sum_in_shards().unwrap();
    let mut uploads: Vec<_> = plane.world.ids().into_iter().map(|id| plane.upload(id, MemorySpool::default())).collect();
    let (server, headers) = (&mut plane.server, &plane.headers);
    let accepting =
        peak(|| uploads.iter_mut().for_each(|upload| drop(server.accept(upload, &headers[&upload.client()]).unwrap())));
    let server = plane.server;
    let closing = peak(|| drop(server.close().unwrap()));
    assert!(accepting < 1 << 14 && closing < 1 << 14, "{accepting}, {closing}");
}

const ALL: [ClientId; 4] = [ClientId(10), ClientId(20), ClientId(30), ClientId(40)];

/// Four clients, of whom one may drop out; a vector is read back in three pieces.
fn plane(masking: Masking) -> Plane {
    Plane::new(World::masked(4, 1, masking), (2 << 16) + 37, 13, 1 << 14)
}

fn files(directory: &Path) -> usize {
    std::fs::read_dir(directory).unwrap().count()
}

/// Bytes that are still held when `run` has ended, on one thread and after a first run that fills what is kept for ever.
fn held_after(run: impl Fn() + Send) -> i64 {
    let measured = move || {
        run();
        measure(&run).bytes_current
    };
    alone(measured)
}

/// What stops half-way: how far it gets.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Stop {
    DuringUploads,
    AfterAccept,
    InClose,
    AfterClose,
    AfterFailedUpload,
}

fn stop_at(masking: Masking, stop: Stop, directory: &Path) {
    let mut plane = plane(masking);
    let file = |id: ClientId| FileSpool::create(directory.join(id.0.to_string())).unwrap();
    let append = if stop == Stop::AfterFailedUpload { 1 } else { usize::MAX };
    let read = if stop == Stop::InClose { 1 } else { usize::MAX };
    let plan = |from| Plan { fault: Fault::Error, from, forever: false };
    plane.send(ALL[0], file(ALL[0]));
    plane.send(ALL[1], Faulty::new(file(ALL[1]), Plan::NEVER, plan(read)));
    plane.send(ALL[2], MemorySpool::default());
    let mut upload = plane.server.upload(ALL[3], Faulty::new(file(ALL[3]), plan(append), Plan::NEVER)).unwrap();
    let written = pieces(&plane.wires[&ALL[3]], &[30_000]).into_iter().take(4).try_for_each(|piece| upload.write(piece));
    assert_eq!(written.is_err(), stop == Stop::AfterFailedUpload);
    match stop {
        Stop::DuringUploads | Stop::AfterFailedUpload => drop(plane),
        Stop::AfterAccept => drop((upload, plane.server)),
        Stop::InClose => drop(plane.server.close().unwrap_err()),
        Stop::AfterClose => drop(plane.server.close().unwrap()),
    }
}

fn whatever_stops_half_way_leaves_no_file_and_no_memory(masking: Masking) {
    let directory = tempfile::tempdir().unwrap();
    for stop in [Stop::DuringUploads, Stop::AfterAccept, Stop::InClose, Stop::AfterClose, Stop::AfterFailedUpload] {
        // A vector has more than 200 KiB; what a thread pool keeps is far less.
        let held = held_after(|| stop_at(masking, stop, directory.path()));
        assert!(held.abs() < 1 << 14, "{stop:?}: {held} bytes");
        assert_eq!(files(directory.path()), 0, "{stop:?}");
    }
}

fn clients_and_lanes_that_are_given_up_hold_no_memory(masking: Masking) {
    let held = held_after(|| {
        let mut world = World::masked(3, 2, masking);
        let session = world.builder(1 << 17, 13).chunk_len(1 << 14).build().unwrap();
        let mut round = until_inputs(&mut world, &session);
        let mut state = round.clients.remove(&ClientId(10)).unwrap();
        let (mut wire, words) = (Vec::new(), vec![1_u32; 1 << 14]);
        state.mask(&words, &mut wire).unwrap();
        let mut lanes = state.lanes(3).unwrap();
        lanes.iter_mut().for_each(|lane| lane.mask(&words[..1000], &mut wire).unwrap());
        drop(state);
        lanes[0].mask(&words[1000..2000], &mut wire).unwrap();
    });
    assert!(held.abs() < 1 << 14, "{held} bytes");
}

/// The memory of a sum that failed is free again, whether the state came back or was lost to a panic.
fn a_close_that_fails_holds_no_memory(masking: Masking) {
    for fault in [Fault::Error, Fault::Panic] {
        let held = held_after(|| {
            let mut plane = plane(masking);
            plane.send(ALL[3], Faulty::new(MemorySpool::default(), Plan::NEVER, Plan { fault, from: 2, forever: false }));
            plane.send_all_but(&[]);
            let (server, upload) = (plane.server, i64::try_from(plane.wires[&ALL[3]].len()).unwrap());
            let mut outcome = None;
            let spent = measure(|| outcome = Some(catch_unwind(AssertUnwindSafe(move || server.close().map(|_| ())))));
            assert!(spent.bytes_max > 1 << 19, "a sum was made");
            // It is gone, and the upload that failed, or all of them.
            match outcome.unwrap() {
                Ok(result) => assert!(result.unwrap_err().state.is_some() && spent.bytes_current < -upload / 2),
                Err(_) => assert!(fault == Fault::Panic && spent.bytes_current < -3 * upload),
            }
        });
        assert!(held.abs() < 1 << 14, "{held} bytes");
    }
}
