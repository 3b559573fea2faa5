//! The thread of one connection: it never waits without a deadline, and whatever the other end does ends at most this connection.

use std::{
    io,
    net::{TcpListener, TcpStream},
    sync::{
        Arc,
        mpsc::{self, Receiver, Sender},
    },
    thread,
    time::{Duration, Instant},
};

use veilsum::{
    ClientId, Error, Session,
    message::{Advert, Message},
    secagg::upload::{FileSpool, Upload},
};

use crate::{
    cli,
    wire::{self, Broken, Kind, Line},
};

/// How long a new connection gets to show an advert.
const FIRST_WORDS: Duration = Duration::from_secs(10);
/// How long it may take to tell a client why its connection ends.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// The number of `RoundError::Late`.
const TOO_LATE: u16 = 505;
/// Connections at once, beyond one for each client.
const STRANGERS: usize = 256;

/// From a connection to the server's state.
pub(crate) enum Event {
    /// A connection that says whose it is; the advert has to prove it.
    Joined {
        client: ClientId,
        number: u64,
        advert: Vec<u8>,
        jobs: Sender<Job>,
    },
    Message {
        client: ClientId,
        message: Vec<u8>,
    },
    Input {
        client: ClientId,
        upload: Box<Upload<FileSpool>>,
        message: Vec<u8>,
    },
    Gone {
        client: ClientId,
        number: u64,
        why: String,
    },
}

/// From the server's state to a connection.
pub(crate) enum Job {
    /// Send this, and wait for the answer.
    Ask { message: Vec<u8>, answer: Answer, deadline: Instant },
    /// Send the sum, and this.
    Announce { message: Vec<u8>, words: Arc<[u64]>, deadline: Instant },
    /// Say so, with the number of the error, and close the connection.
    Stop(Kind, u16),
}

pub(crate) enum Answer {
    Message,
    /// A masked vector comes before the message, unless that is a complaint.
    Input(Box<Upload<FileSpool>>),
}

/// Why a connection ends.
enum End {
    Broken(Broken),
    /// The client is told a number.
    Refused(Error),
    /// All is said.
    Done,
}

impl From<Broken> for End {
    fn from(broken: Broken) -> Self {
        Self::Broken(broken)
    }
}

impl From<Error> for End {
    fn from(error: Error) -> Self {
        Self::Refused(error)
    }
}

/// Accepts connections until the process ends, and numbers them.
pub(crate) fn listen(listener: TcpListener, session: Session, deadline: Duration, events: Sender<Event>) -> io::Result<()> {
    let (open, most) = (Arc::new(()), session.clients() + STRANGERS);
    let accept = move || {
        for (number, stream) in (0..).zip(listener.incoming()) {
            match stream {
                Ok(stream) if Arc::strong_count(&open) <= most => {
                    let (open, session, events) = (open.clone(), session.clone(), events.clone());
                    let serve = move || {
                        serve(stream, number, &session, deadline, &events);
                        drop(open);
                    };
                    if let Err(e) = thread::Builder::new().spawn(serve) {
                        cli::say(&format!("server: no thread for a connection: {e}"));
                    }
                }
                Ok(_) => {}                                          // too many; this one is closed
                Err(_) => thread::sleep(Duration::from_millis(100)), // no descriptors left, or the peer is gone already
            }
        }
    };
    thread::Builder::new().spawn(accept).map(drop)
}

fn serve(stream: TcpStream, number: u64, session: &Session, patience: Duration, events: &Sender<Event>) {
    let first = Instant::now() + patience.min(FIRST_WORDS);
    let Ok(mut line) = Line::new(stream, first, wire::longest_from_client(session)) else { return };
    let (client, advert) = match introduce(&mut line) {
        Ok(introduced) => introduced,
        Err(end) => {
            if let Some(why) = finish(&mut line, end) {
                cli::say(&format!("server: a connection that is no client's {why}"));
            }
            return;
        }
    };
    let (sender, jobs) = mpsc::channel();
    if events.send(Event::Joined { client, number, advert, jobs: sender }).is_err() {
        return;
    }
    let end = work(&mut line, client, &jobs, events);
    let why = finish(&mut line, end).unwrap_or_default();
    let _ = events.send(Event::Gone { client, number, why });
}

/// The first message must be an advert; that it is authentic is for the server's state to say.
fn introduce(line: &mut Line) -> Result<(ClientId, Vec<u8>), End> {
    let (Kind::Message, bytes) = line.receive()? else { return Err(Broken::Frame.into()) };
    let advert = Message::<Advert>::decode(&bytes).map_err(Error::from)?;
    Ok((advert.client, bytes))
}

/// Does one job after the other; each is to be done before its deadline.
fn work(line: &mut Line, client: ClientId, jobs: &Receiver<Job>, events: &Sender<Event>) -> End {
    for job in jobs {
        let done = match job {
            Job::Ask { message, answer, deadline } => ask(line, client, &message, answer, deadline),
            Job::Announce { message, words, deadline } => {
                announce(line, &message, &words, deadline).map_err(End::from).and(Err(End::Done))
            }
            Job::Stop(kind, code) => tell(line, kind, code).map_err(End::from).and(Err(End::Done)),
        };
        match done {
            Ok(event) => drop(events.send(event)),
            Err(end) => return end,
        }
    }
    End::Done
}

fn ask(line: &mut Line, client: ClientId, message: &[u8], answer: Answer, deadline: Instant) -> Result<Event, End> {
    line.deadline = deadline;
    line.send(Kind::Message, message)?;
    let Answer::Input(mut upload) = answer else {
        let (Kind::Message, message) = line.receive()? else { return Err(Broken::Frame.into()) };
        return Ok(Event::Message { client, message });
    };
    loop {
        match line.receive()? {
            (Kind::Piece, frame) => {
                let (offset, bytes) = wire::read_piece(&frame)?;
                upload.write_at(offset, bytes)?;
            }
            (Kind::Message, message) => return Ok(Event::Input { client, upload, message }),
            (Kind::Complaint, message) => return Ok(Event::Message { client, message }),
            _ => return Err(Broken::Frame.into()),
        }
    }
}

fn announce(line: &mut Line, message: &[u8], words: &[u64], deadline: Instant) -> Result<(), Broken> {
    line.deadline = deadline;
    let (mut offset, mut bytes) = (0, Vec::new());
    for words in words.chunks(wire::PIECE / 8) {
        bytes.clear();
        words.iter().for_each(|word| bytes.extend_from_slice(&word.to_le_bytes()));
        line.send_piece(offset, &bytes)?;
        offset += bytes.len() as u64;
    }
    line.send(Kind::Message, message)
}

/// Tells the other end why, where that is of use to it; returns what is to be said here.
fn finish(line: &mut Line, end: End) -> Option<String> {
    match end {
        End::Done => None,
        End::Refused(error) => {
            let _ = tell(line, Kind::Refused, error.code());
            Some(format!("is shut out ({error})"))
        }
        End::Broken(broken) => {
            if matches!(broken, Broken::Deadline) {
                let _ = tell(line, Kind::Refused, TOO_LATE);
            }
            Some(broken.to_string())
        }
    }
}

fn tell(line: &mut Line, kind: Kind, code: u16) -> Result<(), Broken> {
    line.deadline = Instant::now() + LAST_WORDS;
    line.send(kind, &code.to_le_bytes())
}
