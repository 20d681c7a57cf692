//! Titles that tell a catalogue: what is done weekly beside what is done monthly, one act by this and by
//! that, the same for one database and for another, one program under titles that name things.

use super::variants::{Group, only_looks};
use crate::runbook::pattern::pattern;
use crate::runbook::shell;

/// Groups of one program under titles without a verb, from which on they are a catalogue.
const FEWEST_NAMED: usize = 3;

/// The groups (by item) that are kept apart by their titles. What is numbered is a sequence, and looking
/// twice harms nobody.
pub(super) fn views(groups: &[Group]) -> Option<Vec<usize>> {
    if groups.iter().filter(|group| group.numbered).count() > 1
        || groups.iter().all(|group| group.looks)
    {
        return None;
    }
    alike(groups, period)
        .or_else(|| by_means(groups))
        .or_else(|| databases(groups))
        .or_else(|| things(groups))
        .or_else(|| forms(groups))
        .or_else(|| ways(groups))
}

/// The heads of the groups whose titles say different things of one kind.
fn alike(groups: &[Group], kind: fn(&str) -> Option<&str>) -> Option<Vec<usize>> {
    let named: Vec<(usize, &str)> = groups
        .iter()
        .filter_map(|group| Some((group.head, kind(&group.title)?)))
        .collect();
    let first = named.first()?.1;
    named
        .iter()
        .any(|(_, name)| *name != first)
        .then(|| named.into_iter().map(|(head, _)| head).collect())
}

/// `Weekly: …`, `Monthly`.
fn period(title: &str) -> Option<&str> {
    let found = pattern!(
        r"^(?:hourly|daily|nightly|weekly|monthly|quarterly|yearly|annually|stündlich|täglich|wöchentlich|monatlich|jährlich|diari[oa]|diariamente|semanal|semanalmente|mensual|mensal|mensuel|mensualmente|hebdomadaire|quotidien|giornaliero|settimanale|mensile|每日|每天|每周|每月)\b"
    );
    Some(found.find(title)?.as_str())
}

/// `Revoke by serial number` beside `Revoke by file`: the same words up to what it is done by.
fn by_means(groups: &[Group]) -> Option<Vec<usize>> {
    let means = |title: &str| {
        let found = pattern!(r"^(\w+(?: \w+)?) (?:by|from|via|using|through|per|por|desde|depuis|aus|über|через) (?:an? |the )?\S")
            .captures(title)?;
        Some(found[1].to_owned())
    };
    for one in groups.iter().filter(|group| !group.looks) {
        let Some(act) = means(&one.title) else {
            continue;
        };
        let heads: Vec<usize> = groups
            .iter()
            .filter(|group| {
                means(&group.title).as_ref() == Some(&act) && first_of(group) == first_of(one)
            })
            .map(|group| group.head)
            .collect();
        if heads.len() > 1 {
            return Some(heads);
        }
    }
    None
}

/// `MySQL: wait for it` beside `PostgreSQL: wait for it`: of two databases, one is there.
fn databases(groups: &[Group]) -> Option<Vec<usize>> {
    let named = |title: &str| {
        let found = pattern!(
            r"^(mysql|mariadb|postgres(?:ql)?|sqlite|mongodb|oracle|sql server)\b\W*(.*)$"
        )
        .captures(title)?;
        Some((found[1].to_owned(), found[2].to_owned()))
    };
    for one in groups {
        let Some((name, act)) = named(&one.title) else {
            continue;
        };
        let others: Vec<usize> = groups
            .iter()
            .filter(|group| {
                named(&group.title).is_some_and(|(other, its)| {
                    group.head == one.head || other != name && its == act
                })
            })
            .map(|group| group.head)
            .collect();
        if others.len() > 1 {
            return Some(others);
        }
    }
    None
}

/// Three or more titles without a verb over commands of one program: things to have, not steps.
fn things(groups: &[Group]) -> Option<Vec<usize>> {
    let first = first_of(groups.first()?);
    let named = groups
        .iter()
        .filter(|group| !begins_with_a_verb(&group.title))
        .count();
    let acting = groups.iter().filter(|group| !group.looks).count();
    // The program of SQL is its verb.
    (!first.is_empty()
        && !first.bytes().all(|byte| byte.is_ascii_uppercase())
        && named >= FEWEST_NAMED
        && named + 1 >= groups.len()
        && acting > 1
        && groups
            .iter()
            .all(|group| first_of(group) == first && group.keys.len() == 1))
    .then(|| groups.iter().map(|group| group.head).collect())
}

/// One command again and again, under a title each: forms of one act, of which one is wanted. Where they
/// are a sequence after all, its parts are walked in that order.
fn forms(groups: &[Group]) -> Option<Vec<usize>> {
    let words = |group: &Group| -> Vec<String> {
        let line = group.first.lines().next().unwrap_or_default();
        let program = shell::program(line);
        line.split_whitespace()
            .skip_while(|word| *word != program)
            .filter(|word| {
                word.bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte == b'-' || byte == b'_')
                    && !word.starts_with('-')
            })
            .take(3)
            .map(str::to_owned)
            .collect()
    };
    let act = words(groups.first()?);
    let looks = |group: &Group| only_looks(group.title.split(' ').next().unwrap_or_default());
    (act.len() > 1
        && groups.len() > 1
        && !groups.iter().any(looks)
        && groups
            .iter()
            .all(|group| group.keys.len() == 1 && !is_next(&group.title) && words(group) == act))
    .then(|| groups.iter().map(|group| group.head).collect())
}

/// `Manual switch`, `Full (non-interactive)`, `Force it`: another way beside the usual one.
fn ways(groups: &[Group]) -> Option<Vec<usize>> {
    let another = |title: &str| {
        pattern!(r"^(?:manual|manually|full|quick|force|forced|skip|only|without|with)\b")
            .is_match(title)
    };
    let is_one = |group: &Group| another(&group.title) && !group.looks;
    (groups.len() > 1 && groups.iter().any(is_one) && !groups.iter().any(|one| is_next(&one.title)))
        .then(|| groups.iter().map(|group| group.head).collect())
}

/// The title goes on from what stands above it.
fn is_next(title: &str) -> bool {
    pattern!(r"^(?:then|next|now|finally|after|afterwards|and|wait)\b").is_match(title)
}

fn first_of(group: &Group) -> &str {
    let line = group.first.lines().next().unwrap_or_default();
    match shell::program(line) {
        // A manager of packages stands before the program.
        "npm" | "npx" | "pnpm" | "yarn" | "bun" | "bunx" => "npm",
        program => program,
    }
}

/// Whether a title tells an act, or an order: its first word is a verb. In languages whose verbs are
/// not listed, and where it cannot be told, it is taken for one.
fn begins_with_a_verb(title: &str) -> bool {
    let word = title
        .split(|character: char| !character.is_alphanumeric() && character != '-')
        .find(|word| !word.is_empty())
        .unwrap_or_default();
    !title.is_ascii()
        || pattern!(r"^(?:re-?)?(?:run|deploy|build|start|stop|create|check|verify|install|copy|apply|set|get|add|remove|delete|update|pull|push|wait|scale|roll|rollback|restore|backup|back|generate|make|enable|disable|list|show|view|clone|configure|export|import|download|upload|execute|connect|migrate|initiali[sz]e|init|switch|load|clear|use|find|monitor|watch|ensure|drop|commit|tag|log|move|clean|grant|insert|navigate|go|validate|compare|replace|trigger|fetch|send|stream|test|publish|register|allow|deny|block|open|close|prepare|promote|upgrade|downgrade|then|next|now|finally|first|last|after|before|format|lint|type|seed|sync|merge|rebase|fix|auto-fix|revoke|force|notify|print|save|launch|bring|take|put|keep|mount|change|rename|rotate|reset|revert|undo|draw|drain|cordon|label|patch|edit|inspect|describe|count|analy[sz]e|vacuum|schedule|unlock|lock|tail|follow|attach|detach|sign|encrypt|decrypt|flush|purge|prune|kill|terminate|resume|pause|setup|snapshot|archive|compress|extract|unpack|link|expose|bind|assign|attach)\b")
            .is_match(title)
        || word.len() > 4 && pattern!(r"(?:ar|er|ir|are|ere|ire|ieren|eln|ern|en)$").is_match(word)
            && !pattern!(r"^(?:server|container|docker|docker-compose|worker|user|manager|cluster|scheduler|frontend-server|loadbalancer|controller|broker|router|helper|other|newer|older|software|linear|similar|regular|open|green|screen|token)s?$").is_match(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_of_acts_and_of_things() {
        for act in [
            "deploy the api",
            "restart it",
            "limpiar volumes",
            "avviare con pm2",
            "rebuild",
            "然后",
        ] {
            assert!(begins_with_a_verb(act), "{act}");
        }
        for thing in [
            "with coverage",
            "metrics stack",
            "all of them",
            "server logs",
            "quick (ten examples)",
        ] {
            assert!(!begins_with_a_verb(thing), "{thing}");
        }
    }
}
