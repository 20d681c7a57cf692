//! Events on their way out of SQLite: a stretch of them at once as one value, because handing over row by
//! row costs more than all that is done with them. In it stands for each event a line of numbers (its
//! own, and how many bytes each column has), then its columns.

use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use crate::journal::chain::Seen;

/// Events in a stretch.
pub(super) const EVENTS: i64 = 64;

/// Stretch by stretch from an event on (`?1`), as long as the next begins with the event that is due; and
/// at the end the numbers of the last event, as the file has noted it and as it is there.
pub(super) const STRETCHES: &str = "
    WITH RECURSIVE stretch(after) AS (
        SELECT ?1
        UNION ALL
        SELECT after + ?2 FROM stretch
        WHERE EXISTS (SELECT 1 FROM events WHERE seq = after + ?2 + 1)
    )
    SELECT (
        SELECT CAST(group_concat(concat(
            format('%d %d %d %d %d %d;', seq, octet_length(at), octet_length(by), octet_length(kind),
                octet_length(body), octet_length(hash)),
            at, by, kind, body, hash), '') AS BLOB)
        FROM events WHERE seq > after AND seq <= after + ?2
    ), NULL, NULL FROM stretch
    UNION ALL
    SELECT NULL, value, (SELECT coalesce(max(seq), 0) FROM events) FROM meta WHERE key = 'head'";

/// The same event by event, for a file in which something is wrong.
pub(super) const ROWS: &str =
    "SELECT seq, at, by, kind, body, hash FROM events WHERE seq > ? ORDER BY seq";

/// The next event of a stretch, which is left with what comes after it; `None` where the stretch does not
/// go on with one.
pub(super) fn next<'a>(stretch: &mut &'a [u8]) -> Option<Seen<'a>> {
    let end = stretch.iter().position(|byte| *byte == b';')?;
    let (numbers, mut rest) = (&stretch[..end], &stretch[end + 1..]);
    let mut numbers = std::str::from_utf8(numbers).ok()?.split(' ');
    let seq = numbers.next()?.parse().ok()?;
    let mut column = || {
        let (column, after) = rest.split_at_checked(numbers.next()?.parse().ok()?)?;
        rest = after;
        Some(column)
    };
    let seen = Seen {
        seq,
        at: column()?,
        by: column()?,
        kind: column()?,
        body: column()?,
        hash: column()?,
    };
    *stretch = rest;
    Some(seen)
}

/// A stretch of one event.
pub(super) fn of_row(row: &SqliteRow) -> Result<Vec<u8>, sqlx::Error> {
    let text = |index: usize| row.try_get::<String, _>(index);
    let (seq, hash): (i64, Vec<u8>) = (row.try_get(0)?, row.try_get(5)?);
    let columns = [text(1)?, text(2)?, text(3)?, text(4)?];
    let lengths: Vec<String> = columns.iter().map(|text| text.len().to_string()).collect();
    let mut stretch = format!("{seq} {} {};", lengths.join(" "), hash.len()).into_bytes();
    for column in &columns {
        stretch.extend_from_slice(column.as_bytes());
    }
    stretch.extend_from_slice(&hash);
    Ok(stretch)
}
