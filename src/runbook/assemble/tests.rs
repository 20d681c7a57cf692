//! Where the sections of a guide go: nothing of a rollback is lost, every block has one place, waits
//! hold where they stand.

use std::collections::BTreeMap;

use proptest::prelude::*;

use crate::runbook::model::{Block, Place, Role, RollbackOption, Runbook};
use crate::runbook::parse;

fn read(text: &str) -> Runbook {
    parse("guide.md", text.as_bytes())
}

const FORWARD: &str = "# Release\n\n## Step 1: Deploy\n\n```bash\n./deploy.sh\n```\n\n";

fn fence(command: &str) -> String {
    format!("```bash\n{command}\n```\n\n")
}

/// The commands of a rollback, step by step.
fn commands(book: &Runbook, option: &RollbackOption) -> Vec<Vec<String>> {
    let of = |numbers: &[usize]| {
        let blocks = numbers.iter().filter_map(|number| book.block(*number));
        blocks.map(|block| block.code.trim().to_owned()).collect()
    };
    option.steps.iter().map(|step| of(&step.blocks)).collect()
}

fn all_commands(book: &Runbook, option: &RollbackOption) -> Vec<String> {
    commands(book, option).concat()
}

fn titles(book: &Runbook) -> Vec<&str> {
    let options = book.rollback.iter();
    options.map(|option| option.title.as_str()).collect()
}

#[test]
fn a_step_that_names_the_rollback_is_one_of_its_steps() {
    for (section, first, second) in [
        (
            "Rollback",
            "### Step 1: Roll back the service",
            "### Step 2: Restart",
        ),
        (
            "Backout plan",
            "### Step 1: Revert the flag",
            "### Step 2: Restart",
        ),
        (
            "Откат",
            "### Шаг 1: Откат приложения",
            "### Шаг 2: Перезапуск",
        ),
        (
            "ロールバック",
            "### ステップ 1: ロールバック",
            "### ステップ 2: 再起動",
        ),
        ("6. Rollback", "### 6.1 Stop", "### 6.2 Rollback"),
        (
            "Rollback",
            "**Step 1: Rollback of the service**",
            "**Step 2: Restart**",
        ),
        (
            "Rollback",
            "### Stop the workers",
            "### Rollback of the service",
        ),
    ] {
        let text = format!(
            "{FORWARD}## {section}\n\n{first}\n\n{}{second}\n\n{}",
            fence("./one.sh"),
            fence("./two.sh")
        );
        let book = read(&text);
        let [option] = &book.rollback[..] else {
            panic!("{section}: {:?}", titles(&book));
        };
        assert_eq!(
            commands(&book, option),
            [["./one.sh"], ["./two.sh"]],
            "{section}"
        );
    }
}

#[test]
fn procedures_among_sections_that_only_tell_are_the_rollback() {
    let text = format!(
        "{FORWARD}## 8. Rollback\n\n### 8.1 Decision criteria\n\n- Errors above 5 %\n\n### 8.2 Rollback procedures\n\n\
         #### Option A: Flag\n\n{}#### Option B: Old version\n\n{}### 8.3 Verification\n\n{}### 8.4 Time estimate\n\n15 minutes.\n",
        fence("./flag-off.sh"),
        fence("./deploy.sh --old"),
        fence("./smoke.sh"),
    );
    let book = read(&text);
    assert_eq!(titles(&book), ["Option A: Flag", "Option B: Old version"]);
    assert_eq!(
        all_commands(&book, &book.rollback[0]),
        ["./flag-off.sh", "./smoke.sh"],
        "what verifies comes after either"
    );
    assert_eq!(
        all_commands(&book, &book.rollback[1]),
        ["./deploy.sh --old", "./smoke.sh"]
    );
}

#[test]
fn what_stands_before_numbered_options_is_done_first_whichever_is_taken() {
    let text = format!(
        "{FORWARD}## Rollback\n\nFirst stop everything:\n\n```\nsudo systemctl stop shop\n```\n\n### Option 1: Old version\n\n{}### Option 2: Dump\n\n{}",
        fence("./deploy.sh --old"),
        fence("./restore.sh")
    );
    let book = read(&text);
    assert_eq!(titles(&book), ["Option 1: Old version", "Option 2: Dump"]);
    for (option, own) in book
        .rollback
        .iter()
        .zip(["./deploy.sh --old", "./restore.sh"])
    {
        assert_eq!(
            all_commands(&book, option),
            ["sudo systemctl stop shop", own]
        );
    }
}

#[test]
fn bold_labels_are_options_where_they_name_rollbacks() {
    let text = format!(
        "{FORWARD}## Rollback strategy\n\n**Immediate rollback:**\n\n{}**Gradual rollback:**\n\n{}**Expected after rollback:**\n\n- Old version answers\n",
        fence("./all-off.sh"),
        fence("./one-off.sh")
    );
    let book = read(&text);
    assert_eq!(titles(&book), ["Immediate rollback", "Gradual rollback"]);
    assert_eq!(all_commands(&book, &book.rollback[0]), ["./all-off.sh"]);
}

#[test]
fn numbered_parts_are_options_where_the_guide_says_that_one_is_taken() {
    let parts = format!(
        "### 1. By flag\n\n{}### 2. By version\n\n{}",
        fence("./flag-off.sh"),
        fence("./deploy.sh --old")
    );
    let one_by_one = read(&format!("{FORWARD}## Rollback\n\n{parts}"));
    assert_eq!(one_by_one.rollback.len(), 1);
    for said in ["## Rollback options\n\n", "## Rollback\n\nPick one:\n\n"] {
        let book = read(&format!("{FORWARD}{said}{parts}"));
        assert_eq!(titles(&book), ["1. By flag", "2. By version"], "{said}");
    }
}

#[test]
fn a_description_asks_for_nothing() {
    let text = format!(
        "{FORWARD}## Rollback strategy\n\n### Automatic rollback\n\n- Snapshots are taken before each release\n- Keeps all old files\n\n### Emergency procedures\n\n1. Call the API\n2. Restart the service\n"
    );
    let book = read(&text);
    assert_eq!(titles(&book), ["Emergency procedures"]);
    let acts: Vec<&str> = book.rollback[0].steps[0]
        .ticks
        .iter()
        .map(|tick| tick.text.as_str())
        .collect();
    assert_eq!(acts, ["Call the API", "Restart the service"]);
}

#[test]
fn what_must_be_true_afterwards_and_when_to_use_it_are_kept() {
    let text = format!(
        "{FORWARD}## Rollback\n\n### Option 1: Code\n\n{}**Expected after rollback:**\n\n- The old version answers\n\n**Note**: Only use it if the schema is in place.\n\n### Option 2: Dump\n\n{}",
        fence("./deploy.sh --old"),
        fence("./restore.sh")
    );
    let book = read(&text);
    let code = &book.rollback[0];
    let expected: Vec<&str> = code
        .steps
        .iter()
        .flat_map(|step| &step.expect)
        .chain(&code.criteria)
        .map(|item| item.text.as_str())
        .collect();
    assert_eq!(expected, ["The old version answers"]);
    assert!(
        code.only_if
            .as_deref()
            .unwrap()
            .contains("schema is in place")
    );
    assert_eq!(book.rollback[1].only_if, None);
}

#[test]
fn blocks_off_the_phases_have_a_place() {
    let text = format!(
        "{FORWARD}## Verify the rollout\n\n```\ncurl -fsS http://localhost:8080/health\n```\n\n## Useful commands\n\n{}## Retire the old version (after 24 hours)\n\n### 1. Stop it\n\n{}",
        fence("ls /srv"),
        fence("systemctl stop v1")
    );
    let book = read(&text);
    let places: BTreeMap<&str, &str> = book
        .blocks
        .iter()
        .zip(book.places())
        .map(|(block, place)| {
            let at = match place {
                Place::Walk(phase, _) => phase.title.as_str(),
                Place::Rollback(option) => option.title.as_str(),
                Place::Beside(section) => section.title.as_str(),
                Place::Nowhere => "nowhere",
            };
            (block.code.trim(), at)
        })
        .collect();
    assert_eq!(
        places["curl -fsS http://localhost:8080/health"],
        "Verify the rollout"
    );
    assert_eq!(places["ls /srv"], "Useful commands");
    assert!(
        book.references
            .iter()
            .any(|section| section.title == "Useful commands")
    );
    assert_eq!(
        places["systemctl stop v1"],
        "Retire the old version (after 24 hours)"
    );
    let retire = book.cleanup.last().unwrap();
    assert_eq!(retire.wait_s, Some(86_400));
}

#[test]
fn methods_under_one_heading_are_a_choice() {
    let methods = |one: &str, two: &str, said: &str| {
        format!(
            "# Flags\n\n## Change a flag\n\n{said}### {one}\n\n{}### {two}\n\n{}## Phase 1: Go\n\n{}",
            fence("./env.sh"),
            fence("./console.sh"),
            fence("./go.sh")
        )
    };
    for text in [
        methods("Method 1: Environment", "Method 2: Console", ""),
        methods("A. Environment", "B. Console", "Pick one:\n\n"),
    ] {
        let book = read(&text);
        let steps = &book.preparation[0].steps;
        let groups: Vec<&str> = steps
            .iter()
            .filter_map(|step| step.choice.as_ref())
            .map(|choice| choice.group.as_str())
            .collect();
        assert_eq!(groups, ["change-a-flag", "change-a-flag"], "{text}");
    }
    let lettered = read(&methods("A. Environment", "B. Console", ""));
    let steps = &lettered.preparation[0].steps;
    assert!(steps.iter().all(|step| step.choice.is_none()));
}

#[test]
fn waits_in_titles_and_sentences_hold_where_they_stand() {
    let text = format!(
        "# Retire\n\n## Phase 1: Deploy\n\n{}Wait 10 minutes for the caches.\n\n{}The index is warm after 5 minutes.\n\n\
         ## Phase 2: Clean up (after 7 days)\n\n{}### After 1 month with no issues\n\n{}",
        fence("./deploy.sh"),
        fence("./warm.sh"),
        fence("./drop.sh"),
        fence("./drop-more.sh")
    );
    let book = read(&text);
    let waits: Vec<(u64, bool)> = book
        .waits
        .iter()
        .map(|wait| (wait.duration_s, wait.holds))
        .collect();
    assert_eq!(
        waits,
        [
            (600, true),
            (300, false),
            (604_800, true),
            (2_592_000, true)
        ]
    );
    assert_eq!(book.phases[1].wait_s, Some(604_800));
    let of_steps: Vec<Vec<u64>> = book
        .walk()
        .flat_map(|phase| &phase.steps)
        .map(|step| step.waits.iter().map(|wait| wait.duration_s).collect())
        .collect();
    assert_eq!(of_steps, [vec![600], vec![], vec![2_592_000]]);
}

#[test]
fn boxes_in_a_shell_fence_are_ticked() {
    let book =
        read("# A\n\n## Step 1: Confirm\n\n```bash\n☐ Reviewed\n☐ Tests pass (12/12)\n```\n");
    assert_eq!(book.blocks[0].role, Role::Manual);
    let boxes: Vec<&str> = book.phases[0].steps[0]
        .ticks
        .iter()
        .map(|tick| tick.text.as_str())
        .collect();
    assert_eq!(boxes, ["Reviewed", "Tests pass (12/12)"]);
}

#[test]
fn a_command_after_an_expectation_that_says_its_value_is_a_command() {
    let book = read(
        "# A\n\n## Phase 1: Look\n\n```sql\nSELECT pg_is_in_recovery();\n```\n\nExpected: `f`\n\n```sql\nSELECT count(*) FROM pg_stat_activity;\n```\n\n\
         Expected output:\n\n```\n count\n-------\n     3\n```\n",
    );
    let roles: Vec<Role> = book.blocks.iter().map(|block| block.role).collect();
    assert_eq!(roles, [Role::Run, Role::Run, Role::Output]);
}

fn is_command(block: &Block) -> bool {
    !matches!(block.role, Role::Output | Role::Content)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    /// Whatever the headings say, each command is in exactly one kind of place, and what stands in a
    /// rollback section is in one of its rollbacks or told beside it.
    #[test]
    fn every_block_is_in_exactly_one_place(
        pieces in prop::collection::vec(
            prop::sample::select(vec![
                "# Guide\n\n", "## Step 1: Deploy\n\n", "## Step 2: Move\n\n", "### Step 1: Roll back\n\n",
                "### Step 2: Restart\n\n", "## Rollback\n\n", "## 8. Rollback\n\n", "### 8.1 Decision criteria\n\n",
                "### 8.2 Rollback procedures\n\n", "### Option 1: Old\n\n", "#### Option B: New\n\n", "### Verify\n\n",
                "## Troubleshooting\n\n", "### Issue: it hangs\n\n", "#### Rollback\n\n", "## Prerequisites\n\n",
                "## Monitoring (24 hours)\n\n", "## Cleanup\n\n", "## Overview\n\n", "### Notes\n\n", "## Contacts\n\n",
                "**Step 1: Stop**\n\n", "**Quick rollback:**\n\n", "**Expected:** `f`\n\n", "Or:\n\n", "Some words.\n\n",
                "- [ ] a box\n\n", "1. an act\n\n", "- a remark\n\n", "```bash\nls\n```\n\n", "```sql\nSELECT 1;\n```\n\n",
                "```\ncurl http://localhost\n```\n\n", "```bash\n# only told\n```\n\n", "```json\n{}\n```\n\n",
                "```sql {.loss}\nSELECT 2;\n```\n\n", "```bash\npsql -c 'SELECT <id>'\n```\n\n",
            ]),
            0..30,
        )
    ) {
        let book = read(&pieces.concat());
        let mut seen: BTreeMap<usize, Vec<&str>> = BTreeMap::new();
        let walk = book.walk().flat_map(|phase| &phase.steps);
        for number in walk.flat_map(|step| &step.blocks) {
            seen.entry(*number).or_default().push("walk");
        }
        let mut of_rollbacks: Vec<usize> = book
            .rollback
            .iter()
            .flat_map(|option| {
                let blocks = option.steps.iter().flat_map(|step| step.blocks.iter().copied());
                blocks.chain(option.loss_query)
            })
            .collect();
        of_rollbacks.sort_unstable();
        of_rollbacks.dedup();
        for number in of_rollbacks {
            seen.entry(number).or_default().push("rollback");
        }
        for number in book.references.iter().flat_map(|section| &section.blocks) {
            seen.entry(*number).or_default().push("beside");
        }
        for block in book.blocks.iter().filter(|block| is_command(block)) {
            let places = seen.get(&block.n).map_or(0, Vec::len);
            prop_assert_eq!(places, 1, "{:?} of {:?}", block.code, seen.get(&block.n));
        }
    }
}

#[test]
fn a_list_of_bold_rollbacks_offers_them_and_what_describes_is_no_option() {
    let book = read(
        "# A\n\n## Step 1: Go\n\n```bash\n./go\n```\n\n## Rollback strategy\n\n### Automatic rollback\n\n- Snapshots are taken by themselves\n- Keeps the old files\n- Rollback checks ensure a clean state\n\n### Emergency\n\n1. **API rollback** - `POST /back`\n2. **Manual rollback** - copy the files of the snapshot\n3. **Restart** - restart the app\n",
    );
    let options: Vec<(&str, Vec<&str>)> = book
        .rollback
        .iter()
        .map(|option| {
            let ticks = option.steps.iter().flat_map(|step| &step.ticks);
            (
                option.title.as_str(),
                ticks.map(|tick| tick.text.as_str()).collect(),
            )
        })
        .collect();
    assert_eq!(
        options,
        [
            (
                "API rollback - `POST /back`",
                vec!["API rollback - `POST /back`", "Restart - restart the app"]
            ),
            (
                "Manual rollback - copy the files of the snapshot",
                vec![
                    "Manual rollback - copy the files of the snapshot",
                    "Restart - restart the app"
                ]
            ),
        ]
    );
}

#[test]
fn when_to_go_back_is_kept_in_the_authors_words() {
    let text = format!(
        "{FORWARD}## Rollback plan\n\n**If critical issues are found, use this procedure:**\n\n### Critical issues that require rollback\n\n1. ❌ Orders are lost\n2. ❌ Nobody can log in\n\n### Option 1: Code\n\n{}",
        fence("./deploy.sh --old")
    );
    let book = read(&text);
    assert_eq!(
        book.triggers,
        [
            "If critical issues are found",
            "Orders are lost",
            "Nobody can log in"
        ]
    );
    assert_eq!(titles(&book), ["Option 1: Code"]);
}
