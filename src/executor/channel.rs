//! The way to a running shim: a FIFO in the attempt's directory, which any later supervisor finds
//! there too. What is written to it passes through the kernel's memory and touches no disk.
//!
//! ```text
//! one frame, written whole:  <kind: 1 byte> <length: 2 bytes, big endian> <that many bytes>
//!     b  bytes for the keyboard of the action
//!     c  commit the held transaction of this number (4 bytes, big endian)
//!     r  roll it back
//!     s  the size of the terminal: columns, rows (2 bytes each, big endian)
//! ```

use std::io;
use std::path::Path;

use rustix::fs::{Mode, OFlags};

use super::prepared::make_pipe;

/// In the attempt's directory, 0600, while the action runs.
pub(super) const CHANNEL_FILE: &str = "input";
/// A write of at most this is never torn (`PIPE_BUF` is at least 512 everywhere).
const WHOLE: usize = 512;
const HEAD: usize = 3;

/// What a shim is told.
#[derive(PartialEq, Eq)]
pub(super) enum Told {
    Bytes(Vec<u8>),
    Release { number: u32, commit: bool },
    Size { columns: u16, rows: u16 },
}

/// What is typed must stand in no log.
impl std::fmt::Debug for Told {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Bytes(bytes) => write!(formatter, "Bytes({})", bytes.len()),
            Self::Size { columns, rows } => write!(formatter, "Size({columns}x{rows})"),
            Self::Release { number, commit } => {
                write!(formatter, "Release({number}, commit: {commit})")
            }
        }
    }
}

/// Makes the FIFO and opens the shim's end. It is held open for writing too, so that it has no end
/// when a supervisor leaves.
pub(super) fn open(directory: &Path) -> io::Result<std::os::fd::OwnedFd> {
    let path = directory.join(CHANNEL_FILE);
    make_pipe(&path)?;
    open_end(&path)
}

/// Makes a FIFO, unless an earlier round has made it, and opens it for both ends.
pub(super) fn open_fifo(path: &Path) -> io::Result<std::os::fd::OwnedFd> {
    make_pipe(path)?;
    open_end(path)
}

fn open_end(path: &Path) -> io::Result<std::os::fd::OwnedFd> {
    Ok(rustix::fs::open(
        path,
        OFlags::RDWR | OFlags::NONBLOCK | OFlags::CLOEXEC,
        Mode::empty(),
    )?)
}

/// Nobody listens any more.
pub(super) fn close(directory: &Path) {
    match std::fs::remove_file(directory.join(CHANNEL_FILE)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            eprintln!("gonogo shim: cannot remove its input: {error}");
        }
        _ => {}
    }
}

/// Tells the shim of this directory.
///
/// # Errors
/// Where none listens, or it does not keep up with what is written.
pub(super) fn tell(directory: &Path, told: &Told) -> io::Result<()> {
    let path = directory.join(CHANNEL_FILE);
    let flags = OFlags::WRONLY | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let channel = rustix::fs::open(&path, flags, Mode::empty()).map_err(|error| match error {
        rustix::io::Errno::NXIO | rustix::io::Errno::NOENT => {
            io::Error::new(io::ErrorKind::NotFound, "it accepts no input (any more)")
        }
        other => other.into(),
    })?;
    let frames: Vec<Vec<u8>> = match told {
        Told::Bytes(bytes) => bytes
            .chunks(WHOLE - HEAD)
            .map(|bytes| frame(b'b', bytes))
            .collect(),
        Told::Release { number, commit } => {
            let kind = if *commit { b'c' } else { b'r' };
            vec![frame(kind, &number.to_be_bytes())]
        }
        Told::Size { columns, rows } => {
            let size = [columns.to_be_bytes(), rows.to_be_bytes()].concat();
            vec![frame(b's', &size)]
        }
    };
    for frame in frames {
        let written = rustix::io::write(&channel, &frame)?;
        if written != frame.len() {
            return Err(io::Error::other("it does not accept input"));
        }
    }
    Ok(())
}

fn frame(kind: u8, bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX).to_be_bytes();
    let mut frame = vec![kind, length[0], length[1]];
    frame.extend_from_slice(bytes);
    frame
}

/// Cuts what was read into frames.
#[derive(Default)]
pub(super) struct Frames {
    pending: Vec<u8>,
}

impl Frames {
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.pending.extend_from_slice(bytes);
    }

    /// The next whole frame; one of an unknown kind is passed over.
    pub(super) fn next(&mut self) -> Option<Told> {
        loop {
            let [kind, high, low, ..] = *self.pending.as_slice() else {
                return None;
            };
            let end = HEAD + usize::from(u16::from_be_bytes([high, low]));
            let bytes = self.pending.get(HEAD..end)?.to_vec();
            self.pending.drain(..end);
            let pair = |at: usize| {
                let bytes: [u8; 2] = bytes.get(at..at + 2)?.try_into().ok()?;
                Some(u16::from_be_bytes(bytes))
            };
            let number = || Some(u32::from_be_bytes(bytes.as_slice().try_into().ok()?));
            match (kind, number()) {
                (b'b', _) => return Some(Told::Bytes(bytes)),
                (b'c', Some(number)) => {
                    return Some(Told::Release {
                        number,
                        commit: true,
                    });
                }
                (b'r', Some(number)) => {
                    return Some(Told::Release {
                        number,
                        commit: false,
                    });
                }
                (b's', _) if bytes.len() == 4 => {
                    if let (Some(columns), Some(rows)) = (pair(0), pair(2)) {
                        return Some(Told::Size { columns, rows });
                    }
                }
                _ => eprintln!("gonogo shim: an input that it does not know"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_arrives_whole_and_in_order() {
        let mut frames = Frames::default();
        let mut bytes = frame(b'b', b"yes\n");
        bytes.extend(frame(b'x', b"?"));
        bytes.extend(frame(b's', &[0, 61, 1, 2]));
        bytes.extend(frame(b'c', &7_u32.to_be_bytes()));
        for byte in bytes {
            frames.push(&[byte]);
        }
        assert_eq!(frames.next(), Some(Told::Bytes(b"yes\n".to_vec())));
        let size = Told::Size {
            columns: 61,
            rows: 258,
        };
        assert_eq!(frames.next(), Some(size));
        assert_eq!(
            frames.next(),
            Some(Told::Release {
                number: 7,
                commit: true
            })
        );
        assert_eq!(frames.next(), None);
    }

    #[test]
    fn what_is_typed_is_not_in_the_text_of_an_error() {
        assert_eq!(format!("{:?}", Told::Bytes(b"secret".to_vec())), "Bytes(6)");
    }

    #[test]
    fn nobody_is_told_where_nobody_listens() {
        let directory = std::env::temp_dir().join(format!("gonogo-channel-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let told = Told::Bytes(b"y".to_vec());
        let refused = |directory: &Path| tell(directory, &told).unwrap_err().kind();
        assert_eq!(refused(&directory), io::ErrorKind::NotFound);
        let ours = open(&directory).unwrap();
        tell(&directory, &told).unwrap();
        let mut buffer = [0; 16];
        let length = rustix::io::read(&ours, &mut buffer).unwrap();
        assert_eq!(&buffer[..length], b"b\0\x01y");
        drop(ours);
        assert_eq!(refused(&directory), io::ErrorKind::NotFound);
        close(&directory);
        std::fs::remove_dir_all(&directory).unwrap();
    }
}
