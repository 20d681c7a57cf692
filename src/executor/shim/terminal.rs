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

/// Both ends of a terminal.
pub(super) struct Terminal {
    /// The shim's end; reading it never blocks.
    pub(super) ours: OwnedFd,
    /// The action's end.
    pub(super) theirs: OwnedFd,
}

impl Terminal {
    /// A terminal that passes bytes on as they are (no newline translation). `echo`: what is typed to it
    /// shows among what the action prints, unless the action asks for a password.
    pub(super) fn open(echo: bool) -> io::Result<Self> {
        let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY)?;
        rustix::io::fcntl_setfd(&ours, rustix::io::FdFlags::CLOEXEC)?;
        grantpt(&ours)?;
        unlockpt(&ours)?;
        let name = ptsname(&ours, Vec::new())?;
        let theirs = rustix::fs::open(
            name,
            OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC,
            Mode::empty(),
        )?;
        let mut modes = tcgetattr(&theirs)?;
        modes.output_modes -= OutputModes::OPOST | OutputModes::ONLCR;
        modes.local_modes -= LocalModes::ECHONL;
        modes.local_modes.set(LocalModes::ECHO, echo);
        tcsetattr(&theirs, OptionalActions::Now, &modes)?;
        let size = Winsize {
            ws_row: ROWS,
            ws_col: COLUMNS,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        tcsetwinsize(&theirs, size)?;
        let flags = rustix::fs::fcntl_getfl(&ours)?;
        rustix::fs::fcntl_setfl(&ours, flags | OFlags::NONBLOCK)?;
        Ok(Self { ours, theirs })
    }

    /// Makes it the terminal of the shim's session: what the action starts can open `/dev/tty`, and
    /// does not lose it when the action ends, for the session is the shim's.
    pub(super) fn control(&self) -> io::Result<()> {
        rustix::process::ioctl_tiocsctty(self.theirs.as_fd()).map_err(io::Error::from)
    }
}
