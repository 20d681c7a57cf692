//! The signals by which a shim is spoken to. They are heard from its very first moment on: one that
//! came before would end it, or be missed.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

pub(super) struct Signals {
    /// Cancel politely.
    pub(super) interrupt: Signal,
    /// Cancel at once.
    pub(super) terminate: Signal,
    /// A child has ended.
    pub(super) child: Signal,
    /// Heard so that it does not end the shim.
    _hang_up: Signal,
}

impl Signals {
    /// To be called inside the runtime.
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            child: signal(SignalKind::child())?,
            _hang_up: signal(SignalKind::hangup())?,
        })
    }
}
