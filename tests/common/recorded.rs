//! Sessions with a transcript recorded beside the server, and transcripts as a forger sees them: every field can be altered and signed again. The
//! form of the file is written a second time, from docs/protocol.md, section 20.
#![allow(dead_code, unreachable_pub, missing_debug_implementations, reason = "each test file uses some of it")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

use std::{collections::BTreeMap, sync::Arc};

use veilsum::{
    ClientId, Identity, Masking, Session, SessionBuilder,
    audit::{Transcript, Vectors},
    secagg::{
        server::CollectingAdverts,
        sum::Sum,
        upload::{MemorySpool, Spool},
    },
};

use crate::{
    common::{Leaves, World, mask_all},
    forge::{Raw, hash},
};

pub const PACKAGES: u8 = 0x21;
pub const ALL: u8 = 0x22;
pub const OPENED: u8 = 0x23;

/// A session that was recorded as far as it went.
pub struct Recorded {
    pub world: World,
    pub session: Session,
    pub inputs: BTreeMap<ClientId, Vec<u64>>,
    pub record: Transcript,
    pub uploads: Vec<(ClientId, Arc<MemorySpool>)>,
    pub sum: Option<Sum>,
    /// Every message of clients and server, in order.
    pub messages: Vec<Vec<u8>>,
}

/// How a session goes.
pub struct Script<'a> {
    pub n: u64,
    pub masking: Masking,
    /// Before which round each client is gone.
    pub leaves: Leaves,
    /// What the server does not close any more: 0 to 5; 6 for a whole session.
    pub until: u8,
    pub change: &'a dyn Fn(SessionBuilder) -> SessionBuilder,
    /// What becomes of reveals on the way.
    pub reveal: &'a Reveal<'a>,
    /// Who plays a client's part in rounds 0 and 1, if not the library.
    pub imposter: Option<(ClientId, &'a Imposter<'a>)>,
    /// What a client sends instead of its input, by its delivery.
    pub complaint: &'a Complain<'a>,
    pub len: u64,
    pub seed: u64,
}

/// What arrives instead of a client's reveal.
pub type Reveal<'a> = dyn Fn(&World, ClientId, Vec<u8>) -> Vec<u8> + 'a;

/// A complaint, if there is one.
pub type Complain<'a> = dyn Fn(&World, &Session, ClientId, &[u8]) -> Option<Vec<u8>> + 'a;

/// Makes the advert, then from the adverts the shares.
pub type Imposter<'a> = dyn Fn(&mut World, &Session) -> Box<dyn FnMut(Option<&[u8]>) -> Vec<u8> + 'a> + 'a;

impl Script<'_> {
    pub fn new(masking: Masking, n: u64, leaves: &[(u64, u8)]) -> Self {
        Self {
            n,
            masking,
            leaves: leaves.iter().map(|(id, round)| (ClientId(*id), *round)).collect(),
            until: 6,
            change: &|builder| builder.min_honest(2),
            reveal: &|_, _, message| message,
            imposter: None,
            complaint: &|_, _, _, _| None,
            len: 5,
            seed: 500 + n,
        }
    }

    fn stays(&self, id: &ClientId, round: u8) -> bool {
        self.leaves.get(id).copied().unwrap_or(5) > round
    }

    pub fn play(&self) -> Recorded {
        let mut world = World::masked(self.n, self.seed, self.masking);
        let session = (self.change)(world.builder(self.len, 20)).build().unwrap();
        let inputs = world.inputs(&session);
        let record = Transcript::new(&session);
        let mut game = Recorded { world, session, inputs, record, uploads: Vec::new(), sum: None, messages: Vec::new() };
        game.rounds(self);
        game
    }
}

impl Recorded {
    fn took(&mut self, message: &[u8]) {
        self.record.received(message).unwrap();
        self.messages.push(message.to_vec());
    }

    fn sent(&mut self, outbox: &veilsum::secagg::Outbox) {
        self.record.sent(outbox).unwrap();
        self.messages.extend(outbox.messages().map(|(_, message)| message));
    }

    fn rounds(&mut self, script: &Script<'_>) {
        let session = self.session.clone();
        let mut server = CollectingAdverts::new(&session, self.world.server.clone()).unwrap();
        let mut joined = Vec::new();
        let mut imposter = script.imposter.map(|(id, make)| (id, make(&mut self.world, &session)));
        for id in self.world.ids().into_iter().filter(|id| script.stays(id, 0)) {
            if let Some((_, play)) = imposter.as_mut().filter(|(own, _)| *own == id) {
                server.receive(&play(None)).unwrap();
                continue;
            }
            let (state, advert) = self.world.join(&session, id);
            server.receive(&advert).unwrap();
            self.took(&advert);
            joined.push((id, state));
        }
        if script.until < 1 {
            return;
        }
        let (mut server, outbox) = server.close().unwrap();
        self.sent(&outbox);
        let mut dealt = Vec::new();
        if let Some((id, play)) = &mut imposter {
            server.receive(&play(Some(&outbox.message_for(*id).unwrap()))).unwrap();
        }
        for (id, state) in joined.into_iter().filter(|(id, _)| script.stays(id, 1)) {
            let (state, shares) = state.receive(&outbox.message_for(id).unwrap(), &mut self.world.rng).unwrap();
            server.receive(&shares).unwrap();
            self.took(&shares);
            dealt.push((id, state));
        }
        if script.until < 2 {
            return;
        }
        let (mut server, outbox) = server.close().unwrap();
        self.sent(&outbox);
        let mut masked = Vec::new();
        for (id, state) in dealt.into_iter().filter(|(id, _)| script.stays(id, 2)) {
            let message = outbox.message_for(id).unwrap();
            let complaint = (script.complaint)(&self.world, &session, id, &message);
            let received = state.receive(&message, &mut self.world.rng);
            if let Some(complaint) = complaint.or_else(|| received.as_ref().err()?.complaint.clone()) {
                match server.complain(&complaint) {
                    Ok(_) => return self.took(&complaint),
                    Err(failure) => server = *failure.state.unwrap(),
                }
                self.took(&complaint);
                continue;
            }
            let (mut state, mut wire) = (received.unwrap(), Vec::new());
            mask_all(&mut state, &session, &self.inputs[&id], &mut wire).unwrap();
            let (state, header) = state.finish().unwrap();
            let mut upload = server.upload(id, Arc::new(MemorySpool::default())).unwrap();
            upload.write(&wire).unwrap();
            self.uploads.push((id, upload.spool().unwrap().clone()));
            server.accept(&mut upload, &header).unwrap();
            self.took(&header);
            masked.push((id, state));
        }
        if script.until < 3 {
            return;
        }
        let (mut server, outbox) = server.close().unwrap();
        self.sent(&outbox);
        let mut agreed = Vec::new();
        for (id, state) in masked.into_iter().filter(|(id, _)| script.stays(id, 3)) {
            let (state, message) = state.receive(&outbox.message_for(id).unwrap()).unwrap();
            server.receive(&message).unwrap();
            self.took(&message);
            agreed.push((id, state));
        }
        if script.until < 4 {
            return;
        }
        let (mut server, outbox) = server.close().unwrap();
        self.sent(&outbox);
        for (id, state) in agreed.into_iter().filter(|(id, _)| script.stays(id, 4)) {
            let (_, message) = state.receive(&outbox.message_for(id).unwrap()).unwrap();
            let message = (script.reveal)(&self.world, id, message);
            server.receive(&message).unwrap();
            self.took(&message);
        }
        if script.until < 5 {
            return;
        }
        let mut sum = server.close().unwrap();
        let (outbox, _) = sum.announce().unwrap();
        self.sent(&outbox);
        self.sum = Some(sum);
    }

    /// The transcript with all chunks, or as far as there is one.
    pub fn transcript(&self) -> Vec<u8> {
        self.write(|uploads, sum, record, out| {
            record.write(out, Some(&Vectors::all(uploads, sum))).unwrap();
        })
    }

    /// The transcript with some chunks and their paths.
    pub fn opened(&self, chunks: &[u64]) -> Vec<u8> {
        let chunks = chunks.iter().copied().collect();
        self.write(|uploads, sum, record, out| {
            record.write(out, Some(&Vectors::opened(uploads, sum, &chunks))).unwrap();
        })
    }

    /// The transcript without chunks.
    pub fn control(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.record.write(&mut out, None).unwrap();
        out
    }

    #[allow(clippy::type_complexity, reason = "once")]
    fn write(
        &self,
        write: impl FnOnce(
            &[(ClientId, &dyn Spool)],
            &dyn Fn(u64, &mut [u64]) -> Result<(), veilsum::Error>,
            &Transcript,
            &mut Vec<u8>,
        ),
    ) -> Vec<u8> {
        let Some(sum) = &self.sum else { return self.control() };
        let uploads: Vec<(ClientId, &dyn Spool)> = self.uploads.iter().map(|(id, spool)| (*id, &**spool as _)).collect();
        let mut out = Vec::new();
        write(&uploads, &|position, words| sum.read(position, words), &self.record, &mut out);
        out
    }
}

/// The contents of one part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Contents {
    Sent {
        body: Vec<u8>,
        letters: Vec<Letter>,
    },
    Received(Vec<Vec<u8>>),
    /// Packages and chunks, as they stand.
    Bytes(Vec<u8>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    pub recipient: u64,
    /// In a delivery.
    pub attachment_hash: Option<[u8; 32]>,
    pub signature: [u8; 64],
}

/// A transcript cut into its parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    pub descriptor: Vec<u8>,
    pub parts: Vec<(u8, Contents)>,
}

struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn take(&mut self, len: usize) -> &'a [u8] {
        let (head, rest) = self.0.split_at(len);
        self.0 = rest;
        head
    }

    fn u32(&mut self) -> usize {
        u32::from_le_bytes(self.take(4).try_into().unwrap()) as usize
    }

    fn sized(&mut self) -> &'a [u8] {
        let len = self.u32();
        self.take(len)
    }
}

impl File {
    pub fn parse(bytes: &[u8]) -> Self {
        let mut cursor = Cursor(bytes);
        assert_eq!(cursor.take(17), b"veilsum/3/audit\n\x01");
        let (descriptor, mut parts) = (cursor.sized().to_vec(), Vec::new());
        loop {
            let tag = cursor.take(1)[0];
            let contents = match tag {
                0 => break,
                0x03 | 0x07 => Contents::Received((0..cursor.u32()).map(|_| cursor.sized().to_vec()).collect()),
                PACKAGES => {
                    let count = u32::from_le_bytes(cursor.0[..4].try_into().unwrap()) as usize;
                    Contents::Bytes(cursor.take(4 + count * (8 + 8 + 1120 + 1120 + 32 + 144)).to_vec())
                }
                // The chunks are the last part.
                ALL | OPENED => Contents::Bytes(cursor.take(cursor.0.len() - 1).to_vec()),
                _ => {
                    let body = cursor.sized().to_vec();
                    let letters = (0..cursor.u32()).map(|_| Letter {
                        recipient: u64::from_le_bytes(cursor.take(8).try_into().unwrap()),
                        attachment_hash: (tag == 0x12).then(|| cursor.take(32).try_into().unwrap()),
                        signature: cursor.take(64).try_into().unwrap(),
                    });
                    Contents::Sent { body, letters: letters.collect() }
                }
            };
            parts.push((tag, contents));
        }
        assert!(cursor.0.is_empty());
        Self { descriptor, parts }
    }

    pub fn encode(&self) -> Vec<u8> {
        let mut out = b"veilsum/3/audit\n\x01".to_vec();
        put(&mut out, &self.descriptor);
        for (tag, contents) in &self.parts {
            out.push(*tag);
            match contents {
                Contents::Bytes(bytes) => out.extend(bytes),
                Contents::Received(messages) => {
                    out.extend(u32::try_from(messages.len()).unwrap().to_le_bytes());
                    messages.iter().for_each(|message| put(&mut out, message));
                }
                Contents::Sent { body, letters } => {
                    put(&mut out, body);
                    out.extend(u32::try_from(letters.len()).unwrap().to_le_bytes());
                    for letter in letters {
                        out.extend(letter.recipient.to_le_bytes());
                        out.extend(letter.attachment_hash.iter().flatten());
                        out.extend(letter.signature);
                    }
                }
            }
        }
        out.push(0);
        out
    }

    /// The file up to the end of this part, where nothing says that it ends.
    pub fn cut_after(&self, last: &[u8]) -> Vec<u8> {
        let len = 1 + self.parts.iter().position(|(tag, _)| last.contains(tag)).unwrap();
        let head = Self { descriptor: self.descriptor.clone(), parts: self.parts[..len].to_vec() };
        let mut out = head.encode();
        out.pop();
        out
    }

    pub fn part(&mut self, tag: u8) -> &mut Contents {
        &mut self.parts.iter_mut().find(|(own, _)| *own == tag).unwrap().1
    }

    pub fn remove(&mut self, tag: u8) {
        self.parts.retain(|(own, _)| *own != tag);
    }

    pub fn body(&mut self, tag: u8) -> &mut Vec<u8> {
        match self.part(tag) {
            Contents::Sent { body, .. } => body,
            other => panic!("{other:?}"),
        }
    }

    pub fn received(&mut self, tag: u8) -> &mut Vec<Vec<u8>> {
        match self.part(tag) {
            Contents::Received(messages) => messages,
            other => panic!("{other:?}"),
        }
    }

    pub fn bytes(&mut self, tag: u8) -> &mut Vec<u8> {
        match self.part(tag) {
            Contents::Bytes(bytes) => bytes,
            other => panic!("{other:?}"),
        }
    }

    /// Signs a part again, over `prev`, for everybody who has a letter; attachments stay what they were.
    pub fn resign(&mut self, session: &Session, tag: u8, prev: [u8; 32], server: &dyn Identity) {
        let Contents::Sent { body, letters } = self.part(tag) else { panic!("nothing that is sent") };
        let none = hash("attachment", &[&[]]);
        for letter in letters {
            let mut raw = Raw::new(session, tag, ClientId(letter.recipient), prev);
            raw.body.clone_from(body);
            letter.signature = raw.sign_beside(letter.attachment_hash.as_ref().unwrap_or(&none), server);
        }
    }
}

fn put(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend(u32::try_from(bytes.len()).unwrap().to_le_bytes());
    out.extend(bytes);
}
