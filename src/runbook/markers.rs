//! Comments in a block that say it is not one act: options, alternatives, terminals, hosts, systems,
//! numbered parts, what is optional, and what is kept for an emergency.

use super::labels;
use super::pattern::pattern;
use super::words;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Marker {
    /// `Option A: …`
    Option,
    /// `or:` with nothing, or only prose, after it: what follows is the alternative.
    OrNext,
    /// `or: npx tsc`
    OrCommand(String),
    Terminal(String),
    /// On which machine, or inside which container.
    Host(String),
    /// macOS, Ubuntu, Windows.
    System(String),
    /// `Using Docker`, `If using PM2`.
    Using(String),
    /// `Roll back …`: a rollback among other commands, unless all of it is one.
    Rollback,
    /// `If it fails: …`
    Emergency,
    Optional,
    Numbered,
    Plain,
}

/// What a comment (without its marks) says about the structure of its block.
pub(super) fn marker(comment: &str) -> Marker {
    let text = comment.trim().trim_matches(['=', '-', '*', '─', '#', ' ']);
    let lower = text.to_lowercase();
    // What is to be seen is no structure, whatever words it has.
    if labels::label_of(text).is_some_and(|(label, _)| label == labels::Label::Expected) {
        return Marker::Plain;
    }
    if pattern!(r"^(option|method|approach|alternative|variant\w?|choice|scenario|path|plan|route|strategy|case|opción|opção|opzione|möglichkeit|weg|вариант|способ|путь)\s*(#?\d+|[a-h])\b|^(方案|选项|方法|方式)\s*[\dA-Za-z一二三四]")
        .is_match(&lower)
    {
        return Marker::Option;
    }
    let unnumbered = title(text);
    if let Some(found) = pattern!(
        r"(?i)^(?:(?:or|alternatively|alternative|alternative command|oder|alternativ|ou|oppure|in alternativa|o bien|alternativamente|lub|albo|или|либо)\b|或者?|または|あるいは|또는)\s*[:,\-–—]*\s*(.*)$"
    )
    .captures(&unnumbered)
    {
        let rest = found[1].trim();
        if pattern!(r"(?i)^(equivalent|similar|the like|whatever|another|your|any|more|less|later|earlier|higher)\b").is_match(rest) {
            return Marker::Plain;
        }
        return if looks_like_command(rest) {
            Marker::OrCommand(rest.to_owned())
        } else {
            Marker::OrNext
        };
    }
    if pattern!(r"^(?:otherwise|else|sonst|andernfalls|sinon|si no|altrimenti|caso contrário|иначе|否则)\b\W*").is_match(&lower) {
        return Marker::OrNext;
    }
    if pattern!(r"\bterminal\s*#?\d|\b(another|new|second|separate|other|different)\s+(terminal|shell|window|tab|session)s?\b|\bwindow\s*#?\d|\b(tab|session|shell)\s*#?\d").is_match(&lower) {
        return Marker::Terminal(lower);
    }
    let goes_on = pattern!(r"^(if|when|once|after) (no|all|every\w*|successful|that|this|it|the \w+ (is|are|was|were) (ok|good|fine|green|successful|clean))\b.{0,40}(no errors|errors|works?|worked|pass(?:e[sd])?|succeed\w*|success\w*|ok|good|fine|healthy|looks|clean|complete\w*)|^(?:if|when|once) (?:you are |you're )?(?:satisfied|happy|ok|okay|good|correct|everything|(?:the )?(?:results?|counts?|numbers?)) ?[^,]{0,30},? ?(?:then )?(?:commit|continue|proceed|go on)").is_match(&lower);
    if goes_on {
        return if is_numbered(text) {
            Marker::Numbered
        } else {
            Marker::Plain
        };
    }
    if pattern!(r"^(if|in case|when|should)\b.*\b(fails?|failed|failure|wrong|rollback|roll back|issues?|problems?|emergency|errors?)\b|^emergency|^on (failure|error)|emergency rollback|^abort|^fallback")
        .is_match(&lower)
        || is_numbered(text)
            && pattern!(r"^(?:if|in case|falls|wenn|si|se)\b.*\b(?:fail(?:s|ed|ure)?|wrong|corrupt\w*|unhealthy|errors?|fehlschl\w*|schlägt|échoue\w*|falla\w*|falhar|fallisce)\b")
                .is_match(&unnumbered.to_lowercase())
    {
        return Marker::Emergency;
    }
    if words::says("in-trouble", text) {
        return Marker::Emergency;
    }
    if pattern!(r"^(?:to |then )?(?:(?:manual|instant|quick|immediate|full|emergency)(?:ly)? )?(?:perform a |do a )?(roll(ing)?[- ]?back|revert|undo)\b|^(migrate )?down( migration)?$")
        .is_match(&lower)
    {
        return Marker::Rollback;
    }
    if let Some(found) = pattern!(r"^(?:for |on |in )?(macos|mac os|os x|mac|linux|ubuntu|debian|windows|centos|rhel|red hat|fedora|alpine|arch|amazon linux|powershell|wsl)\b[\w\s/,().+-]{0,30}:?$").captures(&lower) {
        return Marker::System(found[1].to_owned());
    }
    // `UFW (Ubuntu)` beside `Firewalld (CentOS)`, `RHEL <8` beside `RHEL 8+`.
    if let Some(found) = pattern!(r"\((?:for |on )?((?:macos|mac os|os x|linux|ubuntu|debian|windows|centos|rhel|red hat|fedora|alpine|arch|amazon linux|wsl)[\w\s/,.+-]{0,20})\)\W*$|^(?:for |on )?((?:macos|ubuntu|debian|centos|rhel|fedora|windows) ?[<>=≤≥]* ?\d[\d.]*\+?)(?: and (?:newer|later|older|earlier|above|below))?:?$").captures(&lower) {
        let name = found.get(1).or(found.get(2)).map_or("", |name| name.as_str());
        return Marker::System(name.trim().to_owned());
    }
    if let Some(found) = pattern!(r"^(?:(?:if|when|se|falls|wenn) (?:(?:you(?:'re| are)?|the [\w]+ is) )?)?(?:using|use|via|with|for|usi|verwendet) (?:an? |the )?([\w./ -]{2,40}?)\s*(?:[,:(].*)?$").captures(&lower) {
        return Marker::Using(found[1].to_owned());
    }
    if pattern!(r"^(inside|within|in) (the )?[\w\s.-]*\b(container|psql|shell|session|pod|vm|instance|console)\b|^(inside|from) psql").is_match(&lower) {
        return Marker::Host(lower);
    }
    if let Some(found) = pattern!(r"^(?:(?:run |execute )?(?:on|from|at) (?:the |your |each |all )?([\w\s.-]{0,30}?(?:server|host|machine|node|primary|replica|standby|master|slave|laptop|workstation|bastion|instance|vm|follower|leader)s?\b[\w\s.-]{0,12})|(local(?:ly)?|local machine|remote(?:ly)?|staging|production|prod|dev|development|test|qa|uat)(?: environment| server| database| db| machine| host)?(?: only| first)?|(?:in|on|for|to) (staging|production|prod|dev|development)(?: environment| server| database| db)?)(?:\s*\([^)]*\))?\s*:?$").captures(&lower) {
        let key = found.get(1).or(found.get(2)).or(found.get(3)).map_or("", |key| key.as_str());
        return Marker::Host(key.trim().to_owned());
    }
    // `On the storage host: …`, `On 10.0.0.4: …`: what is done there.
    if let Some(found) = pattern!(r"^(?:on|at|from) (?:(?:the|your|each|all|both|every) ([\w.-]+(?: [\w.-]+)?)|(\.?\d[\d.]*|[\w-]+\.[\w.-]+))\s*:(?:\s|$)").captures(&lower)
        && !pattern!(r"\b(success|failure|failures|error|errors|first|left|right|other|next|way|whole)\b").is_match(&lower[..found[0].len()])
    {
        let key = found.get(1).or(found.get(2)).map_or("", |key| key.as_str());
        return Marker::Host(key.to_owned());
    }
    if is_optional(&lower) {
        return Marker::Optional;
    }
    if is_numbered(text) {
        return Marker::Numbered;
    }
    Marker::Plain
}

/// Words of a comment that is longer tell more than a condition.
const LONGEST_CONDITION: usize = 80;

fn is_optional(lower: &str) -> bool {
    words::says("optional", lower)
        || words::says("once", lower)
        || lower.chars().count() <= LONGEST_CONDITION && words::says("if", lower)
        || pattern!(r"\bif (needed|necessary|desired|required|applicable|you want|wanted)\b|^only if\b|\(if (any|found|exists?)\)|^if (not|there|any|you|it|counts?|the|this)\b|^if \w+ (is|are|was|were|has|have|needs?|exists?|does)\b|^(?:if|falls|wenn|si|se) [^,:]{2,50}[,:](?:\s|$)").is_match(lower)
}

pub(super) fn is_numbered(text: &str) -> bool {
    pattern!(r"^(?i)(?:(?:step|phase|stage|part)\s*)?\d{1,2}(?:\.\d{1,2})*[a-h]?[.):]\s*\S|^(?:step|phase|stage|part)\s+\d").is_match(text)
}

/// Whether words after "or" are a command rather than prose.
fn looks_like_command(text: &str) -> bool {
    let text = text.trim_matches('`');
    let first = text.split_whitespace().next().unwrap_or_default();
    if first.is_empty() || first.ends_with(':') {
        return false;
    }
    super::commands::is_command(super::shell::program(text))
        && !pattern!(r"^(use|run|via|using|with|if)\b").is_match(text)
}

/// The words of a comment without its number.
pub(super) fn title(comment: &str) -> String {
    pattern!(r"^(?i)(?:(?:step|part)\s*)?\d{1,2}(?:\.\d{1,2})*[a-h]?[.):]\s*")
        .replace(
            comment.trim().trim_matches(['=', '-', '*', '─', '#', ' ']),
            "",
        )
        .trim_end_matches(':')
        .to_owned()
}

/// The name of another terminal or host; `None` for the one in which all else runs.
pub(super) fn session_of(marker: &str) -> Option<String> {
    let name = marker.to_lowercase();
    if name.starts_with("local") {
        return None;
    }
    let numbered = pattern!(r"\b(?:terminal|window|tab|session|shell)\s*#?\s*(\d+)");
    match numbered.captures(&name) {
        Some(found) if &found[1] == "1" => None,
        Some(found) => Some(format!("terminal {}", &found[1])),
        None => Some(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markers() {
        assert_eq!(marker("Option A: Stop one service"), Marker::Option);
        assert_eq!(
            marker("or: npx tsc"),
            Marker::OrCommand("npx tsc".to_owned())
        );
        assert_eq!(
            marker("OR: node dist/index.js &"),
            Marker::OrCommand("node dist/index.js &".to_owned())
        );
        assert_eq!(marker("OR:"), Marker::OrNext);
        assert_eq!(marker("Or equivalent"), Marker::Plain);
        assert_eq!(
            marker("Terminal 2"),
            Marker::Terminal("terminal 2".to_owned())
        );
        assert_eq!(
            marker("On the database server"),
            Marker::Host("database server".to_owned())
        );
        assert_eq!(marker("Staging"), Marker::Host("staging".to_owned()));
        assert_eq!(marker("Emergency rollback if needed"), Marker::Emergency);
        assert_eq!(
            marker("macOS (Homebrew)"),
            Marker::System("macos".to_owned())
        );
        assert_eq!(marker("If using PM2:"), Marker::Using("pm2".to_owned()));
        assert_eq!(
            marker("3. Test restoration (optional but recommended)"),
            Marker::Optional
        );
        assert_eq!(marker("2. Verify backup was created"), Marker::Numbered);
        assert_eq!(marker("Check database connection"), Marker::Plain);
        assert_eq!(marker("Expected: 0 in the new window"), Marker::Plain);
        assert_eq!(title("3. Test it:"), "Test it");
    }

    #[test]
    fn the_first_terminal_is_the_one_of_all_else() {
        for own in ["terminal 1", "local machine", "locally"] {
            assert_eq!(session_of(own), None, "{own}");
        }
        assert_eq!(
            session_of("in terminal 2: the logs").as_deref(),
            Some("terminal 2")
        );
        assert_eq!(
            session_of("database server").as_deref(),
            Some("database server")
        );
    }
}
