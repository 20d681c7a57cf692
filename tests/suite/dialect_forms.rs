//! Attributes in the forms of other runners and site generators: what means the same, means it here.

use gonogo::runbook::Role;

use super::dialect::open;

/// The info string, then the language, the id, whether it runs, and whether it is a watch.
const FORMS: [(&str, &str, &str, bool, bool); 19] = [
    // gonogo
    ("bash {#up .run}", "bash", "up", true, false),
    ("bash #up .watch", "bash", "up", true, true),
    // Runme
    (
        r#"sh {"name":"up","interactive":"false"}"#,
        "sh",
        "up",
        true,
        false,
    ),
    (
        r#"sh { "name": "up", "background": "true" }"#,
        "sh",
        "up",
        true,
        true,
    ),
    (
        r#"sh {"name":"up","background":true}"#,
        "sh",
        "up",
        true,
        true,
    ),
    ("sh { name=up interactive=false }", "sh", "up", true, false),
    (
        "sh {name=up background=false excludeFromRunAll=true}",
        "sh",
        "up",
        true,
        false,
    ),
    ("sh { name=up, background=true }", "sh", "up", true, true),
    ("sh { name=up ignore=true }", "sh", "up", false, false),
    // mdBook
    ("bash,editable", "bash", "block-1", true, false),
    ("bash,ignore", "bash", "block-1", false, false),
    ("bash, no_run", "bash", "block-1", false, false),
    ("rust,ignore", "rust", "block-1", false, false),
    // Pandoc, Quarto, R Markdown
    (
        "{.bash #up .numberLines startFrom=\"10\"}",
        "bash",
        "up",
        true,
        false,
    ),
    ("{#up .bash}", "bash", "up", true, false),
    ("bash {.numberLines}", "bash", "block-1", true, false),
    ("{bash, eval=FALSE}", "bash", "block-1", true, false),
    // Docusaurus, Hugo
    (
        r#"bash title="deploy.sh" {1,3-5}"#,
        "bash",
        "block-1",
        true,
        false,
    ),
    ("bash {hl_lines=[1]}", "bash", "block-1", true, false),
];

#[test]
fn attributes_of_other_tools_mean_the_same_here() {
    for (info, language, id, runs, watch) in FORMS {
        let runbook = open(&format!("# A\n\n## Step 1: a\n\n```{info}\nls\n```\n"));
        let block = &runbook.blocks[0];
        assert_eq!(block.lang.as_deref(), Some(language), "{info}");
        assert_eq!(block.id, id, "{info}");
        assert_eq!(block.role == Role::Run, runs, "{info}: {}", block.why);
        assert_eq!(block.long_running, watch, "{info}");
        assert_eq!(runbook.diagnostics, [], "{info}");
    }
}
