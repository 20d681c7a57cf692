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
        table.add_defaults(&block.code, block.actor, block.code_line, &set, &own);
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
            table.add_defaults(&part.code, part.actor, part.line, &set, &inside);
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
        variable.fills_itself = false;
        if !variable.spellings.contains(&blank.text) {
            variable.spellings.push(blank.text.clone());
        }
        if variable.lines.last() != Some(&line) && !variable.lines.contains(&line) {
            variable.lines.push(line);
        }
    }

    /// What fills itself is listed, and no block needs it.
    fn add_defaults(
        &mut self,
        code: &str,
        actor: Actor,
        first_line: usize,
        before: &HashSet<String>,
        own: &HashSet<String>,
    ) {
        if actor != Actor::Shell {
            return;
        }
        for found in blanks::defaulted(code) {
            if before.contains(&found.name) || set_elsewhere(code, &found.name, own) {
                continue;
            }
            let is_new = !self.index.contains_key(&found.name);
            let fills_itself = is_new
                || self
                    .index
                    .get(&found.name)
                    .is_some_and(|at| self.variables[*at].fills_itself);
            let blank = Blank {
                name: found.name,
                text: found.text,
                line: found.line,
                spelling: Spelling::Environment,
            };
            self.add(&blank, first_line + found.line);
            if let Some(variable) = self
                .index
                .get(&blank.name)
                .map(|at| &mut self.variables[*at])
            {
                variable.fills_itself = fills_itself;
                variable.default.get_or_insert(found.default);
            }
        }
    }
}

/// `TAG=${TAG:-latest}` sets what it reads: it is still the operator's to give.
fn set_elsewhere(code: &str, name: &str, own: &HashSet<String>) -> bool {
    own.contains(name)
        && !code.lines().any(|line| {
            line.contains(&format!("{name}=${{{name}:"))
                || line.contains(&format!("{name}=\"${{{name}:"))
        })
}

#[cfg(test)]
mod tests {
    use crate::runbook::parse;

    #[test]
    fn a_default_of_the_shell_is_listed_and_no_block_needs_it() {
        let guide = "# G\n\n## Step 1\n\n```bash\nTAG=${TAG:-latest}\ndeploy ${PORT:-8080} \"${PLACE:-eu}\" ${X:-$(date)} '${Y:-1}'\n```\n\n## Step 2\n\n```bash\nls $PLACE\n```\n";
        let runbook = parse("g.md", guide.as_bytes());
        let found: Vec<_> = runbook
            .variables
            .iter()
            .map(|known| {
                (
                    known.name.as_str(),
                    known.default.as_deref(),
                    known.fills_itself,
                )
            })
            .collect();
        assert_eq!(
            found,
            [
                ("TAG", Some("latest"), true),
                ("PORT", Some("8080"), true),
                ("PLACE", Some("eu"), false),
            ]
        );
        assert!(runbook.blocks[0].needs.is_empty());
        assert_eq!(runbook.blocks[1].needs, ["PLACE"]);
    }

    #[test]
    fn ellipses_without_a_word_are_named_by_their_place() {
        let guide = "# G\n\n## Step 1\n\n```bash\ncurl localhost/x -d \"...\" -H \"...\"\n```\n";
        let runbook = parse("g.md", guide.as_bytes());
        assert_eq!(runbook.blocks[0].needs, ["BLANK_6_1", "BLANK_6_2"]);
        assert_eq!(runbook.blocks[0].refused, None);
    }

    #[test]
    fn what_is_left_out_of_sql_is_no_blank() {
        let guide = "# G\n\n## Step 1\n\n```sql\nSELECT ... FROM t;\n```\n\n```sql\nSELECT f('...');\n```\n";
        let runbook = parse("g.md", guide.as_bytes());
        let why = runbook.blocks[0].refused.as_deref().unwrap_or_default();
        assert!(why.contains("leaves something out"), "{why}");
        assert_eq!(runbook.blocks[1].refused, None);
        assert_eq!(runbook.blocks[1].needs, ["BLANK_10_1"]);
    }
}
