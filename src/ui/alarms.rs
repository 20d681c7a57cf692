//! The alarms of what is watched, as they stand now: the words of the newest readings, and who has seen each.

use super::held::held;
use super::intent::Intent;
use super::keys::key;
use super::model::Model;
use super::view::Look;
use crate::monitor::{Alarm, AlarmSubject, Gravity, Sample, alarms_of, of_database, of_sessions};
use crate::run::{AlarmSeen, WINDOW};

/// An alarm, and whether somebody has said what it means.
pub struct Standing<'a> {
    pub alarm: Alarm,
    pub seen: Option<&'a AlarmSeen>,
}

/// All of them, those that nobody has seen first, and of these the gravest.
pub fn standing(model: &Model) -> Vec<Standing<'_>> {
    let sessions = model
        .activity
        .values()
        .flat_map(|activity| of_sessions(&activity.sample, &activity.tree, model.now));
    let probes = model.probes.values().filter_map(|probe| probe.last());
    let probes = probes
        .filter(|last| !last.healthy)
        .flat_map(|last| alarms_of(&Sample::Probe(last.clone()), model.now));
    let servers = model.database.values();
    let servers = servers.flat_map(|counted| of_database(&counted.sample));
    // A held transaction has a row of its own, with its own keys.
    let is_held = held(model).is_some();
    let is_ours = |alarm: &Alarm| matches!(alarm.subject, AlarmSubject::Session { ours: true, .. });
    let of_window = model.run.open_alarms_of(WINDOW).filter_map(|key| {
        Some(Alarm {
            key: key.to_owned(),
            gravity: Gravity::Stops,
            text: model.run.open_alarm(key)?.text.clone(),
            subject: AlarmSubject::Window,
        })
    });
    let mut standing: Vec<Standing<'_>> = of_window
        .chain(sessions)
        .chain(probes)
        .chain(servers)
        .filter(|alarm| !(is_held && is_ours(alarm)))
        .map(|alarm| Standing {
            seen: model
                .run
                .open_alarm(&alarm.key)
                .and_then(|open| open.seen.as_ref()),
            alarm,
        })
        .collect();
    standing.sort_by_key(|one| (one.seen.is_some(), one.alarm.gravity));
    standing
}

/// The row that tells the worst of them, with the key that helps; `None` where each was seen or nothing
/// is wrong.
pub fn row(look: &Look<'_>) -> Option<String> {
    let standing = standing(look.model);
    let unseen = standing.iter().filter(|one| one.seen.is_none()).count();
    let worst = standing.first().filter(|one| one.seen.is_none())?;
    let count = match unseen {
        1 => String::new(),
        more => format!(" 1 of {more}"),
    };
    let list = format!("{} lists", key(look, Intent::ListAlarms));
    let keys: Vec<String> = [Some(list), helps(&worst.alarm, look)]
        .into_iter()
        .flatten()
        .collect();
    // What to do stands first: the rest may be of any length.
    Some(format!(
        "ALARM{count} ({}): {}",
        keys.join(", "),
        worst.alarm.text
    ))
}

/// The key that helps against it.
pub fn helps(alarm: &Alarm, look: &Look<'_>) -> Option<String> {
    match &alarm.subject {
        AlarmSubject::Session { ours: true, .. } => {
            Some(format!("{} cancels ours", key(look, Intent::AskCancel)))
        }
        AlarmSubject::Session { pid, .. } => {
            Some(format!("{} ends {pid}", key(look, Intent::EndBlocker)))
        }
        AlarmSubject::Window => Some(format!(
            "{} is the rollback, or say in the list why you go on",
            key(look, Intent::AskRollBack)
        )),
        AlarmSubject::Target(_) | AlarmSubject::Server(_) | AlarmSubject::Probe(_) => None,
    }
}

/// The session of others at the root of the worst blocking: its target and pid.
pub fn blocker(model: &Model) -> Option<(String, i32)> {
    standing(model)
        .into_iter()
        .find_map(|one| match one.alarm.subject {
            AlarmSubject::Session {
                target,
                pid,
                ours: false,
            } => Some((target, pid)),
            _ => None,
        })
}
