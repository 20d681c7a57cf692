//! The text of libpq's password file: lines of `host:port:database:user:password`, `*` for any, a
//! backslash before a colon or backslash that is meant as it is.

/// Every password of a file that could give itself away. One that is also the name of its user,
/// database or host hides nothing, and masking it would only make output unreadable.
pub fn telling_passwords(text: &str) -> Vec<String> {
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| telling(&fields(line)))
        .collect()
}

/// The password of a line, unless it is one of its names.
fn telling(fields: &[String]) -> Option<String> {
    let [names @ .., password] = fields else {
        return None;
    };
    (names.len() == 4 && !names.contains(password)).then(|| password.clone())
}

/// The password of the first line that matches. `host` is the socket's directory where there is one.
pub fn search(text: &str, host: &str, port: u16, database: &str, user: &str) -> Option<String> {
    // libpq knows sockets in its default directory under this name.
    let default_socket = ["/var/run/postgresql", "/tmp", "/private/tmp"].contains(&host);
    let port = port.to_string();
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .find_map(|line| {
            let fields = fields(line);
            let [of_host, of_port, of_database, of_user, password] = fields.as_slice() else {
                return None;
            };
            let is = |field: &str, value: &str| field == "*" || field == value;
            let host_matches = is(of_host, host) || (default_socket && of_host == "localhost");
            (host_matches && is(of_port, &port) && is(of_database, database) && is(of_user, user))
                .then(|| password.clone())
        })
}

/// Five fields; further colons belong to the password.
fn fields(line: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        let last = fields.len() == 5;
        match (character, fields.last_mut()) {
            (':', _) if !last => fields.push(String::new()),
            ('\\', Some(field)) => field.extend(characters.next()),
            (other, Some(field)) => field.push(other),
            (_, None) => {}
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::{fields, search, telling};

    const FILE: &str = "# host:port:…\ndb1:5432:app:anna:one\ndb1:*:*:anna:two\\:2\nlocalhost:*:*:*:socket\n*:*:*:bob:a:b\n";

    #[test]
    fn the_first_line_that_matches_counts() {
        assert_eq!(
            search(FILE, "db1", 5432, "app", "anna").as_deref(),
            Some("one")
        );
        assert_eq!(
            search(FILE, "db1", 5433, "app", "anna").as_deref(),
            Some("two:2")
        );
        assert_eq!(
            search(FILE, "db2", 5432, "app", "bob").as_deref(),
            Some("a:b")
        );
        assert_eq!(search(FILE, "db2", 5432, "app", "anna"), None);
    }

    #[test]
    fn a_password_that_is_a_name_is_not_masked() {
        let of = |line: &str| telling(&fields(line));
        assert_eq!(of("db1:5432:app:anna:one-two").as_deref(), Some("one-two"));
        assert_eq!(of("db1:5432:app:anna:anna"), None);
        assert_eq!(of("db1:5432:app:anna"), None);
    }

    #[test]
    fn a_socket_in_the_default_directory_is_localhost() {
        assert_eq!(
            search(FILE, "/var/run/postgresql", 5432, "x", "y").as_deref(),
            Some("socket")
        );
        assert_eq!(search(FILE, "/srv/s", 5432, "x", "y"), None);
    }
}
