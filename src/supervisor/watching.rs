//! What the monitor sees, and what it is asked.

use tokio::sync::mpsc;

use super::core::Supervisor;
use super::handle::LossRequest;
use super::secrets::Secrets;
use crate::monitor::{Cadence, Monitor, MonitorConfig, Probe, Sample, Target};
use crate::run::{Command, ENGINE, ProbeReading, RunState};

impl Supervisor {
    pub(super) async fn observe(&mut self, sample: Sample) {
        match &sample {
            Sample::Activity(activity) => {
                if let Some(identity) = &activity.identity {
                    let command = Command::Identified {
                        target: activity.target.clone(),
                        identity: identity.clone(),
                    };
                    if let Err(refusal) = self.carry_out(ENGINE, command).await {
                        tracing::warn!(reason = %refusal.message, "an identity is not recorded");
                    }
                }
            }
            Sample::Probe(probe) => {
                self.readings.probes.insert(
                    probe.name.clone(),
                    ProbeReading {
                        healthy: probe.healthy,
                        status: probe.status,
                        latency: probe.latency_ms.ceil() as i64,
                        version: probe.version.clone(),
                    },
                );
            }
            Sample::Statements(_) => {}
        }
        self.feed.publish_sample(sample);
    }

    /// Answers from a task of its own: the database may be slow, the run may not.
    pub(super) fn loss(&self, request: LossRequest) {
        let query = self
            .state
            .runbook
            .rollback
            .iter()
            .any(|option| option.loss_query == Some(request.block))
            .then(|| self.state.runbook.block(request.block))
            .flatten()
            .map(|block| {
                let on = block.attributes.on.clone();
                (on.unwrap_or_else(|| "main".to_owned()), block.code.clone())
            });
        let monitor = self.monitor.clone();
        tokio::spawn(async move {
            let answer = match query {
                Some((target, query)) => monitor
                    .loss(&target, &query)
                    .await
                    .map_err(|trouble| format!("{}; {}", trouble.message, trouble.help)),
                None => Err("no way back names this query".to_owned()),
            };
            if request.answer.send(answer).is_err() {
                tracing::debug!("nobody waits for the loss any more");
            }
        });
    }
}

/// Begins to watch every target and probe of the environment. One that cannot be watched is said in
/// the log; opening the run has refused it already.
pub(super) async fn start_monitor(
    state: &RunState,
    secrets: &mut Secrets,
    samples: mpsc::Sender<Sample>,
) -> Monitor {
    let mut targets = Vec::new();
    for (name, target) in &state.config.targets {
        let mut password = None;
        if let Some(source) = &target.password {
            match secrets.resolve(&format!("{name} password"), source).await {
                Ok(value) => password = Some(value),
                // The pane will say that the login fails; the reason stands here.
                Err(reason) => tracing::warn!("{reason}"),
            }
        }
        match Target::parse(name, &target.postgres, password.as_deref()) {
            Ok(target) => targets.push(target),
            Err(error) => tracing::error!("{error}"),
        }
    }
    let mut probes = Vec::new();
    for (name, probe) in &state.config.probes {
        match Probe::new(
            name,
            &probe.url,
            probe.every_ms,
            probe.timeout_ms,
            probe.status,
        ) {
            Ok(probe) => probes.push(probe),
            Err(error) => tracing::error!("{error}"),
        }
    }
    let config = MonitorConfig {
        run: state.run.clone(),
        targets,
        probes,
        cadence: Cadence::default(),
        redactor: crate::text::redact::Redactor::new(secrets.values()),
    };
    Monitor::start(config, samples)
}
