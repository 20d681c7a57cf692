//! Blocks that belong to another machine than the one that runs them: an earlier block opens a session
//! there, the words before it say so or forbid this machine, words over a section say it of all its steps,
//! or its prompt names a host. A session ends with the section that it serves, with words that lead back, or
//! with a command that reaches the same host from outside.

use super::blocks::Blocks;
use super::commands::{Opener, opener};
use super::headings::Heading;
use super::model::{Actor, Block, Elsewhere, Role};
use super::outline::{Node, NodeKind};
use super::pattern::pattern;
use super::syntax::read_shell;
use super::words;

/// Characters of a place that is named by the command that leads there.
const LONGEST: usize = 60;

/// A session that is open.
#[derive(Clone)]
struct Open {
    there: Elsewhere,
    /// A heading of this level or above ends it.
    until: u8,
}

/// Says of each block whether it belongs to another machine.
pub(super) fn settle(nodes: &[Node], headings: &[Heading], blocks: &mut Blocks) {
    let mut heading = headings.iter().enumerate().peekable();
    let mut at: Option<usize> = None;
    let mut open: Option<Open> = None;
    // Where the words led before they led back.
    let mut left: Option<Open> = None;
    for (index, node) in nodes.iter().enumerate() {
        while let Some((number, next)) = heading.next_if(|(_, next)| next.node <= index) {
            at = Some(number);
            for session in [&mut open, &mut left] {
                session.take_if(|session| next.level <= session.until);
            }
        }
        let section = at.and_then(|at| headings.get(at));
        match &node.kind {
            NodeKind::Heading { .. } => {
                let level = section.map_or(0, |section| section.level);
                let said = said_in(&node.text, level, level);
                lead(said, node.line, &mut open, &mut left);
            }
            NodeKind::Paragraph | NodeKind::Item { .. } => {
                let before_code = nodes
                    .get(index + 1)
                    .is_some_and(|next| matches!(next.kind, NodeKind::Code(_)));
                let own = section.map_or(0, |section| section.level);
                // Over a file they speak of that, and of its section at most.
                let next = blocks.number_of.get(&(index + 1));
                let next = next.and_then(|number| blocks.blocks.get(number - 1));
                let until = match next.is_some_and(is_of_a_shell) {
                    true => above(section, headings),
                    false => own,
                };
                let said = match before_code {
                    true => said_in(&node.text, until, own),
                    false => None,
                };
                let said = said.or_else(|| said_of_all(&node.text, own));
                lead(said, node.line, &mut open, &mut left);
            }
            NodeKind::Code(code) => {
                let number = blocks.number_of.get(&index).copied();
                let block = number.and_then(|number| blocks.blocks.get_mut(number - 1));
                if let Some(block) = block.filter(|block| is_of_a_shell(block)) {
                    let until = above(section, headings);
                    of_block(block, &code.code, until, &mut open, &mut left);
                }
            }
            NodeKind::Html | NodeKind::Table => {}
        }
    }
}

fn is_of_a_shell(block: &Block) -> bool {
    block.actor == Actor::Shell
        && matches!(
            block.role,
            Role::Run | Role::Fill | Role::Split | Role::Promote | Role::Manual
        )
}

/// The level of the section that holds this one: what is opened in a part of it serves all of it.
fn above(section: Option<&Heading>, headings: &[Heading]) -> u8 {
    let parent = section
        .and_then(|section| section.parent)
        .and_then(|parent| headings.get(parent));
    parent.map_or(0, |parent| parent.level)
}

/// Where words lead.
enum Led {
    Here,
    /// To another machine, as these words say, until a heading of this level or above.
    There(String, u8),
}

/// What is said of a machine in passing, in a longer text, leads nobody.
const SHORT: usize = 160;

/// Words right over a block, or the title of a section, that lead to another machine, or back. `own` is the
/// level of the section that they stand in: what is forbidden holds there.
fn said_in(text: &str, until: u8, own: u8) -> Option<Led> {
    let text = text.trim();
    if text.chars().count() > SHORT {
        return None;
    }
    if let Some(words) = words::said("not-here", text) {
        return Some(Led::There(words, own));
    }
    if words::says("here", text) {
        return Some(Led::Here);
    }
    there_in(text).map(|words| Led::There(words, until))
}

/// A sentence that says it of every step of the section in which it stands.
fn said_of_all(text: &str, own: u8) -> Option<Led> {
    let sentences = text.split_inclusive(['.', '!', '?', '。', '！', '？', '\n']);
    sentences
        .filter(|sentence| words::says("every-command", sentence))
        .find_map(|sentence| said_in(sentence, own, own))
}

fn there_in(text: &str) -> Option<String> {
    words::said("there", text).filter(|place| !words::says("same-machine", place))
}

fn lead(said: Option<Led>, line: usize, open: &mut Option<Open>, left: &mut Option<Open>) {
    match said {
        None => {}
        Some(Led::Here) => *left = open.take().or(left.take()),
        Some(Led::There(words, until)) => {
            let back = left.take().or(open.take());
            *open = Some(back.unwrap_or_else(|| Open {
                there: Elsewhere {
                    place: Elsewhere::UNNAMED.to_owned(),
                    line,
                    why: format!("line {line} says `{words}`"),
                },
                until,
            }));
        }
    }
}

fn of_block(
    block: &mut Block,
    written: &str,
    until: u8,
    open: &mut Option<Open>,
    left: &mut Option<Open>,
) {
    let reached = reached(&block.code);
    if let Some(place) = opened(&block.code) {
        *left = None;
        *open = Some(Open {
            there: Elsewhere {
                why: format!("line {} opens a session on `{place}`", block.line),
                line: block.line,
                place,
            },
            until,
        });
        return;
    }
    // Who copies to that host, or asks it something, is not on it.
    let from_outside = |session: &mut Open| {
        reached
            .iter()
            .any(|host| is_same(host, &session.there.place))
    };
    if open.take_if(from_outside).is_some() || ends_a_session(&block.code) {
        *open = None;
        return;
    }
    // What asks another host from here is not there, wherever only words lead.
    let is_unnamed = |session: &Open| session.there.place == Elsewhere::UNNAMED;
    if open.as_ref().is_some_and(is_unnamed) && asks_others(&block.code) {
        return;
    }
    let comment = first_comment(&block.code);
    let said_here = comment
        .as_deref()
        .is_some_and(|text| words::says("here", text));
    let said_there = comment.as_deref().and_then(there_in).filter(|_| !said_here);
    let there = if said_here {
        None
    } else if let Some(host) = host_of_prompt(written) {
        Some(Elsewhere {
            why: format!("its prompt is that of `{host}`"),
            line: block.code_line,
            place: host,
        })
    } else if let Some(session) = open.as_ref() {
        Some(session.there.clone())
    } else {
        said_there.map(|words| Elsewhere {
            place: Elsewhere::UNNAMED.to_owned(),
            line: block.code_line,
            why: format!("its comment says `{words}`"),
        })
    };
    // A role that its author wrote says that it runs here; what runs nowhere needs no place.
    block.elsewhere = there.filter(|_| !block.annotated && block.role != Role::Manual);
}

/// The place to which a block leads who types it, where nothing in it leads back.
fn opened(code: &str) -> Option<String> {
    let script = read_shell(code);
    let mut commands = script
        .commands()
        .iter()
        .map(|command| script.text(command.span));
    let first = commands.find_map(|text| match opener(text)? {
        Opener::Ssh(command) => Some(host_in(&command).unwrap_or(command)),
        Opener::Container(command) => Some(command),
        Opener::Console(command)
            if pattern!(r"\bssh\b|\brsh\b|\bstart-session\b").is_match(&command) =>
        {
            Some(command)
        }
        _ => None,
    })?;
    let returns = commands.any(|text| matches!(text.trim(), "exit" | "logout"));
    (!returns).then(|| first.chars().take(LONGEST).collect())
}

fn ends_a_session(code: &str) -> bool {
    let mut lines = code
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    matches!(
        (lines.next(), lines.next()),
        (Some("exit" | "logout"), None)
    )
}

/// Hosts that the commands of a block reach by ssh and its kin.
fn reached(code: &str) -> Vec<String> {
    let script = read_shell(code);
    let mut hosts = Vec::new();
    for (_, simple) in script.all_simple_commands() {
        for call in simple.calls() {
            match call.program {
                "ssh" => hosts.extend(call.operands().next().map(str::to_owned)),
                "scp" | "rsync" | "sftp" => hosts.extend(
                    call.operands()
                        .filter_map(|word| word.split_once(':'))
                        .map(|(host, _)| host.to_owned()),
                ),
                _ => {}
            }
        }
    }
    hosts
}

/// Whether all commands of a block are told to other hosts.
fn asks_others(code: &str) -> bool {
    let script = read_shell(code);
    let mut simple = script.all_simple_commands().into_iter();
    let mut any = false;
    let all = simple.all(|(_, simple)| {
        any = true;
        let calls = simple.calls();
        let mut programs = calls.iter().map(|call| call.program);
        programs.any(|program| matches!(program, "ssh" | "scp" | "rsync" | "sftp"))
    });
    any && all
}

fn is_same(one: &str, other: &str) -> bool {
    let host = |text: &str| text.rsplit('@').next().unwrap_or(text).to_lowercase();
    host(one) == host(other)
}

fn host_in(command: &str) -> Option<String> {
    let named = pattern!(r"[^\s@]+@[^\s]+").find(command);
    named
        .map(|found| found.as_str().to_owned())
        .or_else(|| reached(command).pop())
}

/// The host that the prompts of a copied session name, where all of them name the same.
fn host_of_prompt(written: &str) -> Option<String> {
    let prompt = pattern!(r"(?m)^\s*\[?[\w.-]+@([\w.-]+)[:\s][^$#\n]{0,40}\]?[$#]\s");
    let mut hosts = prompt
        .captures_iter(written)
        .map(|found| found[1].to_owned());
    let first = hosts.next()?;
    let is_any = matches!(
        first.to_lowercase().as_str(),
        "localhost"
            | "local"
            | "host"
            | "hostname"
            | "machine"
            | "laptop"
            | "desktop"
            | "pc"
            | "mac"
            | "computer"
            | "workstation"
    );
    (!is_any && hosts.all(|host| host == first)).then_some(first)
}

/// The comment with which a block begins.
fn first_comment(code: &str) -> Option<String> {
    let line = code.lines().map(str::trim).find(|line| !line.is_empty())?;
    let text = line.strip_prefix('#')?.trim();
    (!text.is_empty() && !line.starts_with("#!")).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use crate::runbook::parse;

    /// Where each block belongs.
    fn places(guide: &str) -> Vec<Option<String>> {
        let book = parse("g.md", guide.as_bytes());
        let blocks = book.blocks.into_iter();
        blocks
            .map(|block| block.elsewhere.map(|there| there.place))
            .collect()
    }

    fn there(place: &str) -> Option<String> {
        Some(place.to_owned())
    }

    #[test]
    fn what_follows_an_opened_session_belongs_there_until_its_section_ends() {
        let guide = "# G\n\n## Server\n\n### Connect\n\n```bash\nssh root@db2\n```\n\n### Install\n\n```bash\napt-get install -y nginx\n```\n\n## Release\n\n```bash\ngit push\n```\n";
        assert_eq!(places(guide), [None, there("root@db2"), None]);
    }

    #[test]
    fn a_session_that_a_section_of_its_own_opens_serves_the_guide() {
        let guide = "# G\n\n## 1. Connect\n\n```bash\nssh deploy@web1\n```\n\n## 2. Stop\n\n```bash\nsystemctl stop app\n```\n\n## 3. Upload\n\nOn your local machine:\n\n```bash\nscp app.tar.gz deploy@web1:/srv/\n```\n\nBack on the server:\n\n```bash\nsystemctl start app\n```\n";
        assert_eq!(
            places(guide),
            [None, there("deploy@web1"), None, there("deploy@web1")]
        );
    }

    #[test]
    fn words_a_prompt_and_a_comment_say_where() {
        for (before, code, place) in [
            (
                "On the replica run:",
                "systemctl stop app",
                there("another machine"),
            ),
            ("SSH 登录服务器后执行：", "npm ci", there("another machine")),
            ("Run:", "root@db2:~# systemctl stop app", there("db2")),
            (
                "Run:",
                "# On the server\nsystemctl stop app",
                there("another machine"),
            ),
            ("Run:", "me@localhost:~$ ls", None),
            ("On your laptop run:", "npm ci", None),
            ("Run:", "ssh root@db2 systemctl stop app", None),
            (
                "Run it from either database node:",
                "systemctl stop app",
                there("another machine"),
            ),
            (
                "Build it on a clean host. Never build from a developer laptop.",
                "make image",
                there("another machine"),
            ),
            ("On the same server run:", "npm ci", None),
            ("From either node:", "ssh root@db2 'patronictl list'", None),
        ] {
            let guide = format!("# G\n\n## Restart\n\n{before}\n\n```bash\n{code}\n```\n");
            assert_eq!(places(&guide), [place], "{before} {code}");
        }
    }

    #[test]
    fn a_sentence_about_every_step_leads_all_of_its_section() {
        let guide = "# G\n\n## Procedure\n\nRun every step as the deploy user on the server. It takes an hour.\n\n### 1. Stop\n\n```bash\nsystemctl stop app\n```\n\n### 2. Start\n\n```bash\nsystemctl start app\n```\n\n## Announce\n\n```bash\n./tell-them\n```\n";
        let there = there("another machine");
        assert_eq!(places(guide), [there.clone(), there, None]);
        let passing = guide.replace("Run every step as the deploy user", "The dump stays");
        assert_eq!(places(&passing), [None, None, None]);
    }

    #[test]
    fn words_over_a_file_speak_of_its_section_at_most() {
        let guide = "# G\n\n## 1. Set\n\nOn the server:\n\n```env\nDATA=/mnt\n```\n\n```bash\n./load\n```\n\n## 2. Go\n\n```bash\n./go\n```\n";
        assert_eq!(places(guide), [None, there("another machine"), None]);
    }

    #[test]
    fn what_is_forbidden_here_is_forbidden_in_its_section() {
        let guide = "# G\n\n## 1. Migrate\n\nRun it in a job. Never from a laptop.\n\n```bash\nnpx prisma migrate deploy\n```\n\n## 2. Look\n\n```bash\ncurl https://shop/health\n```\n";
        assert_eq!(places(guide), [there("another machine"), None]);
    }

    #[test]
    fn a_role_that_the_author_wrote_says_that_it_runs_here() {
        let guide = "# G\n\n## Restart\n\n```bash\nssh root@db2\n```\n\n```bash {.run}\nls\n```\n";
        assert_eq!(places(guide), [None, None]);
    }
}
