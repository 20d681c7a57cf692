//! A guide as understood: Markdown text becomes a [`Runbook`] of phases, steps and typed blocks, and
//! `gonogo.toml` becomes a [`config::Config`]. Pure: nothing here reads a file, a clock or a socket.
//! What could not be understood is a diagnostic with line and column, never an error that stops the
//! reading, so a guide with mistakes still opens.

mod afterwards;
mod alerts;
pub mod annotate;
mod answers;
mod assemble;
mod attributes;
mod batch;
mod binding;
mod blanks;
mod blocks;
mod check;
mod commands;
mod concurrent;
pub mod config;
mod cores;
pub mod diagnostic;
mod doing;
mod effects;
mod elsewhere;
mod expectation;
mod fill;
mod findings;
mod flag;
mod hazards;
mod headings;
mod hold;
mod index;
#[cfg(test)]
mod kinds_tests;
mod labels;
mod languages;
mod lint;
mod listing;
mod lock_tries;
mod locks;
mod markers;
mod masking;
mod measure;
mod metrics;
mod model;
mod options;
mod outline;
mod parse;
mod pattern;
mod phases;
mod purpose;
mod reach;
mod repeats;
mod reserved;
mod role;
mod rules;
mod scaled;
mod settings;
mod severity;
mod shapes;
mod shell;
mod source;
mod split;
mod sql;
mod steps;
pub mod syntax;
mod tables;
mod timing;
pub mod values;
mod variables;
mod words;
mod written;

pub use afterwards::{Asked, asked_of_catalog, sql_in};
pub use alerts::{AlertPattern, compile_alert, red_flag_patterns};
pub use answers::{Answer, answer_of, is_one_curl, tolerated};
pub use batch::{BATCH_VARIABLES, Batch, batch_problem};
pub use binding::SHORTEST_INTERVAL_S;
pub use blanks::{is_secret as is_secret_name, name_of as blank_name};
pub use check::check_document;
pub use concurrent::ConcurrentBuilds;
pub use doing::{Nature, destroyed_by, natures_of};
pub use effects::{Dropped, dropped, made, makes_dump, only_looks};
pub use fill::{Filling, Fillings, Unfit, fill, shell_quoted, travels};
pub use findings::{FINDINGS, Finding, finding, findings_page, settle as settle_findings};
pub use flag::{
    FLAG_NAME, FLAG_VARIABLE, Flag, RESTORE_FLAGS, Reading, flag_problem, is_same_flag,
    request_with,
};
pub use hazards::dropped_database;
pub use hold::{HoldPlace, hold_places};
pub use lint::{ConditionProblem, Wanted, check_conditions, closest};
pub use listing::{ListedCommand, command_spans, comments_around, listed};
pub use lock_tries::{LockTries, LockTry, lock_tries};
pub use locks::{LockMode, TableLock, locks_of};
pub use model::*;
pub use parse::{decoded, parse, parse_annotated};
pub use purpose::Purpose;
pub use reach::{
    Goes, Known, Reach as Reaches, Told, environment_in, shell_reaches, sql_reaches,
    talks_to_postgres,
};
pub use reserved::{is_psql_own, is_reserved, travel_name};
pub use rules::{RULES, Rule, rule_named, rules_page};
pub use settings::scale as scale_of_time;
pub use severity::{Graded, Severity};
pub use tables::{TableName, tables_of};
pub use written::{Written, read_written};
