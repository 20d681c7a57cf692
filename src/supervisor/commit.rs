//! Events become durable, are folded and published, and their effects started, in this order. Where
//! the journal cannot be written, no new action starts; what has happened, and the rollback, go on.

use super::core::Supervisor;
use crate::journal::{Journal, JournalError};
use crate::run::{Event, Mode, Record, Refusal, apply, effects};
use std::sync::Arc;

impl Supervisor {
    /// Makes events durable, folds and publishes them, and starts their effects.
    pub(super) async fn commit(&mut self, by: &str, events: Vec<Event>) -> Result<(), Refusal> {
        if events.is_empty() {
            return Ok(());
        }
        let now = self.clock.now();
        self.wrote_at = self.clock.up();
        let records: Vec<Record> = (self.state.seq + 1..)
            .zip(events)
            .map(|(seq, event)| Record {
                seq,
                at: now,
                by: by.to_owned(),
                event,
            })
            .collect();
        let mut batch = std::mem::take(&mut self.unsaved);
        batch.extend(records.iter().cloned());
        let goes_back = matches!(self.state.mode, Mode::RollingBack | Mode::Stuck)
            || matches!(records[0].event, Event::RollbackStarted { .. });
        let is_new = !goes_back && !records.iter().all(|record| is_fact(&record.event));
        let goes_on = records.iter().any(|record| {
            let event = &record.event;
            matches!(
                event,
                Event::ActionStarted { .. } | Event::GateDecided { .. }
            )
        });
        if goes_on
            && !goes_back
            && let Some(why) = &self.displaced
        {
            let refusal = Refusal::new(
                why,
                "nothing new starts except the rollback: `R`, or `gonogo rollback`",
            );
            batch.truncate(batch.len() - records.len());
            self.unsaved = batch;
            return Err(refusal);
        }
        let mut appended = self.journal.append(&batch).await;
        if goes_back && appended.is_err() && self.reserve.give_up() {
            tracing::warn!(
                "the journal cannot be written; the room kept for the rollback is given up"
            );
            appended = self.journal.append(&batch).await;
        }
        if let Err(error) = appended {
            let message = format!("the journal cannot be written: {error}");
            if self.health.failure.as_ref() != Some(&message) {
                tracing::error!("{message}");
            }
            if matches!(
                error,
                JournalError::Fenced { .. } | JournalError::Conflict { .. }
            ) {
                self.fenced = Some(message.clone());
            }
            // What has happened in the world has happened, and a rollback waits for nothing: these
            // go on unsaved and are written as soon as the journal takes them.
            let must_go_on = !is_new;
            batch.truncate(batch.len() - records.len());
            self.unsaved = batch;
            self.report_health(Some(message.clone()));
            if !must_go_on {
                return Err(Refusal::new(
                    message,
                    "free space or fix the disk; nothing new starts except the rollback: `R`, or `gonogo rollback`",
                ));
            }
            self.unsaved.extend(records.iter().cloned());
        } else if self.health.failure.is_some() && self.displaced.is_none() {
            self.report_health(None);
        }
        for record in records {
            apply(Arc::make_mut(&mut self.state), &record);
            let started = effects(&self.state, &record.event);
            match record.event {
                Event::ActionFinished { .. } => self.forget_files(),
                Event::RollbackStarted { ref option, .. } => {
                    self.reserve.free_for_rollback();
                    self.note_loss(option);
                }
                Event::RollbackFinished { .. }
                | Event::DeploymentFinished {}
                | Event::RunCompleted {}
                | Event::RunAbandoned { .. } => self.memory.keep_course(&self.state),
                _ => {}
            }
            self.notifier.happened(&self.state, &record);
            self.feed.publish_record(record);
            for effect in started {
                self.start(effect).await;
            }
        }
        Ok(())
    }

    /// Tries a failed journal again, so that the red word goes and what could not be written is
    /// written as soon as there is room, without waiting for anybody's next act.
    pub(super) async fn repair_journal(&mut self) {
        if self.health.failure.is_none() || self.displaced.is_some() {
            return;
        }
        let tried = match self.unsaved.is_empty() {
            true => self.journal.try_out().await,
            false => self.journal.append(&self.unsaved).await,
        };
        match tried {
            Ok(()) => {
                tracing::info!(
                    late = self.unsaved.len(),
                    "the journal can be written again"
                );
                self.unsaved.clear();
                self.reserve.take();
                self.report_health(None);
            }
            Err(error) => tracing::debug!(%error, "the journal cannot be written yet"),
        }
    }

    pub(super) fn report_secrets(&mut self) {
        self.health.secrets = self.secrets.states();
        self.feed.publish_health(self.health.clone());
    }

    pub(super) fn report_health(&mut self, failure: Option<String>) {
        self.health.failure = failure;
        self.health.displaced = self.displaced.is_some();
        self.feed.publish_health(self.health.clone());
    }
}

/// Things that have happened in the world, whether or not they can be written down.
fn is_fact(event: &Event) -> bool {
    matches!(
        event,
        Event::ActionLaunched { .. }
            | Event::ActionFinished { .. }
            | Event::Captured { .. }
            | Event::CancelRequested { .. }
            | Event::TransactionHeld { .. }
            | Event::TransactionEnded { commit: false, .. }
            | Event::KeyboardReturned { .. }
            | Event::TargetVerified { .. }
            | Event::TargetChanged { .. }
            | Event::AlertRaised { .. }
            | Event::SessionAnswered { .. }
            | Event::ActionSampled { .. }
            | Event::ClockStepped { .. }
            | Event::SupervisorStopped { .. }
    )
}
