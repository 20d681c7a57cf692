//! Kinds of guides that were once misread, each as a small guide of our own: what the reader makes of the
//! whole.

use super::{Block, Role, Runbook, parse};

fn open(text: &str) -> Runbook {
    parse("guide.md", text.as_bytes())
}

/// The block that begins with some words.
fn block<'a>(runbook: &'a Runbook, begin: &str) -> &'a Block {
    let found = runbook
        .blocks
        .iter()
        .find(|block| block.code.trim_start().starts_with(begin));
    found.unwrap_or_else(|| panic!("no block begins with {begin}"))
}

#[test]
fn what_is_set_for_later_blocks_is_typed_and_a_file_of_settings_is_not() {
    let runbook = open(
        "# Ship\n\n## Step 1: Set\n\n```bash\nZONE=\"eu-1\"\nOWNER=\"your-team\"\n```\n\n## Step 2: Make\n\n```bash\ncloud make shop --zone \"$ZONE\"\n```\n\n## Step 3: File\n\n```bash\nSHOP_COLOR=red\n```\n",
    );
    assert_eq!(block(&runbook, "ZONE").role, Role::Fill);
    assert!(block(&runbook, "cloud").needs.is_empty());
    assert_eq!(block(&runbook, "SHOP_COLOR").role, Role::Content);
}

#[test]
fn one_block_that_says_it_is_for_another_database_speaks_for_the_others() {
    let text = "# Flags\n\n## On\n\n```sql\n-- In SQLite:\nUPDATE shop SET open = 1 WHERE id = 1;\n```\n\n## Off\n\n```sql\nUPDATE shop SET open = 0 WHERE id = 1;\n```\n";
    let roles =
        |text: &str| -> Vec<Role> { open(text).blocks.iter().map(|one| one.role).collect() };
    assert_eq!(roles(text), [Role::Foreign, Role::Foreign]);
    // Beside psql it speaks for itself only.
    let both = format!("{text}\n## Count\n\n```bash\npsql shop -c 'SELECT 1'\n```\n");
    assert_eq!(roles(&both), [Role::Foreign, Role::Run, Role::Run]);
    assert_eq!(
        roles("# A\n\n```sql\nCREATE USER 'shop'@'localhost' IDENTIFIED BY 'your_word';\n```\n"),
        [Role::Foreign]
    );
}

/// The parts of the only block of a guide: the first line that is no comment, and what becomes of it.
fn parts(code: &str, heading: &str) -> Vec<(String, &'static str)> {
    let runbook = open(&format!("# T\n\n## {heading}\n\n```bash\n{code}\n```\n"));
    let part = |part: &super::Part| {
        let mut lines = part.code.lines();
        let first = lines.find(|line| !line.trim_start().starts_with('#'));
        let kind = match part.role {
            Role::Manual => "by hand",
            _ if part.choice.is_some() => "choice",
            _ if part.optional => "off",
            Role::Fill => "fill",
            _ => "on",
        };
        (first.unwrap_or(&part.code).to_owned(), kind)
    };
    runbook.blocks[0].parts.iter().map(part).collect()
}

fn expect_parts(code: &str, heading: &str, expected: &[(&str, &str)]) {
    let found = parts(code, heading);
    let found: Vec<(&str, &str)> = found.iter().map(|(code, kind)| (&**code, *kind)).collect();
    assert_eq!(found, expected, "{code}");
}

#[test]
fn an_act_waits_for_what_the_look_before_it_shows() {
    expect_parts(
        "tool releases list\ntool rollback <release>",
        "Step 1",
        &[
            ("tool releases list", "on"),
            ("tool rollback <release>", "fill"),
        ],
    );
    expect_parts(
        "gh pr create --fill\ngh pr merge <N>",
        "Step 1",
        &[("gh pr create --fill", "on"), ("gh pr merge <N>", "fill")],
    );
    // What an earlier command was told already, needs no look.
    expect_parts("cd <folder>\ngit log\nls <folder>", "Step 1", &[]);
    expect_parts(
        "echo a | cloud secrets create B\ncloud secrets create <name>",
        "Step 1",
        &[],
    );
}

#[test]
fn a_look_that_is_judged_and_a_cause_that_is_found_stand_before_the_act() {
    expect_parts(
        "# Make it\ntool make\n\n# Review the SQL\ncat a.sql\n\n# Apply it\ntool apply",
        "Step 1",
        &[("tool make", "on"), ("tool apply", "on")],
    );
    let code = "# Is it there?\ndocker logs shop\n\n# Start it anew\ndocker restart shop";
    for heading in ["Step 1", "Troubleshooting", "Passo 1"] {
        expect_parts(
            code,
            heading,
            &[("docker logs shop", "on"), ("docker restart shop", "on")],
        );
    }
}

#[test]
fn a_person_stops_where_the_commands_say_so_in_any_language() {
    for code in [
        // What is shown decides on what follows.
        "docker ps\ndocker rm -f old",
        "kubectl get svc shop\nexport LIVE=blue\nkubectl apply -f next.yaml",
        "psql shop -c 'SELECT a FROM b'\npsql shop -c 'UPDATE b SET a = 1'",
        "./shop go\n\n# Zkontrolovat\ncat out.sql\n\n# Použít\n./shop use",
        // A rehearsal is read before it is done.
        "cd infra\nterraform plan -var-file=a\nterraform apply -auto-approve -var-file=a",
        "./go now\nship --dry-run --to a\nship --to a",
        // It asks.
        "./shop up\npython manage.py createsuperuser\n./shop seed",
        // Its number is only known then.
        "eas build --no-wait\neas build:view <BUILD_ID>",
        "pg_dumpall -s > all.sql\npsql -U postgres < all.sql",
        "./shop drain\n\n# Nyní je vše prázdné.\n\n# Restart\n./shop restart",
    ] {
        let found = parts(code, "Krok 1");
        assert!(found.len() > 1, "{code}: {found:?}");
    }
    for code in [
        "docker compose up -d\ndocker compose ps",
        "npm ci\nnpm test\nnpm run build",
        "cd shop\nexport PORT=80\n./shop up",
        "docker compose config --quiet\ndocker compose up -d",
        "pg_isready\n./migrate up",
        "df -h\npg_dump shop > shop.sql",
        "kubectl get pods\nkubectl get pods <pod>",
        "./shop drain\n\n# Nyní je vše prázdné.\n# Restart\n./shop restart",
    ] {
        expect_parts(code, "Krok 1", &[]);
    }
}

#[test]
fn what_is_optional_stays_so_behind_a_stop() {
    let code = "./go\n\n# Optional: look, then tidy\ndocker ps\ndocker rm -f old";
    expect_parts(
        code,
        "Step 1",
        &[
            ("./go", "on"),
            ("docker ps", "off"),
            ("docker rm -f old", "off"),
        ],
    );
}

#[test]
fn what_is_for_an_emergency_is_off_and_what_undoes_the_act_before_it_is_a_choice() {
    expect_parts(
        "# Cancel it\ncurl -X POST http://a/cancel\n\n# In the database (emergency only)\nshop force-cancel",
        "Step 1",
        &[
            ("curl -X POST http://a/cancel", "on"),
            ("shop force-cancel", "off"),
        ],
    );
    expect_parts(
        "# Go\nmigrate -path m up\n\n# Take back the last\nmigrate -path m down 1",
        "Step 1",
        &[
            ("migrate -path m up", "choice"),
            ("migrate -path m down 1", "choice"),
        ],
    );
    expect_parts(
        "# Start\ndocker compose up -d\n\n# Stop\ndocker compose down",
        "Step 1",
        &[],
    );
    expect_parts(
        "# Live\nship --prod\n\n# For a look\nship",
        "Step 1",
        &[("ship --prod", "choice"), ("ship", "choice")],
    );
}

#[test]
fn what_is_typed_into_a_shell_elsewhere_is_cut_as_it_would_be_here() {
    let found = parts(
        "# There\nssh deploy@web1\n# Only stop\n./shop stop\n\n# Or with its data\n./shop stop --data",
        "Step 1",
    );
    let kinds: Vec<&str> = found.iter().map(|(_, kind)| *kind).collect();
    assert_eq!(kinds, ["choice", "choice"], "{found:?}");
    let opened = |(code, _): &(String, &str)| code.starts_with("ssh deploy@web1 bash -se <<");
    assert!(found.iter().all(opened), "{found:?}");
}

#[test]
fn a_comment_of_sql_among_shell_commands_is_no_command() {
    let runbook = open(
        "# T\n\n## Step 1\n\n```sql\n-- Keep it\npg_dump -Fc -f old.dump shop\n-- Only then:\nDROP SCHEMA old CASCADE;\n```\n",
    );
    let block = &runbook.blocks[0];
    let codes: Vec<&str> = block.parts.iter().map(|part| part.code.as_str()).collect();
    assert_eq!(
        codes,
        [
            "# Keep it\npg_dump -Fc -f old.dump shop\n# Only then:",
            "DROP SCHEMA old CASCADE;"
        ]
    );
    assert_eq!(block.destructive, ["DROP SCHEMA"]);
}

#[test]
fn calls_of_another_language_and_ways_through_menus_are_no_commands() {
    for (code, role) in [
        ("tools__deploy(\n  name: \"shop\",\n)", Role::Content),
        ("manager.bat → the version before", Role::Manual),
        ("echo 'a → b'", Role::Run),
    ] {
        let runbook = open(&format!("# T\n\n## Step 1\n\n```bash\n{code}\n```\n"));
        assert_eq!(runbook.blocks[0].role, role, "{code}");
    }
}

#[test]
fn settings_are_edited_between_the_copy_and_the_start() {
    for code in [
        "cp env.example .env   # 编辑密码\n./start",
        "cp env.example .env\n# Отредактируйте .env\n\n# Запуск\n./start",
        "cp env.example .env\n# .envを編集\n\n# 起動\n./start",
    ] {
        let kinds: Vec<&str> = parts(code, "Step 1")
            .iter()
            .map(|(_, kind)| *kind)
            .collect();
        assert_eq!(kinds, ["on", "by hand", "on"], "{code}");
    }
}

#[test]
fn what_is_conditional_in_any_language_is_off() {
    for code in [
        "./a\n\n# (최초 1회)\n./b\n\n# 그다음\n./c",
        "./a\n./b   # при изменении схемы\n./c",
        "./a\n\n# 如果出现问题，恢复配置\n./b\n\n# 重启\n./c",
    ] {
        let kinds: Vec<&str> = parts(code, "Step 1")
            .iter()
            .map(|(_, kind)| *kind)
            .collect();
        assert_eq!(kinds, ["on", "off", "on"], "{code}");
    }
    // The condition over all of it, and a value that others need.
    expect_parts("# Если код уже есть\n./a\n./b", "Step 1", &[]);
    expect_parts("export A=1  # opcional\n./a", "Step 1", &[]);
}

#[test]
fn letters_after_one_number_and_targets_of_one_stem_are_a_choice() {
    expect_parts(
        "# 1. Try\n./try\n\n# 2a. KEEP: for good\n./keep\n\n# 2b. DROP: not at all\n./drop",
        "Step 1",
        &[("./try", "on"), ("./keep", "choice"), ("./drop", "choice")],
    );
    expect_parts(
        "make up  # the core\nmake up-all  # everything",
        "Step 1",
        &[
            ("make up  # the core", "choice"),
            ("make up-all  # everything", "choice"),
        ],
    );
}

#[test]
fn a_server_behind_a_folder_or_a_wrapper_ends_its_part() {
    let code = "# 1. Back\ncd back && mvn spring-boot:run\n\n# 2. Front\ncd front && npm ci && npm run dev";
    let runbook = open(&format!("# T\n\n## Step 1\n\n```bash\n{code}\n```\n"));
    let ends: Vec<bool> = runbook.blocks[0]
        .parts
        .iter()
        .map(|part| part.long_running)
        .collect();
    assert_eq!(ends, [true, true]);
}

#[test]
fn ways_by_labels_and_by_headings_are_one_choice() {
    let choices = |text: &str| -> Vec<Option<String>> {
        let runbook = open(text);
        let blocks = runbook.blocks.iter();
        blocks
            .map(|block| block.choice.as_ref().map(|choice| choice.group.clone()))
            .collect()
    };
    let labels = "# T\n\n## Step 1\n\nUbuntu / Debian：\n\n```bash\napt-get install -y a\n```\n\nCentOS：\n\n```bash\nyum install -y a\n```\n\nThen start it:\n\n```bash\n./start\n```\n";
    assert_eq!(
        choices(labels),
        [Some("block-1".to_owned()), Some("block-1".to_owned()), None]
    );
    let headings = "# T\n\n## Migration (scripted)\n\n```bash\n./migrate\n```\n\n## Migration (manual)\n\n```bash\n./dump\n```\n\n```bash\n./load\n```\n";
    let found = choices(headings);
    assert!(found[0].is_some() && found.iter().all(|one| *one == found[0]));
    let steps = open(headings);
    assert!(
        steps
            .phases
            .iter()
            .all(|phase| phase.steps[0].choice.is_some())
    );
}

#[test]
fn what_shows_how_to_write_and_what_goes_into_a_form_is_no_command() {
    let roles =
        |text: &str| -> Vec<Role> { open(text).blocks.iter().map(|one| one.role).collect() };
    let lesson = "# T\n\n## Kinds of change: types\n\n**Adding a column:**\n\n```sql\nALTER TABLE a ADD COLUMN b int;\n```\n\n## Apply\n\n```sql\nALTER TABLE a ADD COLUMN c int;\n```\n";
    assert_eq!(roles(lesson), [Role::Content, Role::Run]);
    for words in ["- 脚本内容：", "Available commands:"] {
        let text = format!("# T\n\n## Nightly\n\n{words}\n\n```bash\n./save\n```\n");
        assert_eq!(roles(&text), [Role::Content], "{words}");
    }
}

#[test]
fn phases_are_the_steps_of_the_procedure_and_nothing_that_is_looked_up() {
    let phases = |text: &str| -> Vec<String> {
        open(text)
            .phases
            .into_iter()
            .map(|phase| phase.title)
            .collect()
    };
    let act = "\n\n```bash\n./go\n```\n\n";
    // Points that only tell are numbered too.
    let told = format!(
        "# T\n\n## 核心改进\n\n### 1. 快\n\n文字\n\n### 2. 小\n\n文字\n\n## 升级步骤\n\n### 1. 备份{act}### 2. 更新{act}"
    );
    assert_eq!(phases(&told), ["1. 备份", "2. 更新"]);
    let another = format!(
        "# T\n\n## Apply the changes{act}## Write a new change\n\n### 1. Name{act}### 2. Fill{act}"
    );
    assert_eq!(phases(&another)[0], "Apply the changes");
    let looked_up = format!(
        "# T\n\n## 1. Vorher{act}## 2. Nachher{act}## 3. Haeufige Probleme{act}## 4. References{act}"
    );
    assert_eq!(phases(&looked_up), ["1. Vorher", "2. Nachher"]);
    let after = format!("# T\n\n## Apply{act}## Rollback{act}## Version table{act}");
    assert_eq!(phases(&after), ["Apply"]);
    let chinese = format!("# T\n\n## 九、安装{act}## 十、配置\n\n文字\n\n## 十一、启动{act}");
    assert_eq!(phases(&chinese).len(), 3);
    let turkish = format!("# T\n\n## Yükle\n\n### ADIM 1: Oluştur{act}### ADIM 2: Yayınla{act}");
    assert_eq!(phases(&turkish).len(), 2);
}

#[test]
fn a_soft_and_a_hard_rollback_are_never_done_one_after_the_other() {
    for [one, other] in [
        [
            "Soft rollback (the last change)",
            "Hard rollback (all of it)",
        ],
        [
            "Downgrade (nicht-destruktive Änderungen)",
            "Snapshot (destruktive Änderungen)",
        ],
    ] {
        let text = format!(
            "# T\n\n## 1. Apply\n\n```bash\n./go\n```\n\n## 2. Rollback\n\n### 2.1 {one}\n\n```bash\n./back\n```\n\n### 2.2 {other}\n\n```bash\n./drop-all\n```\n"
        );
        assert_eq!(open(&text).rollback.len(), 2, "{one}");
    }
}
