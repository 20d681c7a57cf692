//! The loop: keys first, then answers, then messages in batches; a frame at most every 25 ms, which
//! keys do not wait for, and once a second for the clock. Readings are drawn with the clock or half a
//! second after it, output ten times a second. Nothing else draws, so an idle cockpit costs next to
//! nothing and a flood of output cannot hold up a key.

mod ask;
mod start;

use ask::carry_out;
pub use start::known_names;
use start::{first_snapshot, layouts, themes, with_waiting};
use std::time::Duration;

use chrono::{Local, Offset, Timelike, Utc};
use color_eyre::eyre::WrapErr;
use crossterm::event::{Event as TerminalEvent, EventStream, KeyEventKind};
use futures::StreamExt;
use ratatui::layout::Size;
use tokio::sync::mpsc::{Receiver, Sender, UnboundedSender, channel};
use tokio::time::{Instant, sleep, sleep_until};

use super::app::{Answer, App, Ask};
use super::attention::{self, Attention};
use super::link::{Control, Feed, socket};
use super::model::Model;
use super::terminal::{Guard, Screen, copy};
use super::theme::Role;
use super::typing::Typing;
use super::typist::typist;
use crate::api::{Client, Message};
use crate::run::{ActionId, Mode, Typed};
use crate::supervisor::SharedView;

/// Frames come no faster than this.
const FRAME: Duration = Duration::from_millis(25);
/// Nor do those that show no more than what an action has printed.
const OUTPUT_FRAME: Duration = Duration::from_millis(100);
/// Readings are drawn at the next of these parts of a second, which begins with the clock's frame.
const READING_FRAME: Duration = Duration::from_millis(500);
/// Messages taken in between two looks at the keys.
const BATCH: usize = 64;
/// How often a cockpit that does not change says that it lives.
const SIGN_OF_LIFE: Duration = Duration::from_secs(3);

#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Who sits here, as the supervisor knows them: `anna@ops1`.
    pub me: String,
    /// Only watch, even where this person is the driver.
    pub observe: bool,
    pub layout: Option<String>,
    pub theme: Option<String>,
}

/// How the cockpit was left. The run never ends with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Leave {
    /// `gonogo attach RUN` comes back.
    RunGoesOn { run: String, mode: Mode },
    /// Done, given up or rolled back: `gonogo report RUN`.
    RunIsOver { run: String, mode: Mode },
    /// Before the supervisor had said anything.
    Early,
}

enum Incoming {
    Message(Box<Message>),
    Lost(String),
}

/// Runs the cockpit on a supervisor's socket until the operator leaves it. Standard output must be a
/// terminal.
///
/// # Errors
/// The terminal cannot be used, or the connection ended before it began.
pub async fn run(client: Client, options: Options) -> color_eyre::Result<Leave> {
    let (feed, control) = socket(client, &options.me, options.observe);
    run_on(feed, control, options).await
}

/// [`run`] on any link.
///
/// # Errors
/// See [`run`].
pub async fn run_on(
    feed: impl Feed,
    control: impl Control,
    options: Options,
) -> color_eyre::Result<Leave> {
    let (layouts, layout_faults) = layouts()?;
    let (themes, theme_faults) = themes()?;
    let (guard, mut screen) = Guard::take().wrap_err("the terminal cannot be used")?;
    let mut keys = EventStream::new();
    let (sender, mut incoming) = channel(BATCH);
    let pump = tokio::spawn(pump(feed, sender));
    let left = async {
        let Some(snapshot) = first_snapshot(&mut incoming, &mut keys, &mut screen).await? else {
            return Ok(Leave::Early);
        };
        let now = Utc::now();
        let mut model = Model::new(Local::now().offset().fix(), now, snapshot);
        model.observe = options.observe;
        let mut app = App::new(model, layouts, themes)?;
        let size = screen.size()?;
        app.resize(Size::new(size.width, size.height));
        let mut faults: Vec<(String, String)> = layout_faults
            .into_iter()
            .chain(theme_faults)
            .map(|fault| (fault.to_string(), fault.help))
            .collect();
        let wishes = [
            options.layout.as_deref().map(|name| app.use_layout(name)),
            options.theme.as_deref().map(|name| app.use_theme(name)),
        ];
        for fault in wishes.into_iter().flatten().filter_map(Result::err) {
            faults.push((fault, "the default is shown".to_owned()));
        }
        let wanted = std::env::var(attention::VARIABLE).unwrap_or_default();
        let (attention, fault) = Attention::new(&wanted, &app.model.run, now);
        faults.extend(fault.map(|fault| (fault, "nobody is called for it".to_owned())));
        if let Some((text, help)) = faults.into_iter().next() {
            app.say(text, help, Role::Warning);
        } else {
            app.greet();
        }
        app.begin();
        walk(app, attention, incoming, control, keys, &mut screen).await
    }
    .await;
    pump.abort();
    drop(guard);
    left
}

/// Passes messages on, and connects again when the stream ends.
async fn pump(mut feed: impl Feed, sender: Sender<Incoming>) {
    loop {
        while let Some(message) = feed.next().await {
            let message = Incoming::Message(Box::new(message));
            if sender.send(message).await.is_err() {
                return;
            }
        }
        let mut why = "the supervisor closed the connection".to_owned();
        let mut pause = Duration::from_millis(250);
        loop {
            if sender.send(Incoming::Lost(why)).await.is_err() {
                return;
            }
            sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(3));
            match feed.reconnect().await {
                Ok(()) => break,
                Err(error) => why = error,
            }
        }
    }
}

#[derive(PartialEq, Eq)]
enum Flow {
    GoesOn,
    Leaves,
}

/// Does what a key asked for. What takes time goes on beside the loop.
fn perform(
    ask: Ask,
    app: &mut App,
    typist: &UnboundedSender<(ActionId, u32, Typed)>,
    control: &impl Control,
    answers: &Sender<Answer>,
) -> Flow {
    match ask {
        Ask::Leave => return Flow::Leaves,
        Ask::Copy(text) => {
            if let Err(error) = copy(&text) {
                app.say(format!("not copied: {error}"), "", Role::Warning);
            }
        }
        Ask::Type {
            action,
            attempt,
            typed,
        } => {
            if typist.send((action, attempt, typed)).is_err() {
                app.say("not typed: the cockpit is ending", "", Role::Failed);
            }
        }
        ask => carry_out(ask, control, answers),
    }
    Flow::GoesOn
}

/// Takes in a batch of messages. By when the first of them wants a frame, if one does.
fn take_all(
    batch: &mut Vec<Incoming>,
    app: &mut App,
    attention: &mut Attention,
    drawn: Instant,
) -> Option<Instant> {
    let mut due: Option<Instant> = None;
    for message in batch.drain(..) {
        let wanted = match message {
            Incoming::Message(message) => {
                let wanted = frame_for(&message, app, drawn);
                take(app, attention, *message);
                wanted
            }
            Incoming::Lost(why) => {
                app.model.lose_link(why);
                Some(drawn + FRAME)
            }
        };
        due = due.into_iter().chain(wanted).min();
    }
    due
}

async fn walk(
    mut app: App,
    mut attention: Attention,
    mut incoming: Receiver<Incoming>,
    control: impl Control,
    mut keys: EventStream,
    terminal: &mut Screen,
) -> color_eyre::Result<Leave> {
    let (answers, mut answered) = channel::<Answer>(BATCH);
    let typist = typist(control.clone(), answers.clone());
    let mut batch = Vec::with_capacity(BATCH);
    let mut typing = Typing::default();
    let mut drawn = Instant::now();
    let mut due: Option<Instant> = None;
    let mut ended = ends()?;
    let mut next_second = Instant::now() + to_next(Duration::from_secs(1));
    let mut shown = Shown::default();
    // Alarm and clock stay apart from the channel: it may be gone while the keys still work.
    let mut is_open = true;
    draw(&mut app, terminal)?;
    loop {
        let mut now_please = false;
        let mut asks = Vec::new();
        tokio::select! {
            biased;
            event = keys.next() => {
                let Some(event) = event else { return Ok(leave(&app)) };
                let events = with_waiting(event, &mut keys).await?;
                let presses = events.iter().filter(|event| is_press(event)).count();
                let burst = presses > 0 && typing.is_burst(presses, Instant::now());
                app.tick(Utc::now());
                for event in &events {
                    asks.extend(app.on_terminal(event, burst));
                }
                now_please = true;
            }
            _ = ended.recv() => return Ok(leave(&app)),
            Some(answer) = answered.recv() => {
                app.on_answer(answer);
                now_please = true;
            }
            count = incoming.recv_many(&mut batch, BATCH), if is_open => {
                is_open = count > 0;
                app.tick(Utc::now());
                let wanted = take_all(&mut batch, &mut app, &mut attention, drawn);
                due = due.into_iter().chain(wanted).min();
            }
            () = sleep_until(due.unwrap_or(next_second)), if due.is_some() => {}
            () = sleep_until(next_second) => {
                app.tick(Utc::now());
                attention.tick(&app.model.run, app.model.now);
                next_second = Instant::now() + to_next(Duration::from_secs(1));
                due = due.into_iter().chain([drawn + FRAME]).min();
            }
        }
        for ask in asks {
            if perform(ask, &mut app, &typist, &control, &answers) == Flow::Leaves {
                return Ok(leave(&app));
            }
        }
        if now_please || due.is_some_and(|due| due <= Instant::now()) {
            draw(&mut app, terminal)?;
            drawn = Instant::now();
            due = None;
            for ask in app.wanted() {
                match ask {
                    // The typist is gone with the cockpit only.
                    Ask::Type {
                        action,
                        attempt,
                        typed,
                    } => drop(typist.send((action, attempt, typed))),
                    ask => carry_out(ask, &control, &answers),
                }
            }
        }
        if let Err(error) = attention.call() {
            tracing::warn!(%error, "nobody was called");
        }
        shown.tell(app.shared_view(), &control);
    }
}

/// Takes in a message, and what somebody is called for.
fn take(app: &mut App, attention: &mut Attention, message: Message) {
    let record = match &message {
        Message::Event(record) if attention.is_wanted() && record.seq > app.model.run.seq => {
            Some(record.clone())
        }
        _ => None,
    };
    app.on_message(message);
    if let Some(record) = record {
        attention.happened(&app.model.run, &record);
    }
}

/// What the others were told last of this screen, and when.
#[derive(Default)]
struct Shown(Option<(SharedView, Instant)>);

impl Shown {
    /// Tells them where it has changed, and from time to time that this client lives.
    fn tell(&mut self, view: SharedView, control: &impl Control) {
        let is_fresh = self
            .0
            .as_ref()
            .is_some_and(|(known, at)| *known == view && at.elapsed() < SIGN_OF_LIFE);
        if is_fresh {
            return;
        }
        self.0 = Some((view.clone(), Instant::now()));
        let control = control.clone();
        tokio::spawn(async move { control.show(view).await });
    }
}

fn is_press(event: &TerminalEvent) -> bool {
    matches!(event, TerminalEvent::Key(key) if key.kind == KeyEventKind::Press)
}

/// When a message is drawn, at the latest; `None` of one that changes nothing on the screen.
fn frame_for(message: &Message, app: &App, drawn: Instant) -> Option<Instant> {
    match message {
        Message::Heartbeat { .. } if app.model.silent_s().is_none() => None,
        Message::Sample(_) => Some(Instant::now() + to_next(READING_FRAME)),
        Message::Output(_) => Some(drawn + OUTPUT_FRAME),
        _ => Some(drawn + FRAME),
    }
}

/// The time until the next of these parts of a second begins.
fn to_next(part: Duration) -> Duration {
    let part = part.as_nanos().max(1);
    let passed = u128::from(Utc::now().nanosecond()) % part;
    let rest = u64::try_from(part - passed).unwrap_or_default();
    // A little late, so that the clock never shows the second before.
    Duration::from_nanos(rest) + Duration::from_millis(2)
}

fn draw(app: &mut App, terminal: &mut Screen) -> color_eyre::Result<()> {
    terminal
        .draw(|frame| app.draw(frame.area(), frame.buffer_mut()))
        .wrap_err("the terminal cannot be written to")?;
    Ok(())
}

fn leave(app: &App) -> Leave {
    let run = app.model.run.run.clone();
    match app.model.run.mode {
        mode @ (Mode::Failed | Mode::RolledBack) => Leave::RunIsOver { run, mode },
        mode => Leave::RunGoesOn { run, mode },
    }
}

/// The signals by which a terminal or a person ends the client.
fn ends() -> color_eyre::Result<Receiver<()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let (sender, receiver) = channel(1);
    for kind in [SignalKind::hangup(), SignalKind::terminate()] {
        let mut signal = signal(kind).wrap_err("signals cannot be listened for")?;
        let sender = sender.clone();
        tokio::spawn(async move {
            if signal.recv().await.is_some() && sender.send(()).await.is_err() {
                tracing::debug!("the cockpit had left already");
            }
        });
    }
    Ok(receiver)
}
