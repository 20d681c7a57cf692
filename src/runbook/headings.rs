//! Headings as a tree of sections, what each section is for by the words of its title, and the number
//! it carries (`Phase 3`, `Step 2`, `1.1`, `T-30m`).

use super::attributes::{Raw, take_comments, take_heading_attributes};
use super::labels::{Label, label_of};
use super::outline::{Node, NodeKind};
use super::pattern::pattern;
use super::words::{self, is_act};

/// What a section is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Preparation,
    /// Could be part of the walk.
    Walk,
    /// Says "deployment steps", "procedure": its children are the likely phases.
    Procedure,
    /// Verification and monitoring after the deployment.
    After,
    Cleanup,
    Rollback,
    Troubleshooting,
    Contacts,
    Metrics,
    Reference,
}

impl Kind {
    /// Never on the forward path, whatever stands in it.
    pub fn is_aside(self) -> bool {
        matches!(
            self,
            Self::Rollback
                | Self::Troubleshooting
                | Self::Contacts
                | Self::Metrics
                | Self::Reference
        )
    }
}

/// The word before a heading's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Word {
    Phase,
    Stage,
    Step,
    Task,
    Day,
    Clock,
    Bare,
    Test,
    Option,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Number {
    pub word: Word,
    /// `1.2` is `[1, 2]`; minutes for a T-clock.
    pub path: Vec<i64>,
}

#[derive(Clone, Debug)]
pub(super) struct Heading {
    pub node: usize,
    pub level: u8,
    pub line: usize,
    pub title: String,
    pub kind: Kind,
    pub number: Option<Number>,
    pub parent: Option<usize>,
    pub children: Vec<usize>,
    /// Nodes between this heading and the next one: `node + 1 .. body_end`.
    pub body_end: usize,
    /// Nodes of the whole section: `node + 1 .. end`.
    pub end: usize,
    /// Attributes of the heading and of comments right under it.
    pub raw: Raw,
}

/// The level of a bold label that heads a part of a rollback: below every heading.
const LABEL: u8 = 7;

/// All headings, in order. The first heading of a guide, where it is its only title, is the parent of
/// everything after it. In a rollback, bold labels before commands are headings too.
pub(super) fn headings(nodes: &[Node]) -> Vec<Heading> {
    const WORTH_A_THREAD: usize = 1_000;
    let found: Vec<(usize, u8)> = nodes
        .iter()
        .enumerate()
        .filter_map(|(index, node)| match node.kind {
            NodeKind::Heading { level } => Some((index, level)),
            _ => None,
        })
        .collect();
    let mut headings = super::cores::map(&found, WORTH_A_THREAD, |(index, level)| {
        heading(nodes, *index, *level)
    });
    // A title may carry a number of its own: `Phase 2: move the data`.
    let alone = !headings.iter().skip(1).any(|other| other.level == 1);
    if headings.first().is_some_and(|first| {
        first.level == 1 && (first.number.is_none() || alone && headings.len() > 2)
    }) {
        headings[0].level = 0;
    }
    settle_by_title(&mut headings);
    nest(&mut headings, nodes.len());
    settle_trouble(&mut headings);
    let labels = labels_of_rollbacks(&headings, nodes);
    if !labels.is_empty() {
        headings.extend(labels.into_iter().map(|index| heading(nodes, index, LABEL)));
        headings.sort_by_key(|heading| heading.node);
        nest(&mut headings, nodes.len());
    }
    headings
}

/// What the title of the guide says of its sections. In a guide for a rollback each way that it numbers is one;
/// in one for a failure, to recover is the way forward.
fn settle_by_title(headings: &mut [Heading]) {
    let Some((title, sections)) = headings.split_first_mut() else {
        return;
    };
    if title.level > 0 {
        return;
    }
    let goes_back = title.kind == Kind::Rollback;
    let recovers = !goes_back && words::says("failure-title", &title.title);
    for section in sections
        .iter_mut()
        .filter(|one| forced_kind(&one.raw).is_none())
    {
        let lower = bare_title(&section.title).to_lowercase();
        let is_option = section
            .number
            .as_ref()
            .is_some_and(|number| number.word == Word::Option);
        if goes_back
            && section.kind == Kind::Walk
            && section.number.is_some()
            && (is_option || is_rollback(&lower, false))
            && !words::says("after-title", &lower)
        {
            section.kind = Kind::Rollback;
        } else if recovers && section.kind == Kind::Rollback && names_recovery(&lower) {
            section.kind = Kind::Walk;
        }
    }
}

/// `If something goes wrong` is looked up, but in a rollback a rollback of its own.
fn settle_trouble(headings: &mut [Heading]) {
    let mut back = vec![false; headings.len()];
    for index in 0..headings.len() {
        let above = headings[index].parent.is_some_and(|parent| back[parent]);
        back[index] = above || headings[index].kind == Kind::Rollback;
        let heading = &mut headings[index];
        let is_open = heading.kind == Kind::Walk && heading.level > 0 && !back[index];
        if is_open
            && forced_kind(&heading.raw).is_none()
            && words::says("in-trouble", &heading.title)
        {
            heading.kind = Kind::Troubleshooting;
        }
    }
}

/// To recover may be to go back, and may be the whole matter of a guide.
fn names_recovery(lower: &str) -> bool {
    pattern!(r"disaster recovery|^recovery (procedure|plan|steps)").is_match(lower)
}

fn heading(nodes: &[Node], index: usize, level: u8) -> Heading {
    let node = &nodes[index];
    let (title, mut raw) = take_heading_attributes(&node.text);
    for follower in nodes[index + 1..].iter().take(3) {
        if follower.kind != NodeKind::Html {
            break;
        }
        raw.merge(take_comments(&follower.text).1);
    }
    let title = match level {
        LABEL => match bold_beginning(&title) {
            Some(_) => title.replacen("**", "", 2),
            None => title,
        }
        .trim_matches(['*', '_', ':', ' '])
        .to_owned(),
        _ => title,
    };
    let number = number_of(&title);
    let kind = forced_kind(&raw).unwrap_or_else(|| kind_of(&title, number.as_ref()));
    Heading {
        node: index,
        level,
        line: node.line,
        title,
        kind,
        number,
        parent: None,
        children: Vec::new(),
        body_end: nodes.len(),
        end: nodes.len(),
        raw,
    }
}

/// Finds each heading's parent, children and end.
fn nest(headings: &mut [Heading], nodes: usize) {
    for heading in headings.iter_mut() {
        heading.parent = None;
        heading.children.clear();
        (heading.body_end, heading.end) = (nodes, nodes);
    }
    let mut open: Vec<usize> = Vec::new();
    for index in 0..headings.len() {
        let (level, node) = (headings[index].level, headings[index].node);
        if index > 0 {
            headings[index - 1].body_end = node;
        }
        while let Some(&last) = open.last() {
            if headings[last].level < level {
                break;
            }
            headings[last].end = node;
            open.pop();
        }
        if let Some(&parent) = open.last() {
            headings[index].parent = Some(parent);
            headings[parent].children.push(index);
        }
        open.push(index);
    }
}

/// Bold labels that head the parts of a rollback where its author made no headings: two or more under
/// one heading, each with something to do before the next.
fn labels_of_rollbacks(headings: &[Heading], nodes: &[Node]) -> Vec<usize> {
    let mut back = vec![false; headings.len()];
    let mut found = Vec::new();
    for (index, heading) in headings.iter().enumerate() {
        back[index] =
            heading.kind == Kind::Rollback || heading.parent.is_some_and(|parent| back[parent]);
        if !back[index] {
            continue;
        }
        let labels: Vec<usize> = (heading.node + 1..heading.body_end)
            .filter(|node| is_bold_label(&nodes[*node]))
            .collect();
        let ends = labels.iter().skip(1).copied().chain([heading.body_end]);
        let heads: Vec<usize> = labels
            .iter()
            .copied()
            .zip(ends)
            .filter(|(label, end)| nodes[label + 1..*end].iter().any(asks_for_something))
            .map(|(label, _)| label)
            .collect();
        match heads.len() > 1 {
            true => found.extend(heads),
            false => found.extend(ways_in_a_list(heading, nodes)),
        }
    }
    found
}

/// A command, a box, or a numbered act.
fn asks_for_something(node: &Node) -> bool {
    match &node.kind {
        NodeKind::Code(_) => true,
        NodeKind::Item { task, ordered } => *ordered || task.is_some() || is_act(&node.text),
        _ => false,
    }
}

/// The items of a list of which two or more begin with the bold name of a rollback, as in
/// `1. **API rollback**: …`, `2. **Manual rollback**: …`, `3. **Restart**: …`.
fn ways_in_a_list(heading: &Heading, nodes: &[Node]) -> Vec<usize> {
    let items: Vec<usize> = (heading.node + 1..heading.body_end)
        .filter(|index| {
            let node = &nodes[*index];
            matches!(node.kind, NodeKind::Item { .. }) && node.item.is_none()
        })
        .collect();
    let labels = || {
        items
            .iter()
            .map(|index| bold_beginning(&nodes[*index].text))
    };
    let ways = labels().flatten().filter(|label| names_a_rollback(label));
    match ways.count() > 1 && labels().all(|label| label.is_some()) {
        true => items,
        false => Vec::new(),
    }
}

/// `API rollback` of `**API rollback**: call it`.
fn bold_beginning(text: &str) -> Option<&str> {
    let text = text.trim();
    ["**", "__"].iter().find_map(|mark| {
        let (label, _) = text.strip_prefix(mark)?.split_once(mark)?;
        let label = label.trim_end_matches([':', ' ']);
        (!label.is_empty()).then_some(label)
    })
}

fn names_a_rollback(label: &str) -> bool {
    kind_of(label, number_of(label).as_ref()) == Kind::Rollback
}

impl Heading {
    /// One of the rollbacks that a list names by bold words.
    pub fn is_way_in_a_list(&self, nodes: &[Node]) -> bool {
        self.is_item(nodes) && bold_beginning(&nodes[self.node].text).is_some_and(names_a_rollback)
    }

    /// It is an item of a list that heads a part of a rollback.
    pub fn is_item(&self, nodes: &[Node]) -> bool {
        self.level == LABEL && matches!(nodes[self.node].kind, NodeKind::Item { .. })
    }
}

/// `**Step 1: Restart**` or `**Quick rollback:**` alone on its line, and no label such as `Expected`.
fn is_bold_label(node: &Node) -> bool {
    let text = node.text.trim();
    let is_bold = ["**", "__"].iter().any(|mark| {
        let inner = text.strip_prefix(mark);
        let inner = inner.and_then(|rest| rest.trim_end_matches(':').strip_suffix(mark));
        inner.is_some_and(|inner| !inner.is_empty() && !inner.contains(mark))
    });
    node.kind == NodeKind::Paragraph
        && node.item.is_none()
        && is_bold
        && label_of(text).is_some_and(|(label, _)| label == Label::Other)
}

/// A comment such as `<!-- gonogo: rollback -->` decides what a section is for.
pub(super) fn forced_kind(raw: &Raw) -> Option<Kind> {
    [
        ("phase", Kind::Walk),
        ("begin", Kind::Walk),
        ("phases", Kind::Procedure),
        ("preparation", Kind::Preparation),
        ("cleanup", Kind::Cleanup),
        ("rollback", Kind::Rollback),
        ("reference", Kind::Reference),
    ]
    .into_iter()
    .find(|(word, _)| raw.flag(word))
    .map(|(_, kind)| kind)
}

/// Symbols, emoji and emphasis before the words of a title.
pub(super) fn bare_title(title: &str) -> &str {
    title
        .trim_start_matches(|character: char| {
            !character.is_alphanumeric()
                && !matches!(character, '$' | '<' | '[' | '(' | '`' | '"' | '\'' | '/')
        })
        .trim_end_matches([' ', ':', '*', '_'])
}

/// The number of a title; of `2. Phase 1: copy` that of the phase.
pub(super) fn number_of(title: &str) -> Option<Number> {
    let number = first_number(title)?;
    let inner = pattern!(r"^\W*\d{1,3}(?:\.\d{1,3})*\s*[.):]\s+(\S.*)$").captures(title);
    let inner = match (number.word, inner) {
        (Word::Bare, Some(found)) => first_number(&found[1]),
        _ => None,
    };
    let is_worded = |inner: &Number| matches!(inner.word, Word::Phase | Word::Stage | Word::Step);
    Some(inner.filter(is_worded).unwrap_or(number))
}

fn first_number(title: &str) -> Option<Number> {
    // Keycap digits: 1️⃣.
    let mut leading = title.trim_start().chars();
    if let (Some(digit @ '0'..='9'), Some('\u{fe0f}' | '\u{20e3}')) =
        (leading.next(), leading.next())
    {
        return Some(Number {
            word: Word::Bare,
            path: vec![i64::from(digit as u32 - '0' as u32)],
        });
    }
    let text = bare_title(title).trim_start_matches(['[', '【']);
    let worded = pattern!(
        r"(?i)^(phase|stage|step|part|task|wave|day|week|month|test|check|option|method|approach|scenario|alternative|variant|fase|étape|etape|etapa|schritt|paso|passo|passaggio|stap|steg|krok|etap|adım|adim|шаг|этап|步骤|步驟|阶段|階段|ステップ|フェーズ|단계|tag|giorno|día|dia|jour|opción|opção|opzione|opcja|optie|variante|methode|méthode|método|metodo|вариант|способ|opsi|方式|方案|方法|选项|방법|방안|옵션)s?\s*(?:#|no\.?\s*|n[.°º]\s*)?(\d+(?:\.\d+)*[a-z]?|[a-h]|one|two|three|four|five|six|seven|eight|nine|ten|[ivx]+|[一二三四五六七八九十])(?:\b|[\s:：、.）)\]])"
    );
    // `Staged` and `Phased` are no stage D and phase D.
    let apart = |found: &regex::Captures<'_>| {
        let (word, number) = (&found[1], &found[2]);
        let between = &found[0][word.len()..found[0].len() - number.len()];
        !(between.is_empty() || between.eq_ignore_ascii_case("s"))
            || !word.ends_with(|last: char| last.is_ascii_alphabetic())
            || number.starts_with(|first: char| first.is_ascii_digit())
    };
    if let Some(found) = worded.captures(text).filter(apart) {
        let word = match found[1].to_lowercase().as_str() {
            "phase" | "fase" | "阶段" | "階段" | "フェーズ" => Word::Phase,
            "stage" | "wave" | "этап" | "etap" => Word::Stage,
            "step" | "étape" | "etape" | "etapa" | "schritt" | "paso" | "passo" | "passaggio"
            | "stap" | "steg" | "krok" | "adım" | "adim" | "шаг" | "步骤" | "步驟" | "ステップ"
            | "단계" => Word::Step,
            "part" | "task" => Word::Task,
            "day" | "week" | "month" | "tag" | "giorno" | "día" | "dia" | "jour" => Word::Day,
            "test" | "check" => Word::Test,
            _ => Word::Option,
        };
        return Some(Number {
            word,
            path: number_path(&found[2]),
        });
    }
    if let Some(found) =
        pattern!(r"^第\s*(\d+|[一二三四五六七八九十])\s*(步|阶段|階段|段階)").captures(text)
    {
        let word = if &found[2] == "步" {
            Word::Step
        } else {
            Word::Phase
        };
        return Some(Number {
            word,
            path: number_path(&found[1]),
        });
    }
    if let Some(found) =
        pattern!(r"(?i)^T\s*([-+−–])\s*(\d+)\s*(m|min|minutes?|h|hours?|hr|d|days?|w|weeks?)?\b")
            .captures(text)
    {
        let amount: i64 = found[2].parse().ok()?;
        let unit = match found
            .get(3)
            .map_or("m", |unit| unit.as_str())
            .chars()
            .next()
        {
            Some('h' | 'H') => 60,
            Some('d' | 'D') => 1_440,
            Some('w' | 'W') => 10_080,
            _ => 1,
        };
        let sign = if &found[1] == "+" { 1 } else { -1 };
        return Some(Number {
            word: Word::Clock,
            path: vec![sign * amount.saturating_mul(unit)],
        });
    }
    if let Some(found) = pattern!(r"^([一二三四五六七八九十]{1,3})、").captures(text) {
        return Some(Number {
            word: Word::Bare,
            path: number_path(&found[1]),
        });
    }
    let bare = pattern!(
        r"^(?:(\d{1,3}(?:\.\d{1,3})+)\.?\s|(\d{1,3})\s*[.):\-–—]\s*\S|\[(\d{1,2})(?:/\d{1,2})?\])"
    );
    let found = bare.captures(text)?;
    let digits = found.get(1).or(found.get(2)).or(found.get(3))?.as_str();
    // `3-node cluster`, `24-Hour Monitoring`, `5.4x faster` are no numbers of sections.
    let after = &text[digits.len().min(text.len())..];
    if after.starts_with(['-', '–']) {
        return None;
    }
    Some(Number {
        word: Word::Bare,
        path: number_path(digits),
    })
}

fn number_path(text: &str) -> Vec<i64> {
    let lower = text.to_ascii_lowercase();
    let words = [
        "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
    ];
    if let Some(value) = words.iter().position(|word| *word == lower) {
        return vec![i64::try_from(value).unwrap_or_default()];
    }
    if lower.starts_with(|first: char| first.is_ascii_digit()) {
        return lower
            .split('.')
            .filter_map(|part| {
                part.trim_end_matches(|character: char| character.is_ascii_alphabetic())
                    .parse()
                    .ok()
            })
            .collect();
    }
    if let Some(value) = chinese(&lower) {
        return vec![value];
    }
    let romans = [
        "", "i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x",
    ];
    if let Some(value) = romans.iter().position(|roman| *roman == lower) {
        return vec![i64::try_from(value).unwrap_or_default()];
    }
    let letter = lower.bytes().next().unwrap_or(b'a');
    vec![i64::from(letter.saturating_sub(b'a')) + 1]
}

/// `三`, `十四`, `二十一`.
fn chinese(text: &str) -> Option<i64> {
    let mut value = 0;
    for letter in text.chars() {
        let digit = "零一二三四五六七八九十"
            .chars()
            .position(|one| one == letter)?;
        let digit = i64::try_from(digit).ok()?;
        value = match digit {
            10 => value.max(1) * 10,
            _ => value + digit,
        };
    }
    (value > 0).then_some(value)
}

/// What a section is for, by the words of its title.
pub(super) fn kind_of(title: &str, number: Option<&Number>) -> Kind {
    let lower = bare_title(title).to_lowercase();
    let numbered = number.is_some_and(|number| !matches!(number.word, Word::Option | Word::Test));
    if is_rollback(&lower, numbered) {
        return Kind::Rollback;
    }
    // Some are told by their words even where they have a number.
    let told =
        pattern!(r"^(?:\d+(?:\.\d+)*[.):]?\s+|[一二三四五六七八九十]+、\s*)").replace(&lower, "");
    for (question, kind) in [
        ("trouble", Kind::Troubleshooting),
        ("contacts", Kind::Contacts),
        ("looked-up", Kind::Reference),
    ] {
        if words::says(question, &told) {
            return kind;
        }
    }
    let says = |pattern: &regex::Regex| pattern.is_match(&lower);
    // `3. Confirm that the contacts are there` is done.
    let is_act = numbered && is_act(&told);
    if says(pattern!(
        r"troubleshoot|common (issues|problems|errors)|known (issues|problems|limitations)|^issues?\b|^problems?\b|^error:|\bfaq\b|frequently asked|debugging|if (something|things) (go|goes|went) wrong|if issues|gotchas|pitfalls|^emergency (procedures?|actions?|response)|^in (an|case of) emergency|^incident response|^fehlerbehebung|fehlersuche|^probleme\b|^notfall|dépannage|résolution des problèmes|procédures? d.urgence|^en cas d.(urgence|erreur|échec)|gestion des erreurs|solución de problemas|resolución de problemas|procedimientos? de emergencia|solução de problemas|resolução de problemas|risoluzione (dei )?problemi|procedure di emergenza|устранение (неполадок|проблем)|故障排[查除]|常见问题|常见错误|踩坑|問題排除|トラブルシュ|문제 해결"
    )) {
        return Kind::Troubleshooting;
    }
    if !is_act
        && says(pattern!(
            r"\bcontacts?\b|escalation|on-?call|^support\b|^supporto\b|^kontakt|ansprechpartner|^contactos?\b|^contatti\b|联系人|紧急联系|連絡先|who to call|getting help|need help|\bhelp\b$"
        ))
    {
        return Kind::Contacts;
    }
    if !numbered
        && says(pattern!(
            r"success (metrics|criteria|indicators)|acceptance criteria|\bkpis?\b|expected (performance|improvement|results|outcomes|benefits)|definition of done|performance (targets|impact|improvements)"
        ))
    {
        return Kind::Metrics;
    }
    if !numbered && is_reference(&lower) {
        return Kind::Reference;
    }
    if says(pattern!(
        r"^pre[- ]?(deploy|migrat|flight|release|launch|cutover|upgrade|check|install|requisit|work|maintenance|rollout|go)|prerequisite|before (you|we) (begin|start|deploy)|before (deploy|start|migrat)|^preparation|^prepare\b|approval checklist|^requirements?\b|^what you need|^access (required|requirements)|required (access|tools|permissions)|system requirements|^setup requirements|voraussetzungen|vorbereitung|prérequis|requisitos|pré-requisitos|prerequisiti|предварительные|前提条件|环境要求|环境准备|準備|准备工作|必要条件"
    )) || words::says("prepare-title", &told)
    {
        return if numbered {
            Kind::Walk
        } else {
            Kind::Preparation
        };
    }
    if !numbered
        && says(pattern!(
            r"clean[- ]?ups?\b|decommission|post-monitoring|housekeeping|aufräumen|nettoyage|limpieza|limpeza|pulizia|очистка|清理|クリーンアップ"
        ))
    {
        return Kind::Cleanup;
    }
    if !numbered
        && (says(pattern!(
            r"^post[- ]?(deploy|migrat|release|launch|install|cutover|upgrade|rollout|maintenance)|after (the )?(deploy|migrat|release|go-live)|^monitoring|\bmonitoring (checklist|plan|period)|^verif|^validat|verification$|^health checks?|smoke tests?$|quick reference|^observ|^verifica|^vérification|^verificación|^überprüfung|^验证|^検証"
        )) || words::says("after-title", &told))
    {
        return if lower.contains("quick reference") {
            Kind::Reference
        } else {
            Kind::After
        };
    }
    if !numbered
        && (says(pattern!(
            r"(deploy(ment)?|migration|release|upgrade|rollout|cutover|installation|implementation|execution|maintenance|failover|restore|recovery|update) (steps?|procedures?|process|instructions?|sequence|phases?|runbook|tasks?|plan)\b|^steps?$|^procedures?$|^instructions?$|^process$|^runbook$|step[- ]by[- ]step|phase breakdown|^phases$|detailed (steps|phase|plan|procedure)|^execution\b|^how to deploy|ablauf|durchführung|部署步骤|操作步骤|升级步骤|迁移步骤|手順"
        )) || words::says("procedure-title", &told))
    {
        return Kind::Procedure;
    }
    Kind::Walk
}

fn is_rollback(lower: &str, numbered: bool) -> bool {
    let names_it = pattern!(
        r"roll(ing)?[- ]?back|back[- ]?out (plan|procedure|steps)|^back[- ]?out\b|^revert|\bundo\b|disaster recovery|^recovery (procedure|plan|steps)|rückfall|zurückrollen|retour arrière|marcha atrás|reversión|reversão|ripristino|^restauration (depuis|complète)|откат|回滚|回退|ロールバック|롤백"
    )
    .is_match(lower)
        || words::says("rollback-title", lower);
    // "If it goes wrong" is about the whole change; "if something goes wrong" often about anything.
    let in_case = pattern!(
        r"^(what )?(if|when|in case|should) (it|this|that|all|everything|the (deploy(ment)?|release|migration|rollout|change|upgrade|update|cutover|switch(over)?|installation)) (all )?(goes|go|went|fails?|failed|breaks?|does ?n.t work)\b|^how to (revert|back out|undo)\b|^backing out\b|^falling back\b"
    )
    .is_match(lower);
    if in_case && !numbered {
        return true;
    }
    if !names_it {
        return false;
    }
    // Making a rollback ready is a part of the way forward.
    if pattern!(r"prepar|vorbereit|准备|準備|creat\w* |snapshot|\btest(s|ing|ed)?\b|readiness|\brehears|rollback (point|image|tag)s?\b|review|verify rollback|backup and rollback|zero[- ]downtime")
        .is_match(lower)
    {
        return false;
    }
    if numbered {
        // `Step 4: Deploy or roll back` stays; `Phase 6: Rollback (if needed)` goes.
        return pattern!(r"(^|[:.)\-–—]\s*|^\w+ \d+\s+)(emergency |quick |full |manual |automat\w+ )*(roll(ing)?[- ]?back|revert|back[- ]?out)|rollback (plan|procedure|strategy|steps|instructions|if)|if needed|(^|[:：.)\-–—]\s*|^[\d.]+\s+)(rückfall|zurückrollen|retour arrière|marcha atrás|reversión|reversão|ripristino|откат|回滚|回退|ロールバック|롤백)")
            .is_match(lower)
            || words::says("rollback-title", lower);
    }
    true
}

fn is_reference(lower: &str) -> bool {
    pattern!(
        r"^(overview|introduction|summary|executive summary|background|context|purpose|scope|goals?|objectives?|motivation|table of contents|contents|toc|architecture|glossary|terminology|notes?|references?|resources|see also|related|links|further reading|changelog|change ?log|history|revision|version history|appendi|license|credits|about|next steps|what'?s next|conclusion|faq|timeline\b|schedule\b|risks?\b|risk |cost|pricing|benefits|features|key (features|points|concepts|metrics|principles)|best practices|tips|security (considerations|notes|best)|limitations|files? (modified|changed|created|structure)|project structure|directory structure|system components|components|tech stack|technology|documentation|usage examples?|examples?|quick reference|cheat ?sheet|useful commands|common commands|communication|stakeholders|roles|responsibilit|lessons|api (documentation|reference|endpoints?)|endpoints?\b|environment variables|future|maintenance (tasks|schedule)|status|sign-?off|impact|what (changed|this|is|was)|why |how it works|übersicht|überblick|aperçu)|\bbest practices$|相关文档|附录|参考|概述|目录|简介|referencias$|références$|referenze$|\bcommunication$|overview$|architecture$|strategy overview|\bmigration strategy\b|comparison$|summary$|contacts?$|appendix"
    )
    .is_match(lower)
}

/// A short, stable id: `phase-3` for `Phase 3: Run the migration`, else up to six words.
pub(super) fn slug(title: &str) -> String {
    slug_of(title, number_of(title).as_ref())
}

/// [`slug`] of a title whose number is known.
pub(super) fn slug_of(title: &str, number: Option<&Number>) -> String {
    if let Some(number) = number
        && !matches!(number.word, Word::Bare | Word::Clock)
    {
        let text = bare_title(title).to_lowercase();
        let mut words =
            text.split(|character: char| !character.is_alphanumeric() && character != '.');
        let word = words.next().unwrap_or_default();
        let digits = words.find(|word| !word.is_empty()).unwrap_or_default();
        let id = format!("{word}-{}", digits.trim_matches('.').replace('.', "-"));
        return id.trim_matches('-').to_owned();
    }
    let mut words = Vec::new();
    for word in title
        .to_lowercase()
        .split(|character: char| !character.is_alphanumeric())
        .filter(|word| !word.is_empty())
    {
        words.push(word.to_owned());
        if words.len() == 6 {
            break;
        }
    }
    let id = words.join("-");
    if id.is_empty() {
        "section".to_owned()
    } else {
        id.chars().take(60).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(title: &str) -> Option<(Word, Vec<i64>)> {
        number_of(title).map(|number| (number.word, number.path))
    }

    #[test]
    fn numbers_of_headings() {
        assert_eq!(number("Phase 3: Migrate"), Some((Word::Phase, vec![3])));
        assert_eq!(number("✅ Step 2 - Deploy"), Some((Word::Step, vec![2])));
        assert_eq!(
            number("🔧 FASE 3: Installare"),
            Some((Word::Phase, vec![3]))
        );
        assert_eq!(number("Étape 2 : Copier"), Some((Word::Step, vec![2])));
        assert_eq!(number("步骤 4: 验证"), Some((Word::Step, vec![4])));
        assert_eq!(number("第2步 停止"), Some((Word::Step, vec![2])));
        assert_eq!(number("方案B: 重建"), Some((Word::Option, vec![2])));
        assert_eq!(number("1.2 Tables"), Some((Word::Bare, vec![1, 2])));
        assert_eq!(number("4. Verify"), Some((Word::Bare, vec![4])));
        assert_eq!(number("1️⃣ Back up"), Some((Word::Bare, vec![1])));
        assert_eq!(number("T-30m: freeze"), Some((Word::Clock, vec![-30])));
        assert_eq!(number("Option B: restore"), Some((Word::Option, vec![2])));
        assert_eq!(number("Step Two"), Some((Word::Step, vec![2])));
        for none in [
            "24-Hour Monitoring",
            "PostgreSQL 15",
            "Phases",
            "2 databases",
            "Stop everything",
            "Staged Deployment",
            "Tage danach",
        ] {
            assert_eq!(number(none), None, "{none}");
        }
    }

    #[test]
    fn kinds_of_sections() {
        for (title, kind) in [
            ("Rollback Procedure (If Needed)", Kind::Rollback),
            ("🚨 Rollback Plans", Kind::Rollback),
            ("12.2 回滚步骤", Kind::Rollback),
            ("If it goes wrong", Kind::Rollback),
            ("When the migration fails", Kind::Rollback),
            ("Backing out", Kind::Rollback),
            ("If something goes wrong", Kind::Troubleshooting),
            ("Step 2: If the deployment fails", Kind::Walk),
            ("If it rains", Kind::Walk),
            ("Phase 6: Rollback", Kind::Rollback),
            ("Step 2: Test the rollback script", Kind::Walk),
            ("Rolling Deployment Guide", Kind::Walk),
            ("Pre-Deployment Checklist", Kind::Preparation),
            ("Prerequisites", Kind::Preparation),
            ("Deployment Steps", Kind::Procedure),
            ("Post-Deployment Cleanup", Kind::Cleanup),
            ("Post-Deployment Monitoring (24 Hours)", Kind::After),
            ("Troubleshooting", Kind::Troubleshooting),
            ("Emergency Contacts", Kind::Contacts),
            ("Success Metrics", Kind::Metrics),
            ("Phase 5: Cleanup", Kind::Walk),
            ("Overview", Kind::Reference),
        ] {
            assert_eq!(kind_of(title, number_of(title).as_ref()), kind, "{title}");
        }
    }

    #[test]
    fn ids() {
        assert_eq!(slug("Phase 3: Run Migration Script"), "phase-3");
        assert_eq!(slug("Option A: stop one"), "option-a");
        assert_eq!(slug("1.1 Create Core Tables"), "1-1-create-core-tables");
        assert_eq!(slug("🎯"), "section");
    }
}
