//! What earlier runs of a guide left for an environment: armings, and values for its blanks.

use super::exit::Trouble;
use super::inputs::variable;
use super::open::Opened;
use super::print::say;
use crate::run::{Input, Origin};
use crate::runbook::{Runbook, values};
use crate::supervisor::memory;

/// Adds what earlier runs left: armings, and values for blanks that nothing else fills. In a protected
/// environment, and where a rollback uses it, a value is only offered, and waits to be confirmed: the
/// backup of last week is not what this run goes back to.
pub(super) fn recall(opened: &mut Opened) {
    let Some(guide) = opened.provenance.guide.clone() else {
        return;
    };
    opened.provenance.guide_is_new = !memory::knows_guide(&opened.runbook.digest);
    let environment = &opened.environment;
    opened.provenance.measured = memory::recall_rollbacks(&opened.runbook.digest);
    if environment.protected {
        let rehearsal = memory::recall_rehearsal(&opened.runbook.digest, &guide);
        opened.provenance.rehearsal = Some(rehearsal);
    }
    opened.armed_before = memory::recall_armed(&opened.runbook.digest, &environment.name);
    for (name, remembered) in memory::recall_values(&guide, &environment.name) {
        let Some(variable) = variable(&opened.runbook, &name) else {
            continue;
        };
        let fits = match &remembered.input {
            Input::Value(value) => !variable.secret && values::check(&variable.rule, value).is_ok(),
            Input::Secret(source) => values::source(source).is_ok(),
        };
        let given = opened.provenance.origins.get(&name);
        // A default is what is taken where nobody says anything; somebody did.
        let wins = given.is_none_or(|origin| *origin == Origin::Default);
        if !fits || !wins {
            continue;
        }
        if environment.protected || is_of_rollback(&opened.runbook, &name) {
            opened.inputs.remove(&name);
            opened.provenance.origins.remove(&name);
            opened.provenance.remembered.insert(name, remembered);
        } else {
            opened
                .provenance
                .origins
                .insert(name.clone(), Origin::Remembered);
            opened.inputs.insert(name, remembered.input);
        }
    }
}

/// Whether a command of a rollback uses a blank.
pub(super) fn is_of_rollback(runbook: &Runbook, name: &str) -> bool {
    let steps = runbook.rollback.iter().flat_map(|option| &option.steps);
    steps
        .flat_map(|step| &step.blocks)
        .filter_map(|number| runbook.block(*number))
        .any(|block| {
            let of_parts = block.parts.iter().flat_map(|part| &part.needs);
            block
                .needs
                .iter()
                .chain(of_parts)
                .any(|needed| needed == name)
        })
}

/// Forgets what earlier runs left, and says whether there was anything.
pub(super) fn forget(opened: &Opened) -> color_eyre::Result<()> {
    let guide = opened.provenance.guide.as_deref().unwrap_or_default();
    let environment = &opened.environment.name;
    let found = memory::forget(guide, &opened.runbook.digest, environment).map_err(|error| {
        Trouble::failed(
            format!("cannot remove what is remembered: {error}"),
            "remove the folder `memory` of the state folder by hand",
        )
    })?;
    if found {
        say!("forgot what earlier runs left for `{environment}`");
    } else {
        say!("nothing was remembered for `{environment}`");
    }
    Ok(())
}
