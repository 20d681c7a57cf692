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
        let mut needs = Names::default();
        let needed = needed(&block.code, block.actor, block.code_line, &set, &own);
        for blank in &needed {
            table.add(blank, block.code_line + blank.line);
            needs.add(&mut block.needs, &blank.name);
        }
        for name in &block.attributes.needs {
            // The name of another block is no value: that block must have run, or be running.
            if !ids.contains(name) {
                needs.add(&mut block.needs, name);
            }
        }
        let mut set_by_parts = HashSet::new();
        for part in &mut block.parts {
            let inside = names_set(&part.code, part.actor);
            let mut needs_of_part = Names::default();
            // The script of a session is shell and SQL; its blanks are those of the shell.
            for blank in self::needed(&part.code, part.actor, part.line, &set, &inside) {
                if set_by_parts.contains(&blank.name) {
                    continue;
                }
                needs_of_part.add(&mut part.needs, &blank.name);
                if needs.add(&mut block.needs, &blank.name) {
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

/// Names that are in a list already, so that a list of thousands is not searched for each.
#[derive(Default)]
struct Names(HashSet<String>);

impl Names {
    /// Adds a name to the list unless it is there; true where it was not.
    fn add(&mut self, list: &mut Vec<String>, name: &str) -> bool {
        let new = self.0.insert(name.to_owned());
        if new {
            list.push(name.to_owned());
        }
        new
    }
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
    /// Spellings and lines that are known of each variable.
    spellings: HashSet<(usize, String)>,
    lines: HashSet<(usize, usize)>,
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
        if self.spellings.insert((at, blank.text.clone())) {
            variable.spellings.push(blank.text.clone());
        }
        if self.lines.insert((at, line)) {
            variable.lines.push(line);
        }
    }
}
