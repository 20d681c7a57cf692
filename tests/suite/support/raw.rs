//! A run's socket as whoever likes speaks to it: bytes of HTTP, by any user of the machine, true or not.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use gonogo::api::{Message, Snapshot};
use serde_json::Value;

/// A user that is not this one: `nobody`, whose number is the same everywhere.
pub const NOBODY: u32 = 65_534;
/// A number that no user has.
pub const STRANGER: u32 = 65_533;

/// An answer that does not come within this time does not come.
const PATIENCE: Duration = Duration::from_secs(30);

/// Whether this process may become another user for the sake of a test; only root may.
pub fn can_be_another() -> bool {
    rustix::process::geteuid().is_root()
}

/// Does something as another user of the machine: only this thread changes its user.
pub fn as_user<T: Send>(uid: u32, act: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        scope
            .spawn(|| {
                let user = rustix::process::Uid::from_raw(uid);
                let group = rustix::process::Gid::from_raw(uid);
                rustix::thread::set_thread_groups(&[]).unwrap();
                rustix::thread::set_thread_res_gid(group, group, group).unwrap();
                rustix::thread::set_thread_res_uid(user, user, user).unwrap();
                act()
            })
            .join()
            .unwrap()
    })
}

/// A whole request, to be answered on a connection of its own.
pub fn request(method: &str, path: &str, pass: Option<&str>, body: Option<&[u8]>) -> Vec<u8> {
    let mut text = format!("{method} {path} HTTP/1.1\r\nHost: run\r\nConnection: close\r\n");
    if let Some(pass) = pass {
        text += &format!("gonogo-pass: {pass}\r\n");
    }
    if let Some(body) = body {
        let length = body.len();
        text += &format!("Content-Type: application/json\r\nContent-Length: {length}\r\n");
    }
    let mut bytes = (text + "\r\n").into_bytes();
    bytes.extend_from_slice(body.unwrap_or_default());
    bytes
}

/// Sends bytes, and reads what comes back until the other end closes. What cannot be sent any more is
/// not: the answer may have come before.
pub fn exchange(socket: &Path, bytes: &[u8]) -> Vec<u8> {
    send(socket, bytes, false)
}

/// [`exchange`], of somebody who sends nothing more, in the middle of a request perhaps.
pub fn exchange_and_stop(socket: &Path, bytes: &[u8]) -> Vec<u8> {
    send(socket, bytes, true)
}

fn send(socket: &Path, bytes: &[u8], stops: bool) -> Vec<u8> {
    let Ok(mut stream) = UnixStream::connect(socket) else {
        return Vec::new();
    };
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(bytes).ok();
    if stops {
        stream.shutdown(std::net::Shutdown::Write).ok();
    }
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok();
    answer
}

/// The status of an answer; `None`: closed without a word.
pub fn status(answer: &[u8]) -> Option<u16> {
    let line = answer.split(|byte| *byte == b'\n').next()?;
    let line = std::str::from_utf8(line).ok()?;
    line.strip_prefix("HTTP/1.1 ")?
        .split_whitespace()
        .next()?
        .parse()
        .ok()
}

/// Asks, and hears the status and the rest.
pub fn ask(
    socket: &Path,
    method: &str,
    path: &str,
    pass: Option<&str>,
    body: Option<&Value>,
) -> (Option<u16>, String) {
    let body = body.map(|body| body.to_string().into_bytes());
    let answer = exchange(socket, &request(method, path, pass, body.as_deref()));
    let text = String::from_utf8_lossy(&answer).into_owned();
    (status(&answer), text)
}

/// An id for a request.
pub fn id() -> String {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(0);
    format!("t-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A command with an id of its own.
pub fn command(command: &Value) -> Value {
    serde_json::json!({ "id": id(), "command": command })
}

/// Somebody who has joined. What they are told is read as far as the first message and no further.
pub struct Guest {
    pub pass: String,
    pub snapshot: Snapshot,
    pub lines: BufReader<UnixStream>,
}

impl Guest {
    /// Joins as the user of this thread.
    pub fn join(socket: &Path, name: &str, observe: bool) -> Self {
        Self::try_join(socket, name, observe).unwrap()
    }

    /// [`Self::join`], where there may be no room, or the stream be cut for somebody else.
    pub fn try_join(socket: &Path, name: &str, observe: bool) -> io::Result<Self> {
        let mut stream = UnixStream::connect(socket)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        write!(
            stream,
            "GET /stream?name={name}&observe={observe} HTTP/1.1\r\nHost: run\r\n\r\n"
        )?;
        let mut lines = BufReader::new(stream);
        let mut pass = String::new();
        let read = |lines: &mut BufReader<UnixStream>| {
            let mut line = String::new();
            match lines.read_line(&mut line)? {
                0 => Err(io::Error::from(io::ErrorKind::UnexpectedEof)),
                _ => Ok(line.trim_end().to_owned()),
            }
        };
        let status = read(&mut lines)?;
        if status != "HTTP/1.1 200 OK" {
            return Err(io::Error::other(status));
        }
        loop {
            let header = read(&mut lines)?;
            if let Some(given) = header.strip_prefix("gonogo-pass: ") {
                pass = given.to_owned();
            }
            if header.is_empty() {
                break;
            }
        }
        let mut first = Vec::new();
        while !first.contains(&b'\n') {
            let length = usize::from_str_radix(&read(&mut lines)?, 16).map_err(io::Error::other)?;
            let mut chunk = vec![0; length + 2];
            lines.read_exact(&mut chunk)?;
            first.extend_from_slice(&chunk[..length]);
        }
        let first = first.split(|byte| *byte == b'\n').next().unwrap();
        match serde_json::from_slice(first)? {
            Message::Snapshot(snapshot) => Ok(Self {
                pass,
                snapshot: *snapshot,
                lines,
            }),
            other => panic!("the first message is the whole state, not {other:?}"),
        }
    }

    pub fn me(&self) -> &str {
        &self.snapshot.you
    }

    /// Waits for the end of the stream.
    pub fn hears_the_end(mut self) {
        let mut rest = Vec::new();
        self.lines.read_to_end(&mut rest).ok();
    }
}
