//! The report as a person attaches it: its first page, its forms, and a part of it.

use crate::support::home::Home;

const GUIDE: &str = "---\ngonogo:\n  rehearsal: assume\n---\n# Move it\n\n## Phase 1: Copy\n<!-- gonogo: estimate=5m -->\n\n\
    ```bash {#copy .run}\necho copied\n```\n\n## Phase 2: Switch\n\n```bash {#switch .run}\necho no; exit 3\n```\n\n\
    ## Rollback\n\n### Option 1: Back\n\n```bash {#back .run}\necho back\n```\n";

fn rehearsed() -> (Home, String) {
    let home = Home::new();
    home.write("guide.md", GUIDE);
    home.gonogo(&["rehearse", "guide.md", "--rollback"]);
    let run = home.runs()[0].clone();
    (home, run)
}

#[test]
fn the_first_page_says_how_it_ended_how_long_it_took_and_what_went_wrong() {
    let (home, run) = rehearsed();
    let report = home.gonogo(&["report", &run]).exits(0).out;
    let (first, evidence) = report.split_once("## Phase 1: Copy").unwrap();
    for shown in [
        "**ROLLED BACK**: rolled back by",
        "| phase | entered | took | estimate | decision |",
        "| Phase 1: Copy |",
        "| 5m | go by",
        "## Not as the guide has it\n\nNothing.",
        "## What went wrong",
        "`switch` failed",
        "rollback Option 1: Back",
        "| signed off as | name | date | signature |",
    ] {
        assert!(first.contains(shown), "{shown}\n{first}");
    }
    assert!(evidence.contains("echo copied"), "{evidence}");
}

#[test]
fn a_page_of_html_is_whole_and_says_that_it_runs_nothing() {
    let (home, run) = rehearsed();
    let page = home
        .gonogo(&["report", &run, "--format", "html"])
        .exits(0)
        .out;
    assert!(page.starts_with("<!DOCTYPE html>"), "{page}");
    for shown in [
        "default-src 'none'",
        "<svg ",
        "<h1>Report: Move it</h1>",
        "echo copied",
        "</html>",
    ] {
        assert!(page.contains(shown), "{shown}\n{page}");
    }
    for foreign in ["<script", " src=", " href=", "url(", "@import"] {
        assert!(!page.contains(foreign), "{foreign}\n{page}");
    }
}

#[test]
fn a_part_leaves_out_what_was_over_and_keeps_the_first_page() {
    let (home, run) = rehearsed();
    let part = home
        .gonogo(&["report", &run, "--since", "2099-01-02T03:04Z"])
        .exits(0)
        .out;
    assert!(part.contains("**ROLLED BACK**"), "{part}");
    assert!(part.contains("since 2099-01-02 03:04:00 UTC"), "{part}");
    assert!(!part.contains("### "), "{part}");
    let all = home.gonogo(&["report", &run, "--since", "1h"]).exits(0).out;
    assert!(all.contains("echo copied"), "{all}");
    let wrong = home
        .gonogo(&["report", &run, "--since", "yesterday"])
        .exits(2)
        .err;
    assert!(wrong.contains("how long ago"), "{wrong}");
    let json = ["report", &run, "--since", "1h", "--format", "json"];
    home.gonogo(&json).exits(2);
}
