//! Times in a guide: how long a phase takes, what must be waited for, and how long a watch lasts.
//! An estimate is only displayed; a wait is a gate; a watch over criteria is a soak.

use std::sync::LazyLock;

use regex::Regex;

use super::model::Estimate;
use super::pattern::pattern;
use super::words;
use crate::text::duration;

/// `**Estimated Time**: 5-10 minutes`, `Duration: ~2h`, `# Time: 2 minutes`.
pub(super) fn estimate_in(text: &str) -> Option<Estimate> {
    let found = pattern!(
        r"(?im)(?:^|[\s#*|-])(?:estimated\s+(?:total\s+)?(?:time|duration)|est\.?\s*(?:time)?|expected\s+(?:time|duration)|duration|time(?:\s+(?:required|needed|estimate))?|(?:rollback|recovery|deployment|total)\s+time|takes|eta|dauer|durée)\s*(?:required)?\**\s*[:=]?\**\s*:?\s*\**\s*([^\n]{1,80})"
    )
    .captures(text)?;
    let rest = &found[1];
    let span = duration::find(rest)?;
    // The time has to be what the label is about, not something later in the sentence.
    let before = &rest[..span.start];
    if before.len() > 30 || before.contains('.') {
        return None;
    }
    Some(estimate(&span))
}

/// `Phase 2: Deploy (5-10 min)` or `(~30 minutes)`.
pub(super) fn estimate_of_title(title: &str) -> Option<Estimate> {
    if !title.contains(['(', '[']) || soak_in(title).is_some() {
        return None;
    }
    let found = pattern!(r"[(\[]([^()\[\]]{1,60})[)\]]").captures_iter(title);
    found
        .filter(|found| {
            !pattern!(r"(?i)day \d|week \d|first|after|within|wait|every").is_match(&found[1])
        })
        .find_map(|found| duration::find(&found[1]))
        .map(|span| estimate(&span))
}

/// An attribute's value: `5-15m`.
pub(super) fn estimate_value(value: &str) -> Option<Estimate> {
    duration::find(value).map(|span| estimate(&span))
}

fn estimate(span: &duration::Span) -> Estimate {
    Estimate {
        min_s: span.min_s(),
        max_s: span.max_s(),
    }
}

/// Seconds that the text says must pass: `WAIT 7 DAYS`, `wait 10 minutes before`, `after 30 days`.
/// Short pauses inside prose count as well: a person has to keep them.
pub(super) fn wait_in(text: &str) -> Option<u64> {
    // Most sentences name no time at all.
    if !pattern!(r"(?i)\d|\b(?:an?|one|two|three)\b").is_match(text) {
        return None;
    }
    let text = &in_english(text);
    let found = pattern!(
        r"(?i)\b(?:wait(?:\s+(?:at\s+least|for|another|about|up\s+to))*|after(?:\s+at\s+least)?|warten|attendre)\s+(?:[~≈*]*)((?:a|an|one|two|three|\d+(?:\.\d+)?)\s*(?:[-–]|to)?\s*\d*\s*\+?[\s-]*(?:ms|s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?|weeks?|months?))\b"
    )
    .captures(text)?;
    let span = duration::find(&found[1])?;
    (span.max_s() > 0).then(|| span.max_s())
}

/// Whether a sentence with a wait makes what comes after it wait (`Wait 10 minutes`, `**WAIT 7 DAYS**`,
/// `After 2 hours:`, `Remove the dumps (after 30 days)`), or only tells of time (`it is up after 5
/// minutes`, `if it is not back after 5 minutes`).
pub(super) fn holds(text: &str) -> bool {
    let text =
        text.trim_start_matches(|character: char| !character.is_alphanumeric() && character != '(');
    let text = text.trim_start_matches(|character: char| {
        character.is_ascii_digit() || matches!(character, '.' | ')' | ' ')
    });
    pattern!(
        r"(?i)^(?:(?:then|now|please|next)\b[,:]?\s*)?(?:wait|pause|hold off|warten|warte|attendre|attendez|esperar|espere|aspettare)\b|^after\b[^.]{0,80}:\W*$|\((?:wait|after|warten|nach)\b[^()]*\)\W*$"
    )
    .is_match(text)
}

/// How long a watch named in a title or a label lasts: `Monitoring (24 hours)`, `first 15 minutes`. A range
/// gives its longer end.
pub(super) fn soak_in(text: &str) -> Option<u64> {
    let text = in_english(text);
    let names_one = words::says("watched", &text) || pattern!(r"\bfirst\b").is_match(&text);
    names_one.then(|| window(&text)).flatten()
}

/// A time in the title of a part of a watch (`4. Performance (24 hours)`, `Long-term (month 1)`): it needs
/// no more words.
pub(super) fn window_in_title(title: &str) -> Option<u64> {
    let title = in_english(title);
    window(&title).or_else(|| nth(&title))
}

/// A label that is a window and nothing else: `**First hour:**`, `4 hours`, `Week 1`.
pub(super) fn window_of_label(label: &str) -> Option<u64> {
    let label = in_english(label);
    let is_bare = |rest: &str| {
        let rest = words::remove("window-word", rest);
        !rest.contains(char::is_alphanumeric)
    };
    match duration::find(&label) {
        Some(span) => {
            let rest = format!("{} {}", &label[..span.start], &label[span.end..]);
            is_bare(&rest).then(|| window(&label)).flatten()
        }
        None => {
            let found = pattern!(NTH).find(&label)?;
            let rest = format!("{} {}", &label[..found.start()], &label[found.end()..]);
            is_bare(&rest).then(|| nth(&label)).flatten()
        }
    }
}

/// How often something is done: `every 4 hours`, `every hour`, `each day`.
pub(super) fn interval_in(text: &str) -> Option<u64> {
    let text = in_english(text);
    let found = pattern!(r"\b(?:every|each)\s+(.+)").captures(&text)?;
    let span = duration::find(&found[1]).or_else(|| duration::find(&format!("1 {}", &found[1])))?;
    (span.max_s() > 0).then(|| span.max_s())
}

/// How long a sentence says that something is watched: `Run for 1 week with …`, `Ongoing (24-48 hours)`.
pub(super) fn watched_for(text: &str) -> Option<u64> {
    let text = in_english(text);
    let says = pattern!(r"\b(run|monitor|observe|watch|soak|keep)\b[^.]*\bfor\b").is_match(&text)
        || words::says("ongoing", &text);
    let span = duration::find(&text).filter(|_| says)?;
    (span.max_s() >= 60).then(|| span.max_s())
}

/// A time that something lasts, and not one within which, after which or how often it happens.
fn window(text: &str) -> Option<u64> {
    let span = duration::find(text)?;
    let before = text[..span.start].trim_end();
    if pattern!(r"(within|every|last|past|before|<|>|after|per|each|under|than|in)$")
        .is_match(before)
    {
        return None;
    }
    // Latencies are no observation windows.
    (span.max_s() >= 60).then(|| span.max_s())
}

/// `Day 1`, `Week 2`: to the end of it.
const NTH: &str = r"\b(day|week|month|hour)s?\s+(\d{1,3})\b";

fn nth(text: &str) -> Option<u64> {
    let found = pattern!(NTH).captures(text)?;
    duration::find(&format!("{} {}s", &found[2], &found[1])).map(|span| span.max_s())
}

/// A text in lower case, its units of time and what is said of them in English.
fn in_english(text: &str) -> String {
    const WORDS: words::Replaced<8> = [
        ("time-first", " first "),
        ("time-after", " after "),
        ("time-wait", " wait "),
        ("unit-minute", " minutes"),
        ("unit-hour", " hours"),
        ("unit-day", " days"),
        ("unit-week", " weeks"),
        ("unit-month", " months"),
    ];
    static OTHER_LANGUAGES: LazyLock<Regex> = LazyLock::new(|| words::any_of(&WORDS));
    // A number stands for itself, whatever is written around it without a blank.
    let mut spaced = String::new();
    let mut before = ' ';
    for letter in text.to_lowercase().chars() {
        let meets = |one: char, other: char| !one.is_ascii() && other.is_ascii_digit();
        if meets(before, letter) || meets(letter, before) {
            spaced.push(' ');
        }
        spaced.push(letter);
        before = letter;
    }
    let spaced = words::bare(&spaced);
    // Most texts have no word of them.
    match OTHER_LANGUAGES.is_match(&spaced) {
        true => WORDS.iter().fold(spaced, |text, (question, english)| {
            words::replace(question, &text, english)
        }),
        false => spaced,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn estimates_have_a_label() {
        let range = |min_s, max_s| Some(Estimate { min_s, max_s });
        assert_eq!(
            estimate_in("**Estimated Time**: 5-15 minutes (by volume)"),
            range(300, 900)
        );
        assert_eq!(
            estimate_in("**Duration**: 2-4 hours\n**Risk**: low"),
            range(7_200, 14_400)
        );
        assert_eq!(estimate_in("# Time: ~2 minutes"), range(120, 120));
        assert_eq!(estimate_in("Rollback Time: <5 minutes"), range(0, 300));
        assert_eq!(estimate_in("It was tested for 5 minutes"), None);
        assert_eq!(
            estimate_of_title("Phase 2: Copy (5-10 min)"),
            range(300, 600)
        );
        assert_eq!(estimate_of_title("Phase 1: Create (Day 1-2)"), None);
    }

    #[test]
    fn waits_and_watches() {
        assert_eq!(wait_in("**WAIT 7 DAYS** after success"), Some(604_800));
        assert_eq!(wait_in("Remove old files (after 30 days)"), Some(2_592_000));
        assert_eq!(wait_in("wait for 10 minutes"), Some(600));
        assert_eq!(wait_in("wait until green"), None);
        for held in [
            "**WAIT 7 DAYS** after success",
            "3. Then wait 10 minutes",
            "After 2 hours of quiet:",
            "# 3. Remove the dumps (after 30 days)",
        ] {
            assert!(holds(held), "{held}");
        }
        for told in [
            "It is up after 5 minutes.",
            "If it is not back after 5 minutes, go back.",
            "After 5 minutes the cache is warm.",
        ] {
            assert!(!holds(told), "{told}");
        }
        assert_eq!(
            soak_in("Post-Deployment Monitoring (24 Hours)"),
            Some(86_400)
        );
        assert_eq!(
            soak_in("1. Application Health (First 15 Minutes)"),
            Some(900)
        );
        assert_eq!(soak_in("Immediate Checks (within 5 minutes)"), None);
        assert_eq!(soak_in("Deploy (15 minutes)"), None);
    }

    #[test]
    fn windows_as_they_are_written() {
        const HOUR: u64 = 3_600;
        const DAY: u64 = 24 * HOUR;
        for (title, window_s) in [
            ("Monitoring (24 hours)", DAY),
            ("Observe the first hour", HOUR),
            ("Database health (first 30 minutes)", 1_800),
            ("Ongoing watch, 24-48 hours", 2 * DAY),
            ("Überwachung (24 Stunden)", DAY),
            ("Erste 15 Minuten", 900),
            ("Surveillance (2 heures)", 2 * HOUR),
            ("Мониторинг (3 дня)", 3 * DAY),
            ("监控（24小时）", DAY),
            ("監視 (2時間)", 2 * HOUR),
        ] {
            assert_eq!(soak_in(title), Some(window_s), "{title}");
        }
        for (label, window_s) in [
            ("**First 15 minutes:**", 900),
            ("First hour", HOUR),
            ("4 hours:", 4 * HOUR),
            ("Week 1", 7 * DAY),
            ("**Day 2**", 2 * DAY),
            ("Ongoing (24-48 hours)", 2 * DAY),
            ("Erste Stunde:", HOUR),
            ("Woche 1", 7 * DAY),
        ] {
            assert_eq!(window_of_label(label), Some(window_s), "{label}");
        }
        for no_window in [
            "Restart takes 5 minutes:",
            "Every 15 minutes:",
            "Within 5 minutes:",
            "Check day 3 of the import:",
            "Notes:",
        ] {
            assert_eq!(window_of_label(no_window), None, "{no_window}");
        }
        assert_eq!(window_in_title("Long-term (Month 1)"), Some(30 * DAY));
        assert_eq!(
            watched_for("Run for 1 week with the new schema"),
            Some(7 * DAY)
        );
        assert_eq!(watched_for("Run it again."), None);
        assert_eq!(wait_in("Warten Sie 10 Minuten"), None);
        assert_eq!(wait_in("10 Minuten"), None);
        assert_eq!(wait_in("Nach 7 Tagen"), Some(7 * DAY));
        assert_eq!(wait_in("Attendre 2 heures"), Some(2 * HOUR));
        assert_eq!(wait_in("等待 10 分钟"), Some(600));
    }
}
