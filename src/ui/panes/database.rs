//! What the server counts: connections, transactions, cache, WAL, checkpoints, replicas, slots, and the
//! tables that the guide names.
//!
//! ```text
//! database  15.18 · 1,240 tx/s · 12.4 MB/s WAL
//! connections   34 of 100: 3 active, 2 waiting, 29 idle; 3 kept for superusers
//! transactions  1.2k/s ▁▂▃▅▆▇  rolled back 4, deadlocks 0 since the phase began
//! replica       standby1 streaming, async: 12.0 MB, 1.4s behind
//! items         4.2 GB, +120.0 MB since the phase began; 12.3M rows, 1.2k dead
//! ```

use ratatui::buffer::Buffer;
use ratatui::layout::{Rect, Size};
use ratatui::text::{Line, Span};

use super::{Pane, Title, clamped, draw_lines, trouble};
use crate::monitor::{DatabaseFacts, DatabaseSample, Replica, Session, Slot, Spent, TableSize};
use crate::ui::format::{bytes, count, duration, pad, plural, width, wrap};
use crate::ui::model::{Activity, Counted};
use crate::ui::spark::bars;
use crate::ui::theme::Role;
use crate::ui::view::Look;

pub struct Database;

const NAME: &str = "database";
/// Columns of the names of the rows.
const NAMES: usize = 14;
/// Columns of a history.
const HISTORY: usize = 24;
/// Parts of the age at which the server refuses to write, 2^31: where it is no longer at ease.
const OLD: i64 = 1 << 30;
/// Seconds by which a replica may be behind.
const BEHIND_S: f64 = 10.0;

impl Pane for Database {
    fn name(&self) -> &'static str {
        NAME
    }

    fn title(&self, look: &Look<'_>) -> Title {
        let Some(counted) = look.model.main_database() else {
            return Title::default();
        };
        let sample = &counted.sample;
        let mut words = Vec::new();
        if look.model.database.len() > 1 {
            words.push(sample.target.clone());
        }
        if let Some(last) = &sample.last {
            let counters = &last.counters;
            words.push(format!(
                "{} tx/s",
                rate(last, counters.commits + counters.rollbacks)
            ));
            words.push(format!("{}/s WAL", per_s(last, counters.wal_bytes)));
        }
        Title {
            words: words.join(" · "),
            alert: super::alert(&sample.state, sample.at, sample.interval_ms, look),
        }
    }

    fn rows(&self, look: &Look<'_>, size: Size) -> u64 {
        lines(look, size.width).len() as u64
    }

    fn render(&self, look: &Look<'_>, area: Rect, buffer: &mut Buffer) {
        if look.model.main_database().is_none() {
            super::empty(super::no_database(look), look, area, buffer);
            return;
        }
        let lines = lines(look, area.width);
        let top = look.view.position(NAME).top.unwrap_or(0);
        let top = clamped(top, lines.len() as u64, area.height);
        draw_lines(&lines, top, area, buffer);
    }

    fn copies(&self, look: &Look<'_>, width: u16) -> Option<String> {
        let lines: Vec<String> = lines(look, width).iter().map(Line::to_string).collect();
        (!lines.is_empty()).then(|| lines.join("\n"))
    }
}

/// Rows of a name and what is told of it.
struct Rows<'a> {
    look: &'a Look<'a>,
    columns: usize,
    lines: Vec<Line<'static>>,
}

impl Rows<'_> {
    fn add(&mut self, name: &str, text: impl Into<String>, role: Role) {
        let name = match width(name) < NAMES {
            true => pad(name, NAMES),
            false => format!("{name}  "),
        };
        let name = Span::styled(name, self.look.theme.style(Role::Muted));
        let text = Span::styled(text.into(), self.look.theme.style(role));
        let line = Line::from(vec![name, text]);
        self.lines.extend(wrap(line, self.columns, NAMES));
    }
}

fn lines(look: &Look<'_>, columns: u16) -> Vec<Line<'static>> {
    let Some(counted) = look.model.main_database() else {
        return Vec::new();
    };
    let sample = &counted.sample;
    let mut rows = Rows {
        look,
        columns: columns.into(),
        lines: trouble(&sample.state, columns, look),
    };
    let Some(facts) = &sample.facts else {
        return rows.lines;
    };
    let activity = look.model.activity.get(&sample.target);
    if let Some(activity) = activity {
        connections(activity, facts, &mut rows);
    }
    counters(sample, facts, counted, &mut rows);
    keeping(facts, activity, &mut rows);
    for replica in &facts.replicas {
        let (text, role) = of_replica(replica);
        rows.add("replica", text, role);
    }
    for slot in &facts.slots {
        let (text, role) = of_slot(slot);
        rows.add("slot", text, role);
    }
    tables(sample, &mut rows);
    rows.lines
}

fn connections(activity: &Activity, facts: &DatabaseFacts, rows: &mut Rows<'_>) {
    let counts = &activity.sample.counts;
    let mut parts = vec![format!("{} active", counts.active)];
    let others = [
        (counts.waiting, "waiting"),
        (counts.idle, "idle"),
        (counts.idle_in_transaction, "idle in transaction"),
        (counts.hidden, "hidden"),
    ];
    parts.extend(
        others
            .into_iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, what)| format!("{count} {what}")),
    );
    let most = counts.max_connections;
    let free = i64::from(most) - facts.reserved - i64::from(counts.total);
    let role = match free * 10 <= i64::from(most) {
        true => Role::Warning,
        false => Role::Text,
    };
    let text = format!(
        "{} of {most}: {}; {} kept for superusers",
        counts.total,
        parts.join(", "),
        facts.reserved
    );
    rows.add("connections", text, role);
}

fn counters(
    sample: &DatabaseSample,
    facts: &DatabaseFacts,
    counted: &Counted,
    rows: &mut Rows<'_>,
) {
    let since = match sample.reset {
        true => "since the counters were reset",
        false => "since the phase began",
    };
    let none = Spent::default();
    let phase = sample.phase.as_ref().unwrap_or(&none);
    let all = &phase.counters;
    let (now, wal) = match &sample.last {
        None => ("not known yet".to_owned(), "not known yet".to_owned()),
        Some(last) => {
            let of = &last.counters;
            let history = bars(
                &Vec::from_iter(counted.transactions.iter().copied()),
                HISTORY,
            );
            let wal_history = bars(&Vec::from_iter(counted.wal.iter().copied()), HISTORY);
            (
                format!("{}/s {history}", rate(last, of.commits + of.rollbacks)),
                format!("{}/s {wal_history}", per_s(last, of.wal_bytes)),
            )
        }
    };
    let deadlocks = match all.deadlocks {
        0 => String::new(),
        some => format!(", {}", plural(as_usize(some), "deadlock", "deadlocks")),
    };
    let role = match all.deadlocks {
        0 => Role::Text,
        _ => Role::Warning,
    };
    let rolled_back = count(all.rollbacks);
    rows.add(
        "transactions",
        format!("{now}  {rolled_back} rolled back{deadlocks} {since}"),
        role,
    );
    if all.conflicts > 0 {
        let text = plural(as_usize(all.conflicts), "query was", "queries were");
        rows.add(
            "conflicts",
            format!("{text} cancelled by replay {since}"),
            Role::Warning,
        );
    }
    let hits = |spent: &Spent| match spent.hits() {
        Some(part) => format!("{:.1}% found", part * 100.0),
        None => "no block was asked for".to_owned(),
    };
    if let Some(last) = &sample.last {
        let read = per_s(last, last.counters.read * facts.block_bytes);
        let text = format!("{}, {read}/s read; {} {since}", hits(last), hits(phase));
        rows.add("cache", text, Role::Text);
    }
    let files = plural(as_usize(all.temp_files), "file", "files");
    let temporary = format!("{} in {files} {since}", bytes(all.temp_bytes));
    rows.add("temporary", temporary, Role::Text);
    let wal_name = match facts.in_recovery {
        true => "replayed",
        false => "WAL",
    };
    rows.add(
        wal_name,
        format!("{wal}  {} {since}", bytes(all.wal_bytes)),
        Role::Text,
    );
    let text = format!(
        "{} by schedule, {} on demand {since}",
        all.timed, all.requested
    );
    rows.add("checkpoints", text, Role::Text);
}

/// What keeps the server healthy.
fn keeping(facts: &DatabaseFacts, activity: Option<&Activity>, rows: &mut Rows<'_>) {
    let is_vacuum = |session: &&Session| session.kind == "autovacuum worker";
    let at_work: Vec<&Session> = activity
        .iter()
        .flat_map(|activity| &activity.sample.sessions)
        .filter(is_vacuum)
        .collect();
    let what: Vec<&str> = at_work
        .iter()
        .map(|session| session.query.trim_start_matches("autovacuum: "))
        .collect();
    let prevents = what
        .iter()
        .any(|query| query.contains("to prevent wraparound"));
    let hidden = activity.is_some_and(|activity| activity.sample.counts.hidden > 0);
    let text = match at_work.len() {
        0 if hidden => "hidden from this role".to_owned(),
        0 => format!("none of {} at work", facts.autovacuum_workers),
        some => format!(
            "{some} of {} at work: {}",
            facts.autovacuum_workers,
            what.join("; ")
        ),
    };
    let role = match prevents {
        true => Role::Warning,
        false => Role::Text,
    };
    rows.add("autovacuum", text, role);
    if let Some(oldest) = &facts.oldest {
        let role = match oldest.age {
            age if age >= OLD => Role::Failed,
            age if age > facts.freeze_max_age => Role::Warning,
            _ => Role::Text,
        };
        let text = format!(
            "oldest transaction {} old, in `{}`; forced vacuum at {}",
            count(oldest.age),
            oldest.database,
            count(facts.freeze_max_age)
        );
        rows.add("wraparound", text, role);
    }
    if facts.prepared.count > 0 {
        let transactions = plural(
            as_usize(facts.prepared.count),
            "transaction",
            "transactions",
        );
        let oldest = facts.prepared.oldest_s.map_or(String::new(), |seconds| {
            format!(", the oldest for {}", seconds_in_words(seconds))
        });
        rows.add("prepared", format!("{transactions}{oldest}"), Role::Warning);
    }
    let archiver = &facts.archiver;
    match archiver.failing_s {
        _ if !archiver.on => rows.add("archiver", "off", Role::Muted),
        Some(seconds) => rows.add(
            "archiver",
            format!(
                "FAILS: `{}`, {} failures, the last {} ago",
                archiver.failing,
                archiver.failed,
                seconds_in_words(seconds)
            ),
            Role::Failed,
        ),
        None => rows.add(
            "archiver",
            format!("{} files archived", archiver.archived),
            Role::Text,
        ),
    }
    if facts.in_recovery {
        let (text, role) = match facts.replay_delay_s {
            None => ("nothing replayed yet".to_owned(), Role::Unknown),
            Some(seconds) if seconds < BEHIND_S => ("up to date".to_owned(), Role::Text),
            Some(seconds) => (
                format!("{} behind its primary", seconds_in_words(seconds)),
                Role::Warning,
            ),
        };
        rows.add("replica", text, role);
    }
}

fn of_replica(replica: &Replica) -> (String, Role) {
    if replica.state.is_empty() {
        return ("hidden from this role".to_owned(), Role::Unknown);
    }
    let behind = match (replica.behind_bytes, replica.behind_s) {
        (Some(some), Some(seconds)) => {
            format!("{}, {} behind", bytes(some), seconds_in_words(seconds))
        }
        (Some(some), None) => format!("{} behind", bytes(some)),
        (None, _) => "has confirmed nothing yet".to_owned(),
    };
    let role = match replica.behind_s {
        _ if replica.state != "streaming" => Role::Warning,
        Some(seconds) if seconds >= BEHIND_S => Role::Warning,
        _ => Role::Text,
    };
    (
        format!(
            "{} {}, {}: {behind}",
            replica.name, replica.state, replica.sync
        ),
        role,
    )
}

fn of_slot(slot: &Slot) -> (String, Role) {
    let retained = match slot.retained_bytes {
        Some(some) => format!("{} of WAL retained", bytes(some)),
        None => "no WAL retained".to_owned(),
    };
    let status = slot.wal_status.as_deref();
    let (used, role) = match (slot.active, status) {
        (_, Some("lost")) => ("LOST: its WAL is gone", Role::Failed),
        (_, Some("unreserved")) => ("about to be lost", Role::Failed),
        (true, _) => ("in use", Role::Text),
        (false, _) => ("NOT in use", Role::Warning),
    };
    (format!("{} {used}: {retained}", slot.name), role)
}

fn tables(sample: &DatabaseSample, rows: &mut Rows<'_>) {
    if let Some(trouble) = &sample.tables.trouble {
        rows.add(
            "tables",
            format!("sizes not read: {trouble}"),
            Role::Warning,
        );
    }
    for table in &sample.tables.tables {
        rows.add(&table.name, of_table(table), Role::Text);
    }
}

fn of_table(table: &TableSize) -> String {
    let size = match table.bytes {
        None => "size not known, for it is locked".to_owned(),
        Some(some) => {
            let grown = match table.grown() {
                None | Some(0) => String::new(),
                Some(grown) if grown < 0 => {
                    format!(", -{} since the phase began", bytes(-grown))
                }
                Some(grown) => format!(", +{} since the phase began", bytes(grown)),
            };
            let locked = match table.is_locked {
                true => ", locked now",
                false => "",
            };
            format!("{}{grown}{locked}", bytes(some))
        }
    };
    format!(
        "{size}; {} rows, {} dead",
        count(table.rows),
        count(table.dead_rows)
    )
}

fn rate(spent: &Spent, counted: i64) -> String {
    match spent.per_s(counted) {
        few if few < 10.0 => format!("{few:.1}"),
        many => count(many as i64),
    }
}

fn per_s(spent: &Spent, counted: i64) -> String {
    bytes(spent.per_s(counted) as i64)
}

fn seconds_in_words(seconds: f64) -> String {
    match seconds {
        few if few < 10.0 => format!("{few:.1}s"),
        many => duration(many as u64),
    }
}

fn as_usize(count: i64) -> usize {
    usize::try_from(count).unwrap_or(0)
}
