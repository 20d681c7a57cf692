//! Reads what stands at our end of a terminal or pipe, in turns, until nobody holds the other end.

use std::io;
use std::os::fd::OwnedFd;

use tokio::net::unix::pipe;

/// Bytes taken from one terminal before the other has its turn.
pub(super) const TURN: usize = 256 * 1024;

/// One end of a terminal; `None` once nobody holds the other.
pub(super) type Reader = Option<pipe::Receiver>;

/// Tokio has no type for our end of a terminal; it is read like the end of a pipe.
pub(super) fn reader(terminal: OwnedFd) -> io::Result<pipe::Receiver> {
    pipe::Receiver::from_owned_fd_unchecked(terminal)
}

pub(super) async fn readable(reader: &Reader) -> io::Result<()> {
    match reader {
        Some(reader) => reader.readable().await,
        None => std::future::pending().await,
    }
}

/// Reads up to `TURN` bytes; closes the reader where nobody holds the other end any more.
pub(super) fn read_turn(reader: &mut Reader, mut take: impl FnMut(&[u8])) -> usize {
    let mut buffer = [0_u8; 64 * 1024];
    let mut taken = 0;
    while taken < TURN {
        let Some(open) = reader else { break };
        match open.try_read(&mut buffer) {
            Ok(0) => *reader = None,
            Ok(length) => {
                take(&buffer[..length]);
                taken += length;
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // EIO: the far end is closed and everything is read.
            Err(_) => *reader = None,
        }
    }
    taken
}
