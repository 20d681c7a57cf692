//! Health endpoints: one request at each interval over a connection of its own, because a kept one
//! would not notice that nobody can connect any more.

use std::collections::HashMap;
use std::error::Error as _;
use std::io::ErrorKind;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use chrono::Utc;
use reqwest::{Client, Url, redirect};
use tokio::time::{MissedTickBehavior, interval};

use super::moment::Moment;
use super::{ProbeSample, Publisher, Sample, clean};
use crate::run::Timestamp;
use crate::tls;

/// More of a body is not read.
const BODY: usize = 64 * 1024;

/// An endpoint to ask, and the answer that means healthy.
#[derive(Clone, Debug)]
pub struct Probe {
    pub name: String,
    pub url: Url,
    pub every: Duration,
    pub timeout: Duration,
    /// The only HTTP status that means healthy.
    pub status: u16,
}

/// Why a probe cannot be set up.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("probe `{probe}`: {message}; {help}")]
pub struct ProbeError {
    pub probe: String,
    pub message: String,
    pub help: String,
}

impl Probe {
    /// Milliseconds that are 0 mean the defaults: every 2 s, for at most 2 s.
    pub fn new(
        name: &str,
        url: &str,
        every_ms: u64,
        timeout_ms: u64,
        status: u16,
    ) -> Result<Self, ProbeError> {
        let refuse = |message: String, help: &str| ProbeError {
            probe: name.to_owned(),
            message,
            help: help.to_owned(),
        };
        let parsed = Url::parse(url).map_err(|error| {
            refuse(
                format!("`{url}` is not a URL: {error}"),
                "write it as `http://host:port/path`",
            )
        })?;
        if !["http", "https"].contains(&parsed.scheme()) || parsed.host_str().is_none() {
            return Err(refuse(
                format!("`{url}` is not an HTTP address"),
                "write it as `http://host:port/path`",
            ));
        }
        if !parsed.username().is_empty() || parsed.password().is_some() {
            return Err(refuse(
                "its URL holds credentials".to_owned(),
                "remove them: health endpoints take none",
            ));
        }
        let or = |milliseconds, default| {
            Duration::from_millis(if milliseconds == 0 {
                default
            } else {
                milliseconds
            })
        };
        Ok(Self {
            name: name.to_owned(),
            url: parsed,
            every: or(every_ms, 2_000).max(Duration::from_millis(100)),
            timeout: or(timeout_ms, 2_000),
            status: if status == 0 { 200 } else { status },
        })
    }

    fn is_local(&self) -> bool {
        self.url
            .host_str()
            .is_some_and(|host| host == "localhost" || host.starts_with("127.") || host == "[::1]")
    }
}

/// What all probes ask through: a client reads the system's certificates when it is made, and keeps them.
#[derive(Clone, Debug, Default)]
pub(super) struct Clients(Arc<Mutex<HashMap<Kind, Client>>>);

/// What a client must know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Kind {
    proxies: bool,
    certificates: bool,
}

impl Clients {
    fn of(&self, probe: &Probe) -> Result<Client, reqwest::Error> {
        let proxies = !probe.is_local();
        let kind = Kind {
            proxies,
            // A proxy may be reached by TLS.
            certificates: proxies || probe.url.scheme() == "https",
        };
        // A panic elsewhere leaves whole clients behind.
        let mut clients = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(&kind) {
            return Ok(client.clone());
        }
        let client = kind.client()?;
        clients.insert(kind, client.clone());
        Ok(client)
    }
}

impl Kind {
    fn client(self) -> Result<Client, reqwest::Error> {
        tls::install();
        let mut builder = Client::builder()
            .user_agent(concat!("gonogo/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .pool_max_idle_per_host(0);
        if !self.proxies {
            builder = builder.no_proxy();
        }
        if !self.certificates {
            builder = builder.tls_certs_only([]);
        }
        builder.build()
    }
}

/// One answer, or its absence.
#[derive(Clone, Debug, Default, PartialEq)]
struct Answer {
    status: Option<u16>,
    error: Option<String>,
    version: Option<String>,
    latency: Duration,
}

/// Asks until nobody listens any more.
pub(super) async fn run(probe: Probe, clients: Clients, publisher: Publisher) {
    let client = match clients.of(&probe) {
        Ok(client) => client,
        Err(error) => {
            let answer = Answer {
                error: Some(format!("no HTTP client: {error}")),
                ..Answer::default()
            };
            publisher.publish(sample(&probe, answer, Utc::now()));
            return;
        }
    };
    let mut ticks = interval(probe.every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut state = None;
    let mut since = Moment::now();
    while !publisher.closed() {
        ticks.tick().await;
        let answer = ask(&client, &probe).await;
        let now = (
            answer.error.is_none(),
            answer.status,
            answer.version.clone(),
        );
        if state.as_ref() != Some(&now) {
            since = Moment::now();
            state = Some(now);
        }
        publisher.publish(sample(&probe, answer, since.time()));
    }
}

fn sample(probe: &Probe, answer: Answer, since: Timestamp) -> Sample {
    Sample::Probe(ProbeSample {
        at: Utc::now(),
        name: probe.name.clone(),
        url: probe.url.to_string(),
        healthy: answer.error.is_none(),
        status: answer.status,
        latency_ms: answer.latency.as_secs_f64() * 1_000.0,
        error: answer.error,
        version: answer.version,
        since,
    })
}

async fn ask(client: &Client, probe: &Probe) -> Answer {
    let began = Instant::now();
    let mut answer = Answer::default();
    let request = client.get(probe.url.clone()).timeout(probe.timeout);
    match request.send().await {
        Ok(mut response) => {
            let status = response.status().as_u16();
            answer.status = Some(status);
            let mut body = Vec::new();
            let read = loop {
                match response.chunk().await {
                    Ok(Some(chunk)) if body.len() + chunk.len() <= BODY => {
                        body.extend_from_slice(&chunk)
                    }
                    Ok(_) => break Ok(()),
                    Err(error) => break Err(error),
                }
            };
            answer.latency = began.elapsed();
            answer.version = version(&body);
            answer.error = match read {
                Err(error) => Some(reason(&error, probe.timeout)),
                Ok(()) if status != probe.status => {
                    Some(format!("answered {status}, expected {}", probe.status))
                }
                Ok(()) => None,
            };
        }
        Err(error) => {
            answer.latency = began.elapsed();
            answer.error = Some(reason(&error, probe.timeout));
        }
    }
    answer
}

/// `version` of a JSON object.
fn version(body: &[u8]) -> Option<String> {
    let json: serde_json::Value = serde_json::from_slice(body).ok()?;
    let text = match json.get("version")? {
        serde_json::Value::String(text) => clean::line(text),
        serde_json::Value::Number(number) => number.to_string(),
        _ => return None,
    };
    Some(text.chars().take(80).collect())
}

/// A few words on why there was no answer.
fn reason(error: &reqwest::Error, timeout: Duration) -> String {
    if error.is_timeout() {
        return format!("timed out after {}", seconds(timeout));
    }
    let mut innermost = String::new();
    let mut source = error.source();
    while let Some(cause) = source {
        innermost = cause.to_string();
        if let Some(io) = cause.downcast_ref::<std::io::Error>() {
            match io.kind() {
                ErrorKind::ConnectionRefused => return "connection refused".to_owned(),
                ErrorKind::ConnectionReset | ErrorKind::BrokenPipe | ErrorKind::UnexpectedEof => {
                    return "connection closed without an answer".to_owned();
                }
                ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => {
                    return "host unreachable".to_owned();
                }
                _ => {}
            }
        }
        if innermost.contains("dns error") || innermost.contains("lookup address") {
            return "unknown host".to_owned();
        }
        source = cause.source();
    }
    if innermost.contains("before message completed") {
        return "connection closed without an answer".to_owned();
    }
    if innermost.is_empty() {
        innermost = error.to_string();
    }
    clean::line(&innermost).chars().take(120).collect()
}

/// `2s`, `0.5s`.
fn seconds(duration: Duration) -> String {
    format!("{}s", duration.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_cannot_work_are_refused() {
        for (url, said) in [
            ("engine/health", "not a URL"),
            ("ftp://engine/health", "not an HTTP address"),
            ("http://anna:x@engine/health", "holds credentials"),
        ] {
            let error = Probe::new("engine", url, 0, 0, 0).unwrap_err().to_string();
            assert!(error.contains(said), "{url}: {error}");
        }
    }

    #[test]
    fn a_version_is_what_the_service_says_of_itself() {
        assert_eq!(
            version(br#"{"version": "2.1\u001b[0m"}"#).as_deref(),
            Some("2.1")
        );
        assert_eq!(version(br#"{"version": 3}"#).as_deref(), Some("3"));
        assert_eq!(version(b"ok"), None);
        assert_eq!(version(br#"["version"]"#), None);
    }

    #[test]
    fn durations_are_short() {
        assert_eq!(seconds(Duration::from_secs(2)), "2s");
        assert_eq!(seconds(Duration::from_millis(250)), "0.25s");
    }
}
