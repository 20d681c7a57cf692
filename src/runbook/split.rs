//! Blocks that are not one act. A fence may hold options, alternatives, several terminals or hosts, an
//! interactive session, an emergency, or acts of a person among its commands; each becomes a part that
//! is armed by itself, in the order of the guide.

mod alternatives;
mod choices;
mod cuts;
mod ground;
mod items;
mod names;
mod sessions;
mod stops;
mod survey;

use items::Item;
use names::{command_name, first_command};
use survey::Survey;

use super::hazards;
use super::markers::{self, Marker};
use super::model::{Actor, Choice, Part, Role};

/// The rule by which a block is split, and into what.
pub(super) struct Split {
    pub rule: &'static str,
    pub parts: Vec<Part>,
}

/// Whether code in a shell fence is nothing but SQL.
pub(super) fn is_only_sql(code: &str) -> bool {
    items::shell_items(code).iter().all(|item| {
        matches!(
            item,
            Item::Comment { .. } | Item::Statement { sql: true, .. }
        )
    })
}

/// Comments of a shell as comments of SQL.
pub(super) fn with_sql_comments(code: &str) -> String {
    code.lines()
        .map(|line| match line.trim_start().strip_prefix('#') {
            Some(comment) => format!("-- {}", comment.trim_start_matches('#').trim()),
            None => line.to_owned(),
        })
        .collect::<Vec<_>>()
        .join("\n")
}

/// What stands around a block that tells how it is meant.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Around {
    /// It stands in a section about going back.
    pub in_rollback: bool,
}

/// Splits a block, or says that it is one act.
pub(super) fn split(
    code: &str,
    actor: Actor,
    number: usize,
    code_line: usize,
    around: Around,
) -> Option<Split> {
    let mut items = match actor {
        Actor::Shell => items::shell_items(code),
        Actor::Sql => items::sql_items(code),
        _ => return None,
    };
    items::case_of_all(&mut items);
    let survey = Survey::of(&items, actor, around);
    let rule = survey.rule()?;
    let lines: Vec<&str> = code.lines().collect();
    let mut builder = Builder {
        lines: &lines,
        code_line,
        number,
        actor,
        survey: &survey,
        parts: Vec::new(),
        open: Open::default(),
        groups: 0,
        session: None,
    };
    for (index, item) in items.iter().enumerate() {
        builder.item(item, index, &items);
    }
    builder.close();
    let parts = builder.parts;
    let acts = parts
        .iter()
        .filter(|part| part.role != Role::Manual || part.refused.is_some())
        .count();
    let session = items
        .iter()
        .any(|item| matches!(item, Item::Session { .. }));
    (session || parts.len() > 1 && acts > 0).then_some(Split { rule, parts })
}

/// The part that is being read.
#[derive(Default)]
struct Open {
    title: String,
    first: Option<usize>,
    lines: Vec<usize>,
    /// Those of them that are comments.
    remarks: Vec<usize>,
    has_statement: bool,
    endless: bool,
    optional: bool,
    sql: bool,
    emergency: bool,
    choice: Option<(usize, String)>,
    /// Its comment names a terminal or a host.
    elsewhere: bool,
}

/// A comment of the block.
struct Remark<'a> {
    line: usize,
    text: &'a str,
    marker: &'a Marker,
    after_blank: bool,
    /// Its place among the items.
    index: usize,
}

struct Builder<'a> {
    lines: &'a [&'a str],
    code_line: usize,
    number: usize,
    actor: Actor,
    survey: &'a Survey,
    parts: Vec<Part>,
    open: Open,
    groups: usize,
    /// The terminal or host of what follows.
    session: Option<String>,
}

impl Builder<'_> {
    fn item(&mut self, item: &Item<'_>, index: usize, items: &[Item<'_>]) {
        if self.survey.cuts.binary_search(&index).is_ok() && self.open.has_statement {
            self.stop(item, index, items);
        }
        match item {
            Item::Comment {
                line,
                text,
                marker,
                after_blank,
            } => {
                let remark = Remark {
                    line: *line,
                    text,
                    marker,
                    after_blank: *after_blank,
                    index,
                };
                self.comment(&remark, items);
            }
            Item::Statement { .. } => self.statement(item, index, items),
            Item::Session {
                first,
                opener,
                body,
            } => self.session(*first, opener, body),
        }
    }

    /// A person stops here. What is optional stays so behind the stop; a way that was chosen is walked as
    /// one.
    fn stop(&mut self, item: &Item<'_>, index: usize, items: &[Item<'_>]) {
        if self.open.choice.is_some() {
            return;
        }
        let ends = match item {
            Item::Comment {
                line,
                text,
                marker,
                after_blank,
            } => {
                let remark = Remark {
                    line: *line,
                    text,
                    marker,
                    after_blank: *after_blank,
                    index,
                };
                markers::is_numbered(text) || *after_blank && self.is_a_group(&remark, items)
            }
            _ => false,
        };
        let (optional, emergency) = (self.open.optional, self.open.emergency);
        self.cut();
        if !ends {
            (self.open.optional, self.open.emergency) = (optional, emergency);
        }
    }

    fn statement(&mut self, item: &Item<'_>, index: usize, items: &[Item<'_>]) {
        let Item::Statement {
            first,
            last,
            remark,
            manual,
            endless,
            text,
            sql,
        } = item
        else {
            return;
        };
        if self.survey.mixed && self.open.has_statement && self.open.sql != *sql {
            self.close();
        }
        self.open.sql = *sql;
        // Publishing is confirmed by itself where the block is optional.
        let publishes = text.trim_start().starts_with("git push");
        if self.survey.optional && self.open.has_statement && publishes {
            let optional = self.open.optional;
            self.close();
            self.open.optional = optional;
        }
        let apart = (*endless && self.survey.endless_before_others) || *manual;
        if (apart && self.open.has_statement) || self.open.endless {
            self.cut();
        }
        let conditional = self.survey.conditional.contains(&index);
        if conditional && self.open.has_statement {
            self.cut();
        }
        self.open.optional |= conditional;
        self.open.has_statement = true;
        self.open.endless |= apart;
        self.take(*first, *last);
        if conditional {
            self.close();
        } else if self.survey.edits.contains(&index) {
            self.close();
            let edit = remark.unwrap_or_default();
            self.manual(markers::title(edit), *last, format!("# {edit}"));
        } else if *manual {
            self.close_as_manual();
        } else {
            let is_form = self.survey.side_by_side.binary_search(&index).is_ok();
            if is_form {
                self.form(index, text, *remark);
            }
            // Alternatives inside an option stay remarks: one choice at a time.
            let open = self.open.choice.as_ref();
            if !is_form && open.is_none_or(|(_, name)| name.is_empty()) {
                self.alternatives(*first, text, *remark, &items[index + 1..]);
            }
            self.end_alternative(text);
        }
    }

    fn comment(&mut self, remark: &Remark<'_>, items: &[Item<'_>]) {
        let index = remark.index;
        if self.survey.told.binary_search(&index).is_ok() && self.tells_more(remark.line) {
            return;
        }
        if self.survey.acts.binary_search(&index).is_ok() {
            self.act_of_a_person(remark);
            return;
        }
        self.open_by(remark, items);
        if !matches!(remark.marker, Marker::OrNext | Marker::OrCommand(_)) {
            self.take(remark.line, remark.line);
            self.open.remarks.push(remark.line);
        }
    }

    /// A line that goes on telling of the act of a person before it.
    fn tells_more(&mut self, line: usize) -> bool {
        let Some(part) = self.parts.last_mut() else {
            return false;
        };
        if let Some(more) = self.lines.get(line) {
            part.code.push('\n');
            part.code.push_str(more);
        }
        true
    }

    fn act_of_a_person(&mut self, remark: &Remark<'_>) {
        if self.open.has_statement {
            self.cut();
        }
        // What heads the acts is said before them.
        let head = std::mem::take(&mut self.open);
        if let Some(first) = head.first.filter(|_| !head.title.is_empty()) {
            let lines: Vec<&str> = head
                .lines
                .iter()
                .filter_map(|line| self.lines.get(*line))
                .copied()
                .collect();
            self.manual(head.title, first, lines.join("\n"));
        }
        let own = self.lines.get(remark.line).copied().unwrap_or_default();
        self.manual(markers::title(remark.text), remark.line, own.to_owned());
    }

    fn manual(&mut self, title: String, line: usize, code: String) {
        self.parts.push(Part {
            title,
            line: self.code_line + line,
            code,
            role: Role::Manual,
            ..Part::default()
        });
    }

    /// What a comment begins: a way, what is for another place, an emergency, a numbered or an optional
    /// part, or a group of lines; else it may be the title of what is open.
    fn open_by(&mut self, remark: &Remark<'_>, items: &[Item<'_>]) {
        let Remark {
            text,
            marker,
            after_blank,
            index,
            ..
        } = *remark;
        let follows = items[index + 1..]
            .iter()
            .any(|item| !matches!(item, Item::Comment { .. }));
        if self.chooses(remark) && follows {
            self.cut();
            if self.parts.last().is_none_or(|part| part.choice.is_none()) || self.groups == 0 {
                self.groups += 1;
            }
            self.open.choice = Some((self.groups, markers::title(text)));
            self.open.title = markers::title(text);
        } else if matches!(marker, Marker::Terminal(_)) && self.survey.terminals
            || matches!(marker, Marker::Host(_)) && self.survey.hosts
        {
            self.cut();
            self.open.title = markers::title(text);
            if let Marker::Host(name) | Marker::Terminal(name) = marker {
                self.session = markers::session_of(name);
                self.open.elsewhere = true;
            }
        } else if matches!(marker, Marker::Rollback | Marker::Emergency)
            && self.survey.rollback
            && follows
            && (self.open.has_statement || !self.parts.is_empty())
        {
            self.cut();
            self.open.title = markers::title(text);
            self.open.emergency = true;
            self.open.optional = true;
        } else if markers::is_numbered(text) && self.open.choice.is_none() {
            if self.open.has_statement || numbered_title(&self.open) {
                self.cut();
            }
            self.open.title = markers::title(text);
            self.open.optional |= *marker == Marker::Optional;
        } else if *marker == Marker::Optional
            && (self.survey.numbered < 2 || !self.open.has_statement)
        {
            if self.open.has_statement && after_blank {
                self.cut();
            }
            if self.open.title.is_empty() {
                self.open.title = markers::title(text);
            }
            self.open.optional |= self.survey.numbered < 2;
        } else if after_blank && self.open.has_statement && self.is_a_group(remark, items) {
            self.cut();
            self.open.title = markers::title(text);
        } else if self.open.title.is_empty()
            && !matches!(marker, Marker::OrNext | Marker::OrCommand(_))
        {
            self.open.title = markers::title(text);
        }
    }

    /// Whether a comment heads one of several ways.
    fn chooses(&self, remark: &Remark<'_>) -> bool {
        match remark.marker {
            Marker::Option => self.survey.options > 0,
            Marker::System(_) => self.survey.systems,
            Marker::Using(_) if self.survey.using => true,
            Marker::OrCommand(_) => false,
            _ => self.survey.headed.binary_search(&remark.index).is_ok(),
        }
    }

    /// Whether a group of lines is a part of its own.
    fn is_a_group(&self, remark: &Remark<'_>, items: &[Item<'_>]) -> bool {
        let after_all = || {
            super::pattern::pattern!(r"(?i)^(verify|check|confirm|then|finally|afterwards?)\b")
                .is_match(remark.text)
                && !self.later_choice(remark.index, items)
        };
        self.survey.is_fine()
            || (self.survey.aside && self.open.elsewhere)
            || (self.open.choice.is_some() && after_all())
    }

    /// Whether another option comes after this item.
    fn later_choice(&self, index: usize, items: &[Item<'_>]) -> bool {
        items[index + 1..].iter().any(|item| {
            matches!(
                item,
                Item::Comment {
                    marker: Marker::Option | Marker::System(_) | Marker::Using(_),
                    ..
                }
            )
        })
    }

    fn take(&mut self, first: usize, last: usize) {
        self.open.first.get_or_insert(first);
        self.open.lines.extend(first..=last);
    }

    /// Ends a part where a new one begins: a comment without a command stays with what follows.
    fn cut(&mut self) {
        if self.open.has_statement {
            self.close();
        } else {
            let kept = std::mem::take(&mut self.open.lines);
            self.open = Open {
                first: self.open.first.filter(|_| !kept.is_empty()),
                remarks: kept.clone(),
                lines: kept,
                ..Open::default()
            };
        }
    }

    fn close_as_manual(&mut self) {
        let count = self.parts.len();
        self.close();
        if let Some(part) = self.parts.get_mut(count) {
            part.role = Role::Manual;
            part.actor = Actor::Nobody;
            part.refused = None;
        }
    }

    fn close(&mut self) {
        let open = std::mem::take(&mut self.open);
        if !open.has_statement {
            return;
        }
        let lines = open.lines.iter().filter_map(|line| {
            let text = *self.lines.get(*line)?;
            // A comment of SQL is one in a shell only as one of the shell.
            let is_foreign = self.actor == Actor::Shell
                && open.remarks.contains(line)
                && items::is_comment_of_sql(text);
            Some(match is_foreign {
                true => text.replacen("--", "#", 1),
                false => text.to_owned(),
            })
        });
        let code = lines.collect::<Vec<_>>().join("\n");
        let code = if open.sql {
            with_sql_comments(&code)
        } else {
            code
        };
        let title = if open.title.is_empty() {
            command_name(first_command(&code))
        } else {
            open.title
        };
        let part = self.finish(Part {
            title,
            line: self.code_line + open.first.unwrap_or_default(),
            code,
            actor: if open.sql { Actor::Sql } else { Actor::Nobody },
            optional: open.optional,
            long_running: open.endless,
            choice: open.choice.map(|(group, name)| Choice {
                group: format!("block-{}.{group}", self.number),
                recommended: name.to_lowercase().contains("recommended"),
                name,
            }),
            ..Part::default()
        });
        self.parts.push(part);
    }

    /// Role and hazards of a part by its code.
    fn finish(&self, mut part: Part) -> Part {
        if part.actor == Actor::Nobody {
            part.actor = self.actor;
        }
        let blanks = super::blanks::find(&part.code, part.actor, part.line);
        part.role = if blanks.iter().any(super::blanks::Blank::is_textual) {
            Role::Fill
        } else {
            Role::Run
        };
        part.destructive = hazards::destructive(&part.code, part.actor);
        part.long_running |= hazards::long_running(&part.code, part.actor);
        part.refused = super::role::refusal(&part.code, part.actor);
        part.session.clone_from(&self.session);
        part
    }
}

fn numbered_title(open: &Open) -> bool {
    !open.title.is_empty() && open.lines.len() > 1 && open.has_statement
}
