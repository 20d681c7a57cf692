//! The two ways in which libpq names a database, keywords (`host=db1 dbname=app`) and URI
//! (`postgresql://anna@db1/app`), taken apart into parameters.

use std::collections::BTreeMap;

/// Parameters by libpq's names. An error is one lower-case sentence.
pub(super) fn parse(text: &str) -> Result<BTreeMap<String, String>, String> {
    let text = text.trim();
    match ["postgresql://", "postgres://"]
        .iter()
        .find_map(|scheme| text.strip_prefix(scheme))
    {
        Some(rest) => uri(rest),
        None if text.contains('=') => keywords(text),
        None if text.is_empty() => Ok(BTreeMap::new()),
        // As `psql NAME` does.
        None => Ok(BTreeMap::from([("dbname".to_owned(), text.to_owned())])),
    }
}

fn keywords(text: &str) -> Result<BTreeMap<String, String>, String> {
    let mut parameters = BTreeMap::new();
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

fn uri(rest: &str) -> Result<BTreeMap<String, String>, String> {
    let mut parameters = BTreeMap::new();
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
    if address.contains(',') {
        return Err("several hosts are named; name the one server to watch".to_owned());
    }
    let (host, port) = host_and_port(address)?;
    let mut add = |name: &str, value: &str| -> Result<(), String> {
        if !value.is_empty() {
            parameters.insert(name.to_owned(), decoded(value)?);
        }
        Ok(())
    };
    add("user", user)?;
    add("password", password.unwrap_or_default())?;
    add("host", host)?;
    add("port", port)?;
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
fn decoded(text: &str) -> Result<String, String> {
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
    fn what_is_not_understood_is_said() {
        for (text, said) in [
            ("host=a b", "`b` lacks"),
            ("host='a", "not closed"),
            ("postgres://a,b/app", "several hosts"),
            ("postgres://a%zz/app", "hexadecimal"),
            ("postgres://[::1/app", "lacks `]`"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(said), "{text}: {error}");
        }
    }
}
