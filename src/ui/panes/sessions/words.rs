//! What a session waits for, in words.

use crate::monitor::Session;

/// What a session waits for, with the table where that is known: `lock on items`.
pub fn waits_for(session: &Session) -> String {
    match session
        .awaits
        .as_ref()
        .and_then(|lock| lock.relation.as_deref())
    {
        Some(relation) => format!("lock on {relation}"),
        None => session.wait.as_deref().map(wait_words).unwrap_or_default(),
    }
}

/// `Lock: relation` as one would say it. What has no words of its own stays as the server names it.
pub fn wait_words(wait: &str) -> String {
    let Some((kind, event)) = wait.split_once(": ") else {
        return wait.to_owned();
    };
    match (kind, event) {
        ("Lock", "relation") => "a table lock".to_owned(),
        ("Lock", "transactionid" | "tuple") => "a row lock".to_owned(),
        ("Lock", "virtualxid") => "an old snapshot".to_owned(),
        ("Lock", "advisory") => "an advisory lock".to_owned(),
        ("Lock", event) => format!("a lock: {event}"),
        ("Client", "ClientRead") => "its client".to_owned(),
        ("Client", "ClientWrite") => "its client to read".to_owned(),
        ("IO", event) => format!("disk: {event}"),
        ("LWLock", event) => format!("inside: {event}"),
        ("Timeout", event) => format!("a timer: {event}"),
        ("IPC", event) => format!("a process: {event}"),
        ("BufferPin", _) => "a page in use".to_owned(),
        _ => wait.to_owned(),
    }
}
