//! The two ways in which libpq names a database, keywords (`host=db1 dbname=app`) and URI
//! (`postgresql://anna@db1/app`), taken apart into parameters.

use super::Parameters;
use crate::text::scrub::is_hidden;

/// Parameters by libpq's names.
///
/// # Errors
/// One lower-case sentence.
pub fn parse(text: &str) -> Result<Parameters, String> {
    let text = text.trim();
    match ["postgresql://", "postgres://"]
        .iter()
        .find_map(|scheme| text.strip_prefix(scheme))
    {
        Some(rest) => uri(rest),
        None if text.contains('=') => keywords(text),
        None if text.is_empty() => Ok(Parameters::new()),
        // As `psql NAME` does.
        None => Ok(Parameters::from([("dbname".to_owned(), text.to_owned())])),
    }
}

/// Whether libpq reads a database's name as a whole connection string.
pub fn is_connection_string(text: &str) -> bool {
    text.contains('=') || text.starts_with("postgresql://") || text.starts_with("postgres://")
}

/// Parameters as one string, which [`parse`] reads as they are: keywords with the place first; a URI where
/// a value holds what nobody would see.
pub fn render(parameters: &Parameters) -> String {
    if parameters
        .values()
        .any(|value| value.chars().any(is_unseen))
    {
        let pairs: Vec<String> = parameters
            .iter()
            .map(|(name, value)| format!("{name}={}", encoded(value)))
            .collect();
        return format!("postgresql:///?{}", pairs.join("&"));
    }
    const FIRST: [&str; 5] = ["host", "hostaddr", "port", "user", "dbname"];
    let first = FIRST
        .iter()
        .filter_map(|name| parameters.get_key_value(*name));
    let rest = parameters
        .iter()
        .filter(|(name, _)| !FIRST.contains(&name.as_str()));
    let words: Vec<String> = first
        .chain(rest)
        .map(|(name, value)| format!("{name}={}", quoted(value)))
        .collect();
    words.join(" ")
}

/// Controls, direction marks, characters without a glyph.
pub(super) fn is_unseen(letter: char) -> bool {
    is_hidden(letter) || letter.is_control()
}

/// Percent-encoding of all that is not plain.
pub(super) fn encoded(value: &str) -> String {
    let mut out = String::new();
    for byte in value.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'/' => {
                out.push(char::from(byte))
            }
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}

fn quoted(value: &str) -> String {
    let is_plain = |letter: char| !letter.is_whitespace() && letter != '\'' && letter != '\\';
    if !value.is_empty() && value.chars().all(is_plain) {
        return value.to_owned();
    }
    format!("'{}'", value.replace('\\', r"\\").replace('\'', r"\'"))
}

fn keywords(text: &str) -> Result<Parameters, String> {
    let mut parameters = Parameters::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (name, after) = rest
            .split_once('=')
            .ok_or_else(|| format!("`{}` lacks `=` and a value", rest.trim_end()))?;
        let name = name.trim_end();
        if name.is_empty() || name.contains(char::is_whitespace) {
            return Err(format!("`{name}` lacks `=` and a value"));
        }
        let (value, after) = value(after.trim_start())
            .ok_or_else(|| format!("the quote of `{name}` is not closed"))?;
        parameters.insert(name.to_owned(), value);
        rest = after.trim_start();
    }
    Ok(parameters)
}

/// A bare or quoted value, in which a backslash takes the next character as it is; and what follows.
fn value(text: &str) -> Option<(String, &str)> {
    let (quoted, body) = match text.strip_prefix('\'') {
        Some(body) => (true, body),
        None => (false, text),
    };
    let mut value = String::new();
    let mut characters = body.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '\\' => value.extend(characters.next().map(|(_, next)| next)),
            '\'' if quoted => return Some((value, &body[at + 1..])),
            space if !quoted && space.is_whitespace() => return Some((value, &body[at..])),
            other => value.push(other),
        }
    }
    (!quoted).then_some((value, ""))
}

fn uri(rest: &str) -> Result<Parameters, String> {
    let mut parameters = Parameters::new();
    let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, database) = place.split_once('/').unwrap_or((place, ""));
    let (credentials, address) = match authority.rsplit_once('@') {
        Some((credentials, address)) => (credentials, address),
        None => ("", authority),
    };
    let (user, password) = match credentials.split_once(':') {
        Some((user, password)) => (user, Some(password)),
        None => (credentials, None),
    };
    // Several hosts, each with a port of its own, become two lists.
    let mut hosts = Vec::new();
    let mut ports = Vec::new();
    for address in address.split(',') {
        let (host, port) = host_and_port(address)?;
        hosts.push(host);
        ports.push(port);
    }
    let (host, port) = (hosts.join(","), ports.join(","));
    let port = if ports.iter().all(|port| port.is_empty()) {
        String::new()
    } else {
        port
    };
    let mut add = |name: &str, value: &str| -> Result<(), String> {
        if !value.is_empty() {
            parameters.insert(name.to_owned(), decoded(value)?);
        }
        Ok(())
    };
    add("user", user)?;
    add("password", password.unwrap_or_default())?;
    add("host", &host)?;
    add("port", &port)?;
    add("dbname", database)?;
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair
            .split_once('=')
            .ok_or_else(|| format!("`{pair}` lacks `=` and a value"))?;
        match (decoded(name)?.as_str(), value) {
            // The spelling of JDBC, which libpq understands too.
            ("ssl", "true") => add("sslmode", "require")?,
            (name, value) => add(name, value)?,
        }
    }
    Ok(parameters)
}

fn host_and_port(address: &str) -> Result<(&str, &str), String> {
    if let Some(inner) = address.strip_prefix('[') {
        let (host, after) = inner
            .split_once(']')
            .ok_or_else(|| format!("`{address}` lacks `]`"))?;
        return match after.strip_prefix(':') {
            Some(port) => Ok((host, port)),
            None if after.is_empty() => Ok((host, "")),
            None => Err(format!("`{after}` is not expected after `]`")),
        };
    }
    Ok(address.split_once(':').unwrap_or((address, "")))
}

/// Percent-decoding.
pub(super) fn decoded(text: &str) -> Result<String, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits = [rest.next(), rest.next()];
        let decoded = match digits {
            [Some(high), Some(low)] => nibble(high)
                .zip(nibble(low))
                .map(|(high, low)| high * 16 + low),
            _ => None,
        };
        match decoded {
            Some(byte) if byte != 0 => bytes.push(byte),
            _ => {
                return Err(format!(
                    "`{text}` holds a `%` without two hexadecimal digits"
                ));
            }
        }
    }
    String::from_utf8(bytes).map_err(|_| format!("`{text}` is not UTF-8"))
}

fn nibble(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(text: &str) -> Vec<(String, String)> {
        parse(text).unwrap().into_iter().collect()
    }

    fn owned(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn keywords_are_read_as_libpq_reads_them() {
        assert_eq!(
            pairs(r"host = '/tmp/a b' dbname=app\ one  user='it\'s'"),
            owned(&[
                ("dbname", "app one"),
                ("host", "/tmp/a b"),
                ("user", "it's")
            ])
        );
        assert_eq!(
            pairs("host='' port=5433"),
            owned(&[("host", ""), ("port", "5433")])
        );
        assert_eq!(pairs("app"), owned(&[("dbname", "app")]));
    }

    #[test]
    fn uris_are_read_as_libpq_reads_them() {
        assert_eq!(
            pairs("postgresql://anna:p%40ss@db1:5433/app?sslmode=require"),
            owned(&[
                ("dbname", "app"),
                ("host", "db1"),
                ("password", "p@ss"),
                ("port", "5433"),
                ("sslmode", "require")
            ])
            .into_iter()
            .chain(owned(&[("user", "anna")]))
            .collect::<Vec<_>>()
        );
        assert_eq!(
            pairs("postgres:///app?host=%2Ftmp%2Fs&port=1"),
            owned(&[("dbname", "app"), ("host", "/tmp/s"), ("port", "1")])
        );
        assert_eq!(
            pairs("postgres://[::1]:5/"),
            owned(&[("host", "::1"), ("port", "5")])
        );
    }

    #[test]
    fn several_hosts_are_two_lists() {
        assert_eq!(
            pairs("postgres://a:1,[::2],%2Ftmp:3/app"),
            owned(&[("dbname", "app"), ("host", "a,::2,/tmp"), ("port", "1,,3")])
        );
    }

    #[test]
    fn what_is_rendered_is_read_as_it_was() {
        let odd = Parameters::from([
            ("application_name".to_owned(), String::new()),
            ("dbname".to_owned(), r"it's \ here".to_owned()),
            ("host".to_owned(), "/tmp/a b".to_owned()),
        ]);
        let text = render(&odd);
        assert!(text.starts_with("host="), "{text}");
        assert_eq!(parse(&text).unwrap(), odd);
        let unseen = Parameters::from([("dbname".to_owned(), "a\u{202e}b\nc=%&".to_owned())]);
        let text = render(&unseen);
        assert!(!text.chars().any(is_unseen), "{text}");
        assert_eq!(parse(&text).unwrap(), unseen);
    }

    #[test]
    fn what_is_not_understood_is_said() {
        for (text, said) in [
            ("host=a b", "`b` lacks"),
            ("host='a", "not closed"),
            ("postgres://a%zz/app", "hexadecimal"),
            ("postgres://[::1/app", "lacks `]`"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(said), "{text}: {error}");
        }
    }
}
