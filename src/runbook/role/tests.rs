use super::*;

pub(super) fn infer_in(lang: &str, label: &str, code: &str) -> Verdict {
    infer(&surrounded(lang, label, code))
}

fn surrounded<'a>(lang: &'a str, label: &'a str, code: &'a str) -> Surroundings<'a> {
    Surroundings {
        lang: (!lang.is_empty()).then_some(lang),
        code,
        label,
        heading: "",
        in_rollback: false,
        is_referred_to: false,
        in_lessons: false,
        classes: &[],
        parts: None,
        number: 1,
        code_line: 10,
    }
}

/// Whether a block of shell is cut apart; what is cut has parts.
pub(super) fn is_split(code: &str) -> bool {
    let verdict = infer_in("bash", "", code);
    assert!(
        verdict.role != Role::Split || !verdict.parts.is_empty(),
        "{code}"
    );
    verdict.role == Role::Split
}

pub(super) fn role(lang: &str, code: &str) -> Role {
    infer_in(lang, "", code).role
}

#[test]
fn complete_commands_run() {
    for (lang, code) in [
        ("bash", "# Build\nnpm ci\nnpm run build"),
        ("bash", "psql \"$DATABASE_URL\" -c 'SELECT 1'"),
        ("sh", "cat > .env <<EOF\nA=1\nEOF"),
        ("sql", "-- counts\nSELECT count(*) FROM t;"),
        ("sql", "BEGIN;\nALTER TABLE t DROP COLUMN c;\nCOMMIT;"),
        ("bash", "tail -f app.log"),
        ("console", "$ git pull\n$ npm ci"),
        ("bash", "vercel --prod  # Or equivalent"),
    ] {
        assert_eq!(role(lang, code), Role::Run, "{code}");
    }
}

#[test]
fn what_is_not_one_act_is_split() {
    for code in [
        "# Option A: one\nsystemctl stop a\n\n# Option B: all\nsystemctl stop a b",
        "npm run build  # or: npx tsc",
        "pm2 status\n# OR:\nps aux | grep node",
        "# Terminal 1\nnpm run dev\n# Terminal 2\nnpm test",
        "# On the primary\npg_ctl stop\n# On the replica\npg_ctl promote",
        "# macOS\nbrew install jq\n# Ubuntu\napt install jq",
        "ssh deploy@web1\ncd /srv\ngit pull",
        "psql \"$URL\"\n\\i a.sql",
        "tail -f a.log\ntail -f b.log",
        "curl -X POST localhost/start\n\n# Emergency rollback if needed\ncurl -X POST localhost/rollback",
        "pg_dump app > a.sql\n\n# 2. Test the restore (optional)\ncreatedb t",
        "$ kubectl get pods\nNAME   READY\napi    1/1",
        "# Start it in the browser\n# 1. Create a company\n# 2. Start the audit\n\n# Look\npsql -c 'SELECT 1'",
    ] {
        let verdict = infer_in("bash", "", code);
        assert_eq!(verdict.role, Role::Split, "{code}");
        assert!(!verdict.parts.is_empty(), "{code}");
    }
}

#[test]
fn blanks_are_to_be_filled() {
    for code in [
        "git checkout <commit>",
        "cd /path/to/app",
        "curl https://api.example.com/health",
    ] {
        assert_eq!(role("bash", code), Role::Fill, "{code}");
    }
    let omitted = infer_in("sql", "", "DROP INDEX a;\n-- ... drop all indexes ...");
    assert_eq!(omitted.role, Role::Fill);
    assert!(omitted.refused.is_some());
}

#[test]
fn files_and_data_are_content() {
    for (lang, label, code) in [
        ("json", "", "{}"),
        ("typescript", "", "const a = 1"),
        ("bash", "", "#!/bin/bash\nls"),
        ("bash", "", "# /etc/app/app.conf\nport=1"),
        ("bash", "", "DB_HOST=a\nDB_PORT=5432"),
        ("bash", "", "0 3 * * * psql -c 'SELECT 1'"),
        ("", "", "https://github.com/a/b/pull/new"),
        (
            "bash",
            "Create the file `deploy.sh`:",
            "npm ci\nnpm run build",
        ),
        ("", "", "server/\n├── a.db\n└── b.db"),
    ] {
        assert_eq!(infer_in(lang, label, code).role, Role::Content, "{code}");
    }
}

#[test]
fn output_is_output() {
    for (lang, label, code) in [
        ("", "**Expected Output**:", "NOTICE: Step 1\n..."),
        ("", "You should see:", "active (running)"),
        ("bash", "Expected output:", "v18.2.0"),
        ("text", "", " count \n-------+--\n 5 | 1\n(1 row)"),
    ] {
        assert_eq!(infer_in(lang, label, code).role, Role::Output, "{code}");
    }
    let query = infer_in("sql", "The following should return 0 rows:", "SELECT 1;");
    assert_eq!(query.role, Role::Run);
}

#[test]
fn persons_and_strangers() {
    assert_eq!(
        role("bash", "# Open the console\n# Press deploy"),
        Role::Manual
    );
    assert_eq!(role("bash", "sudo nano /etc/hosts"), Role::Manual);
    assert_eq!(role("sql", "SHOW PROCESSLIST;"), Role::Foreign);
    assert_eq!(role("powershell", "Get-Service"), Role::Foreign);
    assert_eq!(role("", "kubectl get pods"), Role::Promote);
    assert_eq!(role("", "SELECT 1;"), Role::Promote);
    assert_eq!(role("", "Production: https://x"), Role::Content);
}

#[test]
fn shell_inside_sql_is_refused() {
    let verdict = infer_in(
        "bash",
        "",
        "psql -d app -c \"\nTRUNCATE t;\ncurl -X POST localhost/x\n\"",
    );
    assert!(verdict.refused.is_some_and(|why| why.contains("curl")));
}

#[test]
fn a_psql_opener_takes_the_rest_as_its_script() {
    let verdict = infer_in(
        "bash",
        "",
        "# Connect\npsql \"$URL\"\n\n# Apply\n\\i a.sql\nSELECT count(*) FROM t;\n-- Should return 0\n",
    );
    assert_eq!(verdict.parts.len(), 1);
    let code = &verdict.parts[0].code;
    assert!(
        code.starts_with("psql -X -v ON_ERROR_STOP=1 \"$URL\" <<'GONOGO'\n-- Apply\n\\i a.sql"),
        "{code}"
    );
}

#[test]
fn shapes_of_other_teams_guides() {
    for code in [
        "# Were changes applied?\nSELECT version FROM versions WHERE name = 'x';\n\n# Restore\npg_restore -d app --clean x.dump\n\nSELECT count(*)\nFROM t;",
        "# For partial restore, stop only some\ndocker-compose stop web\n\n# For full restore, stop everything\ndocker-compose down",
        "# 1. Stop\nlvm restore /dev/backup/x\n\n# 2. Or use filesystem snapshots\nbtrfs subvolume snapshot a b",
        "md5sum -c SUMS\n\n# If the checksum fails:\necho broken\nexit 1",
        "# 1. Stop\nkubectl scale deployment api --replicas=0\n\n# 2. Restore the database if needed\n# See below\n\n# 3. Wait\nkubectl rollout status deployment/api",
        "# 4. Download the backup\n# Option A: Drive\nrclone copy a .\n\n# Option B: S3\naws s3 cp b .",
        "watch -n 1 'ls'\nwatch -n 2 'docker ps'",
        "# Deploy the newest version\n./deploy.sh\n\n# Deploy a specific version\n./deploy.sh v1",
    ] {
        let verdict = infer_in("bash", "", code);
        assert_eq!(verdict.role, Role::Split, "{code}");
        assert!(verdict.parts.len() > 1, "{code}: {:#?}", verdict.parts);
    }
    for code in [
        "SELECT count(*) FROM a;\n\n# Conflicts\nSELECT count(*) AS n\nFROM b\nWHERE c = FALSE;",
        "docker-compose exec db psql -U app app << EOF\nSELECT 1;\nEOF",
        "for s in a b; do\n  kubectl delete pod $s\ndone",
        "psql -d app -c \"\nSELECT 1;\n\"\npg_dump app > x.sql",
        "if [ -f x ]; then\n  ./deploy.sh\nfi",
    ] {
        assert_eq!(role("bash", code), Role::Run, "{code}");
    }
    assert_eq!(
        infer_in("bash", "", "SELECT 1;\n# x\nSELECT 2;").actor,
        Actor::Sql
    );
}

#[test]
fn in_a_section_about_going_back_every_command_goes_back() {
    let code = "./shop stop\n\n# Rollback to the one before\n./migrate down";
    assert_eq!(role("bash", code), Role::Split);
    let verdict = infer(&Surroundings {
        in_rollback: true,
        ..surrounded("bash", "", code)
    });
    assert_eq!(verdict.role, Role::Run);
    assert_eq!(
        role(
            "bash",
            "# Edit deploy.sh\nUSER=\"me\"   # who\nHOST=web   # where"
        ),
        Role::Content
    );
    assert_eq!(role("bash", "ls\n# If all pass, go on\npwd"), Role::Run);
}

#[test]
fn each_rule_fires_on_its_example_and_spares_the_other() {
    let decided = |sample: &rules::Sample, rule: &str| {
        let Verdict { rule: found, .. } = infer(&Surroundings {
            in_lessons: rule == "lesson",
            ..surrounded(sample.language, sample.label, sample.code)
        });
        found
    };
    let wrong: Vec<_> = rules::RULES
        .iter()
        .map(|rule| {
            (
                rule.id,
                decided(&rule.fires, rule.id),
                decided(&rule.spares, rule.id),
            )
        })
        .filter(|(rule, fires, spares)| fires != rule || spares == rule)
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}
