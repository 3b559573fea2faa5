//! A session to audit: five clients, one of which drops out, with a transcript recorded beside the server.

use std::{fs, path::Path, sync::Arc};

use rand::Rng;
use veilsum::{
    Bound, ClientId, Identity, Layout, Session, SigningIdentity,
    audit::{Transcript, Vectors},
    driver::{Client, ClientStep, Server, ServerStep},
    secagg::{
        sum::Sum,
        upload::{MemorySpool, Spool},
    },
};

use crate::cli::{self, Failure};

const WORDS: u64 = 1000;
const DROPS_OUT: ClientId = ClientId(4);

type Uploads = Vec<(ClientId, Arc<MemorySpool>)>;

pub(crate) fn write(directory: &Path) -> Result<(), Failure> {
    let mut rng = rand::rng();
    let host = Arc::new(SigningIdentity::generate(&mut rng).map_err(veilsum::Error::from)?);
    let generate = |id| Ok((ClientId(id), Arc::new(SigningIdentity::generate(&mut rng).map_err(veilsum::Error::from)?)));
    let identities = (1..=5).map(generate).collect::<Result<Vec<_>, Failure>>()?;
    let roster = identities.iter().map(|(id, identity)| (*id, identity.public_key()));
    let bound = Bound::Exact { max_abs: 1000 };
    let builder = Session::builder(roster, host.public_key(), WORDS, 16, bound).chunk_len(128);
    let session = builder.attempt(rand::random()).build()?;
    let (record, uploads, sum) = play(&session, host, identities)?;
    let transcript = file(&record, &uploads, &sum)?;
    fs::create_dir_all(directory).map_err(|e| Failure::file(directory, e))?;
    let files = [("session.bin", session.encode()), ("transcript.bin", transcript), ("sum.bin", words(&sum)?)];
    for (name, bytes) in files {
        let path = directory.join(name);
        fs::write(&path, &bytes).map_err(|e| Failure::file(&path, e))?;
        cli::print(&format!("{} ({} bytes)\n", path.display(), bytes.len()));
    }
    cli::print(&format!("session id {}, {} chunks\n", session.id(), Layout::new(&session).chunks()));
    Ok(())
}

/// The server's part, and all clients'; whatever the server takes or sends is recorded.
fn play(
    session: &Session,
    host: Arc<SigningIdentity>,
    identities: Vec<(ClientId, Arc<SigningIdentity>)>,
) -> Result<(Transcript, Uploads, Sum), Failure> {
    let (mut record, mut uploads, mut rng) = (Transcript::new(session), Vec::new(), rand::rng());
    let (mut server, mut clients) = (Server::new(session, host)?, Vec::new());
    for (id, identity) in identities {
        let (client, advert) = Client::join(session, id, identity, &mut rng)?;
        server.receive(&advert)?;
        record.received(&advert)?;
        clients.push((id, client));
    }
    let mut step = server.close()?;
    while let ServerStep::Send(outbox) = step {
        record.sent(&outbox)?;
        for (id, client) in &mut clients {
            let Some(message) = outbox.message_for(*id) else { continue };
            match client.receive(&message, &mut rng).map_err(veilsum::Error::from)? {
                ClientStep::Send(answer) | ClientStep::Done(answer, _) => {
                    server.receive(&answer)?;
                    record.received(&answer)?;
                }
                ClientStep::GiveInput if *id != DROPS_OUT => {
                    let (mut upload, mut wire) = (server.upload(*id, Arc::new(MemorySpool::default()))?, Vec::new());
                    let words: Vec<u32> = (0..WORDS).map(|_| rng.next_u32() % 1000).collect();
                    client.mask(&words, &mut wire)?;
                    upload.write(&wire)?;
                    // The spool goes into the sum; this keeps it for the transcript.
                    uploads.extend(upload.spool().map(|spool| (*id, Arc::clone(spool))));
                    server.accept(&mut upload, &client.finish()?)?;
                }
                _ => {}
            }
        }
        clients.retain(|(_, client)| !client.awaits_input());
        step = server.close()?;
    }
    let ServerStep::Sum(mut sum) = step else { return Err(Failure::Run("the session did not end".into())) };
    record.sent(&sum.announce()?.0)?;
    Ok((record, uploads, *sum))
}

fn file(record: &Transcript, uploads: &Uploads, sum: &Sum) -> Result<Vec<u8>, Failure> {
    let spools: Vec<(ClientId, &dyn Spool)> = uploads.iter().map(|(id, spool)| (*id, spool as &dyn Spool)).collect();
    let (mut out, words) = (Vec::new(), |position, words: &mut [u64]| sum.read(position, words));
    record.write(&mut out, Some(&Vectors::all(&spools, &words)))?;
    Ok(out)
}

/// The words of the sum, each a little-endian integer of 8 bytes.
fn words(sum: &Sum) -> Result<Vec<u8>, Failure> {
    let mut words = vec![0; usize::try_from(WORDS).map_err(|e| Failure::Run(e.to_string()))?];
    sum.read(0, &mut words)?;
    Ok(words.iter().flat_map(|word: &u64| word.to_le_bytes()).collect())
}
