//! What a sentence asks for, as a condition over what commands give. `None` where they cannot answer it:
//! a condition that could be wrong is worse than a person who looks.

use super::columns::Columns;
use super::lexicon::stems;
use super::phrase::{Compare, Operand, What, Wish};
use super::shape::{Answer, Shape, Talk};
use crate::runbook::model::Actor;

/// Longest condition that is taken, in bytes.
const LONGEST: usize = 500;

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
    let joint = if flag { " || " } else { " && " };
    let text = all.join(joint);
    (!text.is_empty() && text.len() <= LONGEST).then_some(text)
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
        let prefix = &self.prefix;
        match (&self.wish.what, &self.talk.answer) {
            (_, Answer::Silent) | (What::Absent(_), _) => None,
            (What::Tag(tag), Answer::Tag) => Some(format!("{prefix}tag == {}", quoted(tag))),
            (What::Time { compare, value }, answer) => self.of_time(*compare, *value, answer),
            (What::Truth(_) | What::Literal { .. }, _) if self.wish.http => None,
            (What::Truth(is_true), answer) => {
                self.literal(if *is_true { "true" } else { "false" }, answer, false)
            }
            (What::Literal { text, contains }, answer) => self.literal(text, answer, *contains),
            (what, Answer::Status { .. }) => self.of_status(what),
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
        let value = format!("{}ms", number(value));
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
                    Some(names) => {
                        let mut names = names.iter();
                        names.find(|known| known.eq_ignore_ascii_case(name))?
                    }
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
        let field = match is_field(name) {
            true => format!(".{name}"),
            false => format!("[{}]", quoted(name)),
        };
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
            Answer::Rows(columns) if is_one(columns) && !contains => {
                Some(format!("{prefix}value == {}", quoted(of_psql)))
            }
            Answer::Line if !contains => Some(format!("{prefix}value == {}", quoted(of_psql))),
            Answer::Rows(_) | Answer::Line | Answer::Tag | Answer::Plan if !contains => None,
            Answer::Rows(_)
            | Answer::Line
            | Answer::Tag
            | Answer::Plan
            | Answer::Status { .. }
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

/// That a text was printed; a word as a whole word.
fn printed(prefix: &str, stream: &str, text: &str) -> String {
    let is_word = text.chars().all(char::is_alphanumeric);
    match is_word {
        true => format!(
            "{prefix}{stream}.matches({})",
            quoted(&format!(r"\b{text}\b"))
        ),
        false => format!("{prefix}{stream}.contains({})", quoted(text)),
    }
}

/// That no such word was printed: a shouted one as it is, any other as programs report it.
fn absent(words: &[String], shape: &Shape, targets: &[usize]) -> Option<String> {
    let speaks = |at: &usize| {
        shape
            .commands
            .get(*at)
            .is_some_and(|talk| talk.answer != Answer::Silent)
    };
    let speaking: Vec<usize> = targets.iter().copied().filter(speaks).collect();
    let all = (0..shape.commands.len()).filter(speaks).count();
    let prefixes: Vec<String> = match speaking.len() {
        0 => return None,
        many if many == all => vec![String::new()],
        _ => speaking
            .iter()
            .map(|at| format!("commands[{at}]."))
            .collect(),
    };
    let patterns: Vec<String> = words.iter().map(|word| pattern_of(word)).collect();
    let pattern = quoted(&patterns.join("|"));
    let tests: Vec<String> = prefixes
        .iter()
        .flat_map(|prefix| {
            ["stdout", "stderr"].map(|stream| format!("!{prefix}{stream}.matches({pattern})"))
        })
        .collect();
    let text = tests.join(" && ");
    (text.len() <= LONGEST).then_some(text)
}

fn pattern_of(word: &str) -> String {
    if !word.chars().any(char::is_lowercase) {
        return format!(r"\b{word}\b");
    }
    let one = word.strip_suffix('s').unwrap_or(word).to_lowercase();
    format!(
        r"(?im:^\s*{one}|\b{one}s?\s?[:\]]|\b[1-9]\d* {one})|\b{}\b",
        one.to_uppercase()
    )
}

fn compared(value: &str, compare: Compare, wanted: f64) -> String {
    match sign(compare) {
        Some(sign) => format!("{value} {sign} {}", number(wanted)),
        // Within a tenth, and at least within one.
        None => {
            let room = (wanted.abs() / 10.0).max(1.0);
            between(value, (wanted - room).floor(), (wanted + room).ceil())
        }
    }
}

fn between(value: &str, low: f64, high: f64) -> String {
    format!("{value} >= {} && {value} <= {}", number(low), number(high))
}

fn one_of(value: &str, values: &[f64]) -> String {
    let values: Vec<String> = values.iter().map(|value| number(*value)).collect();
    format!("{value} in [{}]", values.join(", "))
}

/// `None` for *about*.
fn sign(compare: Compare) -> Option<&'static str> {
    Some(match compare {
        Compare::Equal => "==",
        Compare::Unequal => "!=",
        Compare::Less => "<",
        Compare::AtMost => "<=",
        Compare::More => ">",
        Compare::AtLeast => ">=",
        Compare::About => return None,
    })
}

fn is_status(value: f64) -> bool {
    (100.0..600.0).contains(&value) && value.fract() == 0.0
}

fn number(value: f64) -> String {
    match value.fract() == 0.0 && value.abs() < 1e15 {
        true => format!("{value:.0}"),
        false => value.to_string(),
    }
}

fn is_field(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// As a string of a condition.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for character in text.chars() {
        match character {
            '\\' => out.push_str(r"\\"),
            '"' => out.push_str("\\\""),
            '\n' => out.push_str(r"\n"),
            '\t' => out.push_str(r"\t"),
            other => out.push(other),
        }
    }
    out.push('"');
    out
}
