//! What a sentence asks for, as a condition over what commands give. `None` where they cannot answer it:
//! a condition that could be wrong is worse than a person who looks.

use super::cel::{
    LONGEST, between, compared, is_field, joined, number, one_of, printed, quoted, sign, step, time,
};
use super::columns::Columns;
use super::lexicon::stems;
use super::output::{absent, characters, tells_enough};
use super::phrase::{Compare, Field, Operand, What, Wish, is_whole};
use super::shape::{Answer, Shape, Talk};
use super::states;
use crate::runbook::model::Actor;

/// A condition over these commands of an action. Of a red flag it says when the flag is up.
pub(super) fn condition(
    wish: &Wish,
    shape: &Shape,
    targets: &[usize],
    flag: bool,
) -> Option<String> {
    if let What::Absent(words) = &wish.what {
        return absent(words, shape, targets).filter(|_| !flag);
    }
    let mut all = Vec::new();
    for at in targets {
        let talk = shape.commands.get(*at)?;
        let one = Asked {
            wish,
            talk,
            prefix: shape.prefix(*at),
            of_http: shape.actor == Actor::Http,
            flag,
        };
        all.push(one.condition()?);
    }
    all.dedup();
    let text = joined(&all, !flag);
    (!text.is_empty() && text.len() <= LONGEST).then_some(text)
}

/// How all of an action ends, as it is asked of several of its commands.
pub(super) fn of_end(wish: &Wish, shape: &Shape, last: usize) -> Option<String> {
    let asked = Asked {
        wish,
        talk: shape.commands.get(last)?,
        prefix: String::new(),
        of_http: false,
        flag: false,
    };
    asked.condition()
}

/// That texts are printed, whichever command of an action prints them.
pub(super) fn somewhere(texts: &[String], all: bool, negated: bool) -> String {
    let either = |text: &String| {
        format!(
            "{} || {}",
            printed("", "stdout", text),
            printed("", "stderr", text)
        )
    };
    let each: Vec<String> = texts.iter().map(either).collect();
    match negated {
        true => format!("!({})", joined(&each, false)),
        false => joined(&each, all),
    }
}

struct Asked<'a> {
    wish: &'a Wish,
    talk: &'a Talk,
    prefix: String,
    of_http: bool,
    flag: bool,
}

impl Asked<'_> {
    fn condition(&self) -> Option<String> {
        let text = self.positive()?;
        Some(match self.wish.negated {
            true => format!("!({text})"),
            false => text,
        })
    }

    fn positive(&self) -> Option<String> {
        self.of(&self.wish.what)
    }

    fn of(&self, what: &What) -> Option<String> {
        let prefix = &self.prefix;
        match (what, &self.talk.answer) {
            (_, Answer::Silent) | (What::Absent(_), _) => None,
            (What::State { words, all }, Answer::Text) => {
                let one = |word: &String| states::shown(prefix, &self.talk.called, word);
                let each = words.iter().map(one).collect::<Option<Vec<_>>>()?;
                Some(joined(&each, *all))
            }
            (What::State { .. }, _) => None,
            (What::There, Answer::Rows(columns)) => there(prefix, columns),
            (What::There, _) => None,
            (What::Field { name, value, .. }, Answer::Rows(columns))
                if columns.column(name).is_some() =>
            {
                let what = What::Column {
                    name: name.clone(),
                    compare: Compare::Equal,
                    value: value.clone(),
                };
                self.of_rows(&what, columns)
            }
            (What::Field { otherwise, .. }, _) => self.of(otherwise.as_deref()?),
            (What::Tag(tag), Answer::Tag) => Some(format!("{prefix}tag == {}", quoted(tag))),
            (What::Time { compare, value }, answer) => self.of_time(*compare, *value, answer),
            (What::Exit { compare, value }, _) => {
                Some(compared(&format!("{prefix}exit"), *compare, *value))
            }
            (What::Green { within }, _) => self.green(*within),
            (What::Json(fields), answer) => self.json(fields, answer),
            (What::Value(word), Answer::Rows(_) | Answer::Line) => {
                self.literal(word, &self.talk.answer, false)
            }
            (What::Value(_), _) => None,
            (What::Characters(count, class), answer) => characters(prefix, *count, class, answer),
            (What::Truth(_) | What::Literal { .. }, _) if self.wish.http => None,
            (What::Truth(is_true), answer) => {
                self.literal(if *is_true { "true" } else { "false" }, answer, false)
            }
            (
                What::Literal {
                    texts,
                    all,
                    contains,
                },
                answer,
            ) => {
                let one = |text: &String| self.literal(text, answer, *contains);
                let each = texts.iter().map(one).collect::<Option<Vec<_>>>()?;
                Some(joined(&each, *all))
            }
            (What::Named { name, what }, Answer::Rows(columns)) => self.named(name, what, columns),
            (What::Named { what, .. }, _) => self.of(what),
            (what, Answer::Status { .. } | Answer::Json) => self.of_status(what),
            (
                What::Number {
                    compare: Compare::Equal,
                    value,
                    percent: false,
                },
                Answer::Written,
            ) if is_status(*value) => Some(printed(prefix, "stdout", &number(*value))),
            (What::Number { compare, value, .. }, Answer::Code) if is_status(*value) => {
                Some(compared(&format!("{prefix}value"), *compare, *value))
            }
            _ if self.wish.http => None,
            (what, Answer::Rows(columns)) => self.of_rows(what, columns),
            (what, Answer::Line) => self.of_value(what),
            _ => None,
        }
    }

    fn of_time(&self, compare: Compare, value: f64, answer: &Answer) -> Option<String> {
        let name = match answer {
            Answer::Plan => "latency",
            Answer::Status { .. } if self.of_http => "latency",
            Answer::Status { .. } | Answer::Code | Answer::Rows(_) | Answer::Line => "elapsed",
            _ => return None,
        };
        // No time is met to the millisecond.
        if matches!(compare, Compare::Equal | Compare::Unequal) {
            return None;
        }
        let value = time(value);
        Some(format!("{}{name} {} {value}", self.prefix, sign(compare)?))
    }

    /// What is asked of the answer of a server.
    fn of_status(&self, what: &What) -> Option<String> {
        let prefix = &self.prefix;
        let status = format!("{prefix}status");
        match what {
            What::Number {
                compare,
                value,
                percent: false,
            } if is_status(*value) => Some(compared(&status, *compare, *value)),
            What::StatusClass(class) => Some(format!(
                "{status} >= {class}00 && {status} < {}00",
                class + 1
            )),
            What::OneOf(values) if values.iter().all(|value| is_status(*value)) => {
                Some(one_of(&status, values))
            }
            What::Column {
                name,
                compare,
                value,
            } if !self.wish.http => {
                let value = match value {
                    Operand::Number(value) if name == "status" && is_status(*value) => {
                        return Some(compared(&status, *compare, *value));
                    }
                    Operand::Number(value) => number(*value),
                    Operand::Text(text) if text == "t" => "true".to_owned(),
                    Operand::Text(text) if text == "f" => "false".to_owned(),
                    Operand::Text(text) => quoted(text),
                };
                Some(format!("{prefix}json.{name} {} {value}", sign(*compare)?))
            }
            _ => None,
        }
    }

    /// What is asked of the rows of a query.
    fn of_rows(&self, what: &What, columns: &Columns) -> Option<String> {
        match what {
            What::Rows {
                compare,
                count,
                named,
            } => {
                // A count gives one row, whatever it counts.
                let counted = columns.is_single_row && (*count == 0.0 || !*named);
                match counted {
                    true => self.of_column(columns, *compare, *count, false),
                    false => Some(format!(
                        "size({}rows) {} {}",
                        self.prefix,
                        sign(*compare)?,
                        number(*count)
                    )),
                }
            }
            What::Number {
                compare,
                value,
                percent,
            } => self.of_column(columns, *compare, *value, *percent),
            What::Column {
                name,
                compare,
                value,
            } => {
                let known = match &columns.names {
                    Some(_) => columns.column(name)?,
                    None => name,
                };
                self.each(columns, known, |cell| match value {
                    Operand::Number(value) => Some(compared(cell, *compare, *value)),
                    Operand::Text(text) => {
                        Some(format!("{cell} {} {}", sign(*compare)?, quoted(text)))
                    }
                })
            }
            What::Same(names) => self.same(names, columns),
            what if columns.is_single_row => self.of_value(what),
            _ => None,
        }
    }

    /// What is asked of one value.
    fn of_value(&self, what: &What) -> Option<String> {
        let value = format!("{}value", self.prefix);
        match what {
            What::Rows { compare, count, .. } => Some(compared(&value, *compare, *count)),
            What::Number {
                compare,
                value: wanted,
                ..
            } => Some(compared(&value, *compare, *wanted)),
            What::OneOf(values) => Some(one_of(&value, values)),
            What::Between(low, high) => Some(between(&value, *low, *high)),
            _ => None,
        }
    }

    /// A number that a column of a query holds.
    fn of_column(
        &self,
        columns: &Columns,
        compare: Compare,
        value: f64,
        percent: bool,
    ) -> Option<String> {
        let named = columns.names.as_deref().unwrap_or_default();
        let is_one = named.len() == 1;
        if is_one && columns.is_single_row || named.is_empty() && self.wish.bare {
            return Some(compared(&format!("{}value", self.prefix), compare, value));
        }
        let chosen = match named {
            [one] => one,
            _ => self.column_of(named, percent)?,
        };
        // A number said of many rows is said of each of them only where the words say so, or where the
        // column is the one that they name.
        self.each(columns, chosen, |cell| Some(compared(cell, compare, value)))
    }

    /// The one column that the words mean.
    fn column_of<'a>(&self, names: &'a [String], percent: bool) -> Option<&'a String> {
        const PERCENT: [&str; 9] = [
            "percent",
            "pct",
            "percentag",
            "rat",
            "ratio",
            "coverag",
            "share",
            "anteil",
            "prozent",
        ];
        let is_percent = |name: &&String| {
            stems(name)
                .iter()
                .any(|stem| PERCENT.contains(&stem.as_str()))
        };
        let candidates: Vec<&String> = match percent {
            true => names.iter().filter(is_percent).collect(),
            false => {
                let of_words = |name: &&String| !stems(name).is_disjoint(&self.wish.about);
                names.iter().filter(of_words).collect()
            }
        };
        match candidates.as_slice() {
            [one] => Some(one),
            // `48 queries` of `query_count`, beside `last_query`: the one that counts.
            many => {
                let counts = |name: &&&String| {
                    stems(name)
                        .iter()
                        .any(|stem| matches!(stem.as_str(), "num" | "number" | "amount" | "size"))
                        || name
                            .to_lowercase()
                            .split('_')
                            .any(|word| matches!(word, "count" | "total" | "sum" | "n"))
                };
                let mut counting = many.iter().filter(counts);
                match (counting.next(), counting.next()) {
                    (Some(one), None) => Some(one),
                    _ => None,
                }
            }
        }
    }

    /// A test of one cell, of each row where there may be several.
    fn each(
        &self,
        columns: &Columns,
        name: &str,
        test: impl Fn(&str) -> Option<String>,
    ) -> Option<String> {
        let prefix = &self.prefix;
        let field = step(name);
        if columns.is_single_row {
            return test(&format!("{prefix}rows[0]{field}"));
        }
        let cell = test(&format!("row{field}"))?;
        Some(match self.flag {
            true => format!("{prefix}rows.exists(row, {cell})"),
            false => format!("size({prefix}rows) > 0 && {prefix}rows.all(row, {cell})"),
        })
    }

    /// Columns, or rows by their names, that hold the same.
    fn same(&self, names: &[String], columns: &Columns) -> Option<String> {
        let prefix = &self.prefix;
        let known = columns.names.as_deref()?;
        let column = |name: &String| known.iter().find(|known| known.eq_ignore_ascii_case(name));
        if let Some(all) = names.iter().map(column).collect::<Option<Vec<_>>>() {
            let first = all.first()?;
            let pairs: Vec<String> = all[1..]
                .iter()
                .filter(|name| is_field(name) && is_field(first))
                .map(|name| format!("row.{first} == row.{name}"))
                .collect();
            let test = pairs.join(" && ");
            return (pairs.len() == all.len() - 1)
                .then(|| format!("size({prefix}rows) > 0 && {prefix}rows.all(row, {test})"));
        }
        // `SELECT 'orders', count(*) … UNION ALL SELECT 'lines', …`: rows that are named by literals.
        let literal = |name: &String| {
            let begins = format!("{name} ");
            let exact = columns.literals.iter().find(|literal| *literal == name);
            exact.or_else(|| {
                columns
                    .literals
                    .iter()
                    .find(|literal| literal.starts_with(&begins))
            })
        };
        let labels = names.iter().map(literal).collect::<Option<Vec<_>>>()?;
        let [label, value, ..] = known else {
            return None;
        };
        let is_first = columns.literals.first() == labels.first().copied();
        (is_first && is_field(label) && is_field(value)).then(|| {
            let labels: Vec<String> = labels.iter().map(|label| quoted(label)).collect();
            format!(
                "size({prefix}rows) > 1 && {prefix}rows.all(row, !(row.{label} in [{}]) || row.{value} == {prefix}rows[0].{value})",
                labels.join(", ")
            )
        })
    }

    fn green(&self, within: Option<(Compare, f64)>) -> Option<String> {
        let prefix = &self.prefix;
        if !matches!(self.talk.answer, Answer::Text) {
            return None;
        }
        let passes = format!("{prefix}exit == 0");
        Some(match within {
            Some((compare, value)) => {
                format!(
                    "{passes} && {prefix}elapsed {} {}",
                    sign(compare)?,
                    time(value)
                )
            }
            None => passes,
        })
    }

    /// What is asked of the JSON that is printed.
    fn json(&self, fields: &[Field], answer: &Answer) -> Option<String> {
        let prefix = &self.prefix;
        let tests: Vec<String> = match answer {
            Answer::Status { .. } | Answer::Json => fields
                .iter()
                .map(|field| {
                    let (last, above) = field.path.split_last()?;
                    let above = above
                        .iter()
                        .fold(format!("{prefix}json"), |path, name| path + &step(name));
                    Some(match &field.value {
                        Some(value) => format!("{above}{} == {value}", step(last)),
                        None => format!("{} in {above}", quoted(last)),
                    })
                })
                .collect::<Option<_>>()?,
            Answer::Text => fields
                .iter()
                .map(|field| {
                    let name = regex::escape(field.path.last()?);
                    let value = field
                        .value
                        .as_ref()
                        .map_or(String::new(), |value| regex::escape(&value.to_string()));
                    Some(format!(
                        "{prefix}stdout.matches({})",
                        quoted(&format!("\"{name}\"\\s*:\\s*{value}"))
                    ))
                })
                .collect::<Option<_>>()?,
            _ => return None,
        };
        Some(joined(&tests, true))
    }

    /// What is asked of a column, or of the row that holds a name.
    fn named(&self, name: &str, what: &What, columns: &Columns) -> Option<String> {
        let names = columns.names.as_deref()?;
        let test = |cell: &str| match what {
            What::Number { compare, value, .. } => Some(compared(cell, *compare, *value)),
            What::Between(low, high) => Some(between(cell, *low, *high)),
            _ => None,
        };
        if let Some(known) = names.iter().find(|known| known.eq_ignore_ascii_case(name)) {
            return self.each(columns, known, test);
        }
        let key = columns.key_of(name)?;
        let mut counted = columns.numbers().filter(|column| *column != key);
        let (Some(value), None) = (counted.next(), counted.next()) else {
            return None;
        };
        let found = format!("row{} == {}", step(key), quoted(name));
        let prefix = &self.prefix;
        let test = test(&format!("row{}", step(value)))?;
        Some(format!("{prefix}rows.exists(row, {found} && {test})"))
    }

    fn literal(&self, text: &str, answer: &Answer, contains: bool) -> Option<String> {
        let prefix = &self.prefix;
        let is_one =
            |columns: &Columns| columns.names.as_ref().is_some_and(|names| names.len() == 1);
        let of_psql = match text {
            "true" => "t",
            "false" => "f",
            text => text,
        };
        match answer {
            Answer::Rows(_) | Answer::Line if !is_whole(text) => None,
            Answer::Rows(columns) if is_one(columns) && !contains => {
                Some(format!("{prefix}value == {}", quoted(of_psql)))
            }
            Answer::Line if !contains => Some(format!("{prefix}value == {}", quoted(of_psql))),
            // A name that tells enough stands somewhere in the table.
            Answer::Rows(_) if !contains && tells_enough(text) => {
                Some(printed(prefix, "stdout", text))
            }
            Answer::Rows(_) | Answer::Line | Answer::Tag | Answer::Plan if !contains => None,
            Answer::Rows(_)
            | Answer::Line
            | Answer::Tag
            | Answer::Plan
            | Answer::Status { .. }
            | Answer::Json
            | Answer::Written
            | Answer::Code => Some(printed(prefix, "stdout", text)),
            Answer::Text => Some(format!(
                "{} || {}",
                printed(prefix, "stdout", text),
                printed(prefix, "stderr", text)
            )),
            Answer::Silent => None,
        }
    }
}

/// That a query counted something; of rows nobody knows whether they are all.
fn there(prefix: &str, columns: &Columns) -> Option<String> {
    match columns.names.as_deref() {
        Some([name]) if columns.is_single_row && name == "count" => {
            Some(format!("{prefix}value > 0"))
        }
        _ => None,
    }
}

fn is_status(value: f64) -> bool {
    (100.0..600.0).contains(&value) && value.fract() == 0.0
}
