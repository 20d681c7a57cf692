//! What is there before the first frame: layouts, themes, and the first snapshot or word of why it takes so long.

use super::Incoming;
use crate::api::{Message, Snapshot};
use crate::ui::files::{FileError, own_files, own_folder};
use crate::ui::layout::Layout;
use crate::ui::terminal::Screen;
use crate::ui::theme::Theme;
use crate::ui::{panes, screen};
use color_eyre::eyre::{WrapErr, eyre};
use crossterm::event::{Event as TerminalEvent, EventStream, KeyCode, KeyEventKind, KeyModifiers};
use futures::StreamExt;
use std::task::Poll;
use std::time::Duration;
use tokio::sync::mpsc::Receiver;
use tokio::time::timeout;

/// The names of all layouts, and of all themes.
///
/// # Errors
/// Where one that comes with the program cannot be read.
pub fn known_names() -> color_eyre::Result<(Vec<String>, Vec<String>)> {
    let layouts = layouts()?.0.into_iter().map(|layout| layout.name);
    let themes = themes()?.0.into_iter().map(|theme| theme.name);
    Ok((layouts.collect(), themes.collect()))
}

/// The layouts that come with the program and the user's own, which replace those of the same name;
/// and what is wrong with files, each of which is left out.
pub(super) fn layouts() -> color_eyre::Result<(Vec<Layout>, Vec<FileError>)> {
    let names = panes::names();
    let mut layouts = Layout::embedded(&names)?;
    let mut faults = Vec::new();
    for (name, path, text) in own_folder("layouts")
        .iter()
        .flat_map(|folder| own_files(folder))
    {
        match text.and_then(|text| Layout::parse(&name, &text, &path, &names)) {
            Ok(layout) => match layouts.iter_mut().find(|known| known.name == name) {
                Some(known) => *known = layout,
                None => layouts.push(layout),
            },
            Err(fault) => faults.push(fault),
        }
    }
    Ok((layouts, faults))
}

pub(super) fn themes() -> color_eyre::Result<(Vec<Theme>, Vec<FileError>)> {
    let mut themes = Theme::embedded()?;
    let mut faults = Vec::new();
    for (name, path, text) in own_folder("themes")
        .iter()
        .flat_map(|folder| own_files(folder))
    {
        match text.and_then(|text| Theme::parse(&name, &text, &path)) {
            Ok(theme) => match themes.iter_mut().find(|known| known.name == name) {
                Some(known) => *known = theme,
                None => themes.push(theme),
            },
            Err(fault) => faults.push(fault),
        }
    }
    // https://no-color.org: any value that is not empty.
    if std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty()) {
        themes = themes.into_iter().map(Theme::without_colour).collect();
    }
    Ok((themes, faults))
}

/// Waits for the state of the run; `None` where the operator leaves before it came.
pub(super) async fn first_snapshot(
    incoming: &mut Receiver<Incoming>,
    keys: &mut EventStream,
    terminal: &mut Screen,
) -> color_eyre::Result<Option<Snapshot>> {
    let mut said = "waiting for the supervisor; q leaves".to_owned();
    // A supervisor that is there answers before anybody could read that it is waited for.
    let mut patience = Duration::from_millis(150);
    loop {
        tokio::select! {
            biased;
            event = keys.next() => match event {
                Some(Ok(TerminalEvent::Key(key))) if key.kind == KeyEventKind::Press => {
                    let control = key.modifiers.contains(KeyModifiers::CONTROL);
                    if matches!((key.code, control), (KeyCode::Char('q'), _) | (KeyCode::Char('c'), true)) {
                        return Ok(None);
                    }
                }
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(error).wrap_err("the keyboard cannot be read"),
                None => return Ok(None),
            },
            message = timeout(patience, incoming.recv()) => match message {
                Ok(Some(Incoming::Message(message))) => {
                    if let Message::Snapshot(snapshot) = *message {
                        return Ok(Some(*snapshot));
                    }
                }
                Ok(Some(Incoming::Lost(why))) => {
                    said = format!("the supervisor cannot be reached: {why}; trying again, q leaves");
                }
                Ok(None) => return Err(eyre!("the connection to the supervisor ended")),
                Err(_) => {
                    patience = Duration::from_secs(3_600);
                }
            },
        }
        terminal.draw(|frame| screen::waiting(&said, frame.area(), frame.buffer_mut()))?;
    }
}

/// The next key if there is one already. It is asked with this task's own waker: `now_or_never` would
/// leave one that wakes nobody, and the next key would lie there until something else happens.
async fn at_once(keys: &mut EventStream) -> Option<Option<std::io::Result<TerminalEvent>>> {
    std::future::poll_fn(|context| match keys.poll_next_unpin(context) {
        Poll::Ready(event) => Poll::Ready(Some(event)),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}

/// A key with those that already wait behind it.
pub(super) async fn with_waiting(
    first: std::io::Result<TerminalEvent>,
    keys: &mut EventStream,
) -> color_eyre::Result<Vec<TerminalEvent>> {
    const UNREADABLE: &str = "the keyboard cannot be read";
    let mut events = vec![first.wrap_err(UNREADABLE)?];
    while let Some(Some(event)) = at_once(keys).await {
        events.push(event.wrap_err(UNREADABLE)?);
    }
    Ok(events)
}
