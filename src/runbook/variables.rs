//! The table of a guide's blanks: one name for every spelling, the lines where it stands, and which
//! block and part needs it. A name that an earlier shell block sets is no blank.

use std::collections::{BTreeMap, HashSet};

use super::blanks::{self, Blank, Spelling};
use super::model::{Actor, Block, Role, Variable};

/// Fills `needs` of every block and part, and returns the table in the order of the guide.
pub(super) fn collect(blocks: &mut [Block]) -> Vec<Variable> {
    let mut table = Table::default();
    let mut set: HashSet<String> = HashSet::new();
    let ids: HashSet<String> = blocks.iter().map(|block| block.id.clone()).collect();
    for block in blocks {
        if block.actor == Actor::Nobody
            || !matches!(
                block.role,
                Role::Run | Role::Fill | Role::Split | Role::Promote | Role::Foreign
            )
        {
            continue;
        }
        let own = names_set(&block.code, block.actor);
        let captured: Vec<String> = block.attributes.capture.keys().cloned().collect();
        let needed = needed(&block.code, block.actor, block.code_line, &set, &own);
        for blank in &needed {
            table.add(blank, block.code_line + blank.line);
            if !block.needs.contains(&blank.name) {
                block.needs.push(blank.name.clone());
            }
        }
        for name in &block.attributes.needs {
            // The name of another block is no value: that block must have run, or be running.
            if !block.needs.contains(name) && !ids.contains(name) {
                block.needs.push(name.clone());
            }
        }
        let mut set_by_parts = HashSet::new();
        for part in &mut block.parts {
            let inside = names_set(&part.code, part.actor);
            // The script of a session is shell and SQL; its blanks are those of the shell.
            for blank in self::needed(&part.code, part.actor, part.line, &set, &inside) {
                if set_by_parts.contains(&blank.name) {
                    continue;
                }
                if !part.needs.contains(&blank.name) {
                    part.needs.push(blank.name.clone());
                }
                if !block.needs.contains(&blank.name) {
                    block.needs.push(blank.name.clone());
                    table.add(&blank, part.line + blank.line);
                }
            }
            set_by_parts.extend(inside);
        }
        set.extend(own);
        set.extend(captured);
    }
    table.variables
}

fn names_set(code: &str, actor: Actor) -> HashSet<String> {
    match actor {
        Actor::Shell => blanks::assigned(code).into_iter().collect(),
        Actor::Sql => blanks::assigned_in_psql(code).into_iter().collect(),
        _ => HashSet::new(),
    }
}

fn needed(
    code: &str,
    actor: Actor,
    line: usize,
    before: &HashSet<String>,
    own: &HashSet<String>,
) -> Vec<Blank> {
    blanks::find(code, actor, line)
        .into_iter()
        .filter(|blank| !blank.name.starts_with("OMITTED_"))
        .filter(|blank| match blank.spelling {
            Spelling::Environment | Spelling::Psql => {
                !before.contains(&blank.name) && !own.contains(&blank.name)
            }
            _ => true,
        })
        .collect()
}

#[derive(Default)]
struct Table {
    variables: Vec<Variable>,
    index: BTreeMap<String, usize>,
}

impl Table {
    fn add(&mut self, blank: &Blank, line: usize) {
        let at = *self.index.entry(blank.name.clone()).or_insert_with(|| {
            self.variables.push(Variable {
                name: blank.name.clone(),
                secret: blanks::is_secret(&blank.name),
                ..Variable::default()
            });
            self.variables.len() - 1
        });
        let variable = &mut self.variables[at];
        if !variable.spellings.contains(&blank.text) {
            variable.spellings.push(blank.text.clone());
        }
        if variable.lines.last() != Some(&line) && !variable.lines.contains(&line) {
            variable.lines.push(line);
        }
    }
}
