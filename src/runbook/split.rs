//! Blocks that are not one act. A fence may hold options, alternatives, several terminals or hosts, an
//! interactive session, an emergency, or acts of a person among its commands; each becomes a part that
//! is armed by itself, in the order of the guide.

use super::commands::{self, Opener};
use super::markers::{self, Marker, marker};
use super::model::{Actor, Choice, Part, Role};
use super::shell::{self, LineKind};
use super::{hazards, sql};

/// Why a block is split, and into what.
pub(super) struct Split {
    pub why: String,
    pub parts: Vec<Part>,
}

/// One thing in a block, in order.
#[derive(Clone, Debug)]
enum Item<'a> {
    /// A comment line: its marker, and whether a blank line stands before it.
    Comment {
        line: usize,
        text: &'a str,
        marker: Marker,
        after_blank: bool,
    },
    Statement {
        first: usize,
        last: usize,
        text: String,
        remark: Option<&'a str>,
        manual: bool,
        endless: bool,
    },
    Session {
        first: usize,
        opener: Opener,
        body: String,
    },
}

/// Splits a block, or says that it is one act.
pub(super) fn split(code: &str, actor: Actor, number: usize, code_line: usize) -> Option<Split> {
    let items = match actor {
        Actor::Shell => shell_items(code),
        Actor::Sql => sql_items(code),
        _ => return None,
    };
    let survey = Survey::of(&items);
    let why = survey.reason()?;
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
    (session || parts.len() > 1 && acts > 0).then_some(Split { why, parts })
}

/// Sessions looked for in one block: each is read from its opener on, and no guide has more.
const MOST_SESSIONS: usize = 40;

/// Bytes of a session in which its end is looked for.
const LONGEST_SESSION: usize = 64 << 10;

fn shell_items(code: &str) -> Vec<Item<'_>> {
    let mut items = Vec::new();
    let mut sessions = 0;
    let mut offset = 0;
    let mut first_line = 0;
    'whole: while offset < code.len() {
        let rest = &code[offset..];
        let lines = shell::lines(rest);
        let mut consumed = 0;
        let mut index = 0;
        let mut after_blank = true;
        while index < lines.len() {
            let line = &lines[index];
            let number = first_line + index;
            match line.kind {
                LineKind::Blank => after_blank = true,
                LineKind::Comment => {
                    let text = line.comment().unwrap_or_default();
                    items.push(Item::Comment {
                        line: number,
                        text,
                        marker: marker(text),
                        after_blank,
                    });
                    after_blank = false;
                }
                LineKind::Command | LineKind::Continuation => {
                    let mut last = index;
                    while lines
                        .get(last + 1)
                        .is_some_and(|next| next.kind == LineKind::Continuation)
                    {
                        last += 1;
                    }
                    let alone = last == index;
                    let opener = if sessions < MOST_SESSIONS && alone {
                        commands::opener(line.command())
                    } else {
                        None
                    };
                    if let Some(opener) = opener {
                        sessions += 1;
                        let start: usize = consumed + line.text.len() + 1;
                        let (body, length) =
                            session_body(rest.get(start..).unwrap_or_default(), &opener);
                        let taken = (start + length).min(rest.len());
                        items.push(Item::Session {
                            first: number,
                            opener,
                            body,
                        });
                        first_line += rest[..taken].matches('\n').count();
                        offset += taken;
                        if taken == 0 {
                            break 'whole;
                        }
                        continue 'whole;
                    }
                    let text: String = lines[index..=last]
                        .iter()
                        .map(|line| line.text)
                        .collect::<Vec<_>>()
                        .join("\n");
                    items.push(Item::Statement {
                        first: number,
                        last: first_line + last,
                        remark: lines[last].remark,
                        manual: commands::is_manual(line.command()),
                        endless: lines[index..=last]
                            .iter()
                            .any(|line| hazards::never_ends(line.command())),
                        text,
                    });
                    after_blank = false;
                    for passed in &lines[index..last] {
                        consumed += passed.text.len() + 1;
                    }
                    index = last;
                }
            }
            consumed += lines[index].text.len() + 1;
            index += 1;
        }
        break;
    }
    items
}

/// The lines typed into a session, and how many bytes they take with the line that ends it.
fn session_body(rest: &str, opener: &Opener) -> (String, usize) {
    let mut body = String::new();
    let mut length = 0;
    for line in rest.split_inclusive('\n') {
        length += line.len();
        let word = line.trim().trim_end_matches(';');
        if matches!(
            word,
            "exit" | "\\q" | "quit" | "logout" | "exit()" | "quit()"
        ) {
            return (body, length);
        }
        // A psql session ends where shell commands go on.
        if matches!(opener, Opener::Psql(_)) && body.ends_with("\n") && is_shell_again(line, &body)
        {
            return (body, length - line.len());
        }
        body.push_str(line);
    }
    (body, length)
}

fn is_shell_again(line: &str, body: &str) -> bool {
    let first = line.split_whitespace().next().unwrap_or_default();
    commands::is_command(first)
        && !sql::is_verb(first)
        && body.len() < LONGEST_SESSION
        && sql::statements(body)
            .last()
            .is_none_or(|statement| statement.terminated)
}

fn sql_items(code: &str) -> Vec<Item<'_>> {
    let statements = sql::statements(code);
    let mut items = Vec::new();
    let mut statement = statements.iter().peekable();
    let mut after_blank = true;
    let mut skip_to = 0;
    for (number, line) in code.lines().enumerate() {
        while let Some(next) = statement.next_if(|next| next.first == number) {
            items.push(Item::Statement {
                first: next.first,
                last: next.last,
                text: next.text.to_owned(),
                remark: None,
                manual: false,
                endless: false,
            });
            skip_to = skip_to.max(next.last + 1);
            after_blank = false;
        }
        let trimmed = line.trim();
        if number < skip_to {
            continue;
        }
        if trimmed.is_empty() {
            after_blank = true;
        } else if let Some(text) = trimmed.strip_prefix("--") {
            let text = text.trim_start_matches('-').trim();
            items.push(Item::Comment {
                line: number,
                text,
                marker: marker(text),
                after_blank,
            });
            after_blank = false;
        }
    }
    items
}

/// What a block holds, counted before it is cut.
#[derive(Default)]
struct Survey {
    options: usize,
    alternatives: bool,
    terminals: bool,
    hosts: bool,
    systems: bool,
    using: bool,
    rollback: bool,
    optional: bool,
    numbered: usize,
    statements: usize,
    sessions: usize,
    manual: bool,
    endless_before_others: bool,
    /// Comment lines (by item) that are acts of a person.
    acts: Vec<usize>,
}

impl Survey {
    fn of(items: &[Item<'_>]) -> Self {
        let mut survey = Self::default();
        let mut hosts: Vec<&str> = Vec::new();
        let mut systems: Vec<&str> = Vec::new();
        let mut using: Vec<&str> = Vec::new();
        let mut terminals: Vec<&str> = Vec::new();
        let mut endless = false;
        let mut manual = 0;
        for (index, item) in items.iter().enumerate() {
            match item {
                Item::Comment { marker, .. } => {
                    let later = items[index + 1..]
                        .iter()
                        .any(|item| !matches!(item, Item::Comment { .. }));
                    match marker {
                        Marker::Option => survey.options += usize::from(later),
                        Marker::OrNext => survey.alternatives |= later && survey.statements > 0,
                        Marker::OrCommand(_) => survey.alternatives |= survey.statements > 0,
                        Marker::Terminal(name) => {
                            if !terminals.contains(&name.as_str()) {
                                terminals.push(name);
                            }
                            survey.terminals |=
                                (survey.statements > 0 && later) || terminals.len() > 1;
                        }
                        Marker::Host(name) => {
                            if !hosts.contains(&name.as_str()) {
                                hosts.push(name);
                            }
                            survey.hosts |= later && (survey.statements > 0 || hosts.len() > 1);
                        }
                        Marker::System(name) => {
                            if !systems.contains(&name.as_str()) {
                                systems.push(name);
                            }
                            survey.systems |= systems.len() > 1;
                        }
                        Marker::Using(name) => {
                            if !using.contains(&name.as_str()) {
                                using.push(name);
                            }
                            survey.using |= using.len() > 1;
                        }
                        Marker::Rollback => survey.rollback |= later && survey.statements > 0,
                        Marker::Optional => survey.optional |= later,
                        Marker::Numbered => survey.numbered += 1,
                        Marker::Plain => {}
                    }
                    if let Item::Comment { text, .. } = item
                        && *marker == Marker::Optional
                        && markers::is_numbered(text)
                    {
                        survey.numbered += 1;
                    }
                }
                Item::Statement {
                    remark,
                    manual: is_manual,
                    endless: never_ends,
                    text,
                    ..
                } => {
                    if endless && !is_background(text) {
                        survey.endless_before_others = true;
                    }
                    endless |= *never_ends && !is_background(text);
                    survey.statements += 1;
                    manual += usize::from(*is_manual);
                    survey.alternatives |=
                        remark.is_some_and(|remark| matches!(marker(remark), Marker::OrCommand(_)));
                }
                Item::Session { .. } => {
                    survey.sessions += 1;
                    survey.statements += 1;
                }
            }
        }
        survey.manual = manual > 0 && manual < survey.statements;
        survey.acts = manual_comments(items);
        survey
    }

    fn reason(&self) -> Option<String> {
        let reason = if self.sessions > 0 {
            "opens an interactive session"
        } else if self.options > 1
            || (self.options == 1 && self.statements > 1 && self.alternatives)
            || self.systems
            || self.using
        {
            "holds options of which one is chosen"
        } else if self.alternatives {
            "holds alternatives of a command"
        } else if self.terminals {
            "is for several terminals"
        } else if self.hosts {
            "is for several hosts or environments"
        } else if self.rollback && self.statements > 1 {
            "holds a way back beside the way forward"
        } else if self.endless_before_others {
            "holds a command that never ends before others"
        } else if !self.acts.is_empty() && self.statements > 0 {
            "holds acts of a person and commands"
        } else if self.manual {
            "holds an editor among commands"
        } else if self.optional && self.statements > 1 {
            "holds an optional part"
        } else {
            return None;
        };
        Some(reason.to_owned())
    }

    /// Whether every group of lines is a part where nothing is numbered.
    fn is_fine(&self) -> bool {
        self.numbered < 2
            && (self.optional || self.rollback || self.endless_before_others)
            && self.options < 2
            && !self.systems
            && !self.using
            && !self.terminals
            && !self.hosts
    }
}

fn is_background(text: &str) -> bool {
    let text = text.trim_end();
    text.ends_with('&') && !text.ends_with("&&")
}

/// Numbered comments that no command follows: what a person does by hand. A single one that only heads
/// the comments after it is a title.
fn manual_comments(items: &[Item<'_>]) -> Vec<usize> {
    let mut acts = Vec::new();
    let mut index = 0;
    while index < items.len() {
        let Item::Comment { .. } = items[index] else {
            index += 1;
            continue;
        };
        let start = index;
        index += 1;
        while index < items.len()
            && matches!(
                items[index],
                Item::Comment {
                    after_blank: false,
                    ..
                }
            )
        {
            index += 1;
        }
        let numbered: Vec<usize> = (start..index)
            .filter(|at| matches!(&items[*at], Item::Comment { text, .. } if markers::is_numbered(text)))
            .collect();
        let attached = items
            .get(index)
            .is_some_and(|next| !matches!(next, Item::Comment { .. }));
        if attached {
            // Of several numbers before one command only the last is its title.
            if numbered.len() > 1 && markers_adjacent(&numbered) {
                acts.extend(&numbered[..numbered.len() - 1]);
            }
            continue;
        }
        let next_numbered = match items.get(index) {
            Some(Item::Comment { text, .. }) => markers::is_numbered(text),
            _ => true,
        };
        if numbered.len() > 1 || (next_numbered && !numbered.is_empty() && index < items.len()) {
            acts.extend(numbered);
        }
    }
    acts
}

fn markers_adjacent(numbered: &[usize]) -> bool {
    numbered.windows(2).all(|pair| pair[1] == pair[0] + 1)
}

/// The part that is being read.
#[derive(Default)]
struct Open {
    title: String,
    first: Option<usize>,
    lines: Vec<usize>,
    has_statement: bool,
    endless: bool,
    optional: bool,
    emergency: bool,
    choice: Option<(usize, String)>,
    host: Option<String>,
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
}

impl Builder<'_> {
    fn item(&mut self, item: &Item<'_>, index: usize, items: &[Item<'_>]) {
        match item {
            Item::Comment {
                line,
                text,
                marker,
                after_blank,
            } => self.comment(*line, text, marker, *after_blank, index, items),
            Item::Statement {
                first,
                last,
                remark,
                manual,
                endless,
                text,
            } => {
                // Publishing is confirmed by itself where the block is optional.
                if self.survey.optional
                    && self.open.has_statement
                    && text.trim_start().starts_with("git push")
                {
                    let optional = self.open.optional;
                    self.close();
                    self.open.optional = optional;
                }
                let apart = (*endless && self.survey.endless_before_others) || *manual;
                if (apart && self.open.has_statement) || self.open.endless {
                    self.cut();
                }
                self.open.has_statement = true;
                self.open.endless |= apart;
                self.take(*first, *last);
                if *manual {
                    self.close_as_manual();
                    return;
                }
                let chosen = self
                    .open
                    .choice
                    .as_ref()
                    .is_some_and(|(_, name)| !name.is_empty());
                if chosen {
                    // Alternatives inside an option stay remarks: one choice at a time.
                } else if let Some(Marker::OrCommand(other)) = remark.map(marker) {
                    self.alternative(*first, text, &other, remark.unwrap_or_default());
                } else if let Some(Item::Comment {
                    marker: Marker::OrCommand(other),
                    ..
                }) = items.get(index + 1)
                {
                    self.alternative(*first, text, other, "");
                } else if let Some(Item::Comment {
                    marker: Marker::OrNext,
                    ..
                }) = items.get(index + 1)
                    && items[index + 1..]
                        .iter()
                        .any(|item| !matches!(item, Item::Comment { .. }))
                {
                    self.begin_choice(command_name(text));
                    let group = self.groups;
                    self.close();
                    if let Some(choice) =
                        self.parts.last_mut().and_then(|part| part.choice.as_mut())
                    {
                        choice.recommended = true;
                    }
                    self.open.choice = Some((group, String::new()));
                }
                if self
                    .open
                    .choice
                    .as_ref()
                    .is_some_and(|(_, name)| name.is_empty())
                    && self.open.has_statement
                {
                    // The alternative of the statement before ends with its first statement.
                    if let Some((_, name)) = &mut self.open.choice {
                        *name = command_name(text);
                    }
                    self.close();
                }
            }
            Item::Session {
                first,
                opener,
                body,
            } => self.session(*first, opener, body),
        }
    }

    fn comment(
        &mut self,
        line: usize,
        text: &str,
        marker: &Marker,
        after_blank: bool,
        index: usize,
        items: &[Item<'_>],
    ) {
        if self.survey.acts.binary_search(&index).is_ok() {
            if self.open.has_statement {
                self.cut();
            }
            // What heads the acts is said before them.
            let head = std::mem::take(&mut self.open);
            if let Some(first) = head.first.filter(|_| !head.title.is_empty()) {
                self.parts.push(Part {
                    title: head.title,
                    line: self.code_line + first,
                    code: head
                        .lines
                        .iter()
                        .filter_map(|line| self.lines.get(*line))
                        .copied()
                        .collect::<Vec<_>>()
                        .join("\n"),
                    role: Role::Manual,
                    ..Part::default()
                });
            }
            self.parts.push(Part {
                title: markers::title(text),
                line: self.code_line + line,
                code: self
                    .lines
                    .get(line)
                    .map_or(String::new(), |line| (*line).to_owned()),
                role: Role::Manual,
                ..Part::default()
            });
            return;
        }
        let numbered = markers::is_numbered(text);
        let follows = items[index + 1..]
            .iter()
            .any(|item| !matches!(item, Item::Comment { .. }));
        let chooses = match marker {
            Marker::Option => self.survey.options > 0,
            Marker::System(_) => self.survey.systems,
            Marker::Using(_) => self.survey.using,
            _ => false,
        };
        if chooses && follows {
            self.cut();
            if !self.parts.last().is_some_and(|part| part.choice.is_some()) || self.groups == 0 {
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
                self.open.host = Some(name.clone());
            }
        } else if *marker == Marker::Rollback
            && self.survey.rollback
            && follows
            && (self.open.has_statement || !self.parts.is_empty())
        {
            self.cut();
            self.open.title = markers::title(text);
            self.open.emergency = true;
            self.open.optional = true;
        } else if numbered && self.open.choice.is_none() {
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
        } else if after_blank
            && self.open.has_statement
            && (self.survey.is_fine()
                || (self.open.choice.is_some()
                    && super::pattern::pattern!(
                        r"(?i)^(verify|check|confirm|then|finally|afterwards?)\b"
                    )
                    .is_match(text)
                    && !self.later_choice(index, items)))
        {
            self.cut();
            self.open.title = markers::title(text);
        } else if self.open.title.is_empty()
            && !matches!(marker, Marker::OrNext | Marker::OrCommand(_))
        {
            self.open.title = markers::title(text);
        }
        if !matches!(marker, Marker::OrNext | Marker::OrCommand(_)) {
            self.take(line, line);
        }
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

    /// Makes the statement at hand the primary of a choice, and adds its alternative as a part.
    fn alternative(&mut self, first: usize, text: &str, other: &str, remark: &str) {
        self.begin_choice(command_name(text));
        let group = self.groups;
        let line = self.code_line + first;
        let optional = self.open.optional;
        let before: Vec<&str> = self
            .open
            .lines
            .iter()
            .filter(|line| **line < first)
            .filter_map(|line| self.lines.get(*line))
            .copied()
            .filter(|line| !line.trim_start().starts_with('#') && !line.trim().is_empty())
            .collect();
        self.close();
        if let Some(primary) = self.parts.last_mut() {
            if let Some(choice) = &mut primary.choice {
                choice.recommended = true;
            }
            // The remark names what is not run here.
            if !remark.is_empty() {
                primary.title = if primary.title.is_empty() {
                    command_name(text)
                } else {
                    primary.title.clone()
                };
            }
        }
        let other = other.trim_matches('`');
        let code = before
            .iter()
            .copied()
            .chain([other])
            .collect::<Vec<_>>()
            .join("\n");
        let part = self.finish(Part {
            title: command_name(other),
            line,
            optional,
            choice: Some(Choice {
                group: format!("block-{}.{group}", self.number),
                name: command_name(other),
                recommended: false,
            }),
            code,
            ..Part::default()
        });
        self.parts.push(part);
    }

    fn begin_choice(&mut self, name: String) {
        self.groups += 1;
        self.open.choice = Some((self.groups, name));
    }

    /// Ends a part where a new one begins: a comment without a command stays with what follows.
    fn cut(&mut self) {
        if self.open.has_statement {
            self.close();
        } else {
            let kept = std::mem::take(&mut self.open.lines);
            self.open = Open {
                first: self.open.first.filter(|_| !kept.is_empty()),
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
        let code = open
            .lines
            .iter()
            .filter_map(|line| self.lines.get(*line))
            .copied()
            .collect::<Vec<_>>()
            .join("\n");
        let title = if open.title.is_empty() {
            command_name(first_command(&code))
        } else {
            open.title
        };
        let part = self.finish(Part {
            title,
            line: self.code_line + open.first.unwrap_or_default(),
            code,
            optional: open.optional,
            choice: open.choice.map(|(group, name)| Choice {
                group: format!("block-{}.{group}", self.number),
                recommended: name.to_lowercase().contains("recommended"),
                name,
            }),
            ..Part::default()
        });
        self.parts.push(part);
    }

    fn session(&mut self, first: usize, opener: &Opener, body: &str) {
        self.cut();
        let (title, optional) = (std::mem::take(&mut self.open.title), self.open.optional);
        self.open = Open::default();
        let line = self.code_line + first;
        let empty = body
            .lines()
            .all(|line| line.trim().is_empty() || line.trim_start().starts_with(['#', '-']));
        let nested = body
            .lines()
            .any(|line| commands::opener(line.trim()).is_some());
        let mut part = Part {
            title,
            line,
            optional,
            actor: Actor::Shell,
            ..Part::default()
        };
        match opener {
            Opener::Psql(command) if !empty => {
                if part.title.is_empty() {
                    "psql session".clone_into(&mut part.title);
                }
                part.code = psql_session(command, body);
                part = self.finish(part);
            }
            Opener::Ssh(command) if !empty && !nested => {
                if part.title.is_empty() {
                    part.title = format!(
                        "on {}",
                        command.split_whitespace().last().unwrap_or("the host")
                    );
                }
                part.code = format!("{command} bash -se <<'GONOGO'\n{}\nGONOGO", body.trim_end());
                part = self.finish(part);
            }
            Opener::Container(command) if !empty && !nested => {
                if part.title.is_empty() {
                    "inside the container".clone_into(&mut part.title);
                }
                part.code = format!(
                    "{} -se <<'GONOGO'\n{}\nGONOGO",
                    without_terminal(command),
                    body.trim_end()
                );
                part = self.finish(part);
            }
            Opener::Psql(command)
            | Opener::Ssh(command)
            | Opener::Container(command)
            | Opener::User(command)
            | Opener::Foreign(command)
            | Opener::Console(command) => {
                if part.title.is_empty() {
                    part.title = format!("session of `{command}`");
                }
                part.code = format!("{command}\n{}", body.trim_end())
                    .trim_end()
                    .to_owned();
                part.role = if matches!(opener, Opener::Foreign(_)) {
                    Role::Foreign
                } else {
                    Role::Manual
                };
                part.actor = Actor::Nobody;
                part.refused = Some(format!(
                    "`{command}` waits for a person to type; open it in a terminal, or give the command its script"
                ));
            }
        }
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
        part.long_running = hazards::long_running(&part.code, part.actor);
        part.refused = super::role::refusal(&part.code, part.actor);
        part
    }
}

fn numbered_title(open: &Open) -> bool {
    !open.title.is_empty() && open.lines.len() > 1 && open.has_statement
}

/// The psql of a session with the lines that were to be typed into it as its script.
fn psql_session(command: &str, body: &str) -> String {
    let script = body
        .trim_end()
        .lines()
        .map(|line| match line.trim_start().strip_prefix('#') {
            Some(comment) => format!("-- {}", comment.trim_start_matches('#').trim()),
            None => line.to_owned(),
        })
        .collect::<Vec<_>>()
        .join("\n");
    let command = without_terminal(command).replacen("psql", "psql -X -v ON_ERROR_STOP=1", 1);
    format!(
        "{command} <<'GONOGO'\n{}\nGONOGO",
        script.trim_start_matches('\n')
    )
}

/// A here-document is no terminal: `docker exec -it` becomes `docker exec -i`.
fn without_terminal(command: &str) -> String {
    command
        .replacen(" -it ", " -i ", 1)
        .replacen(" -ti ", " -i ", 1)
        .replacen(" -t ", " ", 1)
}

fn first_command(code: &str) -> &str {
    code.lines()
        .find(|line| {
            let line = line.trim_start();
            !line.is_empty() && !line.starts_with('#') && !line.starts_with("--")
        })
        .unwrap_or_default()
}

/// A command as a short name.
fn command_name(text: &str) -> String {
    let line = first_command(text);
    let line = line
        .find(" #")
        .map_or(line, |at| &line[..at])
        .trim()
        .trim_end_matches('\\')
        .trim();
    if line.chars().count() > 60 {
        let short: String = line.chars().take(59).collect();
        format!("{short}…")
    } else {
        line.to_owned()
    }
}
