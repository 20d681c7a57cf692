//! Who sits at the terminal, as the journal and the other watchers read it.

use std::sync::LazyLock;

use crate::owned::login_of;
use crate::text::scrub::is_hidden;

/// The login of this process, looked up once: a directory service may be slow to answer.
static LOGIN: LazyLock<String> = LazyLock::new(|| {
    let uid = rustix::process::getuid().as_raw();
    login_of(uid).unwrap_or_else(|| format!("uid{uid}"))
});

/// `anna@ops1`. Over `sudo`, the person behind it.
pub(super) fn me() -> String {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let user = variable("SUDO_USER")
        .or_else(|| variable("USER"))
        .or_else(|| variable("LOGNAME"))
        .unwrap_or_else(|| LOGIN.clone());
    let host = rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned();
    let host = host.split('.').next().unwrap_or_default();
    let name = format!("{user}@{host}");
    let seen = |letter: &char| !is_hidden(*letter) && !letter.is_control();
    name.chars().filter(seen).take(64).collect()
}
