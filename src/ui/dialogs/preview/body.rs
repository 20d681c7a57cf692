//! What the dialog of what would run says, from top to bottom: where it runs, what runs, with which values,
//! what must come of it, what it destroys, and what is missing before it may begin.

use std::collections::BTreeSet;
use std::ops::Range;

use ratatui::text::Line;

use super::super::page::Page;
use super::PreviewDialog;
use crate::run::{HandedOn, Reached, armed_before};
use crate::runbook::{Actor, Expectation, is_reserved};
use crate::ui::format::{duration, minute};
use crate::ui::markdown::plain;
use crate::ui::theme::Role;
use crate::ui::view::Look;

impl PreviewDialog {
    /// Its lines, and which of them are those of the command that a key would switch.
    pub(super) fn body(&self, look: &Look<'_>, width: usize) -> (Vec<Line<'static>>, Range<usize>) {
        let mut page = Page::new(look.theme, width);
        self.place(look, &mut page);
        page.gap();
        self.written(look, &mut page);
        let (listed, at) = self.list.lines(&self.shown, look.run(), width, look.theme);
        let at = page.lines.len() + at.start..page.lines.len() + at.end;
        page.lines.extend(listed);
        page.gap();
        self.values(look, &mut page);
        self.conditions_of(look, &mut page);
        self.course(&mut page);
        self.dangers(look, &mut page);
        self.what_is_missing(look, &mut page);
        let mut lines = page.lines;
        // Last but for the word: what it destroys must not lie below a long file.
        lines.extend(self.before.lines(look, width));
        lines.extend(self.included.lines(width, look));
        if let Some(word) = &self.shown.confirm {
            lines.push(self.word.line(word, "t", look));
        }
        (lines, at)
    }

    /// Where it runs, and where its commands lead.
    fn place(&self, look: &Look<'_>, page: &mut Page<'_>) {
        let shown = &self.shown;
        let is_sql = shown.actor == Actor::Sql;
        if self.changed {
            page.say(
                "IT HAS CHANGED since you looked: this is what would run now",
                Role::Alarm,
            );
        }
        let place = match is_sql {
            true => format!("sql on {}", shown.target),
            false => shown.target.clone(),
        };
        page.say(place, Role::Heading);
        if let Some(step) = &shown.directory_from {
            let where_it_is = match is_sql {
                true => format!("in {} ", shown.directory),
                false => String::new(),
            };
            page.say(format!("{where_it_is}(since {})", plain(step)), Role::Muted);
        }
        let identity = look.run().identities.get(&shown.on);
        if let Some(identity) = identity.filter(|_| is_sql) {
            let standing = match identity.in_recovery {
                true => "STANDBY",
                false => "primary",
            };
            let text = format!(
                "connected to {}, user {}, {standing}, PostgreSQL {}",
                identity.place(),
                identity.user,
                identity.server_version
            );
            page.say(text, Role::Muted);
        }
        if let (Some(_), Some(first)) = (shown.from, shown.commands.first()) {
            let line = first.line;
            let text = format!("goes on from line {line}: what ran before it is not run again");
            page.say(text, Role::Heading);
        }
        for reached in &shown.reaches {
            let (words, role) = leads_to(reached);
            page.say(words, role);
        }
    }

    /// What a person wrote of it, and how that differs from the guide.
    fn written(&self, look: &Look<'_>, page: &mut Page<'_>) {
        let Some(written) = look.run().written.get(&self.action()) else {
            return;
        };
        let when = minute(written.at);
        let by = &written.by;
        if written.original.is_none() {
            let text = format!("written by {by} at {when} UTC, beside the guide");
            page.say(text, Role::Warning);
            page.gap();
            return;
        }
        let text = format!("corrected for this run by {by} at {when} UTC:");
        page.say(text, Role::Warning);
        for line in look.run().difference(self.action()) {
            let role = match line.as_bytes().first() {
                Some(b'+') => Role::Passed,
                Some(b'-') => Role::Failed,
                _ => Role::Muted,
            };
            page.say(line, role);
        }
        page.gap();
    }

    /// Which machine it belongs to, and what stands for its blanks.
    fn values(&self, look: &Look<'_>, page: &mut Page<'_>) {
        let shown = &self.shown;
        if let Some(there) = self.led_away(look) {
            let words = format!("belongs to {}: {}", there.named(), there.why);
            match shown.elsewhere {
                Some(_) => page.say(words, Role::Warning),
                None => page.say(format!("{words}; you said it is this machine"), Role::Muted),
            }
        }
        let handed_on = |name: &str| shown.carried.iter().any(|handed| handed.name == name);
        for (name, value) in shown.values.iter().filter(|(name, _)| !handed_on(name)) {
            let stands = match shown.actor {
                Actor::Shell if is_reserved(name) => {
                    " (inserted as text; the shell's own variable is unchanged)"
                }
                _ => "",
            };
            page.say(format!("with {name} = {value}{stands}"), Role::Text);
        }
        for HandedOn { name, value, from } in &shown.carried {
            let text = format!("with {name} = {value} (from {})", plain(from));
            page.say(text, Role::Text);
        }
        for name in &shown.secrets {
            let text = format!("with {name} = (a secret, from its source)");
            page.say(text, Role::Muted);
        }
    }

    /// What must come of it.
    fn conditions_of(&self, look: &Look<'_>, page: &mut Page<'_>) {
        for command in &self.shown.commands {
            if let Some(answer) = command.answer.as_ref().filter(|answer| !answer.judged) {
                let words = format!("line {}: {}", command.line, answer.words());
                page.say(words, Role::Muted);
            }
        }
        // Two sentences may ask the same.
        let mut asked = BTreeSet::new();
        for expectation in look.run().expectations_of(self.action()) {
            let cel = expectation.cel.as_ref();
            if cel.is_none_or(|cel| asked.insert(cel.clone())) {
                let (words, role) = must_be(expectation);
                page.say(words, role);
            }
        }
    }

    /// How it runs: how long at most, in batches, without a `lock_timeout`, held before a COMMIT.
    fn course(&self, page: &mut Page<'_>) {
        let shown = &self.shown;
        if let Some(seconds) = shown.timeout_s {
            page.say(format!("timeout {}", duration(seconds)), Role::Muted);
        }
        for words in shown.batches().iter().flat_map(|batches| batches.words()) {
            page.say(words, Role::Heading);
        }
        for words in shown.flag.iter().flat_map(|flag| flag.words()) {
            page.say(words, Role::Heading);
        }
        let put = shown.lock_timeout.as_ref();
        if let Some(why) = put.and_then(|put| put.why_not.as_ref()) {
            page.say(format!("no lock_timeout is put here: {why}"), Role::Muted);
        }
        for hold in &shown.holds {
            let text = format!(
                "stops before the COMMIT on line {}: you check, then commit or roll back",
                hold.line
            );
            page.say(text, Role::Heading);
        }
    }

    fn dangers(&self, look: &Look<'_>, page: &mut Page<'_>) {
        if !self.shown.destructive.is_empty() {
            let text = format!("⚠ destroys: {}", self.shown.destructive.join(", "));
            page.say(text, Role::Destructive);
        }
        for (index, ceases) in self.ceases(look).into_iter().enumerate() {
            if index == 0 {
                let words = "‖ POINT OF NO RETURN: what ceases to be possible with it";
                page.say(words, Role::Destructive);
            }
            page.say(format!("  {ceases}"), Role::Destructive);
        }
    }

    /// Whether it is armed, has its reason, and may begin.
    fn what_is_missing(&self, look: &Look<'_>, page: &mut Page<'_>) {
        let (run, shown) = (look.run(), &self.shown);
        if self.needs_arming(look) {
            let block = run.runbook.block(self.action().block);
            let why = block.map_or("", |block| block.why.as_str());
            let text = format!("only inferred to be a command ({why}): read it, then `a` arms it");
            page.say(text, Role::Warning);
        } else if let Some(before) = armed_before(run, shown) {
            let when = before.at.format("%Y-%m-%d %H:%M");
            let by = &before.by;
            let text = format!("✓ armed {when} UTC by {by}, in a run of this exact guide");
            page.say(text, Role::Passed);
        } else if shown.needs_arming {
            page.say("✓ armed", Role::Passed);
        }
        match (&self.reason, self.asks_reason(look)) {
            (Some(reason), _) => page.say(format!("✓ reason: {reason}"), Role::Passed),
            (None, Some(asked)) => page.say(asked, Role::Warning),
            (None, None) => {}
        }
        let asks_name = shown.confirm.as_ref() == Some(&run.environment);
        if run.protected && shown.destructive.is_empty() && asks_name {
            let name = &run.environment;
            let text = format!("`{name}` is protected: type its name to start");
            page.say(text, Role::Warning);
        }
    }
}

/// Where a command of it leads.
fn leads_to(reached: &Reached) -> (String, Role) {
    let Reached {
        line,
        what,
        place,
        strays,
        unknown,
    } = reached;
    match (strays, unknown) {
        (true, _) => (
            format!("⚠ line {line}: {what} → {place}, which is not a target here"),
            Role::Alarm,
        ),
        (_, true) => (
            format!("line {line}: where `{what}` goes is known only when it runs: {place}"),
            Role::Warning,
        ),
        _ => (format!("line {line}: {what} → {place}"), Role::Muted),
    }
}

fn must_be(expectation: &Expectation) -> (String, Role) {
    match (&expectation.cel, &expectation.output) {
        (_, Some(lines)) => (
            format!("must print {} lines that the guide shows", lines.len()),
            Role::Muted,
        ),
        (Some(cel), None) => {
            let must = match expectation.red_flag {
                true => "must not be",
                false => "must be",
            };
            let from = match expectation.proposed {
                true => format!(" (line {}: {})", expectation.line, plain(&expectation.text)),
                false => String::new(),
            };
            (format!("{must}: {cel}{from}"), Role::Heading)
        }
        (None, None) => (
            format!(
                "a person judges (line {}): {}",
                expectation.line,
                plain(&expectation.text)
            ),
            Role::Muted,
        ),
    }
}
