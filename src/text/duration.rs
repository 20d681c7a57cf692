//! Durations as people write them in guides (`5-15 minutes`, `~2h`, `24-48 hours`, `2m30s`, `200ms`)
//! and as this program writes them back. Everything is in whole seconds, or in milliseconds where the
//! text is a timeout or an interval.

/// Milliseconds in one unit, by any name people use for it.
fn unit_ms(word: &str) -> Option<u64> {
    const SECOND: u64 = 1_000;
    const MINUTE: u64 = 60 * SECOND;
    const HOUR: u64 = 60 * MINUTE;
    const DAY: u64 = 24 * HOUR;
    Some(match word {
        "ms" | "msec" | "msecs" | "millisecond" | "milliseconds" => 1,
        "s" | "sec" | "secs" | "second" | "seconds" => SECOND,
        "m" | "min" | "mins" | "minute" | "minutes" => MINUTE,
        "h" | "hr" | "hrs" | "hour" | "hours" => HOUR,
        "d" | "day" | "days" => DAY,
        "w" | "wk" | "wks" | "week" | "weeks" => 7 * DAY,
        "month" | "months" => 30 * DAY,
        _ => return None,
    })
}

/// A range of time found in prose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub min_ms: u64,
    pub max_ms: u64,
    /// Byte range of the text it was read from.
    pub start: usize,
    pub end: usize,
}

impl Span {
    pub fn min_s(&self) -> u64 {
        self.min_ms / 1_000
    }

    pub fn max_s(&self) -> u64 {
        self.max_ms.div_ceil(1_000)
    }
}

/// Parses one exact duration (`60m`, `2m30s`, `1h 5m`, `200ms`, `7 days`, `90` = seconds) into
/// milliseconds. `None` where anything else stands in the text.
pub fn parse_ms(text: &str) -> Option<u64> {
    let text = text.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse::<u64>().ok()?.checked_mul(1_000);
    }
    let mut rest = text;
    let mut total: u64 = 0;
    let mut parts = 0;
    while !rest.is_empty() {
        let (value, after) = number(rest)?;
        let after = after.trim_start();
        let length = after
            .find(|character: char| !character.is_ascii_alphabetic())
            .unwrap_or(after.len());
        let unit = unit_ms(&after[..length].to_ascii_lowercase())?;
        total = total.checked_add(scale(value, unit)?)?;
        parts += 1;
        rest = after[length..].trim_start();
    }
    (parts > 0).then_some(total)
}

/// Parses one exact duration into whole seconds, rounded up.
pub fn parse_s(text: &str) -> Option<u64> {
    parse_ms(text).map(|ms| ms.div_ceil(1_000))
}

/// Finds the first duration or range of durations in prose: `5-15 minutes`, `~2h`, `a week`,
/// `less than 5 minutes` (from 0), `under an hour`.
pub fn find(text: &str) -> Option<Span> {
    let bytes = text.as_bytes();
    let mut index = 0;
    let mut inside_word = false;
    while index < bytes.len() {
        let byte = bytes[index];
        let starts_word = !inside_word;
        inside_word = byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80;
        if !starts_word || !inside_word {
            index += 1;
            continue;
        }
        if byte.is_ascii_digit() {
            let preceding = index.checked_sub(1).map(|before| bytes[before]);
            let fraction = matches!(preceding, Some(b'.' | b':' | b'/'));
            if !fraction && let Some(mut span) = range_at(&text[index..]) {
                let end = index + span.end;
                let bounded = text[..index].trim_end();
                if bounded.ends_with('<')
                    || ends_with_word(bounded, "under")
                    || ends_with_word(bounded, "within")
                    || ends_with_word(bounded, "less than")
                    || ends_with_word(bounded, "up to")
                {
                    span.min_ms = 0;
                }
                return Some(Span {
                    start: index,
                    end,
                    ..span
                });
            }
        } else if let Some(span) = article_at(&text[index..]) {
            return Some(Span {
                start: index,
                end: index + span.end,
                ..span
            });
        }
        index += 1;
    }
    None
}

fn ends_with_word(text: &str, word: &str) -> bool {
    text.len() >= word.len()
        && text.is_char_boundary(text.len() - word.len())
        && text[text.len() - word.len()..].eq_ignore_ascii_case(word)
}

/// `an hour`, `one week`, `first hour`.
fn article_at(text: &str) -> Option<Span> {
    let mut words = text.split_ascii_whitespace();
    let article = words.next()?.to_ascii_lowercase();
    let count: f64 = match article.as_str() {
        "a" | "an" | "one" | "first" => 1.0,
        "two" => 2.0,
        "three" => 3.0,
        "half" => {
            let after = text.get(4..)?.trim_start();
            let after = after.strip_prefix("an ").or(after.strip_prefix("a "))?;
            let word = leading_word(after);
            let unit = unit_ms(&word.to_ascii_lowercase())?;
            let end = text.len() - after.len() + word.len();
            return Some(exact(scale(0.5, unit)?, end));
        }
        _ => return None,
    };
    let after = text.get(article.len()..)?;
    let trimmed = after.trim_start();
    let word = leading_word(trimmed);
    if word.len() < 3 {
        return None;
    }
    let unit = unit_ms(&word.to_ascii_lowercase())?;
    let end = text.len() - trimmed.len() + word.len();
    Some(exact(scale(count, unit)?, end))
}

fn exact(ms: u64, end: usize) -> Span {
    Span {
        min_ms: ms,
        max_ms: ms,
        start: 0,
        end,
    }
}

fn leading_word(text: &str) -> &str {
    let length = text
        .find(|character: char| !character.is_ascii_alphabetic())
        .unwrap_or(text.len());
    &text[..length]
}

/// A range or compound duration at the start of `text`.
fn range_at(text: &str) -> Option<Span> {
    let (first, rest) = number(text)?;
    let rest_trimmed = rest.trim_start_matches([' ', '\u{a0}', '+']);
    // `5-15 minutes`, `5 to 15 minutes`, `30m - 1h`
    if let Some((second, after)) = range_end(rest_trimmed) {
        let (unit, length) = unit_at(after)?;
        let end = text.len() - after.len() + length;
        return Some(ordered(scale(first, unit)?, scale(second, unit)?, end));
    }
    let (unit, length) = unit_at(rest_trimmed)?;
    let mut end = text.len() - rest_trimmed.len() + length;
    let mut low = scale(first, unit)?;
    // `2m30s`, `1h 30m`
    while let Some((value, after)) = number(text[end..].trim_start_matches(' ')) {
        let Some((next_unit, next_length)) = unit_at(after) else {
            break;
        };
        if next_unit >= unit {
            break;
        }
        low = low.checked_add(scale(value, next_unit)?)?;
        end = text.len() - after.len() + next_length;
    }
    if let Some((second, after)) = range_end(text[end..].trim_start_matches(' '))
        && let Some((second_unit, second_length)) = unit_at(after)
    {
        let end = text.len() - after.len() + second_length;
        return Some(ordered(low, scale(second, second_unit)?, end));
    }
    Some(exact(low, end))
}

fn ordered(first: u64, second: u64, end: usize) -> Span {
    Span {
        min_ms: first.min(second),
        max_ms: first.max(second),
        start: 0,
        end,
    }
}

/// `-15`, `– 15`, `to 15`: the second number of a range.
fn range_end(text: &str) -> Option<(f64, &str)> {
    let rest = text
        .strip_prefix(['-', '–', '—', '~'])
        .or_else(|| text.strip_prefix("to "))?;
    number(rest.trim_start())
}

/// The unit at the start of `text` (after blanks and a hyphen) and how many bytes it takes.
fn unit_at(text: &str) -> Option<(u64, usize)> {
    let trimmed = text.trim_start_matches([' ', '\u{a0}', '-', '+']);
    let word = leading_word(trimmed);
    let next = trimmed[word.len()..].chars().next();
    if word.is_empty() || next.is_some_and(|character| character == '_') {
        return None;
    }
    // `m` for minutes only where it is small: `10M rows` and `5 M` are no times.
    if word == "M" || word == "D" || word == "S" || word == "W" || word == "H" {
        return None;
    }
    let unit = unit_ms(&word.to_ascii_lowercase())?;
    Some((unit, text.len() - trimmed.len() + word.len()))
}

fn number(text: &str) -> Option<(f64, &str)> {
    let length = text
        .find(|character: char| !(character.is_ascii_digit() || character == '.'))
        .unwrap_or(text.len());
    let digits = text[..length].trim_end_matches('.');
    if digits.is_empty() || digits.len() > 12 {
        return None;
    }
    Some((digits.parse().ok()?, &text[digits.len()..]))
}

fn scale(value: f64, unit: u64) -> Option<u64> {
    // A century is more than any guide means; larger numbers are no durations.
    const LIMIT_MS: f64 = 3.2e12;
    let product = value * unit as f64;
    (product.is_finite() && (0.0..=LIMIT_MS).contains(&product)).then_some(product.round() as u64)
}

/// Writes whole seconds in at most two units: `45s`, `5m`, `2m 30s`, `1h 5m`, `7d`.
pub fn format_s(seconds: u64) -> String {
    const UNITS: [(u64, &str); 4] = [(86_400, "d"), (3_600, "h"), (60, "m"), (1, "s")];
    let mut rest = seconds;
    let mut words = Vec::new();
    for (size, name) in UNITS {
        let count = rest / size;
        rest %= size;
        if count > 0 {
            words.push(format!("{count}{name}"));
        } else if !words.is_empty() {
            break;
        }
        if words.len() == 2 {
            break;
        }
    }
    if words.is_empty() {
        return "0s".to_owned();
    }
    words.join(" ")
}

/// Writes milliseconds: `200ms`, `1.5s`, then as [`format_s`].
pub fn format_ms(ms: u64) -> String {
    if ms < 1_000 {
        format!("{ms}ms")
    } else if ms < 10_000 && !ms.is_multiple_of(1_000) {
        format!("{:.1}s", ms as f64 / 1_000.0)
    } else {
        format_s(ms / 1_000)
    }
}

/// Writes a range of seconds: `5m` or `5m-15m`.
pub fn format_range_s(min_s: u64, max_s: u64) -> String {
    if min_s == max_s {
        format_s(min_s)
    } else {
        format!("{}-{}", format_s(min_s), format_s(max_s))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(text: &str) -> Option<(u64, u64)> {
        find(text).map(|span| (span.min_s(), span.max_s()))
    }

    #[test]
    fn exact_durations_of_attributes_and_configuration() {
        assert_eq!(parse_ms("200ms"), Some(200));
        assert_eq!(parse_ms("2m30s"), Some(150_000));
        assert_eq!(parse_ms("1h 5m"), Some(3_900_000));
        assert_eq!(parse_s("60m"), Some(3_600));
        assert_eq!(parse_s("7 days"), Some(604_800));
        assert_eq!(parse_s("90"), Some(90));
        assert_eq!(parse_s("1.5h"), Some(5_400));
        for wrong in ["", "m", "5 parsecs", "5m later", "-5m", "99999999999999d"] {
            assert_eq!(parse_ms(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn ranges_in_prose() {
        assert_eq!(
            seconds("**Estimated Time**: 5-15 minutes (by volume)"),
            Some((300, 900))
        );
        assert_eq!(seconds("~15 min"), Some((900, 900)));
        assert_eq!(seconds("Ongoing (24-48 hours)"), Some((86_400, 172_800)));
        assert_eq!(seconds("5 – 10 mins"), Some((300, 600)));
        assert_eq!(seconds("30m to 1h"), Some((1_800, 3_600)));
        assert_eq!(seconds("<5 minutes if needed"), Some((0, 300)));
        assert_eq!(seconds("24-hour watch"), Some((86_400, 86_400)));
        assert_eq!(seconds("the first hour"), Some((3_600, 3_600)));
        assert_eq!(seconds("for 1 week"), Some((604_800, 604_800)));
        assert_eq!(seconds("half an hour"), Some((1_800, 1_800)));
        assert_eq!(seconds("version 12.5, 10M rows, 3 phases"), None);
        assert_eq!(seconds("loads in 450ms"), Some((0, 1)));
    }

    #[test]
    fn written_in_two_units_at_most() {
        assert_eq!(format_s(0), "0s");
        assert_eq!(format_s(150), "2m 30s");
        assert_eq!(format_s(3_600), "1h");
        assert_eq!(format_s(604_800), "7d");
        assert_eq!(format_ms(200), "200ms");
        assert_eq!(format_ms(1_500), "1.5s");
        assert_eq!(format_range_s(300, 900), "5m-15m");
    }
}
