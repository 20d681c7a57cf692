//! What the cockpit asks of the supervisor, each in a task of its own: the loop never waits for an answer.

use crate::api::CommandAnswer;
use crate::run::{ActionId, OutputLine};
use crate::ui::app::{Answer, Ask};
use crate::ui::link::Control;
use tokio::sync::mpsc::Sender;

/// Lines read at once while searching.
const STRETCH: u64 = 2_000;

/// Asks beside the loop, so that a slow answer holds up no key.
pub(super) fn carry_out(ask: Ask, control: &impl Control, answers: &Sender<Answer>) {
    let (control, answers) = (control.clone(), answers.clone());
    tokio::spawn(async move {
        let answer = match ask {
            Ask::Commands(commands) => {
                let mut last = None;
                for command in commands {
                    let answer = control.command(command).await;
                    let goes_on = matches!(answer, Ok(CommandAnswer::Accepted { .. }));
                    last = Some(answer);
                    if !goes_on {
                        break;
                    }
                }
                let Some(last) = last else { return };
                Answer::Command(last)
            }
            Ask::Page {
                action,
                attempt,
                from,
            } => Answer::Page {
                action,
                attempt,
                from,
                page: control
                    .output(action, attempt, from, crate::ui::output::PAGE)
                    .await,
            },
            Ask::Find {
                action,
                attempt,
                pattern,
                from,
                lines,
                upwards,
            } => {
                let subject = (action, attempt, lines);
                let line = find(&control, subject, &pattern.to_lowercase(), from, upwards).await;
                Answer::Found { pattern, line }
            }
            Ask::Fate { action } => Answer::Fate {
                action,
                fate: control.fate(action).await.map(Box::new),
            },
            Ask::Included { action } => Answer::Included {
                action,
                included: control.included(action).await,
            },
            Ask::Loss { block } => Answer::Loss {
                block,
                loss: control.loss(block).await,
            },
            Ask::Before { action } => Answer::Before {
                action,
                before: control.before(action).await,
            },
            Ask::Past { at } => Answer::Past {
                at,
                past: control.past(at).await.map(Box::new),
            },
            Ask::Session(session) => {
                let detail = control.session(&session).await;
                Answer::Session { session, detail }
            }
            Ask::GuideDifference => Answer::GuideDifference(control.guide_difference().await),
            Ask::Type { .. } | Ask::Copy(_) | Ask::Leave => return,
        };
        if answers.send(answer).await.is_err() {
            tracing::debug!("an answer came after the cockpit had left");
        }
    });
}

/// The nearest line with the pattern, `from` itself not looked at, on past the end or the start of
/// the output.
async fn find(
    control: &impl Control,
    (action, attempt, lines): (ActionId, u32, u64),
    pattern: &str,
    from: u64,
    upwards: bool,
) -> Result<Option<u64>, String> {
    let ranges = if upwards {
        [(0, from.min(lines)), (from.saturating_add(1), lines)]
    } else {
        [(from.saturating_add(1), lines), (0, from.min(lines))]
    };
    for (start, end) in ranges {
        let mut left = (start, end);
        while left.0 < left.1 {
            let stretch = if upwards {
                (left.1.saturating_sub(STRETCH).max(left.0), left.1)
            } else {
                (left.0, (left.0 + STRETCH).min(left.1))
            };
            let page = control
                .output(action, attempt, stretch.0, stretch.1 - stretch.0)
                .await?;
            let mut hits = page.page.iter().filter(|line| holds(line, pattern));
            let hit = if upwards {
                hits.next_back()
            } else {
                hits.next()
            };
            if let Some(hit) = hit {
                return Ok(Some(hit.number));
            }
            if upwards {
                left.1 = stretch.0;
            } else {
                left.0 = stretch.1;
            }
        }
    }
    Ok(None)
}

fn holds(line: &OutputLine, pattern: &str) -> bool {
    line.plain().to_lowercase().contains(pattern)
}
