//! The answer of a server as `curl` prints it (`-i`, `-I`, `-v`): status line, headers, body. Of several
//! answers (a redirect that was followed) the last one counts.

use std::collections::BTreeMap;

use serde_json::Value;

/// Headers kept of an answer: whatever prints `a: b` for hours behind a status line must not fill the memory.
const HEADERS: usize = 256;

/// Takes the lines of one stream one by one.
#[derive(Debug, Default)]
pub(super) struct HttpLines {
    in_headers: bool,
    status: Option<u16>,
    headers: BTreeMap<String, String>,
    /// Bytes of output before the body of the last answer begins.
    body_from: usize,
    bytes: usize,
}

impl HttpLines {
    pub(super) fn line(&mut self, line: &str) {
        self.bytes += line.len() + 1;
        if let Some(status) = status_line(line) {
            self.status = Some(status);
            self.headers.clear();
            self.in_headers = true;
        } else if self.in_headers {
            match line.split_once(':') {
                Some((name, value)) if is_name(name) => {
                    let name = name.to_ascii_lowercase();
                    if self.headers.len() < HEADERS || self.headers.contains_key(&name) {
                        self.headers.insert(name, value.trim().to_owned());
                    }
                    return;
                }
                _ => self.in_headers = false,
            }
            if line.trim().is_empty() {
                self.body_from = self.bytes;
            }
        }
    }

    pub(super) fn status(&self) -> Option<u16> {
        self.status
    }

    pub(super) fn into_headers(self) -> BTreeMap<String, String> {
        self.headers
    }

    /// What was printed behind the headers, read as JSON. `stdout` may have lost its beginning.
    pub(super) fn json(&self, stdout: &str) -> Option<Value> {
        let lost = self.bytes.checked_sub(stdout.len())?;
        if lost > self.body_from {
            return None;
        }
        let body = stdout.get(self.body_from - lost..)?.trim();
        body.starts_with(['{', '['])
            .then(|| serde_json::from_str(body).ok())?
    }
}

fn status_line(line: &str) -> Option<u16> {
    let (version, rest) = line.strip_prefix("HTTP/")?.split_once(' ')?;
    let is_version = version
        .bytes()
        .all(|byte| byte == b'.' || byte.is_ascii_digit());
    let code = rest.split_whitespace().next()?;
    let code = code.parse().ok().filter(|code| (100..600).contains(code))?;
    is_version.then_some(code)
}

fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(text: &str) -> (Option<u16>, Option<Value>) {
        let mut lines = HttpLines::default();
        text.lines().for_each(|line| lines.line(line));
        (lines.status(), lines.json(text))
    }

    #[test]
    fn status_and_body_are_those_of_the_last_answer() {
        let text = "HTTP/1.1 301 Moved\nLocation: /b\n\nHTTP/2 404 \ncontent-type: application/json\n\n{\"ok\": false}\n";
        assert_eq!(read(text), (Some(404), Some(json!({"ok": false}))));
        assert_eq!(read("[1, 2]\n"), (None, Some(json!([1, 2]))));
        assert_eq!(read("served HTTP/1.1 200 OK\n"), (None, None));
        assert_eq!(read("HTTP/1.1 later\n"), (None, None));
    }

    #[test]
    fn of_endless_headers_the_first_are_kept() {
        let mut lines = HttpLines::default();
        lines.line("HTTP/1.1 200 OK");
        (0..1_000).for_each(|number| lines.line(&format!("x-{number}: y")));
        assert_eq!(lines.into_headers().len(), HEADERS);
    }

    #[test]
    fn headers_have_lower_case_names() {
        let mut lines = HttpLines::default();
        for line in ["HTTP/1.1 200 OK", "X-Version: 2.1", "", "a: b"] {
            lines.line(line);
        }
        assert_eq!(
            lines.into_headers(),
            BTreeMap::from([("x-version".to_owned(), "2.1".to_owned())])
        );
    }
}
