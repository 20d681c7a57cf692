//! What the words of a rollback section say: that it only tells when to go back, that one of its parts
//! is taken, what it loses, and under which condition it is the right one.

use crate::runbook::headings::bare_title;
use crate::runbook::pattern::pattern;

/// A section about the decision to go back, or about what comes after it.
pub(super) fn only_tells(title: &str) -> bool {
    // `Rollback if a trigger fires` is one.
    if pattern!(r"(?i)^[\W\d]*(roll(ing)?[- ]?back|revert)\W+(if|once|on|when (the|a|any|it))\b")
        .is_match(title)
    {
        return false;
    }
    pattern!(r"(?i)\bwhen (not )?to\b|\bdecision|\bmatrix\b|\bcriteria\b|\btriggers?\b|\bchecklist\b|^\W*(pre|post)[- ]rollback|^\W*after (the )?rollback|\bdo not\b|entscheidung|décision|quand ")
        .is_match(title)
}

/// A section that says when to go back.
pub(super) fn names_triggers(title: &str) -> bool {
    pattern!(r"(?i)\bwhen to\b|\btriggers?\b|\bcritical issue|\brequir\w*\b|\bdecision criteria\b|\bindicators?\b")
        .is_match(title)
}

/// `If critical issues are found, use this procedure`: the words before the comma, or all of them.
pub(super) fn trigger(text: &str) -> Option<&str> {
    let text = text.trim().trim_matches(['*', '_', ':', ' ']);
    let begins = pattern!(r"(?i)^(if|when|in case|should|wenn|falls|si|en cas|se|если|如果)\b");
    let says = begins.is_match(text) && text.chars().count() <= 200;
    says.then(|| text.split([',', '.', ':']).next().unwrap_or(text).trim())
}

/// A part of a rollback section that is read and not done, where it holds no command.
pub(super) fn only_tells_a_part(title: &str) -> bool {
    only_tells(title)
        || pattern!(
            r"(?i)don't|\bnever\b|critical issue|\brequire(d|ments?|s)?\b|indicator|prerequisite|\bbefore\b|\b(time|duration) (estimate|required)|\bestimate(d|s)?\b|\btime ?line\b|\bcommunicat|\bdocument(ation)?\b|\bwho\b|\b(considerations|limitations|impact|risks?|overview)\b|^[\d.\s]*(?:important )?(?:notes?|remarks?|caveats?|see also|references?|hinweise?|notas?|remarques?|注意|备注)\b"
        )
        .is_match(title)
}

/// It looks at what the rollback has done.
pub(super) fn verifies(title: &str) -> bool {
    pattern!(r"(?i)\bverif|\bvalidat|\bafter (the )?rollback|\bpost[- ]rollback|überprüf|vérif|провер|验证|検証|확인")
        .is_match(title)
}

/// An emergency among rollbacks is one of them.
pub(super) fn is_emergency(title: &str) -> bool {
    pattern!(
        r"(?i)^\W*(emergency|notfall|procédures? d.urgence|emergencia|emergenza|in case of emergency)"
    )
    .is_match(title)
}

/// `Or: restore the dump`, `Alternative: …`.
pub(super) fn is_other_way(title: &str) -> bool {
    pattern!(r"(?i)^(or|alternative(ly)?)\b").is_match(bare_title(title))
}

/// Words before parts that say that one of them is taken.
pub(super) fn offers_one(text: &str) -> bool {
    pattern!(r"(?i)\b(pick|choose|select|use|take) (exactly |only )?(one|either)\b|\b(one|either) of (the|these)\b|\bdepending on\b|\bany one of\b|eine der|l'un(e)? des|una de las|一(个|種|种)")
        .is_match(text)
}

/// The title of a section whose parts exclude each other.
pub(super) fn names_options(title: &str) -> bool {
    pattern!(
        r"(?i)\b(options|methods|approaches|alternatives|strategies|scenarios|variants)\b|方案|选项"
    )
    .is_match(title)
}

/// `Quick rollback`, `Full restore`: the one takes the place of the other.
pub(super) fn is_degree(title: &str) -> bool {
    pattern!(r"(?i)\b(quick|fast|immediate|instant|full|complete|partial|gradual|emergency|graceful|manual|automat\w*|soft|hard|nuclear|(?:non|nicht|non-|not )?-?(?:destructive|destrukti\w*|destructi(?:f|va|vo)))\b")
        .is_match(title)
}

/// The words with which a guide advises against a rollback.
pub(super) fn discouraged(body: &str) -> Option<String> {
    let found = pattern!(r"(?i)\bnot\s+recommended\b|\blast\s+resort\b|\bavoid\s+(?:this|using)\b|\bdiscouraged\b|\bdo\s+not\s+use\b|\bonly\s+as\s+a\s+last\b").find(body)?;
    Some(sentence_around(body, found.start(), found.end()))
}

/// The condition under which a rollback is the right one: `Only use this if the migration succeeded`.
pub(super) fn only_if(body: &str) -> Option<String> {
    let found = pattern!(r"(?i)\bonly\s+(?:\w+\s+){0,6}(?:if|when|where|after|once)\b|\b(?:use|take|choose)\s+(?:\w+\s+){0,3}(?:if|when)\b|\bnur\s+(?:\w+\s+){0,3}(?:wenn|falls)\b|\b(?:uniquement|seulement) si\b|\bs(?:ó|o)lo si\b|\bтолько если\b").find(body)?;
    let sentence = sentence_around(body, found.start(), found.end());
    let discouraged = self::discouraged(&sentence).is_some();
    // What labels it says nothing: `**Note**: …`.
    let label = pattern!(r"^\**[\w ]{1,20}(?:\*\*:|:\*\*|:)\s*").find(&sentence);
    let words = sentence[label.map_or(0, |label| label.end())..].to_owned();
    (!discouraged && !words.is_empty()).then_some(words)
}

/// What a rollback loses, where the text says it.
pub(super) fn loses(body: &str) -> Option<String> {
    let found = pattern!(r"(?i)\bdata\s+(?:loss|written|created|entered|since)|\b(?:will\s+)?lose[sn]?\b|\blost\b|\bdiscards?\b").find(body)?;
    let sentence = sentence_around(body, found.start(), found.end());
    let harmless =
        pattern!(r"(?i)\b(no|without|zero|not|prevent|avoid)\b[^.]*\b(data loss|lose|lost|losing)")
            .is_match(&sentence);
    (!harmless).then_some(sentence)
}

fn sentence_around(text: &str, start: usize, end: usize) -> String {
    let before = text[..start]
        .rfind(". ")
        .map(|at| at + 2)
        .max(text[..start].rfind("\n\n").map(|at| at + 2))
        .unwrap_or_default();
    let after = [
        text[end..].find(". "),
        text[end..].find("\n\n"),
        text[end..].find(".\n"),
    ]
    .into_iter()
    .flatten()
    .min()
    .map_or(text.len(), |at| end + at + 1);
    text[before..after]
        .lines()
        .map(|line| line.trim().trim_start_matches(['#', '-', '>', '*']).trim())
        .filter(|line| !line.is_empty() && !line.starts_with("```"))
        .collect::<Vec<_>>()
        .join(" ")
        .chars()
        .take(300)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_condition_of_a_rollback_is_kept_in_its_words() {
        assert_eq!(
            only_if("```bash\n./old\n```\n\n**Note**: Only use it if the schema is in place.\n")
                .as_deref(),
            Some("Only use it if the schema is in place.")
        );
        assert_eq!(only_if("Only for admins."), None);
        assert_eq!(
            only_if("Only use this as a last resort, if nothing helps."),
            None
        );
    }
}
