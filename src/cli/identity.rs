//! Who sits at the terminal, as the journal and the other watchers read it.

use std::sync::LazyLock;

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

/// What the system calls a user: its own list first, then whatever directory it asks.
fn login_of(uid: u32) -> Option<String> {
    let listed = std::fs::read_to_string("/etc/passwd").ok();
    listed.and_then(|list| name_in(&list, uid)).or_else(|| {
        let asked = std::process::Command::new("getent")
            .args(["passwd", &uid.to_string()])
            .stdin(std::process::Stdio::null())
            .output()
            .ok()?;
        name_in(&String::from_utf8_lossy(&asked.stdout), uid)
    })
}

/// The name in lines of `name:password:uid:…`.
fn name_in(list: &str, uid: u32) -> Option<String> {
    list.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next().filter(|name| !name.is_empty())?;
        (fields.nth(1)?.parse() == Ok(uid)).then(|| name.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_found_by_number_among_the_logins() {
        let list = "root:x:0:0:root:/root:/bin/sh\n# a note\n::7\n\nanna:x:1000:1000:Anna,,,:/home/anna:/bin/sh\n";
        assert_eq!(name_in(list, 1000).as_deref(), Some("anna"));
        assert_eq!(name_in(list, 0).as_deref(), Some("root"));
        assert_eq!(name_in(list, 7), None);
        assert_eq!(name_in("", 0), None);
    }
}
