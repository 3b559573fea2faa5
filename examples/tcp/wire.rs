//! What travels on a connection: frames of a kind, a length and so many bytes; each with a limit and a deadline.

use std::{
    fmt,
    io::{self, Read, Write},
    net::TcpStream,
    time::{Duration, Instant},
};

use veilsum::Session;

/// Bytes of a vector in one frame.
pub(crate) const PIECE: usize = 1 << 16;
/// Kind and length.
const HEAD: usize = 5;

/// What a frame holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A message of the protocol.
    Message = 1,
    /// The proof of a bad dealing, instead of an input.
    Complaint = 2,
    /// A piece of a vector: its offset (u64), then bytes.
    Piece = 3,
    /// From the server: the number of the error (u16) for which it goes on without this client.
    Refused = 4,
    /// From the server: the number of the error (u16) for which it gave the session up.
    Over = 5,
}

impl Kind {
    fn read(byte: u8) -> Option<Self> {
        [Self::Message, Self::Complaint, Self::Piece, Self::Refused, Self::Over].into_iter().find(|kind| *kind as u8 == byte)
    }
}

/// Why a connection is of no more use.
#[derive(Debug)]
pub(crate) enum Broken {
    Closed,
    Deadline,
    /// Not a frame, or none that is expected now.
    Frame,
    TooLong {
        len: u32,
        limit: u64,
    },
    Io(io::Error),
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str("closed the connection"),
            Self::Deadline => f.write_str("did not keep the deadline"),
            Self::Frame => f.write_str("sent something that is not expected here"),
            Self::TooLong { len, limit } => write!(f, "announced {len} bytes where at most {limit} are expected"),
            Self::Io(e) => write!(f, "can not be reached any more: {e}"),
        }
    }
}

impl From<io::Error> for Broken {
    fn from(error: io::Error) -> Self {
        use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, TimedOut, UnexpectedEof, WouldBlock};
        match error.kind() {
            TimedOut | WouldBlock => Self::Deadline,
            UnexpectedEof | BrokenPipe | ConnectionReset | ConnectionAborted => Self::Closed,
            _ => Self::Io(error),
        }
    }
}

/// One end of a connection. Whatever the other end does or leaves undone, no call outlasts the deadline.
pub(crate) struct Line {
    stream: TcpStream,
    pub(crate) deadline: Instant,
    /// The most bytes of a message from the other end.
    pub(crate) limit: u64,
}

impl Line {
    pub(crate) fn new(stream: TcpStream, deadline: Instant, limit: u64) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        Ok(Self { stream, deadline, limit })
    }

    pub(crate) fn send(&mut self, kind: Kind, bytes: &[u8]) -> Result<(), Broken> {
        self.send_parts(kind, &[bytes])
    }

    /// A piece of a vector that belongs at `offset`.
    pub(crate) fn send_piece(&mut self, offset: u64, bytes: &[u8]) -> Result<(), Broken> {
        self.send_parts(Kind::Piece, &[&offset.to_le_bytes(), bytes])
    }

    fn send_parts(&mut self, kind: Kind, parts: &[&[u8]]) -> Result<(), Broken> {
        let len = parts.iter().map(|part| part.len()).sum::<usize>();
        let len = u32::try_from(len).map_err(|_| Broken::Frame)?;
        let head: Vec<u8> = [kind as u8].into_iter().chain(len.to_le_bytes()).collect();
        self.write_all(&head)?;
        Ok(parts.iter().try_for_each(|part| self.write_all(part))?)
    }

    /// The next frame. Memory grows as bytes arrive, not as they are announced.
    pub(crate) fn receive(&mut self) -> Result<(Kind, Vec<u8>), Broken> {
        let mut head = [0; HEAD];
        self.read_exact(&mut head)?;
        let [kind, len @ ..] = head;
        let (kind, len) = (Kind::read(kind).ok_or(Broken::Frame)?, u32::from_le_bytes(len));
        let limit = match kind {
            Kind::Message | Kind::Complaint => self.limit,
            Kind::Piece => PIECE as u64 + 8,
            Kind::Refused | Kind::Over => 2,
        };
        if u64::from(len) > limit {
            return Err(Broken::TooLong { len, limit });
        }
        let mut bytes = Vec::new();
        let read = self.take(u64::from(len)).read_to_end(&mut bytes)?;
        if read < len as usize { Err(Broken::Closed) } else { Ok((kind, bytes)) }
    }

    fn left(&self) -> io::Result<Duration> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
    }
}

impl Read for Line {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.stream.set_read_timeout(Some(self.left()?))?;
        self.stream.read(out)
    }
}

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.set_write_timeout(Some(self.left()?))?;
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

/// A piece of a vector: where it belongs, and its bytes.
pub(crate) fn read_piece(frame: &[u8]) -> Result<(u64, &[u8]), Broken> {
    let (offset, bytes) = frame.split_first_chunk().ok_or(Broken::Frame)?;
    Ok((u64::from_le_bytes(*offset), bytes))
}

/// No message of a client is longer (docs/protocol.md, section 6): shares and complaints grow with the roster.
pub(crate) fn longest_from_client(session: &Session) -> u64 {
    let (n, t) = (session.clients() as u64, u64::from(session.threshold()));
    4096 + 64 * t + 2600 * n
}

/// No message of the server is longer: a delivery holds everybody's dealing.
pub(crate) fn longest_from_server(session: &Session) -> u64 {
    let (n, t) = (session.clients() as u64, u64::from(session.threshold()));
    4096 + n * (2800 + 64 * t + 40 * n)
}
