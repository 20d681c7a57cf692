//! Every fence and indented block of a guide as a [`Block`]: language, attributes, role, hazards and
//! the blanks it needs.

use std::collections::{HashMap, HashSet};

use super::attributes::{self, BadValue, Raw};
use super::headings::{Heading, Kind};
use super::languages::{self, Family, family};
use super::model::{Actor, Block, Choice, Part, Role};
use super::options;
use super::outline::{Code, Node, NodeKind};
use super::role::{self, Surroundings, Verdict};
use super::{blanks, rules, shapes, words};

/// Nobody can look through more before arming it, and nobody writes more by hand: a longer block, in
/// bytes, is content.
pub(super) const LARGEST_BLOCK: usize = 256 << 10;

/// Says of a block why it is not taken for commands.
pub(super) fn too_large(length: usize) -> String {
    format!(
        "{} KiB in one block: nobody can review more than {} before arming it",
        length >> 10,
        LARGEST_BLOCK >> 10
    )
}

/// The blocks, the number of each by the index of its node, and what was wrong with their attributes.
pub(super) struct Blocks {
    pub blocks: Vec<Block>,
    pub number_of: HashMap<usize, usize>,
    pub raws: Vec<Raw>,
    /// Of each heading, the way that it stands for where one of several is taken.
    pub ways: Vec<Option<Choice>>,
    pub bad: Vec<(usize, BadValue)>,
}

/// `beside` holds the attributes of nodes that `gonogo.toml` carries.
pub(super) fn read(nodes: &[Node], headings: &[Heading], beside: &HashMap<usize, Raw>) -> Blocks {
    let mut result = Blocks {
        blocks: Vec::new(),
        number_of: HashMap::new(),
        raws: Vec::new(),
        ways: options::of_headings(headings, nodes),
        bad: Vec::new(),
    };
    let fences = fences(nodes, headings, beside);
    for fence in &fences {
        result.number_of.insert(fence.index, fence.number);
    }
    let mut read = understood(&fences);
    set_for_later(&fences, &mut read);
    for (number, (block, raw, bad)) in (1..).zip(read) {
        result.bad.extend(bad.into_iter().map(|bad| (number, bad)));
        result.blocks.push(block);
        result.raws.push(raw);
    }
    of_another_database(&mut result.blocks);
    alternatives(nodes, headings, &mut result);
    unbalanced(nodes, &mut result);
    result
}

/// A fence and what stands around it.
struct Fence<'a> {
    number: usize,
    /// Of its node.
    index: usize,
    node: &'a Node,
    code: &'a Code,
    label: &'a str,
    heading: &'a str,
    in_rollback: bool,
    in_lessons: bool,
    /// Attributes that `gonogo.toml` carries for it.
    beside: Option<&'a Raw>,
    is_referred_to: bool,
}

fn fences<'a>(
    nodes: &'a [Node],
    headings: &'a [Heading],
    beside: &'a HashMap<usize, Raw>,
) -> Vec<Fence<'a>> {
    let mut fences = Vec::new();
    let mut heading = headings.iter().enumerate().peekable();
    let mut title = "";
    let (mut in_rollback, mut in_lessons) = (false, false);
    let back = within(headings, |heading| heading.kind == Kind::Rollback);
    let lessons = within(headings, |heading| {
        heading.level > 0 && heading.number.is_none() && words::says("lessons", &heading.title)
    });
    for (index, node) in nodes.iter().enumerate() {
        while let Some(next) = heading.next_if(|(_, next)| next.node <= index) {
            title = &next.1.title;
            in_rollback = back[next.0];
            in_lessons = lessons[next.0];
        }
        if let Some(code) = node.code() {
            fences.push(Fence {
                number: fences.len() + 1,
                index,
                node,
                code,
                label: label_before(nodes, index),
                heading: title,
                in_rollback,
                in_lessons,
                beside: beside.get(&index),
                is_referred_to: false,
            });
        }
    }
    fences
}

/// What each fence is. They do not look at one another.
fn understood(fences: &[Fence<'_>]) -> Vec<(Block, Raw, Vec<BadValue>)> {
    const WORTH_A_THREAD: usize = 500;
    super::cores::map(fences, WORTH_A_THREAD, block)
}

/// `REGION=eu` alone is a setting of some file, unless later blocks use `$REGION`: then the author types
/// it into the same shell.
fn set_for_later(fences: &[Fence<'_>], read: &mut [(Block, Raw, Vec<BadValue>)]) {
    let mut used: HashSet<String> = HashSet::new();
    for (fence, read) in fences.iter().zip(read).rev() {
        let known = &read.0;
        let is_shell = family(known.lang.as_deref()) == Family::Shell;
        if is_shell && known.rule == shapes::SETTINGS {
            let names = blanks::assigned(&known.code);
            if names.iter().any(|name| used.contains(name)) {
                *read = block(&Fence {
                    is_referred_to: true,
                    ..*fence
                });
            }
        } else if known.actor == Actor::Shell {
            let wanted = blanks::find(&known.code, Actor::Shell, 0).into_iter();
            let wanted = wanted.filter(|blank| blank.spelling == blanks::Spelling::Environment);
            used.extend(wanted.map(|blank| blank.name));
        }
    }
}

/// Where the guide says of one of its SQL blocks that it is for another database, and names PostgreSQL
/// nowhere in its commands, so are the others.
fn of_another_database(blocks: &mut [Block]) {
    let said = blocks.iter().find(|block| {
        block.role == Role::Foreign && block.lang.as_deref().is_some_and(languages::is_sql)
    });
    let Some(line) = said.map(|block| block.line) else {
        return;
    };
    let is_own = |block: &Block| {
        let lang = block.lang.as_deref().unwrap_or_default();
        lang != "sql" && languages::is_sql(lang)
            || ["psql", "pg_dump", "pg_restore", "postgres"]
                .iter()
                .any(|word| block.code.contains(word))
    };
    if blocks.iter().any(is_own) {
        return;
    }
    for block in blocks {
        if block.actor == Actor::Sql && !block.annotated && is_act(block) {
            block.role = Role::Foreign;
            block.actor = Actor::Nobody;
            block.parts.clear();
            "other-database".clone_into(&mut block.rule);
            let says = format!("the SQL of this guide is for another database (line {line})");
            block.why = rules::named(&block.rule, &says);
        }
    }
}

/// Whether each heading is, or stands in, a section of a kind.
fn within(headings: &[Heading], is_of_kind: impl Fn(&Heading) -> bool) -> Vec<bool> {
    let mut inside = vec![false; headings.len()];
    for (index, heading) in headings.iter().enumerate() {
        let above = heading.parent.is_some_and(|parent| inside[parent]);
        inside[index] = above || is_of_kind(heading);
    }
    inside
}

/// Blocks of which one is chosen, by the labels of neighbours and by the headings over them.
fn alternatives(nodes: &[Node], headings: &[Heading], result: &mut Blocks) {
    let mut heading = headings.iter().enumerate().peekable();
    let mut way: Option<&Choice> = None;
    // The blocks of the section at hand, with the words before each.
    let mut section: Vec<(usize, &str)> = Vec::new();
    // `Or with a file:` over the file, before what uses it.
    let mut over_a_file = None;
    for index in 0..nodes.len() {
        while let Some((at, _)) = heading.next_if(|(_, next)| next.node <= index) {
            by_labels(&section, &mut result.blocks);
            section.clear();
            over_a_file = None;
            let mut above = Some(at);
            way = None;
            while let Some(at) = above.filter(|_| way.is_none()) {
                way = result.ways[at].as_ref();
                above = headings[at].parent;
            }
        }
        let Some(number) = result.number_of.get(&index).copied() else {
            continue;
        };
        let block = &mut result.blocks[number - 1];
        let label = label_before(nodes, index);
        if !is_act(block) && block.role != Role::Foreign {
            over_a_file = Some(label).filter(|label| words::says("or", options::bare_label(label)));
            continue;
        }
        match way {
            Some(way) => {
                block.choice.get_or_insert_with(|| way.clone());
            }
            None => {
                let above = over_a_file.take().filter(|_| label.is_empty());
                section.push((number, above.unwrap_or(label)));
            }
        }
    }
    by_labels(&section, &mut result.blocks);
}

fn by_labels(section: &[(usize, &str)], blocks: &mut [Block]) {
    let labels: Vec<&str> = section
        .iter()
        .map(|(_, label)| options::bare_label(label))
        .collect();
    let groups = options::groups(&labels);
    for ((number, group), label) in section
        .iter()
        .map(|(number, _)| *number)
        .zip(groups)
        .zip(labels)
    {
        let Some(first) = group else { continue };
        let group = format!("block-{}", section[first].0);
        let block = &mut blocks[number - 1];
        let name = match label {
            "" => first_words(&block.code),
            label => label.to_owned(),
        };
        block
            .choice
            .get_or_insert_with(|| options::choice(group, &name));
    }
}

/// What a block destroys, read as a whole and by its parts.
fn destroyed(code: &str, actor: Actor, parts: &[Part]) -> Vec<String> {
    let mut all = super::hazards::destructive(code, actor);
    for phrase in parts.iter().flat_map(|part| &part.destructive) {
        if !all.contains(phrase) {
            all.push(phrase.clone());
        }
    }
    all
}

fn is_act(block: &Block) -> bool {
    matches!(
        block.role,
        Role::Run | Role::Fill | Role::Split | Role::Promote
    )
}

fn first_words(code: &str) -> String {
    code.lines()
        .map(str::trim)
        .find(|line| !line.is_empty() && !line.starts_with('#') && !line.starts_with("--"))
        .unwrap_or_default()
        .chars()
        .take(60)
        .collect()
}

fn block(fence: &Fence<'_>) -> (Block, Raw, Vec<BadValue>) {
    let Fence {
        number, node, code, ..
    } = *fence;
    let (lang, mut raw) = match &code.info {
        Some(info) => attributes::parse_info(info),
        None => (None, Raw::default()),
    };
    if let Some(beside) = fence.beside {
        raw.merge(beside.clone());
    }
    let is_sql = lang.as_deref().is_some_and(super::languages::is_sql);
    let (attributes, choice, bad) = attributes::interpret(&raw, is_sql);
    let verdict = if code.code.len() > LARGEST_BLOCK {
        Verdict {
            role: Role::Content,
            why: too_large(code.code.len()),
            ..Verdict::default()
        }
    } else {
        role::infer(&Surroundings {
            lang: lang.as_deref(),
            code: &code.code,
            label: fence.label,
            heading: fence.heading,
            in_rollback: fence.in_rollback,
            in_lessons: fence.in_lessons,
            classes: &attributes.classes,
            is_referred_to: fence.is_referred_to,
            parts: attributes.other.get("parts").map(String::as_str),
            number,
            code_line: code.code_line,
        })
    };
    // As it would run: without its prompts.
    let own = verdict.code.unwrap_or_else(|| code.code.clone());
    let runs = matches!(verdict.actor, Actor::Shell | Actor::Sql)
        && matches!(
            verdict.role,
            Role::Run | Role::Fill | Role::Split | Role::Promote | Role::Foreign
        );
    let destructive = match runs {
        true => destroyed(&own, verdict.actor, &verdict.parts),
        false => Vec::new(),
    };
    let mut block = Block {
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
        rule: verdict.rule.to_owned(),
        // Who says what a command must show has looked at it; the parts of a split are looked at apart.
        annotated: verdict.annotated
            || (attributes.expect.is_some() && verdict.role != Role::Split),
        destructive,
        long_running: attributes.has_class("watch")
            || (attributes.every_s.is_some() && matches!(verdict.actor, Actor::Shell | Actor::Sql))
            || (runs && super::hazards::long_running(&own, verdict.actor)),
        actor: verdict.actor,
        choice,
        needs: Vec::new(),
        carries: Vec::new(),
        parts: verdict.parts,
        refused: verdict.refused,
        elsewhere: None,
        hold_line: if verdict.actor == Actor::Sql {
            super::hold::hold_places(&code.code)
                .first()
                .map(|place| code.code_line + place.line)
        } else {
            None
        },
        attributes,
        code: own,
    };
    super::flag::stages(&mut block);
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
                "the fence of line {line} is not closed, so where code begins and ends is unclear from there on"
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
