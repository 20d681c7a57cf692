//! The signals by which a shim is spoken to. They are heard from its very first moment on: one that
//! came before would end it, or be missed.

use std::io;

use rustix::process::Signal as Process;
use tokio::signal::unix::{Signal, SignalKind, signal};

pub(super) struct Signals {
    /// Cancel politely.
    pub(super) interrupt: Signal,
    /// Cancel at once.
    pub(super) terminate: Signal,
    /// A child has ended.
    pub(super) child: Signal,
    /// Heard so that they do not end the shim: a terminal that goes, and a file that may not grow, which
    /// then is an error of the write.
    _ignored: [Signal; 2],
}

impl Signals {
    /// To be called inside the runtime.
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            child: signal(SignalKind::child())?,
            _ignored: [
                signal(SignalKind::hangup())?,
                signal(SignalKind::from_raw(Process::XFSZ.as_raw()))?,
            ],
        })
    }
}
