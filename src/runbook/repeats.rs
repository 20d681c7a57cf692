//! Checks that a window asks again and again: what only reads, and whose answer the guide says. A person starts
//! them once; from then on they need nobody.

use super::doing::{Nature, natures_of};
use super::effects::only_looks;
use super::model::{Actor, Block, Role, Runbook, Soak};

/// Rounds in a window, where the guide does not say how often.
const ROUNDS: u64 = 60;
/// The shortest and the longest time between two rounds, in seconds.
const OFTEN: u64 = 60;
const SELDOM: u64 = 900;

/// Gives every such block of a window its interval.
pub(super) fn settle(runbook: &mut Runbook) {
    let mut every = Vec::new();
    for phase in runbook.walk() {
        for step in &phase.steps {
            for number in &step.blocks {
                let Some(block) = runbook.block(*number) else {
                    continue;
                };
                let of_step = |soak: &&Soak| soak.step.as_ref().is_none_or(|id| *id == step.id);
                let soaks = runbook.soaks.iter();
                let soak = soaks
                    .filter(|soak| soak.phase == phase.id && soak.line <= block.line)
                    .filter(of_step)
                    .max_by_key(|soak| soak.line);
                let says = block.attributes.expect.is_some()
                    || step
                        .expect
                        .iter()
                        .any(|item| item.block == Some(*number) && item.cel.is_some());
                if let Some(soak) = soak
                    && says
                    && only_reads(block)
                {
                    let seconds = (soak.duration_s / ROUNDS).clamp(OFTEN, SELDOM);
                    every.push((*number, seconds));
                }
            }
        }
    }
    for (number, seconds) in every {
        if let Some(block) = runbook.blocks.get_mut(number - 1) {
            block.attributes.every_s = Some(seconds);
            block.long_running = true;
        }
    }
}

/// Whether a block can be run any number of times: it ends by itself, changes nothing, asks nobody, and hands
/// nothing on.
fn only_reads(block: &Block) -> bool {
    let reads = match block.actor {
        Actor::Sql => only_looks(&block.code, Actor::Sql),
        Actor::Shell => natures_of(&block.code, Actor::Shell) == [Nature::Reads],
        Actor::Http | Actor::Nobody => false,
    };
    reads
        && matches!(block.role, Role::Run | Role::Fill)
        && block.parts.is_empty()
        && block.elsewhere.is_none()
        && !block.long_running
        && block.attributes.every_s.is_none()
        && block.attributes.capture.is_empty()
        && block.hold_line.is_none()
        && !block.moves(None)
}

#[cfg(test)]
mod tests {
    use crate::runbook::parse;

    #[test]
    fn what_only_reads_and_says_what_must_be_true_is_asked_again_in_its_window() {
        let guide = "# Deploy\n\n## Phase 1: Deploy\n\n```sql {#before .check expect=\"value == 1\"}\nSELECT 1;\n```\n\n## Monitoring (24 hours)\n\n### Data (first hour)\n\n```sql {#data .check expect=\"value == 0\"}\nSELECT count(*) FROM t WHERE k IS NULL;\n```\n\n```sql {#silent .check}\nSELECT now();\n```\n\n```sql {#fix .run expect=\"tag == 'UPDATE 0'\"}\nUPDATE t SET k = 1 WHERE k IS NULL;\n```\n\n### Load (24 hours)\n\n```bash {#load .check expect=\"exit == 0\"}\ngrep -c ERROR app.log\n```\n\n```sql {#own .check every=10s expect=\"value == 0\"}\nSELECT 0;\n```\n";
        let book = parse("guide.md", guide.as_bytes());
        let every: Vec<(&str, Option<u64>)> = book
            .blocks
            .iter()
            .map(|block| (block.id.as_str(), block.attributes.every_s))
            .collect();
        assert_eq!(
            every,
            [
                ("before", None),
                ("data", Some(60)),
                ("silent", None),
                ("fix", None),
                ("load", Some(900)),
                ("own", Some(10)),
            ]
        );
        assert!(
            book.block_by_id("data")
                .is_some_and(|block| block.is_repeated())
        );
    }
}
