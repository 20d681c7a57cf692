//! The `status --json` document. Scripts depend on its shape.

use serde_json::{Value, json};

use super::{mode_word, step_word};
use crate::run::{
    ActionId, Alert, Attempt, ByPerson, Flag, Proof, RollbackPlan, RunState, SoakState, Timestamp,
    World, action_title, plans_in_the_world, schedule,
};
use crate::runbook::{Soak, Step, Undoes};

/// What the state alone does not know.
#[derive(Clone, Debug)]
pub struct Surroundings {
    pub supervisor_pid: Option<u32>,
    pub supervisor_alive: bool,
    pub observers: Vec<String>,
    /// What is seen of the world; nothing where nobody looks.
    pub world: World,
    pub events: u64,
    /// Hash of the newest link of the journal's chain.
    pub head: String,
    pub intact: bool,
    pub now: Timestamp,
}

/// Where a run stands; times are RFC 3339 UTC.
pub fn status(state: &RunState, surroundings: &Surroundings) -> Value {
    let plans = plans_in_the_world(state, surroundings.world.readiness.as_ref());
    let schedule = schedule(state, &plans, surroundings.now);
    let window = schedule
        .window_ends
        .map(|ends| json!({ "ends": time(ends), "turn_back": schedule.turn_back.map(time) }));
    let walk = state.runbook.walk().flat_map(|phase| {
        phase
            .steps
            .iter()
            .map(move |step| (phase.id.as_str(), step))
    });
    let rollback_texts = state.runbook.rollback.iter().flat_map(|option| {
        let own = option.steps.iter().filter(|step| !step.is_repeated);
        own.map(move |step| (option.id.as_str(), step))
    });
    let steps: Vec<Value> = walk
        .chain(rollback_texts)
        .map(|(phase, step)| step_document(state, phase, step))
        .collect();
    let ran = |action: &ActionId| {
        let own = state.action(*action);
        own.is_some_and(|own| !own.attempts.is_empty())
    };
    let beside: Vec<Value> = state
        .runbook
        .beside()
        .filter(|step| state.actions_of(step).iter().any(ran))
        .map(|step| step_document(state, "", step))
        .collect();
    let rollback = plans
        .first()
        .map(|plan| rollback_document(plan, surroundings));
    let watches: Vec<Value> = state
        .watches()
        .into_iter()
        .filter_map(|action| Some((action, state.action(action)?.last()?)))
        .map(|(action, attempt)| watch_document(state, action, attempt))
        .collect();
    json!({
        "run": state.run,
        "guide": state.runbook.file,
        "digest": state.runbook.digest,
        "environment": state.environment,
        "state": mode_word(state),
        "waits": waits(state, surroundings.now),
        "open": state.open_points(),
        "soaks": soaks(state, surroundings.now),
        "supervisor": { "pid": surroundings.supervisor_pid, "alive": surroundings.supervisor_alive },
        "driver": state.driver,
        "observers": surroundings.observers,
        "window": window,
        "flags": state.flag_places(),
        "steps": steps,
        "rollback": rollback,
        "rolled_back_by": state.rolled_back_by().map(|option| json!({
            "option": option.id,
            "title": option.title,
            "verified": matches!(state.rollback_proof(), Some(Proof::Verified(_))),
            "proof": state.rollback_proof().map(|proof| proof.words()),
            "takes_back": match &option.undoes {
                Undoes::All => json!("all"),
                Undoes::Backup => json!("backup"),
                Undoes::These(ids) => json!(ids),
                Undoes::Unsaid => Value::Null,
            },
        })),
        "targets": state.targets.iter().map(|(name, address)| target_document(state, name, address)).collect::<Vec<Value>>(),
        "beside": beside,
        "written": written(state),
        "watches": watches,
        "alerts": alerts(state),
        "red_flags": state.flags().iter().map(flag_document).collect::<Vec<Value>>(),
        "rehearsal": rehearsal(state),
        "promoted_from": state.provenance.promoted.as_ref().map(|promotion| json!({
            "run": promotion.from.run,
            "environment": promotion.from.environment,
            "verdict": promotion.from.verdict,
            "guide_changed": promotion.guide_changed,
            "differences": promotion.differences,
        })),
        "journal": {
            "events": surroundings.events,
            "head": surroundings.head,
            "intact": surroundings.intact,
        },
    })
}

/// What is known of rehearsals, for a protected environment.
fn rehearsal(state: &RunState) -> Option<Value> {
    let rehearsal = state.provenance.rehearsal.as_ref()?;
    let known = rehearsal.known();
    Some(json!({
        "good": rehearsal.is_good(),
        "says": rehearsal.describe(),
        "run": known.map(|known| &known.run),
        "environment": known.map(|known| &known.environment),
        "by": known.map(|known| &known.by),
        "began": known.map(|known| time(known.began)),
        "verdict": known.map(|known| known.verdict),
        "took_s": known.map(|known| known.took_s),
        "same_text": known.map(|known| known.digest == state.runbook.digest),
        "steps_s": known.map(|known| &known.steps),
    }))
}

/// What watches have seen, acknowledged or not.
fn alerts(state: &RunState) -> Vec<Value> {
    let document = |alert: &Alert| {
        json!({
            "id": alert.id,
            "phase": alert.phase,
            "action": alert.action,
            "pattern": alert.pattern,
            "line": alert.line,
            "text": alert.text,
            "count": alert.count,
            "first": time(alert.first_at),
            "last": time(alert.last_at),
            "acknowledged": alert.acknowledged.as_ref().map(|known| json!({
                "by": known.by, "at": time(known.at), "note": known.note,
            })),
        })
    };
    state.alerts.iter().map(document).collect()
}

/// A red flag that is up, as grave as the guide says.
fn flag_document(flag: &Flag) -> Value {
    let severity = flag.graded.as_ref().map(|graded| &graded.severity);
    json!({
        "text": flag.text,
        "phase": flag.phase,
        "since": time(flag.since),
        "alert": flag.alert,
        "severity": severity.map(|severity| &severity.label),
        "says": flag.severity_words(),
        "due": flag.due().map(time),
        "rolls_back": flag.rolls_back(),
    })
}

/// A target, what it proved to be, and what answers now where that is another.
fn target_document(state: &RunState, name: &str, address: &str) -> Value {
    let moved = state.moved.get(name);
    json!({
        "name": name,
        "address": address,
        "identity": state.identities.get(name),
        "changed": moved.map(|moved| json!({
            "since": time(moved.since),
            "to": moved.to,
            "what": moved.what,
        })),
    })
}

fn watch_document(state: &RunState, action: ActionId, attempt: &Attempt) -> Value {
    let step = state.step_of(action);
    let word = match attempt.outcome {
        None => "watching",
        Some(_) if attempt.was_stopped() => "watched",
        Some(_) => "ended",
    };
    json!({
        "action": action,
        "title": step.map(|step| action_title(&state.runbook, step, action)),
        "step": step.map(|step| step.id.as_str()),
        "state": word,
        "attempts": attempt.number,
        "started": time(attempt.started_at),
        "ended": attempt.ended_at.map(time),
        "exit": attempt.evidence.as_ref().and_then(|evidence| evidence.exit),
    })
}

fn rollback_document(plan: &RollbackPlan, surroundings: &Surroundings) -> Value {
    json!({
        "recommended": plan.option,
        "ready": plan.ready,
        "reasons": plan
            .reasons
            .iter()
            .cloned()
            .chain(plan.out_of_reach(&surroundings.world.lost, surroundings.now))
            .collect::<Vec<String>>(),
        "estimate_s": plan.estimate_s,
        "loss": plan.loss.as_ref().map(|loss| json!({
            "since": loss.since.map(time),
            "rows": loss.tables.iter().cloned().collect::<std::collections::BTreeMap<String, i64>>(),
            "unknown": loss.unknown,
            "says": loss.words(),
        })),
        "found": plan.found.iter().map(|found| json!({ "state": found.state, "text": found.text })).collect::<Vec<Value>>(),
        "looked_at": plan.looked_at.map(time),
    })
}

/// Until when nothing can be done, and what for.
fn waits(state: &RunState, now: Timestamp) -> Option<Value> {
    let pause = state.pause(now)?;
    Some(json!({ "until": time(pause.until), "for": pause.what }))
}

/// The windows of the walk that have begun.
fn soaks(state: &RunState, now: Timestamp) -> Vec<Value> {
    let soaks = state.runbook.soaks.iter();
    let begun = soaks.filter_map(|soak| Some((soak, state.soaks.get(&soak.line)?)));
    let document = |(soak, own): (&Soak, &SoakState)| {
        json!({
            "line": soak.line,
            "title": soak.title,
            "phase": soak.phase,
            "began": time(own.began_at),
            "ends": time(own.ends_at),
            "ended": own.ended.as_ref().map(|end| json!({
                "at": time(end.at), "by": end.by, "reason": end.reason,
            })),
            "gaps": own.gaps.iter().map(|gap| json!({
                "from": time(gap.from), "to": time(gap.to),
            })).collect::<Vec<Value>>(),
            "checks": soak_checks(state, soak, now),
            "breaches": own.breaches.iter().flat_map(|(line, known)| known.iter().map(move |one| json!({
                "line": line, "from": time(one.from), "to": one.to.map(time), "found": one.found,
            }))).collect::<Vec<Value>>(),
        })
    };
    begun.map(document).collect()
}

/// The repeated checks of a window, with what they found.
fn soak_checks(state: &RunState, soak: &Soak, now: Timestamp) -> Vec<Value> {
    let Some(phase) = state.runbook.phase(&soak.phase) else {
        return Vec::new();
    };
    let checks = state.soak_checks(phase);
    let own = checks.filter(|(_, of, _)| of.line == soak.line);
    own.map(|(action, _, every_s)| {
        let (seen, most) = state.soak_rounds(action, soak, every_s, now);
        json!({
            "action": action,
            "every_s": every_s,
            "of": most,
            "rounds": seen.iter().map(|round| json!({
                "round": round.round, "at": time(round.at), "verdict": round.verdict, "found": round.found,
            })).collect::<Vec<Value>>(),
        })
    })
    .collect()
}

/// Commands that people wrote in this run.
fn written(state: &RunState) -> Vec<Value> {
    let document = |(action, written): (&ActionId, &ByPerson)| {
        json!({
            "action": action,
            "step": state.step_of(*action).map(|step| &step.id),
            "by": written.by,
            "at": time(written.at),
            "corrects": written.original.is_some(),
            "difference": state.difference(*action),
        })
    };
    state.written.iter().map(document).collect()
}

fn step_document(state: &RunState, phase: &str, step: &Step) -> Value {
    let attempts: Vec<&Attempt> = state
        .actions_of(step)
        .into_iter()
        .filter_map(|action| state.action(action))
        .flat_map(|action| &action.attempts)
        .collect();
    let own = state.steps.get(&step.id);
    let ticked = own.into_iter().flat_map(|own| own.ticks.values());
    let started = attempts
        .iter()
        .map(|attempt| attempt.started_at)
        .chain(ticked.clone().map(|tick| tick.at))
        .min();
    let ended = attempts
        .iter()
        .map(|attempt| attempt.ended_at)
        .chain(ticked.map(|tick| Some(tick.at)))
        .max()
        .flatten();
    let last = attempts.iter().max_by_key(|attempt| attempt.started_at);
    let evidence = last
        .and_then(|attempt| attempt.evidence.as_deref())
        .map(|evidence| {
            json!({
                "exit": evidence.exit,
                "value": evidence.value,
                "rows": evidence.rows.len(),
                "tag": evidence.tag,
                "status": evidence.status,
                "elapsed_ms": evidence.elapsed_ms,
                "lines": evidence.lines,
                "judgements": last.map(|attempt| &attempt.judgements),
                "reason": last.and_then(|attempt| attempt.reason.as_ref()),
            })
        });
    json!({
        "id": step.id,
        "title": step.title,
        "phase": phase,
        "outcome": step_word(state, step),
        "attempts": attempts.len(),
        "started": started.map(time),
        "ended": ended.map(time),
        "exit": last.and_then(|attempt| attempt.evidence.as_ref()).and_then(|evidence| evidence.exit),
        "evidence": evidence,
        "held": last.and_then(|attempt| attempt.held()).map(|hold| json!({
            "line": hold.line,
            "since": time(hold.since),
        })),
    })
}

pub(super) fn time(at: Timestamp) -> String {
    at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}
