//! A value that is set in one place and put back from there: what it is now is read and kept, it is set,
//! and read again. Its undo sets what was kept, by the very code that sets it.

use serde::{Deserialize, Serialize};

use super::attributes::{BadValue, Raw};
use super::model::{
    Actor, Attributes, Block, BlockNumber, Part, Role, RollbackOption, Runbook, Step, Undoes,
};
use super::written::fenced;
use crate::text::duration;

/// How the code of a flag names the value that it sets: in a shell and in a request, and in SQL.
pub const FLAG_NAME: &str = "FLAG_VALUE";
pub const FLAG_VARIABLE: &str = "flag_value";
/// The rollback of a guide that has none for its flags.
pub const RESTORE_FLAGS: &str = "restore-flags";

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flag {
    /// A query, a command or a request, whichever its block is; or a request (`GET http…`) in any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read: Option<String>,
    /// The file whose content it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Where in the JSON of an answer it is, as a JSON pointer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// What it is set to: one value, or its stages in order. Of an undo none.
    pub values: Vec<String>,
    /// No stage begins sooner after the one before it has passed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold_s: Option<u64>,
    /// Of an undo: the block that sets it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restores: Option<BlockNumber>,
}

/// How the present value is read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reading {
    /// A query of one value.
    Query(String),
    Command(String),
    Request {
        text: String,
        at: Option<String>,
    },
    File(String),
}

impl Reading {
    /// For a sentence: `SELECT …` of a query, the path of a file.
    pub fn words(&self) -> String {
        match self {
            Self::Query(text) | Self::Command(text) => format!("`{text}`"),
            Self::Request { text, at: None } => format!("`{text}`"),
            Self::Request { text, at: Some(at) } => format!("`{at}` of `{text}`"),
            Self::File(path) => format!("the file `{path}`"),
        }
    }
}

impl Flag {
    /// How it is read in a block of this kind.
    pub fn reading(&self, actor: Actor) -> Option<Reading> {
        if let Some(file) = &self.file {
            return Some(Reading::File(file.clone()));
        }
        let text = self.read.clone()?;
        let is_request = text.starts_with("GET http");
        Some(match actor {
            _ if is_request => Reading::Request {
                text,
                at: self.at.clone(),
            },
            Actor::Sql => Reading::Query(text),
            Actor::Shell => Reading::Command(text),
            Actor::Http => Reading::Request {
                text,
                at: self.at.clone(),
            },
            Actor::Nobody => return None,
        })
    }

    /// Where it is read, as its author writes it.
    pub fn text(&self) -> Option<&str> {
        self.read.as_deref().or(self.file.as_deref())
    }

    /// What an action of its block sets it to; `None` of an undo.
    pub fn value(&self, part: usize) -> Option<&str> {
        let value = self.values.get(part.saturating_sub(1));
        value
            .filter(|_| self.restores.is_none())
            .map(String::as_str)
    }
}

/// The attributes of a fence of class `.flag`.
pub(super) fn read(raw: &Raw, bad: &mut Vec<BadValue>) -> Option<Flag> {
    if !raw.flag("flag") {
        return None;
    }
    let mut say = |key: &str, message: &str, help: &str| {
        bad.push(BadValue {
            key: key.to_owned(),
            message: message.to_owned(),
            help: help.to_owned(),
        });
    };
    let stages = raw.get("stages").map(|stages| {
        let stages = stages.split(',').map(str::trim);
        let stages: Vec<String> = stages
            .filter(|one| !one.is_empty())
            .map(str::to_owned)
            .collect();
        stages
    });
    let values = match (raw.get("value"), stages) {
        (Some(value), None) => vec![value.to_owned()],
        (None, Some(stages)) if !stages.is_empty() => stages,
        (one, _) => {
            let key = if one.is_some() { "value" } else { "stages" };
            say(
                key,
                "a flag is set to one `value`, or to its `stages` one after the other",
                "write `value=on` or `stages=10,50,100`",
            );
            Vec::new()
        }
    };
    if raw.get("read").is_some() == raw.get("file").is_some() {
        say(
            "read",
            "a flag says how its present value is read",
            "write `read=\"…\"` with a query, a command or `GET http://…`; or `file=path`",
        );
    }
    let at = raw.get("at");
    if at.is_some_and(|at| !at.starts_with('/')) {
        say(
            "at",
            "it is no JSON pointer",
            "write it as `at=/rollout/percent`",
        );
    }
    let hold = raw.get("hold").map(duration::parse_s);
    if hold == Some(None) {
        say("hold", "it is not a duration", "write it as `hold=15m`");
    }
    Some(Flag {
        read: raw.get("read").map(|text| text.trim().to_owned()),
        file: raw.get("file").map(str::to_owned),
        at: at.map(str::to_owned),
        values,
        hold_s: hold.flatten(),
        restores: None,
    })
}

/// Why a block cannot set a flag: what is meant, why, and what to do.
pub fn flag_problem(block: &Block) -> Option<[&'static str; 3]> {
    let names = [FLAG_NAME, FLAG_VARIABLE];
    let Some(flag) = &block.attributes.flag else {
        let stray = names.iter().any(|name| names_value(block, name));
        return stray.then_some([
            "lag_",
            "the value of a flag is known only in a block of class `.flag`",
            "add `.flag read=\"…\" value=…` to its fence",
        ]);
    };
    if block.actor == Actor::Nobody {
        return Some([
            "flag",
            "only SQL, a shell or a request sets a flag",
            "name its language: `sql`, `bash` or `http`",
        ]);
    }
    if block.attributes.every_s.is_some() || block.attributes.batch.is_some() {
        return Some([
            "flag",
            "a flag is set once, and not in rounds or batches",
            "leave `every` and `.batch` out",
        ]);
    }
    if flag.reading(block.actor).is_none() || flag.values.is_empty() {
        return Some([
            "flag",
            "it is not said how the flag is read, or what it is set to",
            "write `read=\"…\"` and `value=…`",
        ]);
    }
    let is_named = match block.actor {
        Actor::Sql => names_value(block, FLAG_VARIABLE),
        _ => names_value(block, FLAG_NAME),
    };
    match (is_named, block.actor) {
        (true, _) => None,
        (false, Actor::Sql) => Some([
            "flag",
            "the code does not name the value that it sets: its undo could not set another",
            "write `:'flag_value'` where the value belongs",
        ]),
        (false, Actor::Shell) => Some([
            "flag",
            "the code does not name the value that it sets: its undo could not set another",
            "write `\"$FLAG_VALUE\"` where the value belongs",
        ]),
        (false, _) => Some([
            "flag",
            "the code does not name the value that it sets: its undo could not set another",
            "write `${FLAG_VALUE}` where the value belongs",
        ]),
    }
}

fn names_value(block: &Block, name: &str) -> bool {
    match block.actor {
        Actor::Sql => block.code.contains(&format!(":'{name}'")),
        Actor::Shell | Actor::Http => {
            block.code.contains(&format!("${name}")) || block.code.contains(&format!("${{{name}}}"))
        }
        Actor::Nobody => false,
    }
}

/// The stages of a block as its parts: each a command of its own.
pub(super) fn stages(block: &mut Block) {
    let Some(flag) = &block.attributes.flag else {
        return;
    };
    let all = flag.values.len();
    if all < 2 || !matches!(block.role, Role::Run | Role::Fill) {
        return;
    }
    let role = block.role;
    let part = |(index, value): (usize, &String)| Part {
        title: format!("{}: {value} (stage {} of {all})", block.id, index + 1),
        line: block.code_line,
        code: block.code.clone(),
        role,
        actor: block.actor,
        destructive: block.destructive.clone(),
        ..Part::default()
    };
    block.parts = flag.values.iter().enumerate().map(part).collect();
    block.role = Role::Split;
}

/// The blocks that set the same flag: what one of them found, all of them put back.
pub fn is_same_flag(one: &Block, other: &Block) -> bool {
    let place = |block: &Block| {
        let flag = block.attributes.flag.as_ref()?;
        let reading = flag.reading(block.actor)?;
        let on = matches!(reading, Reading::Query(_)).then(|| block.attributes.target().to_owned());
        Some((reading, on, block.attributes.cwd.clone()))
    };
    place(one).is_some_and(|known| place(other) == Some(known))
}

/// Gives every flag of the walk its undo, in front of the rollbacks that undo its step: what was set last
/// is restored first. An author who names an `undo` restores it by that.
pub(super) fn add_undoes(runbook: &mut Runbook) {
    let mut undoes: Vec<(Block, Step, String, String)> = Vec::new();
    for phase in runbook.walk() {
        for step in &phase.steps {
            for number in &step.blocks {
                let Some(block) = runbook.block(*number) else {
                    continue;
                };
                let is_flag = block.attributes.flag.is_some() && flag_problem(block).is_none();
                let known = |undo: &(Block, Step, String, String)| is_same_flag(&undo.0, block);
                if !is_flag || block.attributes.undo.is_some() || undoes.iter().any(known) {
                    continue;
                }
                let number = runbook.blocks.len() + undoes.len() + 1;
                let (block, own) = undo_of(block, number);
                undoes.push((block, own, step.id.clone(), phase.id.clone()));
            }
        }
    }
    if undoes.is_empty() {
        return;
    }
    for (undo, ..) in &undoes {
        let id = undo.id.clone();
        for block in &mut runbook.blocks {
            if is_same_flag(undo, block) {
                block.attributes.undo.get_or_insert_with(|| id.clone());
            }
        }
    }
    let mut placed = vec![false; undoes.len()];
    for option in &mut runbook.rollback {
        for (index, (_, own, step, phase)) in undoes.iter().enumerate() {
            let covers = match &option.undoes {
                Undoes::These(ids) => ids.contains(step) || ids.contains(phase),
                Undoes::All | Undoes::Backup | Undoes::Unsaid => true,
            };
            if covers {
                let is_repeated = std::mem::replace(&mut placed[index], true);
                let own = Step {
                    is_repeated,
                    ..own.clone()
                };
                option.steps.insert(0, own);
            }
        }
    }
    let left = undoes.iter().zip(&placed).filter(|(_, placed)| !**placed);
    let left: Vec<_> = left.map(|(undo, _)| undo).collect();
    if let Some((block, ..)) = left.first() {
        runbook.rollback.push(RollbackOption {
            id: RESTORE_FLAGS.to_owned(),
            title: "Restore the flags".to_owned(),
            line: block.line,
            undoes: Undoes::These(left.iter().map(|(.., step, _)| step.clone()).collect()),
            steps: left.iter().rev().map(|(_, own, ..)| own.clone()).collect(),
            ..RollbackOption::default()
        });
    }
    let blocks = undoes.into_iter().map(|(block, ..)| block);
    runbook.blocks.extend(blocks);
}

/// The block that restores what another has set, and its step.
fn undo_of(block: &Block, number: BlockNumber) -> (Block, Step) {
    let id = format!("restore-{}", block.id);
    let flag = block.attributes.flag.clone();
    let role = match block.role {
        Role::Split => block.parts.first().map_or(Role::Run, |part| part.role),
        role => role,
    };
    let (needs, carries) = match block.parts.first() {
        Some(part) => (part.needs.clone(), part.carries.clone()),
        None => (block.needs.clone(), block.carries.clone()),
    };
    let own = Block {
        n: number,
        id: id.clone(),
        role,
        why: format!("it restores what `{}` found", block.id),
        parts: Vec::new(),
        choice: None,
        needs,
        carries,
        attributes: Attributes {
            classes: vec!["undo".to_owned()],
            on: block.attributes.on.clone(),
            cwd: block.attributes.cwd.clone(),
            timeout_s: block.attributes.timeout_s,
            txn: block.attributes.txn,
            flag: flag.map(|flag| Flag {
                restores: Some(block.n),
                ..flag
            }),
            ..Attributes::default()
        },
        ..block.clone()
    };
    let step = Step {
        id: id.clone(),
        title: format!("Restore what `{}` found", block.id),
        line: block.line,
        body: fenced(&block.code, block.lang.as_deref().unwrap_or_default()),
        blocks: vec![number],
        ..Step::default()
    };
    (own, step)
}

/// A request with the value in it: as text of a JSON string, as JSON where it stands alone there, and
/// percent-encoded in the address.
///
/// # Errors
/// Why this value cannot stand there.
pub fn request_with(code: &str, value: &str) -> Result<String, String> {
    let spelling = format!("${{{FLAG_NAME}}}");
    if value.contains("${") {
        return Err("the value holds `${`, which a request would read as a name".to_owned());
    }
    let (head, body) = match code.split_once("\n\n") {
        Some((head, body)) => (head, Some(body)),
        None => (code, None),
    };
    let mut lines = head.lines();
    let mut text = lines
        .next()
        .unwrap_or_default()
        .replace(&spelling, &percent_encoded(value));
    for line in lines {
        if line.contains(&spelling) && value.contains(char::is_control) {
            return Err("the value holds a character that ends a header".to_owned());
        }
        text.push('\n');
        text.push_str(&line.replace(&spelling, value));
    }
    if let Some(body) = body {
        text.push_str("\n\n");
        text.push_str(&body_with(body, &spelling, value)?);
    }
    Ok(text)
}

fn body_with(body: &str, spelling: &str, value: &str) -> Result<String, String> {
    let is_json = |text: &str| serde_json::from_str::<serde_json::Value>(text).is_ok();
    if is_json(body) {
        let escaped = serde_json::Value::from(value).to_string();
        return Ok(body.replace(spelling, &escaped[1..escaped.len() - 1]));
    }
    // It stands for a whole value of the JSON, not for a part of a string.
    if is_json(&body.replace(spelling, "0")) {
        return match is_json(value) {
            true => Ok(body.replace(spelling, value)),
            false => Err("the value is no JSON, and stands in the body without quotes".to_owned()),
        };
    }
    Ok(body.replace(spelling, value))
}

fn percent_encoded(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    for byte in value.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                text.push(char::from(byte));
            }
            byte => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runbook::parse;

    const GUIDE: &str = "# Rollout\n\n## Phase 1: Go\n\n```sql {#share .flag read=\"SELECT v FROM flags WHERE n = 'share'\" stages=10,50,100}\nUPDATE flags SET v = :'flag_value' WHERE n = 'share';\n```\n";

    #[test]
    fn stages_are_commands_of_their_own_and_the_undo_is_generated() {
        let book = parse("g.md", GUIDE.as_bytes());
        let block = &book.blocks[0];
        assert_eq!(block.role, Role::Split);
        let titles: Vec<&str> = block.parts.iter().map(|part| part.title.as_str()).collect();
        assert_eq!(
            titles,
            [
                "share: 10 (stage 1 of 3)",
                "share: 50 (stage 2 of 3)",
                "share: 100 (stage 3 of 3)"
            ]
        );
        assert!(book.variables.is_empty(), "nobody is asked for the value");
        assert_eq!(block.attributes.undo.as_deref(), Some("restore-share"));
        let option = book.option(RESTORE_FLAGS).unwrap();
        let undo = book.block(option.steps[0].blocks[0]).unwrap();
        assert_eq!((undo.code.as_str(), undo.n), (block.code.as_str(), 2));
        assert_eq!(undo.attributes.flag.as_ref().unwrap().restores, Some(1));
        assert!(book.diagnostics.is_empty(), "{:?}", book.diagnostics);
    }

    #[test]
    fn the_rollbacks_of_a_guide_restore_its_flags_first() {
        let guide = format!("{GUIDE}\n## Rollback\n\n```sql {{.undo}}\nSELECT back();\n```\n");
        let book = parse("g.md", guide.as_bytes());
        let [option] = &book.rollback[..] else {
            panic!("{:?}", book.rollback)
        };
        let ids: Vec<&str> = option.steps.iter().map(|step| step.id.as_str()).collect();
        assert_eq!(ids[0], "restore-share");
        assert_eq!(ids.len(), 2);
    }

    #[test]
    fn a_flag_that_two_blocks_set_is_restored_once() {
        let second = "\n```sql {#half .flag read=\"SELECT v FROM flags WHERE n = 'share'\" value=50}\nUPDATE flags SET v = :'flag_value' WHERE n = 'share';\n```\n";
        let book = parse("g.md", format!("{GUIDE}{second}").as_bytes());
        assert_eq!(book.option(RESTORE_FLAGS).unwrap().steps.len(), 1);
        assert_eq!(
            book.blocks[1].attributes.undo.as_deref(),
            Some("restore-share")
        );
    }

    #[test]
    fn what_cannot_be_taken_back_is_no_flag() {
        for (from, to, why) in [
            (":'flag_value'", "'10'", "does not name the value"),
            (" stages=10,50,100", "", "one `value`"),
            ("read=", "write=", "how its present value is read"),
        ] {
            let book = parse("g.md", GUIDE.replace(from, to).as_bytes());
            let said = book.diagnostics.iter().any(|one| one.message.contains(why));
            assert!(said, "{why}: {:?}", book.diagnostics);
        }
    }

    #[test]
    fn a_value_stays_a_value_in_a_request() {
        let code = "PUT http://h/flags/a?v=${FLAG_VALUE}\nx-value: ${FLAG_VALUE}\n\n{\"v\": \"${FLAG_VALUE}\"}";
        let filled = request_with(code, "a \"b\" & c").unwrap();
        assert_eq!(
            filled,
            "PUT http://h/flags/a?v=a%20%22b%22%20%26%20c\nx-value: a \"b\" & c\n\n{\"v\": \"a \\\"b\\\" & c\"}"
        );
        assert!(request_with(code, "a\nx-other: 1").is_err());
        assert!(request_with(code, "${TOKEN}").is_err());
        let bare = "PUT http://h/f\n\n{\"v\": ${FLAG_VALUE}}";
        assert_eq!(
            request_with(bare, "10").unwrap(),
            "PUT http://h/f\n\n{\"v\": 10}"
        );
        assert!(request_with(bare, "10, \"w\": 1").is_err());
    }
}
