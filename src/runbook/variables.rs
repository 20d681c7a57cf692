//! The table of a guide's blanks: one name for every spelling, the lines where it stands, and which
//! block and part needs it. A name that an earlier shell block sets, or an earlier block captures, is
//! no blank: it is carried. Secrets are never carried, so they stay blanks.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::blanks::{self, Blank, Spelling};
use super::flag::Flag;
use super::model::{Actor, Block, BlockNumber, Carried, Role, Runbook, Variable};

/// The blanks of a guide, and the names that its steps set for each other.
#[derive(Default)]
pub(super) struct Names {
    asked: Table,
    carried: Table,
}

/// Fills `needs` and `carries` of every block and part. Whether a block that sets a name is walked at
/// all is only known later: see [`Names::settle`].
pub(super) fn collect(blocks: &mut [Block]) -> Names {
    let mut names = Names::default();
    let mut set = Setters::default();
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
        let mut needs = Listed::default();
        let read = block.attributes.flag.as_ref().and_then(Flag::text);
        let with_read = |code: &str| match read {
            Some(read) => format!("{code}\n{read}"),
            None => code.to_owned(),
        };
        for blank in needed(&with_read(&block.code), block.actor, block.code_line, &own) {
            let line = block.code_line + blank.line;
            match set.of(&blank, None) {
                Some(carried) => names.carry(&blank, line, carried, &mut block.carries),
                None => {
                    names.asked.add(&blank, line);
                    needs.add(&mut block.needs, &blank.name);
                }
            }
        }
        let place = (block.code_line, None);
        names.add_defaults(&block.code, block.actor, place, &set, &own);
        for name in block.attributes.needs.clone() {
            match set.captured.get(&blanks::name_of(&name)) {
                Some(from) => add_carried(&mut block.carries, carried(&name, from, true)),
                // The name of another block is no value: that block must have run, or be running.
                None if !ids.contains(&name) => {
                    needs.add(&mut block.needs, &name);
                }
                None => {}
            }
        }
        let mut set_by_parts: HashSet<(Option<String>, String)> = HashSet::new();
        for part in &mut block.parts {
            let inside = names_set(&part.code, part.actor);
            let mut needs_of_part = Listed::default();
            // The script of a session is shell and SQL; its blanks are those of the shell.
            for blank in self::needed(&with_read(&part.code), part.actor, part.line, &inside) {
                let line = part.line + blank.line;
                let session = part.session.clone();
                if set_by_parts.contains(&(session.clone(), blank.name.clone())) {
                    if blank.spelling == Spelling::Environment {
                        let here = carried(&blank.name, &[block.n], false);
                        names.carry(&blank, line, here, &mut part.carries);
                    }
                    continue;
                }
                match set.of(&blank, session.as_deref()) {
                    Some(carried) => {
                        add_carried(&mut block.carries, carried.clone());
                        names.carry(&blank, line, carried, &mut part.carries);
                    }
                    None => {
                        needs_of_part.add(&mut part.needs, &blank.name);
                        if needs.add(&mut block.needs, &blank.name) {
                            names.asked.add(&blank, line);
                        }
                    }
                }
            }
            let place = (part.line, part.session.as_deref());
            names.add_defaults(&part.code, part.actor, place, &set, &inside);
            let session = part.session.clone();
            set.add(
                block.n,
                &part.code,
                part.actor,
                part.role,
                session.as_deref(),
            );
            set_by_parts.extend(inside.into_iter().map(|name| (session.clone(), name)));
        }
        if block.parts.is_empty() {
            set.add(block.n, &block.code, block.actor, block.role, None);
        }
        for name in block.attributes.capture.keys() {
            if !blanks::is_secret(name) {
                set.captured
                    .entry(blanks::name_of(name))
                    .or_default()
                    .push(block.n);
            }
        }
    }
    names
}

impl Names {
    /// What fills itself is listed, and no block needs it. `place`: the first line, and the session.
    fn add_defaults(
        &mut self,
        code: &str,
        actor: Actor,
        place: (usize, Option<&str>),
        set: &Setters,
        own: &HashSet<String>,
    ) {
        if actor != Actor::Shell {
            return;
        }
        let (first_line, session) = place;
        for found in blanks::defaulted(code) {
            let blank = Blank {
                name: found.name,
                text: found.text,
                line: found.line,
                spelling: Spelling::Environment,
            };
            if set.of(&blank, session).is_some() || set_elsewhere(code, &blank.name, own) {
                continue;
            }
            let table = &mut self.asked;
            let known = table.index.get(&blank.name);
            let fills_itself = known.is_none_or(|at| table.variables[*at].fills_itself);
            table.add(&blank, first_line + blank.line);
            let at = table.place_of(&blank.name);
            let variable = &mut table.variables[at];
            variable.fills_itself = fills_itself;
            variable.default.get_or_insert(found.default);
        }
    }

    fn carry(&mut self, blank: &Blank, line: usize, carried: Carried, to: &mut Vec<Carried>) {
        self.carried.add(blank, line);
        add_carried(to, carried);
    }

    /// Gives the runbook its tables. What is only set by blocks that are never walked before it (of a
    /// reference section, of another rollback) is asked for after all.
    pub(super) fn settle(mut self, runbook: &mut Runbook) {
        let walked: HashSet<BlockNumber> = runbook
            .walk()
            .flat_map(|phase| &phase.steps)
            .flat_map(|step| step.blocks.iter().copied())
            .collect();
        let option_of: HashMap<BlockNumber, usize> = runbook
            .rollback
            .iter()
            .enumerate()
            .flat_map(|(index, option)| {
                let blocks = option.steps.iter().flat_map(|step| step.blocks.clone());
                blocks.map(move |number| (number, index))
            })
            .collect();
        for block in &mut runbook.blocks {
            let number = block.n;
            let own = option_of.get(&number);
            let counts = |from: &BlockNumber| {
                walked.contains(from) || own.is_some() && option_of.get(from) == own
            };
            let mut ask = |carries: &mut Vec<Carried>, needs: &mut Vec<String>| {
                for carried in carries.iter_mut() {
                    carried.from.retain(counts);
                    if carried.from.is_empty() && !needs.contains(&carried.name) {
                        needs.push(carried.name.clone());
                        self.asked.take(&carried.name, &self.carried);
                    }
                }
                carries.retain(|carried| !carried.from.is_empty());
            };
            ask(&mut block.carries, &mut block.needs);
            for part in &mut block.parts {
                ask(&mut part.carries, &mut part.needs);
            }
        }
        runbook.variables = self.asked.variables;
        runbook.carried = self.carried.variables;
        let used: HashSet<&str> = runbook
            .blocks
            .iter()
            .flat_map(|block| {
                let of_parts = block.parts.iter().flat_map(|part| &part.carries);
                block.carries.iter().chain(of_parts)
            })
            .map(|carried| carried.name.as_str())
            .collect();
        runbook
            .carried
            .retain(|variable| used.contains(variable.name.as_str()));
    }
}

/// Which blocks set which names.
#[derive(Default)]
struct Setters {
    /// By terminal or host, and name: shell variables flow within one of them.
    shell: HashMap<(Option<String>, String), Vec<BlockNumber>>,
    psql: HashSet<String>,
    captured: HashMap<String, Vec<BlockNumber>>,
}

impl Setters {
    fn add(
        &mut self,
        number: BlockNumber,
        code: &str,
        actor: Actor,
        role: Role,
        session: Option<&str>,
    ) {
        for name in names_set(code, actor) {
            match actor {
                Actor::Shell if role != Role::Foreign && !blanks::is_secret(&name) => {
                    let from = self
                        .shell
                        .entry((session.map(str::to_owned), name))
                        .or_default();
                    if !from.contains(&number) {
                        from.push(number);
                    }
                }
                Actor::Shell => {}
                _ => {
                    self.psql.insert(name);
                }
            }
        }
    }

    /// Who sets it, if anybody does. What psql sets is left to psql.
    fn of(&self, blank: &Blank, session: Option<&str>) -> Option<Carried> {
        if blank.spelling == Spelling::Omission {
            return None;
        }
        if let Some(from) = self.captured.get(&blanks::name_of(&blank.name)) {
            return Some(carried(&blank.name, from, true));
        }
        let key = (session.map(str::to_owned), blank.name.clone());
        match blank.spelling {
            Spelling::Environment => self
                .shell
                .get(&key)
                .map(|from| carried(&blank.name, from, false)),
            Spelling::Psql if self.psql.contains(&blank.name) => Some(Carried::default()),
            _ => None,
        }
    }
}

fn carried(name: &str, from: &[BlockNumber], captured: bool) -> Carried {
    Carried {
        name: name.to_owned(),
        from: from.to_vec(),
        captured,
    }
}

/// Names of psql variables, which psql sets itself, are in no table.
fn add_carried(to: &mut Vec<Carried>, carried: Carried) {
    if !carried.name.is_empty() && !to.iter().any(|known| known.name == carried.name) {
        to.push(carried);
    }
}

/// Names that are in a list already, so that a list of thousands is not searched for each.
#[derive(Default)]
struct Listed(HashSet<String>);

impl Listed {
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

fn needed(code: &str, actor: Actor, line: usize, own: &HashSet<String>) -> Vec<Blank> {
    blanks::find(code, actor, line)
        .into_iter()
        .filter(|blank| !blank.name.starts_with("OMITTED_"))
        .filter(|blank| match blank.spelling {
            Spelling::Environment | Spelling::Psql => !own.contains(&blank.name),
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
        let at = self.place_of(&blank.name);
        let variable = &mut self.variables[at];
        variable.fills_itself = false;
        if self.spellings.insert((at, blank.text.clone())) {
            variable.spellings.push(blank.text.clone());
        }
        if self.lines.insert((at, line)) {
            variable.lines.push(line);
        }
    }

    /// The index of a name in `variables`, put there where it is new.
    fn place_of(&mut self, name: &str) -> usize {
        *self.index.entry(name.to_owned()).or_insert_with(|| {
            self.variables.push(Variable {
                name: name.to_owned(),
                secret: blanks::is_secret(name),
                ..Variable::default()
            });
            self.variables.len() - 1
        })
    }

    /// Takes a name over from another table, spellings, lines and all.
    fn take(&mut self, name: &str, other: &Table) {
        let Some(known) = other
            .index
            .get(name)
            .and_then(|at| other.variables.get(*at))
        else {
            return;
        };
        let at = self.place_of(name);
        let own = &mut self.variables[at];
        for spelling in &known.spellings {
            if !own.spellings.contains(spelling) {
                own.spellings.push(spelling.clone());
            }
        }
        own.lines.extend(&known.lines);
        own.lines.sort_unstable();
        own.lines.dedup();
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
    use crate::runbook::{Runbook, parse};

    fn guide(text: &str) -> Runbook {
        parse("guide.md", text.as_bytes())
    }

    fn asked(runbook: &Runbook) -> Vec<&str> {
        let names = runbook.variables.iter();
        names.map(|variable| variable.name.as_str()).collect()
    }

    #[test]
    fn what_an_earlier_step_sets_is_carried_and_not_asked() {
        let runbook = guide(
            "# T\n\n## Step 1: A\n\n```bash\nBACKUP=b_$(date +%F).dump\n```\n\n## Step 2: B\n\n```bash\npg_restore -l \"$BACKUP\" $OTHER\n```\n",
        );
        assert_eq!(asked(&runbook), ["OTHER"]);
        assert_eq!(runbook.blocks[1].carries[0].from, [1]);
        assert_eq!(runbook.carried[0].lines, [12]);
    }

    #[test]
    fn what_only_a_reference_section_sets_is_asked() {
        let runbook = guide(
            "# T\n\n## Troubleshooting\n\n```bash\nHOST_X=a\n```\n\n## Step 1: A\n\n```bash\necho 1\n```\n\n## Step 2: B\n\n```bash\nping $HOST_X\n```\n",
        );
        assert_eq!(asked(&runbook), ["HOST_X"]);
    }

    #[test]
    fn a_secret_is_asked_though_an_earlier_step_sets_it() {
        let runbook = guide(
            "# T\n\n## Step 1: A\n\n```bash\nAPI_TOKEN=$(cat t)\n```\n\n## Step 2: B\n\n```bash\ncurl -H \"$API_TOKEN\" localhost\n```\n",
        );
        assert_eq!(asked(&runbook), ["API_TOKEN"]);
    }

    #[test]
    fn a_captured_name_fills_every_spelling() {
        let runbook = guide(
            "# T\n\n## Step 1: A\n\n```sql {#count .run capture=\"batch=value\"}\nSELECT 1;\n```\n\n## Step 2: B\n\n```sql {.run}\nSELECT :batch, :'batch';\n```\n\n```bash {.run}\necho $BATCH ${BATCH} <batch>\n```\n",
        );
        assert!(asked(&runbook).is_empty(), "{:?}", runbook.variables);
        assert!(runbook.blocks[2].carries[0].captured);
    }

    #[test]
    fn terminals_do_not_share_their_variables() {
        let runbook = guide(
            "# T\n\n## Step 1: A\n\n```bash\n# Terminal 1\nPORT_X=1\n./serve $PORT_X\n\n# Terminal 2\ncurl localhost:$PORT_X\n```\n",
        );
        assert_eq!(asked(&runbook), ["PORT_X"]);
    }

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
