//! One statement, sent to psql again and again: by ranges of a key, or until it touches nothing. A batch is
//! a transaction. Before its `COMMIT` is sent it stands on the disk with the number of that transaction, so
//! that after a crash the server is asked what became of it, and no row is touched twice or passed over.

use std::time::Duration;

use chrono::Utc;
use serde::Deserialize;
use tokio::time::Instant;

use super::output::Spool;
use super::prepare;
use crate::run::{BatchMark, Batches, CommandMark, CommandText, from_hex};

const GOOD: &str = "00000";
/// How often a throttle, or a transaction that is still under way, is asked again.
const AGAIN: Duration = Duration::from_secs(1);
const ROLL_BACK: &str = "ROLLBACK;\n";
/// How often progress is told in the output.
const TELL: Duration = Duration::from_secs(2);

/// What comes next.
pub(super) enum Next {
    Send(String),
    /// What is sent at once, if anything; then it waits.
    Wait(Option<String>),
    Done,
    Failed,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Opening,
    Throttle,
    Batch,
    Commit,
}

pub(super) struct BatchRun {
    spec: Batches,
    word: String,
    statement: String,
    stage: Stage,
    /// The command that it is, by its place.
    index: usize,
    /// Committed batches over all attempts, and the last of them in this one.
    number: u64,
    last: Option<BatchMark>,
    /// Its `COMMIT` is under way.
    pending: Option<BatchMark>,
    /// The last that was written down, whatever became of it.
    written: Option<BatchMark>,
    is_last: bool,
    after: Option<String>,
    done: u64,
    total: Option<u64>,
    errors: u64,
    last_error: Option<String>,
    passed: u64,
    passed_before: u64,
    began: Instant,
    told: Option<Instant>,
    /// It was told what it waits for.
    is_wait_told: bool,
    wakes: Option<Instant>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Answer {
    status: Option<String>,
    total: Option<u64>,
    without_key: bool,
    holds: bool,
    transaction: String,
    rows: u64,
    passed: u64,
    upto: Option<String>,
}

impl BatchRun {
    pub(super) fn new(spec: Batches, word: &str, command: &CommandText) -> Self {
        Self {
            word: word.to_owned(),
            statement: command.text.clone(),
            stage: Stage::Opening,
            index: command.index,
            number: 0,
            last: None,
            pending: None,
            written: spec.behind.clone(),
            is_last: false,
            after: None,
            done: 0,
            total: None,
            errors: 0,
            last_error: None,
            passed: 0,
            passed_before: 0,
            began: Instant::now(),
            told: None,
            is_wait_told: false,
            wakes: None,
            spec,
        }
    }

    /// What is sent first: what became of the batch that was under way, and about how much there is.
    pub(super) fn opening(&self) -> String {
        let status = match &self.spec.behind {
            Some(mark) => {
                let number: String = mark
                    .transaction
                    .chars()
                    .filter(char::is_ascii_digit)
                    .collect();
                format!("coalesce(txid_status('{number}'::bigint), 'forgotten')")
            }
            None => "NULL".to_owned(),
        };
        let (total, without_key) = match &self.spec.batch.keys {
            Some((table, key)) => {
                let name = table.replace('\'', "''");
                let without = match self.spec.behind {
                    Some(_) => "false".to_owned(),
                    None => format!("EXISTS (SELECT 1 FROM {table} WHERE {key} IS NULL)"),
                };
                let total = format!(
                    "(SELECT nullif(greatest(reltuples, 0), 0)::bigint FROM pg_catalog.pg_class \
                     WHERE oid = to_regclass('{name}'))"
                );
                (total, without)
            }
            None => ("NULL".to_owned(), "false".to_owned()),
        };
        let asked = format!("'status', {status}, 'total', {total}, 'without_key', {without_key}");
        format!(
            "\\set QUIET on\n\\set ON_ERROR_STOP off\n\\set gonogo_said ''\n{}{}",
            said(&asked),
            self.echo(":SQLSTATE,:gonogo_said")
        )
    }

    fn echo(&self, what: &str) -> String {
        format!("\\echo {}{what}.\n", self.word)
    }

    pub(super) fn wakes(&self) -> Option<Instant> {
        self.wakes
    }

    /// What is sent when it has waited.
    pub(super) fn go_on(&mut self, spool: &mut Spool) -> Next {
        self.wakes = None;
        match (self.stage, &self.spec.batch.throttle) {
            (Stage::Opening, _) => Next::Send(self.opening()),
            (_, Some(query)) => {
                self.stage = Stage::Throttle;
                // On a line of its own the bracket is in no comment.
                let asked = said(&format!("'holds', coalesce(({query}\n)::boolean, true)"));
                Next::Send(format!(
                    "\\set gonogo_said ''\n{asked}{}",
                    self.echo(":SQLSTATE,:gonogo_said")
                ))
            }
            (_, None) => self.batch(spool),
        }
    }

    fn batch(&mut self, spool: &mut Spool) -> Next {
        self.stage = Stage::Batch;
        let size = self.spec.batch.size;
        let mut text = format!("\\set gonogo_said ''\n\\set batch_size {size}\nBEGIN;\n");
        let facts = "'transaction', txid_current()::text, 'rows', :'gonogo_rows'::bigint";
        let statement = format!(
            "{}\n;\n\\set gonogo_state :SQLSTATE\n\\set gonogo_rows :ROW_COUNT\n",
            self.statement.trim_end().trim_end_matches(';')
        );
        match &self.spec.batch.keys {
            Some((table, key)) => {
                let behind = match &self.after {
                    Some(after) => match prepare::quoted(after) {
                        Ok(quoted) => {
                            text.push_str(&format!("\\set gonogo_after {quoted}\n"));
                            format!("WHERE {key} > :'gonogo_after' ")
                        }
                        Err(_) => {
                            let why = "psql cannot be given the last key".to_owned();
                            return self.fails(why, spool);
                        }
                    },
                    None => format!("WHERE {key} IS NOT NULL "),
                };
                text.push_str(&format!(
                    "SELECT count(*) AS gonogo_passed, count(*) = 0 AS gonogo_none, \
                     (array_agg(k ORDER BY k))[1] AS batch_low, \
                     (array_agg(k ORDER BY k DESC))[1] AS batch_high \
                     FROM (SELECT {key} AS k FROM {table} {behind}ORDER BY {key} LIMIT {size}) AS gonogo \\gset\n\
                     \\set gonogo_state :SQLSTATE\n\\if :ERROR\n\\elif :gonogo_none\n\\else\n{statement}\
                     \\if :ERROR\n\\else\n{}\\endif\n\\endif\n",
                    said_of_it(&format!("{facts}, 'passed', :'gonogo_passed'::bigint, 'upto', :'batch_high'"))
                ));
            }
            None => text.push_str(&format!(
                "{statement}\\if :ERROR\n\\else\n{}\\endif\n",
                said_of_it(facts)
            )),
        }
        text.push_str(&self.echo(":gonogo_state,:gonogo_said"));
        Next::Send(text)
    }

    /// psql has done what it was sent. `is_over`: nothing more may begin.
    pub(super) fn answered(&mut self, answer: &str, spool: &mut Spool, is_over: bool) -> Next {
        if is_over && self.stage != Stage::Commit {
            return Next::Failed;
        }
        let answer = answer.strip_suffix('.').unwrap_or(answer);
        let (state, said) = answer.split_once(',').unwrap_or((answer, ""));
        if state != GOOD {
            return match self.stage {
                Stage::Opening => self.fails(format!("it cannot begin: SQLSTATE {state}"), spool),
                _ => self.error(&format!("SQLSTATE {state}"), spool, is_over),
            };
        }
        let is_empty = said.is_empty();
        match (self.stage, read(said)) {
            (Stage::Opening, Some(said)) => self.opened(said, spool),
            (Stage::Opening, None) => {
                self.fails("what the server answered cannot be read".to_owned(), spool)
            }
            (Stage::Throttle, Some(said)) if said.holds => self.throttled(spool),
            (Stage::Throttle, Some(_)) => {
                self.is_wait_told = false;
                self.batch(spool)
            }
            (Stage::Batch, Some(said)) => self.prepared(Some(said), spool),
            // Of a range without rows nothing is said.
            (Stage::Batch, None) if is_empty && self.spec.batch.keys.is_some() => {
                self.prepared(None, spool)
            }
            (Stage::Throttle | Stage::Batch, None) => {
                self.error("an answer that cannot be read", spool, is_over)
            }
            (Stage::Commit, _) => self.committed(spool, is_over),
        }
    }

    fn opened(&mut self, said: Answer, spool: &mut Spool) -> Next {
        if said.without_key {
            let why = "rows without a key would never be in a batch: fill them first, or choose another key";
            return self.fails(why.to_owned(), spool);
        }
        if let Some(mark) = self.spec.behind.clone() {
            let status = said.status.unwrap_or_default();
            let name = format!("batch {} (transaction {})", mark.number, mark.transaction);
            match status.as_str() {
                "committed" => {
                    spool.note(&format!("{name} was committed: it goes on behind it"));
                    self.number = mark.number;
                    (self.after, self.done, self.passed) =
                        (mark.upto, mark.before + mark.rows, mark.passed);
                }
                "aborted" => {
                    spool.note(&format!("{name} was not committed: it is done again"));
                    self.number = mark.number.saturating_sub(1);
                    (self.after, self.done, self.passed) =
                        (mark.after, mark.before, mark.passed_before);
                }
                "in progress" => {
                    if !std::mem::replace(&mut self.is_wait_told, true) {
                        spool.note(&format!("{name} is still under way: it waits for its end"));
                    }
                    return self.wait(AGAIN, None);
                }
                other => {
                    let why = format!(
                        "the server cannot say what became of {name} ({other}); look at the rows behind it"
                    );
                    return self.fails(why, spool);
                }
            };
        }
        self.total = said.total;
        self.passed_before = self.passed;
        self.stage = Stage::Commit;
        self.is_wait_told = false;
        self.go_on(spool)
    }

    fn prepared(&mut self, said: Option<Answer>, spool: &mut Spool) -> Next {
        self.stage = Stage::Commit;
        let commit = format!("COMMIT;\n{}", self.echo(":SQLSTATE,"));
        let said = match said {
            Some(said) if self.spec.batch.keys.is_some() || said.rows > 0 => said,
            // There is nothing left.
            _ => {
                self.is_last = true;
                return Next::Send(commit);
            }
        };
        let has_keys = self.spec.batch.keys.is_some();
        self.is_last = has_keys && said.passed < self.spec.batch.size;
        let passed = self.passed + if has_keys { said.passed } else { said.rows };
        let seconds = self.began.elapsed().as_secs_f64().max(0.001);
        let mark = BatchMark {
            number: self.number + 1,
            at: Utc::now(),
            transaction: said.transaction,
            after: self.after.clone(),
            upto: said.upto,
            rows: said.rows,
            before: self.done,
            passed,
            passed_before: self.passed,
            total: self.total,
            per_s: ((passed - self.passed_before) as f64 / seconds) as u64,
            errors: self.errors,
            last_error: self.last_error.clone(),
        };
        if !self.write(&mark, spool) {
            let why = "a secret stands in what is written of a batch; nothing of it is committed";
            return self.fails(why.to_owned(), spool);
        }
        spool.sync();
        if let Some(lost) = spool.lost.clone() {
            return self.fails(format!("a batch cannot be written down: {lost}"), spool);
        }
        self.pending = Some(mark);
        Next::Send(commit)
    }

    fn committed(&mut self, spool: &mut Spool, is_over: bool) -> Next {
        if let Some(mark) = self.pending.take() {
            self.after.clone_from(&mark.upto);
            self.number = mark.number;
            self.done = mark.before + mark.rows;
            self.passed = mark.passed;
            self.last = Some(mark);
        }
        let now = Instant::now();
        if self.is_last || self.told.is_none_or(|told| now >= told + TELL) {
            self.told = Some(now);
            spool.note(&match &self.last {
                Some(last) => last.words(),
                None => format!("nothing is left: {} rows touched before", self.done),
            });
        }
        if self.is_last {
            return Next::Done;
        }
        if is_over {
            return Next::Failed;
        }
        match self.spec.batch.pause_ms {
            0 => self.go_on(spool),
            pause => self.wait(Duration::from_millis(pause), None),
        }
    }

    fn throttled(&mut self, spool: &mut Spool) -> Next {
        if !std::mem::replace(&mut self.is_wait_told, true) {
            let query = self.spec.batch.throttle.as_deref().unwrap_or_default();
            spool.note(&format!("waits: `{query}` is true"));
        }
        self.wait(AGAIN, None)
    }

    /// Nothing of it stays, and it is tried again as often as its author bears it.
    fn error(&mut self, what: &str, spool: &mut Spool, is_over: bool) -> Next {
        (self.pending, self.is_last) = (None, false);
        self.errors += 1;
        let (place, then, sent) = match self.stage {
            Stage::Throttle => ("of the throttle".to_owned(), "asked again", None),
            _ => {
                let place = format!("in batch {}", self.number + 1);
                (place, "rolled back, tried again", Some(ROLL_BACK))
            }
        };
        let last = format!("{what} {place}");
        let (errors, most) = (self.errors, self.spec.batch.max_errors);
        self.last_error = Some(last.clone());
        let mark = BatchMark {
            at: Utc::now(),
            errors,
            last_error: self.last_error.clone(),
            ..self.written.clone().unwrap_or_default()
        };
        self.write(&mark, spool);
        if errors > most {
            return self.fails(
                format!("errors: {errors}, the last {last}; max-errors is {most}"),
                spool,
            );
        }
        if is_over {
            return self.fails(format!("{last}: rolled back"), spool);
        }
        spool.note(&format!("error {errors} of {most}: {last}: {then}"));
        self.stage = Stage::Commit;
        let pause = Duration::from_millis(self.spec.batch.pause_ms).max(AGAIN);
        self.wait(pause, sent.map(str::to_owned))
    }

    /// Whether it could be: one that is masked leads nobody behind it.
    fn write(&mut self, mark: &BatchMark, spool: &mut Spool) -> bool {
        let record = CommandMark::Batched(self.index, mark.clone());
        let is_whole = !spool.masks(&record);
        if is_whole {
            spool.mark(&record);
            self.written = Some(mark.clone());
        }
        is_whole
    }

    fn wait(&mut self, pause: Duration, sent: Option<String>) -> Next {
        self.wakes = Some(Instant::now() + pause);
        Next::Wait(sent)
    }

    fn fails(&mut self, why: String, spool: &mut Spool) -> Next {
        spool.note(&why);
        Next::Failed
    }
}

/// Asks for an object, in letters that nothing on the way changes.
fn said(object: &str) -> String {
    format!(
        "SELECT encode(convert_to(json_build_object({object})::text, 'UTF8'), 'hex') AS gonogo_said \\gset\n"
    )
}

/// The same of what a batch did. Where the server cannot say it, nothing of the batch is committed.
fn said_of_it(object: &str) -> String {
    format!("{}\\set gonogo_state :SQLSTATE\n", said(object))
}

fn read(said: &str) -> Option<Answer> {
    let bytes = from_hex(said)?;
    serde_json::from_slice(&bytes).ok()
}

#[cfg(test)]
mod tests;
