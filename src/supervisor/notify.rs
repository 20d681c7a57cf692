//! Tells people who are not at the screen: by webhook or by a command. Each receiver has a task and a queue
//! of its own, so that one that is slow or gone holds up neither the run nor the others.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::core::Supervisor;
use super::handle::Input;
use super::secret_source::{self, Groups};
use super::secrets::Secrets;
use crate::run::{ENGINE, Event, Notice, Notices, Record, RunState, Timestamp};
use crate::runbook::config::{NotifySpec, Occasion, Sink, WebhookAddress, WebhookFormat};
use crate::text::cause::root_cause;
use crate::text::scrub::scrub_line;

/// Notices that wait for one receiver; each one more is lost, and the log says so.
const QUEUE: usize = 64;
/// A receiver that has not answered by then has failed.
const PATIENCE: Duration = Duration::from_secs(10);
/// Pauses between attempts; after the last of them a notice is given up.
const PAUSES_S: [u64; 7] = [1, 2, 5, 15, 30, 60, 120];
/// What a run that ends still waits for.
const LAST_WORDS: Duration = Duration::from_secs(5);
/// A message is cut here: chat tools refuse long ones.
const LONGEST: usize = 1_500;

/// What is told of a run, and to whom.
pub(super) struct Notifier {
    notices: Notices,
    receivers: Vec<Receiver>,
    tasks: Vec<JoinHandle<()>>,
    /// Commands under way.
    commands: Groups,
}

struct Receiver {
    name: String,
    on: Vec<Occasion>,
    queue: mpsc::Sender<Notice>,
}

impl Notifier {
    pub(super) fn new(
        state: &RunState,
        now: Timestamp,
        secrets: &Secrets,
        troubles: &mpsc::Sender<Input>,
    ) -> Self {
        let commands = Groups::default();
        let (mut receivers, mut tasks) = (Vec::new(), Vec::new());
        for (name, spec) in &state.config.notify {
            let NotifySpec { sink, on } = spec.clone();
            let (queue, waiting) = mpsc::channel(QUEUE);
            let courier = Courier {
                name: name.clone(),
                sink,
                directory: PathBuf::from(&state.directory),
                secrets: secrets.clone(),
                commands: commands.clone(),
                troubles: troubles.clone(),
                client: None,
                secret_address: None,
            };
            tasks.push(tokio::spawn(courier.deliver(waiting)));
            let name = name.clone();
            receivers.push(Receiver { name, on, queue });
        }
        Self {
            notices: Notices::new(state, now),
            receivers,
            tasks,
            commands,
        }
    }

    /// After an event was folded into the state.
    pub(super) fn happened(&mut self, state: &RunState, record: &Record) {
        if !self.receivers.is_empty() {
            let news = self.notices.of(state, record);
            self.tell(&news);
        }
    }

    fn due(&mut self, state: &RunState, now: Timestamp) {
        if !self.receivers.is_empty() {
            let news = self.notices.due(state, now);
            self.tell(&news);
        }
    }

    fn tell(&self, news: &[Notice]) {
        for notice in news {
            let occasion = notice.occasion;
            for receiver in self
                .receivers
                .iter()
                .filter(|one| one.on.contains(&occasion))
            {
                // Nobody waits for a receiver.
                if let Err(error) = receiver.queue.try_send(notice.clone()) {
                    let receiver = &receiver.name;
                    tracing::warn!(receiver, %error, "a notification is not sent");
                }
            }
        }
    }

    /// The run needs no process any more: what is under way is sent, for a moment.
    pub(super) async fn finish(&mut self) {
        self.receivers.clear();
        let all = futures::future::join_all(self.tasks.iter_mut());
        if tokio::time::timeout(LAST_WORDS, all).await.is_err() {
            tracing::warn!("not everybody was told of the end of the run");
        }
        self.tasks.iter().for_each(JoinHandle::abort);
        self.commands.end();
    }
}

impl Supervisor {
    pub(super) fn look_for_due(&mut self) {
        let now = self.clock.now();
        self.notifier.due(&self.state, now);
    }

    /// A receiver could not be told; said once until it is told something again.
    pub(super) async fn not_told(&mut self, receiver: &str, reason: &str) {
        let text = format!("notification to `{receiver}` failed: {reason}");
        let note = Event::NoteWritten { text, step: None };
        if let Err(refusal) = self.commit(ENGINE, vec![note]).await {
            tracing::warn!(reason = %refusal.message, "a failed notification is not recorded");
        }
    }
}

/// Brings notices to one receiver, in order.
struct Courier {
    name: String,
    sink: Sink,
    directory: PathBuf,
    secrets: Secrets,
    commands: Groups,
    troubles: mpsc::Sender<Input>,
    client: Option<reqwest::Client>,
    /// An address from a secret's source, once it is known.
    secret_address: Option<String>,
}

/// Why something was not delivered.
struct Failure {
    reason: String,
    /// Trying again is of no use.
    final_: bool,
}

impl Failure {
    fn passing(reason: impl Into<String>) -> Self {
        let reason = reason.into();
        Self {
            reason,
            final_: false,
        }
    }

    fn lasting(reason: impl Into<String>) -> Self {
        let reason = reason.into();
        Self {
            reason,
            final_: true,
        }
    }
}

impl Courier {
    async fn deliver(mut self, mut waiting: mpsc::Receiver<Notice>) {
        let mut failing = false;
        while let Some(notice) = waiting.recv().await {
            // A configuration that nobody has agreed to reaches nobody.
            if self.secrets.consent().is_none() {
                continue;
            }
            match self.bring(&notice).await {
                Ok(()) => failing = false,
                Err(reason) if failing => {
                    tracing::warn!(receiver = self.name, reason, "a notification is given up");
                }
                Err(reason) => {
                    failing = true;
                    let told = Input::NotTold {
                        receiver: self.name.clone(),
                        reason: scrub_line(&reason, false).into_owned(),
                    };
                    if self.troubles.send(told).await.is_err() {
                        return;
                    }
                }
            }
        }
    }

    async fn bring(&mut self, notice: &Notice) -> Result<(), String> {
        let mut pauses = PAUSES_S.into_iter();
        loop {
            let tried = tokio::time::timeout(PATIENCE, self.send(notice)).await;
            let tried = tried.unwrap_or_else(|_| {
                Err(Failure::passing(format!(
                    "no answer within {} s",
                    PATIENCE.as_secs()
                )))
            });
            let failure = match tried {
                Ok(()) => return Ok(()),
                Err(failure) => failure,
            };
            match pauses.next() {
                Some(pause) if !failure.final_ => {
                    tracing::debug!(
                        receiver = self.name,
                        reason = failure.reason,
                        "to be tried again"
                    );
                    tokio::time::sleep(Duration::from_secs(pause)).await;
                }
                _ => return Err(failure.reason),
            }
        }
    }

    async fn send(&mut self, notice: &Notice) -> Result<(), Failure> {
        match self.sink.clone() {
            Sink::Webhook { address, format } => {
                let url = self.address(&address).await?;
                self.post(&url, &body(notice, format)).await
            }
            Sink::Command(command) => self.run(&command, notice).await,
        }
    }

    async fn address(&mut self, address: &WebhookAddress) -> Result<String, Failure> {
        match address {
            WebhookAddress::Url(url) => Ok(url.clone()),
            WebhookAddress::Secret(source) => {
                if let Some(known) = &self.secret_address {
                    return Ok(known.clone());
                }
                let read = secret_source::read(source.clone(), &self.directory, &self.commands);
                let url = read.await.map_err(Failure::passing)?;
                self.secrets.learn(vec![url.clone()]);
                Ok(self.secret_address.insert(url).clone())
            }
        }
    }

    async fn post(&mut self, url: &str, body: &Value) -> Result<(), Failure> {
        let client = match &self.client {
            Some(client) => client.clone(),
            None => {
                let client = client().await?;
                self.client.insert(client).clone()
            }
        };
        // An address may be a secret: no error names it.
        let sent = client.post(url).json(body).send().await;
        let status = sent
            .map_err(|error| Failure::passing(cause(error)))?
            .status();
        let reason = format!("its webhook answered {status}");
        match status.as_u16() {
            200..=299 => Ok(()),
            408 | 425 | 429 | 500.. => Err(Failure::passing(reason)),
            _ => Err(Failure::lasting(reason)),
        }
    }

    async fn run(&self, command: &str, notice: &Notice) -> Result<(), Failure> {
        let mut child = tokio::process::Command::new("sh")
            .args(["-c", command])
            .current_dir(&self.directory)
            .env("GONOGO_RUN", &notice.run)
            .env("GONOGO_OCCASION", notice.occasion.word())
            .env("GONOGO_TEXT", words(notice))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| Failure::passing(format!("its command did not start: {error}")))?;
        let group = self.commands.enter_child(&child);
        if let Some(mut stdin) = child.stdin.take() {
            let text = format!("{}\n", body(notice, WebhookFormat::Json));
            // Who does not read has GONOGO_TEXT.
            if let Err(error) = stdin.write_all(text.as_bytes()).await {
                tracing::debug!(%error, "a command does not read its notification");
            }
        }
        let status = child.wait().await;
        let status =
            status.map_err(|error| Failure::passing(format!("its command is lost: {error}")))?;
        group.has_ended();
        match status.success() {
            true => Ok(()),
            false => Err(Failure::passing(format!("its command ended with {status}"))),
        }
    }
}

/// Reads the system's certificates, which takes a while.
async fn client() -> Result<reqwest::Client, Failure> {
    let made = tokio::task::spawn_blocking(|| {
        crate::tls::install();
        reqwest::Client::builder()
            // What is told goes where it was agreed that it goes.
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("gonogo/", env!("CARGO_PKG_VERSION")))
            .build()
    });
    let made = made
        .await
        .map_err(|error| Failure::passing(error.to_string()))?;
    made.map_err(|error| Failure::lasting(cause(error)))
}

/// What lies at the bottom of it, without the address.
fn cause(error: reqwest::Error) -> String {
    root_cause(&error.without_url())
}

/// `[production] Move a table: gate reached: …`, cut, on one line.
pub(super) fn words(notice: &Notice) -> String {
    let text = format!(
        "[{}] {}: {}: {}",
        notice.environment,
        notice.title,
        notice.occasion.title(),
        notice.text
    );
    scrub_line(&text, false).chars().take(LONGEST).collect()
}

fn body(notice: &Notice, format: WebhookFormat) -> Value {
    let attach = format!("gonogo attach {}", notice.run);
    let host = rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned();
    let message = format!("{}\non {host}: {attach}", words(notice));
    match format {
        WebhookFormat::Json => {
            let mut all = json!(notice);
            all["message"] = words(notice).into();
            all["host"] = host.into();
            all["attach"] = attach.into();
            all
        }
        WebhookFormat::Slack => json!({ "text": plain(&message) }),
        WebhookFormat::Teams => json!({ "text": escaped(&message) }),
        WebhookFormat::Discord => {
            json!({ "content": escaped(&message), "allowed_mentions": { "parse": [] } })
        }
    }
}

/// As Slack wants text that calls nobody and links nowhere.
fn plain(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// Markdown that reads as the text itself.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        if r"\`*_{}[]()#+!|<>~@".contains(letter) {
            escaped.push('\\');
        }
        escaped.push(letter);
    }
    escaped
}
