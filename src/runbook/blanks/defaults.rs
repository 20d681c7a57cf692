//! `${NAME:-default}` of a shell: a blank that fills itself where nobody gives a value.

use super::shell;
use crate::runbook::pattern::pattern;
use crate::runbook::reserved::is_shell_own;
use crate::runbook::shell::LineKind;

/// A name with the value that its author wrote for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::runbook) struct Defaulted {
    pub name: String,
    /// As it stands in the guide.
    pub text: String,
    pub default: String,
    /// Line in the code, from 0.
    pub line: usize,
}

/// Those whose default is plain text: one that is reckoned by the shell is the shell's business.
pub(in crate::runbook) fn defaulted(code: &str) -> Vec<Defaulted> {
    if !code.contains("${") {
        return Vec::new();
    }
    let mut found = Vec::new();
    for (index, line) in shell::lines(code).iter().enumerate() {
        if matches!(line.kind, LineKind::Comment | LineKind::Blank) {
            continue;
        }
        let written = pattern!(r#"\$\{([A-Za-z_]\w*):?[-=]([^{}$`"'\\]+)\}"#);
        for hit in written.captures_iter(line.text) {
            let start = hit.get(0).map_or(0, |whole| whole.start());
            // Between single quotes it is text.
            let literal = line.text[..start].matches('\'').count() % 2 == 1;
            if !literal && !is_shell_own(&hit[1]) {
                found.push(Defaulted {
                    name: hit[1].to_owned(),
                    text: hit[0].to_owned(),
                    default: hit[2].to_owned(),
                    line: index,
                });
            }
        }
    }
    found
}
