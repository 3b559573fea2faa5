//! The session whose sum the workers make: all rounds, in this process, with the uploads in files.

use std::{path::Path, sync::Arc};

use veilsum::{
    Bound, ClientId, Identity, Layout, Session, SigningIdentity,
    secagg::{
        client::{self, Finished},
        server::CollectingAdverts,
        sum::Sum,
        upload::FileSpool,
    },
};

use crate::{broken, cli::Failure};

/// Bits of a word.
const BITS: u8 = 20;

/// What is left when all rounds are done.
pub(crate) struct Ended {
    pub(crate) session: Session,
    pub(crate) sum: Sum,
    /// The survivors, who can still check the sum.
    pub(crate) finished: Vec<(ClientId, Finished)>,
    /// The plain sum.
    pub(crate) expected: Vec<u32>,
}

/// The file of a client's upload.
pub(crate) fn upload_path(dir: &Path, id: ClientId) -> std::path::PathBuf {
    dir.join(format!("{}.upload", id.0))
}

/// A client's word at a position.
fn word(id: ClientId, position: u64) -> u32 {
    let mixed = (position ^ id.0 << 40).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 48;
    u32::try_from(mixed % 1000).unwrap_or(0)
}

/// Runs the session; the client with the smallest id drops out before its upload.
pub(crate) fn run(len: u64, clients: u64, dir: &Path) -> Result<Ended, Failure> {
    let mut rng = rand::rng();
    let host = Arc::new(SigningIdentity::generate(&mut rng).map_err(veilsum::Error::from)?);
    let mut identities = Vec::new();
    for id in 1..=clients {
        identities.push((ClientId(id), Arc::new(SigningIdentity::generate(&mut rng).map_err(veilsum::Error::from)?)));
    }
    let roster = identities.iter().map(|(id, identity)| (*id, identity.public_key()));
    let session = Session::builder(roster, host.public_key(), len, BITS, Bound::Exact { max_abs: 1000 }).build()?;

    let mut server = CollectingAdverts::new(&session, host)?;
    let mut joined = Vec::new();
    for (id, identity) in identities {
        let (state, advert) = client::join(&session, id, identity, &mut rng)?;
        server.receive(&advert)?;
        joined.push((id, state));
    }
    let missing = || broken("no message for a client");
    let (mut server, outbox) = server.close().map_err(veilsum::Error::from)?;
    let mut dealt = Vec::new();
    for (id, state) in joined {
        let message = outbox.message_for(id).ok_or_else(missing)?;
        let (state, shares) = state.receive(&message, &mut rng).map_err(veilsum::Error::from)?;
        server.receive(&shares)?;
        dealt.push((id, state));
    }
    let (mut server, outbox) = server.close().map_err(veilsum::Error::from)?;
    server.sum_in_shards()?;
    let mut sent = Vec::new();
    for (id, state) in dealt.into_iter().skip(1) {
        let message = outbox.message_for(id).ok_or_else(missing)?;
        let mut state = state.receive(&message, &mut rng).map_err(veilsum::Error::from)?;
        let mut upload = server.upload(id, FileSpool::create(upload_path(dir, id)).map_err(veilsum::Error::from)?)?;
        let (layout, mut wire) = (Layout::new(&session), Vec::new());
        for chunk in 0..layout.chunks() {
            let words: Vec<u32> = layout.chunk(chunk).map(|position| word(id, position)).collect();
            wire.clear();
            state.mask(&words, &mut wire)?;
            upload.write(&wire)?;
        }
        let (state, header) = state.finish().map_err(veilsum::Error::from)?;
        server.accept(&mut upload, &header)?;
        upload.into_spool().map(FileSpool::keep);
        sent.push((id, state));
    }
    let (mut server, outbox) = server.close().map_err(veilsum::Error::from)?;
    let mut agreed = Vec::new();
    for (id, state) in sent {
        let (state, consistency) = state.receive(&outbox.message_for(id).ok_or_else(missing)?).map_err(veilsum::Error::from)?;
        server.receive(&consistency)?;
        agreed.push((id, state));
    }
    let (mut server, outbox) = server.close().map_err(veilsum::Error::from)?;
    let mut finished = Vec::new();
    for (id, state) in agreed {
        let (state, reveal) = state.receive(&outbox.message_for(id).ok_or_else(missing)?).map_err(veilsum::Error::from)?;
        server.receive(&reveal)?;
        finished.push((id, state));
    }
    let sum = server.close().map_err(veilsum::Error::from)?;
    let expected = (0..len).map(|position| sum.survivors().iter().map(|id| word(*id, position)).sum()).collect();
    Ok(Ended { session, sum, finished, expected })
}
