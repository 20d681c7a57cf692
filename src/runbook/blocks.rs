//! Every fence and indented block of a guide as a [`Block`]: language, attributes, role, hazards and
//! the blanks it needs.

use std::collections::HashMap;

use super::attributes::{self, BadValue, Raw};
use super::headings::Heading;
use super::model::{Actor, Block, Role};
use super::outline::{Code, Node, NodeKind};
use super::role::{self, Surroundings};

/// The blocks, the number of each by the index of its node, and what was wrong with their attributes.
pub(super) struct Blocks {
    pub blocks: Vec<Block>,
    pub number_of: HashMap<usize, usize>,
    pub raws: Vec<Raw>,
    pub bad: Vec<(usize, BadValue)>,
}

pub(super) fn read(nodes: &[Node], headings: &[Heading]) -> Blocks {
    let mut result = Blocks {
        blocks: Vec::new(),
        number_of: HashMap::new(),
        raws: Vec::new(),
        bad: Vec::new(),
    };
    let mut heading = headings.iter().peekable();
    let mut title = "";
    for (index, node) in nodes.iter().enumerate() {
        while let Some(next) = heading.next_if(|next| next.node <= index) {
            title = &next.title;
        }
        if let Some(code) = node.code() {
            let number = result.blocks.len() + 1;
            result.number_of.insert(index, number);
            let (block, raw, bad) = block(number, node, code, label_before(nodes, index), title);
            result.bad.extend(bad.into_iter().map(|bad| (number, bad)));
            result.blocks.push(block);
            result.raws.push(raw);
        }
    }
    unbalanced(nodes, &mut result);
    result
}

fn block(
    number: usize,
    node: &Node,
    code: &Code,
    label: &str,
    heading: &str,
) -> (Block, Raw, Vec<BadValue>) {
    let (lang, raw) = match &code.info {
        Some(info) => attributes::parse_info(info),
        None => (None, Raw::default()),
    };
    let is_sql = lang.as_deref().is_some_and(role::is_sql_language);
    let (attributes, choice, bad) = attributes::interpret(&raw, is_sql);
    let verdict = role::infer(&Surroundings {
        lang: lang.as_deref(),
        code: &code.code,
        label,
        heading,
        classes: &attributes.classes,
        number,
        code_line: code.code_line,
    });
    let runs = matches!(verdict.actor, Actor::Shell | Actor::Sql)
        && matches!(
            verdict.role,
            Role::Run | Role::Fill | Role::Split | Role::Promote | Role::Foreign
        );
    let block = Block {
        n: number,
        id: raw
            .id
            .clone()
            .or_else(|| raw.get("id").map(str::to_owned))
            .or_else(|| raw.get("name").map(str::to_owned))
            .unwrap_or_else(|| format!("block-{number}")),
        line: node.line,
        code_line: code.code_line,
        lang,
        role: verdict.role,
        why: verdict.why,
        // Who says what a command must show has looked at it.
        annotated: verdict.annotated || attributes.expect.is_some(),
        destructive: if runs {
            super::hazards::destructive(&code.code, verdict.actor)
        } else {
            Vec::new()
        },
        long_running: attributes.has_class("watch")
            || (runs && super::hazards::long_running(&code.code, verdict.actor)),
        actor: verdict.actor,
        choice,
        needs: Vec::new(),
        parts: verdict.parts,
        refused: verdict.refused,
        attributes,
        code: code.code.clone(),
    };
    (block, raw, bad)
}

/// The text right before a block: the paragraph or item it belongs to.
fn label_before(nodes: &[Node], index: usize) -> &str {
    for node in nodes[..index].iter().rev().take(3) {
        match node.kind {
            NodeKind::Html => {}
            NodeKind::Paragraph | NodeKind::Item { .. } => return &node.text,
            _ => return "",
        }
    }
    ""
}

/// A fence that nothing closes, or that swallows the opening of another, turns the rest of the guide
/// inside out: nothing after it may be armed.
fn unbalanced(nodes: &[Node], result: &mut Blocks) {
    let mut broken: Option<usize> = None;
    for (index, node) in nodes.iter().enumerate() {
        let Some(code) = node.code() else { continue };
        let Some(block) = result
            .number_of
            .get(&index)
            .and_then(|number| result.blocks.get_mut(number - 1))
        else {
            continue;
        };
        if broken.is_none() && (!code.closed || swallowed(code).is_some()) {
            broken = Some(node.line);
        }
        if let Some(line) = broken {
            block.refused = Some(format!(
                "the fence of line {line} is not closed, so where code begins and ends is not certain from there on"
            ));
        }
    }
}

/// The line (from 0 in the code) where a fence with a language opens inside a block.
pub(super) fn swallowed(code: &Code) -> Option<usize> {
    code.info.as_ref()?;
    if !code.code.contains("```") {
        return None;
    }
    let language = code
        .info
        .as_deref()
        .map(|info| attributes::parse_info(info).0)
        .unwrap_or_default();
    // Guides about Markdown show fences inside longer ones.
    if matches!(
        language.as_deref(),
        Some("markdown" | "md" | "mdx" | "text")
    ) {
        return None;
    }
    code.code.lines().position(|line| {
        line.strip_prefix("```").is_some_and(|rest| {
            rest.starts_with(|first: char| first.is_ascii_alphabetic()) && !rest.contains('`')
        })
    })
}
