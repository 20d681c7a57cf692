//! One HTTP request as text, and its answer.

use std::collections::BTreeMap;

use tokio::time::Instant;

use crate::executor::HttpAnswer;

/// A larger body is shown in part, and not kept as JSON.
pub(super) const BODY_LIMIT: usize = 1 << 20;

/// A request as a guide writes it.
#[derive(Debug, PartialEq)]
struct Request {
    method: reqwest::Method,
    url: reqwest::Url,
    headers: Vec<(String, String)>,
    body: Option<String>,
}

/// Sends a request; gives its answer and its body.
pub(super) async fn send(text: &str) -> Result<(HttpAnswer, Vec<u8>), String> {
    let request = parse(text)?;
    // Fails only where a provider is there already.
    if rustls::crypto::ring::default_provider()
        .install_default()
        .is_err()
    {
        tracing::debug!("a TLS provider is there already");
    }
    let client = reqwest::Client::builder()
        // What was shown is what is sent: an answer that points elsewhere is an answer.
        .redirect(reqwest::redirect::Policy::none())
        .user_agent(concat!("gonogo/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| causes(&error))?;
    let mut builder = client.request(request.method, request.url);
    for (name, value) in request.headers {
        builder = builder.header(name, value);
    }
    if let Some(body) = request.body {
        builder = builder.body(body);
    }
    let began = Instant::now();
    let mut response = builder.send().await.map_err(|error| causes(&error))?;
    let status = response.status().as_u16();
    let mut headers: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in response.headers() {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        headers
            .entry(name.as_str().to_owned())
            .and_modify(|before| *before = format!("{before}, {value}"))
            .or_insert(value);
    }
    let mut body = Vec::new();
    let mut whole = true;
    while let Some(chunk) = response.chunk().await.map_err(|error| causes(&error))? {
        if whole {
            let room = BODY_LIMIT - body.len();
            body.extend_from_slice(&chunk[..chunk.len().min(room)]);
            whole = chunk.len() <= room;
        }
    }
    let latency_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    let answer = HttpAnswer {
        status,
        headers,
        json: whole.then(|| serde_json::from_slice(&body).ok()).flatten(),
        latency_ms,
    };
    Ok((answer, body))
}

fn parse(text: &str) -> Result<Request, String> {
    let mut lines = text.lines();
    let first = lines
        .by_ref()
        .map(str::trim)
        .find(|line| !line.is_empty())
        .ok_or("the request is empty; write `GET http://…` on its first line")?;
    let mut words = first.split_whitespace();
    let (method, url) = match (words.next(), words.next()) {
        (Some(method), Some(url)) => (method, url),
        (Some(url), None) => ("GET", url),
        _ => return Err(format!("`{first}` is not `METHOD URL`")),
    };
    let method: reqwest::Method = method
        .parse()
        .map_err(|_| format!("`{method}` is not an HTTP method"))?;
    let url = reqwest::Url::parse(url).map_err(|error| format!("`{url}` is not a URL: {error}"))?;
    let mut headers = Vec::new();
    for line in lines.by_ref() {
        if line.trim().is_empty() {
            break;
        }
        let (name, value) = line
            .split_once(':')
            .ok_or_else(|| format!("`{line}` is not a header such as `accept: text/plain`"))?;
        headers.push((name.trim().to_owned(), value.trim().to_owned()));
    }
    let body = lines.collect::<Vec<_>>().join("\n");
    Ok(Request {
        method,
        url,
        headers,
        body: (!body.is_empty()).then_some(body),
    })
}

/// An error with what caused it, in one line.
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}
