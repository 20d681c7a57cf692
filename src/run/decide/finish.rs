//! An action ended: what that means.

mod left;

use crate::run::{
    ActionId, Attempt, CommandEnd, Event, Evidence, FlagSeen, Judgement, NOT_WHOLE, Outcome,
    Readings, Refusal, RunState, Scope, Verdict, judge, listed_of, matches_output, names,
};
use crate::runbook::{Actor, is_one_curl};
use left::{captures, left, lost_its_server, rolled_back, with_invalid_indexes};

/// What `curl` ends with because of what was answered: an error (with `-f`), one redirect too many.
const CURL_BY_ANSWER: [i32; 2] = [22, 47];
/// Characters of its last words that a failure is told with.
const LAST_WORDS: usize = 160;

/// An action ended: its outcome follows from exit, cancellation and every expectation on it.
pub(super) fn finished(
    state: &RunState,
    readings: &Readings,
    action: ActionId,
    number: u32,
    evidence: Option<&Evidence>,
    reason: Option<&str>,
) -> Result<Vec<Event>, Refusal> {
    let attempt = state
        .action(action)
        .and_then(|state| state.attempt(number))
        .filter(|attempt| attempt.outcome.is_none())
        .ok_or_else(|| Refusal::new("that attempt has already ended", "nothing to record"))?;
    let event = |outcome, evidence: Evidence, judgements, reason: Option<String>| {
        let (outcome, reason) = with_invalid_indexes(outcome, &evidence, reason);
        let (outcome, reason) = of_batches(state, action, outcome, reason);
        Ok(vec![Event::ActionFinished {
            action,
            attempt: number,
            outcome,
            evidence: Box::new(evidence),
            judgements,
            reason,
        }])
    };
    if state.is_watch(action) {
        return event(
            Outcome::Watched,
            evidence.cloned().unwrap_or_default(),
            attempt.judgements.clone(),
            watch_ended(attempt, evidence, reason),
        );
    }
    let Some(evidence) = evidence else {
        let reason = reason.unwrap_or("its process is gone and left no exit record");
        return event(
            Outcome::Unknown,
            Evidence::default(),
            Vec::new(),
            Some(reason.to_owned()),
        );
    };
    if let Some((outcome, why)) = unjudged(state, action, attempt, evidence, reason) {
        return event(outcome, evidence.clone(), Vec::new(), why);
    }
    let Judged {
        mut outcome,
        mut judgements,
        mut why,
    } = judged(state, readings, action, attempt, evidence);
    let mut captured = Vec::new();
    if outcome == Outcome::Passed {
        for (judgement, found) in captures(state, readings, action, evidence) {
            match found {
                Some((name, value)) => captured.push(Event::Captured {
                    action,
                    attempt: number,
                    name,
                    value,
                }),
                // Without its value the steps after it could not go on, or would with a wrong one.
                None => {
                    outcome = Outcome::Failed;
                    why.get_or_insert(format!("{}: {}", judgement.text, judgement.explanation));
                }
            }
            judgements.push(judgement);
        }
    }
    let reason = match outcome {
        Outcome::Inconclusive => why,
        _ => reason.map(str::to_owned).or(why),
    };
    let mut events = event(outcome, evidence.clone(), judgements, reason)?;
    if matches!(
        events.first(),
        Some(Event::ActionFinished {
            outcome: Outcome::Passed,
            ..
        })
    ) {
        events.extend(captured);
    }
    Ok(events)
}

/// Of batches nothing stays unknown: what became of the one under way the next attempt asks the server.
fn of_batches(
    state: &RunState,
    action: ActionId,
    outcome: Outcome,
    reason: Option<String>,
) -> (Outcome, Option<String>) {
    let block = state.runbook.block(action.block);
    let is_it = block.is_some_and(|block| block.attributes.batch.is_some());
    if outcome != Outcome::Unknown || !is_it {
        return (outcome, reason);
    }
    let goes_on = "run it again: it asks the server for the last batch, and goes on behind it";
    let reason = match reason {
        Some(reason) => format!("{reason}; {goes_on}"),
        None => goes_on.to_owned(),
    };
    (Outcome::Failed, Some(reason))
}

/// Nothing waits for a watch and nothing follows from its end, not even from that of its shim.
fn watch_ended(
    attempt: &Attempt,
    evidence: Option<&Evidence>,
    reason: Option<&str>,
) -> Option<String> {
    reason.map(str::to_owned).or_else(|| match evidence {
        None => Some("its process is gone".to_owned()),
        Some(_) if attempt.cancel_requested_at.is_some() => None,
        Some(evidence) => Some(match evidence.exit {
            Some(exit) => format!("it ended by itself: exit code {exit}"),
            None => "it ended by itself".to_owned(),
        }),
    })
}

/// What became of an attempt whose evidence says so without being judged.
fn unjudged(
    state: &RunState,
    action: ActionId,
    attempt: &Attempt,
    evidence: &Evidence,
    reason: Option<&str>,
) -> Option<(Outcome, Option<String>)> {
    let cancelled = attempt.cancel_requested_at.is_some();
    if evidence.not_started {
        let outcome = match cancelled {
            true => Outcome::Cancelled,
            false => Outcome::Failed,
        };
        let why = reason.unwrap_or("nothing was run");
        return Some((outcome, Some(format!("did not start: {why}"))));
    }
    if evidence.uncommitted {
        let (outcome, why) = rolled_back(attempt, evidence, reason);
        return Some((outcome, Some(why)));
    }
    // A command that ended well before the cancellation reached it did happen.
    if cancelled && evidence.exit != Some(0) {
        let why = match (reason, left(evidence)) {
            (Some(reason), Some(left)) => Some(format!("{reason}; {left}")),
            (reason, left) => reason.map(str::to_owned).or(left),
        };
        return Some((Outcome::Cancelled, why));
    }
    lost_its_server(state, action, evidence).then(|| {
        let why = "the connection to the server was lost while it ran: its last statement \
                   may or may not have taken effect";
        (Outcome::Unknown, Some(why.to_owned()))
    })
}

/// What evidence says by exit code, answers and conditions.
struct Judged {
    outcome: Outcome,
    judgements: Vec<Judgement>,
    why: Option<String>,
}

fn judged(
    state: &RunState,
    readings: &Readings,
    action: ActionId,
    attempt: &Attempt,
    evidence: &Evidence,
) -> Judged {
    let mut judgements = judgements(state, readings, action, evidence);
    let asks = evidence
        .commands
        .last()
        .and_then(|run| match &run.done.as_ref()?.end {
            CommandEnd::Asks { question, .. } => Some(question.clone()),
            _ => None,
        });
    let expects_exit = judgements
        .iter()
        .filter_map(|judgement| judgement.cel.as_deref())
        .any(|cel| {
            // An author who asks for a status or an exit code says what a good end is.
            names(cel, "exit")
                || (names(cel, "status") && ended_by_answer(state, action, attempt, evidence))
        });
    let ended_well = evidence.exit == Some(0) || expects_exit || asks.is_some();
    // Conditions of the author's say what is good, once nothing is left behind the question.
    let is_last = evidence.commands.last().map(|run| run.index)
        == attempt.planned.last().map(|planned| planned.index);
    let is_judged = expects_exit || (!judgements.is_empty() && is_last);
    if asks.is_some() && !is_judged {
        return Judged {
            outcome: Outcome::Inconclusive,
            judgements,
            why: asks,
        };
    }
    judgements.extend(evidence.catalog.iter().map(|word| Judgement {
        text: "the catalog, asked afterwards".to_owned(),
        cel: None,
        verdict: match word.good {
            true => Verdict::Pass,
            false => Verdict::Fail,
        },
        explanation: word.words.clone(),
    }));
    // One that nothing was set for says so by its exit.
    let flag = evidence.flag.as_deref().filter(|_| ended_well);
    judgements.extend(flag.map(FlagSeen::judgement));
    // What was only read from words, and is not decided by what was seen, a person decides.
    let expected = state.expectations_of(action);
    let is_open = |judgement: &Judgement| {
        judgement.verdict == Verdict::Inconclusive
            && expected
                .iter()
                .any(|item| item.proposed && item.cel == judgement.cel)
    };
    let failed = judgements.iter().find(|judgement| {
        matches!(judgement.verdict, Verdict::Fail | Verdict::Inconclusive) && !is_open(judgement)
    });
    let open = judgements.iter().find(|one| is_open(one));
    let (outcome, why) = match (ended_well, failed, open) {
        (true, None, None) => (Outcome::Passed, None),
        (true, None, Some(open)) => (
            Outcome::Inconclusive,
            Some(format!(
                "{}: {}: is that right?",
                open.text, open.explanation
            )),
        ),
        (true, Some(failed), _) => (
            Outcome::Failed,
            Some(format!("{}: {}", failed.text, failed.explanation)),
        ),
        (false, _, _) => (Outcome::Failed, why_failed(attempt, evidence)),
    };
    Judged {
        outcome,
        judgements,
        why,
    }
}

/// Whether the status of an answer is why it ended as it did: that of a request, or of a `curl` alone that
/// was the last command of all. What a script says after an answer is no part of that answer.
fn ended_by_answer(
    state: &RunState,
    action: ActionId,
    attempt: &Attempt,
    evidence: &Evidence,
) -> bool {
    let Some(status) = evidence.status else {
        return false;
    };
    if state
        .code_of(action)
        .is_some_and(|(_, actor)| actor == Actor::Http)
    {
        return true;
    }
    let (Some(last), Some(planned)) = (evidence.commands.last(), attempt.planned.last()) else {
        return false;
    };
    // Of one command the whole says it.
    let is_its_own = evidence
        .each
        .last()
        .is_none_or(|own| own.index == last.index && own.seen.status == Some(status));
    last.index == planned.index
        && is_its_own
        && evidence
            .exit
            .is_some_and(|exit| CURL_BY_ANSWER.contains(&exit))
        && listed_of(state, action).is_ok_and(|listed| {
            let mut listed = listed.iter();
            listed.any(|command| command.index == last.index && is_one_curl(&command.text))
        })
}

pub(super) fn judgements(
    state: &RunState,
    readings: &Readings,
    action: ActionId,
    evidence: &Evidence,
) -> Vec<Judgement> {
    let scope = Scope::of(state, readings).with_evidence(evidence);
    let mut judgements = Vec::new();
    let Some(block) = state.runbook.block(action.block) else {
        return judgements;
    };
    if let Some(expect) = &block.attributes.expect {
        judgements.push(judge("", expect, &scope));
    }
    // The block's own attribute is judged above.
    let bound = state
        .expectations_of(action)
        .into_iter()
        .filter(|expectation| {
            expectation.cel.is_none() || expectation.cel != block.attributes.expect
        });
    for expectation in bound {
        if let Some(lines) = &expectation.output {
            let printed = format!(
                "{}\n{}\n{}",
                evidence.stdout,
                evidence.stderr,
                evidence
                    .notices
                    .iter()
                    .map(|notice| format!("NOTICE: {notice}\n"))
                    .collect::<String>()
            );
            let mut judgement = matches_output(lines, &printed);
            if evidence.is_cut() && judgement.verdict == Verdict::Fail {
                judgement.verdict = Verdict::Inconclusive;
                judgement.explanation = NOT_WHOLE.to_owned();
            }
            judgements.push(judgement);
        } else if let Some(cel) = &expectation.cel {
            let mut judgement = judge(&expectation.text, cel, &scope);
            if expectation.red_flag {
                judgement = judgement.of_a_red_flag();
            }
            judgements.push(judgement);
        }
    }
    judgements
}

/// Why it failed by itself: the command that did, where there are several, and its last words.
fn why_failed(attempt: &Attempt, evidence: &Evidence) -> Option<String> {
    let exit = evidence.exit?;
    let run = evidence.commands.last();
    let (line, why) = match run.and_then(|run| Some((run.index, &run.done.as_ref()?.end))) {
        Some((index, CommandEnd::Failed { why, .. })) => {
            let planned = attempt.planned.iter().find(|known| known.index == index);
            (planned.map(|planned| planned.line), why.clone())
        }
        _ => (None, format!("exit code {exit}")),
    };
    let line = line.filter(|_| attempt.planned.len() > 1);
    let line = line.map_or_else(String::new, |line| format!("line {line}: "));
    Some(match last_words(evidence) {
        Some(words) => format!("{line}{why}: {words}"),
        None => format!("{line}{why}"),
    })
}

/// What it said against itself: the server's first error, else the last line of standard error.
fn last_words(evidence: &Evidence) -> Option<String> {
    let lines = || evidence.stderr.lines();
    // An indented line only goes on with the one before it: a hint, a question.
    let begins = |line: &&str| line.starts_with(|first: char| !first.is_whitespace());
    let line = lines()
        .find(|line| line.contains("ERROR:") || line.contains("FATAL:"))
        .or_else(|| lines().rfind(begins))
        .or_else(|| lines().rfind(|line| !line.trim().is_empty()))?
        .trim();
    let from = ["ERROR:", "FATAL:"]
        .iter()
        .find_map(|word| line.find(word))
        .or_else(|| line.strip_prefix("bash: ").map(|_| "bash: ".len()))
        .unwrap_or(0);
    let words: String = line.get(from..)?.chars().take(LAST_WORDS).collect();
    Some(words)
}
