//! A command in the step's document: where it runs, what runs, what is expected of it and what came
//! of it.

use ratatui::text::Span;

use super::{Writer, short};
use crate::run::{
    ActionId, Attempt, CommandEnd, Judgement, LockWait, Outcome, Preview, StepStatus, Verdict,
    is_armed, preview,
};
use crate::runbook::{Actor, Block, Choice, Expectation, Part, Role as BlockRole};
use crate::ui::format::{duration, grouped, milliseconds, minute, seconds_between};
use crate::ui::markdown::{code, plain};
use crate::ui::theme::{Mark, Role, status_mark, verdict_mark};
use crate::ui::walk::Item;

impl Writer<'_> {
    pub(super) fn block(&mut self, block: &Block) {
        if let Some(choice) = &block.choice {
            self.choice(&choice.group);
        }
        if block.role == BlockRole::Split && !block.parts.is_empty() {
            self.gap();
            for (index, part) in block.parts.iter().enumerate() {
                self.part(block, index, part);
            }
            return;
        }
        let action = ActionId::block(block.n);
        self.gap();
        if self.items.contains(&Item::Action(action)) {
            self.action(action, block.actor, &block.code);
        } else {
            let why = self.why_not(block.role, block.refused.as_deref(), &block.why);
            self.not_run(&block.code, why, block.choice.as_ref());
        }
        self.ticks_within(block.code_line, &block.code);
    }

    fn part(&mut self, block: &Block, index: usize, part: &Part) {
        let action = ActionId {
            block: block.n,
            part: index + 1,
        };
        if let Some(choice) = &part.choice {
            self.choice(&choice.group);
        }
        if !part.title.is_empty() {
            let said = part.title.to_lowercase().contains("optional");
            let optional = if part.optional && !said {
                " (optional)"
            } else {
                ""
            };
            self.say(&format!("{}{optional}", part.title), Role::Text, 0);
        }
        if self.items.contains(&Item::Action(action)) {
            self.action(action, part.actor, &part.code);
        } else {
            let why = self.why_not(part.role, part.refused.as_deref(), "");
            self.not_run(&part.code, why, part.choice.as_ref());
        }
        self.ticks_within(part.line, &part.code);
    }

    fn not_run(&mut self, text: &str, why: (String, Role), choice: Option<&Choice>) {
        let (why, role) = match choice {
            Some(choice) if why.1 == Role::Muted => {
                let decided = self.run.choices.contains_key(&choice.group);
                let word = if decided {
                    "the alternative that was not chosen"
                } else {
                    "an alternative"
                };
                (word.to_owned(), Role::Muted)
            }
            _ => why,
        };
        self.say(&why, role, 0);
        self.push_all(code(text, 0, self.width, self.look.theme));
    }

    fn why_not(&self, role: BlockRole, refused: Option<&str>, why: &str) -> (String, Role) {
        if let Some(refused) = refused {
            return (format!("cannot be run: {refused}"), Role::Warning);
        }
        let text = match role {
            BlockRole::Output => "expected output",
            BlockRole::Manual => "done by hand",
            BlockRole::Foreign => "for another database or system",
            BlockRole::Content => "content, not a command",
            _ if !why.is_empty() => why,
            _ => "not run here",
        };
        (text.to_owned(), Role::Muted)
    }

    fn in_option(&self) -> bool {
        self.run.runbook.is_of_rollback(&self.step.id)
    }

    fn action(&mut self, action: ActionId, actor: Actor, written: &str) {
        let item = Item::Action(action);
        let shown = preview(self.run, action);
        let attempt = self.run.action(action).and_then(|state| state.last());
        let is_left_out = attempt.is_none() && self.run.is_left_out(self.step, action);
        let head = self.first_line(actor, shown.as_ref().ok(), attempt, is_left_out);
        self.item_line(&item, head, 2);
        let text = shown.as_ref().map_or(written, |shown| &shown.command);
        self.push_all(code(text, 0, self.width, self.look.theme));
        match &shown {
            Err(refusal) => self.say(
                &format!("{}; {}", refusal.message, refusal.help),
                Role::Warning,
                2,
            ),
            Ok(shown) => {
                self.what_it_meets(actor, shown);
                // A rollback is armed by its own confirmation.
                if !is_armed(self.run, shown) && !self.in_option() && !is_left_out {
                    let text = "inferred to be a command: read it, then arm it";
                    self.say(text, Role::Muted, 2);
                }
            }
        }
        if let Some(words) = self.run.goes_on_words(action) {
            self.say(&words, Role::Muted, 2);
        }
        let own = self.run.steps.get(&self.step.id);
        match (attempt, own.and_then(|own| own.left_out.get(&action))) {
            (Some(attempt), _) => self.attempt(attempt, action),
            (None, Some(skip)) => {
                let (by, at) = (short(&skip.by), minute(skip.at));
                let text = format!("left out by {by} at {at}: {}", skip.reason);
                self.say(&text, Role::Warning, 2);
            }
            (None, None) => self.expected(action),
        }
        self.item_ends(&item);
    }

    /// State, kind, place and time in one line.
    fn first_line(
        &self,
        actor: Actor,
        shown: Option<&Preview>,
        attempt: Option<&Attempt>,
        is_left_out: bool,
    ) -> Vec<Span<'static>> {
        let Mark { glyph, role, word } = attempt_mark(attempt);
        let glyph = if is_left_out { "»" } else { glyph };
        let what = match actor {
            Actor::Sql => "sql",
            Actor::Shell => "shell",
            Actor::Http => "http",
            Actor::Nobody => "",
        };
        let time = attempt.map(|attempt| match attempt.ended_at {
            Some(ended) => {
                let took = (ended - attempt.started_at).num_milliseconds().max(0);
                milliseconds(took as f64)
            }
            None => duration(seconds_between(attempt.started_at, self.look.model.now)),
        });
        let word = match (word, time) {
            ("", _) => String::new(),
            (word, Some(time)) => format!("  {word} {time}"),
            (word, None) => format!("  {word}"),
        };
        vec![
            Span::styled(format!("{glyph} "), self.style(role)),
            Span::styled(format!("{what} "), self.style(Role::Heading)),
            Span::styled(self.place(actor, what, shown), self.style(Role::Text)),
            Span::styled(word, self.style(role)),
        ]
    }

    /// Where it runs: the database as it proved itself, for SQL.
    fn place(&self, actor: Actor, what: &str, shown: Option<&Preview>) -> String {
        let target = shown.map_or("", |shown| shown.target.as_str());
        match target.strip_prefix(what) {
            Some(rest) => rest.trim().to_owned(),
            None if actor == Actor::Sql && !target.is_empty() => {
                let name = shown.map_or("", |shown| shown.on.as_str());
                match self.run.identities.get(name) {
                    Some(proved) => format!(
                        "on {name}: {}:{}/{}",
                        proved.host, proved.port, proved.database
                    ),
                    None => format!("on {target}"),
                }
            }
            None => target.to_owned(),
        }
    }

    /// The commands that are off, what it inherits from earlier steps, and what it destroys.
    fn what_it_meets(&mut self, actor: Actor, shown: &Preview) {
        for command in shown.listed.iter().filter(|command| !command.on) {
            let text = format!(
                "[ ] line {}  {}  (off)",
                command.line,
                short_line(&command.text)
            );
            self.say(&text, Role::Muted, 2);
        }
        // Where SQL starts matters to the files that it names.
        let in_a_directory = actor != Actor::Sql || shown.command.contains('\\');
        if let Some(step) = shown.directory_from.as_ref().filter(|_| in_a_directory) {
            let text = format!("in {} (since {})", shown.directory, plain(step));
            self.say(&text, Role::Muted, 2);
        }
        for handed in &shown.carried {
            let text = format!(
                "{} = {} (from {})",
                handed.name,
                handed.value,
                plain(&handed.from)
            );
            self.say(&text, Role::Muted, 2);
        }
        if !shown.destructive.is_empty() {
            let text = format!("⚠ destroys: {}", shown.destructive.join(", "));
            self.say(&text, Role::Destructive, 2);
        }
    }

    /// What came of it.
    fn attempt(&mut self, attempt: &Attempt, action: ActionId) {
        let mut facts = Vec::new();
        if attempt.number > 1 {
            facts.push(format!("attempt {}", attempt.number));
        }
        facts.push(format!(
            "by {} {}",
            short(&attempt.by),
            minute(attempt.started_at)
        ));
        if let Some(evidence) = &attempt.evidence {
            facts.extend(evidence.exit.map(|exit| format!("exit {exit}")));
            facts.extend(evidence.tag.clone());
            facts.extend(
                evidence
                    .value
                    .as_ref()
                    .map(|value| format!("value {value}")),
            );
            facts.extend(evidence.status.map(|status| format!("status {status}")));
            facts.extend(evidence.latency_ms.map(|ms| milliseconds(ms as f64)));
            if evidence.lines > 0 {
                facts.push(match evidence.lines {
                    1 => "1 line".to_owned(),
                    lines => format!("{} lines", grouped(lines)),
                });
            }
        }
        self.say(&facts.join(" · "), Role::Muted, 2);
        self.commands(attempt);
        if let Some(shell) = attempt
            .evidence
            .as_ref()
            .and_then(|seen| seen.shell.as_ref())
        {
            self.say(&format!("its shell: {}", shell.summary()), Role::Muted, 2);
        }
        if let Some(reason) = &attempt.reason {
            let role = match attempt.outcome {
                Some(Outcome::Failed) => Role::Failed,
                Some(Outcome::Unknown | Outcome::Inconclusive) => Role::Unknown,
                _ => Role::Muted,
            };
            self.say(reason, role, 2);
        }
        if attempt.outcome.is_none() {
            self.expected(action);
        }
        for judgement in &attempt.judgements {
            self.judgement(judgement);
        }
    }

    /// How far it came, where it has several commands: the one that runs, or at which it stopped.
    fn commands(&mut self, attempt: &Attempt) {
        if let Some(flag) = &attempt.flag {
            self.say(&flag.words(), Role::Muted, 4);
        }
        for run in &attempt.commands {
            if let Some(batch) = &run.batch {
                let role = match batch.errors {
                    0 => Role::Muted,
                    _ => Role::Warning,
                };
                self.say(&batch.words_in(attempt.outcome), role, 4);
            }
            if let Some(waits) = LockWait::words(&run.waits) {
                let line = attempt
                    .planned
                    .iter()
                    .find(|known| known.index == run.index);
                let line = line.map_or(0, |known| known.line);
                let now = match (
                    run.done.is_none(),
                    run.waits.last().and_then(|wait| wait.pause_s),
                ) {
                    (true, Some(pause)) => format!("; tried again {pause} s later"),
                    _ => String::new(),
                };
                self.say(&format!("⧗ line {line} {waits}{now}"), Role::Warning, 4);
            }
        }
        if attempt.planned.len() < 2 || attempt.outcome == Some(Outcome::Passed) {
            return;
        }
        let Some(run) = attempt.commands.last() else {
            return;
        };
        let planned = attempt
            .planned
            .iter()
            .find(|known| known.index == run.index);
        let Some(planned) = planned else { return };
        let end = run.done.as_ref().map(|done| &done.end);
        let (mark, role, why) = match (end, attempt.outcome) {
            (Some(CommandEnd::Good), _) => ("✓", Role::Muted, String::new()),
            (Some(CommandEnd::Failed { why, .. }), _) => ("✗", Role::Failed, format!(": {why}")),
            (Some(CommandEnd::Asks { question, .. }), _) => {
                ("?", Role::Unknown, format!(": {question}"))
            }
            (None, None) => ("▶", Role::Running, String::new()),
            (None, Some(Outcome::Unknown)) => ("?", Role::Unknown, String::new()),
            (None, Some(_)) => ("✗", Role::Failed, ": it was ended".to_owned()),
        };
        let at = attempt.commands.len();
        let of = attempt.planned.len();
        let text = format!(
            "{mark} command {at} of {of}, line {}: {}{why}",
            planned.line,
            short_line(&planned.text)
        );
        self.say(&text, role, 4);
    }

    fn judgement(&mut self, judgement: &Judgement) {
        let Mark { glyph, role, .. } = verdict_mark(Some(judgement.verdict));
        let words = plain(&judgement.text);
        let text = match (judgement.verdict, words.as_str()) {
            (_, "") => judgement.explanation.clone(),
            (Verdict::Pass, words) if judgement.explanation.is_empty() => words.to_owned(),
            (_, words) => format!("{words} — {}", judgement.explanation),
        };
        self.say(&format!("{glyph} {text}"), role, 2);
    }

    /// What must be true afterwards, before there is a verdict.
    fn expected(&mut self, action: ActionId) {
        let Some(block) = self.run.runbook.block(action.block) else {
            return;
        };
        if let Some(cel) = &block.attributes.expect {
            self.say(&format!("· expects {cel}"), Role::Muted, 2);
        }
        let bound: Vec<&Expectation> = self
            .step
            .expect
            .iter()
            .filter(|expectation| expectation.block == Some(action.block))
            .filter(|expectation| {
                expectation.cel.is_none() || expectation.cel != block.attributes.expect
            })
            .collect();
        for expectation in bound {
            let flag = if expectation.red_flag {
                "must not be"
            } else {
                "expects"
            };
            let text = match (&expectation.output, &expectation.cel) {
                (Some(lines), _) => {
                    let first = lines.first().map_or("", |line| line.trim());
                    match lines.len() {
                        0 | 1 => format!("{flag} the output `{first}`"),
                        count => format!("{flag} the output `{first}` … ({count} lines, below)"),
                    }
                }
                (None, cel) => {
                    let words = plain(&expectation.text);
                    let by = if cel.is_some() {
                        ""
                    } else {
                        "  (judged at the gate)"
                    };
                    format!("{flag} {words}{by}")
                }
            };
            self.say(&format!("· {text}"), Role::Muted, 2);
        }
    }
}

fn short_line(text: &str) -> String {
    crate::ui::format::fit(text.lines().next().unwrap_or_default(), 60)
}

/// A watch was ended, or ended by itself before its time.
fn watched_mark(attempt: Option<&Attempt>) -> Mark {
    match attempt.is_some_and(Attempt::was_stopped) {
        true => Mark {
            glyph: "■",
            word: "watched",
            role: Role::Muted,
        },
        false => Mark {
            glyph: "■",
            word: "ended",
            role: Role::Warning,
        },
    }
}

pub(in crate::ui::panes) fn attempt_mark(attempt: Option<&Attempt>) -> Mark {
    let status = match attempt.map(|attempt| attempt.outcome) {
        None => StepStatus::Pending,
        Some(None) => StepStatus::Running,
        Some(Some(Outcome::Watched)) => return watched_mark(attempt),
        Some(Some(Outcome::Passed)) => StepStatus::Passed,
        Some(Some(Outcome::Failed)) => StepStatus::Failed,
        Some(Some(Outcome::Cancelled)) => StepStatus::Cancelled,
        Some(Some(Outcome::Skipped)) => StepStatus::Skipped,
        Some(Some(Outcome::Unknown)) => StepStatus::Unknown,
        Some(Some(Outcome::Inconclusive)) => {
            return Mark {
                word: "inconclusive",
                ..status_mark(StepStatus::Unknown)
            };
        }
    };
    match status {
        StepStatus::Pending => Mark {
            word: "",
            ..status_mark(status)
        },
        _ => status_mark(status),
    }
}
