use crate::runbook::parse;

fn outline(text: &str) -> (Vec<String>, Vec<String>) {
    let runbook = parse("guide.md", text.as_bytes());
    (
        runbook
            .phases
            .into_iter()
            .map(|phase| phase.title)
            .collect(),
        runbook
            .rollback
            .into_iter()
            .map(|option| option.title)
            .collect(),
    )
}

fn section(heading: &str) -> String {
    format!("{heading}\n\n```bash\n./go\n```\n\n")
}

#[test]
fn numbers_that_begin_anew_make_their_sections_the_phases() {
    let text: String = [
        "# Shop\n",
        "## Set up\n",
        &section("### 1. Account"),
        &section("### 2. Keys"),
        &section("## Settings"),
        "## Database\n",
        &section("### 1. Tables"),
        &section("### 2. Seeds"),
        "## Daily work\n",
        "### Branches\n",
        &section("#### 1. Make one"),
        &section("#### 2. Merge it"),
    ]
    .concat();
    assert_eq!(outline(&text).0, ["Set up", "Settings", "Database"]);
}

#[test]
fn a_half_step_and_other_languages_are_walked_in_order() {
    let steps: String = [
        "# A\n",
        &section("## Step 1: a"),
        &section("## Step 1.5: b"),
        &section("## Step 2: c"),
    ]
    .concat();
    assert_eq!(outline(&steps).0, ["Step 1: a", "Step 1.5: b", "Step 2: c"]);
    let phases: String = [
        "# Guida\n",
        "## FASE 1: Preparare\n",
        &section("### 1.1 Uno"),
        "## FASE 2: Fare\n",
        &section("### 2.1 Uno"),
        &section("### 2.2 Due"),
        "## Risoluzione dei problemi\n",
        &section("### Non parte"),
    ]
    .concat();
    assert_eq!(outline(&phases).0, ["FASE 1: Preparare", "FASE 2: Fare"]);
}

#[test]
fn what_tells_when_to_go_back_is_no_rollback() {
    let text: String = [
        "# Going back\n",
        "## When to roll back\n\n- Errors\n\n",
        "## Rollback decision matrix\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n",
        "## Rollback\n",
        &section("### Method 1: The last release"),
        &section("### Method 2: The dump"),
        "## Emergency procedures\n",
        &section("### All is down"),
    ]
    .concat();
    let (phases, ways) = outline(&text);
    assert_eq!(ways, ["Method 1: The last release", "Method 2: The dump"]);
    assert!(phases.is_empty(), "{phases:?}");
}

fn phases(parts: &[&str]) -> Vec<String> {
    outline(&parts.concat()).0
}

#[test]
fn numbers_that_go_on_in_the_next_section_are_one_sequence() {
    let guide = [
        "# Major upgrade\n",
        "## Two days before\n",
        &section("### 1. Look"),
        "### 2. Tell the team\n\nPost it.\n\n",
        "## At night\n",
        &section("### 3. Copy"),
        &section("### 4. Switch"),
        "## Rollback\n",
        &section("### 1. Switch back"),
    ];
    assert_eq!(
        phases(&guide),
        ["1. Look", "2. Tell the team", "3. Copy", "4. Switch"]
    );
}

#[test]
fn sections_that_look_whether_all_went_well_are_walked_where_they_stand() {
    for verify in [
        "Verify",
        "Verify the address",
        "Überprüfung",
        "Kiểm tra",
        "检查服务",
    ] {
        let guide = [
            "# Switchover\n",
            &section("## State of the cluster"),
            &section(&format!("## {verify}")),
            &section("## Switch"),
            "## Failure modes\n\n- none\n",
        ];
        assert_eq!(phases(&guide), ["State of the cluster", verify, "Switch"]);
    }
    let watched = [
        "# Release\n",
        &section("## Roll it out"),
        &section("## Post-deployment monitoring (24 hours)"),
    ];
    assert_eq!(phases(&watched), ["Roll it out"]);
}

#[test]
fn steps_under_the_title_that_says_so_stand_before_sections() {
    for title in [
        "Deployment steps",
        "Wdrożenie krok po kroku",
        "Schritt für Schritt",
        "Déploiement étape par étape",
        "Despliegue paso a paso",
    ] {
        let steps = ["Step 1: copy", "Step 2: build"].map(|step| section(&format!("### {step}")));
        let others = [section("### Step 1: key"), section("### Step 2: secret")];
        let guide = [
            "# Own server\n",
            &format!("## {title}\n"),
            &steps.concat(),
            &section("## After a change"),
            "## Automatic\n",
            &others.concat(),
        ];
        assert_eq!(phases(&guide), ["Step 1: copy", "Step 2: build"], "{title}");
    }
}

#[test]
fn one_section_around_all_of_them_is_passed_through() {
    let guide = [
        "# Restore\n",
        "## Doing it\n",
        &section("### Stop it"),
        &section("### Load the dump"),
        "## Glossary\n\nWords.\n",
    ];
    assert_eq!(phases(&guide), ["Stop it", "Load the dump"]);
}

#[test]
fn a_title_with_a_number_is_a_title_and_a_chapter_of_a_phase_is_that_phase() {
    let guide = [
        "# Phase 2: Move the data\n",
        "## 1. Principles\n\nWords.\n\n",
        &section("## 2. Phase 0: Audit"),
        &section("## 3. Phase 1: Copy"),
        "## 4. Risks\n\nWords.\n",
    ];
    assert_eq!(phases(&guide), ["2. Phase 0: Audit", "3. Phase 1: Copy"]);
}

#[test]
fn what_is_looked_up_is_no_phase_in_any_language() {
    for aside in [
        "5. Copy-paste command block",
        "5. Se algo der errado",
        "5. トラブルシューティング",
        "5. 運用コマンド一覧",
        "5. Cấu trúc thư mục",
        "5. Rozwiązywanie problemów",
        "5. Symptoms",
        "5. Deployment failures",
    ] {
        let guide = [
            "# Update\n",
            &section("## 1. Choose"),
            &section("## 2. Install"),
            &section(&format!("## {aside}")),
        ];
        assert_eq!(phases(&guide), ["1. Choose", "2. Install"], "{aside}");
    }
    let act = section("## 3. Confirm that the contacts are there");
    let guide = ["# Update\n", &section("## 1. A"), &section("## 2. B"), &act];
    assert_eq!(phases(&guide).len(), 3, "an act is one whatever it names");
}

#[test]
fn a_guide_for_a_rollback_has_no_way_forward_and_one_for_a_failure_none_back() {
    let back = [
        "# Rollback runbook\n",
        &section("## 1. Manual rollback: the last release"),
        &section("## 2. Database rollback"),
        &section("## 3. Verification after the rollback"),
    ]
    .concat();
    let (walked, ways) = outline(&back);
    assert!(walked.is_empty(), "{walked:?}");
    assert_eq!(
        ways,
        [
            "1. Manual rollback: the last release",
            "2. Database rollback"
        ]
    );
    let failure = [
        "# Runbook: failure of a worker\n",
        "## At once\n",
        &section("### 1. Look"),
        &section("### 2. Read the log"),
        "## Recovery procedures\n",
        &section("### Restart it"),
    ]
    .concat();
    assert!(outline(&failure).1.is_empty());
}

#[test]
fn a_rollback_is_found_in_any_language_and_with_its_condition() {
    for title in [
        "恢复到旧库（如有需要）",
        "切り戻し",
        "Wycofanie zmian",
        "Geri alma",
        "15. Rollback if a trigger fires",
        "되돌리기",
    ] {
        let guide = [
            "# Update\n",
            &section("## 1. Choose"),
            &section("## 2. Install"),
            &format!("## {title}\n\nFollow the other runbook.\n"),
        ];
        assert_eq!(outline(&guide.concat()).1, [title]);
    }
}

#[test]
fn the_reasons_are_told() {
    let text = ["# A\n", &section("## Step 1: a"), &section("## Step 2: b")].concat();
    let why = parse("guide.md", text.as_bytes()).phases_why;
    assert_eq!(
        why,
        "from line 2 on: numbered-steps 8, top 2, several 2, active 4, covers 10"
    );
}
