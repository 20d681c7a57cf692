//! The terminals an action prints to. A program that finds a terminal shows its output at once instead
//! of when a buffer is full; there are two, so that output and errors stay told apart.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{
    LocalModes, OptionalActions, OutputModes, Winsize, tcgetattr, tcsetattr, tcsetwinsize,
};

const COLUMNS: u16 = 120;
const ROWS: u16 = 40;
/// Where nobody is there to turn a page, everything is on the first.
const UNATTENDED_ROWS: u16 = 32_767;

/// Both ends of a terminal.
pub(super) struct Terminal {
    /// The shim's end; reading it never blocks.
    pub(super) ours: OwnedFd,
    /// The action's end.
    pub(super) theirs: OwnedFd,
    /// Another hold on the action's end.
    pub(super) echo: Echo,
}

/// Writes words to the action's end of a terminal. When such a word comes out at our end, everything
/// that was printed before it has come out too.
pub(super) struct Echo {
    theirs: OwnedFd,
    pending: Vec<u8>,
}

impl Echo {
    pub(super) fn write(&mut self, word: &str) {
        self.pending.extend_from_slice(word.as_bytes());
        self.pending.push(b'\n');
        self.flush();
    }

    /// Never blocks: what a flooded terminal does not take now, it takes later.
    pub(super) fn flush(&mut self) {
        while !self.pending.is_empty() {
            match rustix::io::write(&self.theirs, &self.pending) {
                Ok(written) => {
                    self.pending.drain(..written);
                }
                Err(rustix::io::Errno::INTR) => {}
                Err(rustix::io::Errno::AGAIN) => return,
                Err(error) => {
                    tracing::debug!(%error, "the terminal is gone");
                    self.pending.clear();
                }
            }
        }
    }
}

impl Terminal {
    /// A terminal that passes bytes on as they are (no newline translation). `echo`: what is typed to it
    /// shows among what the action prints, unless the action asks for a password. `attended`: somebody
    /// is there to type.
    pub(super) fn open(echo: bool, attended: bool) -> io::Result<Self> {
        let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY)?;
        rustix::io::fcntl_setfd(&ours, rustix::io::FdFlags::CLOEXEC)?;
        grantpt(&ours)?;
        unlockpt(&ours)?;
        let name = ptsname(&ours, Vec::new())?;
        let open = |flags: OFlags| {
            let flags = flags | OFlags::NOCTTY | OFlags::CLOEXEC;
            rustix::fs::open(&name, flags, Mode::empty())
        };
        let theirs = open(OFlags::RDWR)?;
        let hold = Echo {
            theirs: open(OFlags::WRONLY | OFlags::NONBLOCK)?,
            pending: Vec::new(),
        };
        let mut modes = tcgetattr(&theirs)?;
        modes.output_modes -= OutputModes::OPOST | OutputModes::ONLCR;
        modes.local_modes -= LocalModes::ECHONL;
        modes.local_modes.set(LocalModes::ECHO, echo);
        tcsetattr(&theirs, OptionalActions::Now, &modes)?;
        let size = Winsize {
            ws_row: if attended { ROWS } else { UNATTENDED_ROWS },
            ws_col: COLUMNS,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        tcsetwinsize(&theirs, size)?;
        let flags = rustix::fs::fcntl_getfl(&ours)?;
        rustix::fs::fcntl_setfl(&ours, flags | OFlags::NONBLOCK)?;
        Ok(Self {
            ours,
            theirs,
            echo: hold,
        })
    }

    /// Makes it the terminal of the shim's session: what the action starts can open `/dev/tty`, and
    /// does not lose it when the action ends, for the session is the shim's.
    pub(super) fn control(&self) -> io::Result<()> {
        rustix::process::ioctl_tiocsctty(self.theirs.as_fd()).map_err(io::Error::from)
    }
}
