//! A client's process: bytes from the server on the standard input, bytes to it on the standard output.

use std::{
    io::{self, Read, Write},
    sync::Arc,
};

use veilsum::{
    Bound, ClientId, Session, SigningIdentity,
    driver::{Client, ClientStep},
};

use crate::{
    broken,
    cli::Failure,
    pipe::{get, peak_mib, put},
    update::{Update, extend},
};

/// Frames to a client.
pub(crate) const DESCRIPTOR: u8 = b'd';
pub(crate) const MESSAGE: u8 = b'm';
/// Send so many bytes of the upload at the most, and then nothing more.
pub(crate) const STOP_AT: u8 = b'x';
/// Frames from a client.
pub(crate) const WIRE: u8 = b'w';
pub(crate) const REPORT: u8 = b'r';

/// Words that are generated, masked and sent at once.
const STEP: usize = 1 << 20;

/// The identity of a client in this example: everybody can make it, so it protects nothing.
pub(crate) fn identity(id: u64) -> Arc<SigningIdentity> {
    let mut seed = [0x62; 32];
    seed[..8].copy_from_slice(&id.to_le_bytes());
    Arc::new(SigningIdentity::from_seed(&seed))
}

/// Plays one client until the server closes the pipe.
pub(crate) fn run(id: u64) -> Result<(), Failure> {
    let (mut input, mut output) = (io::stdin().lock(), io::stdout().lock());
    let (mut frame, mut rng, mut stop_at) = (Vec::new(), rand::rng(), u64::MAX);
    let mut party: Option<(Session, Client)> = None;
    while let Some(kind) = get(&mut input, &mut frame).map_err(broken)? {
        match (kind, &mut party) {
            (DESCRIPTOR, None) => {
                // A real client builds the descriptor itself.
                let session = Session::decode(&frame)?;
                let (client, advert) = Client::join(&session, ClientId(id), identity(id), &mut rng)?;
                put(&mut output, MESSAGE, &advert).map_err(broken)?;
                party = Some((session, client));
            }
            (STOP_AT, _) => stop_at = u64::from_le_bytes(frame.as_slice().try_into().map_err(broken)?),
            (MESSAGE, Some((session, client))) => match client.receive(&frame, &mut rng).map_err(veilsum::Error::from)? {
                ClientStep::Send(answer) | ClientStep::Done(answer, _) => put(&mut output, MESSAGE, &answer).map_err(broken)?,
                ClientStep::GiveInput => give_input(session, client, id, stop_at, &mut output)?,
                _ => {}
            },
            _ => return Err(Failure::Run("a frame that does not belong here".into())),
        }
    }
    Ok(())
}

/// Generates, masks and sends the update, then the signed header and a report: checksum and memory.
fn give_input(session: &Session, client: &mut Client, id: u64, stop_at: u64, output: &mut impl Write) -> Result<(), Failure> {
    let Bound::Exact { max_abs } = session.bound() else { return Err(Failure::Run("no exact bound".into())) };
    let (update, ring) = (Update::new(id, max_abs), veilsum::Layout::new(session).ring());
    let (mut words, mut wire, mut checksum, mut sent) = (Vec::new(), Vec::new(), 0, 0);
    for start in (0..session.vector_len()).step_by(STEP) {
        let positions = start..(start + STEP as u64).min(session.vector_len());
        words.clear();
        // The session's words have at most 32 bits.
        #[allow(clippy::cast_possible_truncation, reason = "at most 32 bits")]
        words.extend(positions.clone().map(|position| ring.wrap(update.value(position)) as u32));
        checksum = extend(checksum, start, positions.map(|position| update.value(position)));
        wire.clear();
        client.mask(&words, &mut wire)?;
        put(output, WIRE, &wire).map_err(broken)?;
        sent += wire.len() as u64;
        if sent >= stop_at {
            // The power is cut.
            return Err(Failure::Run("stopped half-way, as told".into()));
        }
    }
    let header = client.finish()?;
    put(output, MESSAGE, &header).map_err(broken)?;
    put(output, REPORT, &[checksum.to_le_bytes(), peak_mib().to_le_bytes()].concat()).map_err(broken)
}

/// Reads a whole frame of one kind.
pub(crate) fn expect(input: &mut impl Read, kind: u8, frame: &mut Vec<u8>) -> Result<(), Failure> {
    match get(input, frame).map_err(broken)? {
        Some(got) if got == kind => Ok(()),
        Some(_) => Err(Failure::Run("a frame that does not belong here".into())),
        None => Err(broken("it closed the pipe")),
    }
}
