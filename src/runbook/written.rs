//! Commands that a person writes during a run: read by the same reader as the guide's own, and given a
//! place beside the walk, or put where the guide's text stood.

use serde::{Deserialize, Serialize};

use super::index::Index;
use super::{
    Actor, Block, BlockNumber, Carried, Role, Runbook, Section, SectionKind, Step, Variable, parse,
};

/// A command as it was written, and what was understood of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Written {
    pub block: Block,
    /// Its blanks.
    pub variables: Vec<Variable>,
}

/// Reads a command for a shell, or for SQL on a target (`on`).
///
/// # Errors
/// Why it cannot be run as it stands, and what to do.
pub fn read_written(
    code: &str,
    actor: Actor,
    on: Option<&str>,
) -> Result<Written, (String, String)> {
    let lang = match actor {
        Actor::Shell => "bash",
        Actor::Sql => "sql",
        Actor::Http | Actor::Nobody => {
            return Err((
                "only shell commands and SQL can be written here".to_owned(),
                "use `curl` for a request".to_owned(),
            ));
        }
    };
    let code = code.trim_end();
    if code.trim().is_empty() {
        return Err((
            "the command is empty".to_owned(),
            "write what is to run".to_owned(),
        ));
    }
    let guide = format!(
        "# A\n\n## Step 1: A\n\n{}",
        fenced(code, &format!("{lang} {{.run}}"))
    );
    let mut runbook = parse("", guide.as_bytes());
    let unreadable = || {
        (
            "it cannot be read as one command".to_owned(),
            "remove what is not part of it".to_owned(),
        )
    };
    if runbook.blocks.len() != 1 {
        return Err(unreadable());
    }
    let mut block = runbook.blocks.pop().ok_or_else(unreadable)?;
    if let Some(why) = &block.refused {
        return Err((why.clone(), "write it out".to_owned()));
    }
    if !matches!(block.role, Role::Run | Role::Fill) || block.actor != actor {
        return Err((
            format!("it cannot run as it stands: {}", block.why),
            "write one command, or several that run one after the other".to_owned(),
        ));
    }
    block.code.truncate(block.code.trim_end().len());
    block.attributes.on = on.map(str::to_owned);
    "written during the run".clone_into(&mut block.why);
    Ok(Written {
        block,
        variables: runbook.variables,
    })
}

impl Runbook {
    /// The id of the step that the next command of a person would be.
    pub fn next_written(&self) -> String {
        let sections = self.references.iter();
        let written = sections.filter(|section| section.kind == SectionKind::Written);
        (written.count() + 1..)
            .map(|number| format!("written-{number}"))
            .find(|id| self.step(id).is_none())
            .unwrap_or_default()
    }

    /// Gives a command of a person its place beside the walk.
    pub(crate) fn add_written(&mut self, written: &Written) {
        let id = self.next_written();
        let number = self.blocks.len() + 1;
        let mut block = written.block.clone();
        block.n = number;
        block.id = format!("block-{number}");
        // It stands on no line of the guide: its own are counted.
        let before = block.code_line - 1;
        block.line = 1;
        block.code_line = 1;
        block.hold_line = block.hold_line.map(|line| line - before);
        let title = title(&block.code);
        let body = fenced(&block.code, block.lang.as_deref().unwrap_or_default());
        self.references.push(Section {
            kind: SectionKind::Written,
            title: title.clone(),
            line: 1,
            body: body.clone(),
            blocks: vec![number],
            step: Some(Step {
                id,
                title,
                line: 1,
                body,
                blocks: vec![number],
                ..Step::default()
            }),
        });
        self.blocks.push(block);
        self.learn(&written.variables);
    }

    /// Puts a command in the place of the guide's, for this run. What the guide asks of it stays.
    pub(crate) fn correct(&mut self, number: BlockNumber, part: usize, written: &Written) {
        let found = number.checked_sub(1).and_then(|at| self.blocks.get_mut(at));
        let Some(own) = found else { return };
        let new = &written.block;
        match part.checked_sub(1) {
            None => {
                (own.needs, own.carries) = names(&new.needs, &own.carries);
                own.code.clone_from(&new.code);
                own.role = new.role;
                own.destructive.clone_from(&new.destructive);
                own.long_running = new.long_running
                    || own.attributes.has_class("watch")
                    || own.attributes.every_s.is_some();
                own.hold_line = new
                    .hold_line
                    .map(|line| line - new.code_line + own.code_line);
                own.refused = None;
            }
            Some(at) => {
                let Some(own) = own.parts.get_mut(at) else {
                    return;
                };
                (own.needs, own.carries) = names(&new.needs, &own.carries);
                own.code.clone_from(&new.code);
                own.role = new.role;
                own.destructive.clone_from(&new.destructive);
                own.long_running = new.long_running;
                own.refused = None;
            }
        }
        self.learn(&written.variables);
    }

    /// Blanks that the guide does not have are asked for as well.
    fn learn(&mut self, variables: &[Variable]) {
        let carried = |name: &str| self.carried.iter().any(|known| known.name == name);
        let new: Vec<Variable> = variables
            .iter()
            .filter(|variable| !self.asks(&variable.name) && !carried(&variable.name))
            .cloned()
            .collect();
        self.variables.extend(new);
        self.index = Index::complete();
    }
}

/// A fence that nothing in the code closes.
pub(super) fn fenced(code: &str, info: &str) -> String {
    let longest = code.split(|letter| letter != '`').map(str::len).max();
    let fence = "`".repeat(longest.unwrap_or(0).max(2) + 1);
    format!("{fence}{info}\n{code}\n{fence}\n")
}

/// What a corrected command needs of a person, and what earlier steps still hand on to it.
fn names(needed: &[String], carried: &[Carried]) -> (Vec<String>, Vec<Carried>) {
    let is_carried = |name: &&String| carried.iter().any(|known| known.name == **name);
    let asked = needed.iter().filter(|name| !is_carried(name));
    let handed = carried.iter().filter(|known| needed.contains(&known.name));
    (asked.cloned().collect(), handed.cloned().collect())
}

/// Its first line that says something.
fn title(code: &str) -> String {
    const LONGEST: usize = 60;
    let mut lines = code.lines().map(str::trim).filter(|line| !line.is_empty());
    let line = lines.next().unwrap_or_default();
    match line.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", line[..end].trim_end()),
        None => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(code: &str) -> Result<Written, (String, String)> {
        read_written(code, Actor::Shell, None)
    }

    #[test]
    fn a_command_is_read_as_a_guides_would_be() {
        let written = shell("git checkout <commit>\nrm -rf build").unwrap();
        assert_eq!(written.block.needs, ["COMMIT"]);
        assert_eq!(written.variables[0].name, "COMMIT");
        assert_eq!(written.block.destructive, ["rm -r"]);
        let sql = read_written("DROP TABLE a;", Actor::Sql, Some("audit")).unwrap();
        assert_eq!(sql.block.destructive, ["DROP TABLE"]);
        assert_eq!(sql.block.attributes.on.as_deref(), Some("audit"));
    }

    #[test]
    fn fences_headings_and_comments_inside_stay_text() {
        let code = "cat <<'END'\n```\n# Step 2\n```\nEND\n# done";
        assert_eq!(shell(code).unwrap().block.code.trim_end(), code);
    }

    #[test]
    fn what_cannot_run_is_said() {
        assert!(shell(" \n").unwrap_err().0.contains("empty"));
        assert!(read_written("GET /health", Actor::Http, None).is_err());
    }

    #[test]
    fn a_correction_keeps_what_the_guide_asks_and_where_the_block_stands() {
        let guide = "# A\n\n## Step 1: Go\n\n```sql {#go .run expect=\"value == 1\"}\nSELECT 2;\n```\n\n```bash {#next .run}\n./next.sh\n```\n";
        let mut book = parse("a.md", guide.as_bytes());
        let code = "BEGIN;\nUPDATE a SET b = 1;\nSELECT count(*) FROM a;\nCOMMIT;";
        book.correct(1, 0, &read_written(code, Actor::Sql, None).unwrap());
        let block = book.block_by_id("go").unwrap();
        assert_eq!(block.code, code);
        assert_eq!(block.attributes.expect.as_deref(), Some("value == 1"));
        assert_eq!(block.hold_line, Some(9));
    }

    #[test]
    fn a_command_of_a_person_stands_beside_the_walk() {
        let mut book = parse("a.md", b"# A\n\n## Step 1: Go\n\n```bash\n./go.sh\n```\n");
        book.add_written(&shell("psql -c 'SELECT 1'").unwrap());
        book.add_written(&shell("uptime").unwrap());
        let step = book.step("written-2").unwrap();
        assert_eq!(step.title, "uptime");
        assert_eq!(book.step_of_block(3).map(|step| &step.id), Some(&step.id));
        assert!(book.walk().all(|phase| phase.steps.len() == 1));
    }
}
