//! A value held against what a guide wants in its own words: `<500ms (p95)`, `3-4 per request`, `at least
//! 99 %`.

use super::model::Measure;
use super::pattern::pattern;
use super::words;

/// What a number counts.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Unit {
    /// None that is known.
    Any,
    Percent,
    /// Of so many milliseconds.
    Time(f64),
}

impl Measure {
    /// Whether a value is what is wanted; `None` where that cannot be told.
    pub fn is_met_by(&self, value: &str) -> Option<bool> {
        let (bounds, unit) = self.wanted_bounds()?;
        let value = as_counted_in(value, unit)?;
        Some(bounds.into_iter().all(|(sign, limit)| match sign {
            "<=" => value <= limit,
            ">=" => value >= limit,
            "<" => value < limit,
            ">" => value > limit,
            _ => value == limit,
        }))
    }

    /// What a number, counted as the guide counts, is held against: signs and limits.
    pub(super) fn bounds(&self) -> Option<Vec<(&'static str, f64)>> {
        self.wanted_bounds().map(|(bounds, _)| bounds)
    }

    fn wanted_bounds(&self) -> Option<(Vec<(&'static str, f64)>, Unit)> {
        let wanted = self.wanted.to_lowercase();
        let range = pattern!(r"^\D*?(\d+(?:[.,]\d+)?)\s*(?:-|–|to)\s*(\d.*)");
        if let Some(range) = range.captures(&wanted) {
            let (high, unit) = quantity(&range[2])?;
            let low = number(&range[1])?;
            return Some((vec![(">=", low), ("<=", high)], unit));
        }
        let (limit, unit) = quantity(&wanted)?;
        let before = wanted
            .split(|letter: char| letter.is_ascii_digit())
            .next()?;
        let says = |mark: &str, question| before.contains(mark) || words::says(question, before);
        let sign = if before.contains("<=") || says("≤", "at-most") {
            "<="
        } else if before.contains(">=") || says("≥", "at-least") {
            ">="
        } else if says("<", "less-than") {
            "<"
        } else if says(">", "more-than") {
            ">"
        } else {
            "=="
        };
        Some((vec![(sign, limit)], unit))
    }
}

/// The number of a value in the unit of what is wanted, which is meant where it has none.
fn as_counted_in(value: &str, wanted: Unit) -> Option<f64> {
    let (value, unit) = quantity(value)?;
    match (unit, wanted) {
        (Unit::Any, _) => Some(value),
        (Unit::Time(own), Unit::Time(of)) => Some(value * own / of),
        _ => (unit == wanted).then_some(value),
    }
}

fn number(text: &str) -> Option<f64> {
    text.trim().replace(',', ".").parse().ok()
}

/// The first number of a text with its unit.
fn quantity(text: &str) -> Option<(f64, Unit)> {
    let text = text.to_lowercase();
    let found = pattern!(r"(\d+(?:[.,]\d+)?)\s*(%|[a-z]+)?").captures(&text)?;
    let unit = match found.get(2).map_or("", |unit| unit.as_str()) {
        "%" | "percent" => Unit::Percent,
        "ms" => Unit::Time(1.0),
        "s" | "sec" | "second" | "seconds" => Unit::Time(1_000.0),
        "min" | "minute" | "minutes" => Unit::Time(60_000.0),
        _ => Unit::Any,
    };
    Some((number(&found[1])?, unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn met(wanted: &str, value: &str) -> Option<bool> {
        let measure = Measure {
            wanted: wanted.to_owned(),
            ..Measure::default()
        };
        measure.is_met_by(value)
    }

    #[test]
    fn a_value_is_held_against_the_words_of_the_guide() {
        for (wanted, good, bad) in [
            ("<500ms (p95)", "420ms", "0.6 s"),
            ("<500ms (p95)", "499", "500"),
            ("under 1s", "800ms", "1.2"),
            ("<0.1%", "0.05 %", "0,2"),
            (">99%", "99.4", "98%"),
            ("3-4 per request", "3", "12"),
            ("at least 99 %", "99", "98.9"),
            ("≤ 5", "5", "6"),
            ("0", "0", "1"),
            ("max. 70%", "70", "71"),
        ] {
            assert_eq!(met(wanted, good), Some(true), "{wanted}: {good}");
            assert_eq!(met(wanted, bad), Some(false), "{wanted}: {bad}");
        }
    }

    #[test]
    fn what_the_words_want_is_proposed_as_a_condition() {
        let proposed = |wanted: &str| {
            let measure = Measure {
                wanted: wanted.to_owned(),
                ..Measure::default()
            };
            measure.proposed()
        };
        assert_eq!(proposed("<500ms (p95)").as_deref(), Some("value < 500"));
        assert_eq!(
            proposed("3-4 per request").as_deref(),
            Some("value >= 3 && value <= 4")
        );
        assert_eq!(proposed("<0.1%").as_deref(), Some("value < 0.1"));
        assert_eq!(proposed("as before"), None);
    }

    #[test]
    fn what_cannot_be_compared_is_not_judged() {
        assert_eq!(met("<500ms", "fine"), None);
        assert_eq!(met("<500ms", "3%"), None);
        assert_eq!(met("as before", "12"), None);
    }
}
