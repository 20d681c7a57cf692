//! The one cryptography provider of the process. `reqwest` is built without one of its own and
//! panics at its first client unless one was installed.

use std::sync::Once;

static INSTALLED: Once = Once::new();

/// Installs the provider; calling it again does nothing.
pub fn install() {
    INSTALLED.call_once(|| {
        if rustls::crypto::ring::default_provider()
            .install_default()
            .is_err()
        {
            tracing::debug!("another cryptography provider was installed before");
        }
    });
}
