//! Users and groups of this machine: its own lists first, then whatever directory it asks.

use std::process::{Command, Stdio};

/// What the system calls a user.
pub fn login_of(uid: u32) -> Option<String> {
    entry("passwd", uid).and_then(|line| field(&line, 0).map(str::to_owned))
}

/// Whether only this user, and nobody else, is a member of the group: the private group that many
/// systems give each user under the user's own name.
pub(super) fn is_private_group(gid: u32, uid: u32) -> bool {
    let (Some(login), Some(group)) = (login_of(uid), entry("group", gid)) else {
        return false;
    };
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    is_private(&group, &login, &users, gid)
}

fn is_private(group: &str, login: &str, users: &str, gid: u32) -> bool {
    let members = field(group, 3).unwrap_or_default();
    let only_them = members
        .split(',')
        .all(|member| member.is_empty() || member == login);
    let nobody_elses = users.lines().all(|line| {
        field(line, 3).and_then(|gid| gid.parse().ok()) != Some(gid)
            || field(line, 0) == Some(login)
    });
    field(group, 0) == Some(login) && only_them && nobody_elses
}

/// What the system calls a group, for a sentence.
pub(super) fn group_name(gid: u32) -> String {
    entry("group", gid)
        .and_then(|line| field(&line, 0).map(|name| format!("the group `{name}`")))
        .unwrap_or_else(|| format!("the group {gid}"))
}

/// The line of a user or group, found by its number.
fn entry(list: &str, id: u32) -> Option<String> {
    let listed = std::fs::read_to_string(format!("/etc/{list}")).ok();
    listed.and_then(|text| line_of(&text, id)).or_else(|| {
        let asked = Command::new("getent")
            .args([list, &id.to_string()])
            .stdin(Stdio::null())
            .output()
            .ok()?;
        line_of(&String::from_utf8_lossy(&asked.stdout), id)
    })
}

/// The line `name:password:id:…` with this number.
fn line_of(text: &str, id: u32) -> Option<String> {
    text.lines()
        .find(|line| {
            let named = field(line, 0).is_some_and(|name| !name.is_empty());
            named && field(line, 2).and_then(|id| id.parse().ok()) == Some(id)
        })
        .map(str::to_owned)
}

fn field(line: &str, index: usize) -> Option<&str> {
    line.split(':').nth(index)
}

#[cfg(test)]
mod tests {
    use super::*;

    const USERS: &str = "root:x:0:0:root:/root:/bin/sh\n# a note\n::7\n\nanna:x:1000:1000:Anna,,,:/home/anna:/bin/sh\nbert:x:1001:1001::/home/bert:/bin/sh\n";

    fn name(text: &str, id: u32) -> Option<String> {
        line_of(text, id).and_then(|line| field(&line, 0).map(str::to_owned))
    }

    #[test]
    fn a_user_is_found_by_number_among_the_logins() {
        assert_eq!(name(USERS, 1000).as_deref(), Some("anna"));
        assert_eq!(name(USERS, 0).as_deref(), Some("root"));
        assert_eq!(name(USERS, 7), None);
        assert_eq!(name("", 0), None);
    }

    #[test]
    fn a_group_is_private_that_has_the_users_name_and_nobody_else_in_it() {
        let private = |group: &str| is_private(group, "anna", USERS, 1000);
        assert!(private("anna:x:1000:"));
        assert!(private("anna:x:1000:anna"));
        assert!(!private("anna:x:1000:anna,bert"), "bert may write as well");
        assert!(!private("team:x:1000:"), "a group for several");
        let second = format!("{USERS}eve:x:1002:1000::/home/eve:/bin/sh\n");
        assert!(
            !is_private("anna:x:1000:", "anna", &second, 1000),
            "the first group of another user"
        );
    }
}
