//! An honest session at round 2: every vector is masked and every header signed, and nothing is uploaded yet.
#![allow(dead_code, unreachable_pub, missing_debug_implementations, reason = "each test file uses some of it")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

use std::collections::BTreeMap;

use veilsum::{
    ClientId, Error, Session,
    secagg::{
        Receipt,
        client::{AwaitingSurvivors, Finished},
        server::CollectingInputs,
        sum::Sum,
        upload::{MemorySpool, Spool, Upload},
    },
};

use crate::common::{Feed, World, agree_and_reveal, mask_in_pieces, plain_sum, read_all, until_inputs};

pub struct Plane {
    pub world: World,
    pub session: Session,
    pub inputs: BTreeMap<ClientId, Vec<u64>>,
    pub server: CollectingInputs,
    pub clients: BTreeMap<ClientId, AwaitingSurvivors>,
    /// Wire bytes of each client's upload.
    pub wires: BTreeMap<ClientId, Vec<u8>>,
    pub headers: BTreeMap<ClientId, Vec<u8>>,
}

impl Plane {
    /// Vectors of `len` words of `bits` bits, in chunks of `chunk_len` words. Equal worlds give equal bytes.
    pub fn new(mut world: World, len: u64, bits: u8, chunk_len: u32) -> Self {
        let session = world.builder(len, bits).chunk_len(chunk_len).build().unwrap();
        let inputs = world.inputs(&session);
        let round = until_inputs(&mut world, &session);
        let (mut clients, mut wires, mut headers) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        for (id, state) in round.clients {
            let (state, wire, header) = mask_in_pieces(state, &session, &inputs[&id], &Feed::default());
            clients.insert(id, state);
            wires.insert(id, wire);
            headers.insert(id, header);
        }
        Self { world, session, inputs, server: round.server, clients, wires, headers }
    }

    /// In the shortest chunks: so many, and words after the last whole one.
    pub fn of_chunks(world: World, bits: u8, chunks: u64, rest: u64) -> Self {
        let chunk_len = world.block(bits);
        Self::new(world, chunks * chunk_len + rest, bits, u32::try_from(chunk_len).unwrap())
    }

    /// A whole upload.
    pub fn upload<S: Spool>(&self, id: ClientId, spool: S) -> Upload<S> {
        let mut upload = self.server.upload(id, spool).unwrap();
        upload.write(&self.wires[&id]).unwrap();
        upload
    }

    pub fn accept<S: Spool + Send + 'static>(&mut self, upload: &mut Upload<S>) -> Result<Receipt, Error> {
        self.server.accept(upload, &self.headers[&upload.client()])
    }

    /// Uploads a client's good vector into this spool.
    pub fn send<S: Spool + Send + 'static>(&mut self, id: ClientId, spool: S) {
        let mut upload = self.upload(id, spool);
        assert!(self.accept(&mut upload).unwrap().fresh);
    }

    /// Sends what is missing, but for these clients.
    pub fn send_all_but(&mut self, without: &[ClientId]) {
        for id in self.server.progress().missing.into_iter().filter(|id| !without.contains(id)) {
            self.send(id, MemorySpool::default());
        }
    }

    /// The rounds that follow, for those whose input is in.
    pub fn close(self) -> (Sum, Vec<Finished>) {
        let missing = self.server.progress().missing;
        let clients = self.clients.into_iter().filter(|(id, _)| !missing.contains(id)).collect();
        agree_and_reveal(self.server, clients, &mut Vec::new())
    }

    /// The end of the session: exactly these survive, and the sum is exactly theirs.
    pub fn check_sum_of(self, survivors: &[ClientId]) {
        let expected = plain_sum(&self.session, &self.inputs, survivors);
        let (sum, _) = self.close();
        assert_eq!(sum.survivors(), survivors);
        assert!(read_all(&sum) == expected, "wrong sum of {survivors:?}");
    }
}
